"""What each stream should hold of what is published, read off the graph of streams for every subject of the load; pure.

A message is published into an origin on one of its subjects, and that decides everything: through which streams it goes
and on which subject each stores it.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lab.check import payload
from lab.streamgraph import StreamGraph
from lab.streamgraph.flow import Way, arrivals

Table = NDArray[np.uint8]


class Expected:
    """`streams` and `subjects` are those of a run: keys by place, and each origin's subjects by topic."""

    def __init__(self, graph: StreamGraph, streams: Sequence[str], subjects: Mapping[str, Sequence[str]]) -> None:
        self.graph, self.streams = graph, tuple(streams)
        self.topics = np.zeros(len(streams), np.int64)  # how many subjects each place has
        width = max((len(stored) for stored in subjects.values()), default=1)
        self._along: dict[tuple[str, str], Table] = {}
        self._tables = {key: np.zeros((len(streams), width), np.uint8) for key in streams}
        self._ways: dict[str, dict[int, set[Way]]] = {key: {} for key in streams}
        self._subjects: dict[str, dict[tuple[int, int], set[str]]] = {key: {} for key in streams}
        places = {key: place for place, key in enumerate(streams)}
        for origin, stored in subjects.items():
            place = places[origin]
            self.topics[place] = len(stored)
            for topic, subject in enumerate(stored):
                for arrival in arrivals(graph, origin, subject):
                    if arrival.stream not in places:
                        continue
                    self._tables[arrival.stream][place, topic] += 1
                    if arrival.way:
                        pair = arrival.way[-1].upstream, arrival.stream
                        self._along.setdefault(pair, np.zeros_like(self._tables[arrival.stream]))[place, topic] += 1
                    self._ways[arrival.stream].setdefault(place, set()).add(arrival.way)
                    self._subjects[arrival.stream].setdefault((place, topic), set()).add(arrival.subject)

    def table(self, key: str) -> Table:
        """How often a stream should hold what an origin (row, by its place) stores on a subject (column, its topic)."""
        return self._tables[key]

    def gets(self, key: str, origin: str) -> bool:
        """Whether anything of an origin comes to a stream."""
        return origin in self.streams and bool(self._tables[key][self.streams.index(origin)].any())

    def along(self, upstream: str, key: str) -> Table:
        """The same of what comes to a stream straight from another one."""
        return self._along.get((upstream, key), np.zeros_like(self._tables[key]))

    def everything(self, table: Table) -> dict[int, bool] | None:
        """Place of an origin -> whether all of it is in a table; None when some of an origin is."""
        found = {}
        for place in np.flatnonzero(self.topics):
            row = table[place, : self.topics[place]] > 0
            if row.any() != row.all():
                return None
            found[int(place)] = bool(row.all())
        return found

    def wanted(self, key: str, origin: int, topic: int) -> bool:
        return bool(self._tables[key][origin, topic])

    def fits(self, key: str, origin: int, topic: int, subject: str) -> bool:
        """Whether a stream may hold what an origin stores on a topic, on this subject."""
        if key in self.graph.echoing and not self.wanted(key, origin, topic):
            return True
        return key in self.dark or subject in self._subjects[key].get((origin, topic), ())

    def topic(self, seed: int, origin: int, process: int, counter: int) -> int:
        count = int(self.topics[origin]) if origin < len(self.topics) else 0
        return payload.topic(seed, process, counter, count) if count else 0

    def repeats(self, key: str) -> bool:
        """Whether a message may come to a stream more than once: by several ways, or by several filters."""
        return bool((self._tables[key] > 1).any())

    def ways(self, key: str, origin: int) -> int:
        """By how many ways the messages of an origin come to a stream."""
        return len(self._ways[key].get(origin, ()))

    @cached_property
    def alike(self) -> list[list[str]]:
        """Copies that should hold the same: groups of two and more."""
        groups: dict[bytes, list[str]] = {}
        for vertex in self.graph.vertices:
            if self.graph.into(vertex.key) and vertex.key in self._tables and vertex.key not in self.graph.echoing:
                groups.setdefault(self._tables[vertex.key].tobytes(), []).append(vertex.key)
        return [group for group in groups.values() if len(group) > 1 and self._tables[group[0]].any()]

    @cached_property
    def dark(self) -> frozenset[str]:
        """The streams of whose subjects nothing is known: a transform on the way cannot be foretold."""
        found: set[str] = set()
        for vertex in self.graph.vertices:
            transforms = [each for edge in self.graph.into(vertex.key) for each in edge.transforms]
            transforms += [vertex.transform] if vertex.transform else []
            if not all(each.foreseeable for each in transforms) or found.intersection(self.graph.upstream(vertex.key)):
                found.add(vertex.key)
        return frozenset(found)

    def slots(self, key: str) -> dict[tuple[int, int], int]:
        """(origin, topic) -> a number for its subject in a stream: the same for the same subject."""
        numbers: dict[str, int] = {}
        return {pair: numbers.setdefault(min(subjects), len(numbers)) for pair, subjects in self._subjects[key].items()}
