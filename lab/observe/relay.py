"""The logs of several servers, line by line."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from lab.docker.engine import Engine
from lab.docker.logs import Logs
from lab.docker.observation import Observation
from lab.topology import Node


def relay(
    engine: Engine,
    observation: Observation,
    targets: Sequence[str],
    each: Callable[[str, str], None],
    follow: bool,
    tail: int | None,
) -> None:
    """Call `each` with the node and each line, of all nodes unless some are named. Raises `LabError` for one that is
    named and not there."""
    topology = observation.topology
    chosen = topology.select(tuple(targets)) if targets else topology.nodes
    nodes = [node for node in chosen if node.name in observation.containers]
    if targets and len(nodes) < len(chosen):
        observation.require_whole()

    def one(node: Node, lines: Logs) -> None:
        for line in lines:
            each(node.name, line)

    with ThreadPoolExecutor(len(nodes) or 1) as pool, ExitStack() as stack:
        logs = [stack.enter_context(engine.logs(topology.container(node), follow, tail)) for node in nodes]
        list((pool.map if follow else map)(one, nodes, logs))
