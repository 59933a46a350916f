"""P0: what makes a run prove nothing makes it unknown, says so, and never makes it violated."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from fake_cluster import left_by

from lab.check.checkers import judge
from lab.check.history import INFO, OK, SECOND, FaultRecord, History, Phase, Sample

VALID = left_by()


def change_run(**changes: object) -> Callable[[History], History]:
    return lambda history: replace(history, run=replace(history.run, **changes))  # type: ignore[arg-type]


def change_fault(**changes: object) -> Callable[[History], History]:
    def change(history: History) -> History:
        changed: FaultRecord = replace(history.faults[1], **changes)  # type: ignore[arg-type]
        return replace(history, faults=(history.faults[0], changed, history.faults[2]))

    return change


def change_read(**changes: object) -> Callable[[History], History]:
    def change(history: History) -> History:
        read = replace(history.reads["foo-read-east"], **changes)  # type: ignore[arg-type]
        return replace(history, reads={**history.reads, "foo-read-east": read})

    return change


def without_read(history: History) -> History:
    return replace(history, reads={name: read for name, read in history.reads.items() if name != "foo-write-west"})


def few_publishes(history: History) -> History:
    """A phase of its own in which east acknowledged nothing."""
    phases = (*history.run.phases, Phase("second main", 126 * SECOND, 127 * SECOND))
    return change_run(phases=phases)(history)


def nobody_published(history: History) -> History:
    fault = replace(history.faults[1], id="f9", began=300 * SECOND, injected=301 * SECOND, healing=310 * SECOND)
    return replace(history, faults=(*history.faults, replace(fault, healed=311 * SECOND)))


def many_unknown(history: History) -> History:
    publishes = history.publishes.copy()
    calm = np.flatnonzero((publishes["invoked"] < 15 * SECOND) & (publishes["outcome"] == OK))
    publishes["outcome"][calm[::2]] = INFO
    return replace(history, publishes=publishes)


REASONS: dict[str, tuple[Callable[[History], History], str]] = {
    "interrupted": (change_run(ended="interrupted"), "the run did not end as planned: interrupted"),
    "a note": (change_run(notes=("the loop stood still for 3.1 s",)), "the loop stood still for 3.1 s"),
    "not proven": (change_fault(proven=False, error="no proof"), "is not proven to have taken hold: no proof"),
    "never injected": (change_fault(injected=None, proven=False), "kill east-1 (f2) never took hold"),
    "never healed": (change_fault(healed=None), "kill east-1 (f2) was not healed"),
    "incomplete": (change_read(complete=False, error="it broke"), "foo-read-east is incomplete: it broke"),
    "sequences missing": (change_read(last=VALID.reads["foo-read-east"].last + 76), "lacks 76 sequences"),
    "not read": (without_read, "foo-write-west was not read"),
    "few publishes": (few_publishes, "only 0 acknowledged messages in east during second main"),
    "nobody published": (nobody_published, "nobody published while kill east-1 (f9) was in force"),
    "many unknown": (many_unknown, "outside all faults had an unknown outcome: more than 1 %"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_run_that_proves_nothing_is_unknown_and_says_why(reason: str) -> None:
    change, sentence = REASONS[reason]
    verdict = judge(change(VALID))
    assert verdict.validity == "unknown"
    said = [finding.sentence for finding in verdict.findings if finding.property == "P0"]
    assert any(sentence in text for text in said), said
    assert not [finding for finding in verdict.findings if finding.violations]


def test_messages_of_another_run_that_were_read_as_well_are_told() -> None:
    history = left_by("keeps an earlier run")
    before = dict.fromkeys(history.run.streams, 1)
    verdict = judge(replace(history, samples=(Sample(-1, before, {}, {}, {}), *history.samples)))
    said = [(finding.place, finding.sentence) for finding in verdict.findings if finding.property == "P0"]
    assert [place for place, _ in said] == ["foo-write-west", "foo-read-west", "foo-read-central", "foo-read-east"]
    assert "was not empty at the start" in said[0][1]


def test_a_first_sample_that_took_too_long_accuses_nobody() -> None:
    before = dict.fromkeys(VALID.run.streams, 5)
    verdict = judge(replace(VALID, samples=(Sample(-1, before, {}, {}, {}), *VALID.samples)))
    assert verdict.validity == "valid"


def test_nothing_was_published_at_all() -> None:
    history = replace(
        VALID,
        publishes=VALID.publishes[:0],
        reads={name: replace(read, rows=read.rows[:0], first=1, last=0) for name, read in VALID.reads.items()},
        live={},
        faults=(),
        probes=(),
        samples=(),
    )
    verdict = judge(history)
    assert verdict.validity == "unknown"
    assert any("P2a no loss: nothing in this run" in text for text in verdict.not_tested)


def test_a_violation_counts_more_than_a_doubt() -> None:
    verdict = judge(change_run(ended="interrupted")(left_by("leaves out a message")))
    assert verdict.validity == "violated"
    assert {finding.validity for finding in verdict.findings if finding.property == "P0"} == {"unknown"}
