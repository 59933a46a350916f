"""Every publish and where its message ended up, from the checkers' index, so that figures and findings count alike.

Everything here is aligned with `History.publishes`: element i is about publish i.
"""

from dataclasses import dataclass, field

import numpy as np

from lab.check.checkers.delivery import LOSSES, losses
from lab.check.checkers.index import Index
from lab.check.checkers.stored import ACKED, FAILED, NONE, Stored, chunks
from lab.check.history import FAIL, PROBE, Array, History

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
# Of the losses of P2a, those that are none.
EXCUSED = {"expired": EXPIRED, "pending": UNREAD, "unsure": UNREAD}


@dataclass(frozen=True)
class Arrival:
    """One read stream's side of every publish: its first place there (or `NONE`), when that copy was stored (or
    `NEVER`), and its fate. `foreign` counts rows that nobody published in this run."""

    region: str
    problem: str  # why nothing may be concluded from what is not there; "" when the stream was read whole
    rows: int
    foreign: int
    position: Array = field(hash=False)
    stored: Array = field(hash=False)
    fate: Array = field(hash=False)
    wanted: Array = field(hash=False)  # whether the stream should hold it at all


def origins(history: History) -> Array:
    """The region of each publish, as an index into the topology's regions."""
    regions = history.run.topology.regions
    of_process = np.array([regions.index(process.region) for process in history.run.processes] or [0], np.uint8)
    origin: Array = of_process[history.publishes["process"]]
    return origin


def arrivals(index: Index) -> dict[str, Arrival]:
    """By region, of what its clients read, where it was read in the end."""
    number = index.messages.numbers(index.history.publishes)
    stored = {region: index.read_of(region) for region in index.topology.regions}
    return {region: _arrival(index, region, read, number) for region, read in stored.items() if read}


def _arrival(index: Index, region: str, stored: Stored, number: Array) -> Arrival:
    times, foreign = np.full(index.messages.count, NEVER, np.int64), 0
    for start, rows in chunks(stored.read.rows):
        numbers = stored.numbers[start : start + len(rows)]
        first = np.flatnonzero(numbers >= 0)
        first = first[stored.first[numbers[first]] == first + start]
        times[numbers[first]] = rows["stored"][first]
        foreign += int(((numbers == NONE) & (rows["flags"] & PROBE == 0)).sum())
    gone = index.dropped(stored).rightly
    times[gone] = index.dropped(stored).arrived[gone] if gone.any() else NEVER
    fate = _fates(index, stored, number)
    wanted = index.wanted(stored.name)[number]
    held, position = len(stored.numbers), stored.first[number]
    return Arrival(region, stored.problem, held, foreign, position, times[number], fate, wanted)


def _fates(index: Index, stored: Stored, number: Array) -> Array:
    """Of each publish, which is of message `number`. A read that was not complete tells nothing of what it lacks."""
    told, there = index.messages.told, stored.first != NONE
    fate: Array = np.full(index.messages.count, ABSENT, np.uint8)
    fate[there] = LANDED
    fate[there & (told == ACKED)] = FINE
    fate[stored.numbers[stored.repeats()]] = DUPLICATE
    fate[there & (told == FAILED)] = PHANTOM
    fate[index.dropped(stored).rightly] = FINE
    fate[(fate == ABSENT) & (told == ACKED) & ~index.wanted(stored.name)] = FINE  # it is where it should be: elsewhere
    lost, kinds = losses(index, stored)
    fate[lost] = np.array([EXCUSED.get(kind, LOST) for kind in LOSSES], np.uint8)[kinds]
    fate = fate[number]
    fate[(fate == ABSENT) & (index.history.publishes["outcome"] == FAIL)] = REFUSED
    if stored.problem:
        fate[(fate == LOST) | (fate == ABSENT)] = UNREAD
    return fate
