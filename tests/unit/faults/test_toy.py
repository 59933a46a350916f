"""A kind of fault with a parameter, made up here alone: it gets all that others have by being registered.

The toy makes a node slow by so many milliseconds. Where a real kind changes the kernel, it writes into a dictionary.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Self

import pytest
import typer
from fakes import FakeEngine
from typer.testing import CliRunner

from lab import view
from lab.api import Lab
from lab.check import schedulefile
from lab.check.clock import Clock
from lab.check.nemesis import Nemesis
from lab.check.schedule import Planned, Schedule
from lab.cli.faults import command
from lab.docker.observation import Observation
from lab.faults import registry
from lab.faults.arguments import Target
from lab.faults.effects import Effects
from lab.faults.fault import Fault, Runtime
from lab.faults.nodes import OnNodes, without
from lab.faults.verb import Draw
from lab.progress import silently
from lab.scenario import actions
from lab.scenario.reader import parse
from lab.topology import Topology

LAB = Topology()
KERNEL: dict[str, int] = {}  # node -> milliseconds


@dataclass(frozen=True)
class Slow(Fault):
    node: str
    delay: int
    kind = "slow"

    def __str__(self) -> str:
        return f"{self.node} is slow by {self.delay} ms"

    @property
    def key(self) -> tuple[str, ...]:
        return self.kind, self.node

    @classmethod
    def observe(cls, observation: Observation) -> Iterator[Self]:
        yield from (cls(node, delay) for node, delay in KERNEL.items())

    def inject(self, runtime: Runtime, topology: Topology) -> None:
        KERNEL[self.node] = self.delay

    def heal(self, runtime: Runtime, topology: Topology) -> None:
        del KERNEL[self.node]

    def affects(self, topology: Topology) -> Effects:
        return Effects()


@dataclass(frozen=True)
class Slowly(OnNodes):
    """Make nodes slow."""

    targets: tuple[Target, ...]
    delay: int = 80
    name = "slow"
    HELP = {"delay": "By how many milliseconds."}  # noqa: RUF012

    def faults(self, topology: Topology) -> frozenset[Fault]:
        return frozenset(Slow(node.name, self.delay) for node in self.nodes(topology))


@dataclass(frozen=True)
class Quicken(OnNodes):
    """Make them quick again."""

    targets: tuple[Target, ...]
    name = "quicken"
    undoes = True

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        return without(now, Slow, self.nodes(topology))


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    registry.register(Slow, Slowly, Quicken)
    KERNEL.clear()
    yield
    registry.KINDS.remove(Slow)
    registry.VERBS.remove(Slowly)
    registry.VERBS.remove(Quicken)


@pytest.fixture
def lab(engine: FakeEngine) -> Lab:
    return Lab(LAB.name, engine=engine)


def test_it_is_a_method_of_the_lab(lab: Lab) -> None:
    done = lab.slow("west-1", "east", delay=40)
    assert set(map(str, lab.faults())) == {f"{node} is slow by 40 ms" for node in KERNEL}
    assert len(KERNEL) == 4
    assert done.change is not None
    assert done.change.evidence is not None, "what the network does was proven as well"
    lab.quicken("west-1")
    assert "west-1" not in KERNEL
    lab.heal()
    assert lab.faults() == ()


def test_another_parameter_replaces_it_and_nothing_is_healed(lab: Lab) -> None:
    lab.slow("west-1", delay=80)
    change = lab.slow("west-1", delay=40).change
    assert change is not None
    assert (change.healed, change.injected) == ((), ())
    assert change.replaced == ((Slow("west-1", 80), Slow("west-1", 40)),)
    assert KERNEL == {"west-1": 40}
    assert view.change(change, dry_run=False).startswith(
        "replaced: west-1 is slow by 80 ms -> west-1 is slow by 40 ms\nproven:   "
    )
    assert lab.slow("west-1", delay=40).change.nothing  # type: ignore[union-attr]


def test_a_block_takes_it_back_to_what_was_before(lab: Lab) -> None:
    lab.slow("west-1", delay=80)
    with lab.slow("west", delay=40):
        assert KERNEL == {"west-1": 40, "west-2": 40, "west-3": 40}
        with lab.partition("central"):
            assert len(lab.faults()) == 3 + 6
        assert len(lab.faults()) == 3
    assert KERNEL == {"west-1": 80}


def test_it_is_a_command_with_its_option(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(Lab, "do", lambda self, verb, **_: asked.append(verb))
    app = typer.Typer()
    app.command("slow")(command(Slowly))
    app.command("other")(lambda: None)
    CliRunner().invoke(app, ["slow", "west-1", "east", "--delay", "40", "--dry-run", "--name", "nowhere"])
    assert asked == [Slowly((Target("west-1"), Target("east")), 40)]
    assert str(asked[0]) == "lab slow west-1 east --delay 40"
    assert "By how many milliseconds." in CliRunner().invoke(app, ["slow", "--help"]).output


def test_it_is_a_step_of_scenarios() -> None:
    text = """
title: Slow
about: A toy.
steps:
  - slow: {targets: [west-1], delay: 40, as: victims}
  - slow: east
  - slow: {stream_leader: foo-read-east}
  - quicken: victims
"""
    first, second, third, last = (step.action for step in parse(text, "toy", "toy.yaml").steps)
    assert isinstance(first, actions.OnNodes)
    assert first.plain() == Slowly((Target("west-1"),), 40)
    assert str(second) == "lab slow east"
    assert str(third) == "lab slow @leader:foo-read-east"
    assert str(last) == "lab quicken victims"


def test_it_is_an_entry_of_schedules_and_is_written_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "schedule.yaml"
    path.write_text("duration: 60s\nfaults:\n  - {at: 2s, for: 5s, kind: slow, targets: [west-1], delay: 40}\n")
    schedule = schedulefile.load(path, LAB, 1)
    assert [fault.verb for fault in schedule.faults] == [Slowly((Target("west-1"),), 40)]
    path.write_text(schedulefile.dump(schedule))
    assert schedulefile.load(path, LAB, 1) == schedule


def test_a_check_carries_it_out_and_undoes_it(lab: Lab) -> None:
    schedule = Schedule(1, faults=(Planned("f1", Slowly((Target("east"),), 40), 0.0, 0.1),))
    nemesis = Nemesis(lab, LAB, schedule, Clock.start(), silently)
    import threading

    nemesis.run(0, threading.Event())
    (record,) = nemesis.records
    assert (record.proven, record.kind, record.what) == (True, "slow", "slow east --delay 40")
    assert record.args == {"targets": ["east"], "delay": 40}
    assert KERNEL == {}


def test_it_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.check.schedule import random_faults

    kinds = {fault.kind for seed in range(30) for fault in random_faults(seed, LAB, 130)}
    assert "slow" in kinds
    draws: tuple[Draw, ...] = Slowly.draws()
    assert isinstance(draws[0].make(LAB, Random(1)), Slowly)
