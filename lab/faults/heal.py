"""Undoing every fault."""

from dataclasses import dataclass

from lab.faults.fault import Fault
from lab.faults.verb import Verb
from lab.topology import Topology


@dataclass(frozen=True)
class Heal(Verb):
    """Undo every fault, including half-made ones. Repeating it does nothing."""

    name = "heal"
    undoes = True

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        return frozenset()
