"""What a client of `--client` did and told: C1 to C5 (`registry.py`)."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from lab.check.checkers.conditions import Conditions, Window
from lab.check.checkers.examples import Case, Draft, count, judged, pick, seconds
from lab.check.checkers.index import Index
from lab.check.checkers.readers import STUCK
from lab.check.checkers.stored import NONE, Stored
from lab.check.history import (
    ACKED,
    CLIENT,
    FAIL,
    OK,
    ROAMING,
    SECOND,
    Array,
    ClientReader,
    ClientRecord,
)

PROPERTIES = ("C1", "C2", "C3", "C4", "C5")
Keys = NDArray[np.int64]
LEAST = 10  # acknowledged messages of a place, for a verdict about it
TOLD = ("ok", "fail", "unknown")  # as the protocol calls the outcomes
ORDERED = ("ordered", "watch")


def clients(index: Index) -> Iterator[Draft]:
    """All findings about the client, if there was one."""
    record = index.history.client
    if record is None:
        return
    calm = _Calm(index)
    yield from _answers(record)
    for process, place in enumerate(record.places):
        rows = record.publishes[record.publishes["process"] == process]
        yield _truth(index, record, place, rows)
        yield _once(index, place, rows)
        yield _publishing(index, calm, place, rows)
    for reader in record.readers:
        held = _held(index, reader)
        yield _delivered(index, reader, held)
        yield _flowing(index, calm, reader, held)


def keys(rows: Array) -> Keys:
    """The ids of rows as numbers."""
    made: Keys = rows["process"].astype(np.int64) << 32 | rows["counter"].astype(np.int64)
    return made


def name(record: ClientRecord, key: int) -> str:
    process = key >> 32
    place = record.places[process] if process < len(record.places) else "nobody"
    return f"client/{place}:{key & 0xFFFFFFFF}"


def _answers(record: ClientRecord) -> Iterator[Draft]:
    processes = [f"{place} {task}" for place in record.places for task in ("publisher", "reader")]
    for process in processes:
        found = [failure for failure in record.failures if failure.process == process]
        place = process.partition(" ")[0]
        asked = int((record.publishes["process"] == record.places.index(place)).sum())
        if process.endswith("reader"):
            asked = sum(len(reader.rows) for reader in record.readers if reader.place == place)
        cases = [Case(NONE, failure.sentence, failure.time) for failure in found]
        first = f"at {seconds(found[0].time)}: {found[0].sentence.splitlines()[0]}" if found else ""
        yield judged("C1", process, max(1, asked), len(found), f"answered throughout ({record.client})", first, cases)


# --- what it published ---


def _client_rows(stored: Stored) -> Array:
    rows = stored.read.rows
    return np.asarray(rows[rows["flags"] & CLIENT != 0])


def _truth(index: Index, record: ClientRecord, place: str, rows: Array) -> Draft:
    good, refused = rows[rows["outcome"] == OK], keys(rows[rows["outcome"] == FAIL])
    misplaced, wrong, doubt = np.zeros(len(good), np.bool_), [], _doubt(index, [*index.writes, *index.reads])
    for write in index.writes:
        found = _client_rows(write)
        here = np.flatnonzero(good["stream"] == index.streams.index(write.name))
        there = dict(zip(found["sequence"].tolist(), keys(found).tolist(), strict=True))
        for at, sequence, key in zip(here, good["sequence"][here].tolist(), keys(good[here]).tolist(), strict=True):
            misplaced[at] = there.get(sequence) != key
        stored = np.isin(refused, keys(found))
        wrong += [(key, f"told as failed, and {write.name} has it") for key in refused[stored].tolist()]
    misplaced |= good["stream"] >= len(index.streams)
    wrong += [(key, "told as published, and not where it says") for key in keys(good[misplaced]).tolist()]
    for read in index.reads:
        lost = ~np.isin(keys(good), keys(_client_rows(read))) & ~misplaced
        wrong += [(key, f"told as published, and {read.name} does not have it") for key in keys(good[lost]).tolist()]
    if doubt:
        wrong = []
    tally = ", ".join(f"{int((rows['outcome'] == number).sum()):,} {word}" for number, word in enumerate(TOLD))
    cases = [_published(record, rows, *wrong[at]) for at in pick(np.arange(len(wrong)))]
    kinds: dict[str, int] = {}
    for _, what in wrong:
        kinds[what] = kinds.get(what, 0) + 1
    bad = "; ".join(f"{number:,} {what}" for what, number in kinds.items())
    if len(good) < LEAST and not wrong:
        doubt = doubt or f"it published {len(good)} messages ({tally}), too few to tell"
    return judged("C2", f"{place} publisher", len(rows), len(wrong), f"{tally}, as it is", bad, cases, doubt)


def _published(record: ClientRecord, rows: Array, key: int, what: str) -> Case:
    row = rows[keys(rows) == key][0]
    why = record.errors[int(row["error"])] if int(row["error"]) < len(record.errors) else ""
    told = TOLD[int(row["outcome"])] + (f" ({why})" if why else "")
    time = int(row["invoked"])
    return Case(
        NONE,
        f"{what}: published at {seconds(time)}, {told} at {seconds(int(row['completed']))}",
        time,
        name(record, key),
    )


def _once(index: Index, place: str, rows: Array) -> Draft:
    record, mine = index.history.client, keys(rows)
    assert record
    found = np.concatenate([keys(_client_rows(write)) for write in index.writes] or [np.empty(0, np.int64)])
    stored, counts = np.unique(found[np.isin(found, mine)], return_counts=True)
    twice = stored[counts > 1]
    cases = [_published(record, rows, int(twice[at]), "stored more than once") for at in pick(np.arange(len(twice)))]
    return judged(
        "C3",
        f"{place} publisher",
        len(rows),
        len(twice),
        f"{count(len(stored), 'message')} stored, each once",
        f"{count(len(twice), 'message')} of {len(stored):,} stored more than once",
        cases,
        _doubt(index, index.writes),
    )


def _doubt(index: Index, streams: Iterable[Stored]) -> str:
    return next((s.problem or f"{s.name} drops what is too old" for s in streams if s.problem or index.expiring(s)), "")


# --- what it passed on ---


def _held(index: Index, reader: ClientReader) -> Array | None:
    """The client's messages in what was read; None where that is not known."""
    if reader.kind == "watch":
        return reader.bucket
    stored = index.read_of(reader.region)
    return None if stored is None or _doubt(index, [stored]) else _client_rows(stored)


def _delivered(index: Index, reader: ClientReader, held: Array | None) -> Draft:
    record, rows = index.history.client, reader.rows
    assert record
    if held is None:
        return judged("C4", reader.name, len(rows), 0, "", "", (), "what it read from was not read back whole")
    sequences = rows["sequence"].astype(np.int64)
    last = int(sequences.max()) if len(rows) else 0
    due = held[held["sequence"] <= last]
    missing = due[~np.isin(due["sequence"], rows["sequence"])]
    wrong = ~np.isin(keys(rows), keys(held)) | (rows["flags"] == 0)
    again = _after_acknowledgement(rows)
    back = np.flatnonzero(np.diff(sequences) <= 0) + 1 if reader.kind in ORDERED else np.empty(0, np.int64)
    told = [
        (len(missing), "never came"),
        (int(wrong.sum()), "are not in the stream as they came"),
        (len(again), "came again after their acknowledgement"),
        (len(back), "came again or out of order"),
    ]
    cases = [
        Case(
            NONE,
            f"{reader.name}: sequence {int(row['sequence']):,} never came",
            int(row["stored"]),
            name(record, int(keys(row.reshape(1))[0])),
        )
        for row in missing[pick(np.arange(len(missing)), 4)]
    ]
    for places, what in (
        (np.flatnonzero(wrong), "is not in the stream as it came"),
        (again, "came again after its acknowledgement"),
        (back, "came again or out of order"),
    ):
        for row in rows[pick(places, 4)]:
            said = f"{reader.name}: sequence {int(row['sequence']):,} {what}, at {seconds(int(row['time']))}"
            cases.append(Case(NONE, said, int(row["time"]), name(record, int(keys(row.reshape(1))[0]))))
    return judged(
        "C4",
        reader.name,
        len(rows),
        sum(number for number, _ in told),
        f"{count(len(rows), 'delivery')} of {count(len(held), 'message')}",
        f"of {count(len(held), 'message')}, " + ", ".join(f"{number:,} {what}" for number, what in told if number),
        cases,
        "" if len(held) >= LEAST else f"there were {len(held)} messages, too few to tell",
    )


def _after_acknowledgement(rows: Array) -> NDArray[np.int64]:
    """Rows that come after one of the same sequence whose acknowledgement was confirmed."""
    acknowledged: set[int] = set()
    again = []
    for at, (sequence, flags) in enumerate(zip(rows["sequence"].tolist(), rows["flags"].tolist(), strict=True)):
        if sequence in acknowledged:
            again.append(at)
        if flags & ACKED:
            acknowledged.add(sequence)
    return np.array(again, np.int64)


# --- how long it was silent ---


class _Calm:
    """When each place was left alone."""

    def __init__(self, index: Index) -> None:
        conditions = Conditions(index.history)
        windows = {region: _calm(conditions.of(region)) for region in index.topology.regions}
        everywhere = next(iter(windows.values()), [])
        for each in windows.values():
            everywhere = [(max(a, c), min(b, d)) for a, b in everywhere for c, d in each if max(a, c) < min(b, d)]
        self._windows = windows | {ROAMING: everywhere}

    def within(self, place: str, began: int, ended: int) -> int:
        """How much of a stretch."""
        return sum(max(0, min(ended, b) - max(began, a)) for a, b in self._windows.get(place, []))


def _calm(windows: Iterable[Window]) -> list[tuple[int, int]]:
    return [(window.began, window.ended) for window in windows if window.calm and window.condition.majority]


Stretch = tuple[int, int]


def _stretches(available: Keys, times: Keys, began: int) -> list[Stretch]:
    """From when something could have come, and nothing did, until it came. `times` rise; `available` is of the same
    things."""
    before = np.concatenate(([began], times[:-1]))
    return list(zip(np.maximum(before, available).tolist(), times.tolist(), strict=True))


def _silence(index: Index, calm: _Calm, place: str, of: str, stretches: list[Stretch], told: str, doubt: str) -> Draft:
    longest = max(stretches, key=lambda each: each[1] - each[0], default=(0, 0))
    judgeable = [(calm.within(place, *each), each) for each in stretches if each[1] - each[0] > STUCK]
    stalls = [each for within, each in judgeable if within > STUCK]
    faults = ", ".join(fault.what for fault in index.history.active(longest[0])) or "no fault"
    silent = max(0, longest[1] - longest[0])
    good = f"silent for {silent / SECOND:.1f} s at most, from {seconds(longest[0])} on ({faults} in force then){told}"
    cases = [
        Case(NONE, f"{of} was silent from {seconds(began)} to {seconds(ended)}", began) for began, ended in stalls[:4]
    ]
    bad = f"stalled {len(stalls)} times; {good}"
    return judged("C5", of, len(stretches), len(stalls), good, bad, cases, doubt)


def _publishing(index: Index, calm: _Calm, place: str, rows: Array) -> Draft:
    good = rows[rows["outcome"] == OK]
    order = np.argsort(good["completed"], kind="stable")
    stretches = _stretches(good["intended"][order], good["completed"][order], 0)
    if len(rows):
        after = int(good["completed"].max()) if len(good) else int(rows["intended"][0])
        stretches.append((after, int(rows["completed"][-1])))
    return _silence(
        index, calm, place, f"{place} publisher", stretches, "", "" if len(rows) else "it published nothing"
    )


def _flowing(index: Index, calm: _Calm, reader: ClientReader, held: Array | None) -> Draft:
    if held is None:
        return judged("C5", reader.name, 0, 0, "", "", (), "what it read from was not read back whole")
    firsts, at = np.unique(reader.rows["sequence"], return_index=True)
    came = np.sort(at)  # first deliveries, in the order of time
    times, sequences = reader.rows["time"][came], reader.rows["sequence"][came]
    places = np.minimum(np.searchsorted(held["sequence"], sequences), max(0, len(held) - 1))
    available = held["stored"][places] if len(held) else np.zeros(len(times), np.int64)
    stretches = _stretches(available, times, reader.began)
    left = held[~np.isin(held["sequence"], firsts)]
    left = left[left["sequence"] > (int(firsts.max()) if len(firsts) else 0)]
    doubt = "" if len(held) else "there was nothing to read"
    if len(left):
        last = int(times[-1]) if len(times) else reader.began
        tail = max(last, int(left["stored"][0])), reader.ended
        stretches.append(tail)
        doubt = f"the last {len(left):,} messages had not come when the run ended"
    return _silence(
        index, calm, reader.place, reader.name, stretches, _after_depositions(reader, times, available), doubt
    )


def _after_depositions(reader: ClientReader, times: Keys, available: Keys) -> str:
    """How long until something came after a leader change of its consumer."""
    waits = []
    for moment in reader.deposed:
        at = int(np.searchsorted(times, moment, "right"))
        if at < len(times):
            waits.append(int(times[at]) - max(moment, int(available[at])))
    if not waits:
        return ""
    return f"; after {count(len(waits), 'leader change')} of its consumer for {max(waits) / SECOND:.1f} s at most"
