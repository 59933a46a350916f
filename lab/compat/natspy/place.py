"""Where the calls of nats-py are tried, how their outcome is seen without them, and the list that they stand in."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from nats.errors import TimeoutError as ClientTimeout
from nats.js.api import ConsumerConfig

from lab.compat.values import Answer, Bench
from lab.errors import NatsError
from lab.jetstream.clients import Client
from lab.jetstream.session import ApiError, Session

ANSWER_S, ARRIVES_S, LONGEST_S = 5.0, 5.0, 30.0  # the first is the library's own default
NO_MESSAGE = 10037


class Untrue(Exception):  # noqa: N818
    """No error came, and what the call should have done is not so."""


class NotTried(Exception):  # noqa: N818
    """Why a call is not made."""


@dataclass
class Place:
    """A connection to one region, as an application has it."""

    client: Client
    bench: Bench
    numbers: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        self.js = self.client.jetstream()
        self.session = Session(self.client, self.bench.region)

    @property
    def name(self) -> str:
        return self.bench.virtual

    def new_name(self) -> str:
        return f"{self.bench.mark}-{next(self.numbers)}"

    def new_subject(self) -> str:
        return f"{self.bench.prefix}.py{next(self.numbers)}"

    def config(self, **fields: Any) -> Any:
        """Of a consumer that is known as the lab's."""
        return ConsumerConfig(description=self.bench.mark, **fields)

    # --- what is so, asked by the real name ---

    async def consumer(self, **fields: Any) -> str:
        """One that is there already, as an operator makes it."""
        name, stream = self.new_name(), self.bench.stream
        config = {
            "name": name,
            "durable_name": name,
            "description": self.bench.mark,
            "ack_policy": "explicit",
            "filter_subject": self.bench.every_seed,
            **fields,
        }
        await self.session.api(f"CONSUMER.CREATE.{stream}.{name}", {"stream_name": stream, "config": config})
        if "deliver_subject" not in config:
            await self.heard_of(stream, name)
        return name

    async def heard_of(self, stream: str, consumer: str) -> None:
        """Wait until this server knows who answers a pull consumer. A request that is no JSON takes no message."""
        await self._answered(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", b"{")

    async def heard_of_stream(self, subject: str) -> None:
        """Wait until this server knows who stores a subject. A sequence that is none stores nothing."""
        await self._answered(subject, b"", {"Nats-Expected-Last-Sequence": "1000000"})

    async def _answered(self, subject: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        """What was just made may be unknown to the server that one talks to, for some 50 ms (docs/findings.md)."""

        async def known() -> bool:
            try:
                await self.session.request(subject, body, ANSWER_S, headers)
            except ApiError:
                return False
            return True

        await self.until(known, f"nobody answers `{subject}` within {ARRIVES_S:g} s")

    async def state(self, consumer: str) -> dict[str, Any]:
        return await self.session.api(f"CONSUMER.INFO.{self.bench.stream}.{consumer}")

    async def becomes(self, consumer: str, true: Callable[[dict[str, Any]], bool], otherwise: str) -> None:
        """Wait until it is so. The meta leader answers before the consumer's has heard of it. Raises `Untrue`."""

        async def so() -> bool:
            return true(await self.state(consumer))

        await self.until(so, otherwise)

    async def exists(self, consumer: str) -> bool:
        try:
            await self.state(consumer)
        except ApiError:
            return False
        return True

    async def last(self, subject: str) -> dict[str, Any] | None:
        """The last message that the region's clients should see on a subject."""
        try:
            found: dict[str, Any] = await self.session.api(
                f"STREAM.MSG.GET.{self.bench.stream}", {"last_by_subj": subject}
            )
        except ApiError as error:
            if error.code == NO_MESSAGE:
                return None
            raise
        return dict(found["message"])

    async def arrived(self, subject: str) -> dict[str, Any]:
        """It, once it is there."""
        found: dict[str, Any] = {}

        async def there() -> bool:
            nonlocal found
            found = await self.last(subject) or {}
            return bool(found)

        await self.until(there, f"the message did not arrive in `{self.bench.stream}` within {ARRIVES_S:g} s")
        return found

    async def until(self, true: Callable[[], Awaitable[bool]], otherwise: str) -> None:
        """Wait for it. Raises `Untrue`."""
        for _ in range(round(ARRIVES_S / 0.05)):
            if await true():
                return
            await asyncio.sleep(0.05)
        raise Untrue(otherwise)

    async def whole(self, messages: list[Any]) -> str:
        """The stream that they are from, if that is all the seeds, or another stream's."""
        stream = str(messages[0].metadata.stream)
        if stream == self.bench.stream and sorted(m.subject for m in messages) != sorted(self.bench.seeds):
            raise Untrue(f"{len(messages)} of {len(self.bench.seeds)} messages were delivered")
        return stream


async def delivers(subscription: Any, seconds: float = ANSWER_S) -> bool:
    """Whether a pull subscription gets a message in time."""
    try:
        await subscription.fetch(1, timeout=seconds)
    except ClientTimeout:
        return False
    return True


Run = Callable[[Place], Awaitable[str]]


@dataclass(frozen=True)
class Call:
    """`run` makes it as an application would, looks whether it did what it should, and returns which stream it worked
    on."""

    group: str
    name: str
    writes: bool
    run: Run


LISTED: list[Call] = []


def call(group: str, name: str, writes: bool = False) -> Callable[[Run], Run]:
    """Put a function in the list."""

    def listed(run: Run) -> Run:
        LISTED.append(Call(group, name, writes, run))
        return run

    return listed


async def tried(place: Place, call: Call) -> Answer:
    """What came of one call."""
    try:
        stream = await asyncio.wait_for(_answered(place, call), LONGEST_S)
        return Answer(call.group, call.name, call.writes, stream)
    except NotTried as reason:
        return Answer(call.group, call.name, call.writes, skipped=str(reason))
    except Untrue as untrue:
        return Answer(call.group, call.name, call.writes, error=f"no error, but {untrue}")
    except NatsError as error:
        return Answer(call.group, call.name, call.writes, skipped=f"the lab could not prepare it: {error.message}")
    except Exception as error:  # whatever the library raises is what an application would get
        code = getattr(error, "err_code", None)
        return Answer(call.group, call.name, call.writes, error=_words(error), code=code)


async def _answered(place: Place, call: Call) -> str:
    try:
        return await call.run(place)
    except ClientTimeout:  # a busy machine may have been too slow; what really gets no answer gets none again
        return await call.run(place)


def _words(error: Exception) -> str:
    """Its class and its own words. nats-py prints `None` where the server said nothing."""
    words = getattr(error, "description", None) or ("" if hasattr(error, "err_code") else str(error))
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
