"""A node that is not running: stopped with SIGTERM, or killed with SIGKILL."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.topology import Topology

KILLED = 137  # 128 + SIGKILL


@dataclass(frozen=True)
class Down:
    """`killed` says how, and does not count when faults are compared: down is down."""

    node: str
    killed: bool = field(default=False, compare=False)
    kind = "down"

    def __str__(self) -> str:
        return f"{self.node} is down ({'killed' if self.killed else 'stopped'})"

    @staticmethod
    def observe(observation: Observation) -> Iterator["Down"]:
        for name, container in observation.containers.items():
            if container.state not in ("running", "paused", "restarting"):
                yield Down(name, container.exit_code == KILLED)

    def inject(self, engine: Engine, topology: Topology) -> None:
        (engine.kill if self.killed else engine.stop)(topology.container(self.node))

    def heal(self, engine: Engine, topology: Topology) -> None:
        engine.start(topology.container(self.node))
