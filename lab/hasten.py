"""Waiting until the lab is healthy, and helping it along: read streams whose sources stand still get another leader.

Servers do not do this on their own: a source that stands still asks its origin again when its timers say so, up to 40 s
after a heal (docs/concepts.md). A new leader asks at once. So nothing that measures convergence may use it.
"""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field

from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.errors import NatsError
from lab.jetstream.session import connect
from lab.layouts import Layout, layout_of
from lab.observe import ready, status
from lab.progress import Say
from lab.topology import Node, Topology

# A new leader asks its origins within 0.3 s and hears of them within another second. What it has not heard by now has
# lost its request, for whose answer the server would wait 30 s. Doubled with each step-down, for slow machines.
YOUNG_S = 2.0
STANDING_S = 3.0  # what is heard but lets messages lie is given three heartbeats
ANSWER_S = 1.0


@dataclass(frozen=True)
class Resigned:
    """A leader that stepped down because we asked, `seconds` after the wait began."""

    stream: str
    leader: str
    seconds: float


@dataclass(frozen=True)
class Hastened:
    """The healthy lab, and what it took: step-downs in the order of time."""

    status: status.Snapshot
    step_downs: tuple[Resigned, ...]


@dataclass
class Memory:
    """What earlier looks have to say: since when each stream has its present leader, how often we made one step down,
    and since when the last arrival from each origin is the same. Seconds, all by one clock."""

    leads: dict[str, tuple[str, float]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    arrived: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)

    def look(self, snapshot: status.Snapshot, now: float) -> None:
        for stream in snapshot.streams:
            if stream.leader != self.leads.get(stream.name, ("",))[0]:
                self.leads[stream.name] = (stream.leader, now)
            for source in stream.sources:
                key = (stream.name, source.origin)
                if source.arrived is not None and source.arrived != self.arrived.get(key, (None,))[0]:
                    self.arrived[key] = (source.arrived, now)

    def ask(self, stream: str) -> None:
        """Its leader was asked to step down; whoever leads next is new, even if it is the same again."""
        self.asked[stream] += 1
        self.leads.pop(stream, None)

    def leading_s(self, stream: str, now: float) -> float:
        return now - self.leads.get(stream, ("", now))[1]

    def standing_s(self, stream: str, origin: str, now: float) -> float:
        return now - self.arrived.get((stream, origin), (0, now))[1]


def due(
    snapshot: status.Snapshot, topology: Topology, memory: Memory, now: float
) -> tuple[tuple[status.StreamStatus, tuple[str, ...]], ...]:
    """The streams whose leaders should step down now, each with the origins from which nothing comes. A new leader
    would do better: all nodes see one meta leader, the gateways to these origins are joined, and they have leaders.
    Pure."""
    meta_leaders = {node.meta_leader for node in snapshot.nodes}
    if len(meta_leaders) != 1 or not meta_leaders.pop():
        return ()
    streams = {stream.name: stream for stream in snapshot.streams}
    apart = {
        frozenset(link.regions)
        for link in snapshot.links
        if any(up < topology.size(region) for region, (up, _) in link.gateways.items())
    }

    def in_reach(stream: status.StreamStatus, origin: str) -> bool:
        there = streams.get(origin)
        return there is not None and bool(there.leader) and frozenset((stream.region, there.region)) not in apart

    found = []
    for stream in snapshot.streams:
        still = tuple(source for source in stream.sources if _stands_still(stream.name, source, memory, now))
        origins = tuple(source.origin for source in still)
        whole = bool(stream.leader) and stream.current == stream.replicas
        # Whoever has heard of an origin before has led for a while; else nobody knows how long at the first look.
        old = not memory.asked[stream.name] and any(source.last_heard_s is not None for source in still)
        grown = old or memory.leading_s(stream.name, now) >= YOUNG_S * 2 ** memory.asked[stream.name]
        # An origin that is out of reach is waited for: it would need another step-down later.
        if still and whole and grown and all(in_reach(stream, origin) for origin in origins):
            found.append((stream, origins))
    return tuple(found)


def _stands_still(stream: str, source: status.SourceStatus, memory: Memory, now: float) -> bool:
    return ready.silent(source) or (bool(source.behind) and memory.standing_s(stream, source.origin, now) >= STANDING_S)


async def until_healthy(engine: Engine, observation: Observation, seconds: float, say: Say) -> Hastened:
    """As `ready.until_healthy`, with step-downs where they are `due`. Raises `NotReady` after `seconds`."""
    topology, memory, done = observation.topology, Memory(), list[Resigned]()
    layout, began = layout_of(topology), time.monotonic()

    async def help_along(snapshot: status.Snapshot) -> None:
        memory.look(snapshot, time.monotonic())
        await asyncio.gather(*(depose(*pair) for pair in due(snapshot, topology, memory, time.monotonic())))

    async def depose(stream: status.StreamStatus, origins: tuple[str, ...]) -> None:
        nodes, login = topology.region_nodes(stream.region), layout.credentials(stream.region)
        try:
            await asyncio.gather(*(_reach(layout, stream, node, origins) for node in nodes))
            async with connect(stream.region, nodes, login) as session:
                await session.api(f"STREAM.LEADER.STEPDOWN.{layout.stream(stream.name).name}", timeout=ANSWER_S)
        except NatsError:  # the next look shows whether it still has to be
            return
        memory.ask(stream.name)
        say(f"{stream.leader} steps down as the leader of {stream.name}: nothing comes from {', '.join(origins)}")
        done.append(Resigned(stream.name, stream.leader, round(time.monotonic() - began, 1)))

    healthy = await ready.until_healthy(engine, observation, seconds, say, help_along)
    return Hastened(healthy, tuple(done))


async def _reach(layout: Layout, stream: status.StreamStatus, node: Node, origins: tuple[str, ...]) -> None:
    """Whichever node leads next: its request has to arrive. A gateway is listed as joined until its pings stay without
    an answer for up to 15 s, so after a short cut that says nothing. Raises `NatsError`."""
    own = layout.stream(stream.name).account
    foreign = {layout.region_of(origin) for origin in origins if layout.stream(origin).account != own}
    async with connect(stream.region, [node], layout.credentials(stream.region)) as session:
        near = [origin for origin in origins if layout.stream(origin).account == own]
        await asyncio.gather(*(session.stream_info(origin, ANSWER_S) for origin in near))
    if foreign:  # accounts see nothing of each other's streams; some server of the region answers everybody
        async with connect(stream.region, [node], layout.system.credentials) as session:
            asks = (json.dumps({"cluster": region}).encode() for region in foreign)
            await asyncio.gather(*(session.request("$SYS.REQ.SERVER.PING.IDZ", ask, ANSWER_S) for ask in asks))
