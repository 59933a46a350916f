"""A node that is detached from a link's network. A link is cut when one side's nodes all are."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Self

from lab.docker.observation import Observation
from lab.errors import UsageError
from lab.faults.arguments import Link
from lab.faults.effects import Effects, detached
from lab.faults.fault import Fault, Runtime
from lab.faults.verb import Draw, Verb
from lab.topology import Link as TopologyLink
from lab.topology import Topology


@dataclass(frozen=True)
class Cut(Fault):
    node: str
    link: str
    kind = "cut"

    def __str__(self) -> str:
        return f"{self.node} is cut from link {self.link}"

    @property
    def key(self) -> tuple[str, ...]:
        return self.kind, self.node, self.link

    @classmethod
    def observe(cls, observation: Observation) -> Iterator[Self]:
        for node in observation.topology.nodes:
            container = observation.containers.get(node.name)
            if container:
                for key in node.addresses.keys() - container.addresses.keys() - {node.region}:
                    yield cls(node.name, key)

    def inject(self, runtime: Runtime, topology: Topology) -> None:
        runtime.detach(topology.container(self.node), topology.network(self.link))

    def heal(self, runtime: Runtime, topology: Topology) -> None:
        runtime.attach(topology.container(self.node), topology.network(self.link), self.interface(topology))

    def affects(self, topology: Topology) -> Effects:
        return detached(self.node, self.link)

    def interface(self, topology: Topology) -> str:
        return topology.node(self.node).addresses[self.link]


def link_cuts(topology: Topology, link: TopologyLink) -> frozenset[Cut]:
    """The faults that cut a whole link."""
    return frozenset(Cut(node.name, link.name) for node in topology.region_nodes(link.cut_side))


class OnLink(Verb):
    """A verb whose words name one link: `west central`, or `west-central`."""

    link: Link
    SHORT = "link"

    @classmethod
    def from_words(cls, *words: str, **options: Any) -> Self:
        if not 1 <= len(words) <= 2:
            raise UsageError("a link joins two regions", f"write `lab {cls.name} west central`")
        return cls(link=Link("-".join(words)), **options)  # type: ignore[call-arg]


def draw_link(topology: Topology, random: Random) -> Link:
    return Link(random.choice(topology.links).name)


@dataclass(frozen=True)
class CutLink(OnLink):
    """Cut one link: `lab cut west central`. Other faults stay."""

    link: Link
    name = "cut"

    def faults(self, topology: Topology) -> frozenset[Fault]:
        return frozenset(link_cuts(topology, topology.link(self.link)))

    @classmethod
    def draws(cls) -> tuple[Draw, ...]:
        return (Draw(cls.name, True, lambda topology, random: cls(draw_link(topology, random))),)


@dataclass(frozen=True)
class Join(OnLink):
    """Undo the cut of one link."""

    link: Link
    name = "join"
    undoes = True

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        key = topology.link(self.link).name
        return frozenset(fault for fault in now if not (isinstance(fault, Cut) and fault.link == key))
