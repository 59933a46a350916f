"""Live readers: in every region a durable consumer and one like an ordered consumer, reading while faults come and go.

The durable is made before the faults and acknowledges; the ordered one acknowledges nothing, and after a gap or when
its consumer is gone it makes another that starts behind the last message it saw, as client libraries do.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_hex
from struct import Struct
from typing import Any

from lab.check import payload
from lab.check.clock import Clock
from lab.check.form import Form, Upstream
from lab.check.history import ACKED, LIVE
from lab.errors import NatsError
from lab.jetstream import consumers, pull
from lab.jetstream.session import Session
from lab.layouts import Stream

ROW = Struct("<qQIIIB")
assert ROW.size == LIVE.itemsize
DURABLE, ORDERED = "durable", "ordered"


@dataclass
class Reader:
    """One live reader of a stream and what was delivered to it. `place` is what a history calls where it reads: a
    region, for what its clients read, or the stream's key. `arrived`: upstream -> its last sequence that came by."""

    place: str
    kind: str
    stream: Stream
    form: Form
    clock: Clock
    rows: bytearray = field(default_factory=bytearray)
    arrived: dict[str, int] = field(default_factory=dict)
    last: int = 0
    expected: int = 1
    again: asyncio.Event = field(default_factory=asyncio.Event)  # an ordered reader needs another consumer
    confirmed_to: int = 0
    _unconfirmed: int = 0
    _upstream: Upstream = field(init=False)

    def __post_init__(self) -> None:
        self._upstream = self.form.upstream(self.stream.key)

    @property
    def region(self) -> str:
        return self.stream.region

    @property
    def origins(self) -> tuple[str, ...]:
        """The streams that it takes from."""
        return self._upstream.keys

    def handle(
        self, sequence: int, stored: int, delivery: int, consumer_sequence: int, subject: str, data: bytes, source: str
    ) -> None:
        if self.kind == ORDERED:
            if consumer_sequence != self.expected:
                self.again.set()  # what comes after a gap is not in order; the next consumer brings it again
                return
            self.expected += 1
        found = payload.parse(data)
        flags = self.form.flags(found, self.stream, subject)
        self.rows += ROW.pack(self.clock.now(), sequence, found.process, found.counter, delivery, flags)
        self.last = max(self.last, sequence)
        name, number = self._upstream.entry(source, sequence)
        if name and number > self.arrived.get(name, 0):
            self.arrived[name] = number

    def confirmed(self, sequence: int) -> None:
        """The server has the acknowledgement of everything that came up to a sequence. What came more than once is
        acknowledged by its last delivery: the ones before were in vain."""
        self.confirmed_to = max(self.confirmed_to, sequence)
        left, seen = len(self.rows), set()
        for at in range(len(self.rows) - ROW.size, self._unconfirmed - 1, -ROW.size):
            number = int.from_bytes(self.rows[at + 8 : at + 16], "little")
            if number > sequence:
                left = at
            elif number not in seen:
                seen.add(number)
                self.rows[at + ROW.size - 1] |= ACKED
        self._unconfirmed = left

    def behind(self, last: int) -> int:
        """How many of a stream's messages up to `last` are still to come; of a durable, or to be acknowledged."""
        return max(0, last - (self.confirmed_to if self.kind == DURABLE else self.last))


async def prepare(session: Session, reader: Reader, start: int) -> str:
    """Make the reader's consumer, which begins with sequence `start`; its name."""
    name = f"lab-check-{reader.kind}-{token_hex(3)}"
    config: dict[str, Any] = {"deliver_policy": "by_start_sequence", "opt_start_seq": start}
    if reader.kind == DURABLE:
        config |= {"ack_policy": "all", "ack_wait": 10 * 10**9, "max_ack_pending": 200_000}
    else:
        config |= {"durable_name": "", "name": name, "ack_policy": "none", "mem_storage": True, "num_replicas": 1}
        config |= {"inactive_threshold": 10 * 10**9}
    await consumers.create(session, reader.stream.name, name, config)
    return name


async def read(session: Session, reader: Reader, name: str, start: int, stop: asyncio.Event) -> None:
    """Read until `stop`."""
    stream = reader.stream.name
    if reader.kind == DURABLE:
        await pull.follow(session, stream, name, reader.handle, stop, reader.confirmed)
        with suppress(NatsError):
            await consumers.delete(session, stream, name, 2)
        return
    reader.last = start - 1
    while not stop.is_set():
        reader.again.clear()
        await _follow_ordered(session, reader, name, stop)
        with suppress(NatsError):
            await consumers.delete(session, stream, name, 1)
        while not stop.is_set():
            reader.expected = 1
            with suppress(NatsError):
                name = await prepare(session, reader, reader.last + 1)
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)


async def _follow_ordered(session: Session, reader: Reader, name: str, stop: asyncio.Event) -> None:
    """Read until `stop`, or until another consumer is needed."""

    async def lost(_: str) -> None:
        reader.again.set()

    stream = reader.stream.name
    ends = [asyncio.create_task(event.wait()) for event in (stop, reader.again)]
    following = asyncio.create_task(pull.follow(session, stream, name, reader.handle, reader.again, lost=lost))
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        reader.again.set()
        for end in ends:
            end.cancel()
        await asyncio.gather(following, *ends, return_exceptions=True)
