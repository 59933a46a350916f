"""Round trips between nodes and between regions as they are measured, beside what the faults in force say.

Datagrams go from node to node over their network in each direction, sent and received by the network probe inside the
nodes' own network namespaces: both ends have this host's clock, so each direction is measured by itself, and a round
trip is the sum of both. A second witness is the round trip that the servers measure on their gateways.
"""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations, combinations_with_replacement
from statistics import fmean, median

from lab.docker.observation import Observation
from lab.faults.fault import Fault
from lab.faults.flows import Figures, Flow, contradiction
from lab.faults.proof import sent
from lab.faults.reachability import Reachability
from lab.faults.registry import present
from lab.faults.shape import shape_of
from lab.jetstream import monitor
from lab.netprobe.interfaces import asked
from lab.netprobe.spare import Spare

COUNT, GAP_US = 20, 5_000
PATIENCE_S = 0.5  # beyond what the slowest should take
UNITS_MS = {"h": 3.6e6, "m": 6e4, "s": 1e3, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "ns": 1e-6}


@dataclass(frozen=True)
class Times:
    """Milliseconds."""

    min: float
    median: float
    max: float


@dataclass(frozen=True)
class OneWay:
    """Datagrams from `source` to `target`. `lost` is the part that did not arrive, 0 to 1; `delay` is None if none did.
    `expected_ms` (the shape's delay) and `expected_lost` are what is in force; `deviation` says how the rest differs
    from it, "" if it does not."""

    source: str
    target: str
    sent: int
    lost: float
    delay: Times | None
    expected_ms: float
    expected_lost: float
    deviation: str = ""


@dataclass(frozen=True)
class Pair:
    """Two nodes, two regions, or a region with itself. `round_trip` is None unless datagrams arrive in both directions.
    `gateways_ms` is the median of what the servers measured on their gateways, None if there are none."""

    one: str
    other: str
    round_trip: Times | None
    there: OneWay
    back: OneWay
    gateways_ms: float | None = None

    @property
    def expected_ms(self) -> float:
        """The round trip that is in force."""
        return self.there.expected_ms + self.back.expected_ms

    @property
    def deviation(self) -> str:
        """How it is not as it should be; "" if it is."""
        parts = (f"{way.source}→{way.target} {way.deviation}" for way in (self.there, self.back) if way.deviation)
        return "; ".join(parts)


@dataclass(frozen=True)
class RoundTrips:
    """`regions` has each pair of regions, and each region with itself, over all pairs of their nodes. `absent` are the
    nodes that do not run: they are in no pair."""

    lab: str
    regions: tuple[Pair, ...]
    nodes: tuple[Pair, ...]
    absent: tuple[str, ...]


def measure(spare: Spare, count: int = COUNT) -> RoundTrips:
    """All pairs of nodes, as far as possible at once, with `count` datagrams in each direction. Raises `LabError`."""
    probe = spare.take()
    try:
        observation = asked(spare.engine.observe(spare.lab), probe)
        faults = present(observation)
        flows = list(plan(observation, faults, count))
        with ThreadPoolExecutor(1) as pool:
            gateways = pool.submit(_gateways, observation)
            seen = sent(observation, faults, flows, probe, PATIENCE_S)
            return summary(observation, flows, seen, gateways.result())
    finally:
        spare.give(probe)


def plan(observation: Observation, faults: frozenset[Fault], count: int) -> Iterator[Flow]:
    """Both directions of each pair of nodes that run, one after the other."""
    left = Reachability.of(observation.topology, faults)
    for one, other in combinations(observation.running_nodes(), 2):
        network = next(key for key in one.addresses if key in other.addresses)
        for source, target in ((one, other), (other, one)):
            shape = shape_of(observation, faults, source.name, network) if left.carries(source, target) else None
            address = target.addresses[network]
            yield Flow(source.name, target.name, network, address, shape, count, gap_us=GAP_US)


def summary(
    observation: Observation,
    flows: Sequence[Flow],
    seen: Sequence[Figures | None],
    gateways: dict[tuple[str, str], list[float]],
) -> RoundTrips:
    """What the datagrams came to, by pairs of nodes and of regions. Pure."""
    topology = observation.topology
    region = {node.name: node.region for node in topology.nodes}
    ways = [_one_way(flow, figures) for flow, figures in zip(flows, seen, strict=True)]
    pairs = list(zip(ways[::2], ways[1::2], strict=True))
    regions = []
    for one, other in combinations_with_replacement(topology.regions, 2):
        between = [pair for pair in pairs if (region[pair[0].source], region[pair[0].target]) == (one, other)]
        if between:
            there, back = zip(*between, strict=True)
            witnesses = gateways.get((one, other), []) + gateways.get((other, one), [])
            pair = _pair(_merged(one, other, there), _merged(other, one, back))
            regions.append(replace(pair, gateways_ms=median(witnesses) if witnesses else None))
    absent = tuple(node.name for node in topology.nodes if not observation.running(node.name))
    return RoundTrips(topology.name, tuple(regions), tuple(_pair(*pair) for pair in pairs), absent)


def _one_way(flow: Flow, seen: Figures | None) -> OneWay:
    arrived = seen if seen and seen.received else None
    cut = flow.expected is None  # then there may be no interface to send from
    return OneWay(
        flow.source,
        flow.target,
        seen.sent if seen else 0,
        round(seen.lost, 4) if seen else 1.0,
        Times(arrived.min, arrived.median, arrived.max) if arrived else None,
        flow.expected.delay if flow.expected else 0.0,
        round(flow.expected.lost, 4) if flow.expected else 1.0,
        "" if cut and seen is None else contradiction(flow, seen),
    )


def _merged(source: str, target: str, ways: Sequence[OneWay]) -> OneWay:
    """One direction between two regions, over all pairs of their nodes."""
    delays = [way.delay for way in ways if way.delay]
    wrong = [way for way in ways if way.deviation]
    deviation = (
        f"in {len(wrong)} of {len(ways)} pairs: {wrong[0].source}→{wrong[0].target} {wrong[0].deviation}"
        if wrong
        else ""
    )
    return OneWay(
        source,
        target,
        sum(way.sent for way in ways),
        round(fmean(way.lost for way in ways), 4),
        Times(min(d.min for d in delays), median(d.median for d in delays), max(d.max for d in delays))
        if delays
        else None,
        median(way.expected_ms for way in ways),
        round(fmean(way.expected_lost for way in ways), 4),
        deviation,
    )


def _pair(there: OneWay, back: OneWay) -> Pair:
    both = None
    if there.delay and back.delay:
        one, other = there.delay, back.delay
        both = Times(
            *(round(sum(x), 3) for x in ((one.min, other.min), (one.median, other.median), (one.max, other.max)))
        )
    return Pair(there.source, there.target, both, there, back)


def _gateways(observation: Observation) -> dict[tuple[str, str], list[float]]:
    """(region, other region) -> the round trips that the region's servers report, in milliseconds."""
    nodes = observation.running_nodes()
    with ThreadPoolExecutor(len(nodes) or 1) as pool:
        documents = pool.map(lambda node: monitor.get(node.monitor_port, "/gatewayz"), nodes)
    found: dict[tuple[str, str], list[float]] = {}
    for node, document in zip(nodes, documents, strict=True):
        for other, gateway in ((document or {}).get("outbound_gateways") or {}).items():
            measured = (gateway.get("connection") or {}).get("rtt")
            if measured:
                found.setdefault((node.region, other), []).append(milliseconds(measured))
    return found


def milliseconds(duration: str) -> float:
    """Of a duration as servers write it: `850µs`, `1.5ms`, `1m2.3s`."""
    parts = re.findall(r"([\d.]+)(h|ms|m|us|µs|ns|s)", duration)
    return round(sum(float(number) * UNITS_MS[unit] for number, unit in parts), 3)
