"""Proof that the faults in force are what they say, by TCP connects from inside the nodes' network namespaces.

A tiny static program (`lab/netprobe/probe.c`) runs for a moment in a container of its own, enters the network namespace
of each node and tries every pair: across a cut all addresses of the other side must be silent, everywhere else the
peers must answer; from the host the published ports must answer as the nodes' states say. What is planned and how the
answers are judged is pure; `prove` does the work. Why not from inside the nodes: the official image has no shell.
"""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

from lab.docker import neighbours
from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.errors import FaultNotProven
from lab.faults.effects import joined
from lab.faults.fault import Fault
from lab.faults.registry import present
from lab.netprobe.session import Probe
from lab.topology import CLIENT_PORT, GATEWAY_PORT

Expected = Literal["dead", "alive"]
# On one host an answer takes under a millisecond, and may take a hundred when others want the processors. So silence
# must last for the first figure; what contradicts is tried once more, for longer. Pairs that were found silent for that
# long since the cut took hold are believed sooner the second time: after `AGAIN_S`, or ten times the slowest answer.
TRIES_S = (0.15, 1.0)
AGAIN_S = 0.02


@dataclass(frozen=True)
class Connect:
    """One planned TCP connect from inside node `source`."""

    source: str
    target: str
    network: str
    address: str
    port: int
    expected: Expected


@dataclass(frozen=True)
class Evidence:
    """What a proof saw: connects across cuts, which were all dead, other ones, which were all alive, and published
    ports, which were all as the nodes' states say."""

    dead: int
    alive: int
    ports: int

    def __str__(self) -> str:
        cuts = f"{self.dead} connects across cuts are dead, {self.alive} others alive"
        connects = cuts if self.dead else f"all {self.alive} connects alive"
        return f"{connects}, {self.ports} published ports as they should be"


def plan(observation: Observation, faults: frozenset[Fault] | None = None, room: int | None = None) -> list[Connect]:
    """Every ordered pair of nodes that have a network namespace, with these faults in force; None: those observed.
    Dead pairs are tried at all addresses of the target.

    Live pairs are tried on the client port: a connect to another would leave a line in the server's log. Where there
    are more of them than the kernel's neighbour table has `room` for, each node tries one peer on each network.
    """
    topology = observation.topology
    in_force = present(observation) if faults is None else faults
    silenced = {(side.node, side.link) for side in joined(f.affects(topology) for f in in_force).silenced}
    nodes = [node for node in topology.nodes if node.name in observation.containers]
    alive = [node for node in nodes if observation.containers[node.name].pid]
    dead, live = [], []
    for source, target in permutations(alive, 2):
        shared = next(key for key in source.addresses if key in target.addresses)
        if (source.name, shared) in silenced or (target.name, shared) in silenced:
            dead += [
                Connect(source.name, target.name, key, address, GATEWAY_PORT, "dead")
                for key, address in target.addresses.items()
            ]
        else:
            live.append(Connect(source.name, target.name, shared, target.addresses[shared], CLIENT_PORT, "alive"))
    return dead + (live if room is None or len(live) <= room else _one_each(live))


def _one_each(live: list[Connect]) -> list[Connect]:
    """One for each node and network that it is on."""
    chosen: dict[tuple[str, str], Connect] = {}
    for connect in live:
        chosen.setdefault((connect.source, connect.network), connect)
    return list(chosen.values())


def contradicts(connect: Connect, answer: str) -> bool:
    """Whether the answer contradicts what was expected. A refusal came from the target's host, so the path is alive."""
    if connect.expected == "dead":
        return answer not in ("silent", "unreachable")
    return answer not in ("open", "refused")


def silent(observation: Observation, faults: frozenset[Fault], probe: Probe) -> bool:
    """Whether all pairs that these faults part are silent, at once and for the whole first time-out."""
    connects = [connect for connect in plan(observation, faults) if connect.expected == "dead"]
    answers = probe.connect(_steps(observation, connects), TRIES_S[0])
    return not any(contradicts(connect, answer) for connect, answer in zip(connects, answers, strict=True))


def prove(
    engine: Engine,
    observation: Observation,
    probe: Probe | None = None,
    found_silent: bool = False,
    faults: frozenset[Fault] | None = None,
) -> Evidence:
    """Try every pair and every published port, with these faults in force; None: those observed. Raises
    `FaultNotProven` naming what contradicts."""
    connects = plan(observation, faults, neighbours.limit())
    if probe:
        return _prove(observation, connects, probe, found_silent)
    probe = Probe(engine, observation.topology.name)
    try:
        return _prove(observation, connects, probe, found_silent)
    finally:
        probe.close(wait=False)


def _steps(observation: Observation, connects: list[Connect]) -> list[tuple[int, str]]:
    return [(observation.containers[c.source].pid, f"TCP {c.address} {c.port}") for c in connects]


def _prove(observation: Observation, connects: list[Connect], probe: Probe, found_silent: bool) -> Evidence:
    steps = _steps(observation, connects)
    wrong: list[str] = []
    overflows = neighbours.overflows()
    for timeout, least in ((TRIES_S[0], AGAIN_S if found_silent else 0.0), (TRIES_S[1], 0.0)):
        with ThreadPoolExecutor(1) as pool:
            ports = pool.submit(_published, observation, timeout)
            answers = probe.connect(steps, timeout, least)
            wrong = [_sentence(c, a) for c, a in zip(connects, answers, strict=True) if contradicts(c, a)]
            wrong += ports.result()
        if not wrong:
            break
    if wrong:
        shown = "\n".join(f"  {line}" for line in wrong[:8]) + (
            f"\n  … and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        )
        if neighbours.overflows() > overflows:
            raise FaultNotProven(
                f"the network is not as the faults in force say, and the kernel's neighbour table overflowed:\n{shown}",
                neighbours.HINT,
            )
        raise FaultNotProven(
            f"the network contradicts the faults in force ({len(wrong)} of {len(connects)} connects):\n{shown}",
            "`lab heal` undoes everything; `lab doctor` checks what this engine isolates",
        )
    dead = sum(connect.expected == "dead" for connect in connects)
    return Evidence(dead, len(connects) - dead, len(observation.containers))


def _sentence(connect: Connect, answer: str) -> str:
    what = "must be cut" if connect.expected == "dead" else "must be joined"
    where = f"{connect.address}:{connect.port}, {connect.network}"
    return f"{connect.source} → {connect.target} ({where}): {what}, but: {answer}"


def _published(observation: Observation, timeout: float) -> list[str]:
    """The published client ports from the host: one that runs greets, a frozen one is silent, others are gone."""
    wanted = {"running": "greets", "paused": "silent"}
    nodes = [node for node in observation.topology.nodes if node.name in observation.containers]
    with ThreadPoolExecutor(len(nodes) or 1) as pool:
        answers = list(pool.map(lambda node: greeting(node.client_port, max(timeout, 0.3)), nodes))
    wrong = []
    for node, answer in zip(nodes, answers, strict=True):
        expected = wanted.get(observation.containers[node.name].state, "closed")
        if answer != expected:
            wrong.append(f"host → {node.name} (127.0.0.1:{node.client_port}): expected {expected}, but: {answer}")
    return wrong


def greeting(port: int, timeout: float) -> Literal["greets", "silent", "closed"]:
    """What a client meets on a published port: the server's INFO line, silence, or nobody. `timeout` in seconds."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
            connection.settimeout(timeout)
            return "greets" if connection.recv(4) == b"INFO" else "closed"
    except TimeoutError:
        return "silent"
    except OSError:
        return "closed"


__all__ = ["Connect", "Evidence", "Probe", "contradicts", "greeting", "plan", "prove"]
