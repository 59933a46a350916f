"""The connections of a check: one for each region and account, made when it is first wanted, lasting until the end."""

import asyncio
from contextlib import AsyncExitStack

from lab.jetstream.session import Session, connect
from lab.layouts import Credentials, Layout, Stream

Login = Credentials | None


class Sessions:
    def __init__(self, layout: Layout, stack: AsyncExitStack) -> None:
        self._layout, self._stack = layout, stack
        self._open: dict[tuple[str, Login], Session] = {}
        self._lock = asyncio.Lock()

    async def of(self, stream: Stream) -> Session:
        """Where a stream lives, in its account. Raises `NatsError`."""
        return await self._session(stream.region, self._layout.login(stream.key, stream.region))

    async def client(self, region: str) -> Session:
        """As a client of a region."""
        return await self._session(region, self._layout.credentials(region))

    async def _session(self, region: str, login: Login) -> Session:
        async with self._lock:
            if (region, login) not in self._open:
                nodes = self._layout.topology.region_nodes(region)
                self._open[region, login] = await self._stack.enter_async_context(connect(region, nodes, login, True))
            return self._open[region, login]
