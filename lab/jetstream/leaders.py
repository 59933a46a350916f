"""Who leads: the meta group as each node sees it, and the streams."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from lab.docker.observation import Observation
from lab.jetstream import groups, monitor
from lab.jetstream.session import connect
from lab.layouts import layout_of
from lab.topology import Node

META = "meta"


async def meta_views(nodes: Iterable[Node], timeout: float = monitor.TIMEOUT_S) -> dict[str, str | None]:
    """Each node -> the meta leader that it names; `timeout` in seconds."""
    asked = list(nodes)
    documents = await asyncio.gather(
        *(asyncio.to_thread(monitor.get, node.monitor_port, "/jsz", timeout) for node in asked)
    )
    return {node.name: groups.meta_leader(document) for node, document in zip(asked, documents, strict=True)}


def stream_region(observation: Observation, stream: str) -> str:
    """Where a stream lives; the first region that runs for one that is not the layout's."""
    return located(observation, stream)[0]


def located(observation: Observation, stream: str) -> tuple[str, str]:
    """The same, and what the stream's account calls it."""
    layout = layout_of(observation.topology)
    own = next((own for own in layout.streams if own.key == stream), None)
    regions, name = (own.regions, own.name) if own else (layout.regions, stream)
    running = {node.region for node in observation.running_nodes()}
    return next((region for region in regions if region in running), regions[0]), name


async def cluster(observation: Observation, stream: str) -> Mapping[str, Any]:
    """A stream's leader and replicas as its region tells them. Raises `NatsError`."""
    region, name = located(observation, stream)
    login = layout_of(observation.topology).credentials(region)
    async with connect(region, observation.running_nodes(region), login) as session:
        return (await session.stream_info(name)).get("cluster") or {}


async def leader(observation: Observation, of: str) -> str:
    """The node that leads a stream or `meta`; "" when nobody who answers knows one. Raises `NatsError`."""
    if of == META:
        return groups.most_named(await meta_views(observation.running_nodes()))
    return groups.leader(await cluster(observation, of))


async def followers(observation: Observation, stream: str) -> list[str]:
    """The nodes that hold a copy of a stream and do not lead it. Raises `NatsError`."""
    return groups.followers(await cluster(observation, stream))
