"""A node that is detached from a link's network. A link is cut when one side's nodes all are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Self

from lab.docker.observation import Observation
from lab.errors import UsageError
from lab.faults.arguments import Path
from lab.faults.block import Block, blocks, merged
from lab.faults.effects import Effects, detached
from lab.faults.fault import Fault, Runtime
from lab.faults.path import ARROW, OnPath, way
from lab.faults.verb import Draw, joined_to
from lab.topology import Link, Topology


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

    @property
    def network(self) -> str:
        return self.link

    def affects(self, topology: Topology) -> Effects:
        return detached(self.node, self.link)

    def interface(self, topology: Topology) -> str:
        return topology.node(self.node).addresses[self.link]


def link_cuts(topology: Topology, link: Link) -> frozenset[Cut]:
    """The faults that cut a whole link."""
    return frozenset(Cut(node.name, link.name) for node in topology.region_nodes(link.cut_side))


def draw_link(topology: Topology, random: Random) -> Path:
    return Path(random.choice(topology.links).name)


def draw_direction(topology: Topology, random: Random) -> Path:
    return Path(ARROW.join(random.sample(random.choice(topology.links).regions, 2)))


@dataclass(frozen=True)
class CutLink(OnPath):
    """Cut a link (`west central`), one direction of it (`'west->central'`), or a node's part of it (`west-1 central`);
    or a node from its own region (`west-1 west`). Other faults stay."""

    link: Path
    reject: bool = False
    name = "cut"
    HELP: ClassVar[Mapping[str, str]] = {
        "reject": "Refuse connections with a reset, as a firewall may; without it packets vanish."
    }

    def faults(self, topology: Topology) -> frozenset[Fault]:
        if self.roles():
            return frozenset()
        part = way(topology, self.link)
        if part.one_way or part.inside or self.reject:
            return frozenset(blocks(topology, part, self.reject))
        if part.node:
            return frozenset({Cut(part.node, part.network)})
        return frozenset(link_cuts(topology, topology.link(part.network)))

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        """One direction beside the other is both. Raises `UsageError` for what is cut already in another way."""
        new = self.faults(topology)
        held = {fault.key for fault in now if isinstance(fault, Cut)}
        blocked = frozenset(fault for fault in new if isinstance(fault, Block))
        if blocked and all(("cut", fault.node, fault.network) in held for fault in blocked):
            raise UsageError(f"{self.link} is cut already", f"`lab join {way(topology, self.link).network}` undoes it")
        return joined_to(now, (new - blocked) | merged(now, blocked))

    @classmethod
    def draws(cls) -> tuple[Draw, ...]:
        return (
            Draw(cls.name, True, lambda topology, random: cls(draw_link(topology, random))),
            Draw("cut-one-way", True, lambda topology, random: cls(draw_direction(topology, random)), needs="blocks"),
            Draw(
                "cut-reject",
                True,
                lambda topology, random: cls(draw_link(topology, random), reject=True),
                needs="blocks",
            ),
        )


@dataclass(frozen=True)
class Join(OnPath):
    """Undo the cuts of a link, of one direction of it, or of a node."""

    link: Path
    name = "join"
    undoes = True

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        part = way(topology, self.link)
        undone = {fault.key for fault in blocks(topology, part, False)} if part.one_way else set()
        nodes = {part.node} if part.node else {node.name for node in (*part.source, *part.target)}

        def ends(fault: Fault) -> bool:
            if not isinstance(fault, Cut | Block) or fault.network != part.network or fault.node not in nodes:
                return False
            return not part.one_way or fault.key in undone

        return frozenset(fault for fault in now if not ends(fault))
