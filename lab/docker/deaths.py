"""Nodes that should run and have ended: an error with the server's own last words."""

from collections.abc import Iterable

from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.errors import Died


def died(engine: Engine, observation: Observation, node: str) -> Died:
    container = observation.containers[node]
    words = engine.log_tail(container.name)
    why = " (out of memory)" if container.out_of_memory else ""
    look = f"look at `{container.config}`, which `lab render` writes anew; " if container.config else ""
    return Died(
        f"{node} ended with exit code {container.exit_code}{why}; its last words:\n{words or '(none)'}",
        f"{look}`lab logs {node}` shows all",
        node,
    )


def require_alive(engine: Engine, observation: Observation, down: Iterable[str] = ()) -> None:
    """Raise `Died` when a node has ended that is not one of those that are down on purpose."""
    for name, container in observation.containers.items():
        if container.state not in ("running", "paused") and name not in down:
            raise died(engine, observation, name)
