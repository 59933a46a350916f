"""L8: how long after each heal everything that was acknowledged before it was in every read stream."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.check.checkers.examples import Case, Draft, count, judged, pick
from lab.check.checkers.index import Index
from lab.check.checkers.outages import Outage, bound, outages
from lab.check.checkers.stored import NONE, Stored, chunks
from lab.check.history import SECOND


@dataclass(frozen=True)
class Lagging:
    """What was acknowledged before a heal and stored in one read stream after it."""

    number: NDArray[np.int32]
    acked: NDArray[np.int64]
    stored: NDArray[np.int64]


def convergence_time(index: Index) -> Iterator[Draft]:
    heals = list(outages(index.history))
    if not heals or not index.messages.acked.any():
        return
    if jumped := index.history.run.jumped:
        yield Draft("L8", "", "unknown", len(heals), 0, jumped)
        return
    for stored in index.reads:
        yield _convergence(index, stored, heals)


def _convergence(index: Index, stored: Stored, heals: list[Outage]) -> Draft:
    lagging = _lagging(index, stored, np.array([outage.healed for outage in heals]))
    tail = _tail(index, stored)
    worst, checked, violations, excused = 0, 0, 0, 0
    cases: list[Case] = []
    began = heals[0].began
    for outage in heals:
        waiting = lagging.acked <= outage.healed
        times = lagging.stored[waiting]
        never = tail[index.acked_at[tail] <= outage.healed]
        end = outage.healed + bound(began, outage.healed)
        reached = int(times.max(initial=outage.healed))
        over = not len(never) and reached <= (outage.until or reached)
        if not outage.outside and (outage.until is None or outage.until >= end or over):
            checked += 1
            worst = max(worst, min(reached, outage.until or reached) - outage.healed)
            if outage.until is None or outage.until >= end:
                slow, stalled = times > end, index.stalls.during(outage.healed, times)
                late = np.flatnonzero(slow & ~stalled)
                violations += len(late)
                excused += int((slow & stalled).sum())
                cases += [_late(stored, lagging, waiting, int(place), outage, end) for place in pick(late, 4)]
                if index.waited and stored.complete and outage.until is None:
                    violations += len(never)
                    cases += [
                        Case(int(number), f"never came to {stored.name} after the last heal")
                        for number in pick(never, 4)
                    ]
        if over and outage.until is not None:
            began = outage.until
    doubt = stored.problem
    if len(tail) and not index.waited:
        doubt = doubt or f"{count(len(tail), 'message')} had not arrived when the run ended, before its bound was over"
    elif not checked:
        told = "always came before the bound was over"
        others = any(outage.outside for outage in heals)
        doubt = doubt or f"{'the next fault, or something else than the check,' if others else 'the next fault'} {told}"
    return judged(
        "L8",
        stored.name,
        checked,
        violations,
        f"caught up at most {worst / SECOND:.1f} s after each of {count(checked, 'heal')}",
        f"{count(violations or excused, 'message')} came later than the bound after a heal, or not at all",
        cases,
        doubt,
        excused,
    )


def _lagging(index: Index, stored: Stored, heals: NDArray[np.int64]) -> Lagging:
    numbers, acked, times = [np.empty(0, np.int32)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for start, rows in chunks(stored.read.rows):
        part = stored.numbers[start : start + len(rows)]
        known = np.flatnonzero((part >= 0) & (stored.first[part] == np.arange(start, start + len(part))))
        number = part[known]
        when = index.acked_at[number]
        stored_at = rows["stored"][known]
        place = np.searchsorted(heals, when)
        waits = (place < len(heals)) & (stored_at > heals[np.minimum(place, len(heals) - 1)])
        numbers.append(number[waits])
        acked.append(when[waits])
        times.append(stored_at[waits].astype(np.int64))
    return Lagging(np.concatenate(numbers), np.concatenate(acked), np.concatenate(times))


def _tail(index: Index, stored: Stored) -> NDArray[np.int32]:
    """Acknowledged messages that never came, of those after the last that did. Others are losses."""
    numbers = index.tail(stored)
    missing = (stored.first[numbers] == NONE) & ~index.dropped(stored).either[numbers]
    missing &= index.messages.acked[numbers] & index.wanted(stored.name)[numbers]
    tail: NDArray[np.int32] = numbers[missing]
    return tail


def _late(stored: Stored, lagging: Lagging, waiting: NDArray[np.bool_], place: int, outage: Outage, end: int) -> Case:
    row = int(np.flatnonzero(waiting)[place])
    time = int(lagging.stored[row])
    what = (
        f"came to {stored.name} {(time - outage.healed) / SECOND:.1f} s after the heal at "
        f"{outage.healed / SECOND:.1f} s; the bound is {(end - outage.healed) / SECOND:.0f} s"
    )
    return Case(int(lagging.number[row]), what, time)
