"""Which stream takes what from which, as the servers have them now: all streams of all accounts, whoever made them."""

from collections.abc import Mapping
from typing import Any

from lab.docker.observation import Observation
from lab.jetstream import groups, monitor
from lab.layouts import layout_of
from lab.layouts.layout import apis
from lab.streamgraph import Defined, StreamGraph, graph
from lab.topology import Topology


async def take(observation: Observation) -> StreamGraph:
    """The graph that the servers' monitoring tells."""
    return read(observation.topology, await monitor.read(list(observation.running_nodes()), 2))


def read(topology: Topology, readings: Mapping[str, monitor.Reading]) -> StreamGraph:
    """The graph that these readings add up to; a stream's leader knows its definition best. Pure."""
    layout = layout_of(topology)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for reading in readings.values():
        for account, detail in reading.streams():
            key = account, str(detail["name"])
            if key not in found or groups.leads(reading.node, detail):
                found[key] = detail
    streams = []
    for (account, name), detail in sorted(found.items()):
        known = layout.find(account, name)
        region = str((detail.get("cluster") or {}).get("name", ""))
        streams.append(Defined(account, region, detail.get("config") or {"name": name}, known.key if known else ""))
    return graph(streams, apis(layout.accounts))
