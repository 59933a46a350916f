"""Proof that the faults in force are what they say, by TCP connects and datagrams from inside the nodes' network
namespaces.

A tiny static program (`lab/netprobe/probe.c`) runs for a moment in a container of its own, enters the network namespace
of each node and tries every pair: across a cut all addresses of the other side must be silent, everywhere else the
peers must answer; from the host the published ports must answer as the nodes' states say. What is planned and how the
answers are judged is pure; `prove` does the work. Why not from inside the nodes: the official image has no shell.
"""

import socket
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Literal

from lab.docker import neighbours
from lab.docker.observation import Observation
from lab.errors import FaultNotProven
from lab.faults import flows
from lab.faults.block import Block
from lab.faults.fault import Fault
from lab.faults.flows import Figures, Flow, Measured
from lab.faults.reachability import Reachability
from lab.faults.shape import shape_of
from lab.netprobe.session import Probe
from lab.topology import CLIENT_PORT, GATEWAY_PORT, Node, Topology

Expected = Literal["dead", "refused", "alive"]
# On one host an answer takes under a millisecond, and may take a hundred when others want the processors. So silence
# must last for the first figure; what contradicts is tried once more, for longer. Pairs that were found silent for that
# long since the cut took hold are believed sooner the second time: after `AGAIN_S`, or ten times the slowest answer.
TRIES_S = (0.15, 1.0)
AGAIN_S = 0.02
GAPS_US = (0, 400)  # at least between two datagrams of a flow
GREETING_S = 10.0  # the second time, on a slow machine; whoever greets ends it
AT_ONCE = 800  # flows; the network probe has room for a thousand


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
    """What a proof saw: connects across cuts, which were all dead, or refused where they should be; other ones, which
    were all alive; and published ports, which were all as the nodes' states say. `measured` is each direction of the
    links that a change touched, and `earlier` the same before it."""

    dead: int
    alive: int
    ports: int
    refused: int = 0
    measured: tuple[Measured, ...] = ()
    earlier: tuple[Measured, ...] = ()

    def __str__(self) -> str:
        cuts = [f"{self.dead} connects across cuts are dead"] if self.dead else []
        cuts += [f"{self.refused} {'are' if self.dead else 'connects across cuts are'} refused"] if self.refused else []
        connects = ", ".join([*cuts, f"{self.alive} others alive"]) if cuts else f"all {self.alive} connects alive"
        return f"{connects}, {self.ports} published ports as they should be"


def plan(observation: Observation, faults: frozenset[Fault], room: int | None = None) -> list[Connect]:
    """Every ordered pair of nodes that have a network namespace, with these faults in force. Dead pairs are tried at
    all addresses of the target that only the other region has.

    Live pairs are tried on the client port: a connect to another would leave a line in the server's log. Where there
    are more of them than the kernel's neighbour table has `room` for, each node tries one peer on each network. Pairs
    between which packets are lost are not tried: only datagrams tell there.
    """
    topology, left = observation.topology, Reachability.of(observation.topology, faults)
    refused = _refusals(topology, faults)

    def lossy(*nodes: Node, network: str) -> bool:
        return any(shape_of(observation, faults, node.name, network).lost for node in nodes)

    nodes = [node for node in topology.nodes if node.name in observation.containers]
    alive = [node for node in nodes if observation.containers[node.name].pid]
    dead, live = [], []
    for source, target in permutations(alive, 2):
        shared = next(key for key in source.addresses if key in target.addresses)
        address = target.addresses[shared]
        if left.carries(source, target) and left.carries(target, source):
            if not lossy(source, target, network=shared):
                live.append(Connect(source.name, target.name, shared, address, CLIENT_PORT, "alive"))
            continue
        if not refused(source, target, shared):
            dead.append(Connect(source.name, target.name, shared, address, GATEWAY_PORT, "dead"))
        elif not lossy(source, target, network=shared):
            dead.append(Connect(source.name, target.name, shared, address, GATEWAY_PORT, "refused"))
        if source.region != target.region:  # nodes of one region share its links
            dead += [
                Connect(source.name, target.name, key, other, GATEWAY_PORT, "dead")
                for key, other in target.addresses.items()
                if key != shared
            ]
    return dead + (live if room is None or len(live) <= room else _one_each(live))


def _refusals(topology: Topology, faults: frozenset[Fault]) -> Callable[[Node, Node, str], bool]:
    """Whether a connect from one node to another over a network is refused."""
    refusing = {(fault.node, fault.network): fault for fault in faults if isinstance(fault, Block) and fault.reject}
    without = {block: Reachability.of(topology, faults - {block}) for block in refusing.values()}

    def refused(source: Node, target: Node, network: str) -> bool:
        """By the source itself, or by the target, if packets go there and back but for that."""
        own, other = refusing.get((source.name, network)), refusing.get((target.name, network))
        if own and own.direction != "in":
            return True
        left = without[other] if other and other.direction != "out" else None
        return left is not None and left.carries(source, target) and left.carries(target, source)

    return refused


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
    return answer not in (("refused",) if connect.expected == "refused" else ("open", "refused"))


def silent(observation: Observation, faults: frozenset[Fault], probe: Probe) -> bool:
    """Whether all pairs that these faults part are silent, at once and for the whole first time-out."""
    connects = [connect for connect in plan(observation, faults) if connect.expected == "dead"]
    answers = probe.connect(_steps(observation, connects), TRIES_S[0])
    return not any(contradicts(connect, answer) for connect, answer in zip(connects, answers, strict=True))


def prove(
    observation: Observation,
    probe: Probe,
    faults: frozenset[Fault],
    touched: Iterable[Fault] = (),
    found_silent: bool = False,
) -> Evidence:
    """Try every pair and every published port with these faults in force, and measure the directions of links that a
    change touched. Raises `FaultNotProven` naming what contradicts."""
    connects = plan(observation, faults, neighbours.limit())
    steps = _steps(observation, connects)
    late_s = 2 * flows.patience_ms(faults, observation) / 1000
    wrong: list[str] = []
    overflows = neighbours.overflows()
    tries = (
        (TRIES_S[0] + late_s, AGAIN_S if found_silent else 0.0, 2 * TRIES_S[0]),
        (TRIES_S[1] + late_s, 0.0, GREETING_S),
    )
    for timeout, least, greeting_s in tries:
        with ThreadPoolExecutor(1) as pool:
            ports = pool.submit(_published, observation, timeout, greeting_s)
            answers = probe.connect(steps, timeout, least)
            wrong = [_sentence(c, a) for c, a in zip(connects, answers, strict=True) if contradicts(c, a)]
            wrong += ports.result()
        if not wrong:
            break
    if wrong:
        raise _contradiction(wrong, f"{len(wrong)} of {len(connects)} connects", neighbours.overflows() > overflows)
    counts = Counter(connect.expected for connect in connects)
    measured = _flows(observation, faults, touched, probe)
    return Evidence(counts["dead"], counts["alive"], len(observation.containers), counts["refused"], measured)


def measure(
    observation: Observation, faults: frozenset[Fault], touched: Iterable[Fault], probe: Probe
) -> tuple[Measured, ...]:
    """The directions of links that a change is about to touch, as they are."""
    planned = [replace(flow, count=min(flow.count, flows.FEW)) for flow in flows.plan(observation, faults, touched)]
    planned = [flow for flow in planned if not flow.of_rate]
    return flows.measured(observation, planned, sent(observation, faults, planned, probe))


def _flows(
    observation: Observation, faults: frozenset[Fault], touched: Iterable[Fault], probe: Probe
) -> tuple[Measured, ...]:
    """Small packets first, since those that measure a rate would delay them. What contradicts is sent once more, more
    slowly, since a busy machine drops what its queues have no room for, and waited for longer."""
    planned = flows.plan(observation, faults, touched)
    wrong: list[str] = []
    for patience_s, least_gap_us in zip(TRIES_S, GAPS_US, strict=True):
        slow = [replace(flow, gap_us=max(flow.gap_us, least_gap_us)) for flow in planned if not flow.of_rate]
        fast = [flow for flow in planned if flow.of_rate]
        seen = [figures for part in (slow, fast) for figures in sent(observation, faults, part, probe, patience_s)]
        told = zip((*slow, *fast), seen, strict=True)
        wrong = [f"{f.source} → {f.target} ({f.network}): {why}" for f, s in told if (why := flows.contradiction(f, s))]
        if not wrong:
            return flows.measured(observation, (*slow, *fast), seen)
    raise _contradiction(wrong, f"{len(wrong)} of {len(planned)} flows")


def sent(
    observation: Observation,
    faults: frozenset[Fault],
    planned: list[Flow],
    probe: Probe,
    patience_s: float = TRIES_S[0],
) -> list[Figures | None]:
    """What datagrams come to, as many flows at once as the probe has room for. `patience_s` is what they may need
    beyond the slowest shape."""
    pids = {name: container.pid for name, container in observation.containers.items()}
    patience_s += flows.patience_ms(faults, observation) / 1000
    steps = [(pids[flow.source], flow.line(pids[flow.target])) for flow in planned]
    parts = (steps[at : at + AT_ONCE] for at in range(0, len(steps), AT_ONCE))
    return [Figures.read(answer) for part in parts for answer in probe.ask(part, patience_s)]


def _contradiction(wrong: list[str], share: str, overflowed: bool = False) -> FaultNotProven:
    shown = "\n".join(f"  {line}" for line in wrong[:8]) + (
        f"\n  … and {len(wrong) - 8} more" if len(wrong) > 8 else ""
    )
    if overflowed:
        return FaultNotProven(
            f"the network is not as the faults in force say, and the kernel's neighbour table overflowed:\n{shown}",
            neighbours.HINT,
        )
    return FaultNotProven(
        f"the network contradicts the faults in force ({share}):\n{shown}",
        "`lab heal` undoes everything; `lab doctor` checks what this engine isolates",
    )


def _steps(observation: Observation, connects: list[Connect]) -> list[tuple[int, str]]:
    return [(observation.containers[c.source].pid, f"TCP {c.address} {c.port}") for c in connects]


def _sentence(connect: Connect, answer: str) -> str:
    what = {"dead": "must be cut", "refused": "must be refused", "alive": "must be joined"}[connect.expected]
    where = f"{connect.address}:{connect.port}, {connect.network}"
    return f"{connect.source} → {connect.target} ({where}): {what}, but: {answer}"


def _published(observation: Observation, silent_s: float, greeting_s: float) -> list[str]:
    """The published client ports from the host: one that runs greets, a frozen one is silent, others are gone."""
    wanted = {"running": "greets", "paused": "silent"}
    nodes = [node for node in observation.topology.nodes if node.name in observation.containers]
    expectations = [wanted.get(observation.containers[node.name].state, "closed") for node in nodes]

    def ask(node: Node, expected: str) -> str:
        return greeting(node.client_port, greeting_s if expected == "greets" else max(silent_s, 0.3))

    with ThreadPoolExecutor(len(nodes) or 1) as pool:
        answers = list(pool.map(ask, nodes, expectations))
    wrong = []
    for node, expected, answer in zip(nodes, expectations, answers, strict=True):
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
