"""Schedules: everything random is decided beforehand, and everything impossible is said at once."""

import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.check import folder as folders
from lab.check import schedule as schedules
from lab.check import schedulefile
from lab.check.load import feeds
from lab.check.nemesis import moments
from lab.check.schedule import kinds, resolve
from lab.check.workload import slots
from lab.errors import UsageError
from lab.layouts import layout_of
from lab.topology import Topology

LAB = Topology()
RUN = Path(__file__).resolve().parents[2] / "data/runs/valid"


def written(folder: Path, text: str) -> Path:
    path = folder / "schedule.yaml"
    path.write_text(text)
    return path


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_the_same_seed_gives_the_same_schedule_and_it_is_possible(seed: int) -> None:
    wanted = resolve(seed, LAB)
    assert wanted == resolve(seed, LAB)
    assert list(schedules.problems(wanted, LAB)) == []
    assert len(wanted.faults) >= 8
    assert all(other.at - one.end >= 3 for one, other in pairwise(wanted.faults))


def test_seeds_differ() -> None:
    assert len({str(resolve(seed, LAB).faults) for seed in range(20)}) == 20


def test_a_long_mix_has_every_kind_of_fault() -> None:
    faults = resolve(1, LAB, duration=600).faults
    assert {fault.kind for fault in faults} == kinds().keys()
    regions = [fault for fault in faults if fault.verb.arguments().get("targets", [""])[0] in LAB.regions]
    assert {fault.kind for fault in regions} == {"stop", "kill", "pause"}


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000))
def test_a_resolved_schedule_that_is_read_again_is_the_same(seed: int) -> None:
    wanted = resolve(seed, LAB, rate=321, duration=400)
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), schedulefile.dump(wanted))
        assert schedulefile.load(path, LAB, seed=99) == wanted


def test_a_schedule_without_faults_draws_them_from_its_seed(tmp_path: Path) -> None:
    path = written(tmp_path, "seed: 5\nrate: 300\n")
    assert schedulefile.load(path, LAB, seed=99).faults == resolve(5, LAB).faults


def test_times_may_be_numbers_or_durations_and_a_target_a_word(tmp_path: Path) -> None:
    text = """
duration: 1m
faults:
  - {at: 2, for: 1.5, kind: kill, targets: east-1}
  - {at: 10s, for: 4s, kind: cut, link: [west, central]}
"""
    kill, cut = schedulefile.load(written(tmp_path, text), LAB, 1).faults
    assert (kill.at, kill.seconds, kill.verb.arguments()["targets"]) == (2, 1.5, ["east-1"])
    assert str(cut) == "cut west-central"


def test_every_problem_is_said_at_once(tmp_path: Path) -> None:
    text = """
duration: 60s
speed: 9
faults:
  - {at: 5s, for: 5s, kind: kill, targets: [nort-1]}
  - {at: 5s, for: 5s, kind: cut, link: west-north}
  - {at: -3s, for: 5s, kind: partition, groups: [south]}
  - {at: 50s, for: 30s, kind: pause, targets: [east-1]}
  - {at: 5s, kind: step-down, stream: foo-read-north}
  - {at: 5s, kind: explode}
  - {at: soon, for: 5s, kind: stop, targets: [west-1]}
  - {at: 5s, for: 5s, kind: stop, target: [west-1]}
  - {at: 5s, kind: stop, targets: [west-1]}
  - 7
"""
    with pytest.raises(UsageError) as caught:
        schedulefile.load(written(tmp_path, text), LAB, 1)
    message = caught.value.message
    for words in (
        "line 3, speed: there is no such field",
        "line 10, fault 6: unknown kind `explode`",
        "line 11, fault 7, at: should be a time such as `10s`, not `soon`",
        "line 12, fault 8: a stop has no `target`; did you mean `targets`?",
        "line 13, fault 9, for: is missing",
    ):
        assert words in message
    assert "line 14, fault 10: should be a mapping" in message


def test_every_name_and_time_that_this_lab_cannot_have_is_said_at_once(tmp_path: Path) -> None:
    text = """
duration: 60s
faults:
  - {at: 5s, for: 5s, kind: kill, targets: [nort-1]}
  - {at: 5s, for: 5s, kind: cut, link: west-north}
  - {at: -3s, for: 5s, kind: partition, groups: [south]}
  - {at: 40s, for: 30s, kind: pause, targets: [east-1]}
  - {at: 5s, kind: step-down, stream: foo-read-north}
  - {at: 5s, for: 0s, kind: stop, targets: [west-1]}
  - {at: 20s, for: 2s, kind: flap, link: east-west, period: 10s}
  - {at: 30s, for: 2s, kind: kill, targets: ["@leader:foo-read-south"]}
"""
    with pytest.raises(UsageError) as caught:
        schedulefile.load(written(tmp_path, text), LAB, 1)
    message = caught.value.message
    for words in (
        "line 4, f1 (kill): unknown region or node `nort-1`",
        "line 5, f2 (cut): unknown region `north`",
        "f3 (partition): unknown region `south`",
        "f3 (partition): begins 3 s before",
        "f4 (pause): ends 70 s after the warm-up",
        "f5 (step-down): unknown stream `foo-read-north`",
        "f6 (stop): lasts 0 s",
        "f7 (flap): its period of 10 s",
        "f8 (kill): unknown stream `foo-read-south`",
    ):
        assert words in message


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("kind: kill, targets: [east]", "kind: pause, targets: [east-2]", "east-2 cannot be down and paused"),
        ("kind: kill, targets: [east]", "kind: stop, targets: [east-1]", "both say that east-1 is down"),
        ("kind: partition, groups: [west]", "kind: cut, link: east-west", "both say that east-"),
    ],
)
def test_faults_that_contradict_each_other_are_refused(tmp_path: Path, one: str, other: str, words: str) -> None:
    text = f"faults:\n  - {{at: 5s, for: 10s, {one}}}\n  - {{at: 8s, for: 10s, {other}}}\n"
    with pytest.raises(UsageError, match="overlap") as caught:
        schedulefile.load(written(tmp_path, text), LAB, 1)
    assert words in caught.value.message
    apart = text.replace("at: 8s", "at: 15s")
    assert len(schedulefile.load(written(tmp_path, apart), LAB, 1).faults) == 2


def test_faults_that_fit_together_may_overlap(tmp_path: Path) -> None:
    text = """
faults:
  - {at: 5s, for: 10s, kind: partition, groups: [west]}
  - {at: 8s, for: 10s, kind: kill, targets: [west-1]}
"""
    assert len(schedulefile.load(written(tmp_path, text), LAB, 1).faults) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("faults: [", "is not valid YAML: line 1, column 10"),
        ("- 1", "should hold lines such as `rate: 500`, not a list"),
        ("rate: 0", "rate: must be 1 to"),
        ("rate: fast", "rate: should be a whole number"),
        ("duration: 10s", "leave no time for faults"),
        ("duration: 10 parsecs", "duration: should be a time"),
        ("processes: 0", "processes: must be 1"),
        ("faults: {}", "faults: should be a list"),
    ],
)
def test_a_bad_file_is_said_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        schedulefile.load(written(tmp_path, text), LAB, 1)
    assert words in caught.value.message


def test_a_schedule_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        schedulefile.load(tmp_path / "none.yaml", LAB, 1)


def test_moments_are_in_order_and_every_fault_that_lasts_is_ended() -> None:
    wanted = resolve(3, LAB, duration=600)
    todo = moments(wanted, main_began=10**9)
    assert todo == sorted(todo)
    for fault in wanted.faults:
        acts = [moment.act for moment in todo if moment.fault == fault.id]
        assert acts[0] == "begin"
        assert (acts[-1] == "end") == fault.verb.lasting
        if fault.kind == "flap":
            turns = [moment for moment in todo if moment.fault == fault.id and moment.act == "turn"]
            cut = [bool(fault.verb.faults_at(LAB, turn.elapsed, fault.seconds)) for turn in turns]
            assert cut == ([False, True] * len(cut))[: len(cut)]
            assert cut


def test_the_load_is_spread_evenly_over_regions_and_time() -> None:
    plan = slots(feeds(layout_of(LAB)), rate=900, processes=4)
    assert [slot.region for slot in plan].count("west") == 4
    times = sorted(slot.intended(turn) for slot in plan for turn in range(75))
    assert len(times) == 900
    assert times[-1] < 10**9
    assert max(b - a for a, b in pairwise(times)) < 2 * 10**9 / 900


def test_a_replay_on_another_lab_is_noticed(tmp_path: Path) -> None:
    assert folders.differing(RUN, Topology(duplicate_window="2s").named("another")) == []
    small = Topology(regions=("west", "east"), nodes_per_region=1, replicas=1)
    assert folders.differing(RUN, small) == ["regions", "nodes_per_region", "replicas", "duplicate_window"]
    assert folders.differing(tmp_path, small) == []  # a run that did not come to its end
