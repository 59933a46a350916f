"""What watches while the load runs: live readers, probes, the sampler, Docker's events, this program itself."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from lab.check import readers, sampler
from lab.check.clock import Clock
from lab.check.form import Form
from lab.check.history import SECOND, Probe, Sample, Stall
from lab.check.load import watched
from lab.check.outside import Watch
from lab.check.readers import DURABLE, ORDERED, Reader
from lab.check.sessions import Sessions
from lab.observe.status import Arrivals

STALL_S = 2.0
END_S = 8.0


@dataclass
class Observed:
    """What was seen; when this program itself stood still; by how many seconds at most the machine's clock was set."""

    live: list[Reader] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)
    jump: float = 0.0
    before: Mapping[str, int] = field(default_factory=dict)

    async def watch_time(self, clock: Clock, stop: asyncio.Event) -> None:
        """A slow machine looks like a slow cluster: note when this program's own loop stood still."""
        while not stop.is_set():
            due = clock.now() + SECOND // 10
            await asyncio.sleep(0.1)
            if (now := clock.now()) - due > STALL_S * SECOND:
                self.stalls.append(Stall(due, now))
            self.jump = max(self.jump, clock.jump(), key=abs)

    def arrived(self) -> Arrivals:
        """Copy -> upstream -> the last of its sequences that a live reader saw. What was there before the
        run had arrived everywhere, or the run would not have begun."""
        found: dict[str, dict[str, int | None]] = {}
        for reader in self.live:
            row = found.setdefault(reader.stream.key, {})
            for origin in reader.origins:
                row[origin] = max(row.get(origin) or self.before.get(origin, 0), reader.arrived.get(origin, 0))
        return found

    def unread(self, ends: Mapping[str, int]) -> list[str]:
        """Readers to which something of a stream is still to come, as sentences; `ends` are the last sequences."""
        found = []
        for reader in self.live:
            stream = reader.stream.key
            behind = reader.behind(ends.get(stream, 0)) if ends.get(stream, 0) > self.before.get(stream, 0) else 0
            if behind:
                found.append(f"the {reader.kind} reader of {reader.place} has {behind} messages before it")
        return found


@asynccontextmanager
async def observing(
    sessions: Sessions,
    form: Form,
    clock: Clock,
    before: Mapping[str, int],
    watch: Watch,
) -> AsyncIterator[Observed]:
    """Watch from here on; ends when the block does. Raises `NatsError` when a consumer cannot be made."""
    observed, stop, layout, topology = Observed(before=before), asyncio.Event(), form.layout, form.topology
    jobs: list[Coroutine[Any, Any, None]] = []
    with ThreadPoolExecutor(len(topology.nodes)) as pool:  # how the run began, before anything is published
        observed.samples.append(await sampler.sample(sessions, observed.arrived, topology, clock, pool))
    for place, stream in watched(layout):
        near = sessions.client(place) if layout.virtual_name else sessions.of(stream)
        session, start = await near, before[stream.key] + 1
        for kind in (DURABLE, ORDERED):
            reader = Reader(place, kind, stream, form, clock)
            observed.live.append(reader)
            jobs.append(readers.read(session, reader, await readers.prepare(session, reader, start), start, stop))
    for region in layout.clients:
        session = await sessions.client(region)
        durable = await sampler.durable(session, topology)
        jobs.append(sampler.probe_on(session, topology, clock, durable, observed.probes, stop))
    jobs.append(sampler.sample_on(sessions, observed.arrived, topology, clock, observed.samples, stop))
    jobs.append(watch.look_on(stop))
    jobs.append(observed.watch_time(clock, stop))
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield observed
    finally:
        stop.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), END_S)
