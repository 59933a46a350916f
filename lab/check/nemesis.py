"""Faults at their times: injects, proves, heals, and records how each went. Always ends with a healed lab.

The faults that are wanted at a moment are the sum of those of the schedule that are due; `lab.faults.change.apply`
makes it so and proves it. It runs in a thread, since Docker is synchronous. A fault that cannot be proven is recorded
as such.
"""

import threading
import time
from dataclasses import dataclass, field, replace

from lab.api import Lab
from lab.check.clock import Clock
from lab.check.history import SECOND, FaultRecord
from lab.check.schedule import Planned, Schedule
from lab.errors import LabError
from lab.faults.fault import Fault
from lab.faults.verb import Verb
from lab.progress import Say
from lab.topology import Topology

HEAL_TRIES = 3


@dataclass(frozen=True, order=True)
class Moment:
    """Something to do at a time (ns on the run's clock): heals come before injections of the same time."""

    time: int
    order: int
    fault: str
    act: str = field(compare=False)  # "begin", "end"; "turn" between, for what comes and goes
    elapsed: float = field(default=0.0, compare=False)  # seconds since the beginning


def moments(schedule: Schedule, main_began: int) -> list[Moment]:
    """The schedule as a list of things to do. Pure."""
    found = []
    for fault in schedule.faults:
        begin = main_began + round(fault.at * SECOND)
        end = main_began + round(fault.end * SECOND)
        found.append(Moment(begin, 1, fault.id, "begin"))
        if fault.verb.lasting:
            found.append(Moment(end, 0, fault.id, "end"))
        for at in fault.verb.turns(fault.seconds):
            found.append(Moment(begin + round(at * SECOND), 1, fault.id, "turn", at))
    return sorted(found)


class Nemesis:
    """`records` grows as faults end; read it when `run` has returned, or use `in_force` to look meanwhile."""

    def __init__(self, lab: Lab, topology: Topology, schedule: Schedule, clock: Clock, say: Say) -> None:
        self._lab, self._topology, self._clock, self._say = lab, topology, clock, say
        self._planned = {fault.id: fault for fault in schedule.faults}
        self._schedule = schedule
        self._open: dict[str, FaultRecord] = {}
        self._verbs: dict[str, Verb] = {}
        self._wanted: dict[str, frozenset[Fault]] = {}
        self.records: list[FaultRecord] = []

    @property
    def in_force(self) -> tuple[str, ...]:
        return tuple(record.what for record in list(self._open.values()))

    def run(self, main_began: int, stop: threading.Event) -> None:
        """Do the whole schedule, or until `stop`. Raises `LabError` when a heal fails: then nothing can go on."""
        try:
            for moment in moments(self._schedule, main_began):
                if stop.wait(max(0.0, (moment.time - self._clock.now()) / SECOND)):
                    break
                self._do(moment)
        finally:
            self.heal()

    def _do(self, moment: Moment) -> None:
        fault = self._planned[moment.fault]
        if moment.act == "begin":
            self._begin(fault)
        elif moment.act == "end":
            self._end(fault)
        elif fault.id in self._open:
            self._turn(fault, moment.elapsed)

    def _begin(self, fault: Planned) -> None:
        try:
            verb = self._verbs[fault.id] = self._lab.resolved(fault.verb)
        except LabError as error:
            self._failed(self._record(fault, fault.verb), error)
            return
        record = self._record(fault, verb)
        if not verb.lasting:
            self._strike(record, verb)
            return
        self._open[fault.id] = record
        self._wanted[fault.id] = verb.faults_at(self._topology, 0.0, fault.seconds)
        self._open[fault.id] = self._proven(record, injected=True)

    def _record(self, fault: Planned, verb: Verb) -> FaultRecord:
        """A fault that begins now, which is said."""
        effects = verb.affects(self._topology)
        self._say(f"{fault.id}: {verb.said}" + (f" for {fault.seconds:g} s" if fault.seconds else ""))
        return FaultRecord(
            fault.id,
            fault.kind,
            verb.said,
            verb.arguments(),
            self._clock.now(),
            None,
            None,
            None,
            proven=False,
            nodes=tuple(sorted(effects.out)),
            links=tuple(
                sorted({side.link for side in effects.silenced} & {link.name for link in self._topology.links})
            ),
            streams=tuple(sorted(effects.streams)),
            silenced=tuple(sorted(map(str, effects.silenced))),
            slowed=tuple(sorted(map(str, effects.slowed))),
        )

    def _strike(self, record: FaultRecord, verb: Verb) -> None:
        """What is over at once, such as a step-down: when the leader has changed."""
        try:
            evidence = self._lab.do(verb).seen
        except LabError as error:
            self._failed(record, error)
            return
        now = self._clock.now()
        self.records.append(replace(record, injected=now, healing=now, healed=now, proven=True, evidence=evidence))

    def _failed(self, record: FaultRecord, error: LabError) -> None:
        """Over before it was in force."""
        now = self._clock.now()
        self._say(f"{record.id}: not proven: {error.message}")
        self.records.append(replace(record, healing=now, healed=now, error=error.message))

    def _proven(self, record: FaultRecord, injected: bool) -> FaultRecord:
        """Make what is wanted so; the record with the proof, or with the reason why there is none."""
        try:
            evidence = self._apply()
        except LabError as error:
            self._say(f"{record.id}: not proven: {error.message.splitlines()[0]}")
            return replace(record, proven=False, error=_joined(record.error, error.message))
        if not injected:
            return record
        if not evidence:
            return replace(record, error="it was in force already")
        return replace(record, injected=self._clock.now(), proven=True, evidence=evidence)

    def _turn(self, fault: Planned, elapsed: float) -> None:
        self._wanted[fault.id] = self._verbs[fault.id].faults_at(self._topology, elapsed, fault.seconds)
        self._open[fault.id] = self._proven(self._open[fault.id], injected=False)

    def _end(self, fault: Planned) -> None:
        if fault.id in self._open:
            record = replace(self._open.pop(fault.id), healing=self._clock.now())
            self._wanted.pop(fault.id, None)
            self._heal([record])

    def heal(self) -> None:
        """Undo what is left. Raises `LabError` when it cannot be undone."""
        records = [replace(record, healing=self._clock.now()) for record in self._open.values()]
        self._open.clear()
        self._wanted.clear()
        self._heal(records)

    def _heal(self, records: list[FaultRecord]) -> None:
        problem: LabError | None = None
        for turn in range(HEAL_TRIES):
            try:
                self._apply()
                self.records += [replace(record, healed=self._clock.now()) for record in records]
                return
            except LabError as error:
                problem = error
                self._say(f"heal failed, {HEAL_TRIES - turn - 1} tries left: {error.message.splitlines()[0]}")
                time.sleep(1)
        assert problem
        self.records += [replace(record, error=_joined(record.error, problem.message)) for record in records]
        raise problem

    def _apply(self) -> str:
        """Raises `LabError`. The evidence as a sentence."""
        wanted: frozenset[Fault] = frozenset().union(*self._wanted.values())
        evidence = self._lab.make(lambda _: wanted).evidence
        return str(evidence) if evidence else ""


def _joined(one: str, other: str) -> str:
    return f"{one}; {other}" if one and other and one != other else one or other
