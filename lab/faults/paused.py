"""A node whose processes are frozen: its kernel still acknowledges, nobody answers. Not the same as a cut."""

from collections.abc import Iterator
from dataclasses import dataclass

from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.topology import Topology


@dataclass(frozen=True)
class Paused:
    node: str
    kind = "paused"

    def __str__(self) -> str:
        return f"{self.node} is paused"

    @staticmethod
    def observe(observation: Observation) -> Iterator["Paused"]:
        for name, container in observation.containers.items():
            if container.state == "paused":
                yield Paused(name)

    def inject(self, engine: Engine, topology: Topology) -> None:
        engine.pause(topology.container(self.node))

    def heal(self, engine: Engine, topology: Topology) -> None:
        engine.unpause(topology.container(self.node))
