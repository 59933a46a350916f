"""The client protocol on real servers: three clients keep it, and each mistake breaks the rule that is about it."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from labs import ROOT, Lab
from node import node

CLIENTS = ROOT / "examples/clients"
PYTHON = f"{sys.executable} {CLIENTS}/client.py"
# What is changed in the client for nats-py -> the rules that it breaks then.
MISTAKES = {
    "acknowledges before the work is done": (
        "self.pending[id, seen.sequence.stream] = message",
        "self.pending[id, seen.sequence.stream] = message\n                await message.ack()",
        {"redelivery-pull", "redelivery-push", "ack-pull", "ack-push"},
    ),
    "swallows a failure": (
        'return {"outcome": "fail", "error": "no responders"}',
        "return {}",
        {"publish-no-responders"},
    ),
    "takes a time-out for a success": (
        'write(id=id, outcome="unknown", error=type(error).__name__)',
        'write(id=id, outcome="ok")',
        {"publish-unknown"},
    ),
    "takes a time-out for a failure": (
        'write(id=id, outcome="unknown", error=type(error).__name__)',
        'write(id=id, outcome="fail")',
        {"publish-unknown"},
    ),
    "publishes twice": (
        "            ack = await self.js.publish(",
        "            await self.js.publish(subject, body.encode())\n            ack = await self.js.publish(",
        {"publish-ok"},
    ),
    "says that an acknowledgement was confirmed": (
        "await self.pending.pop((consumer, sequence)).ack_sync(timeout / 1000)",
        "self.pending.pop((consumer, sequence))",
        {"ack-pull", "ack-push"},
    ),
}


# Tried with each mistake, beside the rules that it breaks.
KEPT = {"publish-ok", "consume-pull", "end"}


def faulted(lab: Lab, command: str, code: int, rules: Iterable[str] = ()) -> dict[str, str]:
    """Rules that are not kept -> what the lab says of each."""
    only = [word for rule in rules for word in ("--rule", rule)]
    tested = json.loads(lab.run("client", "test", command, "--json", *only, code=code))["tested"]
    return {each["rule"]: each["sentence"] for each in tested["findings"] if each["validity"] != "valid"}


@pytest.mark.parametrize("language", ["python", "javascript", "bash"])
def test_a_client_keeps_the_protocol(lab: Lab, language: str) -> None:
    commands = {"python": PYTHON, "javascript": f"{node()} {CLIENTS}/client.mjs", "bash": f"bash {CLIENTS}/client.sh"}
    assert faulted(lab, commands[language], code=0) == {}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_breaks_its_rule_and_no_other(lab: Lab, mistake: str, tmp_path: Path) -> None:
    before, after, rules = MISTAKES[mistake]
    text = (CLIENTS / "client.py").read_text(encoding="utf-8")
    assert text.count(before) == 1
    client = tmp_path / "client.py"
    client.write_text(text.replace(before, after), encoding="utf-8")
    found = faulted(lab, f"{sys.executable} {client}", code=3, rules=rules | KEPT)
    assert found.keys() == rules, found


def test_a_client_that_cannot_be_started_or_does_not_speak_is_told_apart(lab: Lab) -> None:
    assert "cannot be started" in lab.fails("client", "test", "/nowhere/client", code=2)
    found = json.loads(lab.run("client", "test", "echo hello", "--json", code=3))["tested"]["findings"]
    assert "`hello` is not JSON" in found[0]["sentence"]
    assert {each["validity"] for each in found[1:]} == {"unknown"}


def test_a_check_finds_what_a_client_does_wrong(lab: Lab, tmp_path: Path) -> None:
    """It takes every failure for a success, and publishes everything twice."""
    client, schedule = tmp_path / "client.py", tmp_path / "schedule.yaml"
    text = (CLIENTS / "client.py").read_text(encoding="utf-8").replace('"outcome": "fail"', '"outcome": "ok"')
    before, after, _ = MISTAKES["publishes twice"]
    client.write_text(text.replace(before, after), encoding="utf-8")
    kill = {"at": "1s", "for": "4s", "kind": "kill", "targets": ["west"]}
    load = {"rate": 60, "processes": 2, "warmup": "3s", "duration": "16s", "settle": "5s"}
    schedule.write_text(json.dumps(load | {"faults": [kill]}))
    wanted = ("check", "--schedule", str(schedule), "--client", f"{sys.executable} {client}", "--json")
    findings = lab.json(*wanted, code=3)["verdict"]["findings"]
    violated = {
        f"{each['property']} {each['place']}": each["sentence"] for each in findings if each["validity"] == "violated"
    }
    assert {f"C3 {place} publisher" for place in ("west", "central", "east", "roaming")} | {
        "C2 west publisher"
    } <= violated.keys()
    # Its consumers are as they should be; what killed servers do to those is true all the same (docs/findings.md).
    assert {each[:2] for each in violated if each.endswith("publisher")} == {"C2", "C3"}, violated
    assert {each[:2] for each in violated} <= {"C2", "C3", "C4", "C5"}, violated
