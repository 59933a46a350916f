"""Every verb that is registered is found everywhere, whatever it is; nothing here knows one by name."""

import inspect
import shlex
from dataclasses import fields
from pathlib import Path
from random import Random

import pytest
import typer
from typer.testing import CliRunner

from lab.api import Lab
from lab.check.schedule import kinds, random_faults
from lab.cli.commands import load
from lab.faults.effects import NOTHING
from lab.faults.fault import Fault
from lab.faults.methods import VerbMethods
from lab.faults.registry import KINDS, VERBS, draws
from lab.faults.step_down import StepDown
from lab.faults.verb import Verb
from lab.scenario import actions
from lab.topology import Topology

TOPOLOGY = Topology()
DOCS = (Path(__file__).resolve().parents[3] / "docs" / "faults.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(load()).commands  # type: ignore[attr-defined]
DOING = [verb for verb in VERBS if not verb.undoes]


def drawn(verb: type[Verb]) -> list[Verb]:
    return [draw.make(TOPOLOGY, Random(7)) for draw in verb.draws()]


def name(thing: type) -> str:
    return str(getattr(thing, "name", thing.__name__))


@pytest.mark.parametrize("verb", VERBS, ids=name)
def test_a_verb_is_a_command_a_method_and_a_step(verb: type[Verb]) -> None:
    assert COMMANDS[verb.name].help
    assert callable(getattr(Lab("nowhere"), verb.name.replace("-", "_")))
    assert (verb.name.replace("-", "_") in actions.actions()) is not verb.turning, "a scenario repeats steps instead"


@pytest.mark.parametrize("verb", DOING, ids=name)
def test_a_verb_that_does_something_is_an_entry_of_schedules_and_drawn(verb: type[Verb]) -> None:
    assert kinds()[verb.name] is verb
    assert verb.draws()
    found = {fault.verb.name for seed in range(40) for fault in random_faults(seed, TOPOLOGY, 130)}
    assert verb.name in found


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb.undoes], ids=name)
def test_a_verb_that_only_undoes_is_no_fault_of_a_schedule(verb: type[Verb]) -> None:
    assert verb.name not in kinds()
    assert verb.draws() == ()


@pytest.mark.parametrize("verb", DOING, ids=name)
def test_a_verb_says_what_it_takes_away(verb: type[Verb]) -> None:
    for example in drawn(verb):
        if example.lasting:
            assert example.faults(TOPOLOGY)
            assert example.affects(TOPOLOGY) != NOTHING
        assert not [*example.problems(TOPOLOGY, 8.0)]


@pytest.mark.parametrize("verb", DOING, ids=name)
def test_a_verb_reads_as_it_is_typed(verb: type[Verb], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text is the command that does the same: what the command line makes of it is the verb again."""
    asked: list[Verb] = []

    def do(lab: Lab, verb: Verb, **_: object) -> None:
        asked.append(verb)
        raise typer.Exit

    monkeypatch.setattr(Lab, "do", do)
    for example in drawn(verb):
        asked.clear()
        _, *words = shlex.split(str(example))
        CliRunner().invoke(load(), [*words, "--dry-run", "--name", "nowhere"])
        assert asked == [example]
        if verb is not StepDown:
            assert str(example) == f"lab {example.said}" or "," in example.said


@pytest.mark.parametrize("verb", VERBS, ids=name)
def test_a_verb_is_described(verb: type[Verb]) -> None:
    assert f"`lab {verb.name}" in DOCS or f"`{verb.name}`" in DOCS
    assert verb.__doc__


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.kind))
def test_a_kind_is_described(kind: type[Fault]) -> None:
    sections = [line.removeprefix("## ").lower() for line in DOCS.splitlines() if line.startswith("## ")]
    assert any(kind.kind in section for section in sections)


def test_draws_have_names_of_their_own() -> None:
    assert len(draws()) == sum(len(verb.draws()) for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS, ids=name)
def test_a_verb_has_a_typed_method(verb: type[Verb]) -> None:
    """Others would be found by `__getattr__`, which no editor knows."""
    method = vars(VerbMethods)[verb.name.replace("-", "_")]
    options = {field.name for field in fields(verb) if field.name != verb.SHORT}  # type: ignore[arg-type]
    assert options <= inspect.signature(method).parameters.keys()
    assert method.__doc__
