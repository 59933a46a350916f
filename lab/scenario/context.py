"""What a scenario that is being played knows: the lab, what was published, who was hit, what must be tidied up."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from secrets import token_hex
from typing import Any

from lab.api import Lab
from lab.docker.observation import Observation
from lab.errors import NatsError
from lab.faults.fault import Fault
from lab.jetstream import leaders
from lab.jetstream.attempts import attempt
from lab.jetstream.session import Entry, Session, connect
from lab.layouts import Layout, Stream, layout_of
from lab.observe import probe_messages
from lab.observe.comparison import Copy
from lab.observe.contents import as_read, copy_of, read
from lab.observe.probe_messages import is_probe
from lab.scenario.evidence import Answer, Held, Sent
from lab.topology import Topology

READ_TIMEOUT_S = 5.0
YOUNG_S = 2.0


@dataclass
class Background:
    """Traffic that goes on beside the steps: its tasks, and what they have sent so far."""

    tasks: list[asyncio.Task[None]]
    sent: list[Sent]


@dataclass(frozen=True)
class Made:
    """A consumer that the scenario created: its name there, and `real`, the server's name of it; `at` is when."""

    region: str
    stream: str
    name: str
    real: str
    at: float = field(default_factory=time.monotonic)

    @property
    def young(self) -> bool:
        """Whether some nodes of its region may not know of it yet, and answer a fetch with 503."""
        return time.monotonic() - self.at < YOUNG_S


@dataclass
class Context:
    """`token` is in the names of all that this play makes. `first` is each stream's last sequence when the scenario
    began: what was there before is not looked at. `probes` is how many messages of probes it held then."""

    lab: Lab
    topology: Topology
    observation: Observation
    first: dict[str, int] = field(default_factory=dict)
    probes: dict[str, int] = field(default_factory=dict)
    sent: dict[str, list[Sent]] = field(default_factory=dict)
    traffic: dict[str, Background] = field(default_factory=dict)
    nodes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fetched: dict[str, list[tuple[tuple[str, int], int]] | str] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    took: dict[str, list[float]] = field(default_factory=dict)  # seconds of each request that was answered
    made: list[Made] = field(default_factory=list)
    faults: frozenset[Fault] = frozenset()
    latest: str = ""  # the name of the last publish
    token: str = field(default_factory=lambda: token_hex(3))

    @cached_property
    def layout(self) -> Layout:
        return layout_of(self.topology)

    async def look(self) -> Observation:
        self.observation = await asyncio.to_thread(self.lab.condition)
        return self.observation

    def real(self, consumer: str) -> str:
        """The server's name of a consumer, which differs for those that the scenario created."""
        return next((made.real for made in self.made if made.name == consumer), consumer)

    def connect(self, region: str, lasting: bool = False):  # type: ignore[no-untyped-def]
        nodes = self.observation.running_nodes(region)
        return connect(region, nodes, self.layout.credentials(region), lasting=lasting)

    def regions(self, named: Iterable[str]) -> tuple[str, ...]:
        return tuple(named) or self.layout.regions

    def region_of(self, stream: str) -> str:
        """Where a stream lives; the first region that runs for one that is not the lab's."""
        return leaders.stream_region(self.observation, stream)

    def name_of(self, stream: str) -> str:
        """What its account calls a stream."""
        return leaders.located(self.observation, stream)[1]

    def of_probe(self, subject: str) -> bool:
        """Whether a probe published a message that some stream has on this subject."""
        return any(is_probe(self.layout, self.layout.as_read(stream, subject)) for stream in self.layout.streams)

    def published(self, names: Iterable[str]) -> tuple[Sent, ...]:
        """What was sent under these names, or under all of them; of traffic, what it has sent so far."""
        chosen = tuple(names) or (*self.sent, *self.traffic)
        lists = [self.traffic[name].sent if name in self.traffic else self.sent[name] for name in chosen]
        return tuple(sent for entries in lists for sent in entries)

    async def remember_beginnings(self) -> None:
        for region in self.layout.regions:
            async with self.connect(region) as session:
                for stream in self.layout.streams_in(region):
                    state = await self._state(session, stream)
                    self.first[stream.key] = state["last_seq"]
                    self.probes[stream.key] = len(state.get("subjects") or ())

    async def stored(self, session: Session, stream: Stream) -> int:
        """How many messages a stream has stored since the scenario began, but for those of probes."""
        state = await self._state(session, stream)
        probes = len(state.get("subjects") or ()) - self.probes.get(stream.key, 0)
        return int(state["last_seq"]) - self.first.get(stream.key, 0) - max(0, probes)

    async def _state(self, session: Session, stream: Stream) -> dict[str, Any]:
        """Its `subjects` are those of probes."""
        probes = self.layout.as_stored(stream, probe_messages.every_subject(self.layout))
        info = await session.api(f"STREAM.INFO.{stream.name}", {"subjects_filter": probes})
        state: dict[str, Any] = info["state"]
        return state

    def since_beginning(self, region: str, stream: str) -> dict[str, Any]:
        """How a consumer of a region's account begins with the first message that was stored since the scenario began;
        with the first of all, on a stream that is not the lab's."""
        own = self.layout.find(self.layout.account(region).name, stream)
        if not own:
            return {"deliver_policy": "all"}
        return {"deliver_policy": "by_start_sequence", "opt_start_seq": self.first.get(own.key, 0) + 1}

    async def held(self, regions: Sequence[str], written: bool = False) -> Held:
        """What the regions' clients read of this scenario, but for messages of probes; with `written` what the origins
        hold too."""
        answers = await asyncio.gather(*(self._copies(self.layout.copy(region), region) for region in regions))
        wrote: list[Copy] = []
        for origin in self.layout.origins if written else ():
            copies = await self._copies(origin)
            if not isinstance(copies, str):
                wrote += [as_read(copy, self.layout, origin) for copy in copies]
        return Held(dict(zip(regions, answers, strict=True)), tuple(wrote))

    async def _copies(self, stream: Stream, region: str = "") -> tuple[Copy, ...] | str:
        entries = await self.entries(stream, region)
        return entries if isinstance(entries, str) else tuple(copy_of(entry) for entry in entries)

    async def entries(self, stream: Stream, region: str = "") -> tuple[Entry, ...] | str:
        """What a stream holds of this scenario, but for messages of probes; a text says why it was not read. It is read
        in a region of its own, or the one that is named."""
        try:
            async with self.connect(region or self.region_of(stream.key)) as session:
                came = read(session, self.layout, stream, READ_TIMEOUT_S, self.first.get(stream.key, 0) + 1)
                entries = [entry async for entry in came if not self.of_probe(entry.subject)]
        except NatsError as error:
            return error.message
        return tuple(entry for entry in entries if entry.origin[1] > self.first.get(entry.origin[0], 0))

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
