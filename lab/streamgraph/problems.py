"""What cannot work in a graph of streams, as sentences for people; pure.

What servers accept and nobody can want is here too: a loop of sources goes round for ever.
"""

from collections.abc import Iterator
from itertools import combinations

from lab.streamgraph.graph import StreamGraph, Vertex
from lab.streamgraph.subjects import shared
from lab.units import several

REPLICAS = (1, 3, 5)


def problems(graph: StreamGraph, nodes: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Everything that is wrong, as (key of the stream, sentence). `nodes`: region -> how many it has."""
    for vertex in graph.vertices:
        yield from ((vertex.key, sentence) for sentence in _placement(vertex, nodes))
        yield from ((vertex.key, sentence) for sentence in _sources(graph, vertex))
    yield from _loops(graph)
    yield from _overlaps(graph)


def _placement(vertex: Vertex, nodes: dict[str, int]) -> Iterator[str]:
    wanted = (vertex.definition.get("placement") or {}).get("cluster") or vertex.region
    if wanted not in nodes:
        yield f"is placed in `{wanted}`, which is not a region of this lab; there are {_quoted(nodes)}"
    elif vertex.replicas > nodes[wanted]:
        has = several(nodes[wanted], "node")
        yield f"wants {several(vertex.replicas, 'replica')}, and `{wanted}` has {has}"
    if vertex.replicas not in REPLICAS:
        yield f"wants {vertex.replicas} replicas; servers take 1, 3 or 5"


def _sources(graph: StreamGraph, vertex: Vertex) -> Iterator[str]:
    edges = graph.into(vertex.key)
    for edge in edges:
        if not edge.upstream:
            where = f" in account `{edge.account}`" if edge.account not in ("", "?") else ""
            if edge.account == "?":
                yield f"takes from `{edge.name}` by `{edge.external}`, which no account offers it"
            else:
                yield f"takes from `{edge.name}`, and there is no such stream{where}"
    if any(edge.mirror for edge in edges) and (len(edges) > 1 or vertex.is_origin):
        yield f"is a mirror, so that it can have no {'sources' if len(edges) > 1 else 'subjects'} of its own"


def _loops(graph: StreamGraph) -> Iterator[tuple[str, str]]:
    told: set[str] = set()
    for key in graph.looped:
        if key in told:
            continue
        loop = _round(graph, key)
        told |= set(loop)
        way = " ← ".join([*loop, loop[0]])
        yield key, f"is on a loop, in which each message goes round for ever: {way}"


def _round(graph: StreamGraph, key: str) -> list[str]:
    """The streams of the shortest loop through one, each before the one that it takes from."""
    ways: list[list[str]] = [[key]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for upstream in graph.upstream(way[-1]):
            if upstream == key:
                return way
            if upstream not in seen:
                seen.add(upstream)
                ways.append([*way, upstream])
    return [key]


def _overlaps(graph: StreamGraph) -> Iterator[tuple[str, str]]:
    for one, other in combinations(graph.vertices, 2):
        if one.account != other.account:
            continue
        common = [found for mine in one.subjects for theirs in other.subjects if (found := shared(mine, theirs))]
        if common:
            yield other.key, f"listens to `{common[0]}`, and so does {one.key}: servers refuse it (10065)"


def _quoted(names: dict[str, int]) -> str:
    return ", ".join(f"`{name}`" for name in names)
