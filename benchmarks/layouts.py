"""What each layout keeps and loses under the same faults: `python -m benchmarks.layouts [LAYOUT...]` (needs Docker,
three minutes for each).

A region is cut off, then a region crashes and comes back, while clients of every region publish and probe. Prints the
table of docs/layouts.md.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from lab.api import Lab
from lab.check import judging
from lab.check.figures import Figures, figures
from lab.check.gathered import Options
from lab.check.history import OK, SECOND, FaultRecord, History
from lab.check.run import run_check
from lab.check.schedule import Planned, Schedule
from lab.faults.down import Kill
from lab.faults.partition import Partition
from lab.topology import Topology

NAME = "bench"
THREE = Topology(name=NAME)
TOPOLOGIES = {
    "mapped": THREE,
    "transparent": replace(THREE, layout="transparent"),
    "mirror": replace(THREE, layout="mirror"),
    "stretch": replace(THREE, layout="stretch"),
    "arbiter": replace(THREE, layout="arbiter", regions=("west", "central", "east"), sizes={"central": 1}),
}
ALONE, GONE = "east", "west"  # the region that is cut off; the one that crashes, which is mirror's writer
FAULT_S, NOTICED_S = 30.0, 15.0  # servers need that long to notice who is gone
FAULTS = (
    Planned("cut", Partition.from_words(ALONE), 5.0, FAULT_S),
    Planned("crash", Kill.from_words(GONE), 65.0, FAULT_S),
)
HEADER = (
    "layout",
    f"written in {ALONE} while it is cut off",
    "read there",
    "written elsewhere meanwhile",
    f"written elsewhere while {GONE} is down",
    "acknowledged, then lost",
    "there twice",
    "pairs of messages in another order elsewhere",
    "seconds until all agree: after the cut, the crash",
    "verdict",
)


def main(names: Iterable[str]) -> None:
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}", flush=True)
    for name in names:
        print(f"| {' | '.join(row(name))} |", flush=True)


def row(name: str) -> list[str]:
    lab = Lab.up(TOPOLOGIES[name])
    schedule = Schedule(seed=7, rate=200, duration=125.0, settle=20.0, faults=FAULTS)
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = judging.judge(asyncio.run(run_check(lab, schedule, Options(folder=Path(folder)))))
    finally:
        lab.down()
    return cells(name, result.history, str(result.verdict.validity))


def cells(name: str, history: History, verdict: str) -> list[str]:
    drawn = figures(history)
    cut, crash = (next(fault for fault in history.faults if fault.id == planned.id) for planned in FAULTS)
    others = [region for region in history.run.layout.regions if region != ALONE]
    left = [region for region in history.run.layout.regions if region != GONE]
    return [
        f"[`{name}`](#{name})",
        written(history, cut, [ALONE]),
        read(history, cut),
        written(history, cut, others),
        written(history, crash, left),
        most(drawn, "lost"),
        most(drawn, "there twice"),
        f"{100 * max((each.share for each in drawn.disorder), default=0):.1f} %",
        ", ".join(seconds(drawn, fault.id) for fault in FAULTS),
        verdict,
    ]


def written(history: History, fault: FaultRecord, regions: Iterable[str]) -> str:
    """The part of publishes that were acknowledged, after servers had noticed the fault."""
    processes = [process.number for process in history.run.processes if process.region in regions]
    began, ended = fault.began + int(NOTICED_S * SECOND), fault.healing or 0
    rows = history.publishes
    mine = rows[np.isin(rows["process"], processes) & (rows["invoked"] >= began) & (rows["completed"] < ended)]
    return f"{100 * (mine['outcome'] == OK).mean():.0f} %" if len(mine) else "–"


def read(history: History, fault: FaultRecord) -> str:
    """The part of Direct Gets that were answered in the region that is cut off."""
    began, ended = fault.began + int(NOTICED_S * SECOND), fault.healing or 0
    found = [
        probe.outcome == "ok"
        for probe in history.probes
        if probe.region == ALONE and probe.operation == "direct-get" and began <= probe.time < ended
    ]
    return f"{100 * sum(found) / len(found):.0f} %" if found else "–"


def most(drawn: Figures, fate: str) -> str:
    """Publishes of this fate in the region that has most of them."""
    return str(max(each.counts[fate] for each in drawn.fates))


def seconds(drawn: Figures, fault: str) -> str:
    found = [
        recovery.region(lag.region) for recovery in drawn.recoveries if recovery.fault == fault for lag in drawn.lags
    ]
    if None in found:
        return "never"
    return f"{np.nanmax([value for value in found if value is not None] or [np.nan]):.0f}"


if __name__ == "__main__":
    main(sys.argv[1:] or TOPOLOGIES)
