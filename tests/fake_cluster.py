"""A super-cluster in memory, on a clock of its own, that leaves a `History`. Its bugs are switches.

Without bugs it does what real servers do, slower and simpler: each region accepts while it has a quorum, each copy
takes what it selects from each stream that it can reach, and after a heal a source needs some seconds to be back.
Bugs strike where messages go from west to central, and where a copy in east has something of central, so that any graph
with both will do. The default script holds a partition, a node that is down and a region without a quorum, with calm in
between.
"""

from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any

import histories
import numpy as np

from lab.check.history import (
    ACKED,
    FAIL,
    FINE,
    INFO,
    INTACT,
    LIVE,
    NOWHERE,
    OK,
    PUBLISH,
    ROW,
    SECOND,
    SUBJECT,
    FaultRecord,
    History,
    Probe,
    Process,
    Replica,
    Run,
    Sample,
    kind_of,
)
from lab.check.load import feeds, subjects, watched
from lab.check.payload import topic
from lab.layouts import layout_of
from lab.streamgraph import Edge
from lab.topology import Topology

MS = SECOND // 1000
TICK = SECOND
PROCESSES = 2  # in each region
BACK = 12 * SECOND  # a source, after a heal
SEED = 7

BUGS = (
    "forgets an acknowledged write",
    "acknowledges one sequence twice",
    "duplicates on reconnect",
    "swaps two messages",
    "swaps two messages of a process",
    "never catches up",
    "catches up late",
    "loses a source",
    "leaves out a message",
    "resurrects a refused message",
    "keeps an earlier run",
    "alters a byte",
    "alters a subject",
    "stores in another region",
    "stores twice",
    "mixes up an origin",
    "expires before sourcing",
    "purges a write stream",
    "drops after delivery",
    "changes after delivery",
    "redelivers after ack",
    "skips a delivery",
    "ordered reader jumps",
    "replica drifts",
    "shows its own writes late",
    "refuses when isolated",
    "cannot be read when isolated",
    "creates consumers when isolated",
    "majority refuses",
    "majority creates no consumers",
    "election takes long",
    "acknowledges without a quorum",
    "quorum comes back late",
    "control plane comes back late",
)


def fault(id_: str, what: str, began: float, ended: float, **takes: tuple[str, ...]) -> FaultRecord:
    start, end = round(began * SECOND), round(ended * SECOND)
    kind = "partition" if "links" in takes else "kill"
    return FaultRecord(id_, kind, what, {}, start, start + 300 * MS, end, end + 300 * MS, True, "seen", "", **takes)


SCRIPT = (
    fault("f1", "partition central", 20, 60, links=("central-east", "central-west")),
    fault("f2", "kill east-1", 125, 145, nodes=("east-1",)),
    fault("f3", "kill west-1, west-2", 200, 215, nodes=("west-1", "west-2")),
)


@dataclass(slots=True)
class Entry:
    """One message in a stream. `process` None: of another run."""

    process: int | None
    counter: int
    stored: int
    origin: str
    origin_sequence: int
    flags: int = FINE
    subject: str = ""


@dataclass
class Stream:
    name: str
    region: str
    kind: Any
    entries: dict[int, Entry] = field(default_factory=dict)
    last: int = 0
    deleted: int = 0

    def append(self, entry: Entry) -> int:
        self.last += 1
        self.entries[self.last] = entry
        return self.last


class FakeCluster:
    def __init__(
        self,
        *bugs: str,
        script: tuple[FaultRecord, ...] = SCRIPT,
        publish_until: int = 240,
        end: int = 340,
        tick: int = TICK,
        topology: Topology | None = None,
    ) -> None:
        assert set(bugs) <= set(BUGS), bugs
        self.tick = tick
        self.bugs, self.script, self.end = set(bugs), script, end * SECOND
        self.publish_until = publish_until * SECOND
        age = "20s" if "expires before sourcing" in bugs else "1h"
        self.topology = replace(topology or Topology(), max_age=age, duplicate_window="2s")
        layout = self.layout = layout_of(self.topology)
        self.graph = layout.graph
        self.feeds = feeds(layout)
        self.stored = {s.key: Stream(s.key, s.region, kind_of(s)) for s in layout.streams}
        self.streams = tuple(self.stored)
        self.writes = {feed.region: self.stored[feed.origin] for feed in reversed(self.feeds)}
        self.central = next(self.stored[s.key] for s in layout.copies if s.region == "central")
        # What live readers follow, by place; the bugs of readers strike one in central, if there is one.
        self.seen = {place: self.stored[stream.key] for place, stream in watched(layout)}
        self.watched = next(
            (place for place in self.seen if self.seen[place].region == "central"), next(iter(self.seen))
        )
        named = "" if layout.virtual_name else "origin"
        self.processes = [
            Process(i, feed.region, feed.origin if named else "")
            for i, feed in ((i, self.feeds[i % len(self.feeds)]) for i in range(len(self.feeds) * PROCESSES))
        ]
        self.feed_of = [self.feeds[i % len(self.feeds)] for i in range(len(self.processes))]
        self.current = list(range(len(self.processes)))
        self.counters = [0] * len(self.processes)
        self.publishes: list[tuple[Any, ...]] = []
        self.cursor = dict.fromkeys(self.graph.edges, 0)
        self.back = dict.fromkeys(self.graph.edges, 0)
        self.upstream = {s.key: self.graph.into(s.key) for s in layout.copies}
        self.probes: list[Probe] = []
        self.samples: list[Sample] = []
        self.once: set[str] = set()
        # Asked for each message, and the same for a whole tick.
        self.down = lru_cache(maxsize=64)(self._down)
        self.reaches = lru_cache(maxsize=64)(self._reaches)
        self._active = lru_cache(maxsize=64)(self._in_force)

    # --- the world ---

    def bug(self, name: str, when: bool = True) -> bool:
        """Whether a bug that acts once acts now."""
        if name in self.bugs and when and name not in self.once:
            self.once.add(name)
            return True
        return False

    def _down(self, region: str, now: int) -> int:
        return sum(node.startswith(region) for f in self._active(now) for node in f.nodes)

    def _in_force(self, now: int) -> list[FaultRecord]:
        return [
            f for f in self.script if f.injected is not None and f.healing is not None and f.injected <= now < f.healing
        ]

    def _reaches(self, one: str, other: str, now: int) -> bool:
        if self.down(one, now) > 1 or self.down(other, now) > 1:
            return False
        return one == other or not any(self.topology.link(one, other).name in f.links for f in self._active(now))

    def isolated(self, region: str, now: int) -> bool:
        return not any(self.reaches(region, other, now) for other in self.topology.regions if other != region)

    def _since(self, now: int, *takes: str) -> int:
        """How long ago the youngest fault that takes one of these things took hold, and how long since its heal."""
        return min(
            (now - f.injected for f in self._active(now) if f.injected and {*f.nodes, *f.links} & set(takes)),
            default=0,
        )

    def history(self) -> History:
        now = 0
        if "keeps an earlier run" in self.bugs:
            self.writes["west"].append(Entry(None, 0, 0, self.writes["west"].name, 1, INTACT | SUBJECT))
        while now < self.end:
            if now % (5 * SECOND) == 0:
                self._sample(now)
            if now < self.publish_until:
                for place in range(len(self.current)):
                    self._publish(place, now + place * 3 * MS)
            self._source(now + 20 * MS)
            if now % (2 * SECOND) == 0:
                self._probe(now)
            now += self.tick
        return self._history()

    # --- publishing ---

    def _publish(self, place: int, now: int) -> None:
        number, region = self.current[place], self.processes[self.current[place]].region
        feed = self.feed_of[number]
        counter = self.counters[number]
        self.counters[number] += 1
        outcome, error = self._outcome(region, now)
        stream, sequence = NOWHERE, 0
        write = self.stored[feed.origin]
        subject = feed.stored[topic(SEED, number, counter, len(feed.stored))]
        if outcome == OK:
            stream, sequence = self._store(write, number, counter, now, subject)
        elif outcome == FAIL and self.bug("resurrects a refused message"):
            write.append(Entry(number, counter, now + MS, write.name, write.last + 1, subject=subject))
        self.publishes.append((number, counter, now, now, now + 2 * MS, sequence, outcome, stream, 0, error))
        if outcome == INFO:  # the process is retired
            self.processes.append(replace(self.processes[number], number=len(self.processes)))
            self.feed_of.append(feed)
            self.counters.append(0)
            self.current[place] = len(self.processes) - 1

    def _outcome(self, region: str, now: int) -> tuple[int, int]:
        down = self.down(region, now)
        faults = [f for f in self._active(now) if any(n.startswith(region) for n in f.nodes)]
        since = min((now - f.injected for f in faults if f.injected is not None), default=0)
        if down == 1 and since < (15 if "election takes long" in self.bugs else 3) * SECOND:
            return FAIL, 1
        if down > 1 and "acknowledges without a quorum" not in self.bugs:
            return (INFO, 2) if since < TICK else (FAIL, 1)
        if "quorum comes back late" in self.bugs and region == "west" and 215 * SECOND <= now < 236 * SECOND:
            return FAIL, 1
        if "refuses when isolated" in self.bugs and self.isolated(region, now) and down < 2 and now // TICK % 20 == 0:
            return FAIL, 1
        if "majority refuses" in self.bugs and region == "east" and 30 * SECOND <= now < 31 * SECOND:
            return FAIL, 1
        return OK, 0

    def _store(self, write: Stream, number: int, counter: int, now: int, subject: str) -> tuple[int, int]:
        mid = 100 * SECOND < now < 110 * SECOND
        if self.bug("stores in another region", mid and write.region == "west"):
            write = self.writes["east"]
            there = next(feed.stored for feed in self.feeds if feed.origin == write.name)
            subject = there[topic(SEED, number, counter, len(there))]
        entry = Entry(number, counter, now + MS, write.name, write.last + 1, subject=subject)
        if self.bug("acknowledges one sequence twice", mid):
            return self.streams.index(write.name), write.last + 1
        sequence = write.append(entry)
        if self.bug("stores twice", mid):
            write.append(replace(entry, origin_sequence=write.last + 1))
        if self.bug("forgets an acknowledged write", mid):
            del write.entries[sequence]
            write.deleted += 1
        return self.streams.index(write.name), sequence

    # --- sourcing ---

    def _source(self, now: int) -> None:
        for key, edges in self.upstream.items():
            for edge in edges:
                read, write = self.stored[key], self.stored[edge.upstream]
                if not self._sourcing(edge, read.region, write.region, now):
                    continue
                self._reconnected(edge, read, write, now)
                batch = range(self.cursor[edge] + 1, write.last + 1)
                self.cursor[edge] = write.last
                for sequence in self._mishap(read, write, [s for s in batch if self._carried(edge, write, s)], now):
                    self._take(edge, read, write, sequence, now)

    def _carried(self, edge: Edge, write: Stream, sequence: int) -> bool:
        """What is not of this run has no subject that is known, and goes everywhere."""
        entry = write.entries.get(sequence)
        return entry is not None and (not entry.subject or bool(edge.carry(entry.subject)))

    def _sourcing(self, edge: Edge, here: str, origin: str, now: int) -> bool:
        if "loses a source" in self.bugs and (here, origin) == ("east", "central"):
            return False
        if not self.reaches(here, origin, now):
            late = {"never catches up": 10_000, "catches up late": 62}
            slow = (
                next((late[bug] for bug in late if bug in self.bugs), 0)
                if (here, origin) == ("central", "west") and now < 100 * SECOND
                else 0
            )
            self.back[edge] = now + max(BACK, slow * SECOND)
            if self.down(here, now) > 1 or self.down(origin, now) > 1:
                self.back[edge] = now + 5 * SECOND
            if slow == 10_000:
                self.bugs.add("never catches up")
            return False
        if "never catches up" in self.bugs and (here, origin) == ("central", "west") and now > 20 * SECOND:
            return False
        if "shows its own writes late" in self.bugs and here == origin == "west" and 80 * SECOND < now < 90 * SECOND:
            return now % (3 * SECOND) < TICK
        return now >= self.back[edge]

    def _reconnected(self, edge: Edge, read: Stream, write: Stream, now: int) -> None:
        if (read.region, write.region) == ("central", "west") and self.back[edge]:
            if self.bug("duplicates on reconnect"):
                self.cursor[edge] -= 20
            if self.bug("expires before sourcing"):
                old = [s for s, entry in write.entries.items() if entry.stored < now - 20 * SECOND]
                self.cursor[edge] = max([self.cursor[edge], *old])

    def _mishap(self, read: Stream, write: Stream, batch: list[int], now: int) -> list[int]:
        if read.region != "central" or write.region != "west" or len(batch) < 2 or now < 100 * SECOND:
            return batch
        if self.bug("swaps two messages"):
            batch[0], batch[1] = batch[1], batch[0]
        if self.bug("leaves out a message"):
            batch = batch[1:]
        return batch

    def _take(self, edge: Edge, read: Stream, write: Stream, sequence: int, now: int) -> None:
        entry = write.entries[sequence]
        made = (edge.carry(entry.subject) or [""])[0]
        copied = Entry(entry.process, entry.counter, now + MS, write.name, sequence, entry.flags, made)
        central = read.region == "central" and now > 100 * SECOND
        if self.bug("alters a byte", central):
            copied.flags &= ~INTACT
        if self.bug("alters a subject", central):
            copied.flags &= ~SUBJECT
        if edge.mirror:
            read.last = sequence - 1
        read.append(copied)

    # --- probes, samples ---

    def _probe(self, now: int) -> None:
        for region in self.layout.clients:
            if self.down(region, now) > 1:
                continue
            isolated = self.isolated(region, now)
            lost = isolated and "creates consumers when isolated" not in self.bugs
            late = "control plane comes back late" in self.bugs and 60 * SECOND <= now < 84 * SECOND
            broken = (
                "majority creates no consumers" in self.bugs and region == "east" and 42 * SECOND < now < 50 * SECOND
            )
            unread = isolated and "cannot be read when isolated" in self.bugs
            for operation in ("direct-get", "existing-consumer"):
                self.probes.append(
                    Probe(region, operation, now, 0.002, "fail" if unread else "ok", "503" if unread else "")
                )
            for operation in ("new-consumer", "new-stream"):
                bad = lost or (operation == "new-consumer" and (late or broken))
                self.probes.append(Probe(region, operation, now, 0.01, "fail" if bad else "ok", "503" if bad else ""))

    def _sample(self, now: int) -> None:
        last = {stream.name: stream.last for stream in self.stored.values()}
        arrived = {key: {edge.upstream: self.cursor[edge] for edge in edges} for key, edges in self.upstream.items()}
        self.samples.append(Sample(now, last, arrived, {}, {}))

    # --- the end ---

    def _history(self) -> History:
        live = {(place, reader): self._live(place, reader) for place in self.seen for reader in ("durable", "ordered")}
        self._after_all()
        run, reads = self._run(), {}
        for stream in self.stored.values():
            rows = np.array(
                [
                    (s, e.stored, e.origin_sequence, e.process or 0, e.counter, self.streams.index(e.origin), e.flags)
                    for s, e in sorted(stream.entries.items())
                ],
                ROW,
            )
            first = int(rows["sequence"][0]) if len(rows) else stream.last + 1
            deleted = stream.last - first + 1 - len(rows)
            reads[stream.name] = histories.read(run, stream.name, rows, first=first, last=stream.last, deleted=deleted)
        replicas = tuple(
            Replica(
                name,
                f"{read.region}-{n}",
                n == 1,
                len(read.rows),
                100 * len(read.rows),
                read.first,
                read.last,
                read.deleted,
            )
            for name, read in reads.items()
            for n in (1, 2, 3)
        )
        if "replica drifts" in self.bugs:
            replicas = (replace(replicas[0], messages=replicas[0].messages - 1), *replicas[1:])
        return History(
            run,
            np.array(self.publishes, PUBLISH),
            reads,
            live,
            self.script,
            tuple(self.probes),
            tuple(self.samples),
            replicas,
        )

    def _after_all(self) -> None:
        west, central, seen = self.writes["west"], self.central, self.seen[self.watched]
        middle = central.last // 2
        if "swaps two messages of a process" in self.bugs:
            later = [s for s in central.entries if s > middle]
            ours = {central.entries[s].process for s in later}
            victim = 1 if 1 in ours else central.entries[later[0]].process
            first, second = [s for s in later if central.entries[s].process == victim][:2]
            one, other = central.entries[first], central.entries[second]
            central.entries[first] = replace(other, stored=one.stored)
            central.entries[second] = replace(one, stored=other.stored)
        if "drops after delivery" in self.bugs:
            del seen.entries[list(seen.entries)[len(seen.entries) // 2]]
        if "changes after delivery" in self.bugs:
            entries = seen.entries
            pairs = [s for s in list(entries)[len(entries) // 2 :] if s + 1 in entries]
            s = next((s for s in pairs if entries[s].origin != entries[s + 1].origin), pairs[0])
            entries[s], entries[s + 1] = entries[s + 1], entries[s]
        if "mixes up an origin" in self.bugs:
            entry = central.entries[list(central.entries)[len(central.entries) // 2]]
            entry.process, entry.counter = 0, 10_000  # never published
        if "expires before sourcing" in self.bugs:
            for stream in (self.stored[feed.origin] for feed in self.feeds):
                for s in [s for s, e in stream.entries.items() if e.stored < self.end - 20 * SECOND]:
                    del stream.entries[s]
        if "purges a write stream" in self.bugs:
            for s in list(west.entries)[:100]:
                del west.entries[s]

    def _live(self, place: str, reader: str) -> Any:
        stream = self.seen[place]
        rows = [
            (e.stored + 5 * MS, s, e.process or 0, e.counter, 1, e.flags | (ACKED if reader == "durable" else 0))
            for s, e in sorted(stream.entries.items())
        ]
        if place == self.watched and reader == "durable":
            if "redelivers after ack" in self.bugs:
                rows.insert(101, (rows[100][0] + 1, *rows[50][1:4], 2, FINE))
            if "skips a delivery" in self.bugs:
                del rows[50]
        if place == self.watched and reader == "ordered" and "ordered reader jumps" in self.bugs:
            del rows[50:60]
        return np.array(rows, LIVE)

    def _run(self) -> Run:
        edges = (0, 10, self.publish_until / SECOND, self.end / SECOND, self.end / SECOND + 1)
        return histories.run(
            (process.region for process in self.processes),
            self.topology,
            id="fake",
            image="fake",
            seed=SEED,
            processes=tuple(self.processes),
            subjects={} if self.layout.virtual_name else subjects(self.feeds),
            mark="fakefake",
            errors=("", "503 no responders", "timeout"),
            phases=histories.phases(*edges),
        )


@cache
def left_by(*bugs: str, topology: Topology | None = None) -> History:
    """The history that a cluster with these bugs leaves; the same object for all tests."""
    return FakeCluster(*bugs, topology=topology).history()
