"""What datagrams show that connects cannot: that one direction is cut and the other is not, and that a shape does what
it says. Planned and judged here, pure; `lab/faults/proof.py` sends them.

Both ends of a flow have this host's clock, so each direction has its own delay. A loss or a rate is judged as far as
some thousand packets can tell: what they cannot contradict stands as the kernel says it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil, sqrt
from statistics import median
from typing import Any, Self

from lab.docker.observation import Observation
from lab.faults.block import Block
from lab.faults.fault import Fault
from lab.faults.path import ARROW
from lab.faults.reachability import Reachability
from lab.faults.shape import Shaped, shape_of
from lab.shape import Shape, numbers
from lab.topology import Node

SMALL, LARGE, HEADERS = 60, 1400, 42  # bytes: payloads, and what Ethernet, IP and UDP add
FEW, MANY, GAP_US = 20, 3000, 50
RATE_S, FASTEST = 0.15, 500_000_000  # how long a rate is measured; above that many bit/s the sender is the limit
SLACK_MS, SIGMAS = 20.0, 5.0


@dataclass(frozen=True)
class Flow:
    """Datagrams from one node to another over a network. `expected`: the shape of that direction, None for silence."""

    source: str
    target: str
    network: str
    address: str
    expected: Shape | None
    count: int = FEW
    size: int = SMALL
    gap_us: int = 1000

    @property
    def of_rate(self) -> bool:
        return self.size == LARGE

    def line(self, pid: int) -> str:
        """For the probe in the source's namespace; `pid` is the target's process."""
        return f"FLOW {pid} {self.address} {self.count} {self.size} {self.gap_us}"


@dataclass(frozen=True)
class Figures:
    """What a flow came to: packets, and milliseconds one way. `span` is from the first arrival to the last."""

    sent: int
    received: int
    duplicates: int
    reordered: int
    min: float
    median: float
    mean: float
    max: float
    deviation: float
    bytes: int
    span: float

    @classmethod
    def read(cls, answer: str) -> Self | None:
        """From the probe's answer; None if the flow could not be sent."""
        kind, *rest = answer.split()
        if kind != "flow":
            return None
        value: dict[str, Any] = numbers(rest)
        times = {key: value[key] / 1000 for key in ("min", "median", "mean", "max", "deviation", "span")}
        return cls(**{key: value[key] for key in ("sent", "received", "duplicates", "reordered", "bytes")}, **times)

    @property
    def lost(self) -> float:
        """The part that did not arrive, 0 to 1."""
        return 1 - self.received / self.sent if self.sent else 0.0

    @property
    def rate(self) -> float:
        """In bit/s, headers included; 0 if less than two packets came."""
        return self.bytes * (LARGE + HEADERS) / LARGE * 8000 / self.span if self.span else 0.0


@dataclass(frozen=True)
class Measured:
    """One direction of a link between two nodes, as it was measured. `direction` has the regions; `delay_ms` is a
    median, None if nothing came; `rate` in bit/s, None where it was not measured."""

    source: str
    target: str
    link: str
    direction: str
    delay_ms: float | None
    lost: float
    sent: int
    rate: float | None = None


def patience_ms(faults: Iterable[Fault], observation: Observation) -> float:
    """How long the slowest packets may take one way."""
    shapes = [fault.shape for fault in faults if isinstance(fault, Shaped)]
    shapes += observation.topology.conditions.values()
    return max((shape.delay + 4 * shape.jitter + _waiting_ms(shape) for shape in shapes), default=0.0)


def _waiting_ms(shape: Shape) -> float:
    return shape.limit * 8000 / shape.rate if shape.rate else 0.0


def plan(observation: Observation, faults: frozenset[Fault], touched: Iterable[Fault]) -> list[Flow]:
    """For each block and shape that a change touched: its direction, and the other one. `faults` are in force."""
    found: dict[tuple[str, str, bool], Flow] = {}
    for fault in touched:
        if isinstance(fault, Shaped | Block) and observation.attached(fault.node, _network(fault)):
            for flow in _both_ways(observation, faults, fault):
                found.setdefault((flow.source, flow.target, flow.of_rate), flow)
    return list(found.values())


def _network(fault: Shaped | Block) -> str:
    return fault.link if isinstance(fault, Shaped) else fault.network


def _both_ways(observation: Observation, faults: frozenset[Fault], fault: Shaped | Block) -> Iterator[Flow]:
    topology, network = observation.topology, _network(fault)
    node = topology.node(fault.node)
    inside = network == node.region
    peers = [
        peer
        for peer in topology.nodes
        if peer != node and (peer.region == node.region) == inside and observation.attached(peer.name, network)
    ]
    left = Reachability.of(topology, faults)
    # Best one from which nothing else keeps the packets; nodes in turn, so that none gets them all.
    peers = peers[node.number % len(peers) :] + peers[: node.number % len(peers)] if peers else []
    for peer in sorted(peers, key=lambda peer: not (left.carries(node, peer) or left.carries(peer, node)))[:1]:
        for source, target in ((node, peer), (peer, node)):
            yield from _flows(source, target, network, faults, observation, left, of=fault)


def _flows(
    source: Node,
    target: Node,
    network: str,
    faults: frozenset[Fault],
    observation: Observation,
    left: Reachability,
    of: Shaped | Block,
) -> Iterator[Flow]:
    shape = shape_of(observation, faults, source.name, network)
    address = target.addresses[network]
    if not left.carries(source, target):
        yield Flow(source.name, target.name, network, address, None)
        return
    if source.name != of.node or isinstance(of, Block):
        yield Flow(source.name, target.name, network, address, shape, 200 if shape.lost else FEW)
        return
    count, gap = FEW, 1000
    if shape.lost or shape.duplicate:
        rarest = min(p for p in (shape.lost, shape.duplicate / 100) if p)
        count, gap = min(MANY, max(FEW, ceil(30 * max(1.0, shape.burst) / rarest))), GAP_US
    if shape.rate:  # the measuring itself must not fill the queue
        gap = max(gap, ceil((SMALL + HEADERS) * 8e6 / shape.rate * 2))
        count = min(count, max(FEW, 1_000_000 // gap))
    yield Flow(source.name, target.name, network, address, shape, count, SMALL, gap)
    if 0 < shape.rate <= FASTEST:
        packet = (LARGE + HEADERS) * 8
        packets = ceil((shape.buffer * 8 + shape.rate * RATE_S) / packet) + 5
        yield Flow(source.name, target.name, network, address, shape, packets, LARGE, int(packet * 5e5 / shape.rate))


def contradiction(flow: Flow, seen: Figures | None) -> str:
    """Why what was seen is not what should be, as a sentence without its subject; "" if it is."""
    shape = flow.expected
    if seen is None:
        return "could not be tried"
    if shape is None:
        return f"should be cut, but {seen.received} of {seen.sent} packets arrived" if seen.received else ""
    if not seen.received:
        return "" if shape.lost > 0.9 else f"should carry packets, but none of {seen.sent} arrived"
    if flow.of_rate:
        return _too_fast(flow, shape, seen)
    return _wrong_delay(shape, seen) or _wrong_loss(shape, seen) or _wrong_doubles(shape, seen)


def _wrong_delay(shape: Shape, seen: Figures) -> str:
    early, late = shape.delay - shape.jitter, shape.delay + shape.jitter + 0.1 * shape.delay + SLACK_MS
    measured = f"a packet takes {seen.median:.1f} ms"
    if shape.rate:
        late += _waiting_ms(shape)
    if seen.median < early - 0.1 and shape.reorder < 50:
        return f"{measured}, not {shape.delay:g} ms" + (f" ± {shape.jitter:g} ms" if shape.jitter else "")
    return f"{measured}, and should not need {late:.0f} ms" if seen.min > late else ""


def _wrong_loss(shape: Shape, seen: Figures) -> str:
    lost, expected = seen.sent - seen.received, seen.sent * shape.lost
    spread = SIGMAS * sqrt(expected * (1 - shape.lost) * max(1.0, 2 * shape.burst)) + 2
    if expected - spread <= lost <= expected + spread and (lost or expected < 10 * max(1.0, shape.burst)):
        return ""
    return f"{lost} of {seen.sent} packets were lost, and {shape.lost * 100:g} % should be"


def _wrong_doubles(shape: Shape, seen: Figures) -> str:
    expected = seen.sent * (1 - shape.lost) * shape.duplicate / 100
    return f"no packet of {seen.sent} came twice" if expected >= 15 and not seen.duplicates else ""


def _too_fast(flow: Flow, shape: Shape, seen: Figures) -> str:
    """What may go at once does so; the rest is held back."""
    held = (seen.bytes * (LARGE + HEADERS) / LARGE - shape.buffer) * 8
    least = held * 1000 / shape.rate
    return f"{seen.rate / 1e6:.1f} Mbit/s passed, not {shape.rate / 1e6:g}" if seen.span < 0.75 * least - 5 else ""


def measured(observation: Observation, flows: Iterable[Flow], seen: Iterable[Figures | None]) -> tuple[Measured, ...]:
    """One row for each pair of nodes and direction."""
    rows: dict[tuple[str, str], Measured] = {}
    for flow, figures in zip(flows, seen, strict=True):
        pair = flow.source, flow.target
        if figures and flow.of_rate and pair in rows:
            rows[pair] = replace(rows[pair], rate=round(figures.rate))
        elif figures:
            delay = round(figures.median, 3) if figures.received else None
            regions = [observation.topology.node(name).region for name in pair]
            direction = ARROW.join(pair if regions[0] == regions[1] else regions)
            rows[pair] = Measured(*pair, flow.network, direction, delay, round(figures.lost, 4), figures.sent)
    return tuple(rows.values())


def summary(after: Iterable[Measured], before: Iterable[Measured]) -> Iterator[str]:
    """A line for each direction of a link: `west->east 40.1 ms one way (0.1 before), 1.1 % lost, 19.6 Mbit/s`."""
    was = _by_direction(before)
    for direction, rows in _by_direction(after).items():
        delay, earlier = _delay(rows), _delay(was.get(direction, []))
        text = "nothing arrives" if delay is None else f"{delay:.1f} ms one way"
        text += f" ({earlier:.1f} before)" if delay is not None and earlier is not None else ""
        lost = sum(row.lost * row.sent for row in rows) / sum(row.sent for row in rows)
        text += f", {lost * 100:.2g} % lost" if 0 < lost < 1 else ""
        rates = [row.rate for row in rows if row.rate is not None]
        text += f", {median(rates) / 1e6:.3g} Mbit/s" if rates else ""
        yield f"{direction} {text}"


def _by_direction(rows: Iterable[Measured]) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {}
    for row in rows:
        found.setdefault(row.direction, []).append(row)
    return found


def _delay(rows: list[Measured]) -> float | None:
    delays = [row.delay_ms for row in rows if row.delay_ms is not None]
    return median(delays) if delays else None
