"""What is found out about a client of `--client`: each of its mistakes by its own name, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import histories
import numpy as np
import pytest

from lab.check import store
from lab.check.checkers import judge
from lab.check.history import (
    ACKED,
    CLIENT,
    FAIL,
    INFO,
    INTACT,
    PROBE,
    PUBLISH,
    ROAMING,
    ROW,
    SECOND,
    Array,
    ClientFailure,
    ClientReader,
    ClientRecord,
    History,
)

REGIONS = ("west", "central", "east")
COUNT, EACH = 200, SECOND // 20  # publishes of each place, in ten seconds
END = 120 * SECOND


@dataclass
class Made:
    """A run with a client that makes no mistake, until a test changes something."""

    publishes: Array = field(init=False)
    writes: dict[str, Array] = field(default_factory=dict)
    reads: dict[str, Array] = field(default_factory=dict)
    seen: dict[str, Array] = field(default_factory=dict)
    failures: tuple[ClientFailure, ...] = ()
    deposed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        places = (*REGIONS, ROAMING)
        rows = np.zeros(COUNT * len(places), PUBLISH)
        rows["process"], rows["counter"] = np.arange(len(rows)) % len(places), np.arange(len(rows)) // len(places)
        rows["intended"] = rows["counter"].astype(np.int64) * EACH
        rows["invoked"], rows["completed"] = rows["intended"], rows["intended"] + 1000
        homes = np.where(rows["process"] == 3, 0, rows["process"])  # the roaming one stays in the first region
        for number, region in enumerate(REGIONS):
            mine = homes == number
            rows["sequence"][mine], rows["stream"][mine] = np.arange(1, mine.sum() + 1), number
            self.writes[region] = stored(rows[mine])
            self.reads[region] = stored(rows)
            for kind in ("pull", "ordered", "watch"):
                self.seen[f"{region} {kind}"] = histories.seen(self.reads[region], 1000, acked=kind == "pull")
        self.publishes = rows

    def history(self) -> History:
        run = histories.run(REGIONS, phases=histories.phases(0, 1, 15, 110, END / SECOND))
        layout = run.layout
        streams = tuple(layout.origin(region).key for region in REGIONS)
        run = replace(run, streams=(*streams, *(layout.copy(region).key for region in REGIONS)))
        reads = {layout.origin(region).key: self.writes[region] for region in REGIONS}
        reads |= {layout.copy(region).key: self.reads[region] for region in REGIONS}
        readers = []
        for name, rows in self.seen.items():
            region, kind = name.split()
            bucket = self.reads[region] if kind == "watch" else None
            readers.append(ClientReader(region, kind, region, 0, END, self.deposed, rows, bucket))
        places = (*REGIONS, ROAMING)
        client = ClientRecord("x", "test 1", places, ("",), self.failures, self.publishes, tuple(readers))
        whole = {key: histories.read(run, key, rows) for key, rows in reads.items()}
        return History(run, np.empty(0, PUBLISH), whole, {}, client=client)


def stored(publishes: Array) -> Array:
    """As a stream has them."""
    rows = np.zeros(len(publishes), ROW)
    rows["sequence"], rows["stored"] = np.arange(1, len(rows) + 1), publishes["completed"]
    rows["process"], rows["counter"] = publishes["process"], publishes["counter"]
    rows["flags"] = CLIENT | PROBE | INTACT
    return rows


def found(made: Made, validity: str = "violated") -> set[str]:
    verdict = judge(made.history())
    return {
        f"{finding.property} {finding.place}"
        for finding in verdict.findings
        if finding.validity == validity and finding.property.startswith("C")
    }


def test_a_client_without_mistakes_is_valid_in_every_place() -> None:
    publishers = {f"C{n} {place} publisher" for n in (1, 2, 3, 5) for place in (*REGIONS, ROAMING)}
    answers = {f"C1 {place} reader" for place in (*REGIONS, ROAMING)}
    readers = {f"C{n} {region} {kind}" for n in (4, 5) for region in REGIONS for kind in ("pull", "ordered", "watch")}
    assert found(Made(), "valid") == publishers | answers | readers


def without(rows: Array, *places: int) -> Array:
    return np.delete(rows, places)


def lose(made: Made) -> None:
    made.writes["west"] = without(made.writes["west"], 50)


def lose_in_a_copy(made: Made) -> None:
    for name in ("east pull", "east ordered", "east watch"):
        made.seen[name] = without(made.seen[name], 40)
    made.reads["east"] = without(made.reads["east"], 40)


def invent(made: Made) -> None:
    made.publishes["outcome"][40] = FAIL


def twice(made: Made) -> None:
    again = made.writes["west"][60:61].copy()
    again["sequence"] = 10_000
    made.writes["west"] = np.concatenate((made.writes["west"], again))


def swallow(made: Made) -> None:
    made.seen["west pull"] = without(made.seen["west pull"], 70)


def again(made: Made) -> None:
    rows = made.seen["west pull"]
    late = rows[70:71].copy()
    late["time"] = rows["time"][-1] + 1
    made.seen["west pull"] = np.concatenate((rows, late))


def reorder(made: Made) -> None:
    rows = made.seen["east ordered"]
    order = np.arange(len(rows))
    order[[5, 6]] = [6, 5]
    times = rows["time"].copy()
    made.seen["east ordered"] = rows[order]
    made.seen["east ordered"]["time"] = times


def change(made: Made) -> None:
    made.seen["west watch"]["counter"][9] += 100_000


def stall(made: Made) -> None:
    made.deposed = (2 * SECOND,)
    rows = made.seen["central pull"]
    rows["time"][rows["time"] > 2 * SECOND] += 45 * SECOND


def stop(made: Made) -> None:
    made.seen["central watch"] = made.seen["central watch"][:100]


def fall_silent(made: Made) -> None:
    mine = made.publishes["process"] == 1
    late = mine & (made.publishes["counter"] > 100)
    made.publishes["completed"][late] += 40 * SECOND


def end(made: Made) -> None:
    made.failures = (ClientFailure("east reader", 5 * SECOND, "the client ended with status 1"),)


@pytest.mark.parametrize(
    ("mistake", "wrong"),
    [
        (lose, {"C2 west publisher"}),
        (lose_in_a_copy, {"C2 west publisher"}),
        (invent, {"C2 west publisher"}),
        (twice, {"C3 west publisher"}),
        (swallow, {"C4 west pull"}),
        (again, {"C4 west pull"}),
        (reorder, {"C4 east ordered"}),
        (change, {"C4 west watch"}),
        (stall, {"C5 central pull"}),
        (stop, {"C5 central watch"}),
        (fall_silent, {"C5 central publisher"}),
        (end, {"C1 east reader"}),
    ],
)
def test_a_mistake_is_found_by_its_name(mistake: Callable[[Made], None], wrong: set[str]) -> None:
    made = Made()
    mistake(made)
    assert found(made) == wrong


def test_what_is_not_known_may_be_stored_or_not() -> None:
    made = Made()
    made.publishes["outcome"][[40, 44]] = INFO
    assert found(made) == set()


def test_what_was_not_acknowledged_may_come_again() -> None:
    made = Made()
    rows = made.seen["west pull"]
    rows["flags"][70] &= ~np.uint8(ACKED)
    again(made)
    assert found(made) == set()


def test_the_longest_silence_after_a_leader_change_is_told() -> None:
    made = Made()
    stall(made)
    (finding,) = [f for f in judge(made.history()).findings if (f.property, f.place) == ("C5", "central pull")]
    assert "after 1 leader change of its consumer for 45.0 s at most" in finding.sentence


def test_a_client_is_the_same_when_a_run_is_read_again(tmp_path: Path) -> None:
    made = Made()
    stall(made)
    history = made.history()
    store.save(history, tmp_path)
    assert judge(store.load(tmp_path)) == judge(history)


def test_without_a_client_nothing_is_said_of_one() -> None:
    verdict = judge(replace(Made().history(), client=None))
    assert not [text for text in verdict.not_tested if text.startswith("C")]
    assert not [finding for finding in verdict.findings if finding.property.startswith("C")]
