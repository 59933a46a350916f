"""Every publish and where its message ended up: the join of publishes with final reads, without a hash table.

Ids are dense (a process counts from 0), so an id is a place in an array. Everything here is aligned with
`History.publishes`: element i is about publish i.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from lab.check.history import FAIL, INFO, INTACT, NOWHERE, OK, OURS, Array, History, Read

BLOCK = 1 << 18
NEVER = np.iinfo(np.int64).max

# What became of a publish in one read stream, mildest first: the worst over several streams is the maximum.
FINE, REFUSED, ABSENT, LANDED, UNREAD, EXPIRED, PARTIAL, DUPLICATE, LOST, PHANTOM = range(10)
FATES = (
    "fine",
    "refused",
    "unknown, not there",
    "unknown, there",
    "not read",
    "expired",
    "in some regions only",
    "duplicate",
    "lost",
    "refused, yet there",
)


@dataclass(frozen=True)
class Ids:
    """Finds the publish of a row. `first[p]` is where process p begins in `publish`, which has -1 for gaps."""

    first: Array = field(hash=False)
    size: Array = field(hash=False)
    publish: Array = field(hash=False)

    def locate(self, rows: Array) -> Array:
        """The publish of each row, -1 for a row that nobody published in this run."""
        if not len(self.publish):
            return np.full(len(rows), -1, np.int32)
        process, counter = rows["process"], rows["counter"]
        known = (process < len(self.size)) & ((rows["flags"] & (INTACT | OURS)) == (INTACT | OURS))
        process = np.where(known, process, 0)
        known &= counter < self.size[process]
        return np.where(known, self.publish[np.where(known, self.first[process] + counter, 0)], -1)


def ids(history: History) -> Ids:
    process, counter = history.publishes["process"], history.publishes["counter"].astype(np.int64)
    size = np.zeros(len(history.run.processes), np.int64)
    np.maximum.at(size, process, counter + 1)
    first = np.concatenate(([0], np.cumsum(size)))[:-1]
    publish = np.full(int(size.sum()), -1, np.int32)
    publish[first[process] + counter] = np.arange(len(counter), dtype=np.int32)
    return Ids(first, size, publish)


def origins(history: History) -> Array:
    """The region of each publish, as an index into the topology's regions."""
    regions = history.run.topology.regions
    of_process: Array = np.array([regions.index(process.region) for process in history.run.processes] or [0], np.uint8)
    origin: Array = of_process[history.publishes["process"]]
    return origin


@dataclass(frozen=True)
class Arrival:
    """One read stream's side of every publish: how often it is there, where first, and when that copy was stored."""

    region: str
    complete: bool
    foreign: int  # rows that are no publish of this run
    rows: int
    count: Array = field(hash=False)
    position: Array = field(hash=False)
    stored: Array = field(hash=False)


def arrival(found: Ids, total: int, read: Read) -> Arrival:
    """In blocks, so that a read of many millions of rows takes no memory of its own."""
    count = np.zeros(total, np.uint16)
    position = np.full(total, -1, np.int32)
    stored = np.full(total, NEVER, np.int64)
    foreign = 0
    for start, rows in _blocks(read.rows):
        where = found.locate(rows)
        ours = np.flatnonzero(where >= 0)
        foreign += len(rows) - len(ours)
        where = where[ours]
        np.add.at(count, where, 1)
        new = position[where] < 0
        # With an index twice in an assignment the last one wins; reversed, the first.
        where, ours = where[new][::-1], ours[new][::-1]
        position[where] = start + ours
        stored[where] = rows["stored"][ours]
    return Arrival(read.region, read.complete, foreign, len(read.rows), count, position, stored)


def _blocks(rows: Array) -> Iterator[tuple[int, Array]]:
    for start in range(0, len(rows), BLOCK):
        yield start, np.asarray(rows[start : start + BLOCK])


def expired(history: History) -> Array:
    """Whether the origin no longer holds the message: its sequence lies below the write stream's first."""
    publishes = history.publishes
    gone = np.zeros(len(publishes), bool)
    for number, stream in enumerate(history.run.streams):
        read = history.reads.get(stream)
        if read is not None and read.kind == "write" and number != NOWHERE:
            gone |= (publishes["stream"] == number) & (publishes["sequence"] < read.first)
    gone &= publishes["outcome"] == OK
    return gone


def fates(history: History, arrived: Arrival, gone: Array) -> Array:
    """The fate of each publish in one read stream (`FINE` … `PHANTOM`)."""
    outcome, there = history.publishes["outcome"], arrived.count > 0
    fate = np.zeros(len(outcome), np.uint8)
    missing = UNREAD if not arrived.complete else LOST
    fate[(outcome == OK) & ~there] = missing
    fate[(outcome == OK) & ~there & gone] = EXPIRED
    fate[(outcome == INFO) & there] = LANDED
    fate[(outcome == INFO) & ~there] = ABSENT if arrived.complete else UNREAD
    fate[(outcome == FAIL) & ~there] = REFUSED
    fate[arrived.count > 1] = DUPLICATE
    fate[(outcome == FAIL) & there] = PHANTOM
    return fate
