"""What is promised follows from where a layout puts its streams: histories of layouts other than the default."""

from dataclasses import replace

import pytest
from fake_cluster import fault
from small_histories import Entry, Small

from lab.check.checkers import judge
from lab.check.checkers.outages import noticing
from lab.check.history import OUTSIDE, SECOND, FaultRecord, Phase, Probe, Replica
from lab.check.load import feeds
from lab.check.promises import explain
from lab.layouts import layout_of
from lab.topology import Topology

STRETCH = Topology(layout="stretch")
MIRROR = Topology(layout="mirror")
ARBITER = Topology(layout="arbiter", regions=("west", "east", "third"), sizes={"third": 1})
CUT = fault("f1", "partition east", 20, 60, links=("central-east", "east-west"))
SPLIT = fault("f1", "partition east", 20, 60, links=("east-third", "east-west"))


def judged(
    topology: Topology, *probes: Probe, cut: FaultRecord = CUT, replicas: tuple[Replica, ...] = ()
) -> dict[tuple[str, str], str]:
    """(property, place) -> validity, of a run of 100 s in which somebody probed, and a region was cut off."""
    streams: dict[str, list[Entry]] = {stream.key: [] for stream in layout_of(topology).streams}
    phases = (Phase("main", 0, 90 * SECOND), Phase("read", 90 * SECOND, 100 * SECOND))
    made = Small(["west"], [], streams, faults=(cut,), probes=probes, phases=phases, topology=topology)
    made.replicas = replicas
    return {(found.property, found.place): found.validity for found in judge(made.history()).findings}


def asked(operation: str, second: float, outcome: str, region: str = "east") -> Probe:
    return Probe(region, operation, round(second * SECOND), 0.5, outcome)  # type: ignore[arg-type]


def test_replicas_elsewhere_may_be_asked_until_servers_notice_that_they_are_gone() -> None:
    """Seen on real servers: 20 of 41 local reads in the isolated east failed, in the first seconds and by consumers."""
    early = [asked("direct-get", second, "info") for second in (24, 30, 34)]
    consumers = [asked("existing-consumer", second, "info") for second in (24, 40, 50)]
    late = [asked("direct-get", second, "ok") for second in (40, 50)]
    assert judged(STRETCH, *early, *consumers, *late)["L3", "east"] == "valid"
    assert judged(STRETCH, *late, asked("direct-get", 45, "info"))["L3", "east"] == "violated"


@pytest.mark.parametrize(("topology", "cut"), [(Topology(), CUT), (MIRROR, CUT), (ARBITER, SPLIT)])
def test_a_copy_that_lives_in_a_region_alone_is_readable_there_from_the_beginning(
    topology: Topology, cut: FaultRecord
) -> None:
    fine = asked("direct-get", 24, "ok")
    assert judged(topology, fine, cut=cut)["L3", "east"] == "valid"
    for operation in ("direct-get", "existing-consumer"):
        assert judged(topology, fine, asked(operation, 24, "info"), cut=cut)["L3", "east"] == "violated"


def test_a_consumer_of_a_stream_in_several_regions_may_be_placed_in_one_that_is_gone() -> None:
    refused = asked("new-consumer", 50, "fail", "west")
    assert ("L5", "west consumers") not in judged(STRETCH, refused)
    assert judged(Topology(), refused)["L5", "west consumers"] == "violated"


def test_a_node_that_is_just_back_may_lack_what_a_stream_of_several_regions_has() -> None:
    """Not by the check; the other replicas are in other regions."""
    outside = replace(fault("x1", "east-1 died", 60, 88, nodes=("east-1",)), kind=OUTSIDE)
    replicas = tuple(Replica("foo", f"{region}-1", region == "west", 5, 500, 1, 5, 0) for region in ("west", "central"))
    lacking = Replica("foo", "east-1", False, 3, 300, 1, 3, 0)
    assert judged(STRETCH, cut=outside, replicas=(*replicas, lacking))["P9", "foo"] == "unknown"
    assert judged(STRETCH, replicas=(*replicas, lacking))["P9", "foo"] == "violated"


@pytest.mark.parametrize(
    ("options", "layout", "seconds"),
    [
        ({"ping_interval": "5s"}, "stretch", 15),
        ({"ping_interval": "2s", "ping_max": 4}, "stretch", 10),
        ({"ping_interval": 3}, "mapped", 9),
        ({}, "stretch", 90),
        ({}, "mapped", 45),
    ],
)
def test_how_long_servers_need_to_notice(options: dict[str, str | int], layout: str, seconds: int) -> None:
    topology = replace(Topology(), layout=layout, server_options=options)  # type: ignore[arg-type]
    assert noticing(topology) == seconds * SECOND


def test_what_a_stretched_stream_does_not_promise_is_told() -> None:
    layout = layout_of(STRETCH)
    told = {
        (promise.property, place): promise.why
        for promise in explain(layout, feeds(layout)).promises
        for place in promise.places
        if not promise.promised
    }
    assert "several regions" in told["L3", "east consumers"]
    assert "may be placed" in told["L5", "east consumers"]
    assert ("L3", "east") not in told
