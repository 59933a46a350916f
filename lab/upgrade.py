"""Replacing a running node by a server of another version, on the same volume."""

from collections.abc import Callable
from pathlib import Path

from lab import files
from lab.docker import images
from lab.docker.deaths import require_alive
from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.errors import UsageError
from lab.faults.change import wait_for_greeting
from lab.faults.registry import held_by_docker, present


def upgrade(
    engine: Engine, observation: Observation, root: Path, name: str, version: str, say: Callable[[str], None]
) -> None:
    """Stop the node (SIGTERM) and start the other server in its place; returns when it greets clients. Raises
    `UsageError` for a node under a fault, since the new container would be without it."""
    node = observation.topology.node(name)
    held = [str(fault) for fault in present(observation) if fault.node == node.name]
    if held:
        raise UsageError(f"{held[0]}, so it cannot be replaced", "heal the node first")
    chosen = images.prepare(engine, version, None, say)
    files.write(observation.topology, root, only_missing=True)  # it may have been started by another version
    engine.replace(files.compose_path(observation.topology, root), chosen.name, node.name)
    after = engine.observe(observation.topology.name)
    require_alive(engine, after, {fault.node for fault in held_by_docker(after)} - {node.name})
    wait_for_greeting(engine, after, node)
