"""What became of every publish, in the figures, and of what kind each loss is."""

from collections import Counter

import pytest
from fake_cluster import left_by

from lab.check.checkers.delivery import LOSSES, losses
from lab.check.checkers.index import Index
from lab.check.figures.messages import FATES, arrivals
from lab.check.history import FAIL, OK


def counted(*bugs: str, region: str = "central") -> Counter[str]:
    return Counter(FATES[fate] for fate in arrivals(Index(left_by(*bugs)))[region].fate)


def lost(*bugs: str, region: str = "central") -> Counter[str]:
    index = Index(left_by(*bugs))
    stored = next(stored for stored in index.reads if stored.region == region)
    return Counter(LOSSES[kind] for kind in losses(index, stored)[1])


def test_every_publish_has_a_fate_in_every_region() -> None:
    history = left_by()
    acked, refused = ((history.publishes["outcome"] == outcome).sum() for outcome in (OK, FAIL))
    silent = len(history.publishes) - acked - refused
    expected = {"stored once": acked, "refused": refused, "no answer, not there": silent}
    for arrival in arrivals(Index(history)).values():
        assert Counter(FATES[fate] for fate in arrival.fate) == {kind: n for kind, n in expected.items() if n}


@pytest.mark.parametrize(
    ("bug", "fate"),
    [
        ("duplicates on reconnect", "there twice"),
        ("leaves out a message", "lost"),
        ("resurrects a refused message", "refused, yet there"),
        ("expires before sourcing", "expired"),
    ],
)
def test_a_bug_shows_in_the_fates(bug: str, fate: str) -> None:
    assert counted(bug)[fate] >= 1
    assert counted()[fate] == 0


@pytest.mark.parametrize(("bug", "kind"), [("leaves out a message", "middle"), ("expires before sourcing", "expired")])
def test_a_bug_shows_in_the_kinds_of_losses(bug: str, kind: str) -> None:
    assert lost(bug)[kind] >= 1
    assert not lost()


def test_a_lost_source_loses_whole_processes() -> None:
    history = left_by()
    central = sum(history.region_of(int(process)) == "central" for process in history.publishes["process"])
    assert lost("loses a source", region="east")["whole"] == central
    assert counted("loses a source", region="east")["lost"] == central
