"""What is asked of the lab while the load runs: samples of its state twice a second, probes of what works each second.

Both are light, since they must not slow the load: a sample is one STREAM.INFO for each stream and one small monitoring
document for each node; how far a region is with each origin is what its live readers saw.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from secrets import token_hex
from typing import Any

from lab.check.clock import Clock
from lab.check.history import Probe, Sample
from lab.check.sessions import Sessions
from lab.errors import LabError, NatsError
from lab.jetstream import consumers, groups, monitor
from lab.jetstream.session import Session
from lab.layouts import Stream, layout_of
from lab.observe import availability
from lab.observe.availability import DIRECT_GET, EXISTING_CONSUMER, GET, META_LEADER, NEW_CONSUMER, NEW_STREAM
from lab.observe.status import Arrivals
from lab.topology import Node, Topology

SAMPLE_S, PROBE_S = 0.5, 1.0
FEW_STREAMS = 12
TIMEOUT_S = 1.0
# What publishes is left out: publishers show more of that than a probe, and every message must be one of theirs.
OPERATIONS = (DIRECT_GET, GET, EXISTING_CONSUMER, NEW_CONSUMER, META_LEADER)
RARELY = (NEW_STREAM,)
RARELY_EVERY = 5
OUTCOMES = {"works": "ok", "fails": "fail", "silent": "info", "unknown": "info"}


async def sample(
    sessions: Sessions,
    arrived: Callable[[], Arrivals],
    topology: Topology,
    clock: Clock,
    pool: ThreadPoolExecutor,
) -> Sample:
    """One sample; what does not answer within a second is not in it."""
    began = clock.now()
    loop = asyncio.get_running_loop()
    streams = layout_of(topology).streams
    infos, documents = await asyncio.gather(
        asyncio.gather(*(_info(sessions, stream) for stream in streams)),
        asyncio.gather(*(loop.run_in_executor(pool, _meta, node) for node in topology.nodes)),
    )
    found = {stream.key: info for stream, info in zip(streams, infos, strict=True) if info}
    return Sample(
        began,
        {stream: info["state"]["last_seq"] for stream, info in found.items()},
        arrived(),
        {stream: groups.leader(info.get("cluster")) for stream, info in found.items()},
        {node.name: leader for node, leader in zip(topology.nodes, documents, strict=True) if leader is not None},
    )


async def _info(sessions: Sessions, stream: Stream) -> dict[str, Any] | None:
    try:
        return await (await sessions.of(stream)).stream_info(stream.name, TIMEOUT_S)
    except LabError:
        return None


def _meta(node: Node) -> str | None:
    return groups.meta_leader(monitor.get(node.monitor_port, "/jsz", SAMPLE_S))


async def sample_on(
    sessions: Sessions,
    arrived: Callable[[], Arrivals],
    topology: Topology,
    clock: Clock,
    samples: list[Sample],
    stop: asyncio.Event,
) -> None:
    """A sample each half second until `stop`; of many streams less often, since each is asked."""
    pause = SAMPLE_S * max(1.0, len(layout_of(topology).streams) / FEW_STREAMS)
    with ThreadPoolExecutor(len(topology.nodes)) as pool:
        while not stop.is_set():
            began = time.monotonic()
            samples.append(await sample(sessions, arrived, topology, clock, pool))
            await _pause(stop, pause - (time.monotonic() - began))


async def probe_on(
    session: Session, topology: Topology, clock: Clock, durable: str, probes: list[Probe], stop: asyncio.Event
) -> None:
    """Each operation each second in one region until `stop`; one that has not ended is not asked again meanwhile."""
    busy: set[str] = set()
    tasks: set[asyncio.Task[None]] = set()

    async def ask(operation: str) -> None:
        began = clock.now()
        try:
            if operation == EXISTING_CONSUMER:
                outcome, seconds, error = await _fetch(session, topology, durable)
            else:
                cell = await availability.probe(session, operation, topology)
                outcome, seconds = OUTCOMES[cell.state], cell.seconds
                error = "" if outcome == "ok" else f"{cell.code or ''} {cell.detail}".strip()
            probes.append(Probe(session.region, operation, began, seconds, outcome, error))  # type: ignore[arg-type]
        finally:
            busy.discard(operation)

    turn, layout = 0, layout_of(topology)
    direct = bool(layout.virtual_name) or layout.copy(session.region).allows_direct_get
    operations = tuple(operation for operation in OPERATIONS if direct or operation != DIRECT_GET)
    while not stop.is_set():
        began = time.monotonic()
        for operation in operations + (RARELY if turn % RARELY_EVERY == 0 else ()):
            if operation not in busy:
                busy.add(operation)
                task = asyncio.create_task(ask(operation))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        turn += 1
        await _pause(stop, PROBE_S - (time.monotonic() - began))
    await asyncio.gather(*tasks, return_exceptions=True)
    with suppress(NatsError):
        await consumers.delete(session, layout_of(topology).copy(session.region).name, durable, 2)


async def durable(session: Session, topology: Topology) -> str:
    """A consumer that exists before the faults and always has something to deliver, since the load does not end."""
    name = f"lab-check-probe-{token_hex(3)}"
    config = {"deliver_policy": "all", "ack_policy": "explicit", "max_ack_pending": 10_000, "ack_wait": 600 * 10**9}
    await consumers.create(session, layout_of(topology).copy(session.region).name, name, config)
    return name


async def _fetch(session: Session, topology: Topology, durable: str) -> tuple[str, float, str]:
    began = time.monotonic()
    try:
        async with asyncio.timeout(availability.TIMEOUT_S):
            for delivery in await consumers.fetch(
                session, layout_of(topology).copy(session.region).name, durable, 1, 1.5
            ):
                await consumers.acknowledge(session, delivery, 1.5)
                return "ok", time.monotonic() - began, ""
        return "info", time.monotonic() - began, "nothing was delivered"
    except TimeoutError:
        return "info", time.monotonic() - began, "no answer"
    except NatsError as error:
        code = getattr(error, "code", 0)
        return "fail" if code else "info", time.monotonic() - began, error.message


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    if seconds > 0:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
