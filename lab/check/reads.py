"""Final reads: every stream from its own region, from bounds that were fixed beforehand, straight into files of rows.

Each region is read by a process of its own when there is much to read. No message is kept. A read goes through a
consumer, which reads one replica's copy from beginning to end; where none can be made (no meta leader) it is Direct
Get. A read that breaks is continued where it was; one that cannot end is incomplete, and says why.
"""

import asyncio
import calendar
import hashlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from struct import Struct
from typing import Any

from lab.check import payload
from lab.check.form import Form
from lab.check.history import NOWHERE, ROW
from lab.check.sessions import Sessions
from lab.errors import LabError, NatsError
from lab.jetstream import consumers, groups, pull
from lab.jetstream.session import Session

PACK = Struct("<QqQIIBB")
assert PACK.size == ROW.itemsize
CHUNK_BYTES = 1 << 20
SILENCE_S = 5.0
TRIES = 3
MANY = 60_000  # messages: below that one process is faster than starting three


@dataclass(frozen=True)
class Bounds:
    """What is to be read of a stream, by its key in the layout and its name on the servers. `deleted`: sequences in
    between that the server says are gone. `consumed`: messages go when a consumer has them."""

    stream: str
    name: str
    region: str
    first: int
    last: int
    deleted: int = 0
    consumed: bool = False


@dataclass(frozen=True)
class Job:
    """What a reader process needs to know. `wall` is the run's zero, ns since 1970."""

    form: Form
    wall: int
    folder: Path
    bounds: tuple[Bounds, ...]


@dataclass(frozen=True)
class Done:
    """How a read went; `node` held the copy that was read."""

    stream: str
    rows: int
    complete: bool
    error: str = ""
    node: str = ""


class Rows:
    """Messages -> rows, written in chunks."""

    def __init__(self, job: Job, bounds: Bounds, write: Callable[[bytes], object]) -> None:
        self.last, self.count = bounds.first - 1, 0
        self._job, self._bounds, self._write = job, bounds, write
        form = self._form = job.form
        stream = self._stream = form.layout.stream(bounds.stream)
        self._upstream = form.upstream(stream.key)
        self._own = form.place(stream.key) if stream.is_origin else NOWHERE
        self._chunk = bytearray()

    @property
    def at_end(self) -> bool:
        return self.last >= self._bounds.last

    def handle(self, sequence: int, stored: int, _: int, __: int, subject: str, data: bytes, source: str) -> None:
        if not self.last < sequence <= self._bounds.last:
            if sequence > self._bounds.last:
                self.last = self._bounds.last
            return
        self.last = sequence
        name, number = self._upstream.entry(source, sequence)
        origin = self._form.place(name) if name or source else self._own
        found = payload.parse(data)
        flags = self._form.flags(found, self._stream, subject)
        self._chunk += PACK.pack(sequence, stored - self._job.wall, number, found.process, found.counter, origin, flags)
        self.count += 1
        if len(self._chunk) >= CHUNK_BYTES:
            self.flush()

    def flush(self) -> None:
        self._write(bytes(self._chunk))
        self._chunk.clear()


async def read_stream(session: Session, job: Job, bounds: Bounds, write: Callable[[bytes], object]) -> Done:
    """One stream, from its region's session."""
    rows, error, node = Rows(job, bounds, write), "", ""
    for _ in range(TRIES):
        if rows.at_end:
            break
        try:
            if bounds.consumed:  # a consumer would take away what it reads
                await _by_get(session, bounds, rows)
            else:
                node = await _by_consumer(session, bounds.name, rows)
            error = ""
            break
        except NatsError as problem:
            error = problem.message
            with suppress(NatsError):
                await _by_direct_get(session, bounds, rows)
                error = ""
                break
    rows.flush()
    return Done(bounds.stream, rows.count, not error, error, node)


async def _by_consumer(session: Session, stream: str, rows: Rows) -> str:
    name = f"lab-check-read-{token_hex(4)}"
    info = await consumers.create(session, stream, name, _config(name, rows.last + 1))
    try:
        await pull.drain(session, stream, name, rows.handle, lambda: rows.at_end, SILENCE_S)
    except NatsError:
        # The last sequences may be deleted ones: then there is nothing to wait for.
        if (await session.api(f"CONSUMER.INFO.{stream}.{name}"))["num_pending"]:
            raise
    finally:
        with suppress(NatsError):
            await consumers.delete(session, stream, name, 2)
    return groups.leader(info.get("cluster"))


def _config(name: str, start: int) -> dict[str, Any]:
    config: dict[str, Any] = {"deliver_policy": "by_start_sequence", "opt_start_seq": start, "ack_policy": "none"}
    config |= {"durable_name": "", "name": name, "mem_storage": True, "num_replicas": 1}
    return config | {"inactive_threshold": 60 * 10**9, "max_waiting": 16}


async def _by_direct_get(session: Session, bounds: Bounds, rows: Rows) -> None:
    info = await session.stream_info(bounds.name)
    if not info["config"].get("allow_direct"):
        raise NatsError(f"{bounds.stream} allows no Direct Get")
    await _by_get(session, bounds, rows)


async def _by_get(session: Session, bounds: Bounds, rows: Rows) -> None:
    async for entry in session.read(bounds.name, rows.last + 1, bounds.last):
        source = entry.headers.get("Nats-Stream-Source", "")
        rows.handle(entry.sequence, _stamp(entry.time), 0, 0, entry.subject, entry.body, source)


def _stamp(text: str) -> int:
    """ns since 1970 of `2026-11-24T06:00:31.123456789Z`."""
    seconds = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    return seconds * 10**9 + int(text[20:-1].ljust(9, "0") or 0)


async def read_region(job: Job) -> list[Done]:
    """All streams of a job, which are of one region, one after the other, into `reads/<stream>.bin`."""
    layout = job.form.layout
    done: list[Done] = []
    why = ""
    try:
        async with AsyncExitStack() as stack:
            sessions = Sessions(layout, stack)
            for bounds in job.bounds:
                session = await sessions.of(layout.stream(bounds.stream))
                with (job.folder / "reads" / f"{bounds.stream}.bin").open("wb") as file:
                    done.append(await read_stream(session, job, bounds, file.write))
    except LabError as error:
        why = error.message
    except OSError as error:
        why = f"it cannot be written: {error.strerror}"  # the disk is full
    missing = [b.stream for b in job.bounds if b.stream not in {d.stream for d in done}]
    return done + [Done(stream, 0, False, why) for stream in missing]


def _process(job: Job) -> list[Done]:
    return asyncio.run(read_region(job))


def _undisturbed() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; Ctrl-C reaches the whole process group


async def read_all(jobs: Sequence[Job]) -> list[Done]:
    """All regions side by side."""
    (jobs[0].folder / "reads").mkdir(exist_ok=True)
    if sum(b.last - b.first + 1 for job in jobs for b in job.bounds) < MANY:
        found = await asyncio.gather(*(read_region(job) for job in jobs))
        return [done for part in found for done in part]
    loop = asyncio.get_running_loop()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(jobs), context, _undisturbed) as pool:
        try:
            parts = await asyncio.gather(*(loop.run_in_executor(pool, _process, job) for job in jobs))
        except asyncio.CancelledError:
            for process in (pool._processes or {}).values():  # there is no public way to end what it is at
                process.terminate()
            raise
    return [done for part in parts for done in part]


async def digests(session: Session, bounds: Bounds, nodes: set[str], tries: int = 30) -> dict[str, str]:
    """Node -> digest of ids and sequences, read through that node's copy. A consumer of one replica is made on a node
    of the stream by chance, so it is made again until each has had its turn."""
    found: dict[str, str] = {}
    for _ in range(tries):
        if nodes <= found.keys():
            break
        name = f"lab-check-deep-{token_hex(4)}"
        info = await consumers.create(session, bounds.name, name, _config(name, bounds.first))
        node = groups.leader(info.get("cluster"))
        try:
            if node not in found:
                digest = _Digest(bounds)
                await pull.drain(session, bounds.name, name, digest.handle, lambda d=digest: d.at_end, SILENCE_S)  # type: ignore[misc]
                found[node] = digest.text
        finally:
            with suppress(NatsError):
                await consumers.delete(session, bounds.name, name, 2)
    return found


class _Digest:
    def __init__(self, bounds: Bounds) -> None:
        self._hash, self._bounds, self._last = hashlib.sha256(), bounds, bounds.first - 1

    @property
    def at_end(self) -> bool:
        return self._last >= self._bounds.last

    @property
    def text(self) -> str:
        return self._hash.hexdigest()[:16]

    def handle(self, sequence: int, _: int, __: int, ___: int, subject: str, data: bytes, source: str) -> None:
        if self._last < sequence <= self._bounds.last:
            self._hash.update(f"{sequence} {subject} {source} ".encode())
            self._hash.update(data)
        self._last = max(self._last, sequence)
