"""A lab at one moment, as Docker sees it: values only. `lab/docker/engine.py` reads them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from lab.docker.labels import LABEL_NODE, LABEL_TOPOLOGY
from lab.errors import LabError, NotRunning
from lab.topology import Node, Topology

CONFIG = "/etc/nats/nats-server.conf"
COMPLETES = "`lab up` completes it"
START_S = 1.0


@dataclass(frozen=True)
class Container:
    """One node's container as Docker sees it; `addresses` maps network keys (`west`, `central-west`) to IPv4, `config`
    is the file that its server reads, by its path on the host."""

    node: str
    name: str
    state: str  # created, running, paused, restarting, exited, dead
    exit_code: int
    out_of_memory: bool
    pid: int
    image: str
    started_at: str
    addresses: dict[str, str] = field(hash=False)
    finished_at: str = ""  # of its last end; the year 1 for none
    failed_start: bool = False  # it ended by itself as soon as it was started
    config: str = ""


@dataclass(frozen=True)
class Interface:
    """What the kernel does at one node's interface: `discipline` to the packets that leave it, in the words of the
    network probe, "" if nothing; `chains` which packets to or from peers are blocked: `out-drop`, `in-reject`."""

    discipline: str = ""
    chains: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Observation:
    """The lab at one moment: its topology, read from a label, and the containers that exist of it. `interfaces` is what
    the kernel says, by node and network, of those that are not plain; None if it was not asked."""

    topology: Topology
    containers: dict[str, Container] = field(hash=False)
    interfaces: dict[tuple[str, str], Interface] | None = field(default=None, hash=False)

    @property
    def kernel(self) -> dict[tuple[str, str], Interface]:
        """What is at the interfaces that are not plain."""
        assert self.interfaces is not None, "the kernel was not asked"
        return self.interfaces

    def attached(self, node: str, network: str) -> bool:
        """Whether a node has a process and an interface on this network."""
        container = self.containers.get(node)
        return bool(container and container.pid and network in container.addresses)

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.topology.nodes if node.name not in self.containers)

    @property
    def detached(self) -> tuple[str, ...]:
        """Nodes that are not on their region's network. No fault does that: somebody did it by hand."""
        return tuple(
            node.name
            for node in self.topology.nodes
            if node.name in self.containers and node.region not in self.containers[node.name].addresses
        )

    @property
    def damage(self) -> str:
        """What was done to the lab by hand, as a sentence without its subject; "" when it is whole."""
        parts = [f"is incomplete: {', '.join(self.missing)}"] if self.missing else []
        for name in self.detached:
            parts.append(f"has {name} off the network `{self.topology.network(self.topology.node(name).region)}`")
        return ", and ".join(parts)

    def require_whole(self, but: str = "") -> None:
        """Raises `LabError` when somebody damaged the lab by hand; `but` is what is said after that."""
        if self.damage:
            raise LabError(f"the lab `{self.topology.name}` {self.damage}{but}", COMPLETES)

    def running(self, node: str) -> bool:
        return node in self.containers and self.containers[node].state == "running"

    def running_nodes(self, region: str | None = None) -> tuple[Node, ...]:
        """The nodes that run, of one region or of all."""
        return tuple(n for n in self.topology.nodes if region in (None, n.region) and self.running(n.name))

    def require_running(self, region: str) -> tuple[Node, ...]:
        """The region's nodes that run. Raises `NotRunning` when none does."""
        self.topology.require_region(region)
        nodes = self.running_nodes(region)
        if nodes:
            return nodes
        own = {node.name for node in self.topology.region_nodes(region)}
        if own & {*self.missing}:
            raise NotRunning(f"no node of {region} is running: the lab `{self.topology.name}` {self.damage}", COMPLETES)
        paused = any(self.containers[name].state == "paused" for name in own)
        mend = f"`lab resume {region}` thaws them" if paused else f"`lab start {region}` starts them"
        raise NotRunning(f"no node of {region} is running", f"{mend}, `lab heal` undoes every fault")


def inspected(containers: Sequence[dict[str, Any]]) -> Observation:
    """A lab from what `docker inspect` says of its containers, of which there is at least one."""
    topology = Topology.from_label(containers[0]["Config"]["Labels"][LABEL_TOPOLOGY])
    found = {c.node: c for c in (_container(topology, raw) for raw in containers)}
    folders = (each.config.removesuffix(f"/configs/{each.node}.conf") for each in found.values())
    folder = next(filter(None, folders), "")
    return Observation(replace(topology, folder=folder), found)


def _container(topology: Topology, raw: dict[str, Any]) -> Container:
    prefix = topology.network("")
    networks: dict[str, Any] = raw["NetworkSettings"]["Networks"]
    return Container(
        node=raw["Config"]["Labels"][LABEL_NODE],
        name=raw["Name"].removeprefix("/"),
        state=raw["State"]["Status"],
        exit_code=raw["State"]["ExitCode"],
        out_of_memory=raw["State"]["OOMKilled"],
        pid=raw["State"]["Pid"],
        image=raw["Config"]["Image"],
        started_at=raw["State"]["StartedAt"],
        addresses={
            name.removeprefix(prefix): (settings.get("IPAMConfig") or {}).get("IPv4Address") or settings["IPAddress"]
            for name, settings in networks.items()
            if name.startswith(prefix)
        },
        finished_at=raw["State"]["FinishedAt"],
        failed_start=_failed_start(raw["State"]),
        config=next((mount["Source"] for mount in raw.get("Mounts") or () if mount["Destination"] == CONFIG), ""),
    )


def _failed_start(state: dict[str, Any]) -> bool:
    """By the times, since a server that is asked to stop ends with 1 as well."""
    if state["Status"] != "exited" or state["ExitCode"] != 1:
        return False
    began, ended = (datetime.fromisoformat(state[key]) for key in ("StartedAt", "FinishedAt"))
    return (ended - began).total_seconds() < START_S
