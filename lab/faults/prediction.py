"""What should work after a set of faults, by quorum arithmetic alone; pure.

A raft group acts when a majority of its peers see each other: the meta group has every node as a peer, a stream's group
its replicas, all in one region. What the servers do is measured by `lab/observe/availability.py`, whose cells these are
about.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lab.faults.cut import Cut
from lab.faults.down import Down
from lab.faults.fault import Fault
from lab.faults.paused import Paused
from lab.layouts import layout_of
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
)
from lab.topology import Topology


@dataclass(frozen=True)
class Forecast:
    """One cell's prediction: `works` None when arithmetic does not tell. `reason` is a sentence for people."""

    region: str
    operation: str
    works: bool | None
    reason: str


@dataclass(frozen=True)
class Difference:
    """A cell that is not as predicted."""

    forecast: Forecast
    cell: Cell


@dataclass(frozen=True)
class Prediction:
    """`summary` has the arithmetic in sentences; `cells` one forecast for each region and operation."""

    summary: tuple[str, ...]
    cells: tuple[Forecast, ...]

    def cell(self, region: str, operation: str) -> Forecast:
        return next(cell for cell in self.cells if (cell.region, cell.operation) == (region, operation))


def majority(peers: int) -> int:
    return peers // 2 + 1


def predict(topology: Topology, faults: Iterable[Fault]) -> Prediction:
    """What should work in each region with these faults in force."""
    view = _View(topology, frozenset(faults))
    summary, cells = view.summary(), []
    for region in topology.regions:
        cells += [Forecast(region, operation, *view.forecast(region, operation)) for operation in OPERATIONS]
    return Prediction(tuple(summary), tuple(cells))


def differences(prediction: Prediction, measured: Matrix) -> tuple[Difference, ...]:
    """Cells that are not as predicted. What could not be told on either side is no difference; silence is a failure."""
    found = []
    for cell in measured.cells:
        forecast = prediction.cell(cell.region, cell.operation)
        works = {"works": True, "fails": False, "silent": False, "unknown": None}[cell.state]
        if None not in (works, forecast.works) and works != forecast.works:
            found.append(Difference(forecast, cell))
    return tuple(found)


def settled(prediction: Prediction, measured: Matrix) -> bool:
    """Whether the measurement is a last word: all as predicted, and by answers rather than by silence."""
    return not differences(prediction, measured) and not any(cell.state == "silent" for cell in measured.cells)


class _View:
    """Who sees whom."""

    def __init__(self, topology: Topology, faults: frozenset[Fault]) -> None:
        self.topology = topology
        out = {fault.node for fault in faults if isinstance(fault, Down | Paused)}
        self.up = {node.name: node for node in topology.nodes if node.name not in out}
        self.cut = {(fault.node, fault.link) for fault in faults if isinstance(fault, Cut)}
        self.needed = majority(len(topology.nodes))
        self.seen = {name: self.sees(name) for name in self.up}
        able = {name for name, seen in self.seen.items() if len(seen) >= self.needed}
        # A leader that some able node does not hear is called in question again and again, until one is that all hear.
        heard = {name for name in able if all(name in self.seen[other] for other in able)}
        self.leaders = heard or able

    def sees(self, name: str) -> set[str]:
        """The nodes that this one can talk to, itself included: its region's over routes, the others' over links."""
        node = self.up[name]
        found = {other.name for other in self.up.values() if other.region == node.region}
        for link in self.topology.links:
            if node.region in link.regions and (name, link.name) not in self.cut:
                far = link.regions[link.regions[0] == node.region]
                found |= {o.name for o in self.up.values() if o.region == far and (o.name, link.name) not in self.cut}
        return found

    def nodes_up(self, region: str) -> int:
        return sum(node.region == region for node in self.up.values())

    def summary(self) -> list[str]:
        lines = [f"the meta group has {len(self.topology.nodes)} peers and needs {self.needed} that see each other"]
        for region in self.topology.regions:
            nodes = [name for name, node in self.up.items() if node.region == region]
            if not nodes:
                lines.append(f"{region}: no server answers")
                continue
            seen = len(self.seen[nodes[0]])
            enough = "enough for" if seen >= self.needed else "too few for"
            lines.append(f"{region} sees {seen} of {len(self.topology.nodes)} servers: {enough} a meta leader")
        lines.append(
            f"a stream has {self.topology.replicas} replicas in its region and needs {majority(self.topology.replicas)}"
        )
        regions = sorted({self.up[name].region for name in self.leaders}, key=self.topology.regions.index)
        if self.leaders and len(regions) < len({self.up[name].region for name in self.up}):
            lines.append(f"only a meta leader in {' or '.join(regions)} is heard by all who can have one")
        return lines

    def forecast(self, region: str, operation: str) -> tuple[bool | None, str]:
        if not self.nodes_up(region):
            return False, f"no server of {region} answers"
        leader, group = self.meta(region), self.group(region)
        if operation == META_LEADER:
            return leader
        if operation in (PUBLISH, SEE_OWN_PUBLISH, EXISTING_CONSUMER):
            return group
        if operation == DIRECT_GET:
            return self.direct(region)
        if operation in (NEW_CONSUMER, NEW_STREAM):
            return self.placed(region, leader)
        assert operation == GET
        return leader if leader[0] is not True else group if group[0] is not True else leader

    def placed(self, region: str, leader: tuple[bool | None, str]) -> tuple[bool | None, str]:
        """The probe's consumer and stream have one replica each, which the meta leader places on any of the servers."""
        if leader[0] and self.nodes_up(region) < self.topology.nodes_per_region:
            return None, f"it depends on which server of {region} it is placed on"
        return leader

    def meta(self, region: str) -> tuple[bool | None, str]:
        nodes = [name for name, node in self.up.items() if node.region == region]
        seen = len(self.seen[nodes[0]])
        if all(self.seen[name] & self.leaders for name in nodes):
            return True, f"{region} sees {seen} of {len(self.topology.nodes)} servers, {self.needed} are needed"
        if any(self.seen[name] & self.leaders for name in nodes):
            return None, f"not all servers of {region} see the same"
        return False, f"{region} sees {seen} of {len(self.topology.nodes)} servers, {self.needed} are needed"

    def group(self, region: str) -> tuple[bool | None, str]:
        """A stream's or a consumer's raft group in the region."""
        replicas, up = self.topology.replicas, self.nodes_up(region)
        down, needed = self.topology.nodes_per_region - up, majority(replicas)
        if replicas - down >= needed:
            return True, f"{min(replicas, up)} of {replicas} replicas in {region}, {needed} are needed"
        if up < needed:
            return False, f"{up} of {replicas} replicas in {region}, {needed} are needed"
        return None, f"it depends on which {replicas} of {self.topology.nodes_per_region} servers hold the replicas"

    def direct(self, region: str) -> tuple[bool | None, str]:
        if not layout_of(self.topology).copy(region).allows_direct_get:
            return False, "the original definitions do not allow Direct Get"
        works, reason = self.group(region)
        return (True, reason) if works else (None, f"a replica may answer without a leader; {reason}")
