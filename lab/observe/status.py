"""One snapshot of everything: nodes, links, streams, sources, faults. A server that does not answer is a row.

`take` gathers from Docker, the servers' monitoring and the copies; `snapshot` is pure. The JSON form of
a snapshot is documented in docs/status.md.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.docker.images import describe
from lab.docker.observation import Observation
from lab.faults.condition import Looking
from lab.faults.fault import Fault
from lab.faults.path import ARROW
from lab.faults.reachability import Reachability
from lab.faults.registry import held_by_docker, ordered, present
from lab.faults.shape import shape_of
from lab.jetstream import groups, monitor
from lab.layouts import Layout, Stream, layout_of
from lab.topology import Link, Node, Topology

NANOSECONDS = 1e9


@dataclass(frozen=True)
class NodeStatus:
    """`meta_leader` is the leader as this node sees it: "" when it knows none, None when it does not answer."""

    name: str
    region: str
    state: str
    version: str | None
    jetstream: bool | None
    meta_leader: str | None
    client_port: int
    monitor_port: int


@dataclass(frozen=True)
class LinkStatus:
    """`state` by the faults in force: joined, cut, `west->east cut`, partly cut. `gateways`: region -> how many of its
    nodes that answer report an outbound gateway connection to the other side (routes to all its nodes with the layout
    `stretch`); servers notice a cut only after unanswered pings. `shapes`: direction -> what the link does to its
    packets, where it does something."""

    name: str
    regions: tuple[str, str]
    state: str
    gateways: dict[str, tuple[int, int]]
    shapes: dict[str, str] = field(default_factory=dict)

    def other(self, region: str) -> str:
        """The region at the other end."""
        return self.regions[self.regions[0] == region]


@dataclass(frozen=True)
class SourceStatus:
    """How far a copy is with one origin. `behind` counts what did not arrive and is still there to arrive: what
    the origin dropped by its `max_age` before it arrived never will. Of a copy that selects only some of it the server
    alone knows. None = not known.

    The server's own `lag` is the pending count that came with the last message and stays 0 during a partition;
    `last_heard_s` (seconds since anything came from the origin, None = never) tells.
    """

    origin: str
    origin_last: int | None
    arrived: int | None
    behind: int | None
    server_lag: int
    last_heard_s: float | None
    error: str


@dataclass(frozen=True)
class StreamStatus:
    """`name` is unique in the lab; `called` is what clients in its account call it."""

    name: str
    region: str
    leader: str
    replicas: int
    current: int
    messages: int
    first: int
    last: int
    sources: tuple[SourceStatus, ...]
    account: str = ""
    called: str = ""


@dataclass(frozen=True)
class Snapshot:
    """`streams` has a row for each stream that a reachable leader reports; `absent` names the rest. `damage` is what
    somebody did to the lab by hand, "" for nothing; `redefined` are streams that are no longer what the layout made."""

    lab: str
    image: str
    image_origin: str
    nodes: tuple[NodeStatus, ...]
    links: tuple[LinkStatus, ...]
    streams: tuple[StreamStatus, ...]
    absent: tuple[str, ...]
    faults: tuple[Fault, ...]
    damage: str = ""
    layout: str = ""
    redefined: tuple[str, ...] = ()


Arrivals = Mapping[str, Mapping[str, int | None]]  # copy -> origin -> last sequence that arrived


async def take(looking: Looking) -> Snapshot:
    """A snapshot of the lab that is being looked at."""
    seen = await asyncio.wrap_future(looking.docker)
    reading = asyncio.create_task(readings_of(seen))
    await asyncio.to_thread(__import__, "lab.jetstream.session")  # it takes a while, beside the servers' answers
    whole, readings, arrived = await asyncio.gather(asyncio.wrap_future(looking.whole), reading, _arrivals(seen))
    return snapshot(whole, readings, arrived)


async def read(observation: Observation, arrivals: bool = True) -> Snapshot:
    """A snapshot of what was observed; without `arrivals` the copies are not looked into (`arrived` is None)."""
    if not arrivals:
        return snapshot(observation, await readings_of(observation), {})
    readings, arrived = await asyncio.gather(readings_of(observation), _arrivals(observation))
    return snapshot(observation, readings, arrived)


async def readings_of(observation: Observation) -> dict[str, monitor.Reading]:
    """What the running nodes say, of their gateways or routes too."""
    return await monitor.read(list(observation.running_nodes()), stretched=observation.topology.stretched)


async def _arrivals(observation: Observation) -> Arrivals:
    layout = layout_of(observation.topology)
    # Of streams that people brought there may be hundreds: what their servers say has to do.
    copies = layout.copies if layout.virtual_name else ()
    found = await asyncio.gather(*(_arrived(observation, layout, stream) for stream in copies))
    return {stream.key: last for stream, last in zip(copies, found, strict=True)}


async def _arrived(observation: Observation, layout: Layout, stream: Stream) -> Mapping[str, int | None]:
    from lab.errors import NatsError
    from lab.jetstream.session import connect, last_arrivals

    origins = [origin.key for origin in layout.origins_of(stream.key)]
    region = stream.region
    try:
        async with (
            asyncio.timeout(3),
            connect(region, observation.running_nodes(region), layout.credentials(region)) as session,
        ):
            return await last_arrivals(session, stream.name, origins, layout.first_stored(stream))
    except (NatsError, TimeoutError):
        return dict.fromkeys(origins)


def snapshot(observation: Observation, readings: Mapping[str, monitor.Reading], arrivals: Arrivals) -> Snapshot:
    """The snapshot that these observations add up to; pure."""
    topology, layout = observation.topology, layout_of(observation.topology)
    details = _stream_details(layout, readings)
    faults = held_by_docker(observation) if observation.interfaces is None else present(observation)
    any_image = next((container.image for container in observation.containers.values()), "")
    return Snapshot(
        lab=topology.name,
        image=any_image,
        image_origin=describe(any_image).origin,
        nodes=tuple(_node(observation, node, readings.get(node.name)) for node in topology.nodes),
        links=links(observation, faults, readings),
        streams=tuple(_stream(layout, stream, details, arrivals) for stream in layout.streams if stream.key in details),
        absent=tuple(stream.key for stream in layout.streams if stream.key not in details),
        faults=ordered(faults),
        damage=observation.damage,
        layout=layout.name,
        redefined=layout.redefined({key: found["config"] for key, found in details.items() if found.get("config")}),
    )


def _node(observation: Observation, node: Node, reading: monitor.Reading | None) -> NodeStatus:
    container = observation.containers.get(node.name)
    varz = reading.varz if reading else None
    jsz = reading.jsz if reading else None
    state = container.state if container else "missing"
    if state == "running" and varz is None:
        state = "no answer"
    return NodeStatus(
        name=node.name,
        region=node.region,
        state=state,
        version=varz["version"] if varz else None,
        jetstream="config" in jsz if jsz else None,
        meta_leader=groups.meta_leader(jsz),
        client_port=node.client_port,
        monitor_port=node.monitor_port,
    )


def links(
    observation: Observation, faults: frozenset[Fault], readings: Mapping[str, monitor.Reading]
) -> tuple[LinkStatus, ...]:
    """Every link; without `readings` nobody has said anything of its gateways."""
    topology = observation.topology
    left = Reachability.of(topology, faults)
    rows = []
    for link in topology.links:
        gateways = {}
        for region, other in (link.regions, link.regions[::-1]):
            answers = [readings[n.name].links for n in topology.region_nodes(region) if n.name in readings]
            reports = [report for report in answers if report is not None]
            gateways[region] = (sum(_reaches(topology, report, other) for report in reports), len(reports))
        shapes = _shapes(observation, faults, link)
        rows.append(LinkStatus(link.name, link.regions, _state(left, link), gateways, shapes))
    return tuple(rows)


def _reaches(topology: Topology, report: Mapping[str, Any], region: str) -> bool:
    """Whether a server reports a gateway connection to a region, or routes to all of its nodes."""
    if not topology.stretched:
        return region in (report.get("outbound_gateways") or {})
    peers = {route.get("remote_name") for route in report.get("routes") or []}
    return all(node.name in peers for node in topology.region_nodes(region))


def _state(left: Reachability, link: Link) -> str:
    """Which directions of a link carry packets, whoever is there to take them."""
    one, other = (left.topology.region_nodes(region) for region in link.regions)
    there = {left.carries(source, target) for source in one for target in other}
    back = {left.carries(source, target) for source in other for target in one}
    if there == back == {True}:
        return "joined"
    if there == back == {False}:
        return "cut"
    for way, source, target, reverse in ((there, *link.regions, back), (back, *link.regions[::-1], there)):
        if way == {False} and reverse == {True}:
            return f"{source}{ARROW}{target} cut"
    return "partly cut"


def _shapes(observation: Observation, faults: frozenset[Fault], link: Link) -> dict[str, str]:
    found = {}
    for region, other in (link.regions, link.regions[::-1]):
        nodes = observation.topology.region_nodes(region)
        attached = [node.name for node in nodes if observation.attached(node.name, link.name)]
        shapes = {shape_of(observation, faults, node, link.name) for node in attached}
        if any(not shape.nothing for shape in shapes):
            found[f"{region}{ARROW}{other}"] = str(*shapes) if len(shapes) == 1 else "differs between nodes"
    return found


def _stream_details(layout: Layout, readings: Mapping[str, monitor.Reading]) -> dict[str, dict[str, Any]]:
    """Stream -> the detail that its leader gives; a stream whose leader is out of reach comes from whoever has it."""
    details: dict[str, dict[str, Any]] = {}
    for reading in readings.values():
        for account, detail in reading.streams():
            stream = layout.find(account, detail["name"])
            if stream and (groups.leads(reading.node, detail) or stream.key not in details):
                details[stream.key] = detail
    return details


def _stream(layout: Layout, stream: Stream, details: Mapping[str, dict[str, Any]], arrivals: Arrivals) -> StreamStatus:
    detail = details[stream.key]
    cluster, state = detail.get("cluster") or {}, detail["state"]
    leader = groups.leader(cluster)
    followers = cluster.get("replicas") or []
    upstream = [detail["mirror"]] if detail.get("mirror") else detail.get("sources") or []
    sources = sorted(upstream, key=lambda source: str(source["name"]))
    return StreamStatus(
        name=stream.key,
        region=stream.region,
        leader=leader,
        replicas=detail.get("config", {}).get("num_replicas", stream.definition.get("num_replicas", 1)),
        current=bool(leader) + sum(1 for follower in followers if follower.get("current")),
        messages=state["messages"],
        first=state["first_seq"],
        last=state["last_seq"],
        sources=tuple(_source(layout, stream, source, details, arrivals) for source in sources),
        account=stream.account,
        called=stream.name,
    )


def _source(
    layout: Layout,
    stream: Stream,
    source: dict[str, Any],
    details: Mapping[str, dict[str, Any]],
    arrivals: Arrivals,
) -> SourceStatus:
    into, prefix = layout.graph.into(stream.key), (source.get("external") or {}).get("api", "")
    edges = [edge for edge in into if (edge.name, edge.external) == (source["name"], prefix) and edge.upstream]
    origin = edges[0].upstream if edges else str(source["name"])
    state = details[origin]["state"] if origin in details else None
    last = state["last_seq"] if state else None
    arrived = arrivals.get(stream.key, {}).get(origin)
    whole = bool(edges) and all(layout.graph.takes_all(edge) for edge in edges)
    known = whole and (arrived is not None or bool(layout.virtual_name))
    active = source.get("active", -1)
    return SourceStatus(
        origin=origin,
        origin_last=last,
        arrived=arrived,
        behind=source.get("lag", 0)
        if state is not None and not known
        else None
        if state is None or arrived is None
        else max(0, state["last_seq"] - max(arrived, state["first_seq"] - 1)),
        server_lag=source.get("lag", 0),
        last_heard_s=None if active < 0 else round(active / NANOSECONDS, 1),
        error=(source.get("error") or {}).get("description", ""),
    )
