"""Nodes that are cut from links one by one, and joined in another order: the net half gone in ever new ways.

FoundationDB found that it is particularly good at finding deep issues: https://apple.github.io/foundationdb/testing.html
("swizzle-clogging").
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from lab.faults.cut import Cut
from lab.faults.fault import Fault
from lab.faults.verb import Draw, Verb
from lab.topology import Topology

LEAST_STEP_S = 0.5


@dataclass(frozen=True)
class Swizzle(Verb):
    """Cut nodes from links one by one, and join them in another order, for the time of `--for` (30 s)."""

    pieces: int = 6
    seed: int = 0
    name = "swizzle"
    turning = True
    usual_s = 30.0
    HELP: ClassVar[Mapping[str, str]] = {
        "pieces": "How many nodes are cut from a link.",
        "seed": "Another seed cuts others, in another order.",
    }

    def _orders(self, topology: Topology) -> tuple[list[Cut], list[Cut]]:
        """In which order they are cut, and joined."""
        every = [Cut(node.name, link) for node in topology.nodes for link in node.addresses if link != node.region]
        random = Random(f"{self.seed} swizzle")  # noqa: S311 (an order, not a secret)
        chosen = random.sample(every, min(self.pieces, len(every)))
        return chosen, random.sample(chosen, len(chosen))

    def faults(self, topology: Topology) -> frozenset[Fault]:
        return frozenset(self._orders(topology)[0])

    def faults_at(self, topology: Topology, elapsed: float, seconds: float) -> frozenset[Fault]:
        cut, joined = self._orders(topology)
        step = int(round(elapsed * 2 * self.pieces / seconds, 6))
        return frozenset(cut[: step + 1]) - frozenset(joined[: max(0, step + 1 - self.pieces)])

    def turns(self, seconds: float) -> Sequence[float]:
        steps = 2 * self.pieces
        return [seconds * step / steps for step in range(1, steps - 1)]

    def problems(self, topology: Topology, seconds: float) -> Iterator[str]:
        yield from super().problems(topology, seconds)
        most = _most(topology)
        if self.pieces < 2:
            yield f"it must have 2 pieces or more, not {self.pieces}"
        elif self.pieces > most:
            yield f"it has {self.pieces} pieces, and this lab has {most}: `--pieces {most}`"
        elif seconds < LEAST_STEP_S * 2 * self.pieces:
            yield f"{self.pieces} pieces need {LEAST_STEP_S * 2 * self.pieces:g} s or more, not {seconds:g} s"

    @classmethod
    def draws(cls) -> tuple[Draw, ...]:
        def some(topology: Topology, random: Random) -> Verb:
            return cls(pieces=min(4, _most(topology)), seed=random.randrange(10**6))

        return (Draw(cls.name, True, some),)


def _most(topology: Topology) -> int:
    """How many nodes can be cut from a link, each link counted."""
    return sum(len(node.addresses) - 1 for node in topology.nodes)
