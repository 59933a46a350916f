"""A node whose processes are frozen: its kernel still acknowledges, nobody answers. Not the same as a cut."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from lab.docker.observation import Observation
from lab.errors import NotRunning
from lab.faults.arguments import Target
from lab.faults.effects import Effects
from lab.faults.fault import Fault, Runtime
from lab.faults.nodes import OnNodes, without
from lab.faults.verb import joined_to
from lab.topology import Topology


@dataclass(frozen=True)
class Paused(Fault):
    node: str
    kind = "paused"
    heals_first = True  # a frozen node can be neither stopped nor killed

    def __str__(self) -> str:
        return f"{self.node} is paused"

    @property
    def key(self) -> tuple[str, ...]:
        return self.kind, self.node

    @classmethod
    def observe(cls, observation: Observation) -> Iterator[Self]:
        for name, container in observation.containers.items():
            if container.state == "paused":
                yield cls(name)

    def inject(self, runtime: Runtime, topology: Topology) -> None:
        runtime.pause(topology.container(self.node))

    def heal(self, runtime: Runtime, topology: Topology) -> None:
        runtime.unpause(topology.container(self.node))

    def affects(self, topology: Topology) -> Effects:
        return Effects(out=frozenset({self.node}))


@dataclass(frozen=True)
class Pause(OnNodes):
    """Freeze nodes or regions: connections stay open, nothing answers."""

    targets: tuple[Target, ...]
    name = "pause"

    def faults(self, topology: Topology) -> frozenset[Fault]:
        return frozenset(Paused(node.name) for node in self.nodes(topology))

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        """Raises `NotRunning` for a node that is down: there is nothing to freeze."""
        names = {node.name for node in self.nodes(topology)}
        down = sorted(fault.node for fault in now if fault.kind == "down" and fault.node in names)
        if down:
            raise NotRunning(f"{', '.join(down)} cannot be paused while down", "`lab start` starts it")
        return joined_to(now, self.faults(topology))


@dataclass(frozen=True)
class Resume(OnNodes):
    """Resume nodes or regions that are paused."""

    targets: tuple[Target, ...]
    name = "resume"
    undoes = True

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        return without(now, Paused, self.nodes(topology))
