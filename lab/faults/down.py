"""A node that is not running: stopped with SIGTERM, or killed with SIGKILL."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from lab.docker.observation import Observation
from lab.faults.arguments import Target
from lab.faults.effects import Effects
from lab.faults.fault import Fault, Runtime
from lab.faults.nodes import OnNodes, without
from lab.faults.paused import Paused
from lab.faults.verb import joined_to
from lab.topology import Topology

KILLED = 137  # 128 + SIGKILL


@dataclass(frozen=True)
class Down(Fault):
    """`killed` says how, and does not count when faults are compared: down is down. `failed_start`: it was started, and
    ended by itself."""

    node: str
    killed: bool = field(default=False, compare=False)
    failed_start: bool = field(default=False, compare=False, repr=False)
    kind = "down"

    def __str__(self) -> str:
        if self.failed_start:
            return f"{self.node} is down (ended as soon as it was started: `lab logs {self.node}` tells why)"
        return f"{self.node} is down ({'killed' if self.killed else 'stopped'})"

    @property
    def key(self) -> tuple[str, ...]:
        return self.kind, self.node

    @classmethod
    def observe(cls, observation: Observation) -> Iterator[Self]:
        for name, container in observation.containers.items():
            if container.state not in ("running", "paused", "restarting"):
                yield cls(name, container.exit_code == KILLED, container.failed_start)

    def inject(self, runtime: Runtime, topology: Topology) -> None:
        (runtime.kill if self.killed else runtime.stop)(topology.container(self.node))

    def heal(self, runtime: Runtime, topology: Topology) -> None:
        runtime.start(topology.container(self.node))

    def affects(self, topology: Topology) -> Effects:
        return Effects(out=frozenset({self.node}))


class _BringDown(OnNodes):
    killed = False

    def faults(self, topology: Topology) -> frozenset[Fault]:
        return frozenset(Down(node.name, self.killed) for node in self.nodes(topology))

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        """A node that is down is no longer paused."""
        return joined_to(without(now, Paused, self.nodes(topology)), self.faults(topology))


@dataclass(frozen=True)
class Stop(_BringDown):
    """Stop nodes or regions gracefully (SIGTERM)."""

    targets: tuple[Target, ...]
    name = "stop"


@dataclass(frozen=True)
class Kill(_BringDown):
    """Kill nodes or regions (SIGKILL): no shutdown, nothing flushed by the server."""

    targets: tuple[Target, ...]
    name = "kill"
    killed = True


@dataclass(frozen=True)
class Start(OnNodes):
    """Start nodes or regions that are stopped or killed. Cuts stay in force."""

    targets: tuple[Target, ...]
    name = "start"
    undoes = True

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        return without(now, Down, self.nodes(topology))
