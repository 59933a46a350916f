"""The fate of every publish, counted for each read stream and as a picture of dots."""

from dataclasses import dataclass, field

import numpy as np

from lab.check.checkers.index import Index
from lab.check.figures.messages import ABSENT, FATES, LANDED, PARTIAL, REFUSED, UNREAD, Arrival
from lab.check.figures.traffic import Axis
from lab.check.history import INFO, SECOND, Array, History

# The picture is a grid of spots for each origin: time to the right, latency upwards in powers of ten. Publishes on the
# same spot with the same fate share a dot, so nothing is left out and a million of them stay small.
COLUMNS, ROWS = 450, 48
FASTEST, SLOWEST = 1e-4, 100.0  # seconds; what lies outside is drawn at the edge


@dataclass(frozen=True)
class Fates:
    """Publishes by fate in one region's read stream (`messages.FATES`), and rows that nobody published."""

    region: str
    problem: str  # why an absence proves nothing, "" when it does
    counts: dict[str, int] = field(hash=False)
    foreign: int


@dataclass(frozen=True)
class Dots:
    """`spots[fate, origin]`: (row, column, publishes) of each dot. `marks[fate, region]`: columns in which publishes
    met this fate in this region's read stream, with how many did."""

    spots: dict[tuple[int, str], Array] = field(hash=False)
    totals: dict[int, int] = field(hash=False)  # publishes by their worst fate
    marks: dict[tuple[int, str], tuple[tuple[int, int], ...]] = field(hash=False)


def fate(index: Index, time: Axis, arrivals: dict[str, Arrival], origin: Array) -> tuple[tuple[Fates, ...], Dots]:
    history = index.history
    publishes = history.publishes
    column = np.clip(publishes["invoked"] * (COLUMNS / (time.end * SECOND)), 0, COLUMNS - 1).astype(np.int32)
    worst = np.zeros(len(publishes), np.uint8)
    somewhere, everywhere = np.zeros(len(publishes), bool), np.ones(len(publishes), bool)
    counted, marks = [], {}
    for region, arrived in arrivals.items():
        mine = arrived.fate
        somewhere |= arrived.position >= 0
        everywhere &= arrived.position >= 0
        worst = np.maximum(worst, mine)
        totals = np.bincount(mine, minlength=len(FATES))
        counted.append(Fates(region, arrived.problem, dict(zip(FATES, map(int, totals), strict=True)), arrived.foreign))
        for kind in np.flatnonzero(totals[LANDED + 1 :]) + LANDED + 1:
            counts = np.bincount(column[mine == kind], minlength=COLUMNS)
            marks[int(kind), region] = tuple((int(at), int(counts[at])) for at in np.flatnonzero(counts))
    if arrivals and not any(arrived.problem for arrived in arrivals.values()):
        split = (publishes["outcome"] == INFO) & somewhere & ~everywhere & ((worst == LANDED) | (worst == ABSENT))
        worst[split] = PARTIAL
    if not arrivals:
        worst = np.array([UNREAD, REFUSED, UNREAD], np.uint8)[publishes["outcome"]]
    return tuple(counted), Dots(*_dots(history, worst, column, origin), marks)


def _dots(
    history: History, worst: Array, column: Array, origin: Array
) -> tuple[dict[tuple[int, str], Array], dict[int, int]]:
    publishes, regions = history.publishes, history.run.topology.regions
    latency = np.maximum(publishes["completed"] - publishes["intended"], 1) / SECOND
    height = np.log(np.clip(latency, FASTEST, SLOWEST) / FASTEST) / np.log(SLOWEST / FASTEST)
    row = np.minimum((height * ROWS).astype(np.int32), ROWS - 1)
    cell = ((worst.astype(np.int32) * len(regions) + origin) * ROWS + row) * COLUMNS + column
    counts = np.bincount(cell, minlength=len(FATES) * len(regions) * ROWS * COLUMNS)
    filled = np.flatnonzero(counts)
    kind, place = np.divmod(filled, len(regions) * ROWS * COLUMNS)
    where, place = np.divmod(place, ROWS * COLUMNS)
    spots = {}
    for fate_ in np.unique(kind):
        for number in np.unique(where[kind == fate_]):
            mine = (kind == fate_) & (where == number)
            spots[int(fate_), regions[number]] = np.stack(
                [*np.divmod(place[mine], COLUMNS), counts[filled[mine]]], axis=1
            )
    totals = np.bincount(worst, minlength=len(FATES))
    return spots, {int(fate_): int(totals[fate_]) for fate_ in np.flatnonzero(totals)}
