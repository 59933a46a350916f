"""An engine in memory: containers' states and networks, changed by the calls that faults make."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

from lab.docker.engine import Engine
from lab.docker.observation import Container, Interface, Observation
from lab.errors import DockerError
from lab.netprobe.session import Probe, Step
from lab.topology import Node, Topology

RunAnswer = Literal["greets", "silent", "closed"]
Call = tuple[str, ...]


def container(topology: Topology, node: Node) -> Container:
    """A node's container as it is after `lab up`."""
    return Container(
        node=node.name,
        name=topology.container(node),
        state="running",
        exit_code=0,
        out_of_memory=False,
        pid=1000 + topology.nodes.index(node),
        image="nats:2.15.1",
        started_at="2030-01-01T00:00:00Z",
        addresses=dict(node.addresses),
    )


def observation(topology: Topology, **changes: Callable[[Container], Container]) -> Observation:
    """A healthy lab; `changes` maps a node (`_` for `-`) to what is done to its container."""
    containers = {node.name: container(topology, node) for node in topology.nodes}
    for name, change in changes.items():
        key = name.replace("_", "-")
        containers[key] = change(containers[key])
    return Observation(topology, containers, {})


class FakeEngine(Engine):
    """`calls` is every change that was asked for, in order. A call in `broken` fails; one in `ignored` does nothing."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.containers = observation(topology).containers
        self.interfaces: dict[tuple[str, str], Interface] = {}
        self.calls: list[Call] = []
        self.broken: set[Call] = set()
        self.ignored: set[Call] = set()

    def observe(self, lab: str) -> Observation:
        assert lab == self.topology.name
        containers = {name: replace(c, addresses=dict(c.addresses)) for name, c in self._items()}
        return Observation(self.topology, containers, dict(self.interfaces))

    def again(self, before: Observation) -> Observation:
        return self.observe(before.topology.name)

    def _items(self) -> list[tuple[str, Container]]:
        return list(self.containers.items())

    def stop(self, container: str) -> None:
        if self._asked("stop", container):
            self._end("stop", container, 0)

    def kill(self, container: str) -> None:
        if self._asked("kill", container):
            self._end("kill", container, 137)

    def start(self, container: str) -> None:
        if self._asked("start", container):
            pid = 2000 + len(self.calls)
            self._set(container, state="running", exit_code=0, pid=pid)

    def pause(self, container: str) -> None:
        if self._asked("pause", container):
            if self._of(container).state != "running":
                raise DockerError(f"`docker pause` failed: container {container} is not running")
            self._set(container, state="paused")

    def unpause(self, container: str) -> None:
        if self._asked("unpause", container):
            if self._of(container).state != "paused":
                raise DockerError(f"`docker unpause` failed: container {container} is not paused")
            self._set(container, state="running")

    def detach(self, container: str, network: str) -> None:
        if self._asked("detach", container, network):
            key = network.removeprefix(self.topology.network(""))
            self._of(container).addresses.pop(key, None)
            self.interfaces.pop((self._of(container).node, key), None)

    def attach(self, container: str, network: str, address: str) -> None:
        if self._asked("attach", container, network):
            self._of(container).addresses[network.removeprefix(self.topology.network(""))] = address

    def log_tail(self, container: str, lines: int = 8) -> str:
        return f"the last words of {container}"

    def greeting(self, port: int, timeout: float) -> RunAnswer:
        """Takes the place of `lab.faults.proof.greeting`: what the published port answers by the container's state."""
        node = next(node for node in self.topology.nodes if node.client_port == port)
        state = self.containers[node.name].state
        return "greets" if state == "running" else "silent" if state == "paused" else "closed"

    def _asked(self, *call: str) -> bool:
        self.calls.append(call)
        if call in self.broken:
            raise DockerError(f"`docker {call[0]}` failed: broken on purpose")
        return call not in self.ignored

    def _end(self, what: str, name: str, exit_code: int) -> None:
        if self._of(name).state == "paused":
            raise DockerError(f"`docker {what}` failed: container {name} is paused")
        self._set(name, state="exited", exit_code=exit_code, pid=0)
        node = self._of(name).node
        self.interfaces = {key: interface for key, interface in self.interfaces.items() if key[0] != node}

    def _of(self, name: str) -> Container:
        return self.containers[name.removeprefix(f"{self.topology.name}-")]

    def _set(self, name: str, state: str, exit_code: int | None = None, pid: int | None = None) -> None:
        old = self._of(name)
        self.containers[old.node] = replace(
            old,
            state=state,
            exit_code=old.exit_code if exit_code is None else exit_code,
            pid=old.pid if pid is None else pid,
        )


class FakeProbe(Probe):
    """Answers by the fake engine's own state, not by what is expected. A shape with one of the words `lacks` is
    refused; a packet between two nodes of `late` takes so many microseconds, whatever the shape is."""

    lacks: tuple[str, ...] = ()
    late: Mapping[tuple[str, str], int] = MappingProxyType({})

    def __init__(self, engine: FakeEngine, lab: str = "") -> None:
        self.engine = engine
        self.closed = False
        self.runs = 0
        self.tries: list[tuple[float, float]] = []
        self.wrong: dict[tuple[str, str], str] = {}  # what the first try answers instead
        self.taken_down: list[tuple[int, str]] = []

    @property
    def running(self) -> bool:
        return not self.closed

    def connect(self, steps: Iterable[Step], timeout: float, least: float = 0) -> list[str]:
        self.runs += 1
        self.tries.append((timeout, least))
        return [self._answer(pid, what.split()[1]) for pid, what in steps]

    def ask(self, steps: Iterable[Step], timeout: float = 0, least: float = 0) -> list[str]:
        return [self._told(pid, *what.split(" ", 1)) for pid, what in steps]

    def _told(self, pid: int, verb: str, words: str = "") -> str:
        node = next((container for container in self._containers() if container.pid == pid), None)
        if node is None:
            return "error 2"
        kernel = self.engine.interfaces
        if verb == "BLOCKS":
            chains = sorted(f"{key[1]}:{c}" for key, at in kernel.items() if key[0] == node.node for c in at.chains)
            return " ".join(["blocks", *chains])
        self.engine.calls.append((verb, node.node, words)) if verb in ("SHAPE", "BLOCK") else None
        first, *rest = words.split()
        if verb == "BLOCK":
            ways = {"both": ("out", "in")}.get(rest[0], (rest[0],)) if rest else ()
            self._keep(node.node, first, chains=frozenset(f"{way}-{rest[1]}" for way in ways))
            return "blocked 1000"
        network = next((key for key, own in node.addresses.items() if own == first), None)
        if verb in ("SHAPE", "QDISC") and network is None:
            return "missing"
        if verb == "SHAPE":
            if self.lacks and any(key in words for key in self.lacks):
                return "error 2"
            self._keep(node.node, str(network), discipline=" ".join(["shape", *rest]) if rest else "")
            return "shaped 1000"
        if verb == "QDISC":
            return kernel.get((node.node, str(network)), Interface()).discipline or "plain"
        assert verb == "FLOW", verb
        return self._flow(node, rest[0], int(rest[1]), int(rest[3]))

    def _keep(self, node: str, network: str, **values: Any) -> None:
        at = replace(self.engine.interfaces.get((node, network), Interface()), **values)
        self.engine.interfaces[node, network] = at
        if at == Interface():
            del self.engine.interfaces[node, network]

    def _flow(self, source: Container, address: str, count: int, gap_us: int) -> str:
        """All packets arrive, late by the delay, unless they are blocked."""
        target, network = self._at(address)
        ends = (source, self.engine.containers[target])
        attached = all(network in end.addresses for end in ends)
        dropped = not attached or self._carried(source.node, target, network) != "open"
        kind, *words = self.engine.interfaces.get((source.node, network), Interface()).discipline.split() or [""]
        words = words if kind == "shape" else []
        shape = {key: int(value) for key, _, value in (word.partition("=") for word in words)}
        late = self.late.get((source.node, target), shape.get("delay", 0) // 1000)
        arrived = 0 if dropped else round(count * (1 - shape.get("loss", 0) / (2**32 - 1)))
        return (
            f"flow sent={count} received={arrived} duplicates=0 reordered=0 min={late} median={late} mean={late} "
            f"max={late} deviation=0 bytes=0 span=0"
        )

    def _carried(self, source: str, target: str, network: str) -> str:
        """What becomes of a packet: `open`, `silent`, or `refused` where it is rejected."""
        kernel = self.engine.interfaces
        chains = {f"out{c[3:]}" for c in kernel.get((source, network), Interface()).chains if c.startswith("out")}
        chains |= {f"in{c[2:]}" for c in kernel.get((target, network), Interface()).chains if c.startswith("in")}
        return "open" if not chains else "refused" if any(chain.endswith("reject") for chain in chains) else "silent"

    def _at(self, address: str) -> tuple[str, str]:
        return next(
            (node.name, key)
            for node in self.engine.topology.nodes
            for key, own in node.addresses.items()
            if own == address
        )

    def take_down(self, interfaces: Iterable[tuple[int, str]]) -> float:
        for pid, address in interfaces:
            if not self._has(pid, address):
                raise DockerError(f"the interface with {address} of process {pid} cannot be taken down: missing")
            self.taken_down.append((pid, address))
        self.engine.calls.append(("take down", str(len(self.taken_down))))
        return 0.001

    def still_there(self) -> list[str]:
        return [address for pid, address in self.taken_down if self._has(pid, address)]

    def _has(self, pid: int, address: str) -> bool:
        return any(container.pid == pid and address in container.addresses.values() for container in self._containers())

    def _containers(self) -> list[Container]:
        return list(self.engine.containers.values())

    def _answer(self, pid: int, address: str) -> str:
        """Open when both are attached to the network of that address, and neither interface was taken down."""
        source = next((container for container in self._containers() if container.pid == pid), None)
        if source is None:
            return "error 2"
        target, network = self._at(address)
        if self.runs == 1 and (source.node, target) in self.wrong:
            return self.wrong[source.node, target]
        ends = (source, self.engine.containers[target])
        alive = all(
            network in end.addresses and (end.pid, end.addresses[network]) not in self.taken_down for end in ends
        )
        if not alive:
            return "silent"
        there, back = self._carried(source.node, target, network), self._carried(target, source.node, network)
        return there if there != "open" else "open" if back == "open" else "silent"

    def close(self, wait: bool = True) -> None:
        self.closed = True
