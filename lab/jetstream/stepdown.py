"""Deposing a leader, with the proof that another one leads afterwards."""

import asyncio
import time
from contextlib import suppress

from lab.docker.observation import Observation
from lab.errors import FaultNotProven, LabError, NatsError, unknown
from lab.jetstream import groups, leaders
from lab.jetstream.session import ApiError, connect
from lab.jetstream.streams import NOT_FOUND
from lab.layouts import layout_of

PATIENCE_S = 12.0
ASK_AGAIN_S, ASKING_S = 3.0, 0.5


async def depose(observation: Observation, of: str, to: str = "") -> str:
    """Depose the leader of a stream, or of the group `meta`, there in favour of a region; what was seen. Raises
    `FaultNotProven` unless another one leads then."""
    return await (_meta(observation, to) if of == leaders.META else _stream(observation, of))


async def _stream(observation: Observation, stream: str) -> str:
    topology, layout = observation.topology, layout_of(observation.topology)
    region, name = leaders.located(observation, stream)
    deadline, asked, before, problem = time.monotonic() + PATIENCE_S, 0.0, "", ""
    async with connect(region, topology.region_nodes(region), layout.credentials(region), lasting=True) as session:
        while time.monotonic() < deadline:
            try:
                info = await session.stream_info(name, 1)
                if info["config"]["num_replicas"] == 1:
                    raise LabError(
                        f"{stream} has one replica, so no other node can lead it", "`replicas: 3` in lab.yaml allows it"
                    )
                leader = groups.leader(info.get("cluster"))
                if before and leader and leader != before:
                    return _changed(f"the leader of {stream}", before, leader, time.monotonic() - asked)
                if leader and time.monotonic() - asked > ASK_AGAIN_S:
                    before, asked = leader, time.monotonic()
                    await session.api(f"STREAM.LEADER.STEPDOWN.{name}", timeout=2)
            except NatsError as error:
                if isinstance(error, ApiError) and error.code == NOT_FOUND:
                    raise unknown("stream", stream, (s.key for s in layout.streams)) from None
                problem = error.message
            await asyncio.sleep(0.1)
    raise FaultNotProven(f"{before or 'the leader'} of {stream} still leads" + (f": {problem}" if problem else ""))


async def _meta(observation: Observation, to: str) -> str:
    topology = observation.topology
    body = {"placement": layout_of(topology).placement(to)} if to else None
    deadline, asked, before, problem = time.monotonic() + PATIENCE_S, 0.0, "", ""
    while time.monotonic() < deadline:
        leader = groups.by_majority(await leaders.meta_views(topology.nodes, ASKING_S))
        if leader and to and topology.node(leader).region == to:
            if before:
                return _changed("the meta leader", before, leader, time.monotonic() - asked)
            return f"{leader} of {to} is the meta leader already"
        if before and leader and leader != before and not to:
            return _changed("the meta leader", before, leader, time.monotonic() - asked)
        if leader and time.monotonic() - asked > ASK_AGAIN_S:
            before, asked = leader, time.monotonic()
            region = topology.node(leader).region
            with suppress(NatsError):
                credentials = layout_of(topology).system.credentials
                async with connect(region, topology.region_nodes(region), credentials) as session:
                    try:
                        await session.api("META.LEADER.STEPDOWN", body, timeout=2)
                    except NatsError as error:
                        problem = error.message
        await asyncio.sleep(0.1)
    raise FaultNotProven(
        f"{before or 'no node'} is still the meta leader"
        + (f", and none of {to}" if to else "")
        + (f": {problem}" if problem else "")
    )


def _changed(what: str, before: str, after: str, seconds: float) -> str:
    return f"{what} was {before}, and {after} {seconds:.1f} s after it was told to step down"
