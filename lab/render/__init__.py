"""Topology -> files: every file that Docker and NATS read, as text; pure, same input same bytes."""

from lab.render.compose import compose_file
from lab.render.config import server_file, shared_files
from lab.render.streams import stream_configs, stream_file
from lab.topology import Topology

__all__ = ["files", "stream_configs"]


def files(topology: Topology) -> dict[str, str]:
    """Relative path -> content of all generated files."""
    return {
        "compose/compose.yaml": compose_file(topology),
        **{f"configs/{name}": text for name, text in shared_files(topology).items()},
        **{f"configs/{node.name}.conf": server_file(topology, node) for node in topology.nodes},
        **{f"streams/{name}.json": stream_file(config) for name, config in stream_configs(topology).items()},
    }
