"""A lab at one moment, as Docker sees it: values only. `lab/docker/engine.py` reads them."""

from dataclasses import dataclass, field

from lab.errors import NotRunning
from lab.topology import Node, Topology


@dataclass(frozen=True)
class Container:
    """One node's container as Docker sees it; `addresses` maps network keys (`west`, `central-west`) to IPv4."""

    node: str
    name: str
    state: str  # created, running, paused, restarting, exited, dead
    exit_code: int
    out_of_memory: bool
    pid: int
    image: str
    started_at: str
    addresses: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class Observation:
    """The lab at one moment: its topology, read from a label, and the containers that exist of it."""

    topology: Topology
    containers: dict[str, Container] = field(hash=False)

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.topology.nodes if node.name not in self.containers)

    def running(self, node: str) -> bool:
        return node in self.containers and self.containers[node].state == "running"

    def running_nodes(self, region: str | None = None) -> tuple[Node, ...]:
        """The nodes that run, of one region or of all."""
        return tuple(n for n in self.topology.nodes if region in (None, n.region) and self.running(n.name))

    def require_running(self, region: str) -> tuple[Node, ...]:
        """The region's nodes that run. Raises `NotRunning` when none does."""
        self.topology.require_region(region)
        nodes = self.running_nodes(region)
        if not nodes:
            raise NotRunning(
                f"no node of {region} is running", f"`lab start {region}` starts them, `lab heal` undoes every fault"
            )
        return nodes
