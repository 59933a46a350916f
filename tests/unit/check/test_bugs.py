"""Each bug of the fake cluster turns exactly the right properties red; without a bug nothing is."""

from dataclasses import replace
from typing import Any

import pytest
from fake_cluster import BUGS, left_by

from lab.check.checkers import judge
from lab.check.findings import Verdict
from lab.check.history import SECOND, Stall

RED = {
    "forgets an acknowledged write": {"P1", "P2a"},
    "acknowledges one sequence twice": {"P1", "P2a", "P8"},
    "duplicates on reconnect": {"P2b", "P4", "P6"},
    "swaps two messages": {"P5a"},
    "swaps two messages of a process": {"P5a", "P5b", "P7"},
    "never catches up": {"P2a", "P5c", "P6", "L8"},
    "catches up late": {"L8"},
    "loses a source": {"P2a", "P5c", "P6", "L8"},
    "leaves out a message": {"P2a", "P5c", "P6"},
    "resurrects a refused message": {"P3"},
    "keeps an earlier run": {"P3"},
    "alters a byte": {"P3"},
    "alters a subject": {"P10"},
    "stores in another region": {"P1"},
    "stores twice": {"P1", "P2b"},
    "mixes up an origin": {"P2a", "P3", "P4", "P6", "P7"},
    "expires before sourcing": {"P2a", "P6"},
    "purges a write stream": {"P1"},
    "drops after delivery": {"P2a", "P5c", "P6", "P7"},
    "changes after delivery": {"P7"},
    "redelivers after ack": {"P11"},
    "skips a delivery": {"P11"},
    "ordered reader jumps": {"P11"},
    "replica drifts": {"P9"},
    "shows its own writes late": {"L1"},
    "refuses when isolated": {"L2"},
    "cannot be read when isolated": {"L3"},
    "creates consumers when isolated": {"L4"},
    "majority refuses": {"L5"},
    "majority creates no consumers": {"L5"},
    "election takes long": {"L6"},
    "acknowledges without a quorum": {"L7"},
    "quorum comes back late": {"L7"},
    "control plane comes back late": {"L9"},
}


def red(verdict: Verdict) -> set[str]:
    return {finding.property for finding in verdict.findings if finding.validity == "violated"}


def test_a_cluster_without_bugs_is_valid_and_everything_was_judged() -> None:
    verdict = judge(left_by())
    assert verdict.validity == "valid", [f for f in verdict.findings if f.validity != "valid"]
    assert not [text for text in verdict.not_tested if "nothing in this run" in text]


def test_the_table_names_every_bug() -> None:
    assert RED.keys() == set(BUGS)


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_turns_exactly_its_properties_red(bug: str) -> None:
    verdict = judge(left_by(bug))
    assert red(verdict) == RED[bug]
    assert verdict.validity == "violated"
    assert not [finding for finding in verdict.findings if finding.validity == "unknown"]
    for finding in verdict.findings:
        assert (finding.validity == "violated") == bool(finding.violations)
        assert bool(finding.examples) == (finding.validity == "violated")


LATE = (
    *("catches up late", "shows its own writes late", "refuses when isolated", "cannot be read when isolated"),
    *("majority refuses", "majority creates no consumers", "election takes long", "quorum comes back late"),
    "control plane comes back late",
)


def changed(bug: str, **changes: Any) -> Verdict:
    history = left_by(bug)
    return judge(replace(history, run=replace(history.run, **changes)))


@pytest.mark.parametrize("bug", [*LATE, "never catches up", "creates consumers when isolated"])
def test_what_is_late_while_the_check_itself_stalls_accuses_nobody(bug: str) -> None:
    end = max(phase.ended for phase in left_by(bug).run.phases)
    verdict = changed(bug, stalls=tuple(Stall(began, began + 2 * SECOND) for began in range(0, end, 2 * SECOND)))
    assert red(verdict) == (set() if bug in LATE else RED[bug])
    doubted = {f.property for f in verdict.findings if f.sentence.endswith(", but the check itself stalled meanwhile")}
    assert doubted == (RED[bug] if bug in LATE else set())
    assert verdict.validity == ("unknown" if bug in LATE else "violated")


@pytest.mark.parametrize("bug", ["catches up late", "refuses when isolated", "control plane comes back late"])
def test_a_stall_at_another_time_excuses_nothing(bug: str) -> None:
    verdict = changed(bug, stalls=(Stall(0, SECOND),))
    assert red(verdict) == RED[bug]
    assert "the check itself stalled for 1.0 s, 0 s into the run" in [f.sentence for f in verdict.findings]


@pytest.mark.parametrize(
    "bug", ["catches up late", "shows its own writes late", "purges a write stream", "loses a source"]
)
def test_a_clock_that_jumps_by_more_than_streams_keep_messages_accuses_nobody(bug: str) -> None:
    """What is late by the servers' times, or gone because it seemed too old."""
    verdict = changed(bug, jump=2 * 3600.0)
    left = RED[bug] - {"L1", "L8"} if bug != "purges a write stream" else set()
    assert red(verdict) == left
    assert verdict.validity == ("violated" if left else "unknown")
    said = "this machine's clock jumped by +7200.0 s, so the servers' and Docker's times are not those of the run"
    assert {f.property for f in verdict.findings if f.sentence == said} == {"P0", "L1", "L8"}


def test_replicas_that_expire_messages_by_a_clock_that_jumped_accuse_nobody() -> None:
    definitions = {key: {"max_age": 3600 * SECOND} for key in left_by().run.streams}
    assert red(changed("replica drifts", definitions=definitions)) == {"P9"}
    assert red(changed("replica drifts", definitions=definitions, jump=2 * 3600.0)) == set()
