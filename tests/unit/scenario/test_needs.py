"""Scenarios that need what this kernel may lack: told, and never a failure of what was not asked for by name."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from lab.api import Lab
from lab.check.schedule import Schedule
from lab.cli.commands import load
from lab.cli.narration import Log
from lab.matrix.trials import Trials
from lab.scenario import labs, plays, shipped
from lab.scenario.scenario import Judgement, Result, Scenario, StepResult, Variant
from lab.topology import Topology

SENTENCE = "far: not played: this kernel has no `netem`, which the scenario needs; `lab doctor` shows what it offers"
REST = "title: t\nabout: a\nsteps:\n  - expect: {healthy: {}}\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """What is shipped here: `far` needs `netem`, which this kernel has not, and `near` needs `tbf`, which it has."""
    found = {}
    for name, needs in (("far", "netem"), ("near", "tbf")):
        found[name] = tmp_path / f"{name}.yaml"
        found[name].write_text(f"needs: {needs}\n{REST}")
    monkeypatch.setattr(shipped, "shipped", lambda: found)
    monkeypatch.setattr(Lab, "offers", lambda _: frozenset({"tbf", "blocks"}))
    monkeypatch.setattr(labs, "running", lambda *_: SimpleNamespace(topology=Topology()))

    async def play(scenario: Scenario, variant: Variant, context: Any, audience: Any) -> Result:
        step = StepResult(1, "", "", "", (Judgement("held", "expected", "seen"),), 0, "")
        result = Result(scenario.name, variant.name, "lab", ("2.15.1",), "short", (step,), 1)
        await audience.closes(result)
        return result

    monkeypatch.setattr(plays, "play", play)
    return found


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(load(), ["scenario", *words])
    return done.exit_code, done.output


def test_a_scenario_that_the_kernel_cannot_do_is_not_played_and_cannot_be_told(files: dict[str, Path]) -> None:
    assert run("run", "far") == (4, f"{SENTENCE}\n")
    code, said = run("run", "far", "near")
    assert code == 4
    assert "near: all held" in said


def test_one_that_it_can_do_is_played(files: dict[str, Path]) -> None:
    code, said = run("run", "near")
    assert (code, "near: all held" in said) == (0, True)


def test_playing_all_passes_over_it_and_says_so(files: dict[str, Path], tmp_path: Path) -> None:
    junit, markdown, pages = tmp_path / "junit.xml", tmp_path / "page.md", tmp_path / "pages"
    pages.mkdir()
    code, said = run("run", "--all", "--junit", str(junit), "--markdown", str(markdown), "--pages", str(pages))
    assert (code, SENTENCE in said) == (0, True)
    assert 'tests="2" failures="0" skipped="1"' in junit.read_text()
    assert "| far | not played |" in markdown.read_text()
    assert "This is a recorded run" in (pages / "near.md").read_text()
    far = (pages / "far.md").read_text()
    assert "needs a kernel with `netem`" in far
    assert "No run is recorded here yet" in far
    assert "- expected: the lab is healthy." in far


def test_a_page_of_a_run_elsewhere_is_kept(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "far.md").write_text("recorded elsewhere")
    assert run("run", "far", "--pages", str(tmp_path))[0] == 4
    assert (tmp_path / "far.md").read_text() == "recorded elsewhere"


def test_as_json(files: dict[str, Path]) -> None:
    done = CliRunner().invoke(load(), ["scenario", "run", "--all", "--json"])
    told = json.loads(done.stdout)
    assert told["exit_code"] == done.exit_code == 0
    assert [(one["scenario"], one["verdict"], one["lacking"]) for one in told["results"]] == [
        ("far", "could not tell", ["netem"]),
        ("near", "held", []),
    ]


def test_a_lesson_says_so_too(files: dict[str, Path]) -> None:
    done = CliRunner().invoke(load(), ["learn", "far"])
    assert (done.exit_code, SENTENCE in done.output) == (4, True)


def test_a_matrix_starts_no_lab_for_it(files: dict[str, Path]) -> None:
    trials = Trials(Lab("nowhere"), Topology(), lambda: Log(True), lambda _: Schedule(1, 1))
    outcome = asyncio.run(trials.on(shipped.find("far"), "2.14.6"))
    assert (outcome.verdict, outcome.sentence) == ("could not tell", SENTENCE.removeprefix("far: not played: "))


def test_the_list_tells_what_is_needed(files: dict[str, Path]) -> None:
    assert run("list")[1].splitlines() == ["far   t (needs netem)", "near  t (needs tbf)"]
