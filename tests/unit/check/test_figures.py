"""What a report draws, on histories small enough to know the answer by heart."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import isnan

import numpy as np
import pytest
import synthetic
from small_histories import READS, REGIONS, WRITES, Entry, Publish, Small

from lab.check.checkers.index import Index
from lab.check.checkers.order import inversions
from lab.check.figures import Figures, figures
from lab.check.figures.messages import ABSENT, DUPLICATE, FATES, FINE, LANDED, LOST, PARTIAL, PHANTOM, REFUSED, UNREAD
from lab.check.history import (
    FAIL,
    INFO,
    OK,
    SECOND,
    FaultRecord,
    History,
    Phase,
    Probe,
    Sample,
)

OUTCOMES = {"ok": OK, "fail": FAIL, "info": INFO}
# (region of the publisher, due, sent, answered: seconds, outcome)
Sent = tuple[str, float, float, float, str]
# Message (its place among the publishes) and when it was stored.
Held = Iterable[tuple[int, float]]


def history(
    sent: Sequence[Sent],
    held: Mapping[str, Held],
    faults: Sequence[FaultRecord] = (),
    probes: Sequence[Probe] = (),
    samples: Sequence[Sample] = (),
    incomplete: Sequence[str] = (),
    end: float = 200,
) -> History:
    """A run in which every region has one process; `held` has the read streams, by region."""
    publishes: list[Publish] = []
    tried, stored = Counter[str](), Counter[str]()
    for region, *times, outcome in sent:
        due, invoked, answered = (round(time * SECOND) for time in times)
        publish = Publish(REGIONS.index(region), tried[region], OUTCOMES[outcome], time=invoked)
        publish.intended, publish.completed = due, answered
        tried[region] += 1
        if outcome == "ok":
            stored[region] += 1
            publish.stream, publish.sequence = WRITES[region], stored[region]
        publishes.append(publish)
    return Small(
        list(REGIONS),
        publishes,
        {READS[region]: [_entry(publishes, *message) for message in messages] for region, messages in held.items()},
        incomplete=tuple(READS[region] for region in incomplete),
        faults=tuple(faults),
        probes=tuple(probes),
        samples=tuple(samples),
        phases=(Phase("main", 0, round(end * SECOND)), Phase("read", round(end * SECOND), round((end + 9) * SECOND))),
    ).history()


def _entry(publishes: Sequence[Publish], message: int, stored: float) -> Entry:
    publish = publishes[message]
    origin = WRITES[REGIONS[publish.process]]
    return Entry(publish.process, publish.counter, origin, message + 1, stored=round(stored * SECOND))


def fault(began: float, healed: float | None, kind: str = "partition", links: tuple[str, ...] = ()) -> FaultRecord:
    start, end = round(began * SECOND), None if healed is None else round(healed * SECOND)
    return FaultRecord(f"f{began:g}", kind, "cut something", {}, start, start, end, end, True, links=links)


def everywhere(held: Held) -> dict[str, Held]:
    held = list(held)
    return dict.fromkeys(REGIONS, held)


def test_rates_are_told_at_the_answer_and_latency_from_the_intended_time() -> None:
    sent: list[Sent] = [
        ("west", 1.0, 1.0, 1.002, "ok"),
        ("west", 1.1, 1.1, 1.104, "ok"),
        ("west", 1.2, 3.0, 3.2, "ok"),  # was due at 1.2, so its stall counts there
        ("west", 2.0, 2.0, 2.5, "fail"),
        ("west", 2.0, 2.0, 4.0, "info"),
    ]
    west = figures(history(sent, {}, end=6)).traffic[0]
    assert west.region == "west"
    assert west.ok.tolist() == [0, 2, 0, 1, 0, 0]
    assert west.refused.tolist() == [0, 0, 1, 0, 0, 0]
    assert west.unknown.tolist() == [0, 0, 0, 0, 1, 0]
    assert west.p50[1] == pytest.approx(0.004)
    assert west.p99[1] == pytest.approx(2.0)
    assert isnan(west.p50[2])
    assert west.acknowledged == 3
    assert [west.total_p50, west.total_p99] == pytest.approx([0.004, 2.0])


def test_long_runs_have_wider_bins_and_rates_stay_per_second() -> None:
    sent: list[Sent] = [("west", second, second, second + 0.001, "ok") for second in range(1200)]
    drawn = figures(history(sent, {}, end=1200))
    assert (drawn.time.width, drawn.time.bins) == (2, 600)
    assert set(drawn.traffic[0].ok.tolist()) == {1.0}


FATEFUL: list[Sent] = [
    ("west", 1, 1, 1.001, "ok"),  # 0 everywhere
    ("west", 2, 2, 2.001, "ok"),  # 1 lost in east
    ("west", 3, 3, 3.001, "ok"),  # 2 twice in east
    ("west", 4, 4, 6, "info"),  # 3 there
    ("west", 5, 5, 7, "info"),  # 4 not there
    ("west", 6, 6, 8, "info"),  # 5 in west only
    ("west", 7, 7, 7.1, "fail"),  # 6 refused
    ("west", 8, 8, 8.1, "fail"),  # 7 refused, yet in central
]


def fateful(incomplete: Sequence[str] = ()) -> Figures:
    base = [(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)]
    held = {
        "west": [*base, (5, 6.0)],
        "central": [*base, (7, 8.0)],
        "east": [(0, 1.0), (2, 3.0), (2, 3.5), (3, 4.0)],
    }
    return figures(history(FATEFUL, held, incomplete=incomplete))


def counts(drawn: Figures, region: str) -> dict[int, int]:
    mine = next(fates for fates in drawn.fates if fates.region == region)
    return {FATES.index(name): number for name, number in mine.counts.items() if number}


def test_every_publish_has_one_fate_in_each_region() -> None:
    drawn = fateful()
    assert counts(drawn, "west") == {FINE: 3, LANDED: 2, ABSENT: 1, REFUSED: 2}
    assert counts(drawn, "central") == {FINE: 3, LANDED: 1, ABSENT: 2, REFUSED: 1, PHANTOM: 1}
    assert counts(drawn, "east") == {FINE: 1, LOST: 1, DUPLICATE: 1, LANDED: 1, ABSENT: 2, REFUSED: 2}


def test_the_picture_shows_the_worst_fate_and_says_where() -> None:
    drawn = fateful()
    assert drawn.dots.totals == {
        FINE: 1,
        REFUSED: 1,
        ABSENT: 1,
        LANDED: 1,
        PARTIAL: 1,
        DUPLICATE: 1,
        LOST: 1,
        PHANTOM: 1,
    }
    assert set(drawn.dots.marks) == {(LOST, "east"), (DUPLICATE, "east"), (PHANTOM, "central")}
    assert [number for _, number in drawn.dots.marks[LOST, "east"]] == [1]


def test_nothing_is_lost_in_a_stream_that_was_not_read_to_its_end() -> None:
    drawn = fateful(incomplete=["east"])
    assert counts(drawn, "east") == {FINE: 1, UNREAD: 3, DUPLICATE: 1, LANDED: 1, REFUSED: 2}
    east = next(lag for lag in drawn.lags if lag.region == "east")
    assert len(east.behind) == 0
    assert east.missing == 0


def test_no_publish_is_left_out_of_the_picture_however_many_there_are() -> None:
    whole = synthetic.duplicated(synthetic.history(30_000), "foo-read-east", 50)
    drawn = figures(whole)
    assert sum(int(cells[:, 2].sum()) for cells in drawn.dots.spots.values()) == 30_000
    assert sum(len(cells) for cells in drawn.dots.spots.values()) < 20_000
    assert sum(number for _, number in drawn.dots.marks[DUPLICATE, "east"]) == 50


def test_a_region_is_behind_from_the_acknowledgement_until_it_has_the_message() -> None:
    sent: list[Sent] = [("west", 1, 1, 1.2, "ok"), ("west", 2, 2, 2.2, "ok"), ("west", 3, 3, 3.2, "fail")]
    held = {"west": [(0, 0.9), (1, 2.1)], "central": [(0, 4.5), (1, 4.6)], "east": [(0, 1.3)]}
    west, central, east = figures(history(sent, held, end=8)).lags
    assert west.behind.tolist() == [0] * 8
    assert central.behind.tolist() == [0, 1, 2, 2, 0, 0, 0, 0]
    assert (central.missing, east.missing) == (0, 1)
    assert east.behind.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]


def test_what_the_servers_said_counts_only_where_all_of_it_is_known() -> None:
    last = {"foo-write-west": 10, "foo-write-central": 5, "foo-write-east": 7}
    came = {"foo-write-west": 8, "foo-write-central": 5, "foo-write-east": 7}
    samples = [
        Sample(SECOND, last, {"foo-read-east": came}, {}, {}),
        Sample(2 * SECOND, last, {"foo-read-east": came | {"foo-write-west": None}}, {}, {}),
    ]
    assert figures(history([], {}, samples=samples)).lags[2].sampled == ((1.0, 2), (2.0, None))


def test_after_a_heal_each_pair_has_its_own_time_to_catch_up() -> None:
    sent: list[Sent] = [
        ("west", 1, 1, 1.001, "ok"),
        ("west", 6, 6, 6.001, "ok"),
        ("east", 7, 7, 7.001, "ok"),
        ("west", 11, 11, 11.001, "ok"),  # after the heal
    ]
    held = {
        "west": [(0, 1.0), (1, 6.0), (2, 12.0), (3, 11.0)],
        "central": [(0, 1.0), (1, 6.1), (2, 7.1), (3, 11.0)],
        "east": [(0, 1.1), (2, 7.0), (1, 13.5), (3, 15.0)],
    }
    (after,) = figures(history(sent, held, [fault(5, 10)])).recoveries
    assert after.seconds["west", "east"] == pytest.approx(3.5)
    assert after.seconds["east", "west"] == pytest.approx(2.0)
    assert after.seconds["west", "central"] == 0
    assert after.region("east") == pytest.approx(3.5)
    assert after.during == ()


def test_a_message_that_never_comes_is_never_caught_up_with() -> None:
    sent: list[Sent] = [("west", 6, 6, 6.001, "ok"), ("west", 11, 11, 11.1, "ok")]
    held = {"west": [(0, 6.0), (1, 11.0)], "central": [(1, 11.0)], "east": [(0, 30.0), (1, 31.0)]}
    one, _ = figures(history(sent, held, [fault(5, 10), fault(25, 40)])).recoveries
    assert one.region("central") is None
    assert one.missing == {("west", "central"): 1}
    assert one.region("east") == pytest.approx(20.0)
    assert one.during == ("f25",)


def test_visibility_is_told_apart_by_faults() -> None:
    sent: list[Sent] = [("west", 1, 1, 1.001, "ok"), ("west", 2, 2, 2.001, "ok"), ("west", 6, 6, 6.001, "ok")]
    held = {"east": [(0, 1.011), (1, 2.031), (2, 12.001)]}
    (pair,) = [p for p in figures(history(sent, held, [fault(5, 10)])).visibility if p.origin == "west"]
    assert (pair.calm.count, pair.faulted.count) == (2, 1)
    assert pair.calm.p50 == pytest.approx(0.010)
    assert pair.calm.p99 == pytest.approx(0.030)
    assert pair.faulted.maximum == pytest.approx(6.0)
    assert sum(pair.calm.buckets) == 2


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 64, 65, 200])
def test_inversions_are_those_that_counting_pairs_gives(size: int) -> None:
    numbers = np.random.default_rng(size).permutation(size)
    assert inversions(numbers) == sum(a > b for a, b in combinations(numbers.tolist(), 2))


def test_regions_differ_by_the_pairs_that_stand_the_other_way_round() -> None:
    sent: list[Sent] = [("west", n, n, n + 0.001, "ok") for n in range(4)]
    held = {"west": [(0, 1), (1, 2), (2, 3), (3, 4)], "east": [(2, 1), (0, 2), (1, 3)]}
    (pair,) = figures(history(sent, held)).disorder
    assert (pair.common, pair.pairs, pair.every) == (3, 2, 1)
    assert pair.share == pytest.approx(2 / 3)


def test_probes_are_counted_between_the_changes_of_faults() -> None:
    def probe(second: float, outcome: str, operation: str = "new-consumer") -> Probe:
        return Probe("central", operation, round(second * SECOND), 0.1, outcome)  # type: ignore[arg-type]

    isolation = fault(100, 150, links=("central-east", "central-west"))
    probes = [
        probe(50, "ok"),
        probe(105, "fail"),  # within 20 s of isolation it may do either
        probe(130, "fail"),  # as it must
        probe(140, "ok"),  # it must not
        probe(130, "info", "direct-get"),  # it must work
        probe(190, "ok"),
    ]
    found = figures(history([], {}, [isolation], probes)).availability
    assert [(s.began_s, s.ended_s, s.faults) for s in found.stretches] == [
        (0, 100, ()),
        (100, 150, ("f100",)),
        (150, 200, ()),
    ]
    cells = {(c.operation, c.stretch): (c.ok, c.failed, c.unknown, c.unexpected) for c in found.cells}
    assert cells["new-consumer", 0] == (1, 0, 0, 0)
    assert cells["new-consumer", 1] == (1, 2, 0, 1)
    assert cells["direct-get", 1] == (0, 0, 1, 1)
    expected = [trial.expected for trial in found.trials["central", "new-consumer"]]
    assert expected == [True, None, True, False, True]


@pytest.mark.parametrize(
    "whole",
    [
        synthetic.interrupted(synthetic.history(100)),
        replace(synthetic.history(100), reads={}),
        synthetic.history(100, regions=("west",)),
    ],
    ids=["nothing happened", "nothing was read", "one region"],
)
def test_what_is_not_there_is_drawn_as_nothing(whole: History) -> None:
    drawn = figures(whole)
    assert drawn.counts.published == len(whole.publishes)
    assert not drawn.disorder
    assert len(drawn.traffic) == len(whole.run.topology.regions)


def test_figures_are_aligned_with_retries_of_one_message() -> None:
    """A message that is published twice (a client's retry) is one message with two publishes."""
    base = history([("west", 1, 1, 3, "info"), ("west", 3, 3, 3.01, "ok")], everywhere([(0, 1.5)]))
    base.publishes["counter"] = 0
    drawn = figures(base)
    assert len(Index(base).messages.told) == 1
    assert counts(drawn, "east") == {FINE: 2}
