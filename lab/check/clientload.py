"""Clients of `--client` in a run: in each place one that publishes and one that reads.

A place is a region, where a client knows that region's servers only, or `ROAMING`: there it knows those of all. Readers
make a consumer of each kind that the client has, on their region's copy; what is watched is a bucket that follows it.
The leaders of durable consumers are made to step down at fixed times, beside the faults of the schedule.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from lab.check import clientbuckets, payload
from lab.check.clock import Clock
from lab.check.history import (
    ACKED,
    FAIL,
    INFO,
    INTACT,
    LIVE,
    NOWHERE,
    OK,
    PUBLISH,
    ROAMING,
    SECOND,
    ClientFailure,
    ClientReader,
    ClientRecord,
)
from lab.check.readers import ROW as LIVE_ROW
from lab.check.sessions import Sessions
from lab.check.workload import ROW as PUBLISH_ROW
from lab.clients.process import ClientProcess, connecting, started
from lab.clients.protocol import ACKNOWLEDGING, Ack, Breach, Consume, Kind, Message, Publish, Request
from lab.errors import LabError, NatsError, NoAnswer, UsageError
from lab.jetstream.session import Session
from lab.layouts import Layout, layout_of
from lab.topology import Topology

RATE = 20  # publishes a second, in each place
PUBLISH_S, ACK_S, CONNECT_S, CONSUME_S = 3.0, 3.0, 10.0, 10.0
ACK_WAIT_MS = 10_000
DEPOSE_S, STALL_S = 20.0, 45.0
OUTCOME = {"ok": OK, "fail": FAIL, "unknown": INFO}


@dataclass
class _Reader:
    """One consumer, and what came through it."""

    kind: Kind
    region: str
    place: str
    stream: str
    consumer: str  # the durable's name, "" for others
    began: int = 0
    ended: int = 0
    deposed: list[int] = field(default_factory=list)
    rows: bytearray = field(default_factory=bytearray)
    latest: dict[int, int] = field(default_factory=dict)  # sequence -> where its last row begins

    def take(self, message: Message, now: int) -> None:
        found = payload.parse(message.body.encode())
        flags = INTACT if found.intact else 0
        self.latest[message.sequence] = len(self.rows)
        self.rows += LIVE_ROW.pack(now, message.sequence, found.process, found.counter, message.delivery, flags)

    def confirmed(self, sequence: int) -> None:
        self.rows[self.latest[sequence] + LIVE_ROW.size - 1] |= ACKED


@dataclass
class ClientLoad:
    """What clients of a run do; make it with `driving`."""

    command: str
    topology: Topology
    sessions: Sessions
    streams: tuple[str, ...]
    mark: str
    clock: Clock
    folder: Path
    client: str = ""
    places: tuple[str, ...] = ()
    errors: list[str] = field(default_factory=lambda: [""])
    failures: list[ClientFailure] = field(default_factory=list)
    publishes: bytearray = field(default_factory=bytearray)
    readers: list[_Reader] = field(default_factory=list)
    buckets: dict[str, clientbuckets.Bucket] = field(default_factory=dict)
    held: dict[str, Any] = field(default_factory=dict)
    _at: dict[str, Session] = field(default_factory=dict)  # region -> where its copy lives
    _publishing: list["asyncio.Task[None]"] = field(default_factory=list)
    _tasks: set["asyncio.Task[Any]"] = field(default_factory=set)
    _resting: asyncio.Event = field(default_factory=asyncio.Event)

    # --- setup ---

    async def start(self, before: Mapping[str, int], stack: AsyncExitStack) -> None:
        """Start, connect and consume in every place, then publish. Raises `LabError` when the client cannot."""
        layout = layout_of(self.topology)
        regions = layout.regions
        roams = len({layout.credentials(region) for region in regions}) == 1
        self.places = (*regions, *([ROAMING] if roams else []))
        self._at = {region: await self.sessions.of(layout.copy(region)) for region in regions}
        publishers: list[ClientProcess] = []
        for place in self.places:
            reader = await self._connected(place, "reader", stack)
            hello = await reader.greeted()
            self.client = hello.client
            await self._consume(place, reader, hello.consumers, before, stack)
            publishers.append(await self._connected(place, "publisher", stack))
        began = self.clock.now()
        for number, publisher in enumerate(publishers):
            self._publishing.append(asyncio.create_task(self._publish(number, publisher, began)))
        self._spawn(self._depose())

    async def _connected(self, place: str, task: str, stack: AsyncExitStack) -> ClientProcess:
        layout, name = layout_of(self.topology), f"{place} {task}"
        region = layout.regions[0] if place == ROAMING else place
        nodes = self.topology.nodes if place == ROAMING else self.topology.region_nodes(place)
        servers = [f"nats://127.0.0.1:{node.client_port}" for node in nodes]
        folder = self.folder / "clients"
        folder.mkdir(exist_ok=True)
        client = await stack.enter_async_context(started(self.command, folder / f"{place}-{task}.log"))
        await client.greeted()
        request = connecting(client.number(), servers, name, CONNECT_S, layout.credentials(region))
        await self._must(client, request, CONNECT_S)
        return client

    async def _must(self, client: ClientProcess, request: Request, timeout: float) -> None:
        answer = await client.ask(request, timeout)
        if answer.outcome != "ok":
            why = f": {answer.error}" if answer.error else ""
            raise LabError(
                f"the client answered `{answer.outcome}` when it was asked to {request.do}, without any fault{why}",
                "`lab client test` tries the whole protocol",
            )

    async def _consume(
        self, place: str, client: ClientProcess, kinds: list[Kind], before: Mapping[str, int], stack: AsyncExitStack
    ) -> None:
        layout = layout_of(self.topology)
        region = layout.regions[0] if place == ROAMING else place
        copy, filter_ = layout.copy(region), layout.subject("client", ">")
        by_id: dict[int, _Reader] = {}
        client.heard = partial(self._heard, client, by_id, f"{place} reader")
        for kind in kinds:
            number = client.number()
            durable = f"lab-client-{self.mark}-{place}-{kind}" if kind in ACKNOWLEDGING else ""
            reader = _Reader(kind, region, place, copy.name, durable)
            if kind == "watch":
                if region not in self.buckets:
                    bucket = clientbuckets.Bucket(self.mark, region, copy, layout.as_stored(copy, filter_))
                    await clientbuckets.make(self._at[region], self.topology, bucket, before[copy.key])
                    self.buckets[region] = bucket
                request = Consume(number, kind, bucket=self.buckets[region].name)
            else:
                wait = ACK_WAIT_MS if durable else 0
                request = Consume(number, kind, copy.name, layout.as_stored(copy, filter_), durable, wait)
            by_id[number] = reader
            await self._must(client, request, CONSUME_S)
            reader.began = self.clock.now()
            self.readers.append(reader)

    # --- what they do ---

    async def _publish(self, process: int, client: ClientProcess, began: int) -> None:
        layout, place, counter = layout_of(self.topology), self.places[process], 0
        numbers = {name: index for index, name in enumerate(self.streams)}
        mark = payload.client_mark(self.mark.encode()).decode()
        while not self._resting.is_set():
            intended = began + counter * SECOND // RATE
            late = (self.clock.now() - intended) / SECOND
            if late < 0:
                await asyncio.sleep(-late)
                continue
            body = payload.compose(mark, 0, process, counter, payload.SMALL).decode()
            subject, id_ = layout.subject("client", str(process), str(counter)), f"{self.mark}-{process}-{counter}"
            invoked = self.clock.now()
            outcome, stream, sequence, duplicate, error = INFO, NOWHERE, 0, False, "interrupted"
            try:
                wanted = Publish(client.number(), subject, body, id_, round(PUBLISH_S * 1000))
                answer = await client.ask(wanted, PUBLISH_S)
                outcome, error = OUTCOME[answer.outcome], answer.error
                if outcome == OK:
                    stream, sequence = numbers.get(answer.stream, NOWHERE), answer.sequence
                    duplicate = answer.duplicate
            except (Breach, NoAnswer) as problem:
                error = problem.message
                self._failed(f"{place} publisher", problem.message)
                if isinstance(problem, Breach):
                    return
            finally:
                completed = self.clock.now()
                self.publishes += PUBLISH_ROW.pack(
                    process,
                    counter,
                    intended,
                    invoked,
                    completed,
                    sequence,
                    outcome,
                    stream,
                    duplicate,
                    self._error(error),
                )
            counter += 1

    def _heard(self, client: ClientProcess, readers: Mapping[int, _Reader], name: str, message: Message) -> None:
        reader = readers.get(message.consumer)
        if reader is None:
            self._failed(name, f"the client passed on a message of consumer {message.consumer}, which is none")
            return
        reader.take(message, self.clock.now())
        if reader.consumer:
            self._spawn(self._ack(client, reader, name, message))

    async def _ack(self, client: ClientProcess, reader: _Reader, name: str, message: Message) -> None:
        timeout = round(ACK_S * 1000)
        wanted = Ack(client.number(), message.consumer, message.sequence, message.delivery, timeout)
        try:
            answer = await client.ask(wanted, ACK_S)
        except (Breach, NoAnswer) as problem:
            self._failed(name, problem.message)
            return
        if answer.outcome == "ok":
            reader.confirmed(message.sequence)

    async def _depose(self) -> None:
        """The leaders of all durable consumers, at fixed times; what is not led, or has one replica, stays as it is."""
        while True:
            await asyncio.sleep(DEPOSE_S)
            durable = [reader for reader in self.readers if reader.consumer]
            await asyncio.gather(*(self._step_down(reader) for reader in durable))

    async def _step_down(self, reader: _Reader) -> None:
        if self.topology.replicas > 1:
            with suppress(NatsError):
                await self._at[reader.region].api(
                    f"CONSUMER.LEADER.STEPDOWN.{reader.stream}.{reader.consumer}", timeout=2
                )
                reader.deposed.append(self.clock.now())

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _failed(self, process: str, sentence: str) -> None:
        if not any((failure.process, failure.sentence) == (process, sentence) for failure in self.failures):
            self.failures.append(ClientFailure(process, self.clock.now(), sentence))

    def _error(self, text: str) -> int:
        if text not in self.errors and len(self.errors) < 255:
            self.errors.append(text)
        return self.errors.index(text) if text in self.errors else 254

    # --- the end ---

    async def caught_up(self) -> None:
        """Wait until everything published has come everywhere; not longer than it takes to call a silence a stall."""
        published = sum(row[6] == OK and row[7] != NOWHERE for row in PUBLISH_ROW.iter_unpack(self.publishes))
        for _ in range(round(STALL_S)):
            if all(len(reader.latest) >= published for reader in self.readers):
                return
            await asyncio.sleep(1)

    async def rest(self) -> None:
        """Publish no more; what is under way is waited for. Readers go on."""
        self._resting.set()
        await asyncio.gather(*self._publishing, return_exceptions=True)

    async def end(self) -> None:
        """Read the buckets, and take away what clients and lab have made for them."""
        for task in [*self._publishing, *self._tasks]:
            task.cancel()
        await asyncio.gather(*self._publishing, *self._tasks, return_exceptions=True)
        for reader in self.readers:
            reader.ended = self.clock.now()
            if reader.consumer:
                with suppress(NatsError):
                    await self._at[reader.region].api(f"CONSUMER.DELETE.{reader.stream}.{reader.consumer}", timeout=2)
        for region, bucket in self.buckets.items():
            with suppress(NatsError):
                self.held[region] = await clientbuckets.contents(self._at[region], bucket, self.clock.wall)
            with suppress(NatsError):
                await clientbuckets.remove(self._at[region], bucket)

    def record(self) -> ClientRecord:
        readers = tuple(
            ClientReader(
                reader.place,
                reader.kind,
                reader.region,
                reader.began,
                reader.ended or self.clock.now(),
                tuple(reader.deposed),
                np.frombuffer(bytes(reader.rows), LIVE),
                self.held.get(reader.region) if reader.kind == "watch" else None,
            )
            for reader in self.readers
        )
        publishes = np.frombuffer(bytes(self.publishes), PUBLISH)
        return ClientRecord(
            self.command, self.client, self.places, tuple(self.errors), tuple(self.failures), publishes, readers
        )


async def greeted(command: str, layout: Layout) -> None:
    """See that a client can be started, speaks the protocol, and has a stream. Raises `LabError`."""
    if not layout.virtual_name:
        raise UsageError("a client is judged by the virtual stream, and this lab has none", "leave out `--client`")
    with TemporaryDirectory(prefix="lab-client-") as folder:
        async with started(command, Path(folder) / "log") as client:
            await client.greeted()


@asynccontextmanager
async def driving(load: ClientLoad | None, before: Mapping[str, int]) -> AsyncIterator[None]:
    """Have the clients at work from here on; nothing when there are none. Raises `LabError` when they cannot begin."""
    if load is None:
        yield
        return
    async with AsyncExitStack() as stack:
        try:
            await load.start(before, stack)
            yield
        finally:
            await load.end()
