"""The load: publishers in every region, each with a plan of times that nothing changes.

A publisher is a slot that publishes `rate / slots` times a second, at times that are fixed before the run; when one
publish is late the next ones go out as soon as they can, and their latency counts from the time they were meant for.
A slot is filled by one process at a time, and a process does one thing at a time. After an unknown outcome the process
is retired and another takes the slot. Nothing is tried twice.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct

from lab.check import payload
from lab.check.clock import Clock
from lab.check.form import Form
from lab.check.history import FAIL, INFO, NOWHERE, OK, PUBLISH, SECOND, Process
from lab.check.load import Feed
from lab.jetstream.attempts import attempt
from lab.jetstream.session import Session, connect
from lab.layouts import layout_of
from lab.topology import Topology

PUBLISH_TIMEOUT_S = 3.0
NAP_S = 0.5
ROW = Struct("<IIqqqQBBBB")
assert ROW.size == PUBLISH.itemsize
OUTCOME = {"ok": OK, "fail": FAIL, "info": INFO}


@dataclass
class Ledger:
    """What was published so far: rows on their way to the file, and the tables that they index into."""

    topology: Topology
    streams: tuple[str, ...]
    mark: str
    seed: int
    clock: Clock
    processes: list[Process] = field(default_factory=list)
    errors: list[str] = field(default_factory=lambda: [""])
    rows: bytearray = field(default_factory=bytearray)
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    subjects: dict[str, tuple[str, ...]] = field(default_factory=dict)  # `Run.subjects`

    @property
    def form(self) -> Form:
        """What its messages look like."""
        return Form(self.topology, self.streams, self.subjects, self.mark.encode(), self.seed)

    def process(self, region: str, origin: str) -> int:
        self.processes.append(Process(len(self.processes), region, origin))
        return len(self.processes) - 1

    def places(self, origin: str) -> dict[str, int]:
        """What acknowledgements in the account of an origin call its streams -> their places."""
        layout = layout_of(self.topology)
        account = layout.stream(origin).account
        own = [stream for stream in layout.streams if stream.account == account]
        return {stream.name: self.streams.index(stream.key) for stream in own}

    def error(self, text: str) -> int:
        if text not in self.errors:
            if len(self.errors) == 255:
                text = self.errors[-1]
            else:
                self.errors.append(text)
        return self.errors.index(text)

    def flush(self, path: Path) -> None:
        """Append what has come since the last time."""
        if self.rows:
            with path.open("ab") as file:
                file.write(self.rows)
            self.rows.clear()


@dataclass(frozen=True)
class Slot:
    """A place for one process at a time: the first publish at `offset`, then one each `interval` (ns)."""

    feed: Feed
    offset: int
    interval: int

    @property
    def region(self) -> str:
        return self.feed.region

    def intended(self, turn: int) -> int:
        return self.offset + turn * self.interval


def slots(feeds: Sequence[Feed], rate: int, processes: int) -> tuple[Slot, ...]:
    """All publishers, evenly spread over time: `processes` in each region, and at least one for each feed. Feeds that
    set no rate of their own share what the others leave of `rate`. Pure."""
    regions = len({feed.region for feed in feeds})
    each = max(1, round(processes * regions / len(feeds)))
    free = [feed for feed in feeds if not feed.rate]
    left = max(float(len(free)), rate - sum(feed.rate for feed in feeds))
    count = each * len(feeds)
    found = []
    for index in range(count):
        feed = feeds[index % len(feeds)]
        interval = round(SECOND * each / (feed.rate or left / len(free)))
        found.append(Slot(feed, interval * index // count, interval))
    return tuple(found)


async def publish(
    session: Session, slot: Slot, ledger: Ledger, began: int, stop: asyncio.Event, open_loop: bool = True
) -> None:
    """Fill a slot from `began` (ns on the run's clock) until `stop`. `open_loop=False` publishes without pause, which
    only a benchmark wants."""
    clock, mark, seed, feed = ledger.clock, ledger.mark, ledger.seed, slot.feed
    subjects, home, places = feed.published, ledger.streams.index(feed.origin), ledger.places(feed.origin)
    process, counter, turn = ledger.process(feed.region, feed.origin), 0, 0
    while not stop.is_set():
        now = clock.now()
        intended = began + slot.intended(turn) if open_loop else now
        if intended > now:
            await asyncio.sleep(min((intended - now) / SECOND, NAP_S))
            continue
        size = feed.size or payload.size(seed, process, counter)
        content = payload.compose(mark, home, process, counter, size)
        subject = subjects[payload.topic(seed, process, counter, len(subjects))]
        invoked = clock.now()
        outcome, stream, sequence, duplicate, error = INFO, NOWHERE, 0, 0, ""
        try:
            result = await attempt(session, subject, content, PUBLISH_TIMEOUT_S)
            outcome, error = OUTCOME[result.outcome], result.error
            if outcome == OK:
                stream, sequence, duplicate = places.get(result.stream, NOWHERE), result.sequence, result.duplicate
        except asyncio.CancelledError:
            error = "interrupted"
            raise
        finally:
            number = ledger.error(error) if error else 0
            completed = clock.now()
            ledger.rows += ROW.pack(
                process, counter, intended, invoked, completed, sequence, outcome, stream, duplicate, number
            )
            ledger.counts[slot.region, outcome] += 1
        turn, counter = turn + 1, counter + 1
        if outcome == INFO:
            process, counter = ledger.process(feed.region, feed.origin), 0


@asynccontextmanager
async def connected(plan: Sequence[Slot], topology: Topology) -> AsyncIterator[list[Session]]:
    """A connection for each slot, spread over its region's nodes."""
    layout = layout_of(topology)
    async with AsyncExitStack() as stack:
        sessions = []
        for index, slot in enumerate(plan):
            nodes = topology.region_nodes(slot.region)
            turn = index // len(topology.regions) % len(nodes)
            login = layout.login(slot.feed.origin, slot.region)
            connection = connect(slot.region, nodes[turn:] + nodes[:turn], login, True)
            sessions.append(await stack.enter_async_context(connection))
        yield sessions


async def run(
    sessions: Sequence[Session], plan: Sequence[Slot], ledger: Ledger, began: int, stop: asyncio.Event
) -> None:
    """All publishers, from `began` (ns on the run's clock) until `stop`; what is under way then is waited for."""
    async with asyncio.TaskGroup() as group:
        for session, slot in zip(sessions, plan, strict=True):
            group.create_task(publish(session, slot, ledger, began, stop))
