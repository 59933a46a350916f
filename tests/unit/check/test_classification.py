from collections import Counter

import pytest
from fake_cluster import FakeCluster

from lab.check.checkers import FATES
from lab.check.checkers.classification import fates
from lab.check.history import OK


def counted(*bugs: str, stream: str = "foo-read-central") -> Counter[str]:
    return Counter(FATES[fate] for fate in fates(FakeCluster(*bugs).history())[stream])


def test_every_publish_has_a_fate_in_every_region() -> None:
    history = FakeCluster().history()
    acked = int((history.publishes["outcome"] == OK).sum())
    for of_stream in fates(history).values():
        assert Counter(FATES[fate] for fate in of_stream) == {"arrived": acked, "absent": len(of_stream) - acked}


@pytest.mark.parametrize(
    ("bug", "fate"),
    [
        ("duplicates on reconnect", "duplicated"),
        ("leaves out a message", "middle"),
        ("resurrects a refused message", "phantom"),
        ("expires before sourcing", "expired"),
    ],
)
def test_a_bug_shows_in_the_fates(bug: str, fate: str) -> None:
    assert counted(bug)[fate] >= 1
    assert counted()[fate] == 0


def test_a_lost_source_loses_whole_processes() -> None:
    history = FakeCluster().history()
    central = sum(history.region_of(int(process)) == "central" for process in history.publishes["process"])
    assert counted("loses a source", stream="foo-read-east")["whole"] == central
