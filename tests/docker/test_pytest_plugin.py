"""The pytest plugin, as it is used by tests of an application."""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from labs import ROOT, Lab

pytest_plugins = ["pytester"]

LABS = [Lab(name) for name in ("pytest-test-plug", "pytest-test-plug-2", "pytest-test-plug-3")]
DOCKER_CONFIG = os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))  # pytester has another home
SMALL = 'pytestmark = pytest.mark.lab(regions=["north", "south"], nodes_per_region=1, replicas=1)\n'
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs pytest on a file of tests, in a folder whose name the labs have."""
    monkeypatch.setenv("DOCKER_CONFIG", DOCKER_CONFIG)
    folder = pytester.mkdir("test-plug")

    def started(tests: str, *options: str) -> pytest.RunResult:
        (folder / "test_it.py").write_text(f"import pytest\n{tests}")
        return pytester.runpytest_subprocess("--rootdir", str(folder), *options, str(folder))

    yield started
    for lab in LABS:
        if any(lab.left_behind().values()):
            lab.run("down")


def nothing_is_left() -> bool:
    return not any(count for lab in LABS for count in lab.left_behind().values())


def test_the_examples_of_the_page_work(run: Run) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/pytest.md").read_text(encoding="utf-8"), re.M | re.S)
    result = run("\n\n".join(blocks))
    result.assert_outcomes(passed=3)
    assert nothing_is_left()


def test_each_test_has_a_healthy_lab_whatever_the_one_before_did(run: Run) -> None:
    result = run(
        f"""{SMALL}
def test_leaves_a_fault(lab):
    lab.partition("north")
    assert lab.faults()

def test_is_not_bothered(lab):
    assert lab.faults() == ()
    assert {{link.state for link in lab.status().links}} == {{"joined"}}

def test_removes_it(lab):
    lab.down()

def test_gets_another(lab):
    assert lab.publish("north", "foo.test", "hello")

@pytest.mark.parametrize("turn", range(3))
def test_loses_no_time(lab, turn):
    lab.status()
""",
        "--durations=0",
        "--durations-min=0",
    )
    result.assert_outcomes(passed=7)
    setups, calls = (
        [float(seconds) for seconds in re.findall(rf"([\d.]+)s {phase} .*test_loses_no_time", result.stdout.str())]
        for phase in ("setup", "call")
    )
    assert len(setups) == len(calls) == 3
    assert min(setups) < 2 * min(calls) + 0.1  # one look at a healthy lab, however busy the machine is
    assert nothing_is_left()


def test_a_failed_test_tells_what_was_done_to_the_lab(run: Run) -> None:
    result = run(
        f"""{SMALL}
def test_fails(lab):
    with lab.partition("north"):
        lab.stop("south-1")
        assert lab.publish("north", "foo.test", "hello") == []
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*Lab pytest-test-plug: faults*",
            "after *s:",
            "  injected: north-1 is cut from link north-south",
            "  proven: *",
            "  injected: south-1 is down (stopped)",
            "  healed: * north-1 is cut from link north-south",
            "in force now:",
            "  south-1 is down (stopped)",
            "*Lab pytest-test-plug: status*",
            "*south-1 *exited*",
            "*Lab pytest-test-plug: server logs*",
            "south-1 | * Server Exiting*",
        ]
    )


def test_workers_of_xdist_have_labs_of_their_own(run: Run) -> None:
    tests = """
import os, pathlib, time

@pytest.mark.parametrize("turn", range(2))
def test_is_alone(lab, turn, tmp_path_factory):
    meeting = tmp_path_factory.getbasetemp().parent / "labs"
    meeting.mkdir(exist_ok=True)
    (meeting / lab.name).touch()
    with lab.partition("north"):
        while len(os.listdir(meeting)) < 2:
            time.sleep(0.05)
"""
    result = run(SMALL + tests, "-n", "2")
    result.assert_outcomes(passed=2)
    assert nothing_is_left()


def test_a_kept_lab_is_used_again(run: Run) -> None:
    publishes = 'def test_publishes(lab):\n    lab.publish("north", "foo.test", "hello")\n    lab.partition("north")\n'
    run(SMALL + publishes, "--lab-keep").assert_outcomes(passed=1)
    assert LABS[0].left_behind()["containers"] == 2
    assert LABS[0].faults() == set()
    began = time.monotonic()
    reads = 'def test_reads(lab):\n    assert [entry.body for entry in lab.view("north")] == [b"hello"]\n'
    run(SMALL + reads, "--lab-keep").assert_outcomes(passed=1)
    print(f"with a kept lab: {time.monotonic() - began:.1f} s")
    finds_nothing = 'def test_finds_nothing(lab):\n    assert lab.view("north") == []\n'
    run(SMALL + finds_nothing).assert_outcomes(passed=1)  # without the option it is a fresh one
    assert nothing_is_left()
