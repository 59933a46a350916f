"""What comes and goes: a link that flaps, nodes that are cut in one order and joined in another."""

import time
from random import Random
from typing import Any

import pytest

from lab.api import Lab
from lab.errors import LabError, UsageError
from lab.faults.arguments import Path, Seconds
from lab.faults.change import Want
from lab.faults.flap import Flap
from lab.faults.plan import Change
from lab.faults.swizzle import Swizzle
from lab.topology import Topology

TOPOLOGY = Topology()


def course(verb: Flap | Swizzle, seconds: float) -> list[int]:
    """How many faults are in force from the beginning and from each turn on."""
    return [len(verb.faults_at(TOPOLOGY, at, seconds)) for at in (0.0, *verb.turns(seconds))]


def test_a_link_flaps_by_its_period_and_duty() -> None:
    flap = Flap(Path("east-west"), Seconds(4.0), 0.25)
    assert flap.turns(10.0) == [1.0, 4.0, 5.0, 8.0, 9.0]
    assert course(flap, 10.0) == [3, 0, 3, 0, 3, 0]


def test_nodes_are_cut_one_by_one_and_joined_in_another_order() -> None:
    swizzle = Swizzle(pieces=4, seed=7)
    assert course(swizzle, 8.0) == [1, 2, 3, 4, 3, 2, 1]
    cut, joined = swizzle._orders(TOPOLOGY)
    assert {*cut} == {*joined} == swizzle.faults(TOPOLOGY)
    assert any(Swizzle(4, seed)._orders(TOPOLOGY)[0] != Swizzle(4, seed)._orders(TOPOLOGY)[1] for seed in range(4))
    assert Swizzle(4, 8).faults(TOPOLOGY) != swizzle.faults(TOPOLOGY)


def test_the_smallest_lab_has_one_drawn_that_it_can_do() -> None:
    small = Topology(regions=("west", "east"), nodes_per_region=1, replicas=1)
    (draw,) = Swizzle.draws()
    assert list(draw.make(small, Random(1)).problems(small, 30)) == []


@pytest.mark.parametrize(
    ("verb", "seconds", "sentence"),
    [
        (Flap(Path("east-west"), Seconds(0.5)), 10, "must be 1 s or more"),
        (Flap(Path("west->east")), 10, "a link flaps in both directions"),
        (Flap(Path("east-west"), Seconds(20)), 10, "at most the 10 s"),
        (Flap(Path("east-west"), duty=1.5), 10, "must be between 0 and 1"),
        (Swizzle(pieces=1), 10, "2 pieces or more, not 1"),
        (Swizzle(pieces=19), 100, "19 pieces, and this lab has 18"),
        (Swizzle(pieces=18), 10, "need 18 s or more"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is(
    lab: Lab, verb: Flap | Swizzle, seconds: float, sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        lab.do(verb, seconds=seconds)
    assert sentence in caught.value.message
    assert lab.faults() == ()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes when somebody sleeps."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))


def test_by_hand_it_is_carried_on_and_undone_at_the_end(quick: None, lab: Lab) -> None:
    lab.cut("central", "west")
    done = lab.flap("west", "east", period=2, seconds=5)
    assert done.seen.startswith("flap west-east: 5 turns in ")
    assert {fault.key[2] for fault in lab.faults()} == {"central-west"}, "what was in force before stays"
    assert lab.timers() == ()


def test_ctrl_c_ends_and_undoes_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    assert "all of it undone" in lab.flap("west", "east").seen
    with pytest.raises(KeyboardInterrupt):
        lab.flap("west", "east", seconds=60)
    assert lab.faults() == ()
    assert lab.timers() == ()


def test_a_flap_that_docker_cannot_follow_ends_with_a_sentence(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    make = lab.make

    def slow(want: Want, **options: Any) -> Change:
        time.sleep(0.6)
        return make(want, **options)

    monkeypatch.setattr(lab, "make", slow)
    with pytest.raises(LabError, match="a turn took"):
        lab.flap("west", "east", period=1, seconds=20)
    assert lab.faults() == ()
