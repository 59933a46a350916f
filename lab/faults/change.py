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
from lab.faults import proof, timers
from lab.faults.fault import Fault
from lab.faults.hands import Hands
from lab.faults.plan import Change, Plan, plan
from lab.faults.registry import KINDS, ordered, present
from lab.faults.shape import completed
from lab.headstart import Headstart
from lab.netprobe.interfaces import asked
from lab.netprobe.session import Probe
from lab.progress import Say
from lab.topology import Node, Topology

Want = Callable[[Observation], frozenset[Fault]]
GREETING_S = 15.0


@contextmanager
def exclusive(lab: str, say: Say, opened: TextIO | None = None) -> Iterator[TextIO]:
    """One changing command at a time for each lab on this host."""
    with opened or lock.opened(lab) as held:
        lock.take(lab, held, say)
        yield held


@dataclass(frozen=True)
class Span:
    """How long a change lasts, in seconds; `faults` are those that it is about, for when all are in force already."""

    seconds: float
    faults: Callable[[Topology], frozenset[Fault]]


def change(
    engine: Engine,
    lab: str,
    want: Want,
    say: Say,
    dry_run: bool = False,
    begun: Headstart | None = None,
    span: Span | None = None,
    within: timers.Timer | None = None,
) -> Change:
    """Observe the lab and make exactly the faults be in force that `want` asks for, for as long as `span` says. A timer
    of which it is a part, `within`, stays. Raises `LabError`."""
    with exclusive(lab, say, begun.lock if begun else None) as held:
        engine = engine.holding(held)
        probe = begun.probe if begun else Probe(engine, lab)
        try:
            before = asked(begun.observing.result() if begun else engine.observe(lab), probe)
            wanted = possible(completed(want(before), before.topology))
            if any(fault.node in before.missing for fault in wanted):
                before.require_whole()
            timer = None if dry_run or not span else _timed(lab, before, wanted, span)
            done = _on_damaged(before, wanted, say, lambda: apply(engine, before, wanted, probe, dry_run))
            if timer and span:
                timers.set_end(timer, span.seconds)
            if not dry_run:
                timers.release(lab, done.keys, but=timer or within)
            if not (dry_run or wanted or within):
                timers.end_all(lab)
            return replace(done, ends_in_s=span.seconds if span else None)
        except BaseException:
            probe.close()
            raise


def _timed(lab: str, before: Observation, wanted: frozenset[Fault], span: Span) -> timers.Timer:
    """A timer for what is about to be done; if it is in force already, for what is."""
    done = Change.planned(plan(present(before), wanted), wanted)
    if done.nothing:
        done = replace(done, injected=ordered(span.faults(before.topology) & wanted))
        timers.release(lab, done.keys)
    return timers.start(lab, done, span.seconds)


def possible(wanted: frozenset[Fault]) -> frozenset[Fault]:
    """Without what vanishes together with other faults: a shape on a link that is cut."""
    keys = {fault.key for fault in wanted}
    return frozenset(fault for fault in wanted if not fault.ends_with & keys)


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


def apply(engine: Engine, before: Observation, wanted: frozenset[Fault], probe: Probe, dry_run: bool = False) -> Change:
    """Make exactly the faults `wanted` be in force, and prove it; ends the probe. The lab's lock is the caller's
    matter, and so is that the kernel was asked."""
    todo = plan(present(before), wanted)
    done = Change.planned(todo, wanted)
    if dry_run or done.nothing:
        probe.close()
        return done
    proven = False
    try:
        earlier = proof.measure(before, present(before), todo.touched, probe)
        took_hold_s, found_silent = _make(engine, before, wanted, todo, probe)
        evidence = _confirm(engine, before, wanted, todo, probe, found_silent)
        proven = True
    finally:
        probe.close(wait=not proven)
    return replace(done, evidence=replace(evidence, earlier=earlier), took_hold_s=took_hold_s)


def _stay(faults: Iterable[Fault], topology: Topology) -> bool:
    """Whether the nodes' processes stay the same: all of these faults act on interfaces alone."""
    return all(fault.in_kernel or fault.interface(topology) for fault in faults)


def _make(
    engine: Engine, before: Observation, wanted: frozenset[Fault], todo: Plan, probe: Probe
) -> tuple[float | None, bool]:
    """Inject and heal, side by side: first what Docker does, then what the kernel does. Returns how long it took until
    all that takes hold at one instant was in effect, if there is any, and whether all that is to be dead was then found
    silent.

    Docker detaches endpoints one after the other. So all interfaces of the new cuts first go down at one instant; the
    detaching then makes the cuts last, and keeps them where everybody can read them. It takes longer than silence has
    to last, so the silence is looked at meanwhile.
    """
    topology, hands = before.topology, Hands(engine)
    docker = todo.part(in_kernel=False)

    def heal(kind: type[Fault]) -> None:
        _side_by_side((f for f in docker.remove if isinstance(f, kind)), lambda fault: fault.heal(hands, topology))

    for kind in KINDS:
        if kind.heals_first:
            heal(kind)
    interfaces = [
        (before.containers[fault.node].pid, address)
        for fault in docker.injections
        if (address := fault.interface(topology)) and before.containers[fault.node].pid
    ]
    took_hold_s = probe.take_down(interfaces) if interfaces else None
    found_silent = False
    with ThreadPoolExecutor(1) as pool:
        injecting = pool.submit(_side_by_side, docker.injections, lambda fault: fault.inject(hands, topology))
        if interfaces and todo == docker and _stay(todo.touched, topology):
            found_silent = proof.silent(before, wanted | {*todo.remove}, probe)
        injecting.result()
    for kind in KINDS:
        if not kind.heals_first:
            heal(kind)
    in_kernel_s = _make_in_kernel(engine, before, wanted, todo, probe, hands)
    return max((s for s in (took_hold_s, in_kernel_s) if s is not None), default=None), found_silent


def _make_in_kernel(
    engine: Engine, before: Observation, wanted: frozenset[Fault], todo: Plan, probe: Probe, hands: Hands
) -> float | None:
    """What the network probe does, all at one instant. What Docker did before may have taken shapes away, with an
    interface or a process, and may have made room for others."""
    seen, topology = before, before.topology
    if todo.part(in_kernel=False).touched:
        if not topology.conditions and not any(fault.in_kernel for fault in (*wanted, *todo.remove)):
            return None
        seen = asked(engine.again(before), probe)
    now = present(seen)
    left = plan(now, wanted).part(in_kernel=True)
    for fault in left.remove:
        fault.heal(hands, topology)
    for fault in left.injections:
        fault.inject(hands, topology)
    return hands.flush(seen, probe, lambda: _back(Hands(engine), left, topology)) if left.touched else None


def _back(hands: Hands, done: Plan, topology: Topology) -> Hands:
    """What undoes a plan that could not be carried out."""
    for fault in done.add:
        fault.heal(hands, topology)
    for fault in (*done.remove, *(old for old, _ in done.replace)):
        fault.inject(hands, topology)
    return hands


def _confirm(
    engine: Engine,
    before: Observation,
    wanted: frozenset[Fault],
    todo: Plan,
    probe: Probe,
    found_silent: bool,
) -> proof.Evidence:
    """That Docker and the kernel say so, and that packets say so."""
    topology, touched = before.topology, todo.touched
    with ThreadPoolExecutor(2) as pool:
        observing = pool.submit(engine.again, before)
        early = None
        if _stay(touched, topology):  # else nobody knows yet which processes and interfaces there will be
            early = pool.submit(proof.prove, before, probe, wanted, touched, found_silent)
            early.exception()  # one question at a time
        after = asked(observing.result(), probe)
        _require(after, wanted, engine)
        if early and (_same_processes(before, after) or early.exception()):
            evidence = early.result()
        else:
            for fault in todo.remove:
                started = after.containers[fault.node].pid not in (0, before.containers[fault.node].pid)
                if started:
                    wait_for_greeting(engine, after, topology.node(fault.node))
            evidence = proof.prove(after, probe, wanted, touched)
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
