"""Faults: frozen values in a set, one module for each kind.

A value is the smallest thing that can change. The set in force is read from Docker (`present`); injecting and healing
are differences of sets (`lab/faults/change.py`). A new kind is one module and one entry in `KINDS`.
"""

from collections.abc import Iterable

from lab.docker.observation import Observation
from lab.faults.cut import Cut
from lab.faults.down import Down
from lab.faults.paused import Paused

Fault = Paused | Cut | Down
# In the order in which they are healed: a frozen node can be neither stopped nor killed, and a node that starts
# should find its networks.
KINDS: tuple[type[Fault], ...] = (Paused, Cut, Down)


def present(observation: Observation) -> frozenset[Fault]:
    """The faults in force."""
    return frozenset(fault for kind in KINDS for fault in kind.observe(observation))


def ordered(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Faults as they are listed everywhere: by kind, then by name."""
    return tuple(sorted(faults, key=lambda fault: (fault.kind, str(fault))))


__all__ = ["KINDS", "Cut", "Down", "Fault", "Paused", "ordered", "present"]
