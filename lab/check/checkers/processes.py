"""What the publishers themselves can tell: P5b (each one's order), P8 (acknowledgements make sense), P10 (subjects)."""

from collections.abc import Iterator

import numpy as np

from lab.check.checkers.examples import Case, Draft, count, judged, pick
from lab.check.checkers.index import Index
from lab.check.checkers.sourcing import late
from lab.check.checkers.stored import NONE, Stored, chunks
from lab.check.history import OK, OURS, SUBJECT


def process_order(index: Index) -> Iterator[Draft]:
    for stored in index.all:
        yield _process_order(index, stored)


def _process_order(index: Index, stored: Stored) -> Draft:
    """A process publishes one at a time, so its messages are stored in its own order: by their first occurrences."""
    starts, home = index.messages.starts, index.messages.home
    own, echoing = index.streams.index(stored.name), stored.name in index.graph.echoing
    checked = 0
    wrong: list[int] = []
    for process in range(len(starts) - 1):
        if index.expected.ways(stored.name, int(home[process])) > 1 or (echoing and int(home[process]) != own):
            continue  # ways are not in step with each other
        first = stored.first[starts[process] : starts[process + 1]]
        there = np.flatnonzero(first != NONE)
        checked += len(there)
        wrong.extend(int(starts[process] + there[place]) for place in np.flatnonzero(late(first[there])))
    cases = []
    for number in pick(np.array(wrong, np.int64)):
        row = stored.read.rows[int(stored.first[number])]
        what = f"{stored.name} {int(row['sequence']):,} stands before a message that its process published earlier"
        cases.append(Case(number, what, int(row["stored"])))
    return judged(
        "P5b",
        stored.name,
        checked,
        len(wrong),
        f"{count(checked, 'message')} in the order of their processes",
        f"{len(wrong):,} of {count(checked, 'message')} stand before one that its process published earlier",
        cases,
        stored.problem if not stored.ordered else "",
    )


def acknowledgements(index: Index) -> Iterator[Draft]:
    for origin in index.layout.origins:
        yield _acknowledgements(index, origin.key)


def _acknowledgements(index: Index, name: str) -> Draft:
    """By what was acknowledged alone, whatever the stream holds: no sequence twice, and rising for each process."""
    messages, home = index.messages, index.streams.index(name)
    given, numbers, times = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for _, rows in chunks(index.history.publishes):
        acked = rows[(rows["outcome"] == OK) & (rows["stream"] == home) & (rows["duplicate"] == 0)]
        given.append(acked["sequence"].astype(np.uint64))
        numbers.append(messages.numbers(acked))
        times.append(acked["completed"].astype(np.int64))
    sequence, number = np.concatenate(given), np.concatenate(numbers)
    order = np.argsort(sequence, kind="stable")
    again = order[1:][sequence[order[1:]] == sequence[order[:-1]]]
    owners = np.searchsorted(messages.starts, number, "right").astype(np.int32)
    by_process = np.lexsort((np.concatenate(times), owners))
    owners, values = owners[by_process], sequence[by_process]
    falling = by_process[1:][(owners[1:] == owners[:-1]) & (values[1:] < values[:-1])]
    wrong = {int(place): "gave it the sequence {} that another message has" for place in again}
    for place in falling:
        wrong.setdefault(int(place), "gave it the sequence {}, lower than its process got before")
    cases = [
        Case(int(number[place]), f"{name} " + wrong[place].format(f"{int(sequence[place]):,}"))
        for place in pick(np.array(sorted(wrong), np.int64))
    ]
    return judged(
        "P8",
        name,
        len(sequence),
        len(wrong),
        f"{count(len(sequence), 'acknowledgement')}: no sequence given twice, rising for each process",
        f"{len(wrong):,} of {count(len(sequence), 'acknowledgement')} gave a sequence twice, or a falling one",
        cases,
    )


def subjects(index: Index) -> Iterator[Draft]:
    for stored in index.all:
        found = [np.empty(0, np.int64)]
        ours = 0
        for start, rows in chunks(stored.read.rows):
            mine = rows["flags"] & OURS != 0
            ours += int(mine.sum())
            found.append(np.flatnonzero(mine & (rows["flags"] & SUBJECT == 0)) + start)
        wrong = np.concatenate(found)
        cases = [
            Case(
                int(stored.numbers[place]),
                f"{stored.name} {int(stored.read.rows[place]['sequence']):,} has another subject than it should",
                int(stored.read.rows[place]["stored"]),
            )
            for place in pick(wrong)
        ]
        yield judged(
            "P10",
            stored.name,
            ours,
            len(wrong),
            f"{count(ours, 'row')} with the right subject",
            f"{len(wrong):,} of {count(ours, 'row')} have another subject than they should",
            cases,
            stored.problem,
        )
