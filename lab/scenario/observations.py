"""Gathers, from the real servers, the evidence that an expectation is judged by."""

import asyncio
from datetime import datetime
from functools import singledispatch
from math import inf
from typing import Any

from lab.errors import NatsError
from lab.jetstream import groups, monitor
from lab.layouts import Layout, Stream
from lab.observe import availability, ready, status
from lab.observe.comparison import Origin
from lab.observe.operations import Cell
from lab.scenario import evidence as see
from lab.scenario.context import Context
from lab.scenario.expectations import Timed, contents, outcomes, servers

OfCopies = (
    contents.NothingDuplicated | contents.Duplicated | contents.Agree | contents.OrderKept | contents.OrderDiffers
)


@singledispatch
async def observe(wanted: Timed[Any], context: Context) -> Any:
    """The evidence that the expectation judges."""
    raise NotImplementedError(f"nothing gathers what `{wanted.name}` judges")


@observe.register
async def _published(wanted: outcomes.Published, context: Context) -> see.Publishes:
    return see.Publishes(context.published(wanted.messages))


@observe.register
async def _cells(wanted: servers.Works | servers.Fails, context: Context) -> see.Cells:
    async def one(region: str) -> tuple[Cell, ...]:
        return await availability.row(context.observation, region, wanted.operations, prepared=True)

    rows = await asyncio.gather(*(one(region) for region in wanted.in_))
    return see.Cells(tuple(cell for row in rows for cell in row))


@observe.register
async def _messages(wanted: contents.Visible | contents.NotVisible, context: Context) -> see.HeldAndSent:
    return see.HeldAndSent(await context.held(context.regions(wanted.in_)), context.published(wanted.messages))


@observe.register
async def _losses(wanted: contents.NothingLost | contents.Lost, context: Context) -> see.HeldAndSent:
    sent = context.published(wanted.of)  # before the streams are read: what comes later may still be under way
    return see.HeldAndSent(await context.held(context.regions(wanted.in_)), sent)


@observe.register
async def _held(wanted: OfCopies, context: Context) -> see.Held:
    return await context.held(context.regions(wanted.in_), written=isinstance(wanted, contents.Agree))


@observe.register
async def _figure(wanted: servers.Stored | servers.Holds, context: Context) -> see.Figure:
    try:
        async with context.connect(context.region_of(wanted.stream)) as session:
            own = next((stream for stream in context.layout.streams if stream.key == wanted.stream), None)
            if own and isinstance(wanted, servers.Stored):
                return see.Figure(await context.stored(session, own))
            state = (await session.stream_info(context.name_of(wanted.stream)))["state"]
    except NatsError as error:
        return see.Figure(None, error.message)
    return see.Figure(state["messages"] if isinstance(wanted, servers.Holds) else state["last_seq"])


@observe.register
async def _leader(wanted: servers.Leader, context: Context) -> see.LeaderViews:
    avoided = tuple(node for name in wanted.not_ for node in context.nodes[name])
    where = {node.name: node.region for node in context.topology.nodes}
    if wanted.of == "meta":
        return see.LeaderViews(await context.meta_views(context.regions(wanted.seen_from)), avoided, where)
    regions = wanted.seen_from or (context.region_of(wanted.of),)
    nodes = [node for region in regions for node in context.observation.running_nodes(region)]
    readings = await monitor.read(nodes)
    views = {node.name: _stream_leader(readings[node.name], context.layout, wanted.of) for node in nodes}
    return see.LeaderViews({name: leader for name, leader in views.items() if leader is not None}, avoided, where)


def _stream_leader(reading: monitor.Reading, layout: Layout, stream: str) -> str | None:
    for account, detail in reading.streams():
        own = layout.find(account, detail["name"])
        if stream == (own.key if own else detail["name"]):
            return groups.leader(detail.get("cluster"))
    return None


@observe.register
async def _healthy(wanted: servers.Healthy, context: Context) -> see.Lacks:
    snapshot = await status.read(await context.look(), arrivals=wanted.sources)
    return see.Lacks(tuple(ready.missing(snapshot, context.topology, wanted.sources)))


@observe.register
async def _answered(wanted: outcomes.Answered, context: Context) -> see.Answer:
    return context.answers[wanted.request]


@observe.register
async def _took(wanted: outcomes.Took, context: Context) -> see.Times:
    if wanted.in_:
        return see.Times(await _under_way(wanted, context))
    if wanted.of in context.took:
        return see.Times({"": tuple(context.took[wanted.of])})
    sent = context.published([wanted.of]) if wanted.of in context.sent or wanted.of in context.traffic else ()
    return see.Times({"": tuple(one.seconds for one in sent if one.outcome == "ok")})


async def _under_way(wanted: outcomes.Took, context: Context) -> dict[str, tuple[float, ...] | str]:
    """Region -> the seconds from when an origin stored each message to when the region's read stream did, by the clock
    of the machine that all nodes run on; infinite for what is not there."""
    sent = [one.origin for one in context.published([wanted.of]) if one.outcome == "ok"]
    written: dict[Origin, float] = {}
    for stream in context.layout.origins:
        times = await _stored_at(context, stream)
        written |= {} if isinstance(times, str) else times
    found: dict[str, tuple[float, ...] | str] = {}
    for region in wanted.in_:
        times = await _stored_at(context, context.layout.copy(region), region)
        known = [origin for origin in sent if origin in written]
        found[region] = times if isinstance(times, str) else tuple(times.get(o, inf) - written[o] for o in known)
    return found


async def _stored_at(context: Context, stream: Stream, region: str = "") -> dict[Origin, float] | str:
    """When a stream stored each message of the scenario, in seconds since 1970."""
    entries = await context.entries(stream, region)
    if isinstance(entries, str):
        return entries
    return {entry.origin: datetime.fromisoformat(entry.time).timestamp() for entry in entries}


@observe.register
async def _delivered(wanted: outcomes.Delivered, context: Context) -> see.Delivered:
    got = context.fetched[wanted.consume]
    sent = context.published(wanted.includes) if wanted.includes else ()
    return see.Delivered((), sent, got) if isinstance(got, str) else see.Delivered(tuple(got), sent)


@observe.register
async def _version(wanted: servers.Version, context: Context) -> see.Versions:
    return see.Versions(await versions(context, wanted.nodes))


async def versions(context: Context, names: tuple[str, ...]) -> dict[str, str | None]:
    """Node -> what its server says it is."""

    async def one(name: str) -> str | None:
        varz = await asyncio.to_thread(monitor.get, context.topology.node(name).monitor_port, "/varz")
        return str(varz["version"]) if varz else None

    return dict(zip(names, await asyncio.gather(*map(one, names)), strict=True))


@observe.register
async def _traffic(wanted: outcomes.TrafficKept, context: Context) -> see.Publishes:
    return see.Publishes(tuple(context.traffic[wanted.of].sent))
