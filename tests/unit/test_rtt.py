"""Round trips: what datagrams came to, beside what is in force."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations

import pytest
from fakes import FakeEngine, FakeProbe, observation

from lab import view
from lab.docker.observation import Interface, Observation
from lab.faults.flows import Figures, Flow
from lab.faults.registry import present
from lab.jetstream import monitor
from lab.netprobe import spare
from lab.netprobe.session import Step
from lab.observe import rtt
from lab.observe.rtt import Pair, RoundTrips, milliseconds, plan, summary
from lab.shape import Shape
from lab.topology import Topology

COUNT = 20
HEALTHY = observation(Topology())


def figures(late: float, lost: int = 0) -> Figures:
    """All datagrams `late` milliseconds, but for the first one, a bit earlier, and the last one, a bit later."""
    times = {"min": late - 0.05, "median": late, "mean": late, "max": late + 2}
    return Figures(COUNT, COUNT - lost, 0, 0, **times, deviation=0, bytes=0, span=0)


def found(at: Observation, late: dict[tuple[str, str], Figures | None]) -> RoundTrips:
    """With what came of the flows between two regions; others take 0.1 ms."""
    region = {node.name: node.region for node in at.topology.nodes}
    flows = list(plan(at, present(at), COUNT))
    seen = [late.get((region[flow.source], region[flow.target]), figures(0.1)) for flow in flows]
    return summary(at, flows, seen, {("east", "west"): [44.0, 43.0], ("west", "east"): [45.0]})


def between(trips: RoundTrips, one: str, other: str) -> Pair:
    return next(pair for pair in trips.regions if {pair.one, pair.other} == {one, other})


def shaped(*nodes: str, link: str, shape: Shape) -> Observation:
    words = f"shape handle=31233 {shape.words()}"
    return replace(HEALTHY, interfaces={(node, link): Interface(words) for node in nodes})


def test_every_pair_of_running_nodes_is_measured_in_both_directions_over_the_network_that_they_share() -> None:
    at = observation(Topology(), west_1=lambda container: replace(container, state="exited", pid=0))
    flows = list(plan(at, present(at), COUNT))
    running = [node.name for node in at.topology.nodes if node.name != "west-1"]
    assert {(flow.source, flow.target) for flow in flows} == set(permutations(running, 2))
    for there, back in zip(flows[::2], flows[1::2], strict=True):
        assert (there.source, there.target) == (back.target, back.source)
        assert there.network == back.network
    assert found(at, {}).absent == ("west-1",)


def test_a_round_trip_is_the_sum_of_both_directions() -> None:
    pair = between(found(HEALTHY, {("west", "east"): figures(40), ("east", "west"): figures(3)}), "west", "east")
    assert pair.round_trip
    assert pair.round_trip.median == pytest.approx(43)
    assert pair.round_trip.min == pytest.approx(42.9)
    assert pair.round_trip.max == pytest.approx(47)
    assert pair.gateways_ms == 44


def test_all_pairs_of_regions_are_there_and_each_region_with_itself() -> None:
    trips = found(HEALTHY, {})
    assert len(trips.regions) == 6
    assert len(trips.nodes) == 36
    assert all(pair.deviation == "" for pair in (*trips.regions, *trips.nodes))
    assert between(trips, "west", "central").gateways_ms is None


def test_what_a_shape_says_is_no_deviation_and_what_it_does_not_say_is_one() -> None:
    at = shaped("west-1", "west-2", "west-3", link="east-west", shape=Shape.of(delay="80ms"))
    as_it_should = between(found(at, {("west", "east"): figures(80.2)}), "west", "east")
    assert (as_it_should.expected_ms, as_it_should.deviation) == (80, "")
    too_quick = between(found(at, {}), "west", "east")
    assert "west→east in 9 of 9 pairs: west-1→east-1 a packet takes 0.1 ms, not 80 ms" in too_quick.deviation
    other_direction = between(found(at, {("west", "east"): figures(80), ("east", "west"): figures(80)}), "west", "east")
    assert other_direction.deviation.startswith("east→west in 9 of 9 pairs")


def test_loss_is_told_for_each_direction_beside_what_is_in_force() -> None:
    at = shaped("east-1", "east-2", "east-3", link="east-west", shape=Shape.of(loss="20%"))
    pair = between(found(at, {("east", "west"): figures(0.1, lost=4)}), "west", "east")
    ways = {(way.source, way.target): way for way in (pair.there, pair.back)}
    assert (ways["east", "west"].lost, ways["east", "west"].expected_lost) == (0.2, 0.2)
    assert (ways["west", "east"].lost, ways["west", "east"].expected_lost) == (0, 0)
    assert pair.deviation == ""


def test_a_cut_link_has_no_round_trip_and_that_is_as_it_should_be() -> None:
    cut = {f"central_{n}": lambda c: replace(c, addresses=without(c.addresses, "central-west")) for n in (1, 2, 3)}
    at = observation(Topology(), **cut)
    pair = between(found(at, {("central", "west"): None, ("west", "central"): None}), "west", "central")
    assert pair.round_trip is None
    assert pair.deviation == ""
    assert (pair.there.expected_lost, pair.there.lost) == (1, 1)
    through = between(found(at, {}), "west", "central")
    assert "should be cut, but 20 of 20 packets arrived" in through.deviation


def without(addresses: dict[str, str], network: str) -> dict[str, str]:
    return {key: address for key, address in addresses.items() if key != network}


def test_a_link_that_should_carry_packets_and_does_not_is_a_deviation() -> None:
    silent = Figures(COUNT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    pair = between(found(HEALTHY, {("west", "east"): silent}), "west", "east")
    assert pair.round_trip is None
    assert "none of 20 arrived" in pair.deviation


def test_a_large_lab_is_measured_in_parts_that_the_network_probe_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(Topology(name="large", regions=tuple("abcde"), nodes_per_region=7, port_step=100))
    asked: list[int] = []

    class Probe(FakeProbe):
        def ask(self, steps: Iterable[Step], timeout: float = 0, least: float = 0) -> list[str]:
            steps = list(steps)
            asked.append(sum(line.startswith("FLOW") for _, line in steps))
            return super().ask(steps, timeout, least)

        def close(self, wait: bool = True) -> None: ...

    monkeypatch.setattr(spare, "Probe", Probe)
    monkeypatch.setattr(monitor, "get", lambda *_: None)
    trips = rtt.measure(spare.Spare(engine, "large"), COUNT)
    assert len(trips.nodes) == 35 * 34 // 2
    assert all(pair.deviation == "" for pair in trips.nodes)
    assert sum(asked) == 35 * 34
    assert max(asked) < 1024


@pytest.mark.parametrize(
    ("text", "expected"), [("850µs", 0.85), ("1.5ms", 1.5), ("44.123456ms", 44.123), ("1m2.3s", 62_300), ("0s", 0)]
)
def test_a_duration_of_the_servers_is_read(text: str, expected: float) -> None:
    assert milliseconds(text) == pytest.approx(expected)


def test_the_table_marks_what_deviates_by_more_than_colour() -> None:
    at = shaped("west-1", "west-2", "west-3", link="east-west", shape=Shape.of(delay="80ms"))
    text = view.round_trips(found(at, {}), nodes=False)
    assert "! 0.20 ms" in text
    assert "80 ms" in text
    assert "44.0 ms" in text
    assert "west-3" in view.round_trips(found(at, {}), nodes=True)


def test_a_flow_says_where_it_goes() -> None:
    flow = next(plan(HEALTHY, frozenset(), COUNT))
    assert isinstance(flow, Flow)
    assert flow.line(7) == f"FLOW 7 {flow.address} 20 60 5000"
