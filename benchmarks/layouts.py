"""What each layout keeps and loses under the same faults: `python -m benchmarks.layouts [LAYOUT...]` (needs Docker,
three minutes for each).

A region is cut off, then a region crashes and comes back, while clients of every region publish and probe. Prints the
table of docs/layouts.md.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lab.api import Lab
from lab.check import judging
from lab.check.checkers.index import Index
from lab.check.figures import Figures, figures
from lab.check.findings import Verdict
from lab.check.gathered import Options
from lab.check.history import OK, SECOND, Array, FaultRecord, History
from lab.check.readers import DURABLE
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
FAULT_S, NOTICED_S, AFTER_S = 30.0, 17.0, 20.0  # servers need up to 15 s to notice who is gone
NEVER = np.iinfo(np.int64).max
FAULTS = (
    Planned("cut", Partition.from_words(ALONE), 5.0, FAULT_S),
    Planned("crash", Kill.from_words(GONE), 65.0, FAULT_S),
)
HEADER = (
    "",
    f"{ALONE} is cut off: writes there",
    "reads there",
    "writes elsewhere",
    "until all have read all, after the heal",
    f"{GONE} is down: writes elsewhere",
    "until all have read all, after its return",
    "acknowledged, then lost",
    "there twice",
    "pairs in another order elsewhere",
    "verdict of `lab check`",
)


def main(names: Iterable[str]) -> None:
    columns: list[Sequence[str]] = [HEADER]
    for name in names:
        columns.append(row(name))
        print(", ".join(columns[-1]), file=sys.stderr)
    first, *rest = (f"| {' | '.join(cells)} |" for cells in zip(*columns, strict=True))
    print(first, "|---" * len(columns) + "|", *rest, sep="\n")


def row(name: str) -> list[str]:
    lab = Lab.up(TOPOLOGIES[name])
    schedule = Schedule(seed=7, rate=200, duration=125.0, settle=20.0, faults=FAULTS)
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = judging.judge(asyncio.run(run_check(lab, schedule, Options(folder=Path(folder)))))
            return cells(name, result.history, told(result.verdict))
    finally:
        lab.down()


def cells(name: str, history: History, verdict: str) -> list[str]:
    index, drawn = Index(history), figures(history)
    cut, crash = (next(fault for fault in history.faults if fault.id == planned.id) for planned in FAULTS)
    others = [region for region in history.run.layout.regions if region != ALONE]
    left = [region for region in history.run.layout.regions if region != GONE]
    return [
        f"[`{name}`](#{name})",
        written(history, cut, [ALONE]),
        read(history, cut),
        written(history, cut, others) + paused(history, cut, others),
        caught_up(index, cut),
        written(history, crash, left) + paused(history, crash, left),
        caught_up(index, crash),
        most(drawn, "lost"),
        most(drawn, "there twice"),
        f"{100 * max((each.share for each in drawn.disorder), default=0):.1f} %",
        verdict,
    ]


def told(verdict: Verdict) -> str:
    wrong = sorted({finding.property for finding in verdict.findings if finding.validity != "valid"})
    return str(verdict.validity) + (f": {', '.join(wrong)}" if wrong else "")


def written(history: History, fault: FaultRecord, regions: Sequence[str]) -> str:
    """The part of publishes that were acknowledged, after servers had noticed the fault."""
    began, ended = fault.began + int(NOTICED_S * SECOND), fault.healing or 0
    rows = published(history, regions)
    mine = rows[(rows["invoked"] >= began) & (rows["completed"] < ended)]
    return f"{100 * (mine['outcome'] == OK).mean():.0f} %" if len(mine) else "–"


def paused(history: History, fault: FaultRecord, regions: Sequence[str]) -> str:
    """The longest time in which a region got no acknowledgement, from the fault until `AFTER_S` after its heal."""
    began, ended = fault.began, (fault.healed or 0) + int(AFTER_S * SECOND)
    gaps = []
    for region in regions:
        rows = published(history, [region])
        times = np.sort(rows["completed"][rows["outcome"] == OK])
        inside = times[(times > began) & (times < ended)]
        gaps.append(np.diff(np.concatenate(([began], inside, [ended]))).max() / SECOND)
    return f", paused for {max(gaps):.0f} s" if max(gaps) >= 1 else ""


def published(history: History, regions: Sequence[str]) -> Array:
    processes = [process.number for process in history.run.processes if process.region in regions]
    return history.publishes[np.isin(history.publishes["process"], processes)]


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


def caught_up(index: Index, fault: FaultRecord) -> str:
    """How long after a heal the durable reader of each region had been given all that was acknowledged before."""
    healed = fault.healed or 0
    before = np.flatnonzero(index.acked_at <= healed)
    longest = 0
    for region in index.layout.regions:
        rows = index.history.live[region, DURABLE]
        given = np.full(index.messages.count, NEVER, np.int64)
        numbers = index.messages.identify(rows)
        np.minimum.at(given, numbers[numbers >= 0], rows["time"][numbers >= 0])
        longest = max(longest, int(given[before].max()))
    return "never" if longest == NEVER else f"{max(0, longest - healed) / SECOND:.0f} s"


if __name__ == "__main__":
    main(sys.argv[1:] or TOPOLOGIES)
