"""Everything that a report draws or tells, as values: a pure function of the history, on its arrays as they are."""

from dataclasses import dataclass

import numpy as np

from lab.check.checkers.index import Index
from lab.check.checkers.order import Disorder, disorder
from lab.check.figures.availability import Availability, availability
from lab.check.figures.convergence import Lag, Recovery, Visibility, lag, recovery, visibility
from lab.check.figures.fate import Dots, Fates, fate
from lab.check.figures.messages import arrivals, origins
from lab.check.figures.traffic import Axis, Traffic, axis, traffic
from lab.check.history import FAIL, INFO, OK, History


@dataclass(frozen=True)
class Counts:
    """A run in whole numbers."""

    published: int
    acknowledged: int
    refused: int
    unknown: int
    rows: int  # read in the end, from all streams
    faults: int
    proven: int
    probes: int


@dataclass(frozen=True)
class Figures:
    """One run, ready to be drawn."""

    counts: Counts
    time: Axis
    traffic: tuple[Traffic, ...]
    fates: tuple[Fates, ...]
    dots: Dots
    lags: tuple[Lag, ...]
    recoveries: tuple[Recovery, ...]
    visibility: tuple[Visibility, ...]
    availability: Availability
    disorder: tuple[Disorder, ...]


def figures(history: History) -> Figures:
    index = Index(history)
    time, origin, arrived = axis(history), origins(history), arrivals(index)
    counted, dots = fate(index, time, arrived, origin)
    return Figures(
        _counts(history),
        time,
        traffic(history, time, origin),
        counted,
        dots,
        tuple(lag(history, time, arrived.get(region), region) for region in history.run.topology.regions),
        recovery(history, arrived, origin),
        visibility(history, arrived, origin),
        availability(history, time.end),
        disorder(index.reads),
    )


def _counts(history: History) -> Counts:
    totals = np.bincount(history.publishes["outcome"], minlength=3)
    return Counts(
        len(history.publishes),
        int(totals[OK]),
        int(totals[FAIL]),
        int(totals[INFO]),
        sum(len(read.rows) for read in history.reads.values()),
        len(history.own_faults),
        sum(fault.proven for fault in history.own_faults),
        len(history.probes),
    )
