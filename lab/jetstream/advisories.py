"""JetStream's advisories, live: servers publish them to whoever listens in the account, and keep none."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from nats.errors import Error as ClientError

from lab.errors import NatsError
from lab.jetstream.session import Session, connect
from lab.layouts import Credentials
from lab.topology import Node

SUBJECT = "$JS.EVENT.ADVISORY.>"
AGAIN_S = 1.0

Advisory = dict[str, Any]


async def follow(
    region: str, nodes: Sequence[Node], credentials: Credentials | None, each: Callable[[Advisory], None]
) -> None:
    """Call `each` with every advisory that comes to a client in this region, without end. While no server of the region
    accepts it, it goes on trying."""
    while True:
        with suppress(NatsError, ClientError, OSError):
            async with connect(region, nodes, credentials, lasting=True) as session:
                await _listen(session, each)
        await asyncio.sleep(AGAIN_S)


async def _listen(session: Session, each: Callable[[Advisory], None]) -> None:
    subscription = await session.client.subscribe(SUBJECT)
    async for message in subscription.messages:
        with suppress(ValueError):
            each(json.loads(message.data))
