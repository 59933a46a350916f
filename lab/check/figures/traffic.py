"""Rates and latencies over time, per region of the publishers."""

from dataclasses import dataclass, field

import numpy as np

from lab.check.history import FAIL, INFO, OK, SECOND, Array, History

WIDTHS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
MOST_BINS = 600


@dataclass(frozen=True)
class Axis:
    """The time that all pictures share: from 0 to `end` seconds, in `bins` of `width` seconds."""

    end: float
    width: int
    bins: int

    def bin(self, times: Array) -> Array:
        """The bin of each time (ns); what lies outside counts for the nearest."""
        bins: Array = np.clip(times // (self.width * SECOND), 0, self.bins - 1).astype(np.int32)
        return bins


@dataclass(frozen=True)
class Traffic:
    """One region's publishers. Rates are per second, at the time of the answer; latencies are seconds from the intended
    time of acknowledged publishes, at that time, NaN where there was none."""

    region: str
    ok: Array = field(hash=False)
    refused: Array = field(hash=False)
    unknown: Array = field(hash=False)
    p50: Array = field(hash=False)
    p99: Array = field(hash=False)
    acknowledged: int
    total_p50: float
    total_p99: float


def axis(history: History) -> Axis:
    ends = [phase.ended for phase in history.run.phases if phase.name != "read"]
    ends += [fault.healed or fault.injected or fault.began for fault in history.faults]
    ends += [history.probes[-1].time] if history.probes else []
    ends += [history.samples[-1].time] if history.samples else []
    ends += [int(history.publishes["completed"].max())] if len(history.publishes) else []
    end = max(1.0, max(ends, default=0) / SECOND)
    width = next((width for width in WIDTHS if end / width <= MOST_BINS), WIDTHS[-1])
    return Axis(end, width, int(-(-end // width)))


def traffic(history: History, time: Axis, origin: Array) -> tuple[Traffic, ...]:
    return tuple(
        _region(history, time, origin == number, region) for number, region in enumerate(history.run.topology.regions)
    )


def _region(history: History, time: Axis, mine: Array, region: str) -> Traffic:
    publishes = history.publishes
    outcome, completed = publishes["outcome"][mine], time.bin(publishes["completed"][mine])
    ok, refused, unknown = (
        np.bincount(completed[outcome == kind], minlength=time.bins) / time.width for kind in (OK, FAIL, INFO)
    )
    intended = publishes["intended"][mine][outcome == OK]
    latency = np.maximum(publishes["completed"][mine][outcome == OK] - intended, 0)
    p50, p99 = _per_bin(time, time.bin(intended), latency, (0.5, 0.99))
    total_p50, total_p99 = quantiles(latency, (0.5, 0.99))
    return Traffic(region, ok, refused, unknown, p50, p99, len(latency), total_p50, total_p99)


def _per_bin(time: Axis, bins: Array, latency: Array, shares: tuple[float, ...]) -> list[Array]:
    """Exact quantiles in each bin: one sort of (bin, latency) packed into one integer of microseconds."""
    packed = (bins.astype(np.int64) << 40) | np.minimum(latency // 1000, (1 << 40) - 1)
    packed.sort()
    edges = np.searchsorted(packed, np.arange(time.bins + 1, dtype=np.int64) << 40)
    first, count = edges[:-1], np.diff(edges)
    result = []
    for share in shares:
        place = first + np.maximum(np.ceil(share * count).astype(np.int64) - 1, 0)
        value = np.full(time.bins, np.nan)
        value[count > 0] = (packed[place[count > 0]] & ((1 << 40) - 1)) / 1e6
        result.append(value)
    return result


def quantiles(values: Array, shares: tuple[float, ...]) -> tuple[float, ...]:
    """In seconds, of nanoseconds; the smallest value that at least this share does not exceed. NaN for none."""
    if not len(values):
        return tuple(float("nan") for _ in shares)
    places = [max(0, int(np.ceil(share * len(values))) - 1) for share in shares]
    ordered = np.partition(values, places)
    return tuple(float(ordered[place]) / SECOND for place in places)
