"""What one does to a lab: up, down, faults, heal.

`apply` is the heart: it observes the faults in force, heals what is not wanted and injects what is missing, side by
side, and proves the outcome. Nothing is remembered between two commands, so that one which died half-way is finished
by repeating it, or undone by `heal`.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lab import lock
from lab.docker.engine import Engine
from lab.docker.observation import Container, Observation
from lab.docker.versions import COMPOSE_MINIMUM, numbers
from lab.errors import DockerError, FaultNotProven, LabError, NotRunning
from lab.faults import KINDS, Cut, Down, Fault, Paused, ordered, present, proof
from lab.topology import Node, Topology

if TYPE_CHECKING:
    from lab.docker.images import Image

Say = Callable[[str], None]


@dataclass(frozen=True)
class Change:
    """What a command did, or would do: faults healed and injected; no evidence when nothing was done.

    `took_hold_s` is how long it took, from first to last, until every new cut was in effect.
    """

    healed: tuple[Fault, ...]
    injected: tuple[Fault, ...]
    in_force: tuple[Fault, ...]
    evidence: proof.Evidence | None
    took_hold_s: float | None = None


@contextmanager
def exclusive(lab: str, say: Say, opened: TextIO | None = None) -> Iterator[None]:
    """One changing command at a time for each lab on this host."""
    with opened or lock.opened(lab) as held:
        lock.take(lab, held, say)
        yield


# --- up and down ---


def start(
    engine: Engine, topology: Topology, root: Path, chosen: "Image", say: Say
) -> tuple[frozenset[Fault], Observation]:
    """Create what is missing and start what never ran. Returns the faults that were in force before, which stay so."""
    from lab import files
    from lab.docker.conflicts import check_free

    compose = engine.compose_version()
    if not compose or numbers(compose) < COMPOSE_MINIMUM:
        raise DockerError(
            f"Docker Compose is {'too old: ' + compose if compose else 'missing'}",
            f"version {'.'.join(map(str, COMPOSE_MINIMUM))} or newer is needed; `make lab-up` installs it",
        )
    try:
        before: Observation | None = engine.observe(topology.name)
    except NotRunning:
        before = None
    if before is None or before.missing:
        check_free(engine, topology, say)
    kept: frozenset[Fault] = frozenset()
    if before is not None:
        unborn = {name for name, container in before.containers.items() if container.state == "created"}
        kept = frozenset(fault for fault in present(before) if fault.node not in unborn)
        if not before.missing and not unborn:
            return kept, before
    say("starting the containers")
    engine.compose_up(files.compose_path(topology, root), chosen.name)
    return kept, engine.observe(topology.name)


def dead_at_start(engine: Engine, observation: Observation, down: Iterable[str] = ()) -> None:
    """Raise when a node that should run has ended, with the server's own words."""
    for name, container in observation.containers.items():
        if container.state not in ("running", "paused") and name not in down:
            raise _death(engine, container)


def _death(engine: Engine, container: Container) -> LabError:
    words = engine.log_tail(container.name)
    why = " (out of memory)" if container.out_of_memory else ""
    return LabError(
        f"{container.node} ended with exit code {container.exit_code}{why}; its last words:\n{words or '(none)'}",
        f"look at configs/{container.node}.conf; `lab render` writes it anew; `lab logs {container.node}` shows all",
    )


# --- faults ---


def apply(
    engine: Engine,
    before: Observation,
    wanted: frozenset[Fault],
    dry_run: bool = False,
    probe: proof.Probe | None = None,
) -> Change:
    """Make exactly the faults `wanted` be in force, and prove it."""
    now = present(before)
    injected = {fault for fault in wanted if fault not in now}
    healed = now - wanted
    change = Change(ordered(healed), ordered(injected), ordered(wanted), None)
    if dry_run or not (injected or healed):
        if probe:
            probe.close()
        return change
    if healed or any(not isinstance(fault, Cut) for fault in injected):
        engine.preload()
    probe = probe or proof.Probe(engine, before.topology.name)
    proven = False
    try:
        took_hold_s, found_silent = _make(engine, before, wanted, injected, healed, probe)
        evidence = _confirm(engine, before, wanted, healed | injected, probe, found_silent)
        proven = True
    finally:
        probe.close(wait=not proven)
    return replace(change, evidence=evidence, took_hold_s=took_hold_s)


def _make(
    engine: Engine,
    before: Observation,
    wanted: Iterable[Fault],
    injected: Iterable[Fault],
    healed: Iterable[Fault],
    probe: proof.Probe,
) -> tuple[float | None, bool]:
    """Inject and heal, side by side. Returns how long it took until every new cut was in effect, if there are any, and
    whether all that is to be dead was then found silent.

    Docker detaches endpoints one after the other. So all interfaces of the new cuts first go down at one instant; the
    detaching then makes the cuts last, and keeps them where everybody can read them. It takes longer than silence has
    to last, so the silence is looked at meanwhile.
    """
    topology = before.topology

    def heal(kind: type[Fault]) -> None:
        _side_by_side((f for f in healed if isinstance(f, kind)), lambda fault: fault.heal(engine, topology))

    heal(Paused)  # before anything is injected: a frozen node can be neither stopped nor killed
    cuts = [fault for fault in ordered(injected) if isinstance(fault, Cut)]
    interfaces = [
        (before.containers[cut.node].pid, topology.node(cut.node).addresses[cut.link])
        for cut in cuts
        if before.containers[cut.node].pid
    ]
    took_hold_s = probe.take_down(interfaces) if interfaces else None
    found_silent = False
    with ThreadPoolExecutor(1) as pool:
        injecting = pool.submit(_side_by_side, injected, lambda fault: fault.inject(engine, topology))
        if interfaces and all(isinstance(fault, Cut) for fault in (*injected, *healed)):
            found_silent = proof.silent(with_other_cuts(before, (*wanted, *healed)), probe)
        injecting.result()
    for kind in KINDS:
        if kind is not Paused:
            heal(kind)
    return took_hold_s, found_silent


def _confirm(
    engine: Engine,
    before: Observation,
    wanted: frozenset[Fault],
    changed: Iterable[Fault],
    probe: proof.Probe,
    found_silent: bool,
) -> proof.Evidence:
    """That Docker says so, and that packets say so."""
    with ThreadPoolExecutor(2) as pool:
        observing = pool.submit(engine.again, before)
        expected, early = with_other_cuts(before, wanted), None
        if all(isinstance(fault, Cut) for fault in changed):  # else nobody knows yet which processes there will be
            early = pool.submit(proof.prove, engine, expected, probe, found_silent)
        after = observing.result()
        _require(after, wanted, engine)
        if early and (after == expected or early.exception()):
            evidence = early.result()
        else:
            for fault in changed:
                if isinstance(fault, Down) and fault not in wanted:
                    wait_for_greeting(engine, after, before.topology.node(fault.node))
            evidence = proof.prove(engine, after, probe)
    left = probe.still_there()
    if left:
        raise FaultNotProven(f"Docker reports success, but the interfaces with {', '.join(left)} are still there")
    return evidence


def with_other_cuts(before: Observation, wanted: Iterable[Fault]) -> Observation:
    """What will be observed when these cuts are in force instead of the present ones, and nothing else changes."""
    cuts = {(fault.node, fault.link) for fault in wanted if isinstance(fault, Cut)}
    containers = {}
    for name, container in before.containers.items():
        addresses = before.topology.node(name).addresses
        kept = {key: address for key, address in addresses.items() if (name, key) not in cuts}
        containers[name] = replace(container, addresses=kept)
    return Observation(before.topology, containers)


def _require(after: Observation, wanted: frozenset[Fault], engine: Engine) -> None:
    now = present(after)
    for fault in ordered(now - wanted):
        if isinstance(fault, Down):
            raise _death(engine, after.containers[fault.node])
        raise DockerError(
            f"Docker reports success, but {fault}", "`lab faults` lists what is in force; `lab heal` undoes it"
        )
    for fault in ordered(wanted - now):
        raise DockerError(f"Docker reports success, but it is not so that {fault}", "repeat the command, or `lab heal`")


def wait_for_greeting(engine: Engine, after: Observation, node: Node, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while proof.greeting(node.client_port, 0.3) != "greets":
        container = engine.observe(after.topology.name).containers[node.name]
        if container.state != "running":
            raise _death(engine, container)
        if time.monotonic() > deadline:
            raise LabError(
                f"{node.name} runs but does not greet clients after {seconds:.0f} s",
                f"`lab logs {node.name}` tells why",
            )
        time.sleep(0.05)


def _side_by_side(faults: Iterable[Fault], act: Callable[[Fault], None]) -> None:
    """All at once; when some fail the others are still done, and the first error is raised."""
    todo = list(faults)
    if not todo:
        return
    with ThreadPoolExecutor(len(todo)) as pool:
        for future in [pool.submit(act, fault) for fault in todo]:
            future.result()


def with_nodes_down(now: frozenset[Fault], nodes: Iterable[Node], killed: bool) -> frozenset[Fault]:
    nodes = tuple(nodes)
    return without(now, Paused, nodes) | {Down(node.name, killed) for node in nodes}


def with_nodes_paused(now: frozenset[Fault], nodes: Iterable[Node]) -> frozenset[Fault]:
    """Raises `NotRunning` for a node that is down: there is nothing to freeze."""
    names = {node.name for node in nodes}
    down = sorted(fault.node for fault in now if isinstance(fault, Down) and fault.node in names)
    if down:
        raise NotRunning(f"{', '.join(down)} cannot be paused, being down", "`lab start` starts it")
    return now | {Paused(name) for name in names}


def without(now: frozenset[Fault], kind: type[Fault], nodes: Iterable[Node]) -> frozenset[Fault]:
    names = {node.name for node in nodes}
    return frozenset(fault for fault in now if not (isinstance(fault, kind) and fault.node in names))


def with_cuts(now: frozenset[Fault], cuts: frozenset[Cut]) -> frozenset[Fault]:
    """Another partition: these cuts replace the ones in force, all other faults stay."""
    return frozenset(fault for fault in now if not isinstance(fault, Cut)) | cuts
