"""How often a scenario looks, and what a result is worth."""

import asyncio
from typing import Any

import pytest

from lab.scenario import evidence as see
from lab.scenario import player, report
from lab.scenario.expectations import EXPECTATIONS
from lab.scenario.scenario import Expected, Judgement, Result, StepResult, exit_code
from lab.verdict import Judged

Healthy: Any = EXPECTATIONS["healthy"]
ILL, WELL = see.Lacks(("no meta leader",)), see.Lacks(())


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[see.Lacks]:
    """What one sees, look by look; the last one stays."""
    seen: list[see.Lacks] = []

    async def observe(*_: Any) -> see.Lacks:
        return seen.pop(0) if len(seen) > 1 else seen[0]

    monkeypatch.setattr(player, "observe", observe)
    monkeypatch.setattr(player, "POLL_S", 0.01)
    return seen


def judge(expectation: Any, finding: str = "") -> Judgement:
    return asyncio.run(player.judge(Expected(expectation, finding=finding), None))  # type: ignore[arg-type]


def test_without_a_time_one_look_decides(looks: list[see.Lacks]) -> None:
    looks += [ILL, WELL]
    assert judge(Healthy()).judged == "violated"


def test_within_a_time_it_is_looked_at_until_it_holds(looks: list[see.Lacks]) -> None:
    looks += [ILL, ILL, ILL, WELL]
    assert judge(Healthy(within=5)).judged == "held"


def test_within_a_time_that_is_over_it_is_violated(looks: list[see.Lacks]) -> None:
    looks += [ILL]
    judgement = judge(Healthy(within=0.05))
    assert (judgement.judged, judgement.seen) == ("violated", "no meta leader")


def test_throughout_a_time_one_bad_look_is_enough(looks: list[see.Lacks]) -> None:
    looks += [WELL, WELL, ILL, WELL]
    assert judge(Healthy(throughout=5)).judged == "violated"


def test_throughout_a_time_it_holds_to_the_end(looks: list[see.Lacks]) -> None:
    looks += [WELL]
    judgement = judge(Healthy(throughout=0.2))
    assert judgement.judged == "held"
    assert judgement.seconds >= 0.2


@pytest.mark.parametrize(("look", "judged"), [(ILL, "found"), (WELL, "violated")])
def test_a_finding_turns_the_judgement(looks: list[see.Lacks], look: see.Lacks, judged: str) -> None:
    looks += [look]
    assert judge(Healthy(), "as it must be").judged == judged


def test_what_is_violated_because_it_holds_says_so(looks: list[see.Lacks]) -> None:
    looks += [WELL]
    judgement = judge(Healthy(), "as it must be")
    assert judgement.judged == "violated"
    assert judgement.seen == "it holds, which it should not: nothing is missing"


def result(*judged: Judged, broken: str = "") -> Result:
    judgements = tuple(Judgement(one, "expected", "seen") for one in judged)
    step = StepResult(1, "say", "lab heal", "", judgements, 1, "")
    return Result("some", "", "lab", ("2.15.1",), "short", (step,), 2, broken)


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([result("held", "found")], 0),
        ([result("held", "violated")], 3),
        ([result("held", "could not tell")], 4),
        ([result("violated", "could not tell")], 3),
        ([result("held", broken="the fault took no hold")], 4),
        ([result("violated", broken="the fault took no hold")], 3),
        ([result()], 4),
        ([result("could not tell"), result("violated")], 3),
        ([], 4),
    ],
)
def test_exit_codes(results: list[Result], code: int) -> None:
    assert exit_code(tuple(results)) == code


def test_reports_name_what_was_violated() -> None:
    results = [result("held", "violated"), result("held", broken="east-3 is down")]
    xml = report.junit_xml(results)
    assert 'tests="4" failures="1" skipped="1"' in xml
    page = report.markdown(results)
    assert "| some | VIOLATED | 1 of 2 as expected | 2 s | 2.15.1 |" in page
    assert "**east-3 is down**" in page
    assert "could not tell" in report.summary(results[1])
