"""Changing the faults in force: observed, planned, done side by side, proven.

Nothing is remembered between two changes, so that one which died half-way is finished by repeating it, or undone by
healing. `change` is the only place where faults are injected and healed.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TextIO

from lab import lock
from lab.docker.deaths import died
from lab.docker.engine import Engine
from lab.docker.observation import COMPLETES, Observation
from lab.errors import DockerError, FaultNotProven, LabError
from lab.faults import proof
from lab.faults.fault import Fault
from lab.faults.registry import KINDS, ordered, present
from lab.headstart import Headstart
from lab.netprobe.session import Probe
from lab.progress import Say
from lab.topology import Node

Want = Callable[[Observation], frozenset[Fault]]
GREETING_S = 15.0


@dataclass(frozen=True)
class Plan:
    """What has to be done, by key: a fault that is in force with another parameter is replaced, not healed."""

    add: tuple[Fault, ...]
    replace: tuple[tuple[Fault, Fault], ...]  # the one in force, and the one that is wanted instead
    remove: tuple[Fault, ...]

    @property
    def injections(self) -> tuple[Fault, ...]:
        return self.add + tuple(new for _, new in self.replace)

    @property
    def touched(self) -> tuple[Fault, ...]:
        return self.injections + self.remove


def plan(now: frozenset[Fault], wanted: frozenset[Fault]) -> Plan:
    """From the faults in force to those wanted. Pure."""
    present_by_key, wanted_keys = {fault.key: fault for fault in now}, {fault.key for fault in wanted}
    changed = ordered(fault for fault in wanted if fault not in now)
    return Plan(
        add=tuple(fault for fault in changed if fault.key not in present_by_key),
        replace=tuple((present_by_key[fault.key], fault) for fault in changed if fault.key in present_by_key),
        remove=ordered(fault for fault in now if fault.key not in wanted_keys),
    )


@dataclass(frozen=True)
class Change:
    """What was done, or would be: faults healed, injected and replaced; no evidence when nothing was done.

    `took_hold_s` is how long it took, from first to last, until every new cut was in effect.
    """

    healed: tuple[Fault, ...]
    injected: tuple[Fault, ...]
    in_force: tuple[Fault, ...]
    evidence: proof.Evidence | None
    took_hold_s: float | None = None
    replaced: tuple[tuple[Fault, Fault], ...] = ()

    @property
    def nothing(self) -> bool:
        return not (self.healed or self.injected or self.replaced)

    def undone(self, now: frozenset[Fault]) -> frozenset[Fault]:
        """What is to be in force when this change is taken back where `now` is in force."""
        before = {*self.healed, *(old for old, _ in self.replaced)}
        keys = {fault.key for fault in (*self.injected, *before)}
        return frozenset(fault for fault in now if fault.key not in keys) | before


@contextmanager
def exclusive(lab: str, say: Say, opened: TextIO | None = None) -> Iterator[TextIO]:
    """One changing command at a time for each lab on this host."""
    with opened or lock.opened(lab) as held:
        lock.take(lab, held, say)
        yield held


def change(
    engine: Engine, lab: str, want: Want, say: Say, dry_run: bool = False, begun: Headstart | None = None
) -> Change:
    """Observe the lab and make exactly the faults be in force that `want` asks for. Raises `LabError`."""
    with exclusive(lab, say, begun.lock if begun else None) as held:
        engine = engine.holding(held)
        probe = begun.probe if begun else None if dry_run else Probe(engine, lab)
        try:
            before = begun.observing.result() if begun else engine.observe(lab)
            wanted = want(before)
            if any(fault.node in before.missing for fault in wanted):
                before.require_whole()
            return _on_damaged(before, wanted, say, lambda: apply(engine, before, wanted, dry_run, probe))
        except BaseException:
            if probe:
                probe.close()
            raise


def _on_damaged(before: Observation, wanted: frozenset[Fault], say: Say, act: Callable[[], Change]) -> Change:
    """A lab that somebody damaged by hand can still have faults, and lose them; but it must not be called healed."""
    if not before.damage:
        return act()
    try:
        done = act()
    except LabError:
        before.require_whole()
        raise
    if done.nothing or not wanted:
        before.require_whole(f"; healed: {', '.join(map(str, done.healed))}" if done.healed else "")
    say(f"warning: the lab `{before.topology.name}` {before.damage}; {COMPLETES}")
    return done


def apply(
    engine: Engine,
    before: Observation,
    wanted: frozenset[Fault],
    dry_run: bool = False,
    probe: Probe | None = None,
) -> Change:
    """Make exactly the faults `wanted` be in force, and prove it. The lab's lock is the caller's matter."""
    todo = plan(present(before), wanted)
    done = Change(todo.remove, todo.add, ordered(wanted), None, replaced=todo.replace)
    if dry_run or done.nothing:
        if probe:
            probe.close()
        return done
    probe = probe or Probe(engine, before.topology.name)
    proven = False
    try:
        took_hold_s, found_silent = _make(engine, before, wanted, todo, probe)
        evidence = _confirm(engine, before, wanted, todo, probe, found_silent)
        proven = True
    finally:
        probe.close(wait=not proven)
    return replace(done, evidence=evidence, took_hold_s=took_hold_s)


def _on_interfaces(before: Observation, faults: Iterable[Fault]) -> bool:
    """Whether all of them act on interfaces alone, so that the nodes' processes stay the same."""
    return all(fault.interface(before.topology) for fault in faults)


def _make(
    engine: Engine, before: Observation, wanted: frozenset[Fault], todo: Plan, probe: Probe
) -> tuple[float | None, bool]:
    """Inject and heal, side by side. Returns how long it took until every new cut was in effect, if there are any, and
    whether all that is to be dead was then found silent.

    Docker detaches endpoints one after the other. So all interfaces of the new cuts first go down at one instant; the
    detaching then makes the cuts last, and keeps them where everybody can read them. It takes longer than silence has
    to last, so the silence is looked at meanwhile.
    """
    topology = before.topology

    def heal(kind: type[Fault]) -> None:
        _side_by_side((f for f in todo.remove if isinstance(f, kind)), lambda fault: fault.heal(engine, topology))

    for kind in KINDS:
        if kind.heals_first:
            heal(kind)
    interfaces = [
        (before.containers[fault.node].pid, address)
        for fault in todo.injections
        if (address := fault.interface(topology)) and before.containers[fault.node].pid
    ]
    took_hold_s = probe.take_down(interfaces) if interfaces else None
    found_silent = False
    with ThreadPoolExecutor(1) as pool:
        injecting = pool.submit(_side_by_side, todo.injections, lambda fault: fault.inject(engine, topology))
        if interfaces and _on_interfaces(before, todo.touched):
            found_silent = proof.silent(before, wanted | {*todo.remove}, probe)
        injecting.result()
    for kind in KINDS:
        if not kind.heals_first:
            heal(kind)
    return took_hold_s, found_silent


def _confirm(
    engine: Engine,
    before: Observation,
    wanted: frozenset[Fault],
    todo: Plan,
    probe: Probe,
    found_silent: bool,
) -> proof.Evidence:
    """That Docker says so, and that packets say so."""
    with ThreadPoolExecutor(2) as pool:
        observing = pool.submit(engine.again, before)
        early = None
        if _on_interfaces(before, todo.touched):  # else nobody knows yet which processes there will be
            early = pool.submit(proof.prove, engine, before, probe, found_silent, wanted)
        after = observing.result()
        _require(after, wanted, engine)
        if early and (_same_processes(before, after) or early.exception()):
            evidence = early.result()
        else:
            for fault in todo.remove:
                started = after.containers[fault.node].pid not in (0, before.containers[fault.node].pid)
                if started:
                    wait_for_greeting(engine, after, before.topology.node(fault.node))
            evidence = proof.prove(engine, after, probe)
    left = probe.still_there()
    if left:
        raise FaultNotProven(f"Docker reports success, but the interfaces with {', '.join(left)} are still there")
    return evidence


def _same_processes(before: Observation, after: Observation) -> bool:
    return {c.node: (c.pid, c.state) for c in before.containers.values()} == {
        c.node: (c.pid, c.state) for c in after.containers.values()
    }


def _require(after: Observation, wanted: frozenset[Fault], engine: Engine) -> None:
    now = present(after)
    for fault in ordered(now - wanted):
        if not after.containers[fault.node].pid and fault.node not in {other.node for other in wanted}:
            raise died(engine, after, fault.node)
        raise DockerError(
            f"Docker reports success, but still {fault}", "`lab faults` lists what is in force; `lab heal` undoes it"
        )
    for fault in ordered(wanted - now):
        raise DockerError(
            f"Docker reports success, but this is not in force: {fault}", "repeat the command, or `lab heal`"
        )


def wait_for_greeting(engine: Engine, after: Observation, node: Node) -> None:
    """Until a node that was started greets clients. Raises `LabError` when it dies, or is silent for too long."""
    deadline = time.monotonic() + GREETING_S
    while proof.greeting(node.client_port, 0.3) != "greets":
        now = engine.observe(after.topology.name)
        if now.containers[node.name].state != "running":
            raise died(engine, now, node.name)
        if time.monotonic() > deadline:
            raise LabError(
                f"{node.name} runs but does not greet clients after {GREETING_S:.0f} s",
                f"`lab logs {node.name}` shows why",
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
