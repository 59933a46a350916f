"""Groups of regions and the cuts that part them."""

import pytest

from lab.errors import UsageError
from lab.faults.cut import Cut, link_cuts
from lab.faults.partition import groups, partition
from lab.topology import Topology

TOPOLOGY = Topology()


def cuts(*arguments: str) -> frozenset[Cut]:
    return partition(TOPOLOGY, groups(TOPOLOGY, arguments))


def links(*arguments: str) -> set[str]:
    return {cut.link for cut in cuts(*arguments)}


def test_regions_that_are_not_named_form_the_last_group() -> None:
    assert groups(TOPOLOGY, ["central"]) == (("central",), ("west", "east"))
    assert groups(TOPOLOGY, ["west,east"]) == (("west", "east"), ("central",))
    assert groups(TOPOLOGY, ["west", "east"]) == (("west",), ("east",), ("central",))


def test_spaces_and_empty_parts_do_not_count() -> None:
    assert groups(TOPOLOGY, ["west, east,", "central"]) == (("west", "east"), ("central",))


def test_a_region_is_isolated_by_cutting_its_links_only() -> None:
    assert links("central") == {"central-east", "central-west"}
    assert links("west") == {"central-west", "east-west"}


def test_the_same_partition_can_be_said_in_many_ways() -> None:
    assert cuts("central") == cuts("west,east", "central") == cuts("central", "east,west") == cuts("west,east")


def test_a_link_is_cut_at_all_nodes_of_one_side() -> None:
    assert cuts("central") == {
        Cut(f"central-{number}", link) for number in (1, 2, 3) for link in ("central-east", "central-west")
    }
    assert link_cuts(TOPOLOGY, TOPOLOGY.link("west-east")) == {Cut(f"east-{n}", "east-west") for n in (1, 2, 3)}


def test_three_groups_cut_every_link() -> None:
    assert links("west", "central", "east") == {link.name for link in TOPOLOGY.links}
    assert cuts("west", "central") == cuts("west", "central", "east")


def test_regions_of_one_group_stay_joined_in_a_larger_lab() -> None:
    larger = Topology(regions=("a", "b", "c", "d"), port_step=1000)
    assert {cut.link for cut in partition(larger, groups(larger, ["a,b"]))} == {"a-c", "a-d", "b-c", "b-d"}


@pytest.mark.parametrize("arguments", [["west,west"], ["west", "west"], ["west,east", "east"]])
def test_a_region_on_two_sides_is_refused(arguments: list[str]) -> None:
    with pytest.raises(UsageError, match="is named twice"):
        groups(TOPOLOGY, arguments)


def test_an_unknown_region_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown region `north`") as caught:
        groups(TOPOLOGY, ["west,north"])
    assert "`central`" in caught.value.hint


@pytest.mark.parametrize("arguments", [["west,central,east"], []])
def test_one_group_alone_is_refused(arguments: list[str]) -> None:
    with pytest.raises(UsageError, match="all regions are in one group"):
        groups(TOPOLOGY, arguments)


@pytest.mark.parametrize("argument", ["", ",", " , "])
def test_a_group_without_a_region_is_refused(argument: str) -> None:
    with pytest.raises(UsageError, match="names no region"):
        groups(TOPOLOGY, [argument])
