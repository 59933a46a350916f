"""What each copy made of the streams that it takes from: P4 (faithful, once), P5a (order), P5c (no gaps).

A copy's rows name pairs of upstream and sequence. All pairs of one stream lie in one array, upstream after upstream,
with the position where each is first; everything is read off that array. An origin here is a stream that the copy takes
from itself, be it a copy too: what several hops make of a message is judged hop by hop.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lab.check.checkers.examples import Case, Draft, count, judged, pick
from lab.check.checkers.index import Index
from lab.check.checkers.stored import NONE, Arrived, Mask, Numbers, Positions, Stored, backwards, chunks
from lab.check.history import PROBE, Array

SPARE = 1_000_000  # places of 4 bytes that an array may have more than there are rows


@dataclass(frozen=True)
class Origin:
    """One upstream's part of the array: `low` is the sequence of its first place."""

    name: str
    number: int
    start: int
    low: int
    size: int
    write: Stored | None


class Sourced:
    """One copy, by origin: `first` is the position of each pair, NONE where there is none."""

    def __init__(self, index: Index, stored: Stored) -> None:
        self.index, self.stored = index, stored
        self.origins = list(_origins(index, stored))
        size = sum(origin.size for origin in self.origins)
        if size > 4 * (len(stored.numbers) + index.messages.count) + 4 * SPARE:
            raise ValueError(f"the sequences that {stored.name} names are not dense")
        self.first = np.full(size, NONE, np.int32)
        for start, stop in backwards(len(stored.numbers)):
            places = self.places(stored.read.rows[start:stop])[::-1]
            positions = np.arange(stop - 1, start - 1, -1, dtype=np.int32)
            self.first[places[places >= 0]] = positions[places >= 0]

    def places(self, rows: Array) -> Positions:
        """Each row's place in the array; NONE when it names no entry that an origin can have."""
        places = np.full(len(rows), NONE, np.int64)
        sequence = rows["origin_sequence"].astype(np.int64)
        for origin in self.origins:
            offset = sequence - origin.low
            mine = (rows["origin"] == origin.number) & (offset >= 0) & (offset < origin.size)
            places[mine] = offset[mine] + origin.start
        places[self.index.sourced_before(self.stored, rows)] = NONE
        return places

    def of(self, origin: Origin) -> Numbers:
        return self.first[origin.start : origin.start + origin.size]


def _origins(index: Index, stored: Stored) -> Iterator[Origin]:
    start = 0
    for name in index.graph.upstream(stored.name):
        if name not in index.streams:
            continue
        write, arrived = index.stored.get(name), index.arrived[stored.name].get(name, Arrived())
        low = arrived.lowest or (write.read.first if write else 1)
        high = max(write.read.last, write.high) if write else arrived.highest
        if high < arrived.highest < high + SPARE + len(stored.numbers):
            high = arrived.highest  # entries that the write stream does not have: P4's, but their order counts
        if high - low > SPARE + 4 * len(stored.numbers):
            low = max(low, index.before.get(name, 0) + 1)  # what was sourced again is far below
        size = max(0, high - low + 1)
        yield Origin(name, index.streams.index(name), start, low, size, write)
        start += size


def sourcing(index: Index) -> Iterator[Draft]:
    for stored in index.reads:
        sourced = Sourced(index, stored)
        if not index.expected.repeats(stored.name):
            yield _faithful(sourced)
        yield _in_order(sourced)
        yield _no_gap(sourced)


# --- P4 ---


def _faithful(sourced: Sourced) -> Draft:
    stored = sourced.stored
    twice, other, nowhere = _unfaithful(sourced)
    cases = [
        *(_twice(sourced, place) for place in pick(twice, 4 if len(other) + len(nowhere) else 8)),
        *(_case(sourced, place, "names an entry that holds another message") for place in pick(other, 4)),
        *(_case(sourced, place, "names no entry of a stream that it takes from") for place in pick(nowhere, 4)),
    ]
    rows = len(stored.numbers)
    told = [
        (len(twice), "name an entry that was sourced already: the server duplicated them"),
        (len(other), "name an entry that holds another message"),
        (len(nowhere), "name no entry of a stream that it takes from"),
    ]
    doubts = [origin.write.problem if origin.write else f"{origin.name} was not read" for origin in sourced.origins]
    return judged(
        "P4",
        stored.name,
        rows,
        len(twice) + len(other) + len(nowhere),
        f"each of {count(rows, 'row')} comes from one entry of one stream, and each entry was used once",
        f"of {count(rows, 'row')}, " + ", ".join(f"{number:,} {text}" for number, text in told if number),
        cases[:8],
        stored.problem or next((doubt for doubt in doubts if doubt), ""),
    )


def _unfaithful(sourced: Sourced) -> tuple[Positions, Positions, Positions]:
    stored = sourced.stored
    twice, other, nowhere = ([np.empty(0, np.int64)] for _ in range(3))
    for start, rows in chunks(stored.read.rows):
        numbers, places = stored.numbers[start : start + len(rows)], sourced.places(rows)
        known = places >= 0
        again = known & (sourced.first[places] != np.arange(start, start + len(rows))) if len(sourced.first) else ~known
        again &= known
        old = sourced.index.sourced_before(stored, rows)
        again |= old
        twice.append(np.flatnonzero(again) + start)
        nowhere.append(np.flatnonzero(_names_nothing(sourced, rows) & ~old) + start)
        other.append(np.flatnonzero(_differs(sourced, rows, numbers)) + start)
    return np.concatenate(twice), np.concatenate(other), np.concatenate(nowhere)


def _names_nothing(sourced: Sourced, rows: Array) -> Mask:
    """Whether a row names no upstream, or an entry behind the end of one. What was published into the copy itself has
    none."""
    stored, streams = sourced.stored, sourced.index.streams
    result = np.ones(len(rows), np.bool_)
    if sourced.index.graph.by_key[stored.name].is_origin:
        result = rows["origin"] != streams.index(stored.name)
    for origin in sourced.origins:
        mine = rows["origin"] == origin.number
        if origin.write and origin.write.complete:
            mine &= rows["origin_sequence"] <= max(origin.write.read.last, origin.write.high)
        result &= ~mine
    if stored.name in sourced.index.graph.marking:
        result &= rows["flags"] & PROBE == 0  # a mark of its own
    return result


def _differs(sourced: Sourced, rows: Array, numbers: Numbers) -> Mask:
    """Whether the entry that a row names is there and holds another message."""
    result = np.zeros(len(rows), np.bool_)
    for origin in sourced.origins:
        if origin.write and len(origin.write.numbers):
            mine = np.flatnonzero(rows["origin"] == origin.number)
            places = origin.write.find(rows["origin_sequence"][mine])
            held = origin.write.numbers[places]
            result[mine] = (places >= 0) & (held != numbers[mine])
    return result


def _case(sourced: Sourced, place: int, what: str) -> Case:
    row = sourced.stored.read.rows[place]
    where = f"{sourced.stored.name} {int(row['sequence']):,}"
    if int(row["origin"]) < len(sourced.index.streams):
        what += f" ({sourced.index.streams[int(row['origin'])]} {int(row['origin_sequence']):,})"
    return Case(int(sourced.stored.numbers[place]), f"{where} {what}", int(row["stored"]))


def _twice(sourced: Sourced, place: int) -> Case:
    rows = sourced.stored.read.rows
    if sourced.index.sourced_before(sourced.stored, rows[place : place + 1])[0]:
        return _case(sourced, place, "names an entry that was sourced before the run: the server duplicated it")
    earlier = int(sourced.first[sourced.places(rows[place : place + 1])[0]])
    return _case(
        sourced, place, f"names the same entry as {int(rows[earlier]['sequence']):,}: the server duplicated it"
    )


# --- P5a ---


def late(positions: Numbers) -> Mask:
    """Which of some positions come before one that should come earlier."""
    result = np.zeros(len(positions), np.bool_)
    if len(positions):
        result[1:] = positions[1:] < np.maximum.accumulate(positions)[:-1]
    return result


def _in_step(sourced: Sourced, origin: Origin) -> bool:
    """Whether all comes from an origin by one entry of `sources`: several are consumers of which none waits."""
    return sum(edge.upstream == origin.name for edge in sourced.index.graph.into(sourced.stored.name)) == 1


def _in_order(sourced: Sourced) -> Draft:
    """On first occurrences: a second one is P4's, and would only hide what is out of order by itself."""
    stored = sourced.stored
    checked, violations = 0, 0
    cases: list[Case] = []
    for origin in sourced.origins:
        positions = sourced.of(origin)
        positions = positions[positions != NONE]
        if not _in_step(sourced, origin):
            continue
        wrong = np.flatnonzero(late(positions))
        checked += len(positions)
        violations += len(wrong)
        for place in pick(wrong):
            row = stored.read.rows[int(positions[place])]
            what = (
                f"{stored.name} {int(row['sequence']):,} is {origin.name} {int(row['origin_sequence']):,}, "
                f"which stands before an earlier entry of {origin.name}"
            )
            cases.append(Case(int(stored.numbers[positions[place]]), what, int(row["stored"])))
    return judged(
        "P5a",
        stored.name,
        checked,
        violations,
        f"{count(checked, 'entry')} in the order of their origins",
        f"{violations:,} of {count(checked, 'row')} stand before an entry that its origin has earlier",
        cases,
        stored.problem if stored.problem and not stored.ordered else "",
    )


# --- P5c ---


def _no_gap(sourced: Sourced) -> Draft:
    index, stored = sourced.index, sourced.stored
    checked, pending = 0, 0
    gone = index.dropped(stored)
    doubts: list[str] = [stored.problem, gone.doubt]
    gaps: list[tuple[Origin, Positions]] = []
    for origin in sourced.origins:
        if origin.write is None or not origin.write.complete:
            doubts.append(origin.write.problem if origin.write else f"{origin.name} was not read")
            continue
        sequences = np.flatnonzero(sourced.of(origin) == NONE).astype(np.int64) + origin.low
        checked += origin.size
        sequences = sequences[origin.write.find(sequences) >= 0]  # not those that expired or were deleted
        if origin.name in index.graph.marking and len(sequences):  # nor marks, which go by themselves
            sequences = sequences[origin.write.numbers[origin.write.find(sequences)] >= 0]
        if not _selects_all(sourced, origin) and len(sequences):
            numbers = origin.write.numbers[origin.write.find(sequences)]
            sequences = sequences[(numbers >= 0) & index.along(origin.name, stored.name)[numbers]]
        if gone.limits and len(sequences):  # nor those that the copy may have dropped, as it may what has no number
            numbers = origin.write.numbers[origin.write.find(sequences)]
            sequences = sequences[(numbers >= 0) & ~gone.either[numbers]]
        if not index.waited:
            highest = index.arrived[stored.name].get(origin.name, Arrived()).highest
            pending += int((sequences > highest).sum())
            sequences = sequences[sequences <= highest]
        gaps.append((origin, sequences))
    violations = sum(len(sequences) for _, sequences in gaps) if stored.complete else 0
    if pending:
        doubts.append(f"{count(pending, 'message')} may still have been under way when the run ended")
    cases = [
        _gap(origin, stored, int(sequences[place]))
        for origin, sequences in gaps
        if violations
        for place in pick(np.arange(len(sequences)))
    ]
    told = ", ".join(f"{len(sequences):,} of {origin.name}" for origin, sequences in gaps if len(sequences))
    return judged(
        "P5c",
        stored.name,
        checked,
        violations,
        f"no gap in {count(checked, 'sequence')} of the streams that it takes from",
        f"{violations:,} of {count(checked, 'sequence')} of the streams that it takes from were left out: {told}",
        cases,
        next((doubt for doubt in doubts if doubt), ""),
    )


def _selects_all(sourced: Sourced, origin: Origin) -> bool:
    graph = sourced.index.graph
    return any(graph.takes_all(edge) for edge in graph.into(sourced.stored.name) if edge.upstream == origin.name)


def _gap(origin: Origin, stored: Stored, sequence: int) -> Case:
    assert origin.write
    place = int(origin.write.find(np.array([sequence]))[0])
    return Case(
        int(origin.write.numbers[place]),
        f"{stored.name} left out {origin.name} {sequence:,}",
        int(origin.write.read.rows[place]["stored"]),
    )
