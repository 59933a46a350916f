"""Waiting: until the servers elect, the gateways join, the streams are current. Always with a deadline and with a
sentence about what is still missing."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryError, retry_if_result, stop_after_delay

from lab.docker.deaths import require_alive
from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.errors import NotReady
from lab.jetstream import groups, monitor
from lab.observe import status
from lab.progress import Say
from lab.topology import Topology
from lab.units import several

T = TypeVar("T")
FRESH_S = 3.0  # a source's consumer sends a heartbeat each second (nats-server `sourceHealthHB`)
POLL_S = 0.1
# A look at nine servers takes 50 ms of this machine, which the servers need for what is waited for: four times as
# long as the last one took belongs to them.
REST = 4
LONGEST_S = 1.0


def missing(snapshot: status.Snapshot, topology: Topology, sources: bool = True) -> list[str]:
    """What a healthy lab still lacks, as sentences; empty when every region agrees with every other. Without `sources`
    it does not matter how far the read streams are."""
    lacks = [f"the lab {snapshot.damage} (`lab up` completes it)"] if snapshot.damage else []
    lacks += [f"{node.name} is {node.state}" for node in snapshot.nodes if node.version is None]
    lacks += [str(fault) for fault in snapshot.faults if fault.kind == "cut"]
    leaders = {node.meta_leader for node in snapshot.nodes if node.meta_leader is not None}
    if "" in leaders:
        blind = [node.name for node in snapshot.nodes if node.meta_leader == ""]
        lacks.append(f"no meta leader is known to {', '.join(blind)}")
    elif len(leaders) > 1:
        lacks.append(f"the nodes see different meta leaders: {', '.join(sorted(str(leader) for leader in leaders))}")
    for link in snapshot.links:
        for region, (up, _) in link.gateways.items():
            if up < topology.size(region):
                what = "routes" if topology.stretched else "gateway"
                lacks.append(f"{what} {region} → {link.other(region)}: {up} of {topology.size(region)} connected")
    lacks += [f"{name} is not there" for name in snapshot.absent]
    for stream in snapshot.streams:
        lacks += _stream_lacks(stream)
        lacks += _source_lacks(stream) if sources else ()
    return lacks


def _stream_lacks(stream: status.StreamStatus) -> Iterable[str]:
    if not stream.leader:
        yield f"{stream.name} has no leader"
    elif stream.current < stream.replicas:
        yield f"{stream.name}: {stream.current} of {stream.replicas} replicas are current"


def _source_lacks(stream: status.StreamStatus) -> Iterable[str]:
    for source in stream.sources:
        if silent(source):
            yield _silence(stream, source)
        elif source.behind:
            yield f"{stream.name} ← {source.origin}: {several(source.behind, 'message')} behind"
        elif source.behind is None:
            yield f"{stream.name} ← {source.origin}: not known how far"


def silent(source: status.SourceStatus) -> bool:
    """Nothing comes from the origin, not even a heartbeat. What is not silent may still let messages lie."""
    return bool(source.error) or source.last_heard_s is None or source.last_heard_s > FRESH_S


def silences(snapshot: status.Snapshot) -> list[str]:
    """The silent sources, as sentences."""
    return [_silence(stream, source) for stream in snapshot.streams for source in stream.sources if silent(source)]


def _silence(stream: status.StreamStatus, source: status.SourceStatus) -> str:
    since = f" for {source.last_heard_s:.0f} s" if source.last_heard_s else ""
    return f"{stream.name} ← {source.origin}: {source.error or 'silent' + since}"


async def until_meta_leader(engine: Engine, observation: Observation, seconds: float) -> str:
    """The meta leader's name, once any node knows it. Raises `NotReady`, or says why a node died."""
    nodes = observation.running_nodes()
    turn = 0

    async def ask() -> str:
        nonlocal turn
        turn += 1
        if turn % 10 == 0:
            require_alive(engine, await asyncio.to_thread(engine.observe, observation.topology.name))
        node = nodes[turn % len(nodes)]
        return groups.meta_leader(await asyncio.to_thread(monitor.get, node.monitor_port, "/jsz")) or ""

    try:
        return await _until(ask, bool, seconds)
    except RetryError:
        raise NotReady(f"no meta leader within {seconds:.0f} s", "`lab status` and `lab logs` show more") from None


async def _nothing(_: status.Snapshot) -> None:
    """Just wait."""


async def until_healthy(
    engine: Engine,
    observation: Observation,
    seconds: float,
    say: Say,
    meanwhile: Callable[[status.Snapshot], Awaitable[None]] = _nothing,
) -> status.Snapshot:
    """Wait until nothing is `missing`; says each time that what is missing changes. `meanwhile` is called with each
    snapshot that lacks something. Raises `NotReady`."""
    topology = observation.topology
    last: list[str] = []

    async def look() -> tuple[status.Snapshot, list[str]]:
        nonlocal last, observation
        snapshot = await status.read(observation, arrivals=False)
        lacks = missing(snapshot, topology, sources=False) + silences(snapshot)
        if not lacks:  # only now it pays to look into the streams, which takes longer than all the rest
            snapshot = await status.read(observation)
            lacks = missing(snapshot, topology)
        # What Docker alone knows may have been healed meanwhile, by whoever made it.
        cut = any(fault.kind == "cut" for fault in snapshot.faults)
        if cut or snapshot.damage or any(node.version is None for node in snapshot.nodes):
            observation = await asyncio.to_thread(engine.observe, topology.name)
            require_alive(engine, observation)
        if lacks and (not last or _kind(lacks[0]) != _kind(last[0])):
            say("waiting: " + lacks[0] + (f" (and {len(lacks) - 1} more)" if len(lacks) > 1 else ""))
        last = lacks
        if lacks:
            await meanwhile(snapshot)
        return snapshot, lacks

    try:
        return (await _until(look, lambda result: not result[1], seconds))[0]
    except RetryError:
        shown = "\n".join(f"  {line}" for line in last[:12])
        raise NotReady(
            f"not converged after {seconds:.0f} s; still missing:\n{shown}", "`lab status --watch` follows it"
        ) from None


def _kind(sentence: str) -> str:
    """The sentence without its figures: a lag that shrinks is not news."""
    return re.sub(r"[\d.]+", "", sentence)


async def _until(ask: Callable[[], Awaitable[T]], done: Callable[[T], bool], seconds: float) -> T:
    took = 0.0

    async def timed() -> T:
        nonlocal took
        began = time.monotonic()
        result = await ask()
        took = time.monotonic() - began
        return result

    return await AsyncRetrying(
        stop=stop_after_delay(seconds),
        wait=lambda _: min(max(POLL_S, REST * took), LONGEST_S),
        retry=retry_if_result(lambda result: not done(result)),
    )(timed)
