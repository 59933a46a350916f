"""What nats-py says of messages that it got: each kind of acknowledgement, on a consumer that is there already."""

from typing import Any

from lab.compat.natspy.place import ANSWER_S, Place, Untrue, call, delivers
from lab.compat.values import ACK

WAIT_S = 3  # of the consumer, before it delivers again


async def _taken(at: Place) -> tuple[str, Any, Any]:
    """A consumer of one message, a subscription, and the message."""
    name = await at.consumer(filter_subject=at.bench.seeds[0], ack_wait=WAIT_S * 10**9)
    subscription = await at.js.pull_subscribe_bind(name, at.name)
    (message,) = await subscription.fetch(1, timeout=ANSWER_S)
    return name, subscription, message


async def _settled(at: Place, name: str) -> None:
    """The server waits for nothing any more."""
    unsettled = "the server still waits for the acknowledgement"
    await at.becomes(name, lambda state: int(state["num_ack_pending"]) == 0, unsettled)


@call(ACK, "msg.ack()")
async def ack(at: Place) -> str:
    name, _, message = await _taken(at)
    await message.ack()
    await _settled(at, name)
    return str(message.metadata.stream)


@call(ACK, "msg.ack_sync()")
async def ack_sync(at: Place) -> str:
    name, _, message = await _taken(at)
    await message.ack_sync(timeout=ANSWER_S)
    await _settled(at, name)
    return str(message.metadata.stream)


@call(ACK, "msg.nak()")
async def nak(at: Place) -> str:
    _, subscription, message = await _taken(at)
    await message.nak()
    if not await delivers(subscription):
        raise Untrue("the message was not delivered again at once")
    return str(message.metadata.stream)


@call(ACK, "msg.nak(delay)")
async def nak_later(at: Place) -> str:
    _, subscription, message = await _taken(at)
    await message.nak(delay=0.5)
    if not await delivers(subscription):
        raise Untrue("the message was not delivered again")
    return str(message.metadata.stream)


@call(ACK, "msg.in_progress()")
async def in_progress(at: Place) -> str:
    """After two thirds of the consumer's patience; it would have delivered again a second later."""
    _, subscription, message = await _taken(at)
    if await delivers(subscription, WAIT_S * 2 / 3):
        raise Untrue("the message was delivered again too early")
    await message.in_progress()
    if await delivers(subscription, WAIT_S * 2 / 3):
        raise Untrue("the message was delivered again all the same")
    return str(message.metadata.stream)


@call(ACK, "msg.term()")
async def term(at: Place) -> str:
    name, _, message = await _taken(at)
    await message.term()
    await _settled(at, name)
    return str(message.metadata.stream)
