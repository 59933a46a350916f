"""What became of each message: P1 (its write stream holds it), P2a (no loss), P2b (no duplicates), P3 (no phantoms)."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lab.check.checkers.examples import Case, Draft, count, judged, pick
from lab.check.checkers.index import Index
from lab.check.checkers.retention import Limits
from lab.check.checkers.stored import ACKED, FAILED, NONE, UNTRIED, Mask, Numbers, Positions, Stored, chunks
from lab.check.history import INTACT, OK, OURS, PROBE, Array
from lab.streamgraph.flow import behind

# --- P1 ---


def origin_durability(index: Index) -> Iterator[Draft]:
    for name in (origin.key for origin in index.layout.origins):
        write = index.stored.get(name)
        if write is None:
            yield judged("P1", name, 0, 0, "", "", doubt=f"{name} was not read")
        else:
            yield _durable(index, write)


def _durable(index: Index, write: Stored) -> Draft:
    messages, home = index.messages, index.streams.index(write.name)
    checked = expired = 0
    wrong: dict[int, str] = {}
    for _, rows in chunks(index.history.publishes):
        acked = rows[(rows["outcome"] == OK) & (messages.home[rows["process"]] == home)]
        checked += len(acked)
        places = write.find(acked["sequence"])
        held = np.where(places >= 0, write.numbers[places] if len(write.numbers) else NONE, NONE)
        elsewhere = acked["stream"] != home
        numbers = messages.numbers(acked)
        old = (places == NONE) & ~elsewhere & index.expired(write, acked)
        expired += int(old.sum())
        absent = (places == NONE) & ~elsewhere & ~old
        if not write.complete:
            absent &= False
        other = (places >= 0) & ~elsewhere & (held != numbers)
        for mask, tell in (
            (elsewhere, _elsewhere),
            (absent, _absent),
            (other, _other),
        ):
            for place in np.flatnonzero(mask):
                wrong[int(numbers[place])] = tell(index, write, acked[place])
    own = messages.of_origin(home)
    for number in write.numbers[write.repeats()]:
        if own[number]:
            wrong.setdefault(int(number), f"{write.name} holds it more than once")
    for number in _strangers(index, write, own):
        wrong.setdefault(int(number), f"{write.name} holds it, but {_elsewhere_published(index, write, int(number))}")
    cases = [Case(number, wrong[number]) for number in pick(np.array(sorted(wrong), np.int64))]
    good = f"{count(checked, 'acknowledged message')}, each once and where its acknowledgement says"
    limits = index.limits(write.name)
    gone = "expired since" if limits == Limits(age=limits.age) else f"dropped since by its {limits}"
    good += f" ({expired:,} {gone})" if expired else ""
    return judged(
        "P1",
        write.name,
        checked,
        len(wrong),
        good,
        f"{len(wrong):,} of {count(checked, 'acknowledged message')} are not where they were acknowledged, or not once",
        cases,
        write.problem,
    )


def _elsewhere(index: Index, write: Stored, row: Array) -> str:
    place = int(row["stream"])
    other = index.streams[place] if place < len(index.streams) else "no stream of this lab"
    return f"acknowledged by {other}, not by {write.name}"


def _absent(index: Index, write: Stored, row: Array) -> str:
    sequence = int(row["sequence"])
    if sequence < write.read.first:
        return (
            f"acknowledged as {sequence:,}, but {write.name} now begins at {write.read.first:,}, and no limit of its "
            "definition explains that, age included: purged or deleted"
        )
    if sequence > write.read.last:
        return f"acknowledged as {sequence:,}, but {write.name} ends at {write.read.last:,}"
    return f"acknowledged as {sequence:,}, which {write.name} does not have"


def _other(index: Index, write: Stored, row: Array) -> str:
    sequence = int(row["sequence"])
    held = int(write.numbers[write.find(np.array([sequence]))[0]])
    name = index.messages.name(held) if held >= 0 else "a message that is not of this run"
    return f"acknowledged as {sequence:,}, where {write.name} holds {name}"


def _strangers(index: Index, write: Stored, own: Mask) -> Numbers:
    """Messages in an origin that were published where another one stores them, and did not come by its sources."""
    numbers = write.numbers[write.numbers >= 0]
    foreign = ~own[numbers]
    if write.name in index.graph.echoing:
        for key in index.graph.heard(write.name):
            foreign &= ~index.messages.of_origin(index.streams.index(key))[numbers]
    if index.is_copy(write.name) and foreign.any():
        foreign &= ~index.wanted(write.name)[numbers]
    return np.unique(numbers[foreign])


def _elsewhere_published(index: Index, write: Stored, number: int) -> str:
    process = index.history.run.processes[index.messages.process(number)]
    if process.region != write.region:
        return "it was published in another region"
    return f"it was published to {index.history.run.home(process)}"


# --- P2a, P2b ---

LOSSES = ("prefix", "middle", "postfix", "whole", "expired", "pending", "unsure")
NO_PROOF = ("pending", "unsure")


def no_loss(index: Index) -> Iterator[Draft]:
    for name in (copy.key for copy in index.layout.copies):
        checked = int((index.messages.acked & index.wanted(name)).sum())
        stored = index.stored.get(name)
        if stored is None:
            yield judged("P2a", name, 0, 0, "", "", doubt=f"{name} was not read")
            continue
        lost, kinds = losses(index, stored)
        certain = ~np.isin(kinds, [LOSSES.index(kind) for kind in NO_PROOF])
        real = np.flatnonzero(certain) if stored.complete else np.empty(0, np.int64)
        late = int((kinds == LOSSES.index("pending")).sum())
        gone = index.dropped(stored)
        short = gone.short if stored.complete else 0
        doubt = stored.problem or gone.doubt
        if late and not doubt:
            doubt = (
                f"{count(late, 'acknowledged message')} had not arrived when the run ended, which was before every "
                f"source had to be back"
            )
        shown = real if len(real) or not short else np.flatnonzero(kinds == LOSSES.index("unsure"))
        cases = [Case(int(lost[place]), f"lost in {name} ({_loss(LOSSES[kinds[place]])})") for place in pick(shown)]
        excused = int((gone.rightly & index.messages.acked).sum())
        there = f"are there, or were until its {gone.limits} dropped them ({excused:,})" if excused else "are there"
        split = _split(kinds[real]) + (", " if len(real) and short else "")
        split += f"{short:,} at least of {int(gone.unsure.sum()):,} that nobody saw come" if short else ""
        yield judged(
            "P2a",
            name,
            checked,
            len(real) + short,
            f"all of {count(checked, 'acknowledged message')} {there}",
            f"{len(real) + short:,} of {count(checked, 'acknowledged message')} are not there: {split}",
            cases,
            doubt,
        )


def losses(index: Index, stored: Stored) -> tuple[Numbers, NDArray[np.uint8]]:
    """The acknowledged messages that a read stream does not have, and of which kind (in `LOSSES`) each is. What it had
    and dropped, as it is defined, is not among them.

    Prefix, middle and postfix are seen from the process that published: before, between or after what is there of it.
    """
    messages = index.messages
    gone = index.dropped(stored)
    absent: Mask = messages.acked & index.wanted(stored.name) & (stored.first == NONE) & ~gone.rightly
    lost = np.flatnonzero(absent).astype(np.int32)
    kinds = np.full(len(lost), LOSSES.index("middle"), np.uint8)
    if not len(lost):
        return lost, kinds
    owners = np.searchsorted(messages.starts, lost, "right") - 1
    for process in np.unique(owners):
        start, stop = int(messages.starts[process]), int(messages.starts[process + 1])
        there = np.flatnonzero(stored.first[start:stop] >= 0)
        mine = owners == process
        if not len(there):
            kinds[mine] = LOSSES.index("whole")
            continue
        kinds[mine & (lost < start + there[0])] = LOSSES.index("prefix")
        kinds[mine & (lost > start + there[-1])] = LOSSES.index("postfix")
    kinds[gone.unsure[lost]] = LOSSES.index("unsure")
    kinds[np.isin(lost, index.pending(stored))] = LOSSES.index("pending")
    kinds[np.isin(lost, _expired(index, stored, absent & ~gone.unsure))] = LOSSES.index("expired")
    return lost, kinds


def _expired(index: Index, stored: Stored, absent: Mask) -> Numbers:
    """Which of the absent ones a stream on their way dropped, as it is defined."""
    publishes = index.publishes_of(absent) if absent.any() else index.history.publishes[:0]
    publishes = publishes[publishes["outcome"] == OK]
    found = [np.empty(0, np.int64)]
    for name in behind(index.graph, stored.name):
        upstream = index.stored.get(name)
        if upstream is None or not len(publishes) or not index.limits(name):
            continue
        numbers = index.messages.numbers(publishes)
        own = publishes["stream"] == index.streams.index(name)
        if index.is_copy(name):  # it had them, or had not: then it is not where they were lost
            mine = numbers[~own][index.dropped(upstream).either[numbers[~own]]]
            found.append(mine)
        found.append(numbers[own][index.expired(upstream, publishes[own])])
    return np.concatenate(found).astype(np.int32)


def _loss(kind: str) -> str:
    return {
        "prefix": "before the first that is there of its process",
        "middle": "between others of its process",
        "postfix": "after the last that is there of its process",
        "whole": "as everything of its process",
        "expired": "a stream on its way dropped it, as it is defined, before it was sourced",
        "unsure": "more are gone than may have been dropped unseen",
    }[kind]


def _split(kinds: NDArray[np.uint8]) -> str:
    names = {
        "prefix": "at the beginning of a process",
        "middle": "in the middle",
        "postfix": "at the end of a process",
        "whole": "of processes that lost everything",
        "expired": "expired before they were sourced",
    }
    parts = [(int((kinds == LOSSES.index(kind)).sum()), text) for kind, text in names.items()]
    return ", ".join(f"{number:,} {text}" for number, text in parts if number)


def no_duplicates(index: Index) -> Iterator[Draft]:
    for stored in index.reads:
        if index.expected.repeats(stored.name) or stored.name in index.graph.echoing:
            continue  # what comes by two ways is there twice
        repeats = stored.repeats()
        cases = [
            Case(
                int(stored.numbers[place]),
                f"{stored.name} has it again at {int(stored.read.rows[place]['sequence']):,}",
                int(stored.read.rows[place]["stored"]),
            )
            for place in pick(repeats)
        ]
        distinct = len(np.unique(stored.numbers[repeats]))
        yield judged(
            "P2b",
            stored.name,
            len(stored.numbers),
            len(repeats),
            f"none of {count(len(stored.numbers), 'row')} repeats another",
            f"{len(repeats):,} of {count(len(stored.numbers), 'row')} repeat {count(distinct, 'message')} that "
            f"{'was' if distinct == 1 else 'were'} there already",
            cases,
            stored.problem,
        )


# --- P3 ---


def no_phantoms(index: Index) -> Iterator[Draft]:
    for stored in index.all:
        foreign, damaged, untried, failed = _phantoms(index, stored)
        kinds = (
            (foreign, "is not of this run"),
            (damaged, "is not as it was sent: its bytes do not match their checksum"),
            (untried, "was never published"),
            (failed, "was refused when it was published, yet it is there"),
        )
        cases = [
            _phantom(index, stored, place, what)
            for places, what in kinds
            for place in pick(places, 2 if len(places) > 8 else 8)
        ]
        places = np.unique(np.concatenate([places for places, _ in kinds]))
        told = ", ".join(f"{len(places):,} {what}" for places, what in kinds if len(places))
        yield judged(
            "P3",
            stored.name,
            len(stored.numbers),
            len(places),
            f"each of {count(len(stored.numbers), 'row')} was published in this run, and is as it was sent",
            f"of {count(len(stored.numbers), 'row')}, {told}",
            cases[:8],
            stored.problem,
        )


def _phantoms(index: Index, stored: Stored) -> tuple[Positions, Positions, Positions, Positions]:
    found: tuple[list[Positions], ...] = tuple([np.empty(0, np.int64)] for _ in range(4))
    told = index.messages.told
    for start, rows in chunks(stored.read.rows):
        numbers, flags = stored.numbers[start : start + len(rows)], rows["flags"]
        known = numbers >= 0
        what = np.where(known, told[numbers] if len(told) else 0, ACKED)
        foreign = flags & (OURS | PROBE) == 0
        if index.is_copy(stored.name):
            foreign &= ~index.sourced_before(stored, rows)  # that is P4's
        masks = (
            foreign,
            (flags & OURS != 0) & (flags & INTACT == 0),
            (flags & OURS != 0) & (flags & INTACT != 0) & (~known | (what == UNTRIED)),
            known & (what == FAILED),
        )
        for places, mask in zip(found, masks, strict=True):
            places.append(np.flatnonzero(mask) + start)
    foreign, damaged, untried, failed = (np.concatenate(places) for places in found)
    return foreign, damaged, untried, failed


def _phantom(index: Index, stored: Stored, place: int, what: str) -> Case:
    row = stored.read.rows[place]
    ours = row["flags"] & OURS and row["process"] < len(index.history.run.processes)
    name = index.history.message(int(row["process"]), int(row["counter"])) if ours else ""
    where = f"{stored.name} {int(row['sequence']):,}"
    return Case(int(stored.numbers[place]), f"{where} {what}", int(row["stored"]), name)
