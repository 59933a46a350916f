"""What live readers saw: P7 (what was seen once stays), P11 (consumers deliver everything, in order)."""

from collections.abc import Iterator

import numpy as np

from lab.check.checkers.examples import Case, Draft, count, judged, pick, seconds
from lab.check.checkers.index import Index
from lab.check.checkers.stored import NONE, Mask, Positions, Stored, chunks
from lab.check.history import ACKED, PROBE, SECOND, Array

STUCK = 30 * SECOND  # a reader that got nothing for so long, with something to get, is stuck and not slow


def stable(index: Index) -> Iterator[Draft]:
    for (region, reader), live in sorted(index.history.live.items()):
        stored = index.read_of(region)
        if stored is None or not len(live):
            continue
        found = [np.empty(0, np.int64)]
        for start, rows in chunks(live):
            places = stored.find(rows["sequence"])
            held = stored.numbers[places] if len(stored.numbers) else np.full(len(rows), NONE)
            wrong = (places >= 0) & (held != index.messages.identify(rows))
            if stored.complete:
                given = (rows[name] for name in ("sequence", "time", "process", "counter"))
                gone = (rows["sequence"] <= stored.read.last) & index.kept(stored).explains(*given)
                if stored.name in index.graph.marking:
                    gone |= rows["flags"] & PROBE != 0  # a mark, which goes by itself
                wrong |= (places == NONE) & ~gone
            found.append(np.flatnonzero(wrong) + start)
        wrong_rows = np.concatenate(found)
        cases = [_unstable(index, stored, reader, live[place]) for place in pick(wrong_rows)]
        yield judged(
            "P7",
            f"{region} {reader}",
            len(live),
            len(wrong_rows),
            f"{count(len(live), 'delivery')}, all of them in the final read at the same sequence",
            f"{len(wrong_rows):,} of {count(len(live), 'delivery')} are not in the final read as they were given",
            cases,
            stored.problem,
        )


def _unstable(index: Index, stored: Stored, reader: str, row: Array) -> Case:
    sequence, time = int(row["sequence"]), int(row["time"])
    number = int(index.messages.identify(row.reshape(1))[0])
    place = int(stored.find(np.array([sequence]))[0])
    held = int(stored.numbers[place]) if place >= 0 else NONE
    now = "gone" if place == NONE else index.messages.name(held) if held >= 0 else "a message that is not of this run"
    given = f"the {reader} reader of {stored.region} was given {stored.name} {sequence:,} at {seconds(time)}"
    return Case(number, f"{given}; it is now {now}", time)


def consumers(index: Index) -> Iterator[Draft]:
    for (place, reader), live in sorted(index.history.live.items()):
        stored = index.read_of(place)
        if stored is None or not len(live):
            continue
        yield (_ordered if reader == "ordered" else _durable)(index, stored, place, reader, live)


def _ordered(index: Index, stored: Stored, place: str, reader: str, live: Array) -> Draft:
    """Each delivery is the stream's next entry after the one before."""
    back, gaps = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    previous: tuple[int, int] | None = None
    for start, rows in chunks(live):
        sequence = rows["sequence"].astype(np.int64)
        places = stored.find(sequence)
        before_sequence = np.concatenate(([previous[0] if previous else sequence[0] - 1], sequence[:-1]))
        before_place = np.concatenate(([previous[1] if previous else NONE], places[:-1]))
        back.append(np.flatnonzero(sequence <= before_sequence) + start)
        # Between two that are there, everything that is there; what is not there any more is P7's.
        gaps.append(np.flatnonzero((places >= 0) & (before_place >= 0) & (places > before_place + 1)) + start)
        previous = int(sequence[-1]), int(places[-1])
    fell, jumped = np.concatenate(back), np.concatenate(gaps)
    cases = [_delivery(index, stored, reader, live[at], "after a later one") for at in pick(fell, 4)] + [
        _delivery(index, stored, reader, live[at], "and what stands before it never came") for at in pick(jumped, 4)
    ]
    told = [(len(fell), "out of order or again"), (len(jumped), "after a gap")]
    return judged(
        "P11",
        f"{place} {reader}",
        len(live),
        len(fell) + len(jumped),
        f"{len(live):,} delivered in order, without a gap",
        f"of {len(live):,} delivered, " + ", ".join(f"{number:,} {text}" for number, text in told if number),
        cases,
        stored.problem,
    )


def _durable(index: Index, stored: Stored, place: str, reader: str, live: Array) -> Draft:
    """Everything at least once, nothing again after its acknowledgement was confirmed."""
    seen = np.zeros(len(stored.numbers), np.bool_)
    acked = np.zeros(len(stored.numbers), np.bool_)
    again = [np.empty(0, np.int64)]
    last = 0
    for start, rows in chunks(live):
        places = stored.find(rows["sequence"])
        there = places >= 0
        again.append(np.flatnonzero(_redelivered(places, rows["flags"] & ACKED != 0, acked)) + start)
        seen[places[there]] = True
        acked[places[there & (rows["flags"] & ACKED != 0)]] = True
        last = max(last, int(rows["time"].max()))
    redelivered = np.concatenate(again)
    skipped, tail = _undelivered(seen)
    stuck = len(tail) > 0 and _stuck(index, stored, tail, last)
    missing = np.concatenate((skipped, tail)) if stuck else skipped
    if not stored.complete:
        missing = missing[:0]
    cases = [
        _delivery(index, stored, reader, live[at], "again after its acknowledgement") for at in pick(redelivered, 4)
    ]
    for at in pick(missing, 4):
        row = stored.read.rows[at]
        what = f"{stored.name} {int(row['sequence']):,} never came to the {reader} reader of {stored.region}"
        cases.append(Case(int(stored.numbers[at]), what, int(row["stored"])))
    told = [
        (len(redelivered), "came again after their acknowledgement"),
        (len(missing), "never came" + (f"; nothing came after {seconds(last)}" if stuck else "")),
    ]
    return judged(
        "P11",
        f"{place} {reader}",
        len(live),
        len(redelivered) + len(missing),
        f"all of {count(int(seen.sum()), 'row')} came to the {reader} reader",
        f"of {count(len(stored.numbers), 'row')}, "
        + ", ".join(f"{number:,} {text}" for number, text in told if number),
        cases,
        stored.problem or (f"the reader ended before it had the last {len(tail):,} rows" if len(tail) else ""),
    )


def _redelivered(places: Positions, confirmed: Mask, acked: Mask) -> Mask:
    """Which deliveries come after a confirmed acknowledgement of the same entry, before this chunk or in it."""
    result = (places >= 0) & (acked[places] if len(acked) else False)
    order = np.argsort(places, kind="stable")
    same = np.zeros(len(places), np.bool_)
    if len(places):
        sorted_places, sorted_confirmed = places[order], confirmed[order]
        begins = np.concatenate(([True], sorted_places[1:] != sorted_places[:-1]))
        group = np.cumsum(begins) - 1
        before: Positions = np.cumsum(sorted_confirmed) - sorted_confirmed
        same[order] = (before > before[np.flatnonzero(begins)][group]) & (sorted_places >= 0)
    again: Mask = result | same
    return again


def _undelivered(seen: Mask) -> tuple[Positions, Positions]:
    """Positions that were skipped, and those after the last that came. What is before the first was not asked for."""
    there = np.flatnonzero(seen)
    if not len(there):
        return np.empty(0, np.int64), np.arange(len(seen))
    first, last = int(there[0]), int(there[-1])
    return np.flatnonzero(~seen[first:last]) + first, np.arange(last + 1, len(seen))


def _stuck(index: Index, stored: Stored, tail: Positions, last: int) -> bool:
    ends = index.read_began
    if ends is None or index.history.run.jump:
        return False
    return ends - max(last, int(stored.read.rows[int(tail[0])]["stored"])) > STUCK


def _delivery(index: Index, stored: Stored, reader: str, row: Array, what: str) -> Case:
    number = int(index.messages.identify(row.reshape(1))[0])
    time = int(row["time"])
    told = (
        f"the {reader} reader of {stored.region} got {stored.name} {int(row['sequence']):,} at {seconds(time)} {what}"
    )
    return Case(number, told, time)
