"""What a stream drops as it is defined is no loss when it had arrived; what never came is found all the same."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fake_cluster import left_by

from lab.check.checkers import judge
from lab.check.checkers.retention import Limits
from lab.check.figures import figures
from lab.check.findings import Finding
from lab.check.history import SECOND, Array, History
from lab.check.payload import topic
from lab.render import stream_configs

VALID = left_by()
COPIES = ("foo-read-west", "foo-read-central", "foo-read-east")
EAST = "foo-read-east"
FULL: Mapping[str, Any] = {"max_msgs": 250}


def defined(history: History, **limits: Mapping[str, Any]) -> History:
    """With the streams' definitions, changed by role: `copies`, `origins`."""
    configs = stream_configs(history.run.topology)
    for name, config in configs.items():
        config.update(limits.get("copies" if name in COPIES else "origins", {}))
    return replace(history, run=replace(history.run, definitions=configs))


def keeping(history: History, name: str, kept: Array) -> History:
    """With only some rows of a stream left, as its limits would leave them. Readers have seen all."""
    read = history.reads[name]
    rows = read.rows[kept]
    first = int(rows["sequence"][0])
    deleted = read.last - first + 1 - len(rows)
    replicas = tuple(
        replace(replica, messages=len(rows), bytes=100 * len(rows), first=first, deleted=deleted)
        if replica.stream == name
        else replica
        for replica in history.replicas
    )
    changed = replace(read, rows=rows, first=first, deleted=deleted)
    return replace(history, reads={**history.reads, name: changed}, replicas=replicas)


def last(history: History, number: int, *names: str) -> History:
    for name in names:
        history = keeping(
            history, name, np.arange(len(history.reads[name].rows) - number, len(history.reads[name].rows))
        )
    return history


def never_came(history: History, name: str, places: list[int]) -> History:
    """Without the rows at some places of a copy, which then has no gap: they never came, and no reader got them."""
    read = history.reads[name]
    gone = read.rows["sequence"][places]
    rows = np.delete(read.rows, places)
    rows["sequence"] = np.arange(1, len(rows) + 1)
    live = dict(history.live)
    for key, seen in live.items():
        if key[0] == read.region:
            fewer = seen[~np.isin(seen["sequence"], gone)]
            fewer["sequence"] = np.arange(1, len(fewer) + 1)
            live[key] = fewer
    changed = replace(read, rows=rows, last=len(rows))
    return replace(history, reads={**history.reads, name: changed}, live=live)


def unseen(history: History, region: str, until: int) -> History:
    """Readers that got nothing of a region's copy up to a sequence."""
    live = {key: rows[rows["sequence"] > until] if key[0] == region else rows for key, rows in history.live.items()}
    return replace(history, live=live)


def findings(history: History, property_: str) -> dict[str, Finding]:
    return {finding.place: finding for finding in judge(history).findings if finding.property == property_}


def violated(history: History) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for finding in judge(history).findings:
        if finding.validity == "violated":
            found.setdefault(finding.property, set()).add(finding.place)
    return found


LIMITED = last(defined(VALID, copies=FULL), 250, *COPIES)


def test_what_copies_dropped_after_it_had_arrived_is_no_loss() -> None:
    assert {"P2a", "P7"} <= violated(last(defined(VALID), 250, *COPIES)).keys()  # without the limit
    assert judge(LIMITED).validity == "valid"
    sentence = findings(LIMITED, "P2a")[EAST].sentence
    assert "are there, or were until its max_msgs of 250 dropped them" in sentence


def test_the_report_counts_none_of_them_as_missing() -> None:
    told = figures(LIMITED)
    assert [lag.missing for lag in told.lags] == [0, 0, 0]
    assert [fates.counts for fates in told.fates] == [fates.counts for fates in figures(VALID).fates]


def test_what_never_came_is_found_among_what_was_dropped() -> None:
    history = last(never_came(defined(VALID, copies=FULL), EAST, [100, 101]), 250, *COPIES)
    found = findings(history, "P2a")
    assert (found[EAST].validity, found[EAST].violations) == ("violated", 2)
    assert {found[name].validity for name in COPIES if name != EAST} == {"valid"}
    assert violated(history) == {"P2a": {EAST}}


def test_what_never_came_is_found_among_what_is_left() -> None:
    history = last(never_came(defined(VALID, copies=FULL), EAST, [len(VALID.reads[EAST].rows) - 50]), 250, *COPIES)
    unknowing = unseen(history, "east", 10**6)
    assert findings(unknowing, "P2a")[EAST].violations == 1
    assert violated(unknowing)["P5c"] == {EAST}


def test_what_nobody_saw_cannot_be_told() -> None:
    history = unseen(LIMITED, "east", 1000)
    found = findings(history, "P2a")[EAST]
    assert found.validity == "unknown"
    assert "may have arrived and been dropped by its max_msgs of 250 before a live reader saw them" in found.sentence
    assert not violated(history)


def test_more_that_is_gone_than_was_dropped_is_a_loss() -> None:
    history = last(never_came(defined(VALID, copies=FULL), EAST, [100, 101, 102]), 250, *COPIES)
    found = findings(unseen(history, "east", 1000), "P2a")[EAST]
    assert (found.validity, found.violations) == ("violated", 3)
    assert "3 at least of " in found.sentence


def test_a_stream_that_holds_less_than_it_may_dropped_nothing_by_that_limit() -> None:
    history = last(defined(VALID, copies={"max_msgs": 251}), 250, *COPIES)
    assert {"P2a", "P7"} <= violated(history).keys()


def test_a_stream_that_discards_what_is_new_drops_nothing() -> None:
    history = last(defined(VALID, copies={"max_msgs": 250, "discard": "new"}), 250, *COPIES)
    assert "P2a" in violated(history)


def test_a_full_stream_by_its_bytes() -> None:
    size = 250 * 100
    assert judge(last(defined(VALID, copies={"max_bytes": size}), 250, *COPIES)).validity == "valid"
    assert "P2a" in violated(last(defined(VALID, copies={"max_bytes": 10 * size + 10**6}), 250, *COPIES))


def aged(history: History, after: int) -> History:
    """Copies without what they stored before a time."""
    for name in COPIES:
        history = keeping(history, name, np.flatnonzero(history.reads[name].rows["stored"] >= after * SECOND))
    return history


def test_what_was_too_old_is_no_loss_and_what_was_not_is_one() -> None:
    end = 341  # of the run, in seconds
    assert judge(aged(defined(VALID, copies={"max_age": (end - 150) * SECOND}), 150)).validity == "valid"
    younger = aged(defined(VALID, copies={"max_age": (end - 150) * SECOND}), 170)
    assert {"P2a", "P7"} <= violated(younger).keys()


def test_replicas_that_are_just_dropping_by_age_prove_nothing() -> None:
    drifts = left_by("replica drifts")
    assert findings(defined(drifts, origins={"max_age": 3600 * SECOND}), "P9")["foo-write-west"].validity == "violated"
    aging = findings(defined(drifts, origins={"max_age": 300 * SECOND}), "P9")["foo-write-west"]
    assert aging.validity == "unknown"
    assert "drops messages by age for itself" in aging.sentence


def newest(rows: Array, seed: int, number: int) -> Array:
    """The places of the last so many of each subject."""
    topics = [topic(seed, int(row["process"]), int(row["counter"])) for row in rows]
    return np.array(
        sorted(place for each in set(topics) for place in np.flatnonzero(np.array(topics) == each)[-number:])
    )


def test_only_the_newest_of_each_subject_are_kept() -> None:
    history = defined(VALID, copies={"max_msgs_per_subject": 10})
    for name in COPIES:
        history = keeping(history, name, newest(history.reads[name].rows, history.run.seed, 10))
    assert judge(history).validity == "valid"
    lost = findings(unseen(never_came(history, EAST, [0]), "east", 0), "P2a")
    assert lost[EAST].validity != "valid"


def test_an_origin_that_drops_is_durable_and_its_copies_are_whole() -> None:
    history = defined(VALID, origins={"max_msgs": 100})
    history = last(history, 100, "foo-write-west", "foo-write-central", "foo-write-east")
    assert judge(history).validity == "valid"
    assert (
        "dropped since by its max_age of 3600 s and max_msgs of 100"
        in findings(history, "P1")["foo-write-west"].sentence
    )


def test_what_an_origin_dropped_before_it_was_sourced_is_lost() -> None:
    history = never_came(defined(VALID, origins={"max_msgs": 100}), EAST, [100])
    history = last(history, 100, "foo-write-west", "foo-write-central", "foo-write-east")
    found = findings(history, "P2a")
    assert (found[EAST].validity, found[EAST].violations) == ("violated", 1)
    assert "expired before they were sourced" in found[EAST].sentence


def test_a_region_that_was_drowned_by_the_others_lost_nothing() -> None:
    """A copy in which no row of one origin is left."""
    rows = VALID.reads[EAST].rows
    place = VALID.run.streams.index("foo-write-west")
    number = int(len(rows) - np.flatnonzero(rows["origin"] == place)[-1] - 1)
    assert number > 0
    history = last(defined(VALID, copies={"max_msgs": number}), number, EAST)
    assert not violated(history)


@pytest.mark.parametrize("stream", COPIES)
def test_a_purge_without_a_limit_is_a_loss_as_before(stream: str) -> None:
    history = last(defined(VALID), 250, stream)
    assert violated(history)["P2a"] == {stream}


def test_the_limits_of_a_definition() -> None:
    plain = stream_configs(VALID.run.topology)[EAST]
    assert not Limits.of(plain)
    assert (
        str(Limits.of({**plain, "max_age": 20 * SECOND, "max_bytes": 1000})) == "max_age of 20 s and max_bytes of 1,000"
    )
    assert Limits.of({**plain, "retention": "interest"}).consumed
