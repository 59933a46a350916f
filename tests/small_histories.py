"""Small histories, made of plain lists that a test can change before they become a `History`."""

import random
from dataclasses import dataclass, field, replace

import histories
import numpy as np

from lab.check.history import (
    ACKED,
    FAIL,
    FINE,
    INFO,
    LIVE,
    NOWHERE,
    OK,
    PUBLISH,
    ROW,
    SECOND,
    FaultRecord,
    History,
    Phase,
    Probe,
    Read,
    Replica,
    Run,
    Sample,
)
from lab.layouts import layout_of
from lab.topology import Topology

TOPOLOGY = Topology()
REGIONS = TOPOLOGY.regions
WRITES = {region: layout_of(TOPOLOGY).origin(region).key for region in REGIONS}
READS = {region: layout_of(TOPOLOGY).copy(region).key for region in REGIONS}
STREAMS = (*WRITES.values(), *READS.values())
MS = SECOND // 1000


@dataclass
class Publish:
    """`time` is when it was invoked; it was due then, and answered 2 ms later, unless said otherwise."""

    process: int
    counter: int
    outcome: int = OK
    sequence: int = 0
    stream: str = ""
    duplicate: bool = False
    time: int = 0
    intended: int | None = None
    completed: int | None = None


@dataclass
class Entry:
    """A row of a stream. Its sequence is its place, unless one is given."""

    process: int
    counter: int
    origin: str = ""
    origin_sequence: int = 0
    flags: int = FINE
    stored: int = 0
    sequence: int = 0

    @property
    def key(self) -> tuple[int, int]:
        return self.process, self.counter


@dataclass
class Delivery:
    sequence: int
    process: int
    counter: int
    flags: int = FINE | ACKED
    time: int = 0


@dataclass
class Small:
    """`live` None: every reader saw its stream as it is. `bounds`: (first, last, deleted), where not the rows' own."""

    processes: list[str]
    publishes: list[Publish]
    streams: dict[str, list[Entry]]
    live: dict[tuple[str, str], list[Delivery]] | None = field(default_factory=dict)
    bounds: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    incomplete: tuple[str, ...] = ()
    faults: tuple[FaultRecord, ...] = ()
    probes: tuple[Probe, ...] = ()
    samples: tuple[Sample, ...] = ()
    replicas: tuple[Replica, ...] = ()
    phases: tuple[Phase, ...] = ()
    notes: tuple[str, ...] = ()
    ended: str = "complete"
    topology: Topology = TOPOLOGY

    def history(self) -> History:
        run = histories.run(
            self.processes, self.topology, mark="smallrun", phases=self.phases, ended=self.ended, notes=self.notes
        )
        publishes = np.array(
            [
                (
                    p.process, p.counter, p.time if p.intended is None else p.intended, p.time,
                    p.time + 2 * MS if p.completed is None else p.completed, p.sequence, p.outcome,
                    STREAMS.index(p.stream) if p.stream else NOWHERE, p.duplicate, 0,
                )
                for p in self.publishes
            ],
            PUBLISH,
        )  # fmt: skip
        reads = {name: self._read(run, name, entries) for name, entries in self.streams.items()}
        if self.live is None:
            live = {
                (region, reader): histories.seen(reads[READS[region]].rows, acked=True)
                for region in REGIONS
                for reader in ("durable", "ordered")
            }
        else:
            live = {
                key: np.array([(d.time, d.sequence, d.process, d.counter, 1, d.flags) for d in deliveries], LIVE)
                for key, deliveries in self.live.items()
            }
        return History(run, publishes, reads, live, self.faults, self.probes, self.samples, self.replicas)

    def _read(self, run: Run, name: str, entries: list[Entry]) -> Read:
        rows = np.array(
            [
                (
                    e.sequence or place, e.stored, e.origin_sequence or place, e.process, e.counter,
                    NOWHERE if e.origin == "nowhere" else STREAMS.index(e.origin or name), e.flags,
                )
                for place, e in enumerate(entries, 1)
            ],
            ROW,
        )  # fmt: skip
        read = histories.read(run, name, rows)
        if name in self.bounds:
            first, last, deleted = self.bounds[name]
            read = replace(read, first=first, last=last, deleted=deleted)
        return replace(read, complete=False, error="it broke") if name in self.incomplete else read


def small(dice: random.Random, most: int = 4) -> Small:
    """A valid history: six processes, a few messages each, all outcomes, every region in an order of its own."""
    processes = [REGIONS[number % 3] for number in range(6)]
    plan = [number for number in range(6) for _ in range(dice.randint(0, most))]
    dice.shuffle(plan)
    counters, retired = [0] * 6, set()
    publishes: list[Publish] = []
    streams: dict[str, list[Entry]] = {name: [] for name in STREAMS}
    for turn, process in enumerate(plan):
        if process in retired:
            continue
        home = WRITES[processes[process]]
        outcome = dice.choices((OK, FAIL, INFO), (8, 1, 1))[0]
        publish = Publish(process, counters[process], outcome, time=turn * 10 * MS)
        counters[process] += 1
        if outcome == INFO:
            retired.add(process)
        if outcome == OK or (outcome == INFO and dice.random() < 0.5):
            streams[home].append(
                Entry(process, publish.counter, home, len(streams[home]) + 1, stored=publish.time + MS)
            )
        if outcome == OK:
            publish.stream, publish.sequence = home, len(streams[home])
        publishes.append(publish)
    for region in REGIONS:
        streams[READS[region]] = merged(dice, [streams[name] for name in WRITES.values()])
    return Small(processes, publishes, streams, live=None)


def merged(dice: random.Random, origins: list[list[Entry]]) -> list[Entry]:
    """All entries, each origin in its order."""
    turns = [place for place, entries in enumerate(origins) for _ in entries]
    dice.shuffle(turns)
    iterators = [iter(entries) for entries in origins]
    return [replace(next(iterators[turn])) for turn in turns]
