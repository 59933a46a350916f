"""What a scenario that is being played knows: the lab, what was published, who was hit, what must be tidied up."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lab.api import Lab
from lab.docker.observation import Observation
from lab.errors import NatsError
from lab.faults.fault import Fault
from lab.jetstream import leaders
from lab.jetstream.attempts import attempt
from lab.jetstream.session import Session, connect
from lab.layouts import Layout, Stream, layout_of
from lab.observe.comparison import Copy
from lab.observe.contents import as_read, copy_of
from lab.scenario.evidence import Answer, Held, Sent
from lab.topology import Topology

READ_TIMEOUT_S = 5.0


@dataclass
class Background:
    """Traffic that goes on beside the steps: its tasks, and what they have sent so far."""

    tasks: list[asyncio.Task[None]]
    sent: list[Sent]


@dataclass
class Stage:
    """`first` is each stream's last sequence when the scenario began: what was there before is not looked at."""

    lab: Lab
    topology: Topology
    observation: Observation
    first: dict[str, int] = field(default_factory=dict)
    sent: dict[str, list[Sent]] = field(default_factory=dict)
    traffic: dict[str, Background] = field(default_factory=dict)
    nodes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fetched: dict[str, list[tuple[tuple[str, int], int]] | str] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    consumers: list[tuple[str, str, str]] = field(default_factory=list)  # region, stream, name
    faults: frozenset[Fault] = frozenset()
    latest: str = ""  # the name of the last publish

    @cached_property
    def layout(self) -> Layout:
        return layout_of(self.topology)

    async def look(self) -> Observation:
        self.observation = await asyncio.to_thread(self.lab.observe)
        return self.observation

    def connect(self, region: str, lasting: bool = False):  # type: ignore[no-untyped-def]
        nodes = self.observation.running_nodes(region)
        return connect(region, nodes, self.layout.credentials(region), lasting=lasting)

    def regions(self, named: Iterable[str]) -> tuple[str, ...]:
        return tuple(named) or self.topology.regions

    def region_of(self, stream: str) -> str:
        """Where a stream lives; the first region that runs for one that is not the lab's."""
        return leaders.stream_region(self.observation, stream)

    def published(self, names: Iterable[str]) -> tuple[Sent, ...]:
        """What was sent under these names, or under all of them; of traffic, what it has sent so far."""
        chosen = tuple(names) or (*self.sent, *self.traffic)
        lists = [self.traffic[name].sent if name in self.traffic else self.sent[name] for name in chosen]
        return tuple(sent for entries in lists for sent in entries)

    async def remember_beginnings(self) -> None:
        for region in self.topology.regions:
            async with self.connect(region) as session:
                for stream in self.layout.streams_in(region):
                    self.first[stream.key] = (await session.stream_info(stream.name))["state"]["last_seq"]

    async def held(self, regions: Sequence[str], written: bool = False) -> Held:
        """What the regions' clients read of this scenario, and with `written` what the origins hold too."""
        answers = await asyncio.gather(*(self._copies(self.layout.copy(region)) for region in regions))
        wrote: list[Copy] = []
        for origin in self.layout.origins if written else ():
            copies = await self._copies(origin)
            if not isinstance(copies, str):
                wrote += [as_read(copy, self.layout, origin) for copy in copies]
        return Held(dict(zip(regions, answers, strict=True)), tuple(wrote))

    async def _copies(self, stream: Stream) -> tuple[Copy, ...] | str:
        try:
            async with self.connect(stream.region) as session:
                entries = session.read(stream.name, self.first.get(stream.key, 0) + 1, timeout=READ_TIMEOUT_S)
                copies = [copy_of(entry) async for entry in entries]
        except NatsError as error:
            return error.message
        return tuple(copy for copy in copies if copy.origin[1] > self.first.get(copy.origin[0], 0))

    async def leader(self, of: str) -> str:
        """The node that leads a stream or `meta`, "" when nobody who answers knows one."""
        return await leaders.leader(self.observation, of)

    async def meta_views(self, regions: Iterable[str]) -> dict[str, str | None]:
        """Each running node of the regions -> the meta leader that it names."""
        return await leaders.meta_views(n for region in regions for n in self.observation.running_nodes(region))


async def send(
    session: Session, region: str, subject: str, body: str, timeout: float, headers: dict[str, str] | None = None
) -> Sent:
    """One publish, tried once, with its outcome."""
    began = time.monotonic()
    came = await attempt(session, subject, body.encode(), timeout, headers)
    ended = time.monotonic()
    return Sent(
        region, body, came.outcome, came.stream, came.sequence, came.duplicate, came.error, ended - began, ended
    )


def unsent(region: str, body: str, why: str) -> Sent:
    """A publish that no server was there for."""
    return Sent(region, body, "fail", "", 0, False, why, 0, time.monotonic())
