"""Faults that end by themselves: what a timer undoes, and when it is no longer its to undo."""

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab import lock
from lab.api import Lab
from lab.errors import UsageError
from lab.faults import timers
from lab.faults.cut import Cut
from lab.faults.down import Down
from lab.faults.plan import Change
from lab.faults.step_down import StepDown
from lab.faults.timekeeper import only
from lab.topology import Topology

LAB = Topology().name
CUT, DOWN = Cut("east-1", "east-west"), Down("west-1")
BOTH = Change(healed=(), injected=(CUT, DOWN), in_force=(CUT, DOWN), evidence=None)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Locks and timers of this test alone; none of them waits longer than the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    timers.end_all(LAB)


def test_a_timer_says_when_and_lives_as_long_as_its_process() -> None:
    timers.start(LAB, BOTH, 60)
    (found,) = timers.of(LAB)
    assert found.keys == {CUT.key, DOWN.key}
    assert found.alive
    assert 55 < found.left_s <= 60
    assert str(found).startswith("ends in ")
    timers.end_all(LAB)
    assert not [*timers.of(LAB)]


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_clock_that_is_set_changes_no_end(monkeypatch: pytest.MonkeyPatch, jump: int) -> None:
    timers.start(LAB, BOTH, 60)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    (found,) = timers.of(LAB)
    assert 55 < found.left_s <= 60


def test_what_somebody_else_changed_is_no_longer_the_timers_to_undo() -> None:
    timers.start(LAB, BOTH, 60)
    timers.release(LAB, [CUT.key])
    (found,) = timers.of(LAB)
    assert found.keys == {DOWN.key}
    timers.release(LAB, [DOWN.key])
    assert not [*timers.of(LAB)]


def test_only_its_own_part_of_a_change_is_undone() -> None:
    before = Cut("east-2", "east-west")
    done = replace(BOTH, healed=(before,))
    now = frozenset({CUT, DOWN})
    assert only(done, frozenset({CUT.key, before.key})).undone(now) == {DOWN, before}
    assert only(done, frozenset({DOWN.key})).undone(now) == {CUT}


def test_a_timer_whose_process_is_gone_says_so() -> None:
    file = lock.folder() / f"{LAB}.timer-0001"
    file.write_text(json.dumps({"ends": time.monotonic() - 5, "keys": [CUT.key], "error": ""}))
    (found,) = timers.of(LAB)
    assert not found.alive
    assert "nobody waits for that any more: `lab heal` undoes it" in str(found)


def test_a_file_that_is_no_timer_is_none() -> None:
    (lock.folder() / f"{LAB}.timer-0001").write_text("{")
    assert not [*timers.of(LAB)]


def test_healing_and_other_changes_end_timers(lab: Lab) -> None:
    done = lab.cut("west", "east", seconds=60).change
    assert done is not None
    assert done.ends_in_s == 60
    assert {key for timer in lab.timers() for key in timer.keys} == {fault.key for fault in lab.faults()}
    lab.join("west", "east")
    assert lab.timers() == ()
    lab.stop("west-1", seconds=60)
    lab.heal()
    assert lab.timers() == ()


def test_a_fault_that_is_in_force_already_gets_an_end(lab: Lab) -> None:
    lab.cut("west", "east")
    again = lab.cut("west", "east", seconds=60).change
    assert again is not None
    assert again.nothing
    assert len(lab.timers()) == 1
    lab.cut("west", "east", seconds=30)
    assert [timer.left_s <= 30 for timer in lab.timers()] == [True], "the later end replaces the earlier one"


@pytest.mark.parametrize("seconds", [0, -1, 10**6, float("nan")])
def test_a_time_that_makes_no_sense_is_refused(lab: Lab, seconds: float) -> None:
    with pytest.raises(UsageError, match="cannot last for"):
        lab.cut("west", "east", seconds=seconds)
    assert lab.faults() == ()


def test_what_is_over_at_once_cannot_last(lab: Lab) -> None:
    with pytest.raises(UsageError, match="over at once"):
        lab.do(StepDown("meta"), seconds=5)  # type: ignore[arg-type]


def test_a_dry_run_starts_no_timer(lab: Lab) -> None:
    lab.cut("west", "east", seconds=60, dry_run=True)
    assert lab.timers() == ()
