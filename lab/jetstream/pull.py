"""Reading through a pull consumer at speed: messages are handed over as they come, not kept.

Unlike Direct Get, which any replica may answer batch by batch, a consumer reads one replica's copy from beginning to
end. `drain` reads a stretch of a stream and ends; `follow` goes on until it is told to stop.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from nats.aio.msg import Msg
from nats.errors import Error as ClientError

from lab.errors import NatsError
from lab.jetstream.session import NO_RESPONDERS, ApiError, Session

# What a handler gets: sequence, time stored (ns since 1970), delivery, consumer's sequence, subject, body, and the
# header `Nats-Stream-Source` ("" in a write stream).
Handler = Callable[[int, int, int, int, str, bytes, str], None]
DRAIN_BATCH, FOLLOW_BATCH = 2000, 500
YOUNG_S = 2.0
FOLLOW_S = 1.0  # how long one request stays open: an acknowledgement is sent after each
HOLE_S = 45.0  # longer than the time (`ack_wait`) after which a server delivers again what was not acknowledged


@dataclass
class _Request:
    """A request for `left` messages that is under way; `ended` is the server's status, or "" when all came."""

    left: int
    done: asyncio.Event = field(default_factory=asyncio.Event)
    ended: str = ""
    handed: float = 0


@dataclass
class Unbroken:
    """Up to where deliveries came without a hole: acknowledging more would, with `ack_policy: all`, acknowledge what
    never came, and the server would not deliver it again. A hole that stays is given up for good."""

    upto: int = 0
    reply: str = ""
    moved: bool = False  # something came that can be acknowledged
    _beyond: dict[int, str] = field(default_factory=dict)
    _since: float = 0.0

    def take(self, sequence: int, reply: str, now: float) -> None:
        if self.upto and sequence > self.upto + 1:
            self._since = self._since if self._beyond else now
            self._beyond[sequence] = reply
            if now - self._since <= HOLE_S:
                return
            sequence = min(self._beyond)
            reply = self._beyond.pop(sequence)
        self.moved = True
        if sequence >= self.upto:
            self.upto, self.reply = sequence, reply
        while self.upto + 1 in self._beyond:
            self.upto += 1
            self.reply = self._beyond.pop(self.upto)
        self._since = now


class _Inbox:
    """One subscription that serves all requests, since making one costs more than a message."""

    def __init__(
        self, session: Session, stream: str, consumer: str, handle: Handler, acknowledges: bool = False
    ) -> None:
        self._acknowledges = acknowledges
        self._client = session.client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._handle = handle
        self._inbox = session.client.new_inbox()
        self._open: list[_Request] = []
        self.unbroken = Unbroken()

    async def __aenter__(self) -> "_Inbox":
        self._subscription = await self._client.subscribe(
            self._inbox, cb=self._take, pending_msgs_limit=0, pending_bytes_limit=0
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(ClientError):
            await self._subscription.unsubscribe()

    async def ask(self, batch: int, expires: float) -> _Request:
        request = _Request(batch, handed=time.monotonic())
        self._open.append(request)
        body = json.dumps({"batch": batch, "expires": round(expires * 1e9)}).encode()
        await self._client.publish(self._subject, body, self._inbox)
        return request

    def forget(self) -> None:
        """Nothing more is expected of the requests that are open."""
        self._open.clear()

    async def _take(self, message: Msg) -> None:
        request = self._open[0] if self._open else None
        headers = message.headers
        if headers and "Status" in headers:
            if request and headers["Status"] != "100":
                request.ended = headers["Status"]
                request.done.set()
                self._open.pop(0)
            return
        tokens = message.reply.split(".")
        at = 4 if len(tokens) == 9 else 6  # `$JS.ACK.…`; the newer form has a domain and an account's hash before it
        source = headers.get("Nats-Stream-Source", "") if headers else ""
        sequence = int(tokens[at + 1])
        self._handle(
            sequence,
            int(tokens[at + 3]),
            int(tokens[at]),
            int(tokens[at + 2]),
            message.subject,
            message.data,
            source,
        )
        now = time.monotonic()
        if self._acknowledges:
            self.unbroken.take(sequence, message.reply, now)
        if request:
            request.handed = now
            request.left -= 1
            if not request.left:
                request.done.set()
                self._open.pop(0)


async def drain(
    session: Session, stream: str, consumer: str, handle: Handler, arrived: Callable[[], bool], timeout: float
) -> None:
    """Read until `arrived()`, asked after each batch. Raises `NatsError` when nothing comes for `timeout` seconds.

    A consumer that was made just now may not be known yet on the node that is asked (503), which is waited for.
    """
    young = time.monotonic() + YOUNG_S
    async with _Inbox(session, stream, consumer, handle) as inbox:
        requests = [await inbox.ask(DRAIN_BATCH, timeout * 4) for _ in range(2)]
        while not arrived():
            request = requests.pop(0)
            while not request.done.is_set() and not arrived():
                with suppress(TimeoutError):
                    await asyncio.wait_for(request.done.wait(), 0.2)
                if not request.done.is_set() and time.monotonic() - request.handed > timeout:
                    raise NatsError(f"{stream} in {session.region}: no message for {timeout:g} s, and not at the end")
            if request.ended == str(NO_RESPONDERS) and time.monotonic() < young:
                await asyncio.sleep(0.05)
            elif request.ended:
                raise ApiError(f"{stream} in {session.region}: the read was ended: {request.ended}", int(request.ended))
            requests.append(await inbox.ask(DRAIN_BATCH, timeout * 4))


async def follow(
    session: Session,
    stream: str,
    consumer: str,
    handle: Handler,
    stop: asyncio.Event,
    confirmed: Callable[[int], None] | None = None,
    lost: Callable[[str], Awaitable[None]] | None = None,
) -> None:
    """Go on reading until `stop`; what goes wrong is tried again. With `confirmed` all that came without a hole is
    acknowledged after each request (`ack_policy: all`); it is called with the last sequence when the server has said
    that it has it. `lost` is awaited when the server ended a request with anything but its time, or nobody
    answered: the consumer may be gone."""
    async with _Inbox(session, stream, consumer, handle, confirmed is not None) as inbox:
        while not stop.is_set():
            try:
                request = await inbox.ask(FOLLOW_BATCH, FOLLOW_S)
                await asyncio.wait_for(request.done.wait(), FOLLOW_S + 0.5)
                ended = request.ended
                if confirmed and inbox.unbroken.moved:
                    upto, inbox.unbroken.moved = inbox.unbroken.upto, False
                    await session.client.request(inbox.unbroken.reply, b"+ACK", timeout=FOLLOW_S)
                    confirmed(upto)
            except (TimeoutError, ClientError) as error:
                ended = str(error) or "no answer"
            inbox.forget()
            if ended not in ("", "404", "408"):
                if lost and not stop.is_set():
                    await lost(ended)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 0.2)
