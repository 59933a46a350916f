"""Who can talk to whom while faults are in force, also when packets vanish in one direction only."""

import pytest

from lab.faults.effects import Effects, Side, detached, joined, severed
from lab.faults.reachability import Reachability
from lab.topology import Topology

TOPOLOGY = Topology()
LINK = "central-west"


def names(*regions: str) -> set[str]:
    return {node.name for node in TOPOLOGY.nodes if node.region in regions}


def out(*nodes: str) -> Effects:
    return Effects(out=frozenset(nodes))


def test_without_effects_everybody_sees_everybody() -> None:
    left = Reachability(TOPOLOGY, Effects())
    assert all(left.sees(node.name) == names(*TOPOLOGY.regions) for node in TOPOLOGY.nodes)
    assert left.meta_leaders == names(*TOPOLOGY.regions)
    assert left.reached("west") == ("central", "east")


def test_a_detached_node_is_alone_on_that_link_only() -> None:
    left = Reachability(TOPOLOGY, detached("west-1", LINK))
    assert left.sees("west-1") == names("west", "east")
    assert left.sees("central-1") == names(*TOPOLOGY.regions) - {"west-1"}
    assert left.reached("west") == ("central", "east"), "its other nodes still reach central"


@pytest.mark.parametrize("region", TOPOLOGY.regions)
def test_a_severed_link_parts_its_two_regions(region: str) -> None:
    left = Reachability(TOPOLOGY, severed(TOPOLOGY, LINK))
    others = {"west": {"east"}, "central": {"east"}, "east": {"west", "central"}}[region]
    assert set(left.reached(region)) == others
    assert left.has_majority(region)
    assert left.meta_leaders == names("east"), "the only ones that all others hear"


@pytest.mark.parametrize(("direction", "heard"), [("in", "west-1 is deaf"), ("out", "west-1 is mute")])
def test_packets_that_vanish_one_way_end_the_talk_both_ways(direction: str, heard: str) -> None:
    left = Reachability(TOPOLOGY, Effects(silenced=frozenset({Side("west-1", LINK, direction)})))  # type: ignore[arg-type]
    assert left.hears("west-1", "central-1") == (heard == "west-1 is mute")
    assert left.hears("central-1", "west-1") == (heard == "west-1 is deaf")
    assert left.sees("west-1") == names("west", "east")
    assert "west-1" not in left.sees("central-1")


def test_a_node_that_is_out_hears_and_says_nothing() -> None:
    left = Reachability(TOPOLOGY, out("west-1"))
    assert not left.hears("west-1", "west-2")
    assert not left.hears("west-2", "west-1")
    assert left.sees("west-1") == frozenset()
    assert left.up("west") == 2


def test_a_region_without_servers_is_reached_by_none_and_still_lies_beside_the_others() -> None:
    left = Reachability(TOPOLOGY, out("east-1", "east-2", "east-3"))
    assert left.reached("west") == ("central",)
    assert left.reached("east") == ("west", "central")


@pytest.mark.parametrize(
    ("nodes_per_region", "down", "quorum"), [(3, 1, True), (3, 2, False), (5, 1, True), (5, 2, None), (5, 4, False)]
)
def test_a_stream_acts_with_a_majority_of_its_replicas(nodes_per_region: int, down: int, quorum: bool | None) -> None:
    topology = Topology(nodes_per_region=nodes_per_region)
    gone = out(*(f"east-{number}" for number in range(1, down + 1)))
    assert Reachability(topology, gone).has_stream_quorum("east") is quorum
    assert Reachability(topology, gone).has_stream_quorum("west") is True


def test_effects_add_up() -> None:
    both = joined([out("west-1"), detached("east-1", "central-east"), Effects(streams=frozenset({"foo-read-west"}))])
    assert both.out == {"west-1"}
    assert {side.direction for side in both.silenced} == {"in", "out"}
    assert both.streams == {"foo-read-west"}
