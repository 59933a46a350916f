"""What a session makes of a connection that goes while it is used."""

import asyncio
from typing import Any

import pytest
from nats.errors import ConnectionClosedError

from lab.errors import NatsError
from lab.jetstream import consumers
from lab.jetstream.session import Session


class Gone:
    """A client, and a subscription, whose connection goes after the first request."""

    def new_inbox(self) -> str:
        return "_INBOX.1"

    async def subscribe(self, *_: Any, **__: Any) -> "Gone":
        return self

    async def publish(self, *_: Any, **__: Any) -> None:
        return

    async def next_msg(self, timeout: float) -> None:
        raise ConnectionClosedError

    async def unsubscribe(self) -> None:
        raise ConnectionClosedError


def test_a_connection_that_goes_while_a_stream_is_read_is_a_sentence() -> None:
    session = Session(Gone(), "west")  # type: ignore[arg-type]
    with pytest.raises(NatsError, match="Direct Get of `foo` in west failed"):
        asyncio.run(session._batch("foo", 1, 0.1))
    with pytest.raises(NatsError, match="Direct Get of `foo` in west failed"):
        asyncio.run(session.direct_get("foo", {}, 0.1))
    with pytest.raises(NatsError, match="app of foo in west failed"):
        asyncio.run(consumers.fetch(session, "foo", "app", 3, 0.1))
