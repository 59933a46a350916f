"""Clients of nats-py for programs of your own, with its own habits: they reconnect, and wait as long as it does."""

from collections.abc import Mapping, Sequence
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import Error as ClientError

from lab.errors import NatsError
from lab.jetstream.session import login
from lab.layouts import Credentials
from lab.topology import Node

__all__ = ["Client", "client"]


async def client(
    region: str, nodes: Sequence[Node], credentials: Credentials | None, options: Mapping[str, Any]
) -> Client:
    """A client that knows these nodes. Raises `NatsError` when nats-py cannot connect."""
    servers = [f"nats://127.0.0.1:{node.client_port}" for node in nodes]
    try:
        return await nats.connect(servers, **{**login(credentials), **options})
    except (ClientError, OSError, TimeoutError) as error:
        raise NatsError(
            f"no server of {region} accepts a client: {str(error) or 'time-out'}", "`lab status` shows the nodes"
        ) from error
