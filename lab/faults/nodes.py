"""What all verbs share that act on nodes, named or found by their role."""

from collections.abc import Iterable, Iterator
from random import Random

from lab.errors import UsageError
from lab.faults.arguments import Target, stream_of
from lab.faults.fault import Fault
from lab.faults.verb import Draw, Verb
from lab.layouts import layout_of
from lab.topology import Node, Topology


class OnNodes(Verb):
    """A verb whose words name nodes or regions."""

    targets: tuple[Target, ...]
    SHORT = "targets"

    @property
    def said(self) -> str:
        return " ".join([self.name, ", ".join(self.targets), *self.options()])

    def problems(self, topology: Topology, seconds: float) -> Iterator[str]:
        yield from super().problems(topology, seconds)
        yield from unknown_streams(self.roles(), topology)

    @classmethod
    def draws(cls) -> tuple[Draw, ...]:
        def node(topology: Topology, random: Random) -> Verb:
            return cls.from_words(random.choice(topology.nodes).name)

        def region(topology: Topology, random: Random) -> Verb:
            return cls.from_words(random.choice(topology.regions))

        return () if cls.undoes else (Draw(cls.name, False, node), Draw(f"{cls.name}-region", True, region))


def unknown_streams(roles: Iterable[str], topology: Topology) -> Iterator[str]:
    """Problems of roles whose stream the lab does not have."""
    for stream in map(stream_of, roles):
        try:
            if stream is not None:
                layout_of(topology).stream(stream)
        except UsageError as error:
            yield f"{error.message} ({error.hint})"


def without(now: frozenset[Fault], kind: type[Fault], nodes: Iterable[Node]) -> frozenset[Fault]:
    """What stays when these nodes are rid of one kind of fault."""
    names = {node.name for node in nodes}
    return frozenset(fault for fault in now if not (isinstance(fault, kind) and fault.node in names))
