"""What a drawing shows: regions with their nodes, and what each link carries; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lab.faults.effects import Direction, Effects, Side, joined
from lab.faults.fault import Fault
from lab.faults.registry import ordered
from lab.topology import Link, Topology
from lab.units import several

Carried = Literal["all", "some", "nothing"]
RUNNING = "running"


@dataclass(frozen=True)
class Vertex:
    """A node; `state` is `running`, or Docker's word for what it is instead."""

    name: str
    number: int
    state: str


@dataclass(frozen=True)
class Edge:
    """A link. `there` is what gets from the first of its regions to the second, `back` what gets from the second to the
    first; `slowed` says that some fault does something else to it, such as a delay."""

    regions: tuple[str, str]
    there: Carried
    back: Carried
    slowed: bool

    @property
    def cut(self) -> bool:
        """Whether it carries nothing in either direction."""
        return self.there == self.back == "nothing"

    @property
    def words(self) -> str:
        """What is wrong with it; "" for nothing."""
        one, other = self.regions
        if self.cut:
            return "cut"
        if "nothing" in (self.there, self.back):
            return f"cut from {one} to {other}" if self.there == "nothing" else f"cut from {other} to {one}"
        return "partly cut" if "some" in (self.there, self.back) else "impaired" if self.slowed else ""


@dataclass(frozen=True)
class Graph:
    """`regions` maps each to its nodes; `faults` are sentences."""

    lab: str
    up: bool
    regions: Mapping[str, tuple[Vertex, ...]]
    edges: tuple[Edge, ...]
    faults: tuple[str, ...]

    @property
    def title(self) -> str:
        nodes = sum(map(len, self.regions.values()))
        state = f"{several(len(self.faults), 'fault')} in force" if self.up else "not running"
        return f"{self.lab}: {nodes} nodes in {len(self.regions)} regions, {state}"


def graph(topology: Topology, states: Mapping[str, str], faults: Iterable[Fault]) -> Graph:
    """`states`: node -> Docker's word for its container; empty for a lab that is not up."""
    in_force = ordered(faults)
    effects = joined(fault.affects(topology) for fault in in_force)
    touched = {getattr(fault, "link", "") for fault in in_force}
    regions = {
        region: tuple(
            Vertex(node.name, node.number, states.get(node.name, "missing") if states else RUNNING)
            for node in topology.region_nodes(region)
        )
        for region in topology.regions
    }
    edges = tuple(
        Edge(
            link.regions,
            _carried(topology, effects, link, *link.regions),
            _carried(topology, effects, link, *link.regions[::-1]),
            link.name in touched,
        )
        for link in topology.links
    )
    return Graph(topology.name, bool(states), regions, edges, tuple(map(str, in_force)))


def _carried(topology: Topology, effects: Effects, link: Link, speaker: str, listener: str) -> Carried:
    def silenced(region: str, direction: Direction) -> list[bool]:
        return [Side(node.name, link.name, direction) in effects.silenced for node in topology.region_nodes(region)]

    sides = (silenced(speaker, "out"), silenced(listener, "in"))
    return "nothing" if any(map(all, sides)) else "some" if any(map(any, sides)) else "all"
