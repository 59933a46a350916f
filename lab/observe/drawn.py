"""The running lab as a graph, for a drawing."""

from collections.abc import Callable

from lab.docker.observation import Observation
from lab.errors import NotRunning
from lab.faults.registry import ordered, present
from lab.graph.graph import Edge, Graph, graph, planned
from lab.observe import status
from lab.topology import Topology


def take(condition: Callable[[], Observation], topology: Topology) -> Graph:
    """The lab as it is now, or the topology as it would be started."""
    try:
        seen = condition()
    except NotRunning:
        return planned(topology)
    faults = present(seen)
    states = {name: container.state for name, container in seen.containers.items()}
    edges = [Edge(link.regions, link.state, link.shapes) for link in status.links(seen, faults, {})]
    return graph(seen.topology, states, edges, map(str, ordered(faults)))
