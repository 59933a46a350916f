"""Every publish and where its message ended up, from the checkers' index, so that figures and findings count alike.

Everything here is aligned with `History.publishes`: element i is about publish i.
"""

from dataclasses import dataclass, field

import numpy as np

from lab.check.checkers.index import NONE, Index, Stored, chunks
from lab.check.history import FAIL, INFO, OK, PROBE, Array, History

NEVER = int(np.iinfo(np.int64).max)

# What became of a publish in one read stream, mildest first: the worst over several streams is the maximum.
FINE, REFUSED, ABSENT, LANDED, UNREAD, EXPIRED, PARTIAL, DUPLICATE, LOST, PHANTOM = range(10)
FATES = (
    "stored once",
    "refused",
    "no answer, not there",
    "no answer, there",
    "cannot be told",
    "expired",
    "in some regions only",
    "there twice",
    "lost",
    "refused, yet there",
)


@dataclass(frozen=True)
class Arrival:
    """One read stream's side of every publish: how often it is there, its first place, when that copy was stored
    (`NEVER`), and whether it may still be under way. `foreign` counts rows that nobody published in this run."""

    region: str
    problem: str  # why nothing may be concluded from what is not there; "" when the stream was read whole
    rows: int
    foreign: int
    count: Array = field(hash=False)
    position: Array = field(hash=False)
    stored: Array = field(hash=False)
    pending: Array = field(hash=False)


def origins(history: History) -> Array:
    """The region of each publish, as an index into the topology's regions."""
    regions = history.run.topology.regions
    of_process = np.array([regions.index(process.region) for process in history.run.processes] or [0], np.uint8)
    origin: Array = of_process[history.publishes["process"]]
    return origin


def arrivals(index: Index) -> dict[str, Arrival]:
    """By region, of the read streams that were read at all."""
    number = index.messages.numbers(index.history.publishes)
    return {stored.region: _arrival(index, stored, number) for stored in index.reads}


def _arrival(index: Index, stored: Stored, number: Array) -> Arrival:
    total = index.messages.count
    known = stored.numbers[stored.numbers >= 0]
    pending = np.zeros(total, bool)
    pending[index.pending(stored)] = True
    times, foreign = np.full(total, NEVER, np.int64), 0
    for start, rows in chunks(stored.read.rows):
        numbers = stored.numbers[start : start + len(rows)]
        first = (numbers >= 0) & (stored.first[numbers] == np.arange(start, start + len(rows)))
        times[numbers[first]] = rows["stored"][first]
        foreign += int(((numbers == NONE) & (rows["flags"] & PROBE == 0)).sum())
    return Arrival(
        stored.region,
        stored.problem,
        len(stored.numbers),
        foreign,
        np.bincount(known, minlength=total).astype(np.uint16)[number],
        stored.first[number],
        times[number],
        pending[number],
    )


def expired(index: Index) -> Array:
    """Whether the origin dropped the message for its age before the final read."""
    history = index.history
    gone = np.zeros(len(history.publishes), bool)
    for write in index.writes:
        mine = np.flatnonzero(
            (history.publishes["stream"] == history.run.streams.index(write.name))
            & (history.publishes["outcome"] == OK)
        )
        gone[mine] = index.expired(write, history.publishes[mine])
    return gone


def fates(history: History, arrived: Arrival, gone: Array) -> Array:
    """The fate of each publish in one read stream (`FINE` … `PHANTOM`)."""
    outcome, there = history.publishes["outcome"], arrived.count > 0
    unsure = arrived.pending if not arrived.problem else np.ones(len(outcome), bool)
    fate = np.zeros(len(outcome), np.uint8)
    fate[(outcome == OK) & ~there] = LOST
    fate[(outcome == OK) & ~there & gone] = EXPIRED
    fate[(outcome == OK) & ~there & unsure] = UNREAD
    fate[(outcome == INFO) & there] = LANDED
    fate[(outcome == INFO) & ~there] = ABSENT
    fate[(outcome == FAIL) & ~there] = REFUSED
    fate[arrived.count > 1] = DUPLICATE
    fate[(outcome == FAIL) & there] = PHANTOM
    return fate
