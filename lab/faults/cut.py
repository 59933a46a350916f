"""A node that is detached from a link's network. A link is cut when one side's nodes all are."""

from collections.abc import Iterator
from dataclasses import dataclass

from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.topology import Link, Topology


@dataclass(frozen=True)
class Cut:
    node: str
    link: str
    kind = "cut"

    def __str__(self) -> str:
        return f"{self.node} is cut from link {self.link}"

    @staticmethod
    def observe(observation: Observation) -> Iterator["Cut"]:
        for node in observation.topology.nodes:
            container = observation.containers.get(node.name)
            if container:
                for key in node.addresses.keys() - container.addresses.keys() - {node.region}:
                    yield Cut(node.name, key)

    def inject(self, engine: Engine, topology: Topology) -> None:
        engine.detach(topology.container(self.node), topology.network(self.link))

    def heal(self, engine: Engine, topology: Topology) -> None:
        address = topology.node(self.node).addresses[self.link]
        engine.attach(topology.container(self.node), topology.network(self.link), address)


def link_cuts(topology: Topology, link: Link) -> frozenset[Cut]:
    """The faults that cut a whole link."""
    return frozenset(Cut(node.name, link.name) for node in topology.region_nodes(link.cut_side))
