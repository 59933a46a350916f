"""One run of a check, from a healthy lab to a run folder, and back to a healthy lab.

setup → warm-up → main (faults) → settle → quiet → read → save; then `lab/check/judging.py`. Whatever happens in
between, faults are healed and what is there is written. Streams may hold messages from before: those carry another
mark, and only what comes after the last of them is read.
"""

import asyncio
import signal
import threading
import time
import zlib
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lab.api import Lab
from lab.check import folder as folders
from lab.check import load, promises, quiescence, reads, saving, workload
from lab.check.checkers.outages import bound, deadline
from lab.check.clientload import ClientLoad, driving, greeted
from lab.check.clock import Clock
from lab.check.gathered import Gathered, Options
from lab.check.history import FAIL, INFO, OK, SECOND, Phase
from lab.check.nemesis import Nemesis
from lab.check.observers import observing
from lab.check.outside import Watch
from lab.check.schedule import Schedule
from lab.check.sessions import Sessions
from lab.docker import client
from lab.docker.observation import Observation
from lab.errors import LabError, NotReady
from lab.faults.registry import present
from lab.faults.step_down import streams as stream_names
from lab.jetstream import streams
from lab.layouts import layout_of
from lab.places import workspace
from lab.progress import Say
from lab.render import stream_configs
from lab.units import several

T = TypeVar("T")
HEALTHY_S, PROGRESS_S, FLUSH_S = 60.0, 10.0, 1.0


class Interrupted(Exception):  # noqa: N818
    """Ctrl-C or SIGTERM came."""


async def run_check(lab: Lab, schedule: Schedule, options: Options | None = None) -> Path:
    """Run the schedule on a healthy lab; the run's folder, ready to be judged. Raises `LabError` when it cannot begin
    or nothing can be written, `KeyboardInterrupt` when it was stopped before it began. Afterwards the lab is healed."""
    stop = asyncio.Event()
    with _signals(stop, lab.say):
        return await _Check(lab, schedule, options or Options(), stop).run()


@contextmanager
def _signals(stop: asyncio.Event, say: Say) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run in good order, however often they come."""
    loop = asyncio.get_running_loop()

    def asked() -> None:
        say("still healing and writing" if stop.is_set() else "interrupted: healing, then writing what there is")
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, asked)
    try:
        yield
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)


class _Check:
    def __init__(self, lab: Lab, schedule: Schedule, options: Options, stop: asyncio.Event) -> None:
        self._lab, self._schedule, self._options, self._stop = lab, schedule, options, stop
        self._engine, self._root, self._say = lab.engine, lab.root, lab.say

    async def run(self) -> Path:
        async with AsyncExitStack() as stack:
            try:
                gathered = await self._unless_stopped(self._setup(stack))
            except Interrupted:
                raise KeyboardInterrupt from None
            try:
                await self._watched(gathered)
                with self._phase(gathered, "read"):
                    await self._unless_stopped(self._read(gathered))
            except Interrupted:
                gathered.ended = "interrupted"
            except LabError as error:
                gathered.ended = error.message
                self._say(f"the run cannot go on: {error.message}")
            finally:
                await self._heal(gathered)
            self._say("writing the run")
            await saving.save(self._engine, gathered)
            if self._stop.is_set() and gathered.ended == "complete":
                raise KeyboardInterrupt  # the run is whole and can be judged; whoever repeats runs must not go on
        return gathered.folder

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's result, or `Interrupted` as soon as somebody wants an end."""
        task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise Interrupted
        return task.result()

    @contextmanager
    def _phase(self, gathered: Gathered, name: str) -> Iterator[None]:
        began = gathered.clock.now()
        try:
            yield
        finally:
            gathered.phases.append(Phase(name, began, gathered.clock.now()))

    # --- setup ---

    async def _setup(self, stack: AsyncExitStack) -> Gathered:
        observation = await self._healthy()
        if self._options.client:
            await greeted(self._options.client, layout_of(observation.topology))
        await asyncio.to_thread(client.load)  # its import takes a moment that no fault should wait for
        topology = observation.topology
        layout = layout_of(topology)
        self._sessions, feeds = Sessions(layout, stack), load.feeds(layout, self._options.wishes)
        if not layout.virtual_name:
            self._say(promises.summary(promises.explain(layout, feeds)))
        configs = await self._definitions(observation)
        self._plan = workload.slots(feeds, self._schedule.rate, self._schedule.processes)
        self._publishers = await stack.enter_async_context(workload.connected(self._plan, topology))
        before = await quiescence.last_sequences(self._sessions, topology)
        folder = folders.create(self._options.folder or workspace(), self._lab.name, self._schedule.seed)
        version = await asyncio.to_thread(quiescence.versions, observation)
        plan = (folder, self._root, topology, version, self._schedule, configs, self._options)
        await asyncio.to_thread(saving.save_plan, *plan)
        mark, clock = f"{zlib.crc32(str(folder).encode()):08x}", Clock.start()
        ledger = workload.Ledger(topology, stream_names(topology), mark, self._schedule.seed, clock)
        ledger.subjects |= load.subjects(feeds)
        silent = Lab(self._lab.name, engine=self._engine, root=self._root)  # what its own probe holds is no news
        nemesis = Nemesis(silent, topology, self._schedule, clock, self._say)
        watch = Watch(self._engine, self._lab.name, clock)
        given = (topology, self._sessions, ledger.streams, mark, clock, folder)
        driven = ClientLoad(self._options.client, *given) if self._options.client else None
        return Gathered(
            observation, version, configs, self._schedule, folder, clock, ledger, before, nemesis, watch, driven
        )

    async def _healthy(self) -> Observation:
        observation = await asyncio.to_thread(self._lab.condition)
        observation.require_whole()
        found = present(observation)
        if found:
            raise NotReady(
                f"a check needs a healthy lab, and `{self._lab.name}` has {several(len(found), 'fault')} in force",
                "`lab heal --wait` undoes them",
            )
        return observation

    async def _agreed(self, observation: Observation) -> None:
        why = await quiescence.wait(self._engine, self._lab.name, dict, HEALTHY_S, self._say)
        if why:
            raise NotReady(f"a check needs a healthy lab, and {why}", "`lab status` shows it")

    async def _definitions(self, observation: Observation) -> dict[str, Any]:
        """The streams' definitions as they are: one that differs from the lab's own is said, and checked as it is."""
        configs, layout = stream_configs(observation.topology), layout_of(observation.topology)
        sessions = {stream.key: await self._sessions.of(stream) for stream in layout.streams}
        if self._options.clean:
            self._say("deleting the streams with their messages, and defining them anew")
            await streams.clean(sessions, configs)
            await streams.define(sessions, configs, patience=20)
            await streams.define_consumers(sessions, layout)
        await self._agreed(observation)
        have = {key: (await sessions[key].stream_info(config["name"]))["config"] for key, config in configs.items()}
        redefined = layout.redefined(have)
        if redefined:
            raise NotReady(
                f"a check judges streams by the layout `{layout.name}`, and {redefined[0]}",
                "`lab check --clean` deletes the streams and defines them anew",
            )
        for name, wanted in configs.items():
            for line in streams.differing(wanted, have[name]):
                self._say(f"{name} is not as the lab defines it: {line}")
        return have

    # --- load, faults, quiet ---

    async def _watched(self, gathered: Gathered) -> None:
        ledger = gathered.ledger
        given = (self._sessions, ledger.form, gathered.clock, gathered.before, gathered.watch)
        async with observing(*given) as gathered.observed, driving(gathered.client, gathered.before):
            await self._load(gathered)
            try:
                why = await self._unless_stopped(self._quiet(gathered))
            finally:
                settle = gathered.phases[-1]
                gathered.phases[-1] = Phase(settle.name, settle.began, gathered.clock.now())
            if why:
                gathered.notes.append(f"the lab did not settle: {why}")
                self._say(gathered.notes[-1])

    async def _quiet(self, gathered: Gathered) -> str:
        """Wait no longer than a source may need by the servers' own timers; why it is not quiet then, or ""."""
        found = await asyncio.to_thread(self._lab.faults)  # the check's own are healed by now
        if found:
            gathered.notes.append(f"not by the check: {', '.join(map(str, found))} at the end of the load")
            self._say(f"{gathered.notes[-1]}; healing")
            await self._heal(gathered)
        await asyncio.to_thread(gathered.watch.look)
        history, now = saving.history(gathered), gathered.clock.now()
        until = min(deadline(history, now), now + bound(0, now))  # what is never healed ends no wait
        seconds = max(quiescence.UNCHANGED_S * 2, (until - now) / SECOND + 1)
        seen = gathered.observed
        why = await quiescence.wait(
            self._engine, self._lab.name, seen.arrived, seconds, self._say, gathered.before, seen.unread
        )
        if gathered.client:
            await gathered.client.caught_up()
        return why

    async def _load(self, gathered: Gathered) -> None:
        schedule, clock = self._schedule, gathered.clock
        halt, quit_ = asyncio.Event(), threading.Event()
        began = clock.now() + SECOND // 5
        main, ends = began + round(schedule.warmup * SECOND), began + round(schedule.duration * SECOND)
        healed = ends - round(schedule.settle * SECOND)
        self._say(
            f"{len(self._plan)} publishers, {schedule.rate} messages a second for {schedule.duration:g} s, "
            f"{several(len(schedule.faults), 'fault')}: {gathered.folder.name}"
        )
        publishing = asyncio.create_task(workload.run(self._publishers, self._plan, gathered.ledger, began, halt))
        faults = asyncio.create_task(asyncio.to_thread(gathered.nemesis.run, main, quit_))
        writing = asyncio.create_task(self._write_on(gathered, publishing))

        async def settled() -> None:
            """The load goes on for a while after the last heal, also when the faults took longer than planned."""
            nonlocal healed
            await faults
            healed = max(healed, clock.now())
            await asyncio.sleep((healed - clock.now()) / SECOND + schedule.settle)
            halt.set()
            await publishing

        settling = asyncio.create_task(settled())

        async def all_of_them() -> None:
            done, _ = await asyncio.wait({settling, publishing, writing}, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()

        try:
            await self._unless_stopped(all_of_them())
        finally:
            halt.set()
            quit_.set()
            if gathered.client:
                await gathered.client.rest()
            await asyncio.gather(publishing, faults, writing, return_exceptions=True)
            settling.cancel()
            now = clock.now()
            edges = [began, main, healed, now]
            names = ("warm-up", "main", "settle")
            gathered.phases += [
                Phase(name, min(one, now), min(other, now))
                for name, one, other in zip(names, edges[:-1], edges[1:], strict=True)
            ]

    async def _write_on(self, gathered: Gathered, publishing: "asyncio.Task[None]") -> None:
        """Write what was published each second, and say each ten how it goes."""
        path, told = gathered.folder / "publishes.bin", time.monotonic()
        while True:
            last = publishing.done()
            try:
                gathered.ledger.flush(path)
            except OSError as error:
                raise LabError(f"`{path}` cannot be written: {error.strerror}", "is the disk full?") from error
            if last:
                return
            if time.monotonic() - told >= PROGRESS_S:
                told = time.monotonic()
                self._say(_progress(gathered))
            await asyncio.wait({publishing}, timeout=FLUSH_S)

    async def _heal(self, gathered: Gathered) -> None:
        """Whatever happened, also to the thread that injects: no fault stays."""
        try:
            await asyncio.to_thread(self._lab.heal)
        except LabError as error:
            gathered.notes.append(f"the lab could not be healed: {error.message}")
            self._say(f"{gathered.notes[-1]}; `lab heal` tries again")

    # --- reads ---

    async def _read(self, gathered: Gathered) -> None:
        topology, ledger = gathered.observation.topology, gathered.ledger
        gathered.bounds, gathered.unreadable = await quiescence.bounds(self._sessions, topology, gathered.before)
        count = sum(bounds.last - bounds.first + 1 for bounds in gathered.bounds)
        self._say(f"reading {count:,} messages back from {len(gathered.bounds)} streams")
        by_region = [tuple(b for b in gathered.bounds if b.region == region) for region in topology.regions]
        wall, folder = gathered.clock.wall, gathered.folder
        jobs = [reads.Job(ledger.form, wall, folder, mine) for mine in by_region if mine]
        gathered.done = await reads.read_all(jobs)
        gathered.replicas = await quiescence.replicas(topology)
        if self._options.deep:
            self._say("reading every stream again through each of its replicas")
            await self._read_deep(gathered)

    async def _read_deep(self, gathered: Gathered) -> None:
        layout = gathered.ledger.form.layout
        for bounds in gathered.bounds:
            if bounds.consumed:
                continue  # it takes a consumer to read a certain replica
            nodes = {replica.node for replica in gathered.replicas if replica.stream == bounds.stream}
            session = await self._sessions.of(layout.stream(bounds.stream))
            found = await reads.digests(session, bounds, nodes)
            gathered.replicas = [saving.with_digest(replica, bounds.stream, found) for replica in gathered.replicas]


def _progress(gathered: Gathered) -> str:
    counts = gathered.ledger.counts
    done = {outcome: sum(n for (_, o), n in counts.items() if o == outcome) for outcome in (OK, FAIL, INFO)}
    force = ", ".join(gathered.nemesis.in_force) or "no fault"
    return (
        f"{gathered.clock.now() / SECOND:.0f} s: {done[OK]:,} acknowledged, {done[FAIL]:,} failed, "
        f"{done[INFO]:,} unknown; {force} in force"
    )
