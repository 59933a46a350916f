"""When nothing moves any more, and what the servers then say of each stream and each of its copies."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from lab.check.history import Replica
from lab.check.reads import Bounds
from lab.check.sessions import Sessions
from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.errors import NatsError
from lab.jetstream import groups, monitor
from lab.layouts import Stream, layout_of
from lab.observe import ready, status
from lab.progress import Say
from lab.topology import Topology

UNCHANGED_S = 10.0  # one period of the servers' own health check of sources
POLL_S = 0.5
Sequences = dict[str, tuple[int, int]]  # stream -> messages, last sequence


async def wait(
    engine: Engine,
    lab: str,
    arrived: Callable[[], status.Arrivals],
    seconds: float,
    say: Say,
    before: Mapping[str, int] | None = None,
    unread: Callable[[Mapping[str, int]], list[str]] = lambda _: [],
) -> str:
    """Wait until every region agrees with every other; why not, or "".

    `arrived` says how far each region is, as its live readers see it; where they do not know, the servers' own count is
    taken. With `before`, the streams' last sequences of some time ago, nothing may have changed for a while either, and
    every copy must have got as much since as its origins together, and every live reader (`unread`) all of
    that: what has not is given all of `seconds`, since a source may come back late, and is then left to the judgement.
    """
    deadline, told, since, last = time.monotonic() + seconds, "", time.monotonic(), Sequences()
    observation = await asyncio.to_thread(engine.observe, lab)
    while True:
        readings = await status.readings_of(observation)
        snapshot = status.snapshot(observation, readings, arrived())
        now = {stream.name: (stream.messages, stream.last) for stream in snapshot.streams}
        lacks = ready.missing(replace(snapshot, streams=tuple(map(_known, snapshot.streams))), observation.topology)
        short = []
        if not lacks and before is not None:
            short = shortages(observation.topology, now, before) + unread({name: end for name, (_, end) in now.items()})
        if before is None and not lacks:
            return ""
        if lacks or now != last:
            since, last = time.monotonic(), now
        elif not short and time.monotonic() - since >= UNCHANGED_S:
            return ""
        sentence = next(iter(lacks + short), f"all regions agree; {UNCHANGED_S:g} s for anything late")
        if re.sub(r"[\d.]+", "", sentence) != told:
            say(f"waiting: {sentence}")
            told = re.sub(r"[\d.]+", "", sentence)
        if time.monotonic() > deadline:
            return f"after {seconds:.0f} s, {lacks[0]}" if lacks else ""
        silent = len(readings) < len(observation.topology.nodes) or any(r.varz is None for r in readings.values())
        if observation.damage or silent:
            observation = await asyncio.to_thread(engine.observe, lab)
        await asyncio.sleep(POLL_S)


def shortages(topology: Topology, now: Sequences, before: Mapping[str, int]) -> list[str]:
    """Copies that got less since `before` than what they take from together, as sentences; of those that select only
    some of it, or are published to as well, nothing can be said. Pure."""

    def came(stream: str) -> int:
        last = now.get(stream, (0, 0))[1]
        return last - before[stream] if last >= before[stream] else last  # one that lost everything begins at 1

    layout = layout_of(topology)
    short = {
        copy.key: sum(came(upstream) for upstream in layout.graph.upstream(copy.key)) - came(copy.key)
        for copy in layout.copies
        if not copy.is_origin and all(layout.graph.takes_all(edge) for edge in layout.graph.into(copy.key))
    }
    return [f"{key} is {messages} messages short" for key, messages in short.items() if messages > 0]


def _known(stream: status.StreamStatus) -> status.StreamStatus:
    sources = (replace(s, behind=s.server_lag if s.behind is None else s.behind) for s in stream.sources)
    return replace(stream, sources=tuple(sources))


def versions(observation: Observation) -> str:
    """What the servers say they are, which need not be what the topology asked for; all when they differ."""
    documents = (monitor.get(node.monitor_port, "/varz") for node in observation.running_nodes())
    return ", ".join(sorted({str(document["version"]) for document in documents if document}))


async def last_sequences(sessions: Sessions, topology: Topology) -> dict[str, int]:
    """Stream -> its last sequence, by its own region. Raises `NatsError`."""
    streams = layout_of(topology).streams

    async def last(stream: Stream) -> int:
        return int((await (await sessions.of(stream)).stream_info(stream.name))["state"]["last_seq"])

    return dict(zip((s.key for s in streams), await asyncio.gather(*map(last, streams)), strict=True))


async def bounds(
    sessions: Sessions, topology: Topology, before: Mapping[str, int]
) -> tuple[list[Bounds], dict[str, str]]:
    """What is to be read of each stream: what came after `before`. And streams of which nothing can be known, with the
    reason."""
    found, unknown = [], {}
    for stream in layout_of(topology).streams:
        try:
            info = await (await sessions.of(stream)).stream_info(stream.name)
        except NatsError as error:
            unknown[stream.key] = error.message
            continue
        state = info["state"]
        consumed = info["config"].get("retention", "limits") != "limits"
        # A stream that lost everything counts from 1 again.
        old = before[stream.key] if before[stream.key] <= state["last_seq"] else 0
        first, deleted = max(state["first_seq"], old + 1), state.get("num_deleted", 0)
        found.append(Bounds(stream.key, stream.name, stream.region, first, state["last_seq"], deleted, consumed))
    return found, unknown


async def replicas(topology: Topology) -> list[Replica]:
    """Every copy of every stream of the lab, as the server says that holds it."""
    readings = await monitor.read(list(topology.nodes), 2)
    layout, found = layout_of(topology), []
    for node, reading in readings.items():
        for account, detail in reading.streams():
            stream = layout.find(account, detail["name"])
            if stream is None:
                continue
            state, leader = detail["state"], groups.leads(node, detail)
            counts = (state["messages"], state["bytes"], state["first_seq"], state["last_seq"])
            found.append(Replica(stream.key, node, leader, *counts, state.get("num_deleted", 0)))
    return sorted(found, key=lambda replica: (replica.stream, replica.node))
