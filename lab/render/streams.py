"""The underlying streams of the virtual stream, as the JSON that the server, nats-py and `nats stream add` read."""

import json
from typing import Any

from lab.topology import Topology
from lab.units import duration_ns

StreamConfig = dict[str, Any]


def stream_configs(topology: Topology) -> dict[str, StreamConfig]:
    """Name -> configuration: the write streams first, since the read streams source them."""
    streams = [_write_stream(topology, region) for region in topology.regions]
    streams += [_read_stream(topology, region) for region in topology.regions]
    return {stream["name"]: stream for stream in streams}


def stream_file(config: StreamConfig) -> str:
    return json.dumps(config, indent=2) + "\n"


def _write_stream(topology: Topology, region: str) -> StreamConfig:
    return {
        "name": topology.write_stream(region),
        "subjects": [f"{topology.stream}.{region}.>"],
        **_common(topology, region),
        "max_age": duration_ns(topology.max_age),
        "deny_delete": False,
        "deny_purge": False,
        "allow_direct": topology.profile == "fixed",
    }


def _read_stream(topology: Topology, region: str) -> StreamConfig:
    """Sources every write stream and drops the region token from the subject.

    In profile `fixed` the transform sits on each source. In profile `seed` it sits on the stream, as in the original
    walkthrough: from 2.12.3 on such a stream loses its place and sources everything again (docs/concepts.md).
    """
    stream, fixed = topology.stream, topology.profile == "fixed"
    config = {"name": topology.read_stream(region), **_common(topology, region), "max_age": 0}
    if not fixed:
        config["subject_transform"] = {"src": f"{stream}.*.>", "dest": f"{stream}.>"}
    config["sources"] = [
        {"name": topology.write_stream(origin)}
        | (
            {"subject_transforms": [{"src": f"{stream}.{origin}.>", "dest": f"{stream}.>"}]}
            if fixed
            else {"filter_subject": f"{stream}.{origin}.>"}
        )
        for origin in topology.regions
    ]
    # A purge or a delete acts on one region's copy alone, and the regions would differ for ever. Get answers in an
    # isolated region only as Direct Get; the JetStream API's own needs the meta leader.
    config |= {"deny_delete": fixed, "deny_purge": fixed, "allow_direct": fixed}
    return config


def _common(topology: Topology, region: str) -> StreamConfig:
    return {
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "max_msgs": -1,
        "max_bytes": -1,
        "max_msg_size": -1,
        "max_msgs_per_subject": -1,
        "max_consumers": -1,
        "num_replicas": topology.replicas,
        "duplicate_window": duration_ns(topology.duplicate_window),
        "placement": {"cluster": region},
    }
