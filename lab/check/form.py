"""What a message of a run looks like in each stream: whose it is, on which subject it may be, whence it came; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lab.check import payload
from lab.check.checkers.expected import Expected
from lab.check.history import CLIENT, INTACT, NOWHERE, OURS, PROBE, SUBJECT
from lab.layouts import Layout, Stream, layout_of
from lab.observe.probe_messages import is_probe
from lab.streamgraph.graph import source_name
from lab.topology import Topology


@dataclass(frozen=True)
class Upstream:
    """From where a stream takes. `names`: what `Nats-Stream-Source` may say -> key. A mirror has the sequences of what
    it mirrors, and headers that are not about itself."""

    keys: tuple[str, ...]
    names: Mapping[str, str]
    mirrored: str = ""

    def entry(self, source: str, sequence: int) -> tuple[str, int]:
        """The key of the stream that a message was taken from, and its sequence there; "" for none that is known.
        `source` is the header."""
        if self.mirrored:
            return self.mirrored, sequence
        if not source:
            return "", sequence
        name, number, *_ = source.split(" ")
        return self.names.get(name) or self.names.get(name.partition(":")[0], ""), int(number)


@dataclass(frozen=True)
class Form:
    """A run's messages. `subjects` are what origins store (`Run.subjects`), `streams` are the run's keys by place."""

    topology: Topology
    streams: tuple[str, ...]
    subjects: Mapping[str, Sequence[str]]
    mark: bytes
    seed: int

    @cached_property
    def layout(self) -> Layout:
        return layout_of(self.topology)

    @cached_property
    def _expected(self) -> Expected:
        return Expected(self.layout.graph, self.streams, self.subjects)

    @cached_property
    def _bodiless(self) -> frozenset[str]:
        """The streams to which servers may add messages without a body: marks, or what is republished without one."""
        return self.layout.graph.marking | self.layout.graph.echoing

    def upstream(self, key: str) -> Upstream:
        edges = [edge for edge in self.layout.graph.into(key) if edge.upstream]
        names = {edge.name: edge.upstream for edge in edges} | {source_name(edge): edge.upstream for edge in edges}
        mirrored = next((edge.upstream for edge in edges if edge.mirror), "")
        return Upstream(self.layout.graph.upstream(key), names, mirrored)

    def place(self, key: str) -> int:
        return self.streams.index(key) if key in self.streams else NOWHERE

    def flags(self, found: payload.Body, stream: Stream, subject: str) -> int:
        """The flags of a row for a body that was read from a stream on a subject."""
        if found == payload.EMPTY and stream.key in self._bodiless:
            return INTACT | PROBE
        flags = INTACT if found.intact else 0
        if found.mark == payload.client_mark(self.mark):
            return flags | PROBE | CLIENT
        if found.mark != self.mark:
            return flags | (PROBE if is_probe(self.layout, self.layout.as_read(stream, subject)) else 0)
        topic = self._expected.topic(self.seed, found.origin, found.process, found.counter)
        fits = self._expected.fits(stream.key, found.origin, topic, subject)
        return flags | OURS | (SUBJECT if fits else 0)
