"""What worked where and when: the probes, between one change of the faults in force and the next."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from lab.check.checkers.availability import CONTROL_BACK, SETTLE, UNAWARE
from lab.check.checkers.conditions import Conditions, Window
from lab.check.history import SECOND, History, Probe
from lab.observe.operations import LOCAL, NEEDS_A_META_LEADER, WRITES

SHORTEST_S = 1.0  # a stretch that is shorter joins the next one


@dataclass(frozen=True)
class Stretch:
    """A time during which the same faults were in force."""

    began_s: float
    ended_s: float
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """A probe, and whether it went as the condition of its region lets expect; None: it lets expect nothing."""

    probe: Probe
    expected: bool | None


@dataclass(frozen=True)
class Cell:
    """The probes of one operation in one region during one stretch."""

    region: str
    operation: str
    stretch: int
    ok: int
    failed: int
    unknown: int
    unexpected: int


@dataclass(frozen=True)
class Availability:
    stretches: tuple[Stretch, ...]
    cells: tuple[Cell, ...]
    trials: dict[tuple[str, str], tuple[Trial, ...]] = field(hash=False)  # (region, operation), in order of time

    @property
    def operations(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(operation for _, operation in self.trials))


def availability(history: History, end_s: float) -> Availability:
    stretches, conditions = _stretches(history, end_s), Conditions(history)
    trials: dict[tuple[str, str], list[Trial]] = {}
    for probe in sorted(history.probes, key=lambda probe: probe.time):
        works = should_work(probe, conditions.of(probe.region))
        expected = None if works is None else works == (probe.outcome == "ok")
        trials.setdefault((probe.region, probe.operation), []).append(Trial(probe, expected))
    cells = [
        cell for (region, operation), mine in trials.items() for cell in _cells(region, operation, mine, stretches)
    ]
    return Availability(stretches, tuple(cells), {key: tuple(mine) for key, mine in trials.items()})


def should_work(probe: Probe, windows: Sequence[Window]) -> bool | None:
    """Whether it must work, must fail, or (None) may do either. The checkers judge; this only marks a picture."""
    place = bisect_right(windows, probe.time, key=lambda window: window.began) - 1
    if place < 0 or probe.time + round(probe.seconds * SECOND) > windows[place].ended:
        return None
    window, age = windows[place], probe.time - windows[place].began
    now = window.condition
    if now.quorum is False:
        return False if probe.operation in WRITES and age >= SETTLE else None
    if not now.majority and probe.operation not in LOCAL:
        return False if probe.operation in NEEDS_A_META_LEADER and age >= UNAWARE else None
    if now.down or not window.settled:
        return None
    return True if age >= (SETTLE if probe.operation in LOCAL else CONTROL_BACK) else None


def _stretches(history: History, end_s: float) -> tuple[Stretch, ...]:
    changes = {0.0, end_s}
    for fault in history.faults:
        times = [time / SECOND for time in (fault.began, fault.healed) if time is not None]
        changes |= {time for time in times if 0 < time < end_s}
    edges = [0.0]
    for change in sorted(changes)[1:]:
        if change - edges[-1] >= SHORTEST_S or change == end_s:
            edges.append(change)
    return tuple(
        Stretch(began, ended, tuple(fault.id for fault in history.active(int((began + ended) / 2 * SECOND))))
        for began, ended in pairwise(edges)
    )


def _cells(region: str, operation: str, trials: Sequence[Trial], stretches: Sequence[Stretch]) -> list[Cell]:
    counts = [[0, 0, 0, 0] for _ in stretches]
    place = 0
    for trial in trials:
        while place + 1 < len(stretches) and trial.probe.time / SECOND >= stretches[place].ended_s:
            place += 1
        counts[place][("ok", "fail", "info").index(trial.probe.outcome)] += 1
        counts[place][3] += trial.expected is False
    return [Cell(region, operation, number, *four) for number, four in enumerate(counts) if any(four)]
