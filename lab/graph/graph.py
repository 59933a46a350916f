"""What a drawing shows: regions with their nodes, and what each link carries; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.topology import Topology
from lab.units import several

RUNNING, JOINED, CUT = "running", "joined", "cut"


@dataclass(frozen=True)
class Vertex:
    """A node; `state` is `running`, or Docker's word for what it is instead."""

    name: str
    number: int
    state: str


@dataclass(frozen=True)
class Edge:
    """A link; `state` and `shapes` are those of `lab status`."""

    regions: tuple[str, str]
    state: str
    shapes: Mapping[str, str]

    @property
    def words(self) -> str:
        """What is not ordinary about it; "" for nothing."""
        both = len(self.shapes) == 2 and len(set(self.shapes.values())) == 1
        shapes = [*self.shapes.values()][:1] if both else [f"{way} {shape}" for way, shape in self.shapes.items()]
        return ", ".join(([] if self.state == JOINED else [self.state]) + shapes)


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


def graph(topology: Topology, states: Mapping[str, str], edges: Iterable[Edge], faults: Iterable[str]) -> Graph:
    """The graph of a lab that is up; `states`: node -> Docker's word for its container."""
    return Graph(topology.name, True, _regions(topology, states), tuple(edges), tuple(faults))


def planned(topology: Topology) -> Graph:
    """The graph of a lab as it would be started."""
    edges = tuple(Edge(link.regions, JOINED, {}) for link in topology.links)
    states = {node.name: RUNNING for node in topology.nodes}
    return Graph(topology.name, False, _regions(topology, states), edges, ())


def _regions(topology: Topology, states: Mapping[str, str]) -> dict[str, tuple[Vertex, ...]]:
    return {
        region: tuple(
            Vertex(node.name, node.number, states.get(node.name, "missing")) for node in topology.region_nodes(region)
        )
        for region in topology.regions
    }
