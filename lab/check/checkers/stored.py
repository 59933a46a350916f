"""Messages as small numbers, and final reads as arrays of those numbers.

Ids are dense (a process counts from 0), so a message's number is its process's start plus its counter, and all that is
known of messages is in arrays: no sets, no dictionaries. Rows are read in chunks, and what was mapped for a chunk is
given back, so that a run of ten million messages needs tens of bytes for each and not the size of its files.
"""

import mmap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lab.check import payload
from lab.check.history import NOWHERE, OURS, Array, History, Read

CHUNK = 1 << 17
NONE = -1
# What its publisher knows of a message, by all attempts to publish it.
UNTRIED, FAILED, UNKNOWN, ACKED = 0, 1, 2, 3
Numbers = NDArray[np.int32]
Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]


def chunks(rows: Array, size: int = CHUNK) -> Iterator[tuple[int, Array]]:
    """Consecutive parts of an array with the position where each begins."""
    mapped = rows.base if isinstance(rows.base, mmap.mmap) else None
    for start in range(0, len(rows), size):
        yield start, np.asarray(rows[start : start + size])
        if mapped is not None:
            mapped.madvise(mmap.MADV_DONTNEED)  # else the pages of whole files count as this process's memory


def extreme(rows: Array, name: str, of: Callable[[Array], int]) -> int | None:
    """The smallest or largest value of a column; None when there are no rows."""
    values = [int(of(part[name])) for _, part in chunks(rows)]
    return of(np.array(values)) if values else None


def backwards(length: int, size: int = CHUNK) -> Iterator[tuple[int, int]]:
    for stop in range(length, 0, -size):
        yield max(0, stop - size), stop


class Messages:
    """Everything that was published or may have been."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.sizes = np.zeros(len(history.run.processes), np.int64)
        for _, rows in chunks(history.publishes):
            np.maximum.at(self.sizes, rows["process"], rows["counter"].astype(np.int64) + 1)
        self.starts = np.concatenate(([0], np.cumsum(self.sizes)))
        self.count = int(self.starts[-1])
        if self.count > 4 * len(history.publishes) + 1_000_000:
            raise ValueError("the counters of the publishes are not dense")
        self.told = np.zeros(self.count, np.uint8)
        # OK beats INFO beats FAIL: a message that was tried twice is acknowledged when one attempt was.
        rank = np.array([ACKED, FAILED, UNKNOWN], np.uint8)
        for _, rows in chunks(history.publishes):
            np.maximum.at(self.told, self.numbers(rows), rank[rows["outcome"]])
        run = history.run
        self.home = np.array([_place(run.streams, run.home(process)) for process in run.processes], np.uint8)

    def numbers(self, rows: Array) -> Positions:
        """The numbers of rows whose ids are known to be good."""
        numbers: Positions = self.starts[rows["process"]] + rows["counter"]
        return numbers

    def identify(self, rows: Array) -> Numbers:
        """The numbers of stored rows; NONE for one of another run, or whose id this run cannot have made."""
        process = rows["process"].astype(np.int64)
        known = (process < len(self.sizes)) & (rows["flags"] & OURS != 0)
        process[~known] = 0
        if not len(self.sizes):
            return np.full(len(rows), NONE, np.int32)
        known &= rows["counter"] < self.sizes[process]
        return np.where(known, self.starts[process] + rows["counter"], NONE).astype(np.int32)

    def name(self, number: int) -> str:
        process = self.process(number)
        return self.history.message(process, number - int(self.starts[process]))

    def process(self, number: int) -> int:
        return int(np.searchsorted(self.starts, number, "right")) - 1

    def of_region(self, region: str, place: int | None = None) -> Mask:
        """Which messages were published in a region; with `place`, of those that one stream stores first."""
        return self._of(
            process.number
            for process in self.history.run.processes
            if process.region == region and place in (None, self.home[process.number])
        )

    def topics(self, count: NDArray[np.int64]) -> NDArray[np.uint8]:
        """On which of its origin's subjects each message was published; `count` is how many those are, by place."""
        topics = np.zeros(self.count, np.uint8)
        seed = self.history.run.seed
        for process, place in enumerate(self.home):
            most = int(count[place]) if place < len(count) else 0
            numbers = range(int(self.sizes[process]) if most > 1 else 0)
            of_process = [payload.topic(seed, process, counter, most) for counter in numbers]
            topics[self.starts[process] : self.starts[process] + len(of_process)] = of_process
        return topics

    def of_origin(self, place: int) -> Mask:
        """Which messages are stored first in a stream, by its place in `Run.streams`."""
        return self._of(np.flatnonzero(self.home == place))

    def _of(self, processes: Iterable[int]) -> Mask:
        mask = np.zeros(self.count, np.bool_)
        for process in processes:
            mask[self.starts[process] : self.starts[process + 1]] = True
        return mask

    @cached_property
    def acked(self) -> Mask:
        mask: Mask = self.told == ACKED
        return mask


def _place(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else NOWHERE


class Recent:
    """The arrays over all messages that were asked for last: with many streams all of them would not fit."""

    MOST = 8

    def __init__(self) -> None:
        self._kept: dict[str, Numbers] = {}

    def of(self, name: str, make: Callable[[], Numbers]) -> Numbers:
        found = self._kept.pop(name, None)
        self._kept[name] = make() if found is None else found
        if len(self._kept) > self.MOST:
            del self._kept[next(iter(self._kept))]
        return self._kept[name]


class Stored:
    """A stream's final read: which message is at each position, and where each message first is."""

    def __init__(self, read: Read, messages: Messages, disturbed: str = "", recent: Recent | None = None) -> None:
        """`disturbed` says why its copies may lack what they will have again; "" when they do not."""
        self.disturbed, self._count, self._recent = disturbed, messages.count, recent or Recent()
        self.read, self.name, self.region = read, read.stream, read.region
        rows = read.rows
        self.numbers = np.empty(len(rows), np.int32)
        self.ordered, previous = True, -1
        for start, part in chunks(rows):
            self.numbers[start : start + len(part)] = messages.identify(part)
            sequence = part["sequence"].astype(np.int64)
            self.ordered &= bool(sequence[0] > previous and (np.diff(sequence) > 0).all())
            previous = int(sequence[-1])
        # Deleted sequences before `first` are counted by the server too, so that there may be more than are missing.
        self.missing = max(0, read.last - read.first + 1 - len(rows) - read.deleted)
        self.low = int(rows["sequence"][0]) if len(rows) else 1
        self.high = int(rows["sequence"][-1]) if len(rows) else 0

    @property
    def first(self) -> Numbers:
        """The position where each message is first; NONE for those that are not there."""
        return self._recent.of(self.name, self._firsts)

    def _firsts(self) -> Numbers:
        first = np.full(self._count, NONE, np.int32)
        for start, stop in backwards(len(self.numbers)):
            part = self.numbers[start:stop][::-1]
            positions = np.arange(stop - 1, start - 1, -1, dtype=np.int32)
            first[part[part >= 0]] = positions[part >= 0]  # of equal ones the last assignment, the first row
        return first

    @property
    def problem(self) -> str:
        """Why nothing may be concluded from what is not in it; "" when it is whole."""
        if not self.read.complete:
            return f"the final read of {self.name} is incomplete: {self.read.error or 'it gives no reason'}"
        if self.missing:
            return (
                f"the final read of {self.name} lacks {self.missing:,} sequences that the server does not call deleted"
            )
        if not self.ordered:
            return f"the final read of {self.name} is not in the order of its sequences"
        return f"{self.disturbed} when {self.name} was read" if self.disturbed else ""

    @property
    def complete(self) -> bool:
        return not self.problem

    @property
    def contiguous(self) -> bool:
        return self.ordered and self.high - self.low + 1 == len(self.numbers)

    @cached_property
    def _sorted(self) -> tuple[Positions, Positions]:
        sequences = self.read.rows["sequence"].astype(np.int64)
        order = np.argsort(sequences, kind="stable")
        return sequences[order], order

    def find(self, sequences: Array) -> Positions:
        """Positions of sequences, NONE for those that are not there."""
        wanted = sequences.astype(np.int64)
        if self.contiguous:
            return np.where((wanted >= self.low) & (wanted <= self.high), wanted - self.low, NONE)
        known, order = self._sorted
        place = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
        if not len(known):
            return np.full(len(wanted), NONE, np.int64)
        return np.where(known[place] == wanted, order[place], NONE)

    def after(self, sequence: int) -> Numbers:
        """The messages above a sequence."""
        if self.contiguous:
            return self.numbers[max(0, sequence + 1 - self.low) :]
        known, order = self._sorted
        above: Numbers = self.numbers[order[int(np.searchsorted(known, sequence, "right")) :]]
        return above

    def repeats(self) -> Positions:
        """Positions of messages that are there already, further up."""
        found, first = [np.empty(0, np.int64)], self.first
        for start in range(0, len(self.numbers) if len(first) else 0, CHUNK):
            part = self.numbers[start : start + CHUNK]
            again = (part >= 0) & (first[part] != np.arange(start, start + len(part)))
            found.append(np.flatnonzero(again) + start)
        return np.concatenate(found)


@dataclass(frozen=True)
class Arrived:
    """What came from one stream: its lowest and highest sequence (0 and 0: nothing), and how many rows."""

    lowest: int = 0
    highest: int = 0
    rows: int = 0


def arrived_from(stored: Stored, streams: tuple[str, ...]) -> dict[str, Arrived]:
    """Upstream -> what a copy got from it."""
    result: dict[str, Arrived] = {}
    for _, rows in chunks(stored.read.rows):
        origin, sequence = rows["origin"], rows["origin_sequence"]
        for place in np.unique(origin):
            if place >= len(streams):
                continue
            mine = sequence[origin == place]
            low, high = int(mine.min()), int(mine.max())
            before = result.get(streams[place])
            result[streams[place]] = (
                Arrived(min(low, before.lowest), max(high, before.highest), before.rows + len(mine))
                if before
                else Arrived(low, high, len(mine))
            )
    return result
