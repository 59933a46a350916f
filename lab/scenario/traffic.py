"""Background traffic: publishes at a rate in regions, beside the steps, each with its outcome."""

import asyncio
import itertools
import time
from contextlib import suppress

from lab.errors import NatsError
from lab.scenario.actions import Traffic
from lab.scenario.context import Background, Context, send, unsent
from lab.scenario.evidence import Sent

TIMEOUT_S = 5.0
RETRY_S = 0.5
IN_FLIGHT = 200


def start(context: Context, action: Traffic) -> Background:
    background = Background([], [])
    for region in action.in_:
        background.tasks.append(asyncio.create_task(_publish(context, action, region, background.sent)))
    return background


async def stop(background: Background) -> list[Sent]:
    """End it; what is in flight is waited for."""
    for task in background.tasks:
        task.cancel()
    for task in background.tasks:
        with suppress(asyncio.CancelledError):
            await task
    background.tasks.clear()
    return background.sent


async def _publish(context: Context, action: Traffic, region: str, sent: list[Sent]) -> None:
    """On a connection that comes back by itself. A region that nobody reaches refuses each attempt."""
    numbers = itertools.count(1)
    while True:
        try:
            async with context.connect(region, lasting=True) as session:
                await _at_rate(session, action, region, numbers, sent)
        except NatsError as error:
            sent.append(unsent(region, "", error.message))
            await asyncio.sleep(RETRY_S)


async def _at_rate(session, action: Traffic, region: str, numbers, sent: list[Sent]) -> None:  # type: ignore[no-untyped-def]
    """Publishes go out by the clock, whatever becomes of those before: a stall must not hide itself."""
    flying: set[asyncio.Task[Sent]] = set()
    due = time.monotonic()
    try:
        while True:
            body = f"{action.as_} {region} {next(numbers)}"
            if len(flying) < IN_FLIGHT:
                task = asyncio.create_task(send(session, region, action.subject, body, TIMEOUT_S))
                flying.add(task)
                task.add_done_callback(flying.discard)
                task.add_done_callback(lambda done: None if done.cancelled() else sent.append(done.result()))
            due += 1 / action.rate
            await asyncio.sleep(max(0, due - time.monotonic()))
    finally:
        if flying:
            await asyncio.wait(flying, timeout=TIMEOUT_S + 1)
