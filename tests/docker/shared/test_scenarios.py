"""Scenarios as a user plays them, on real servers: what is held, violated, or cannot be told, and the healing."""

import fcntl
import json
import os
import signal
import subprocess
import termios
from pathlib import Path

import pytest
from labs import ROOT, Lab, docker, leaking, wait_for
from scenarios import written


def test_what_is_true_holds_and_leaves_no_consumer_behind(lab: Lab, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "  - publish: {in: west, body: hello, count: 3, as: hello}\n"
        "  - create_consumer: {name: mine, in: west, filter: foo.test, deliver: new}\n"
        "  - publish: {in: east, body: again, as: again}\n"
        "    expect: {visible: {messages: [hello, again], in: [west, central, east], within: 20s}}\n"
        "  - consume: {consumer: mine, in: west, as: got}\n"
        "    expect: {delivered: {consume: got, count: 1, includes: again, redelivered: 0}}\n",
    )
    junit, markdown, summary = tmp_path / "junit.xml", tmp_path / "page.md", tmp_path / "summary.md"
    os.environ["GITHUB_STEP_SUMMARY"] = str(summary)
    try:
        told = lab.json("scenario", "run", file, "--junit", str(junit), "--markdown", str(markdown))
    finally:
        del os.environ["GITHUB_STEP_SUMMARY"]
    assert (told["exit_code"], told["results"][0]["verdict"]) == (0, "held")
    assert [one["judged"] for step in told["results"][0]["steps"] for one in step["judgements"]] == ["held"] * 4
    assert 'tests="4" failures="0" skipped="0"' in junit.read_text()
    assert markdown.read_text() == summary.read_text()
    assert "| some-test | all held | 4 of 4 as expected |" in markdown.read_text()
    names = json.loads(lab.run("scenario", "run", file, "--json"))  # once more: the name `mine` is free again
    assert names["exit_code"] == 0


def test_a_false_expectation_is_violated(lab: Lab, tmp_path: Path) -> None:
    file = written(tmp_path, "  - expect: {fails: {operations: publish, in: west}}\n")
    assert "VIOLATED: publish fails in west" in lab.run("scenario", "run", file, code=3)


def test_a_finding_is_a_violation_that_is_wanted(lab: Lab, tmp_path: Path) -> None:
    steps = "  - expect: [{{{kind}: {{operations: publish, in: west}}, finding: of course}}]\n"
    assert "found: not so: publish fails" in lab.run("scenario", "run", written(tmp_path, steps.format(kind="fails")))
    lab.run("scenario", "run", written(tmp_path, steps.format(kind="works")), code=3)


def test_a_fault_that_was_in_force_already_tells_nothing(lab: Lab, tmp_path: Path) -> None:
    file = written(
        tmp_path, "  - kill: west-1\n  - kill: west-1\n  - expect: {works: {operations: publish, in: west}}\n"
    )
    said = lab.run("scenario", "run", file, code=4)
    assert "nothing changed: that is already in force" in said
    assert lab.faults() == set()


def test_a_leak_across_a_cut_tells_nothing(lab: Lab, tmp_path: Path) -> None:
    file = written(tmp_path, "  - partition: central\n  - expect: {works: {operations: publish, in: central}}\n")
    with leaking(lab):
        said = lab.run("scenario", "run", file, code=4)
    assert "must be cut, but: open" in said
    assert lab.faults() == set()


def test_a_node_that_somebody_else_kills_tells_nothing(lab: Lab, tmp_path: Path) -> None:
    file = written(
        tmp_path, "  - say: x\n  - wait: 6s\n  - expect: {works: {operations: publish, in: east, within: 20s}}\n"
    )
    running = subprocess.Popen(lab.command("scenario", "run", file), stdout=subprocess.PIPE, text=True, cwd=ROOT)
    wait_for(running, "sleep 6")
    docker("kill", f"{lab.name}-east-3")
    said, _ = running.communicate(timeout=300)
    assert running.returncode == 4, said
    assert "not those of the scenario: east-3 is down (killed)" in said
    assert lab.faults() == set()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_scenario_leaves_a_healed_lab(lab: Lab, tmp_path: Path, number: int, code: int) -> None:
    file = written(tmp_path, "  - partition: central\n  - kill: east-1\n  - wait: 300s\n")
    running = subprocess.Popen(
        lab.command("scenario", "run", file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    wait_for(running, "sleep 300")
    assert len(lab.faults()) == 7
    running.send_signal(number)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == code
    assert "Traceback" not in errors
    assert lab.faults() == set()


def test_a_terminal_that_is_closed_leaves_a_healed_lab(lab: Lab, tmp_path: Path) -> None:
    file = written(tmp_path, "  - partition: central\n  - wait: 300s\n")
    ours, terminal = os.openpty()
    running = subprocess.Popen(
        lab.command("scenario", "run", file),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    told = b""
    while b"sleep 300" not in told:
        told += os.read(ours, 1000)
    assert len(lab.faults()) == 6
    os.close(ours)
    assert running.wait(180) == 129  # it heals first, beside all that other tests do
    assert lab.faults() == set()


def test_an_interrupted_scenario_leaves_no_consumer_behind(lab: Lab, tmp_path: Path) -> None:
    file = written(tmp_path, "  - create_consumer: {name: mine, in: west}\n  - wait: 300s\n")
    running = subprocess.Popen(
        lab.command("scenario", "run", file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    wait_for(running, "sleep 300")
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    other = "  - create_consumer: {name: mine, in: west, deliver: new}\n    expect: {healthy: 20s}\n"
    lab.run("scenario", "run", written(tmp_path, other))  # the server refuses to change the policy of one that exists


def test_a_scenario_does_not_begin_on_a_lab_with_faults(lab: Lab, tmp_path: Path) -> None:
    lab.run("kill", "west-2")
    file = written(tmp_path, "  - expect: {works: {operations: publish, in: west}}\n")
    assert "1 fault in force already" in lab.run("scenario", "run", file, code=4)
    assert lab.faults() == {"down west-2"}


def test_learn_and_demo_tell_the_story(lab: Lab) -> None:
    story = lab.run("learn", "hello-world")
    assert "Publish a message in west." in story
    assert "$ lab pub west foo.test 'Hello world from the west region'" in story
    assert "hello-world: all held" in story
    assert "hello-world: all held" in lab.run("demo", "hello-world", "--pace", "0")


def test_explain_predicts_and_measures(lab: Lab) -> None:
    lab.run("heal", "--wait", "--hasten")
    told = lab.json("partition", "central", "--explain")
    assert told["differences"] == []
    assert {
        c["operation"] for c in told["measured"]["cells"] if c["region"] == "central" and c["state"] == "fails"
    } == {
        "get",
        "new-consumer",
        "new-stream",
        "meta-leader",
    }
