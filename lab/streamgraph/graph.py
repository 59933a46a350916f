"""Which stream gets its messages from which: a value, made of the streams' own definitions, wherever these come from.

A vertex is a stream of an account, an edge one entry of its `sources`, or its `mirror`: messages go along it. Pure.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from lab.streamgraph.subjects import ALL, Transform, made_by, matches, shared

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Defined:
    """A stream as an account has it; `region` is where its servers are, "" when nobody knows. `key` is what the graph
    calls it: by default its name, with the account's where others have one of the same name."""

    account: str
    region: str
    definition: Mapping[str, Any] = field(hash=False)
    key: str = ""

    @property
    def name(self) -> str:
        return str(self.definition.get("name", ""))


@dataclass(frozen=True)
class Vertex:
    """A stream. `subjects` are what it listens to itself; `transform` changes the subject of all that it stores."""

    key: str
    name: str
    account: str
    region: str
    subjects: tuple[str, ...]
    transform: Transform | None
    definition: Mapping[str, Any] = field(hash=False)

    @property
    def is_origin(self) -> bool:
        return bool(self.subjects)

    @property
    def replicas(self) -> int:
        return int(self.definition.get("num_replicas") or 1)

    @property
    def retention(self) -> str:
        return str(self.definition.get("retention") or "limits")

    def stores(self, subject: str) -> str | None:
        """The subject under which it stores what comes on one; None when its transform cannot be foretold."""
        if self.transform is None or not matches(self.transform.source, subject):
            return subject
        return self.transform.apply(subject)


@dataclass(frozen=True)
class Edge:
    """What a stream takes from another one. `upstream` is the other's key, "" where there is no such stream, and `name`
    what the definition calls it; `account` is "" but for another account's. `place` is its place among the sources.
    Each of the `transforms` selects subjects; together they are one consumer, which keeps the order."""

    stream: str
    upstream: str
    name: str
    place: int
    mirror: bool
    transforms: tuple[Transform, ...]
    account: str = ""
    external: str = ""

    @property
    def whole(self) -> bool:
        """Whether it selects everything."""
        return any(transform.source == ALL for transform in self.transforms)

    def carry(self, subject: str) -> list[str]:
        """What arrives of a subject: nothing when it is not selected, more than once when several select it."""
        return [made for transform in self.transforms if (made := transform.apply(subject)) is not None]

    def __str__(self) -> str:
        kind = "mirrors" if self.mirror else "sources"
        what = "" if self.whole and not any(t.destination for t in self.transforms) else _listed(self.transforms)
        return kind + what + (f" of account {self.account}" if self.account else "")


def _listed(transforms: Iterable[Transform]) -> str:
    return f" ({', '.join(map(str, transforms))})"


@dataclass(frozen=True)
class StreamGraph:
    """Streams and what they take from each other. `vertices` are in the order in which they can be made, each after
    those that it copies, as far as there is one."""

    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]

    @cached_property
    def by_key(self) -> dict[str, Vertex]:
        return {vertex.key: vertex for vertex in self.vertices}

    @cached_property
    def _into(self) -> dict[str, tuple[Edge, ...]]:
        return {v.key: tuple(edge for edge in self.edges if edge.stream == v.key) for v in self.vertices}

    @cached_property
    def _out(self) -> dict[str, tuple[Edge, ...]]:
        return {v.key: tuple(edge for edge in self.edges if edge.upstream == v.key) for v in self.vertices}

    def into(self, key: str) -> tuple[Edge, ...]:
        """What a stream takes from others."""
        return self._into[key]

    def out_of(self, key: str) -> tuple[Edge, ...]:
        """What others take from a stream."""
        return self._out[key]

    def upstream(self, key: str) -> tuple[str, ...]:
        """The streams that a stream takes from, each once."""
        return tuple(dict.fromkeys(edge.upstream for edge in self.into(key) if edge.upstream))

    def takes_all(self, edge: Edge) -> bool:
        """Whether an edge selects everything that its upstream can hold, as far as definitions tell."""
        upstream = self.by_key.get(edge.upstream)
        if edge.whole or upstream is None:
            return edge.whole
        if upstream.transform or self.into(upstream.key):
            return False
        return all(any(matches(each.source, own) for each in edge.transforms) for own in upstream.subjects)

    @cached_property
    def marking(self) -> frozenset[str]:
        """The streams that may hold what servers put where the last message of a subject was: marks without a body."""
        own = (vertex.key for vertex in self.vertices if vertex.definition.get("subject_delete_marker_ttl"))
        return self._and_behind(own)

    @cached_property
    def echoed(self) -> Mapping[str, tuple[str, ...]]:
        """Stream -> the others that publish again what they store where it listens (`republish`)."""
        found: dict[str, tuple[str, ...]] = {}
        for stream in self.vertices:
            others = (other for other in self.vertices if other.account == stream.account and other.key != stream.key)
            heard = tuple(other.key for other in others if _heard(stream, other))
            found |= {stream.key: heard} if heard else {}
        return found

    @cached_property
    def echoing(self) -> frozenset[str]:
        """The streams to which something comes by `republish`, of which nobody promises anything, and all behind
        them."""
        return self._and_behind(self.echoed)

    def heard(self, key: str) -> frozenset[str]:
        """The streams from which something may come to one by sources or by `republish`, over however many hops."""

        def heard(here: str) -> Iterable[str]:
            return (*self.upstream(here), *self.echoed.get(here, ()))

        return _reached(heard(key), heard)

    def _and_behind(self, keys: Iterable[str]) -> frozenset[str]:
        return _reached(keys, lambda key: [edge.stream for edge in self.out_of(key)])

    @cached_property
    def levels(self) -> list[list[Vertex]]:
        """Streams that can be made side by side, each level after the one before; those in a loop come last."""
        left, made, found = list(self.vertices), set[str](), []
        while left:
            free = [v for v in left if made.issuperset(self.upstream(v.key))] or left
            found.append(free)
            made |= {vertex.key for vertex in free}
            left = [vertex for vertex in left if vertex.key not in made]
        return found

    @cached_property
    def looped(self) -> tuple[str, ...]:
        """The streams that lie on a loop."""
        keys = [vertex.key for vertex in self.vertices]
        return tuple(key for key in keys if key in _reached(self.upstream(key), self.upstream))


def _reached(starts: Iterable[str], step: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """Where one comes from somewhere, over however many hops; the starts as well."""
    found, ahead = set[str](), list(starts)
    while ahead:
        key = ahead.pop()
        if key not in found:
            found.add(key)
            ahead += step(key)
    return frozenset(found)


def _heard(stream: Vertex, other: Vertex) -> bool:
    """Whether a stream listens to what another publishes again."""
    destination = str((other.definition.get("republish") or {}).get("dest") or "")
    return bool(destination) and any(shared(own, made_by(destination)) for own in stream.subjects)


def graph(streams: Iterable[Defined], apis: Mapping[tuple[str, str], str] | None = None) -> StreamGraph:
    """The graph of some streams. `apis`: account and the prefix under which it calls another account's API -> that
    account; a prefix that is not there stands for the only other account that has a stream of the wanted name."""
    every = list(streams)
    names = [one.name for one in every]
    keys = {(one.account, one.name): _key(one, names) for one in every}
    vertices = tuple(_vertex(one, keys[one.account, one.name]) for one in every)
    edges = tuple(edge for one in every for edge in _edges(one, keys, apis or {}))
    made = StreamGraph(vertices, edges)
    return StreamGraph(tuple(vertex for level in made.levels for vertex in level), edges)


def _key(one: Defined, names: list[str]) -> str:
    if one.key:
        return one.key
    return one.name if names.count(one.name) == 1 else f"{one.name}@{one.account}"


def _vertex(one: Defined, key: str) -> Vertex:
    definition = one.definition
    transform = definition.get("subject_transform") or {}
    own = None
    if transform.get("dest") or transform.get("src"):
        own = Transform(transform.get("src") or ALL, transform.get("dest") or "")
    subjects = tuple(definition.get("subjects") or ())
    if not subjects and not definition.get("sources") and not definition.get("mirror"):
        subjects = (one.name,)  # as servers do it
    return Vertex(key, one.name, one.account, one.region, subjects, own, definition)


def entries(definition: Mapping[str, Any]) -> list[tuple[bool, Mapping[str, Any]]]:
    """Everything that a definition takes messages from; with whether it is a mirror."""
    mirror = definition.get("mirror")
    return [(True, mirror)] * bool(mirror) + [(False, source) for source in definition.get("sources") or ()]


def _edges(one: Defined, keys: Mapping[tuple[str, str], str], apis: Mapping[tuple[str, str], str]) -> Iterable[Edge]:
    for place, (mirror, entry) in enumerate(entries(one.definition)):
        name = str(entry.get("name", ""))
        prefix = str((entry.get("external") or {}).get("api", ""))
        account = _account(one, name, prefix, keys, apis)
        upstream = keys.get((account, name), "")
        other = account if account != one.account else ""
        yield Edge(keys[one.account, one.name], upstream, name, place, mirror, _selects(entry), other, prefix)


def _account(
    one: Defined, name: str, prefix: str, keys: Mapping[tuple[str, str], str], apis: Mapping[tuple[str, str], str]
) -> str:
    if not prefix or prefix == "$JS.API":
        return one.account
    if (one.account, prefix) in apis:
        return apis[one.account, prefix]
    others = [account for account, other in keys if other == name and account != one.account]
    return others[0] if len(others) == 1 else "?"


def _selects(entry: Mapping[str, Any]) -> tuple[Transform, ...]:
    given = entry.get("subject_transforms") or ()
    if given:
        return tuple(Transform(each.get("src") or ALL, each.get("dest") or "") for each in given)
    return (Transform(entry.get("filter_subject") or ALL),)


def source_name(edge: Edge) -> str:
    """What the header `Nats-Stream-Source` calls the upstream: with a hash of the API's prefix in another account."""
    if not edge.external:
        return edge.name
    digest = sha256(edge.external.encode()).digest()[:8]
    return f"{edge.name}:" + "".join(DIGITS[byte % len(DIGITS)] for byte in digest)
