"""The streams of a layout as files, in the JSON that the server, nats-py and `nats stream add` read."""

import json
from typing import Any

from lab.layouts import layout_of
from lab.topology import Topology

StreamConfig = dict[str, Any]


def stream_configs(topology: Topology) -> dict[str, StreamConfig]:
    """Key -> definition, each stream after those that it copies."""
    return {stream.key: dict(stream.definition) for stream in layout_of(topology).streams}


def stream_file(config: StreamConfig) -> str:
    return json.dumps(config, indent=2) + "\n"
