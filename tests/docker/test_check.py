"""`lab check` on real servers: valid where nothing is wrong, and red, by the right name, where something is.

`make test` runs most of it, `make nightly` what takes longest.
"""

import asyncio
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from labs import NOWHERE, ROOT, Lab, docker

from lab.jetstream.session import connect
from lab.jetstream.streams import clean, define
from lab.render import stream_configs
from lab.topology import Topology

LAB = Topology(name="test-check")
SHORT = {"rate": 80, "processes": 3, "warmup": "3s", "duration": "14s", "settle": "4s"}
Change = Callable[[dict[str, dict[str, Any]]], None]


@pytest.fixture(scope="module")
def checked() -> Iterator[Lab]:
    lab = Lab(LAB.name)
    lab.run("down")
    lab.run("up")
    yield lab
    lab.run("down")


def redefine(change: Change | None = None) -> None:
    """The lab's streams anew, with what `change` does to their definitions."""
    configs = stream_configs(LAB)
    if change:
        change(configs)

    async def act() -> None:
        async with connect("west", LAB.region_nodes("west")) as session:
            sessions = dict.fromkeys(configs, session)
            await clean(sessions, configs)
            await define(sessions, configs, patience=20)

    asyncio.run(act())


def api(call: str, body: Any = None) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        async with connect("west", LAB.region_nodes("west")) as session:
            return await session.api(call, body)

    return asyncio.run(ask())


def arguments(folder: Path, faults: Sequence[Any], **changes: Any) -> list[str]:
    path = folder / "schedule.yaml"
    path.write_text(json.dumps(SHORT | changes | {"faults": faults}))  # JSON is YAML
    return ["check", "--schedule", str(path), "--seed", "7", "--json"]


def run_folder(document: dict[str, Any]) -> Path:
    return Path(document["folder"])


def violated(document: dict[str, Any]) -> dict[str, set[str]]:
    """Property -> places where it is violated."""
    found: dict[str, set[str]] = {}
    for finding in document["verdict"]["findings"]:
        if finding["validity"] == "violated":
            found.setdefault(finding["property"], set()).add(finding["place"])
    return found


def sentences(document: dict[str, Any], property_: str) -> str:
    return "\n".join(f["sentence"] for f in document["verdict"]["findings"] if f["property"] == property_)


class Running:
    """A check in the background."""

    def __init__(self, lab: Lab, given: list[str]) -> None:
        self.process = subprocess.Popen(
            lab.command(*given), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.said = ""

    def until(self, words: str) -> None:
        """Read what it says until it says this."""
        assert self.process.stderr
        for line in self.process.stderr:
            self.said += line
            if re.search(words, line):
                return
        raise AssertionError(f"it never said `{words}`:\n{self.said}")

    def end(self, code: int) -> dict[str, Any]:
        out, err = self.process.communicate(timeout=180)
        self.said += err
        assert self.process.returncode == code, f"exit {self.process.returncode}\n{out}\n{self.said}"
        assert "Traceback" not in self.said
        document: dict[str, Any] = json.loads(out)
        return document


def test_a_short_run_with_faults_is_valid_and_can_be_judged_and_replayed(
    checked: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redefine()
    faults = [
        {"at": "0.5s", "for": "3s", "kind": "partition", "groups": ["central"]},
        {"at": "5s", "kind": "step-down", "stream": "foo-read-east"},
        {"at": "6s", "kind": "meta-step-down"},
    ]
    junit = tmp_path / "junit.xml"
    first = checked.json(*arguments(tmp_path, faults), "--deep", "--junit", str(junit))
    assert first["verdict"]["validity"] == "valid", first["verdict"]
    assert "<testsuite" in junit.read_text()
    folder = run_folder(first)
    assert first["run"] in {summary["id"] for summary in json.loads(checked.run("runs", "--json"))}
    assert len(list(folder.glob("servers/*/nats.log"))) == 9
    for name in ("report.html", "report.md", "results.json", "schedule.resolved.yaml", "compose.yaml", "repro.txt"):
        assert (folder / name).stat().st_size > 0, name
    digests: dict[str, set[str]] = {}
    for replica in json.loads((folder / "replicas.json").read_text()):
        digests.setdefault(replica["stream"], set()).add(replica["digest"])
    assert len(digests) == 6
    assert all(len(found) == 1 and "" not in found for found in digests.values()), digests
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    judged = json.loads(checked.run("check", "--judge", first["run"], "--json"))
    assert judged["verdict"] == first["verdict"]
    assert (tmp_path / "summary.md").read_text() == (folder / "report.md").read_text()
    assert checked.faults() == set()


def test_a_read_stream_without_one_of_its_sources_is_found(checked: Lab, tmp_path: Path) -> None:
    redefine(lambda configs: configs["foo-read-east"]["sources"].pop(0))
    document = checked.json(*arguments(tmp_path, []), code=3)
    found = violated(document)
    assert found["P2a"] == {"foo-read-east"}
    assert "P6" in found
    assert found.keys() <= {"P2a", "P5c", "P6", "L8"}, found


@pytest.mark.nightly
def test_messages_that_expired_before_they_were_sourced_are_found(checked: Lab, tmp_path: Path) -> None:
    def short(configs: dict[str, dict[str, Any]]) -> None:
        for name, config in configs.items():
            if "write" in name:
                config |= {"max_age": 8 * 10**9, "duplicate_window": 8 * 10**9}

    redefine(short)
    faults = [{"at": "0.5s", "for": "22s", "kind": "partition", "groups": ["central"]}]
    document = checked.json(*arguments(tmp_path, faults, duration="34s", rate=100), code=3)
    assert violated(document)["P2a"] == {"foo-read-west", "foo-read-central", "foo-read-east"}
    assert "expired" in sentences(document, "P2a")
    assert not violated(document).keys() & {"P1", "P2b", "P3", "P4", "P5a", "P5b", "P8", "P9", "P10"}


def limited(configs: dict[str, dict[str, Any]]) -> None:
    for name, config in configs.items():
        if "read" in name:
            config["max_msgs"] = 250


def test_what_read_streams_drop_as_they_are_defined_is_no_loss(checked: Lab, tmp_path: Path) -> None:
    redefine(limited)
    document = checked.json(*arguments(tmp_path, []))
    assert "or were until its max_msgs of 250 dropped them" in sentences(document, "P2a")


def test_what_never_came_is_found_in_a_read_stream_that_drops(checked: Lab, tmp_path: Path) -> None:
    def change(configs: dict[str, dict[str, Any]]) -> None:
        limited(configs)
        configs["foo-read-east"]["sources"].pop(0)

    redefine(change)
    document = checked.json(*arguments(tmp_path, []), code=3)
    assert violated(document)["P2a"] == {"foo-read-east"}


def test_a_purge_during_the_run_is_found(checked: Lab, tmp_path: Path) -> None:
    redefine(lambda configs: configs["foo-read-central"].update(deny_purge=False, deny_delete=False))
    running = Running(checked, arguments(tmp_path, []))
    running.until("publishers")
    time.sleep(6)
    assert api("STREAM.PURGE.foo-read-central")["purged"] > 100
    document = running.end(3)
    found = violated(document)
    assert found["P2a"] == {"foo-read-central"}
    assert found["P7"] == {"central durable", "central ordered"}
    assert "P2b" not in found


@pytest.mark.nightly
def test_the_original_definitions_duplicate_when_a_leader_changes(tmp_path: Path) -> None:
    old = Lab("test-check-old")
    described = tmp_path / "lab.yaml"
    described.write_text(f'{{name: {old.name}, layout: seed, nats: "2.14.6"}}')
    old.run("down")
    try:
        old.run("up", "--file", str(described))
        faults = [{"at": "2s", "kind": "step-down", "stream": "foo-read-east"}]
        document = old.json(*arguments(tmp_path, faults), code=3)
    finally:
        old.run("down")
    found = violated(document)
    assert found["P2b"] == found["P4"] == {"foo-read-east"}
    assert "P2a" not in found
    assert json.loads((run_folder(document) / "run.json").read_text())["nats"] == "2.14.6"


@pytest.mark.nightly
def test_a_stream_of_one_replica_that_lost_its_volume_is_found(checked: Lab, tmp_path: Path) -> None:
    redefine(lambda configs: configs["foo-write-east"].update(num_replicas=1))
    node = api("STREAM.INFO.foo-write-east")["cluster"]["leader"]
    faults = [{"at": "3s", "for": "10s", "kind": "kill", "targets": [node]}]
    running = Running(checked, arguments(tmp_path, faults, duration="30s"))
    running.until("f1: kill")
    container = LAB.container(node)
    deadline = time.monotonic() + 10
    while docker("inspect", "--format", "{{.State.Status}}", container).strip() != "exited":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    docker("rm", container)
    docker("volume", "rm", container)
    assert "num_replicas: is 1, wanted 3" in checked.fails("up")
    document = running.end(3)
    assert violated(document)["P1"] == {"foo-write-east"}


def test_nodes_that_somebody_else_killed_accuse_nobody(checked: Lab, tmp_path: Path) -> None:
    """At the end of the load, so that they are away while everything waits and is read."""
    redefine()
    running = Running(checked, arguments(tmp_path, [{"at": "1s", "for": "2s", "kind": "cut", "link": "central-west"}]))
    running.until("f1: cut")
    running.until("waiting: ")
    docker("kill", LAB.container("west-1"), LAB.container("west-2"))
    document = running.end(4)
    findings = document["verdict"]["findings"]
    first = [finding["sentence"] for finding in findings[:2]]
    assert [re.sub(r"[\d.]+ s", "… s", sentence.partition(",")[0]) for sentence in sorted(first)] == [
        "not by the check: west-1 died at … s (exit code 137)",
        "not by the check: west-2 died at … s (exit code 137)",
    ]
    assert not violated(document)
    assert "west-1 died, not by the check" in (run_folder(document) / "report.md").read_text()
    assert checked.faults() == set()
    checked.run("heal", "--wait", "--hasten")
    assert json.loads(checked.run("compare", "--json"))["verdict"] == "agree"


def test_a_volume_that_somebody_else_removed_is_a_loss_all_the_same(checked: Lab, tmp_path: Path) -> None:
    """Nothing can mend it: the sequences that were acknowledged hold other messages, or none."""
    redefine(lambda configs: configs["foo-write-east"].update(num_replicas=1))
    node = api("STREAM.INFO.foo-write-east")["cluster"]["leader"]
    running = Running(checked, arguments(tmp_path, [], duration="40s"))
    running.until("publishers")
    time.sleep(8)
    docker("rm", "--force", LAB.container(node))
    docker("volume", "rm", LAB.container(node))
    assert "num_replicas: is 1, wanted 3" in checked.fails("up")
    document = running.end(3)
    assert violated(document)["P1"] == {"foo-write-east"}
    assert f"not by the check: {node} died" in sentences(document, "P0")


def test_an_interrupted_check_heals_and_writes_what_it_has(checked: Lab, tmp_path: Path) -> None:
    redefine()
    faults = [{"at": "1s", "for": "20s", "kind": "partition", "groups": ["west"]}]
    running = Running(checked, arguments(tmp_path, faults, duration="40s"))
    running.until("f1: partition")
    time.sleep(2)
    running.process.send_signal(signal.SIGINT)
    running.process.send_signal(signal.SIGTERM)
    document = running.end(130)
    assert document["ended"] == "interrupted"
    assert document["verdict"]["validity"] == "unknown"
    assert checked.faults() == set()
    assert (run_folder(document) / "publishes.bin").stat().st_size > 0


def test_a_check_that_was_killed_leaves_only_faults_that_heal_undoes(checked: Lab, tmp_path: Path) -> None:
    faults = [{"at": "1s", "for": "20s", "kind": "pause", "targets": ["west-1"]}]
    running = Running(checked, arguments(tmp_path, faults, duration="40s"))
    running.until("f1: pause")
    time.sleep(3)
    running.process.kill()
    running.process.communicate()
    assert checked.faults() == {"paused west-1"}
    assert "has 1 fault in force" in checked.fails("check", "--duration", "1m")
    checked.run("heal", "--wait", "--hasten")
    assert checked.faults() == set()


def test_a_full_disk_is_said_and_the_lab_is_healed(checked: Lab, tmp_path: Path) -> None:
    faults = [{"at": "1s", "for": "20s", "kind": "cut", "link": "central-west"}]
    running = Running(checked, arguments(tmp_path, faults, duration="40s"))
    running.until("f1: cut")
    folder = (ROOT / "runs" / "latest").resolve()
    (folder / "publishes.bin").replace(folder / "before.bin")
    (folder / "publishes.bin").symlink_to("/dev/full")
    document = running.end(4)
    assert "cannot be written: No space left on device" in running.said
    assert "No space left on device" in document["ended"]
    assert checked.faults() == set()


def test_a_node_that_does_not_come_back_is_named(checked: Lab, tmp_path: Path) -> None:
    redefine()
    faults = [{"at": "1s", "for": "5s", "kind": "kill", "targets": ["east-1"]}]
    config = ROOT / ".lab" / LAB.name / "configs" / "east-1.conf"
    good = config.read_text()
    running = Running(checked, arguments(tmp_path, faults))
    running.until("f1: kill")
    time.sleep(3)
    config.write_text("jetstream {")
    try:
        document = running.end(4)
    finally:
        config.write_text(good)
    assert "east-1 ended with exit code 1" in document["ended"]
    assert document["verdict"]["validity"] == "unknown"
    assert checked.faults() == {"down east-1"}
    checked.run("heal", "--wait", "--hasten")


def test_impossible_wishes_are_refused_before_anything_happens(checked: Lab, tmp_path: Path) -> None:
    faults = [{"at": "1s", "for": "5s", "kind": "kill", "targets": ["nort-1"]}]
    assert "unknown region or node `nort-1`" in checked.fails(*arguments(tmp_path, faults), code=2)
    assert "leave no time for faults" in checked.fails("check", "--duration", "5s", code=2)
    assert "cannot be used together" in checked.fails("check", "--judge", "latest", "--replay", "latest", code=2)
    assert "there is no run" in checked.fails("check", "--judge", "nothing", code=2)
    assert "is not running" in Lab(NOWHERE).fails("check")
