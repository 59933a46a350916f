"""What becomes of a subject on its way through a graph, and which subjects are worth publishing; pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.streamgraph.graph import Edge, StreamGraph, Vertex
from lab.streamgraph.subjects import ALL, ANY, shared

Way = tuple[Edge, ...]
FEWEST, MOST = 16, 128  # subjects that an origin gets


@dataclass(frozen=True)
class Arrival:
    """One way by which what an origin stores on a subject comes to a stream, and on which subject."""

    stream: str
    subject: str
    way: Way


def arrivals(graph: StreamGraph, origin: str, subject: str) -> Iterator[Arrival]:
    """Everywhere a message comes that an origin stores on a subject, the origin itself first. A loop is gone round
    once."""
    ahead = [Arrival(origin, subject, ())]
    while ahead:
        here = ahead.pop(0)
        yield here
        for edge in graph.out_of(here.stream):
            if edge not in here.way:
                stream = graph.by_key[edge.stream]
                stored = (stream.stores(made) for made in edge.carry(here.subject))
                ahead += [Arrival(edge.stream, made, (*here.way, edge)) for made in stored if made is not None]


def subjects(graph: StreamGraph, origin: str) -> list[str]:
    """What to publish into an origin: some subjects that each filter on the way selects, and some that none does."""
    vertex = graph.by_key[origin]
    found: list[str] = []
    for own in vertex.subjects:
        wanted = (_published(vertex, pattern) for pattern in _selected(graph, origin, len(graph.vertices)))
        found += [own, *(common for pattern in wanted if pattern and (common := shared(own, pattern)))]
    patterns = list(dict.fromkeys(found))[:MOST]
    count = max(FEWEST, len(patterns))
    return [concrete(patterns[number % len(patterns)], number) for number in range(count)]


def _selected(graph: StreamGraph, key: str, depth: int) -> Iterator[str]:
    """The patterns of what a stream stores that something behind it selects."""
    if depth < 0:
        return
    for edge in graph.out_of(key):
        stream = graph.by_key[edge.stream]
        for transform in edge.transforms:
            if transform.source != ALL:
                yield transform.source
            for pattern in _selected(graph, edge.stream, depth - 1):
                taken = _published(stream, pattern)
                if taken and (back := transform.back(taken)):
                    yield back


def _published(vertex: Vertex, pattern: str) -> str | None:
    """The pattern of what a stream takes to store what a pattern takes."""
    return vertex.transform.back(pattern) if vertex.transform else pattern


def concrete(pattern: str, number: int) -> str:
    """A subject that a pattern takes: `orders.*.>` is `orders.c3.check.3`."""
    instead = {ANY: f"c{number}", ALL: f"check.{number}"}
    return ".".join(instead.get(token, token) for token in pattern.split("."))


def unreached(graph: StreamGraph, published: Iterable[tuple[str, str]]) -> list[Edge]:
    """The edges along which nothing comes of what origins store, given as pairs of origin and subject."""
    ways = (arrival.way for pair in published for arrival in arrivals(graph, *pair))
    used = {edge for way in ways for edge in way}
    return [edge for edge in graph.edges if edge not in used and edge.upstream]


def behind(graph: StreamGraph, key: str) -> list[str]:
    """Every stream from which messages come to one, over however many hops."""
    found: list[str] = []
    ahead = list(graph.upstream(key))
    while ahead:
        upstream = ahead.pop(0)
        if upstream not in found:
            found.append(upstream)
            ahead += graph.upstream(upstream)
    return found
