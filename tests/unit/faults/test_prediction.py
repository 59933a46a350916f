"""Quorum arithmetic: what should work after a set of faults, and where a measurement differs."""

import pytest

from lab.faults.cut import link_cuts
from lab.faults.down import Down
from lab.faults.fault import Fault
from lab.faults.partition import groups, partition
from lab.faults.paused import Paused
from lab.faults.prediction import differences, predict, settled
from lab.observe.operations import (
    DIRECT_GET,
    EXISTING_CONSUMER,
    GET,
    META_LEADER,
    NEW_CONSUMER,
    NEW_STREAM,
    OPERATIONS,
    PUBLISH,
    SEE_OWN_PUBLISH,
    Cell,
    Matrix,
    State,
)
from lab.topology import Topology

TOPOLOGY = Topology()
LOCAL = {PUBLISH, SEE_OWN_PUBLISH, DIRECT_GET, EXISTING_CONSUMER}
CONTROL = {GET, NEW_CONSUMER, NEW_STREAM, META_LEADER}


def works(faults: set[Fault] | frozenset[Fault], region: str, topology: Topology = TOPOLOGY) -> set[str]:
    prediction = predict(topology, faults)
    return {operation for operation in OPERATIONS if prediction.cell(region, operation).works}


def fails(faults: set[Fault] | frozenset[Fault], region: str, topology: Topology = TOPOLOGY) -> set[str]:
    prediction = predict(topology, faults)
    return {operation for operation in OPERATIONS if prediction.cell(region, operation).works is False}


def down(*names: str) -> set[Fault]:
    return {Down(node.name) for node in TOPOLOGY.select(names)}


def test_everything_works_without_faults() -> None:
    assert all(works(set(), region) == set(OPERATIONS) for region in TOPOLOGY.regions)


def test_an_isolated_region_keeps_what_it_decides_alone() -> None:
    cuts = partition(TOPOLOGY, groups(TOPOLOGY, ["central"]))
    assert works(cuts, "central") == LOCAL
    assert fails(cuts, "central") == CONTROL
    assert works(cuts, "west") == works(cuts, "east") == set(OPERATIONS)


def test_three_ways_parted_no_region_has_a_meta_leader() -> None:
    cuts = partition(TOPOLOGY, groups(TOPOLOGY, ["west", "central", "east"]))
    assert all(works(cuts, region) == LOCAL for region in TOPOLOGY.regions)


def test_one_cut_link_leaves_a_leader_that_all_hear() -> None:
    cuts = link_cuts(TOPOLOGY, TOPOLOGY.link("west-central"))
    assert all(works(cuts, region) == set(OPERATIONS) for region in TOPOLOGY.regions)
    assert any("only a meta leader in east" in line for line in predict(TOPOLOGY, cuts).summary)


def test_two_regions_down_are_an_isolation_of_the_third() -> None:
    assert works(down("west", "east"), "central") == LOCAL
    assert fails(down("west", "east"), "west") == set(OPERATIONS)


@pytest.mark.parametrize("kind", [Down, Paused])
def test_two_of_three_nodes_out_stop_a_regions_streams_but_not_the_meta_group(kind: type) -> None:
    faults: set[Fault] = {kind("east-1"), kind("east-2")}
    assert {PUBLISH, SEE_OWN_PUBLISH, EXISTING_CONSUMER, GET} <= fails(faults, "east")
    assert META_LEADER in works(faults, "east")
    assert works(faults, "west") == set(OPERATIONS)


def test_one_node_down_costs_nothing() -> None:
    assert works(down("east-1"), "east") == set(OPERATIONS) - {NEW_CONSUMER, NEW_STREAM}
    assert not fails(down("east-1"), "east")  # those two depend on where the one replica is placed


def test_five_nodes_down_all_over_leave_no_meta_leader() -> None:
    faults = down("west-1", "central-1", "central-2", "east-1", "east-2")
    assert META_LEADER in fails(faults, "west")
    assert PUBLISH in works(faults, "west")
    assert PUBLISH in fails(faults, "east")


def test_the_original_definitions_allow_no_direct_get() -> None:
    assert fails(set(), "west", Topology(layout="seed")) == {DIRECT_GET}


def test_with_more_nodes_than_replicas_it_may_depend_on_which_are_down() -> None:
    five = Topology(nodes_per_region=5)
    two_down: set[Fault] = {Down("east-1"), Down("east-2")}
    assert predict(five, two_down).cell("east", PUBLISH).works is None
    assert predict(five, {*two_down, Down("east-3"), Down("east-4")}).cell("east", PUBLISH).works is False


def measured(state: State, operation: str = GET, region: str = "central") -> Matrix:
    return Matrix("lab", (region,), (operation,), (Cell(region, operation, state, 0.1),))


def test_a_cell_that_is_not_as_predicted_is_a_difference() -> None:
    cuts = partition(TOPOLOGY, groups(TOPOLOGY, ["central"]))
    prediction = predict(TOPOLOGY, cuts)
    assert [one.cell.operation for one in differences(prediction, measured("works"))] == [GET]
    assert differences(prediction, measured("fails")) == ()
    assert differences(prediction, measured("unknown")) == ()
    assert [one.cell.operation for one in differences(prediction, measured("silent", PUBLISH))] == [PUBLISH]


def test_silence_is_no_last_word_even_where_a_failure_is_predicted() -> None:
    prediction = predict(TOPOLOGY, partition(TOPOLOGY, groups(TOPOLOGY, ["central"])))
    assert not settled(prediction, measured("silent"))
    assert settled(prediction, measured("fails"))


# --- other layouts ---

MIRROR, STRETCH = Topology(layout="mirror"), Topology(layout="stretch")
READS = {DIRECT_GET}


def test_with_mirrors_only_who_reaches_the_writer_can_publish() -> None:
    cuts = partition(MIRROR, groups(MIRROR, ["central"]))
    assert works(cuts, "central", MIRROR) == READS
    assert works(cuts, "west", MIRROR) == works(cuts, "east", MIRROR) == set(OPERATIONS)
    assert "west, which writes, is out of reach" in predict(MIRROR, cuts).cell("central", PUBLISH).reason
    alone = partition(MIRROR, groups(MIRROR, ["west"]))
    assert PUBLISH in works(alone, "west", MIRROR)
    assert {PUBLISH, SEE_OWN_PUBLISH, EXISTING_CONSUMER} <= fails(alone, "east", MIRROR)
    assert NEW_STREAM in works(alone, "east", MIRROR)


def test_a_stretched_stream_is_written_by_a_majority_of_regions() -> None:
    cuts = partition(STRETCH, groups(STRETCH, ["central"]))
    assert fails(cuts, "central", STRETCH) == set(OPERATIONS) - {DIRECT_GET}
    assert {PUBLISH, SEE_OWN_PUBLISH, DIRECT_GET, EXISTING_CONSUMER, GET, META_LEADER} <= works(cuts, "west", STRETCH)
    assert not fails(cuts, "west", STRETCH)
    apart = partition(STRETCH, groups(STRETCH, ["west", "central", "east"]))
    assert all(PUBLISH in fails(apart, region, STRETCH) for region in STRETCH.regions)


def test_one_cut_link_leaves_a_stretched_stream_a_leader_that_all_hear() -> None:
    cuts = link_cuts(STRETCH, STRETCH.link("west-central"))
    assert all(PUBLISH in works(cuts, region, STRETCH) for region in STRETCH.regions)


def test_where_the_replica_of_a_region_is_nobody_knows_here() -> None:
    one_down: set[Fault] = {Down("east-1")}
    assert predict(STRETCH, one_down).cell("east", PUBLISH).works is None


def test_an_arbiter_gives_one_of_two_regions_a_majority() -> None:
    topology = Topology(layout="arbiter", regions=("west", "east", "third"), sizes={"third": 1})
    cuts = partition(topology, groups(topology, ["west"]))
    assert works(cuts, "east", topology) == set(OPERATIONS)
    assert works(cuts, "west", topology) == LOCAL
    assert {cell.region for cell in predict(topology, cuts).cells} == {"west", "east"}
