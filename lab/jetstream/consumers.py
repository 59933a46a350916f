"""Pull consumers, by plain API requests: create, fetch, acknowledge. Tried once; errors are `NatsError`, `ApiError`."""

import json
import time
from dataclasses import dataclass
from typing import Any

from nats.aio.msg import Msg

from lab.jetstream.session import REQUEST_TIMEOUT_S, ApiError, Entry, Session, origin


@dataclass(frozen=True)
class Delivery:
    """A message as a consumer got it. `delivery` counts from 1: above that it was delivered before."""

    entry: Entry
    delivery: int
    consumer_sequence: int
    message: Msg


async def create(
    session: Session, stream: str, name: str, config: dict[str, Any] | None = None, timeout: float = REQUEST_TIMEOUT_S
) -> dict[str, Any]:
    """Create a durable pull consumer; the answer is the consumer's info. `stream` must be the real name: the request
    carries it in its body too, where no mapping reaches (error 10056). For some milliseconds after the answer, other
    nodes of the region may not know the consumer's subscription yet, and answer a fetch with 503."""
    wanted = {"durable_name": name, "ack_policy": "explicit", "deliver_policy": "all"} | (config or {})
    request = {"stream_name": stream, "config": wanted, "action": ""}
    return await session.api(f"CONSUMER.CREATE.{stream}.{name}", request, timeout)


async def delete(session: Session, stream: str, name: str, timeout: float = REQUEST_TIMEOUT_S) -> None:
    await session.api(f"CONSUMER.DELETE.{stream}.{name}", timeout=timeout)


async def fetch(session: Session, stream: str, name: str, batch: int, timeout: float) -> list[Delivery]:
    """Up to `batch` messages; fewer, or none, when no more came within `timeout` seconds. `stream` may be virtual.

    Raises `ApiError` with code 503 when nobody answers for the consumer, 409 when the server ended the request early.
    """
    request = {"batch": batch, "expires": round(timeout * 1e9)}
    deliveries: list[Delivery] = []
    deadline = time.monotonic() + timeout + 1
    async with session.inbox(f"{name} of {stream}", timeout) as (inbox, subscription):
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"
        await session.client.publish(subject, json.dumps(request).encode(), inbox)
        while len(deliveries) < batch:
            try:
                message = await subscription.next_msg(max(0.001, deadline - time.monotonic()))
            except TimeoutError:
                if not deliveries:
                    raise
                break
            status = (message.headers or {}).get("Status", "")
            if status in ("404", "408"):
                break
            if status and status != "100":
                raise ApiError(f"{name} of {stream} in {session.region}: {status}", int(status))
            if not status:
                deliveries.append(_delivery(message))
    return deliveries


async def acknowledge(session: Session, delivery: Delivery, timeout: float = 2) -> None:
    """Acknowledge and wait until the server has it (`ack_sync`). `timeout` in seconds."""
    await session.request(delivery.message.reply, b"+ACK", timeout)


def _delivery(message: Msg) -> Delivery:
    """From `$JS.ACK.<stream>.<consumer>.<delivery>.<stream seq>.<consumer seq>.<time>.<pending>`; the form of 2.14's
    feature `js_ack_fc_v2` has a domain and an account's hash before the stream."""
    tokens = message.reply.split(".")
    start = 2 if len(tokens) == 9 else 4
    stream, (delivery, sequence, consumer_sequence, stamp) = tokens[start], map(int, tokens[start + 2 : start + 6])
    headers = dict(message.headers or {})
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp / 1e9)) + f".{stamp % 10**9:09d}Z"
    entry = Entry(sequence, message.subject, at, message.data, origin(headers, stream, sequence), headers)
    return Delivery(entry, delivery, consumer_sequence, message)
