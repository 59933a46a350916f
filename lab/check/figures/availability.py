"""What worked where and when: the probes, between one change of the faults in force and the next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from lab.check.history import SECOND, History, Probe

SHORTEST = 1.0  # seconds: a stretch that is shorter joins the next one


@dataclass(frozen=True)
class Stretch:
    """A time during which the same faults were in force."""

    began: float
    ended: float
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """The probes of one operation in one region during one stretch."""

    region: str
    operation: str
    stretch: int
    ok: int
    failed: int
    unknown: int


@dataclass(frozen=True)
class Availability:
    stretches: tuple[Stretch, ...]
    cells: tuple[Cell, ...]
    probes: dict[tuple[str, str], tuple[Probe, ...]] = field(hash=False)  # (region, operation), in order of time

    @property
    def operations(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(operation for _, operation in self.probes))


def availability(history: History, end: float) -> Availability:
    stretches = _stretches(history, end)
    probes: dict[tuple[str, str], list[Probe]] = {}
    for probe in sorted(history.probes, key=lambda probe: probe.time):
        probes.setdefault((probe.region, probe.operation), []).append(probe)
    cells = [
        cell for (region, operation), mine in probes.items() for cell in _cells(region, operation, mine, stretches)
    ]
    return Availability(stretches, tuple(cells), {key: tuple(mine) for key, mine in probes.items()})


def _stretches(history: History, end: float) -> tuple[Stretch, ...]:
    changes = {0.0, end}
    for fault in history.faults:
        changes |= {
            time / SECOND for time in (fault.began, fault.healed) if time is not None and 0 < time / SECOND < end
        }
    edges = [0.0]
    for change in sorted(changes)[1:]:
        if change - edges[-1] >= SHORTEST or change == end:
            edges.append(change)
    return tuple(
        Stretch(began, ended, tuple(fault.id for fault in history.active(int((began + ended) / 2 * SECOND))))
        for began, ended in pairwise(edges)
    )


def _cells(region: str, operation: str, probes: Sequence[Probe], stretches: Sequence[Stretch]) -> list[Cell]:
    counts = [[0, 0, 0] for _ in stretches]
    place = 0
    for probe in probes:
        while place + 1 < len(stretches) and probe.time / SECOND >= stretches[place].ended:
            place += 1
        counts[place][("ok", "fail", "info").index(probe.outcome)] += 1
    return [Cell(region, operation, number, *three) for number, three in enumerate(counts) if any(three)]
