"""What a fault takes away, whatever its kind: nodes that do not answer, packets that vanish, streams without a leader.

Everything that reasons about faults (`lab/faults/reachability.py`, the checkers) reads effects and no kinds, so that a
new kind is understood as soon as it says what it affects.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Literal, Self

from lab.topology import Topology

Direction = Literal["in", "out"]


@dataclass(frozen=True)
class Side:
    """One node's end of one network, in one direction: packets that it receives there (`in`) or sends there (`out`)."""

    node: str
    link: str
    direction: Direction

    def __str__(self) -> str:
        """As it is stored: `west-1 east-west out`."""
        return f"{self.node} {self.link} {self.direction}"

    @classmethod
    def read(cls, text: str) -> Self:
        node, link, direction = text.split()
        return cls(node, link, "in" if direction == "in" else "out")


@dataclass(frozen=True)
class Effects:
    """`out`: nodes that do not answer. `silenced`: where packets vanish. `slowed`: where they are late, or some of them
    lost. `streams`: streams whose leader is deposed."""

    out: frozenset[str] = frozenset()
    silenced: frozenset[Side] = frozenset()
    streams: frozenset[str] = frozenset()
    slowed: frozenset[Side] = frozenset()

    def __or__(self, other: "Effects") -> "Effects":
        return Effects(
            self.out | other.out,
            self.silenced | other.silenced,
            self.streams | other.streams,
            self.slowed | other.slowed,
        )


NOTHING = Effects()


def joined(effects: Iterable[Effects]) -> Effects:
    """All of them at once."""
    return reduce(or_, effects, NOTHING)


def detached(node: str, link: str) -> Effects:
    """A node that a link carries nothing to or from."""
    return Effects(silenced=frozenset({Side(node, link, "in"), Side(node, link, "out")}))


def severed(topology: Topology, link: str) -> Effects:
    """A link that carries nothing at all: the nodes of one of its sides are detached."""
    sides = [each.cut_side for each in topology.links if each.name == link]
    return joined(detached(node.name, link) for side in sides for node in topology.region_nodes(side))
