"""What somebody else, or a server itself, did to the lab's nodes while it was checked: by Docker's events,
by what its containers tell where an engine forgot them, and by the servers' logs for a full disk.

A node that died without being told to is no fault of the schedule and no bug of NATS. It is recorded like a fault, of
the kind `outside`, so that whatever is judged knows of it, and proven by the event.
"""

import asyncio
import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from lab.check.clock import Clock
from lab.check.history import OUTSIDE, SECOND, FaultRecord
from lab.docker.engine import Engine
from lab.docker.events import Event
from lab.docker.observation import Observation
from lab.errors import LabError

LOOK_S = 5.0  # the engine remembers few events, and other labs make some too
NO_SPACE = "no space left on device"
SAME = 2 * SECOND  # between a container's own time and that of the event
NEAR = SECOND // 2  # of a command's own time, for its event
STOPPING = 30 * SECOND  # from the signal to the end
GREETS = 5 * SECOND  # from a container's start to a server that answers
FULL = "disk full"  # an event that Docker does not know: the server turns JetStream off until it is started again
ENDS, BEGINS = ("die", "pause", FULL), ("start", "unpause")
WORDS = {"die": "died", "pause": "was frozen", FULL: "had no disk space left"}


@dataclass
class Watch:
    """Keeps asking what happened. `missed` says why the last look failed; "" when it did not."""

    engine: Engine
    lab: str
    clock: Clock
    events: list[Event] = field(default_factory=list)
    missed: str = ""
    _until: int = 0

    def look(self) -> None:
        since, until = self.clock.wall + self._until, self.clock.wall + self.clock.now()
        try:
            found = self.engine.events(self.lab, since, until)
            if self.missed:
                self.compare(self.engine.observe(self.lab))
        except LabError as error:
            self.missed = f"what happened to the nodes is not known: {error.message}"
            return
        self.missed, self._until = "", until - self.clock.wall
        self.note(found)

    def compare(self, observation: Observation) -> None:
        """Note what the containers tell of and no event did: an engine that is restarted forgets its events."""
        self.note(unseen(observation, self.clock.wall, self.events))

    def note(self, found: Iterable[Event]) -> None:
        """Add events, with times in ns since 1970, unless they are known."""
        for event in found:
            event = replace(event, time=event.time - self.clock.wall)
            if event not in self.events:
                bisect.insort(self.events, event, key=lambda event: event.time)

    async def look_on(self, stop: asyncio.Event) -> None:
        """Look every few seconds until `stop`."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_S)
            await asyncio.to_thread(self.look)


def unseen(observation: Observation, zero: int, known: Iterable[Event]) -> Iterator[Event]:
    """Ends and starts of nodes since `zero` that are not among the `known` events, whose times count from there. Times
    are in ns, `zero` and those of the result since 1970. Pure."""
    there = list(known)
    for node, container in observation.containers.items():
        ended, started = _moment(container.finished_at), _moment(container.started_at)
        running = container.state in ("running", "paused")
        if ended < zero:
            continue
        told = [Event(ended, node, "die", None if running else container.exit_code)]
        told += [Event(started, node, "start")] if running else []
        for event in told:
            if not any(_same(event, replace(other, time=other.time + zero)) for other in there):
                yield event


def full_disks(logs: Mapping[str, str]) -> Iterator[Event]:
    """The first line of each node's log that says so, where one does; each line begins with its time. Pure."""
    for node, log in logs.items():
        line = next((line for line in log.splitlines() if NO_SPACE in line), None)
        if line:
            yield Event(_moment(line.split()[0]), node, FULL)


def _same(one: Event, other: Event) -> bool:
    return (one.node, one.action) == (other.node, other.action) and abs(one.time - other.time) < SAME


def _moment(text: str) -> int:
    """Docker's time as ns since 1970."""
    return round(datetime.fromisoformat(text).timestamp() * SECOND) if text else 0


def with_outside(events: Iterable[Event], own: Sequence[FaultRecord]) -> tuple[FaultRecord, ...]:
    """The check's own faults and what happened to nodes besides, in the order of time. `events` are in that order, at
    times of the run. A fault of the check's that somebody undid is not proven any more. Pure."""
    nodes: dict[str, list[Event]] = {}
    for event in events:
        nodes.setdefault(event.node, []).append(event)
    mine, others = list(own), list[FaultRecord]()
    for node, happened in sorted(nodes.items()):
        others += _of_node(node, happened, own)
        for event in happened:
            mine = [_undone(record, event) for record in mine]
    others.sort(key=lambda record: record.began)
    others = [replace(record, id=f"x{number}") for number, record in enumerate(others, 1)]
    return tuple(sorted([*mine, *others], key=lambda record: record.began))


def _of_node(node: str, events: list[Event], own: Sequence[FaultRecord]) -> Iterator[FaultRecord]:
    out: FaultRecord | None = None
    told, starved = -STOPPING, False  # when a signal was sent, whether memory was short since the last start
    for event in events:
        if event.action == "kill":
            told = event.time
        elif event.action == "oom":
            starved = True
        elif event.action in ENDS and out is None and not any(_asked(record, event) for record in own):
            began = told if event.action == "die" and event.time - told < STOPPING else event.time
            out = _record(node, event, began, starved)
        elif event.action in BEGINS and out is not None:
            over = event.time + (GREETS if event.action == "start" else 0)
            again = f", and {'was started again' if event.action == 'start' else 'thawed'} at {_at(event.time)}"
            yield replace(out, healing=event.time, healed=over, evidence=out.evidence + again)
            out, starved = None, False
    if out is not None:
        yield out


def _record(node: str, event: Event, began: int, starved: bool) -> FaultRecord:
    what = f"{node} {WORDS[event.action]}"
    why = "out of memory" if starved else "" if event.exit_code is None else f"exit code {event.exit_code}"
    told = f"not by the check: {what} at {_at(event.time)}" + (f" ({why})" if why else "")
    return FaultRecord(
        "", OUTSIDE, f"{what}, not by the check", {}, began, event.time, None, None, True, told, nodes=(node,)
    )


def _asked(record: FaultRecord, event: Event) -> bool:
    """Whether a fault of the check's own was just taking hold or being healed, so that the event is its doing."""
    if event.node not in record.nodes:
        return False
    taking = (record.began, record.injected or record.healing)
    healing = (record.healing, record.healed)
    return any(
        began is not None and began - NEAR <= event.time and (ended is None or event.time <= ended + NEAR)
        for began, ended in (taking, healing)
    )


def _undone(record: FaultRecord, event: Event) -> FaultRecord:
    """A fault of the check's, after somebody started or thawed a node that it had taken away."""
    if event.action not in BEGINS or event.node not in record.nodes or _asked(record, event):
        return record
    if record.injected is None or not record.active(event.time):
        return record
    did = "started" if event.action == "start" else "thawed"
    told = f"not by the check: {event.node} was {did} at {_at(event.time)}, while this was in force"
    return replace(record, proven=False, error="; ".join(filter(None, (record.error, told))))


def _at(time: int) -> str:
    return f"{time / SECOND:.1f} s"
