"""Streams that people bring, on real servers: two accounts, a source across them, and a verdict."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labs import ROOT, Lab

BANK = ROOT / "examples" / "streams" / "bank"
QUIET = {"rate": 80, "processes": 3, "warmup": "3s", "duration": "20s", "settle": "4s"}
PARTITION = {"at": "2s", "for": "6s", "kind": "partition", "groups": ["east"]}


# Messages expire while a check runs, and servers leave marks; what is stored is published again.
USUAL = {"storage": "file", "retention": "limits", "num_replicas": 1, "placement": {"cluster": "central"}}
MARKED = USUAL | {"max_age": 8 * 10**9, "allow_msg_ttl": True, "subject_delete_marker_ttl": 10**9}
ADDED: dict[str, dict[str, Any]] = {
    "marked": MARKED | {"subjects": ["marked.*"], "republish": {"src": ">", "dest": "told.>"}},
    "marks": MARKED | {"sources": [{"name": "marked"}]},
    "told": USUAL | {"subjects": ["told.>"]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bank of the examples, and streams to which servers add something."""
    folder = tmp_path_factory.mktemp("bank") / "streams"
    shutil.copytree(BANK, folder)
    for name, definition in ADDED.items():
        (folder / f"{name}.json").write_text(json.dumps({"name": name} | definition))
    return folder


@pytest.fixture(scope="module")
def bank(folder: Path) -> Iterator[Lab]:
    lab = Lab("test-own-streams")
    lab.run("down")
    lab.run("up", "--streams", str(folder))
    yield lab
    lab.run("down")


def test_the_graph_is_read_from_the_servers(bank: Lab) -> None:
    found = bank.json("streams", "graph")
    brought = [(each["key"], each["region"]) for each in found["streams"] if each["key"] not in ADDED]
    assert brought == [
        ("in@BACK", "central"),
        ("in@FRONT", "west"),
        ("all", "east"),
    ]
    ways = [(edge["upstream"], edge["stream"], edge["account"]) for edge in found["edges"]]
    assert {("in@FRONT", "all", ""), ("in@BACK", "all", "BACK")} <= set(ways)
    assert found["problems"] == []


def test_a_second_up_changes_nothing(bank: Lab, folder: Path) -> None:
    bank.run("up", "--streams", str(folder))
    assert bank.json("streams", "define")["created"] == []
    assert "other definitions" in bank.fails("up", "--streams", str(BANK.parent / "shop"), code=2)


def test_what_needs_the_virtual_stream_says_so(bank: Lab) -> None:
    for command in ("compare", "probe"):
        assert "no virtual stream" in bank.fails(command, code=2)


def test_a_check_follows_messages_over_accounts(bank: Lab, tmp_path: Path) -> None:
    schedule = tmp_path / "schedule.yaml"
    schedule.write_text(json.dumps(QUIET | {"faults": [PARTITION]}))
    verdict = bank.json("check", "--schedule", str(schedule), "--clean")["verdict"]
    added = [each for each in verdict["findings"] if each["place"].partition(" ")[0] in ADDED]
    assert {each["validity"] for each in verdict["findings"] if each not in added} == {"valid"}
    assert [each["sentence"] for each in added if each["validity"] == "violated"] == []
    judged = {(each["property"], each["place"]) for each in verdict["findings"] if each["validity"] == "valid"}
    assert {("P1", "in@FRONT"), ("P1", "in@BACK"), ("P2a", "all"), ("P4", "all"), ("P5c", "all")} <= judged
    assert {("P11", "all durable"), ("P10", "all"), ("L8", "all")} <= judged


def test_streams_that_servers_refuse_leave_nothing_behind(tmp_path: Path) -> None:
    bad = {"name": "s", "subjects": ["s"], "retention": "limits", "storage": "file", "num_replicas": 1, "max_age": -7}
    (tmp_path / "s.json").write_text(json.dumps(bad))
    lab = Lab("test-own-streams-2")
    assert "s cannot be created" in lab.fails("up", "--streams", str(tmp_path))
    assert not any(lab.left_behind().values())
