"""How far each region was behind, when it had caught up after each fault, and how long a message takes to be seen."""

from dataclasses import dataclass, field

import numpy as np

from lab.check.figures.messages import NEVER, Arrival
from lab.check.figures.traffic import Axis, quantiles
from lab.check.history import OK, SECOND, Array, FaultRecord, History

# Upper ends of the buckets of a spread, in seconds: four for each factor of ten, from 1 ms to 1000 s; one more above.
EDGES = 10.0 ** (np.arange(-12, 13) / 4)


@dataclass(frozen=True)
class Lag:
    """`behind`: messages acknowledged anywhere and not yet in the region's read stream, at the end of each bin; exact,
    from the stored times of the final read, empty without one. `sampled`: the same as the servers told it during the
    run, as (seconds, messages). `missing` never came."""

    region: str
    behind: Array = field(hash=False)
    sampled: tuple[tuple[float, int | None], ...]
    missing: int


@dataclass(frozen=True)
class Recovery:
    """After one fault: seconds from its heal until every message acknowledged before was there, for each (origin,
    reader); None where that never came. `during` names other faults that were in force before it was over."""

    fault: str
    what: str
    lasted: float
    healed: float
    seconds: dict[tuple[str, str], float | None] = field(hash=False)
    missing: dict[tuple[str, str], int] = field(hash=False)
    during: tuple[str, ...]

    def region(self, reader: str) -> float | None:
        """Until the reader had everything, from wherever; NaN when nothing was to come."""
        values = [value for (_, to), value in self.seconds.items() if to == reader]
        return None if None in values else max((value for value in values if value is not None), default=float("nan"))


@dataclass(frozen=True)
class Spread:
    """Durations as a histogram over `EDGES` and in seconds."""

    count: int
    p50: float
    p99: float
    maximum: float
    buckets: tuple[int, ...]


@dataclass(frozen=True)
class Visibility:
    """From the acknowledgement in `origin` until the message is stored in `reader`'s read stream: published while no
    fault was in force, and while one was."""

    origin: str
    reader: str
    calm: Spread
    faulted: Spread


def lag(history: History, time: Axis, arrived: Arrival | None, region: str) -> Lag:
    sampled = tuple(_sampled(history, region))
    if arrived is None or arrived.problem:
        return Lag(region, np.empty(0, np.int64), sampled, 0)
    acknowledged = (history.publishes["outcome"] == OK) & arrived.wanted
    acked = history.publishes["completed"][acknowledged]
    stored = np.maximum(arrived.stored[acknowledged], acked)
    there = stored != NEVER
    come = np.bincount(time.bin(acked), minlength=time.bins)
    gone = np.bincount(time.bin(stored[there]), minlength=time.bins)
    return Lag(region, np.cumsum(come - gone), sampled, int(len(stored) - there.sum()))


def _sampled(history: History, region: str) -> list[tuple[float, int | None]]:
    layout = history.run.layout
    if region not in layout.clients:
        return []
    reader = layout.copy(region).key
    writers = layout.graph.upstream(reader)
    points: list[tuple[float, int | None]] = []
    for sample in history.samples:
        arrived = sample.arrived.get(reader, {})
        gaps = [(sample.last.get(writer), arrived.get(writer)) for writer in writers]
        known = [max(0, last - came) for last, came in gaps if last is not None and came is not None]
        points.append((sample.time / SECOND, sum(known) if len(known) == len(writers) else None))
    return points


def recovery(history: History, arrivals: dict[str, Arrival], origin: Array) -> tuple[Recovery, ...]:
    return tuple(
        _after(history, fault, arrivals, origin)
        for fault in history.faults
        if fault.healed is not None and not all(arrived.problem for arrived in arrivals.values())
    )


def _after(history: History, fault: FaultRecord, arrivals: dict[str, Arrival], origin: Array) -> Recovery:
    healed = fault.healed or 0
    publishes, regions = history.publishes, history.run.topology.regions
    before = (publishes["outcome"] == OK) & (publishes["completed"] <= healed)
    seconds: dict[tuple[str, str], float | None] = {}
    missing = {}
    for reader, arrived in arrivals.items():
        if arrived.problem:
            continue
        waiting = np.flatnonzero(before & arrived.wanted & (arrived.stored > healed))
        came, where = arrived.stored[waiting], origin[waiting]
        for number, region in enumerate(regions):
            mine = came[where == number]
            late = mine[mine != NEVER]
            seconds[region, reader] = (int(late.max()) - healed) / SECOND if len(late) else 0.0
            if len(late) < len(mine):
                seconds[region, reader] = None
                missing[region, reader] = len(mine) - len(late)
    longest = max((value for value in seconds.values() if value is not None), default=0.0)
    until = healed + int(longest * SECOND)
    during = tuple(
        other.id
        for other in history.faults
        if other is not fault and other.began < until and (other.healed is None or other.healed > healed)
    )
    return Recovery(fault.id, fault.what, (healed - fault.began) / SECOND, healed / SECOND, seconds, missing, during)


def visibility(history: History, arrivals: dict[str, Arrival], origin: Array) -> tuple[Visibility, ...]:
    publishes = history.publishes
    acknowledged = publishes["outcome"] == OK
    faulted = _faulted(history)
    result = []
    for number, region in enumerate(history.run.topology.regions):
        mine = np.flatnonzero(acknowledged & (origin == number))
        acked, troubled = publishes["completed"][mine], faulted[mine]
        for reader, arrived in arrivals.items():
            stored = arrived.stored[mine]
            there = stored != NEVER
            taken = np.maximum(stored - acked, 0)
            result.append(Visibility(region, reader, spread(taken[there & ~troubled]), spread(taken[there & troubled])))
    return tuple(result)


def _faulted(history: History) -> Array:
    invoked = history.publishes["invoked"]
    result = np.zeros(len(invoked), bool)
    for fault in history.faults:
        until = NEVER if fault.healed is None else fault.healed
        result |= (invoked >= fault.began) & (invoked < until)
    return result


def spread(nanoseconds: Array) -> Spread:
    if not len(nanoseconds):
        return Spread(0, float("nan"), float("nan"), float("nan"), (0,) * (len(EDGES) + 1))
    p50, p99 = quantiles(nanoseconds, (0.5, 0.99))
    places = np.searchsorted(EDGES * SECOND, nanoseconds)
    buckets = np.bincount(places, minlength=len(EDGES) + 1)
    return Spread(len(nanoseconds), p50, p99, float(nanoseconds.max()) / SECOND, tuple(map(int, buckets)))
