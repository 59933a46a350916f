"""A `Session`: a client connection to one region, its requests, and reading a stream through it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as ClientError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as ClientTimeout

from lab.errors import NatsError, NoAnswer
from lab.layouts import Credentials, CredentialsFile
from lab.topology import Node

CONNECT_TIMEOUT_S = 2
REQUEST_TIMEOUT_S = 5
BATCH = 1000
GETS = 100
# nats-py's defaults take minutes to see a dead server, and give one up for good after 60 dials.
LASTING = {"max_reconnect_attempts": -1, "reconnect_time_wait": 0.2, "ping_interval": 2, "max_outstanding_pings": 2}
NO_RESPONDERS, API_LEADERLESS = 503, 10008


class ApiError(NatsError):
    """A JetStream error response. `code` is the server's `err_code`, 0 where it sent none."""

    def __init__(self, message: str, code: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code


@dataclass(frozen=True)
class Ack:
    """The PubAck of a publish: the stream that stored the message and its sequence there."""

    stream: str
    sequence: int
    duplicate: bool


@dataclass(frozen=True)
class Entry:
    """A message as a stream stores it. `origin` is (write stream, sequence there), taken from `Nats-Stream-Source`;
    for a message that was published into this very stream it is the stream itself."""

    sequence: int
    subject: str
    time: str
    body: bytes
    origin: tuple[str, int]
    headers: dict[str, str]


class Session:
    """A connection to one region; make it with `connect`."""

    def __init__(self, client: Client, region: str) -> None:
        self.client = client  # for this package only
        self.region = region

    @property
    def server(self) -> str:
        return str(self.client._server_info.get("server_name", ""))  # no public accessor in nats-py 2.16

    @property
    def version(self) -> str:
        """The server's."""
        return str(self.client._server_info.get("version", ""))

    async def publish(
        self, subject: str, body: bytes, headers: dict[str, str] | None = None, timeout: float = REQUEST_TIMEOUT_S
    ) -> Ack:
        """Publish and wait for the acknowledgement; one attempt. `timeout` in seconds."""
        answer = await self._request(subject, body, timeout, headers)
        if "stream" not in answer:
            raise NatsError(f"the answer to `{subject}` is not a JetStream acknowledgement: {answer}")
        return Ack(answer["stream"], answer["seq"], answer.get("duplicate", False))

    async def api(self, call: str, body: Any = None, timeout: float = REQUEST_TIMEOUT_S) -> dict[str, Any]:
        """The answer of `$JS.API.<call>`. Raises `ApiError`, or `NatsError` when nobody answers in time."""
        payload = b"" if body is None else json.dumps(body).encode()
        return await self._request(f"$JS.API.{call}", payload, timeout)

    async def request(
        self, subject: str, payload: bytes, timeout: float, headers: dict[str, str] | None = None
    ) -> bytes:
        """The answer's bytes. Raises `ApiError` when nobody listens, `NatsError` when nobody answers in time."""
        try:
            return bytes((await self.client.request(subject, payload, timeout=timeout, headers=headers)).data)
        except NoRespondersError:
            raise ApiError(
                f"nobody answers `{subject}` in {self.region} (503 no responders)",
                NO_RESPONDERS,
                "is the stream defined (`lab streams`), and does it have a leader (`lab status`)?",
            ) from None
        except ClientTimeout:
            raise NoAnswer(
                f"no answer to `{subject}` in {self.region} within {timeout:g} s", "`lab status` shows who leads what"
            ) from None
        except ClientError as error:
            raise NatsError(f"the request to `{subject}` in {self.region} failed: {error}") from error

    async def _request(
        self, subject: str, payload: bytes, timeout: float, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        data = await self.request(subject, payload, timeout, headers)
        try:
            answer: dict[str, Any] = json.loads(data)
        except ValueError:
            raise NatsError(f"the answer to `{subject}` is not JSON: {data[:80]!r}") from None
        if "error" in answer:
            raise api_error(answer["error"])
        return answer

    async def stream_info(self, stream: str, timeout: float = REQUEST_TIMEOUT_S) -> dict[str, Any]:
        return await self.api(f"STREAM.INFO.{stream}", timeout=timeout)

    async def direct_get(
        self, stream: str, request: dict[str, Any], timeout: float = REQUEST_TIMEOUT_S
    ) -> Entry | None:
        """One message by Direct Get, None when there is none. Raises `ApiError` with 503 when nobody answers,
        as for a stream without `allow_direct`."""
        async with self.inbox(f"Direct Get of `{stream}`", timeout, most=1) as (inbox, subscription):
            await self.client.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(request).encode(), reply=inbox)
            message = await subscription.next_msg(timeout)
        status = (message.headers or {}).get("Status", "")
        if status == "404":
            return None
        if status:
            raise ApiError(f"Direct Get of `{stream}` in {self.region}: {status}", int(status))
        return _entry(message, stream)

    async def read(
        self,
        stream: str,
        first: int = 1,
        last: int | None = None,
        timeout: float = REQUEST_TIMEOUT_S,
        stored: str = "",
    ) -> AsyncIterator[Entry]:
        """The entries of a stream from sequence `first` on, in order, up to the `last` one at the time of the call.
        `stored` is the origin of messages that name none, the stream itself by default.

        Batched Direct Get (ADR-31): it needs no meta leader and makes no consumer, so it works in an isolated region.
        A stream without `allow_direct` is read with one request for each message, which needs the meta leader.
        `timeout` (seconds) bounds each batch.
        """
        info = await self.stream_info(stream, timeout)
        state, direct = info["state"], info["config"].get("allow_direct", False)
        last = state["last_seq"] if last is None else min(last, state["last_seq"])
        sequence = max(first, state["first_seq"])
        while state["messages"] and sequence <= last:
            if direct:
                batch = [_entry(m, stored or stream) for m in await self._batch(stream, sequence, timeout)]
            else:
                batch = await self._gets(stream, range(sequence, min(sequence + GETS, last + 1)), timeout)
            for entry in batch:
                if entry.sequence <= last:
                    yield entry
            if not batch:
                return
            sequence = batch[-1].sequence + 1

    async def _batch(self, stream: str, sequence: int, timeout: float) -> list[Msg]:
        """Up to `BATCH` messages from `sequence` on, one from a server before 2.11; empty at the end."""
        messages: list[Msg] = []
        async with self.inbox(f"Direct Get of `{stream}`", timeout) as (inbox, subscription):
            request = json.dumps({"seq": sequence, "batch": BATCH}).encode()
            await self.client.publish(f"$JS.API.DIRECT.GET.{stream}", request, reply=inbox)
            while True:
                message = await subscription.next_msg(timeout)
                status = (message.headers or {}).get("Status", "")
                if status in ("204", "404"):
                    return messages
                if status:
                    raise ApiError(
                        f"Direct Get of `{stream}` failed: {status} {(message.headers or {}).get('Description', '')}",
                        int(status),
                    )
                messages.append(message)
                if "Nats-Num-Pending" not in (message.headers or {}):
                    return messages

    @asynccontextmanager
    async def inbox(self, what: str, timeout: float, most: int = 0) -> AsyncIterator[tuple[str, Subscription]]:
        """Where the answers to one request arrive. What the client raises meanwhile becomes a `NatsError` about `what`,
        also when the connection has gone and there is nothing to unsubscribe from."""
        name = self.client.new_inbox()
        try:
            subscription = await self.client.subscribe(name, max_msgs=most)
            try:
                yield name, subscription
            finally:
                with suppress(ClientError):
                    await subscription.unsubscribe()
        except ClientTimeout:
            raise NoAnswer(f"{what} in {self.region}: no answer within {timeout:g} s") from None
        except ClientError as error:
            raise NatsError(f"{what} in {self.region} failed: {error}") from error

    @asynccontextmanager
    async def listening(self, subject: str) -> AsyncIterator[None]:
        """Somebody listens on a subject and never answers: a request then ends by its time-out."""
        try:
            subscription = await self.client.subscribe(subject)
            await self.client.flush()
        except ClientError as error:
            raise NatsError(f"nobody can listen on `{subject}` in {self.region}: {error}") from error
        try:
            yield
        finally:
            with suppress(ClientError):
                await subscription.unsubscribe()

    async def get(self, stream: str, sequence: int, timeout: float = REQUEST_TIMEOUT_S) -> Entry | None:
        """The first message from `sequence` on, None where there is none. The stream's leader answers, which has all
        that it acknowledged; Direct Get may be answered by a server that is a moment behind (ADR-31)."""
        import base64

        try:
            answer = await self.api(f"STREAM.MSG.GET.{stream}", {"seq": sequence, "next_by_subj": ">"}, timeout)
        except ApiError as error:
            if error.code == 10037:  # no message found
                return None
            raise
        got = answer["message"]
        headers = _headers(base64.b64decode(got.get("hdrs", "")).decode())
        body = base64.b64decode(got.get("data", ""))
        return Entry(got["seq"], got["subject"], got["time"], body, origin(headers, stream, got["seq"]), headers)

    async def _gets(self, stream: str, sequences: Iterable[int], timeout: float) -> list[Entry]:
        """Get side by side; where messages are gone, several requests find the same next one."""
        found = await asyncio.gather(*(self.get(stream, sequence, timeout) for sequence in sequences))
        return [entry for _, entry in sorted({entry.sequence: entry for entry in found if entry}.items())]


def api_error(raw: dict[str, Any]) -> ApiError:
    code = raw.get("err_code", 0)
    hint = ""
    if code == API_LEADERLESS:
        hint = "no meta leader is in reach: is this region isolated? `lab status`"
    return ApiError(f"the server says: {raw.get('description', raw)} ({code})", code, hint)


def origin(headers: dict[str, str], stream: str, sequence: int) -> tuple[str, int]:
    """(origin, sequence) from `Nats-Stream-Source: <stream> <sequence> <filter> …` (nats-server `stream.go`)."""
    source = headers.get("Nats-Stream-Source")
    if not source:
        return stream, sequence
    name, number, *_ = source.split(" ")
    return name.partition(":")[0], int(number)


def _entry(message: Msg, stream: str) -> Entry:
    headers = dict(message.headers or {})
    sequence = int(headers.pop("Nats-Sequence"))
    subject, time = headers.pop("Nats-Subject"), headers.pop("Nats-Time-Stamp")
    for name in ("Nats-Stream", "Nats-Num-Pending", "Nats-Last-Sequence"):
        headers.pop(name, None)
    return Entry(sequence, subject, time, message.data, origin(headers, stream, sequence), headers)


def _headers(raw: str) -> dict[str, str]:
    lines = (line.partition(":") for line in raw.split("\r\n")[1:] if ":" in line)
    return {name: value.strip() for name, _, value in lines}


def login(credentials: Credentials | None) -> dict[str, Any]:
    """The options of `nats.connect` for them."""
    if isinstance(credentials, CredentialsFile):
        return {"user_credentials": credentials.path}
    return dict(zip(("user", "password"), credentials, strict=True)) if credentials else {}


@asynccontextmanager
async def connect(
    region: str, nodes: Sequence[Node], credentials: Credentials | None = None, lasting: bool = False
) -> AsyncIterator[Session]:
    """A connection to one of the nodes, tried in their order. Raises `NatsError` when none greets within 2 s each.

    A `lasting` one comes back by itself, to any node of the region that clients are told of, and notices a dead server
    after 2 to 6 s; requests that meet it while it is gone fail. The others end with their server.
    """

    async def quiet(_: Exception) -> None:
        """The library prints a traceback for each failed dial otherwise."""

    options = login(credentials) | (LASTING if lasting else {"allow_reconnect": False, "max_reconnect_attempts": 0})
    try:
        client = await asyncio.wait_for(
            nats.connect(
                [f"nats://127.0.0.1:{node.client_port}" for node in nodes],
                dont_randomize=True,
                connect_timeout=CONNECT_TIMEOUT_S,
                error_cb=quiet,
                **options,
            ),
            CONNECT_TIMEOUT_S * (len(nodes) + 1),
        )
    except (ClientError, OSError, TimeoutError) as error:
        names = ", ".join(node.name for node in nodes) or "none is running"
        raise NatsError(
            f"no server of {region} accepts a client ({names}): {str(error) or 'time-out'}",
            "`lab status` shows the nodes",
        ) from error
    try:
        yield Session(client, region)
    finally:
        await client.close()


async def last_arrivals(
    session: Session, stream: str, origins: Sequence[str], stored: str = ""
) -> dict[str, int | None]:
    """Origin -> the last of its sequences that is in a copy, `stream`: 0 if none, None if too deep to find. `stored` is
    the origin of messages that name none.

    Looks backwards from the end in growing steps, since a copy has no index by origin.
    """
    info = await session.stream_info(stream)
    first, last = info["state"]["first_seq"], info["state"]["last_seq"]
    found: dict[str, int] = {}
    start, step = last + 1, 32
    while start > first and len(found) < len(origins) and step <= 32 * 8**3:
        end, start = start - 1, max(first, start - step)
        window: dict[str, int] = {}
        async for entry in session.read(stream, start, end, stored=stored):
            window[entry.origin[0]] = max(window.get(entry.origin[0], 0), entry.origin[1])
        found = window | found
        step *= 8
    absent: int | None = 0 if start <= max(first, 1) else None
    return {origin: found.get(origin, absent) for origin in origins}
