"""Proof that the faults in force are what they say, by TCP connects from inside the nodes' network namespaces.

A tiny static program (`lab/probe/probe.c`) runs for a moment in a container of its own, enters the network namespace
of each node and tries every pair: across a cut all addresses of the other side must be silent, everywhere else the
peers must answer; from the host the published ports must answer as the nodes' states say. What is planned and how the
answers are judged is pure; `prove` does the work. Why not from inside the nodes: the official image has no shell.
"""

import hashlib
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from lab.engine import Engine, Observation
from lab.errors import DockerError, FaultNotProven, LabError
from lab.image import file_system
from lab.topology import CLIENT_PORT, GATEWAY_PORT

Expected = Literal["dead", "alive"]
# On one host an answer takes under a millisecond; a first try that is late gets a second, longer one.
TIMEOUTS_S = (0.15, 1.0)
PROBE_IMAGE = "nats-region-lab/probe"


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
    """What a proof saw: how many connects of each kind, and the ones that contradict the faults in force."""

    dead: int
    alive: int
    ports: int
    contradictions: tuple[str, ...]


def plan(observation: Observation) -> list[Connect]:
    """Every ordered pair of nodes that have a network namespace. Dead pairs are tried at all addresses of the target.

    Live pairs are tried on the client port: a connect to another would leave a line in the server's log.
    """
    topology = observation.topology
    present = [
        node for node in topology.nodes if node.name in observation.containers and observation.containers[node.name].pid
    ]
    connects = []
    for source in present:
        attached = observation.containers[source.name].addresses
        for target in present:
            if target is source:
                continue
            shared = next(key for key in source.addresses if key in target.addresses)
            if shared in attached and shared in observation.containers[target.name].addresses:
                connects.append(
                    Connect(source.name, target.name, shared, target.addresses[shared], CLIENT_PORT, "alive")
                )
            else:
                connects += [
                    Connect(source.name, target.name, key, address, GATEWAY_PORT, "dead")
                    for key, address in target.addresses.items()
                ]
    return connects


def contradicts(connect: Connect, answer: str) -> bool:
    """Whether the answer contradicts what was expected. A refusal came from the target's host, so the path is alive."""
    if connect.expected == "dead":
        return answer not in ("silent", "unreachable")
    return answer not in ("open", "refused")


def prove(engine: Engine, observation: Observation, probe: "Probe | None" = None) -> Evidence:
    """Try every pair and every published port. Raises `FaultNotProven` naming what contradicts."""
    connects = plan(observation)
    wrong: list[str] = []
    for timeout in TIMEOUTS_S:
        probe = probe or Probe(engine, observation.topology.name)
        with ThreadPoolExecutor(1) as pool:
            ports = pool.submit(_published, observation, timeout)
            answers = probe.run(observation, connects, timeout)
            wrong = [_sentence(c, a) for c, a in zip(connects, answers, strict=True) if contradicts(c, a)]
            wrong += ports.result()
        probe = None
        if not wrong:
            break
    dead = sum(connect.expected == "dead" for connect in connects)
    evidence = Evidence(dead, len(connects) - dead, len(observation.containers), tuple(wrong))
    if wrong:
        shown = "\n".join(f"  {line}" for line in wrong[:8]) + (
            f"\n  … and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        )
        raise FaultNotProven(
            f"the network is not as the faults in force say ({len(wrong)} of {len(connects)} connects):\n{shown}",
            "`lab heal` undoes everything; `lab doctor` checks what this engine isolates",
        )
    return evidence


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


class Probe:
    """The probe's container: started early, it waits for its plan on stdin."""

    def __init__(self, engine: Engine, lab: str) -> None:
        self._engine, self._lab = engine, lab
        self._process = engine.start_probe(lab, image_name())

    def run(self, observation: Observation, connects: list[Connect], timeout: float) -> list[str]:
        """One answer for each connect: open, refused, silent, unreachable, `error N`. `timeout` in seconds."""
        script = "\n".join([*_script(observation, connects), f"GO {round(timeout * 1000)}", ""])
        out, err = self._ask(script, timeout)
        if "no such image" in err.lower():  # the first time on this engine
            make_image(self._engine)
            self._process = self._engine.start_probe(self._lab, image_name())
            out, err = self._ask(script, timeout)
        answers = out.splitlines()
        if answers[-1:] != ["END"] or len(answers) != len(connects) + 1:
            raise DockerError(
                f"the network probe could not run: {err.strip() or 'it ended early'}",
                "it needs `--pid host` and SYS_ADMIN",
            )
        return answers[:-1]

    def _ask(self, script: str, timeout: float) -> tuple[str, str]:
        try:
            return self._process.communicate(script, timeout=timeout + 20)
        except subprocess.TimeoutExpired:
            self.cancel()
            raise DockerError("the network probe did not end", "is the engine overloaded?") from None

    def cancel(self) -> None:
        """End it unused."""
        if self._process.poll() is None and self._process.stdin:
            self._process.stdin.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()


def _script(observation: Observation, connects: list[Connect]) -> Iterator[str]:
    source = None
    for connect in connects:
        if connect.source != source:
            source = connect.source
            yield f"NS {observation.containers[source].pid}"
        yield f"TCP {connect.address} {connect.port}"


def image_name() -> str:
    """The probe's image; its tag changes with the program."""
    return f"{PROBE_IMAGE}:{hashlib.sha256(_binary('amd64')).hexdigest()[:12]}"


def make_image(engine: Engine) -> None:
    """Import the committed program for the engine's architecture as an image; no registry is needed."""
    tar = file_system("probe", _binary(engine.architecture()))
    engine.import_image(image_name(), tar, ['ENTRYPOINT ["/probe"]', "LABEL lab.image=probe"])


def _binary(architecture: str) -> bytes:
    source = files("lab.probe").joinpath(f"linux-{architecture}")
    if not source.is_file():
        raise LabError(f"there is no network probe for `{architecture}`", "build one with `python -m lab.probe.build`")
    return source.read_bytes()
