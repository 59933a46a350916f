"""Streams that people bring, on real servers: two accounts, a source across them, and a verdict."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from labs import ROOT, Lab

BANK = ROOT / "examples" / "streams" / "bank"
QUIET = {"rate": 200, "processes": 3, "warmup": "3s", "duration": "20s", "settle": "4s"}
PARTITION = {"at": "2s", "for": "6s", "kind": "partition", "groups": ["east"]}


@pytest.fixture(scope="module")
def bank() -> Iterator[Lab]:
    lab = Lab("test-own-streams")
    lab.run("down")
    lab.run("up", "--streams", str(BANK))
    yield lab
    lab.run("down")


def test_the_graph_is_read_from_the_servers(bank: Lab) -> None:
    found = bank.json("streams", "graph")
    assert [(each["key"], each["region"]) for each in found["streams"]] == [
        ("in@BACK", "central"),
        ("in@FRONT", "west"),
        ("all", "east"),
    ]
    ways = [(edge["upstream"], edge["stream"], edge["account"]) for edge in found["edges"]]
    assert ways == [("in@FRONT", "all", ""), ("in@BACK", "all", "BACK")]
    assert found["problems"] == []


def test_a_second_up_changes_nothing(bank: Lab) -> None:
    bank.run("up", "--streams", str(BANK))
    assert bank.json("streams", "define")["created"] == []


def test_what_needs_the_virtual_stream_says_so(bank: Lab) -> None:
    for command in ("compare", "probe"):
        assert "no virtual stream" in bank.fails(command, code=2)


def test_a_check_follows_messages_over_accounts(bank: Lab, tmp_path: Path) -> None:
    schedule = tmp_path / "schedule.yaml"
    schedule.write_text(json.dumps(QUIET | {"faults": [PARTITION]}))
    verdict = bank.json("check", "--schedule", str(schedule), "--clean")["verdict"]
    assert verdict["validity"] == "valid"
    judged = {(each["property"], each["place"]) for each in verdict["findings"] if each["validity"] == "valid"}
    assert {("P1", "in@FRONT"), ("P1", "in@BACK"), ("P2a", "all"), ("P4", "all"), ("P5c", "all")} <= judged
    assert {("P11", "all durable"), ("P10", "all"), ("L8", "all")} <= judged


def test_streams_that_servers_refuse_leave_nothing_behind(tmp_path: Path) -> None:
    bad = {"name": "s", "subjects": ["s"], "retention": "limits", "storage": "file", "num_replicas": 1, "max_age": -7}
    (tmp_path / "s.json").write_text(json.dumps(bad))
    lab = Lab("test-own-streams-2")
    assert "s cannot be created" in lab.fails("up", "--streams", str(tmp_path))
    assert not any(lab.left_behind().values())
