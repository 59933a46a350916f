"""What is derived from faults: conditions of regions, and how long a heal may take."""

from dataclasses import replace

import pytest
from fake_cluster import SCRIPT, FakeCluster, fault

from lab.check.checkers.conditions import Conditions, condition
from lab.check.checkers.outages import deadline, outages, recovery
from lab.check.history import SECOND
from lab.topology import Topology

TOPOLOGY = Topology()
ALONE = fault("f1", "partition central", 20, 60, links=("central-east", "central-west"))
ONE_LINK = fault("f1", "cut central-east", 20, 60, links=("central-east",))
DOWN = fault("f2", "kill east", 30, 40, nodes=("east-1", "east-2", "east-3"))


@pytest.mark.parametrize(
    ("faults", "region", "isolated", "majority", "parted", "down"),
    [
        ((), "west", False, True, False, 0),
        ((ALONE,), "central", True, False, True, 0),
        ((ALONE,), "west", False, True, True, 0),
        ((ONE_LINK,), "west", False, True, False, 0),
        ((ONE_LINK,), "east", False, True, True, 0),
        ((DOWN,), "west", False, True, True, 0),
        ((DOWN,), "east", False, True, False, 3),
        ((ALONE, DOWN), "west", True, False, True, 0),
        ((ALONE, DOWN), "central", True, False, True, 0),
    ],
)
def test_a_region_s_condition(
    faults: tuple[object, ...], region: str, isolated: bool, majority: bool, parted: bool, down: int
) -> None:
    found = condition(TOPOLOGY, region, faults)  # type: ignore[arg-type]
    assert (found.isolated, found.parted, found.down) == (isolated, parted, down)
    if down < 3:
        assert found.majority == majority


def test_windows_leave_out_what_was_just_changing() -> None:
    conditions = Conditions(FakeCluster(script=(ALONE,)).history())
    alone = [window for window in conditions.of("central") if window.condition.isolated]
    assert [(window.began, window.ended) for window in alone] == [(20_300_000_000, 60 * SECOND)]
    west = [window for window in conditions.of("west") if window.condition.parted]
    assert all(window.calm and window.settled for window in west)


def test_a_region_is_calm_after_its_elections_and_settled_after_its_sources() -> None:
    down = fault("f1", "kill east-1", 30, 40, nodes=("east-1",))
    after = [window for window in Conditions(FakeCluster(script=(down,)).history()).of("east") if window.began > 31e9]
    assert [(window.calm, window.settled) for window in after if not window.condition.down] == [
        (False, False),
        (True, False),
        (True, True),
    ]


def test_a_link_that_flaps_leaves_nothing_certain() -> None:
    flap = replace(ALONE, kind="flap")
    assert not [w for w in Conditions(FakeCluster(script=(flap,)).history()).of("central") if w.condition.parted]


def test_a_node_that_is_parted_from_its_region_disturbs_that_region_alone() -> None:
    """Seen on real servers: its own region read a message 7 s late, which nobody else did."""
    inside = replace(ALONE, kind="cut", links=(), silenced=("central-1 central in", "central-1 central out"))
    conditions = Conditions(FakeCluster(script=(inside,)).history())
    during = (ALONE.injected or 0) + 1
    assert [w.calm for w in conditions.of("central") if w.began <= during < w.ended] == [False]
    assert [w.calm for w in conditions.of("west") if w.began <= during < w.ended] == [True]


def test_a_one_way_cut_parts_two_regions_and_a_slow_link_none() -> None:
    sides = tuple(f"central-{node} central-west out" for node in (1, 2, 3))
    one_way = replace(ALONE, kind="cut", links=("central-west",), silenced=sides)
    assert [w for w in Conditions(FakeCluster(script=(one_way,)).history()).of("west") if w.condition.parted]
    slow = replace(ALONE, kind="shape", links=(), slowed=sides)
    windows = Conditions(FakeCluster(script=(slow,)).history()).of("west")
    assert not [w for w in windows if w.condition.parted]
    assert [w for w in windows if w.condition.slowed]


@pytest.mark.parametrize(
    ("seconds", "bound"), [(0, 45), (30, 45), (49.9, 45), (50, 55), (60, 55), (150, 65), (600, 115), (86_400, 155)]
)
def test_how_long_a_heal_may_take(seconds: float, bound: float) -> None:
    assert recovery(seconds) == bound


def test_overlapping_faults_are_one_outage() -> None:
    history = FakeCluster(script=(ALONE, DOWN, SCRIPT[2])).history()
    found = list(outages(history))
    assert [(outage.began, outage.healed, outage.until) for outage in found] == [
        (20 * SECOND, 60_300_000_000, 200 * SECOND),
        (200 * SECOND, 215_300_000_000, None),
    ]
    assert deadline(history, 0) == 215_300_000_000 + (45 + 15) * SECOND


def test_an_outage_that_follows_too_soon_prolongs_the_one_before() -> None:
    again = fault("f3", "partition central", 80, 90, links=("central-east", "central-west"))
    history = FakeCluster(script=(ALONE, again)).history()
    assert deadline(history, 0) == 90_300_000_000 + (round(recovery(70.3)) + 15) * SECOND
