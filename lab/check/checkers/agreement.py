"""Whether copies agree: P6 (copies of the same hold the same), P9 (so do the replicas of each stream)."""

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from lab.check.checkers.examples import Case, Draft, count, judged, pick
from lab.check.checkers.index import Index
from lab.check.checkers.order import disorder
from lab.check.checkers.stored import NONE, Mask, Stored
from lab.check.history import Replica


def convergence(index: Index) -> Iterator[Draft]:
    for group in index.expected.alike:
        reads = [index.stored[key] for key in group if key in index.stored]
        if len(reads) > 1:
            yield from _convergence(index, reads)


def _convergence(index: Index, reads: list[Stored]) -> Iterator[Draft]:
    counts = [_counts(index, stored) for stored in reads]
    strangers = [int((stored.numbers == NONE).sum()) for stored in reads]
    problem = next((stored.problem for stored in reads if stored.problem), "")
    pending, excused = np.zeros(index.messages.count, np.bool_), np.zeros(index.messages.count, np.bool_)
    gone = [index.dropped(stored) for stored in reads]
    for stored, dropped in zip(reads, gone, strict=True):
        pending[index.pending(stored)] = True
        excused |= dropped.either
    turned, marked = _disorder(reads), any(stored.name in index.graph.marking for stored in reads)
    apart = ", apart from what a limit dropped somewhere" if excused.any() else ""
    for here, stored in enumerate(reads):
        odd = _odd(counts, here) & ~pending & ~excused
        if problem:  # a message too many is certain all the same, one too few is not
            odd &= np.logical_and.reduce([counts[here] > other for there, other in enumerate(counts) if there != here])
            odd &= all(other.complete for other in reads if other is not stored)
        foreign = 0 if problem or excused.any() or marked else _odd_number(strangers, here)
        wrong = np.flatnonzero(odd)
        cases = [Case(number, _tell(reads, counts, number)) for number in pick(wrong)]
        held = len(stored.numbers)
        doubt = problem or next((dropped.doubt for dropped in gone if dropped.doubt), "")
        doubt = doubt or ("messages may still have been under way when the run ended" if pending.any() else "")
        yield judged(
            "P6",
            stored.name,
            held,
            len(wrong) + foreign,
            f"the same {count(held, 'row')} as in the other regions{apart}{turned}",
            _difference(counts, here, wrong, foreign),
            cases,
            doubt,
        )


def _counts(index: Index, stored: Stored) -> NDArray[np.uint8]:
    """How often a stream holds each message, up to 255 times."""
    counts: NDArray[np.uint8] = (stored.first != NONE).astype(np.uint8)
    repeated, times = np.unique(stored.numbers[stored.repeats()], return_counts=True)
    counts[repeated] = np.minimum(1 + times, 255)
    return counts


def _odd(counts: list[NDArray[np.uint8]], here: int) -> Mask:
    """Where a stream is not with the majority; without one, all are odd."""
    same = np.zeros(len(counts[here]), np.uint8)
    for other in counts:
        same += other == counts[here]
    odd: Mask = same * 2 <= len(counts)
    return odd


def _odd_number(numbers: list[int], here: int) -> int:
    if numbers.count(numbers[here]) * 2 > len(numbers):
        return 0
    return max(abs(numbers[here] - other) for other in numbers)


def _tell(reads: list[Stored], counts: list[NDArray[np.uint8]], number: int) -> str:
    held = (f"{int(per[number])}× in {stored.name}" for stored, per in zip(reads, counts, strict=True))
    return "the regions differ: " + ", ".join(held)


def _difference(counts: list[NDArray[np.uint8]], here: int, wrong: NDArray[np.int64], foreign: int) -> str:
    others = np.sort([per[wrong] for there, per in enumerate(counts) if there != here], axis=0)
    middle = others[len(others) // 2]
    few, many = int((counts[here][wrong] < middle).sum()), int((counts[here][wrong] > middle).sum())
    rest = len(wrong) - few - many
    parts = (
        (few, "are missing or too few"),
        (many, "are there more often"),
        (rest, "differ from one of the others"),
        (foreign, "are not of this run"),
    )
    return "compared with the other regions, " + ", ".join(f"{number:,} {text}" for number, text in parts if number)


def _disorder(reads: list[Stored]) -> str:
    """How differently regions order what they hold; allowed, and worth knowing."""
    most = max(disorder(reads), key=lambda pair: pair.pairs and pair.share)
    if not most.pairs:
        return ""
    return f"; up to {most.share:.1%} of pairs in another order ({most.one} and {most.other}), which is allowed"


# --- P9 ---

FIELDS = ("messages", "bytes", "first", "last", "deleted", "digest")
EXPIRING = {"messages", "bytes", "first", "deleted"}  # what changes when a message gets too old


def replica_agreement(index: Index) -> Iterator[Draft]:
    groups: dict[str, list[Replica]] = {}
    for replica in index.history.replicas:
        groups.setdefault(replica.stream, []).append(replica)
    for name, replicas in groups.items():
        usual = {field: Counter(getattr(r, field) for r in replicas).most_common(1)[0][0] for field in FIELDS}
        odd = {
            replica.node: [field for field in FIELDS if getattr(replica, field) != usual[field]] for replica in replicas
        }
        odd = {node: differing for node, differing in odd.items() if differing}
        cases = [
            Case(NONE, f"{name} on {replica.node}{' (leader)' if replica.leader else ''}: {_state(replica)}")
            for replica in replicas
        ]
        defined = index.history.run.definitions.get(name, {}).get("num_replicas")
        expected = int(defined or index.graph.by_key[name].replicas if name in index.graph.by_key else 0)
        doubt = f"{len(replicas)} of {expected} replicas of {name} answered" if len(replicas) < expected else ""
        if excuse := _excuse(index, name, odd):
            doubt, odd = excuse, {}
        deep = all(replica.digest for replica in replicas)
        yield judged(
            "P9",
            name,
            len(replicas),
            len(odd),
            f"{count(len(replicas), 'replica')} with the same {'messages' if deep else 'counts and bounds'}",
            "the replicas differ: " + "; ".join(f"{node} in its {', '.join(fields)}" for node, fields in odd.items()),
            cases if odd else (),
            doubt,
        )


def _excuse(index: Index, name: str, odd: Mapping[str, list[str]]) -> str:
    """Why it proves nothing when replicas differ so; "" when it does."""
    stored = index.stored.get(name)
    if stored and stored.disturbed:  # one that is just back has yet to get what it lacks
        return f"{stored.disturbed} when the replicas of {name} were compared"
    by_itself = stored and (index.expiring(stored) or name in index.graph.marking)
    if odd and by_itself and set().union(*odd.values()) <= EXPIRING:
        return f"each replica of {name} drops messages by age for itself, and they differ in nothing else"
    return ""


def _state(replica: Replica) -> str:
    told = f"{replica.messages:,} messages, {replica.bytes:,} bytes, {replica.first:,} to {replica.last:,}"
    told += f", {replica.deleted:,} deleted" if replica.deleted else ""
    return told + (f", digest {replica.digest}" if replica.digest else "")
