"""One snapshot of everything: nodes, links, streams, sources, faults. A server that does not answer is a row.

`take` gathers from Docker, the servers' monitoring and each region's read stream; `snapshot` is pure. The JSON form of
a snapshot is documented in docs/status.md.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.docker.engine import Engine
from lab.docker.images import describe
from lab.docker.observation import Observation
from lab.faults.cut import Cut
from lab.faults.fault import Fault
from lab.faults.registry import ordered, present
from lab.jetstream import monitor
from lab.topology import Node, Topology

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
    """`state` as Docker has it: joined, cut, partly cut. `gateways`: region -> how many of its nodes that answer report
    an outbound gateway connection to the other side; servers notice a cut only after unanswered pings."""

    name: str
    regions: tuple[str, str]
    state: str
    gateways: dict[str, tuple[int, int]]

    def other(self, region: str) -> str:
        """The region at the other end."""
        return self.regions[self.regions[0] == region]


@dataclass(frozen=True)
class SourceStatus:
    """How far a read stream is with one origin. `behind` counts what did not arrive and is still there to arrive: what
    the origin dropped by its `max_age` before it arrived never will. None = not known.

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
    name: str
    region: str
    leader: str
    replicas: int
    current: int
    messages: int
    first: int
    last: int
    sources: tuple[SourceStatus, ...]


@dataclass(frozen=True)
class Snapshot:
    """`streams` has a row for each stream that a reachable leader reports; `absent` names the rest."""

    lab: str
    image: str
    image_origin: str
    nodes: tuple[NodeStatus, ...]
    links: tuple[LinkStatus, ...]
    streams: tuple[StreamStatus, ...]
    absent: tuple[str, ...]
    faults: tuple[Fault, ...]


Arrivals = Mapping[str, Mapping[str, int | None]]  # read stream -> write stream -> last sequence that arrived


async def take(engine: Engine, lab: str) -> Snapshot:
    """A snapshot of the lab."""
    observing = asyncio.create_task(asyncio.to_thread(engine.observe, lab))
    await asyncio.to_thread(__import__, "lab.jetstream")  # 0.2 s, beside Docker's answer
    return await read(await observing)


async def read(observation: Observation, arrivals: bool = True) -> Snapshot:
    """A snapshot of what was observed; without `arrivals` the read streams are not looked into (`arrived` is None)."""
    running = list(observation.running_nodes())
    if not arrivals:
        return snapshot(observation, await monitor.read(running), {})
    readings, arrived = await asyncio.gather(monitor.read(running), _arrivals(observation))
    return snapshot(observation, readings, arrived)


async def _arrivals(observation: Observation) -> Arrivals:
    topology = observation.topology
    found = await asyncio.gather(*(_arrived(observation, region) for region in topology.regions))
    return {topology.read_stream(region): last for region, last in zip(topology.regions, found, strict=True)}


async def _arrived(observation: Observation, region: str) -> Mapping[str, int | None]:
    from lab.errors import NatsError
    from lab.jetstream.session import connect, last_arrivals

    topology = observation.topology
    origins = [topology.write_stream(origin) for origin in topology.regions]
    try:
        async with asyncio.timeout(3), connect(region, observation.running_nodes(region)) as session:
            return await last_arrivals(session, topology.read_stream(region), origins)
    except (NatsError, TimeoutError):
        return dict.fromkeys(origins)


def snapshot(observation: Observation, readings: Mapping[str, monitor.Reading], arrivals: Arrivals) -> Snapshot:
    """The snapshot that these observations add up to; pure."""
    topology = observation.topology
    details = _stream_details(readings)
    names = [topology.write_stream(region) for region in topology.regions] + [
        topology.read_stream(r) for r in topology.regions
    ]
    any_image = next((container.image for container in observation.containers.values()), "")
    return Snapshot(
        lab=topology.name,
        image=any_image,
        image_origin=describe(any_image).origin,
        nodes=tuple(_node(observation, node, readings.get(node.name)) for node in topology.nodes),
        links=_links(observation, readings),
        streams=tuple(_stream(topology, name, details, arrivals) for name in names if name in details),
        absent=tuple(name for name in names if name not in details),
        faults=ordered(present(observation)),
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
        meta_leader=(jsz.get("meta_cluster") or {}).get("leader", "") if jsz else None,
        client_port=node.client_port,
        monitor_port=node.monitor_port,
    )


def _links(observation: Observation, readings: Mapping[str, monitor.Reading]) -> tuple[LinkStatus, ...]:
    topology = observation.topology
    detached = {(fault.node, fault.link) for fault in present(observation) if isinstance(fault, Cut)}
    rows = []
    for link in topology.links:
        sides = [
            [(node.name, link.name) in detached for node in topology.region_nodes(region)] for region in link.regions
        ]
        state = "cut" if any(all(side) for side in sides) else "partly cut" if any(map(any, sides)) else "joined"
        gateways = {}
        for region, other in (link.regions, link.regions[::-1]):
            answers = [readings[n.name].gatewayz for n in topology.region_nodes(region) if n.name in readings]
            reports = [gatewayz for gatewayz in answers if gatewayz is not None]
            up = sum(1 for gatewayz in reports if other in (gatewayz.get("outbound_gateways") or {}))
            gateways[region] = (up, len(reports))
        rows.append(LinkStatus(link.name, link.regions, state, gateways))
    return tuple(rows)


def _stream_details(readings: Mapping[str, monitor.Reading]) -> dict[str, dict[str, Any]]:
    """Stream -> the detail that its leader gives; a stream whose leader is out of reach comes from whoever has it."""
    details: dict[str, dict[str, Any]] = {}
    for reading in readings.values():
        for account in (reading.jsz or {}).get("account_details") or []:
            for detail in account.get("stream_detail") or []:
                if (detail.get("cluster") or {}).get("leader", reading.node) == reading.node or detail[
                    "name"
                ] not in details:
                    details[detail["name"]] = detail
    return details


def _stream(topology: Topology, name: str, details: Mapping[str, dict[str, Any]], arrivals: Arrivals) -> StreamStatus:
    detail = details[name]
    cluster, state = detail.get("cluster") or {}, detail["state"]
    leader = cluster.get("leader", "")
    followers = cluster.get("replicas") or []
    sources = sorted(detail.get("sources") or [], key=lambda source: str(source["name"]))
    return StreamStatus(
        name=name,
        region=name.rpartition("-")[2],
        leader=leader,
        replicas=detail.get("config", {}).get("num_replicas", topology.replicas),
        current=bool(leader) + sum(1 for follower in followers if follower.get("current")),
        messages=state["messages"],
        first=state["first_seq"],
        last=state["last_seq"],
        sources=tuple(_source(name, source, details, arrivals) for source in sources),
    )


def _source(
    name: str, source: dict[str, Any], details: Mapping[str, dict[str, Any]], arrivals: Arrivals
) -> SourceStatus:
    origin = source["name"]
    state = details[origin]["state"] if origin in details else None
    last = state["last_seq"] if state else None
    arrived = arrivals.get(name, {}).get(origin)
    active = source.get("active", -1)
    return SourceStatus(
        origin=origin,
        origin_last=last,
        arrived=arrived,
        behind=None
        if state is None or arrived is None
        else max(0, state["last_seq"] - max(arrived, state["first_seq"] - 1)),
        server_lag=source.get("lag", 0),
        last_heard_s=None if active < 0 else round(active / NANOSECONDS, 1),
        error=(source.get("error") or {}).get("description", ""),
    )
