"""The virtual stream as methods of a lab (`lab/api.py`)."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.docker.observation import Observation
from lab.errors import unknown
from lab.layouts import layout_of
from lab.loop import finished
from lab.progress import Say

if TYPE_CHECKING:
    from lab.clients.conformance import Conformance
    from lab.compat.values import Compatibility
    from lab.jetstream.clients import Client
    from lab.jetstream.session import Ack, Entry, Session
    from lab.jetstream.streams import Definitions
    from lab.streamgraph import StreamGraph


class StreamMethods(ABC):
    """For small amounts, and for clients of your own."""

    say: Say

    @abstractmethod
    def observe(self) -> Observation: ...

    def url(self, region: str) -> str:
        """The URLs of a region's running nodes, joined by commas, for your own client."""
        return ",".join(f"nats://127.0.0.1:{node.client_port}" for node in self.observe().require_running(region))

    async def connect(self, region: str, **options: Any) -> "Client":
        """A client of nats-py in one region; `options` are those of `nats.connect`. You close it, for example with
        `async with`."""
        from lab.jetstream.clients import client

        observation = await asyncio.to_thread(self.observe)
        login = layout_of(observation.topology).credentials(region)
        return await client(region, observation.require_running(region), login, options)

    @asynccontextmanager
    async def session(self, region: str) -> AsyncIterator["Session"]:
        """A connection to one region, for `async with`: requests are bounded in time and never retried."""
        from lab.jetstream.session import connect

        observation = await asyncio.to_thread(self.observe)
        login = layout_of(observation.topology).credentials(region)
        async with connect(region, observation.require_running(region), login) as session:
            yield session

    def publish(
        self, region: str, subject: str, *bodies: str, message_id: str = "", each: Callable[["Ack"], None] | None = None
    ) -> "list[Ack]":
        """Publish one body after the other in a region. Returns the acknowledgements; `each` gets them as they come.
        `message_id` is `Nats-Msg-Id`. Raises `NatsError` for the first that is not acknowledged."""
        from lab import virtual

        return finished(virtual.publish(self.observe(), region, subject, bodies, message_id, each))

    def view(self, region: str, last: int = 50, probes: bool = False) -> "list[Entry]":
        """The virtual stream as a region sees it: its last `last` messages, all of them with 0; those of `probe` only
        with `probes`."""
        from lab import virtual

        return finished(virtual.view(self.observe(), region, last, probes))

    def define_streams(self, dry_run: bool = False) -> "Definitions":
        """Create the streams that are missing. Raises `LabError` with the differences if one has another definition."""
        from lab import virtual

        return finished(virtual.define(self.observe(), dry_run))

    def clean_streams(self, dry_run: bool = False) -> tuple[str, ...]:
        """Delete the lab's streams and all their messages. Returns the names of those that existed."""
        from lab import virtual

        return finished(virtual.clean(self.observe(), dry_run))

    def test_client(self, command: str, region: str | None = None, only: Collection[str] = ()) -> "Conformance":
        """Try whether a program speaks the client protocol (docs/client-protocol.md): each rule, or `only` some,
        against a stream of its own in one region, by default the first. Raises `LabError` if it cannot be started."""
        from lab.clients.conformance import conform
        from lab.clients.rules import RULES

        topology = self.observe().topology
        for rule in only:
            if rule not in RULES:
                raise unknown("rule", rule, RULES)
        rules = {rule: check for rule, check in RULES.items() if rule in only or not only}
        return finished(conform(command, topology, region or layout_of(topology).regions[0], rules, self.say))

    def compat(self, *clients: str, region: str | None = None, packages: Path | None = None) -> "Compatibility":
        """Try the JetStream calls of `nats-py` and `nats.js`, or only of those that you name, on the virtual stream by
        its name, in one region, by default the first. nats.js is tried where `node` is on the PATH and `packages`, by
        default the current folder, or a folder above has `node_modules/@nats-io/jetstream`; else `missing` says why it
        was not."""
        from lab.compat.run import compatibility
        from lab.virtual import require_virtual

        observation = self.observe()
        require_virtual(observation.topology, "try calls on")
        return finished(compatibility(observation, region, clients, (packages or Path()).resolve(), self.say))

    def stream_graph(self) -> "StreamGraph":
        """Which stream takes what from which, as the servers have them, for `lab.streamgraph.formats.FORMATS`."""
        from lab.observe import flow

        return finished(flow.take(self.observe()))
