"""When nothing moves any more, and what the servers then say of each stream and each of its copies."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from lab import monitor, ready, status
from lab.check.history import Replica
from lab.check.reads import Bounds
from lab.check.schedule import Schedule
from lab.engine import Engine
from lab.errors import NatsError
from lab.jetstream import Session
from lab.lifecycle import Say
from lab.topology import Topology

UNCHANGED_S = 10.0  # one period of the servers' own health check of sources
MARGIN_S = 30.0
POLL_S = 0.5
Sequences = dict[str, tuple[int, int]]


def patience(schedule: Schedule) -> float:
    """Seconds within which all must have converged after the last heal: what a source may need after an outage of `d`
    seconds, by the servers' code (a request that nobody answers is given up after 30 s, then 10, 20, 30 … s of delay,
    120 at most), a reconnect, and a margin. Pure."""
    outage = max((fault.seconds for fault in schedule.faults), default=0.0)
    failures, spent = 0, 0.0
    while spent + 30 + 10 * (failures + 1) <= outage - 10:
        failures += 1
        spent += 30 + 10 * failures
    return 5 + 30 + min(120, 10 * (failures + 1)) + MARGIN_S


async def wait(
    engine: Engine,
    lab: str,
    arrived: Callable[[], status.Arrivals],
    seconds: float,
    say: Say,
    unchanged: float = UNCHANGED_S,
) -> str:
    """Wait until every region agrees with every other and no stream has changed for a while; why not, or "".

    `arrived` says how far each region is, as its live readers see it; where they do not know, the servers' own count is
    taken.
    """
    deadline, told, since, before = time.monotonic() + seconds, "", time.monotonic(), {}  # type: ignore[var-annotated]
    observation = await asyncio.to_thread(engine.observe, lab)
    while True:
        readings = await monitor.read(list(observation.running_nodes()))
        snapshot = status.snapshot(observation, readings, arrived())
        now = {stream.name: (stream.messages, stream.last) for stream in snapshot.streams}
        lacks = ready.missing(replace(snapshot, streams=tuple(map(_known, snapshot.streams))), observation.topology)
        if lacks or now != before:
            since, before = time.monotonic(), now
        elif time.monotonic() - since >= unchanged:
            return ""
        kind = re.sub(r"[\d.]+", "", lacks[0]) if lacks else ""
        if kind != told:
            say(f"waiting: {lacks[0]}" if lacks else f"all regions agree; waiting {unchanged:g} s for anything late")
            told = kind
        if time.monotonic() > deadline:
            return f"after {seconds:.0f} s, {lacks[0] if lacks else 'the streams were still changing'}"
        if len(readings) < len(observation.topology.nodes) or any(r.varz is None for r in readings.values()):
            observation = await asyncio.to_thread(engine.observe, lab)
        await asyncio.sleep(POLL_S)


def _known(stream: status.StreamStatus) -> status.StreamStatus:
    sources = (replace(s, behind=s.server_lag if s.behind is None else s.behind) for s in stream.sources)
    return replace(stream, sources=tuple(sources))


async def last_sequences(sessions: Mapping[str, Session], topology: Topology) -> dict[str, int]:
    """Stream -> its last sequence, by its own region. Raises `NatsError`."""
    return {
        stream: (await sessions[region].stream_info(stream))["state"]["last_seq"]
        for region in topology.regions
        for stream in (topology.write_stream(region), topology.read_stream(region))
    }


async def bounds(
    sessions: Mapping[str, Session], topology: Topology, before: Mapping[str, int]
) -> tuple[list[Bounds], dict[str, str]]:
    """What is to be read of each stream: what came after `before`. And streams of which nothing can be known, with the
    reason."""
    found, unknown = [], {}
    for region in topology.regions:
        for kind, stream in (("write", topology.write_stream(region)), ("read", topology.read_stream(region))):
            try:
                state = (await sessions[region].stream_info(stream))["state"]
            except NatsError as error:
                unknown[stream] = error.message
                continue
            # A stream that lost everything counts from 1 again.
            old = before[stream] if before[stream] <= state["last_seq"] else 0
            first = max(state["first_seq"], old + 1)
            deleted = state.get("num_deleted", 0)
            found.append(
                Bounds(stream, "write" if kind == "write" else "read", region, first, state["last_seq"], deleted)
            )
    return found, unknown


async def replicas(topology: Topology) -> list[Replica]:
    """Every copy of every stream of the lab, as the server says that holds it."""
    readings = await monitor.read(list(topology.nodes), 2)
    names = {kind(region) for region in topology.regions for kind in (topology.write_stream, topology.read_stream)}
    found = []
    for node, reading in readings.items():
        for account in (reading.jsz or {}).get("account_details") or []:
            for detail in account.get("stream_detail") or []:
                if detail["name"] not in names:
                    continue
                state = detail["state"]
                leader = (detail.get("cluster") or {}).get("leader", node) == node
                counts = (state["messages"], state["bytes"], state["first_seq"], state["last_seq"])
                found.append(Replica(detail["name"], node, leader, *counts, state.get("num_deleted", 0)))
    return sorted(found, key=lambda replica: (replica.stream, replica.node))
