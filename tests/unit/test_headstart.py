"""Which commands get a head start, and for which lab."""

from concurrent.futures import Future
from pathlib import Path

import pytest
import typer
from fakes import FakeEngine, FakeProbe
from labs import NOWHERE

from lab import headstart, places
from lab.cli.commands import load
from lab.faults import registry
from lab.topology import Topology

COMMANDS = typer.main.get_command(load()).commands  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a lab.yaml, which is also the checkout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "CHECKOUT", tmp_path)
    for variable in ("LAB_NAME", "LAB_FILE"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "lab"),
    [
        ("partition central", "region-lab"),
        ("partition central --name other", "other"),
        ("cut -n other west east", "other"),
        ("heal --name=other --wait", "other"),
        ("", None),
        ("--help", None),
        ("up", None),
        ("status --name other", "other"),
        ("faults", "region-lab"),
        ("rtt --name other", None),
        ("partition --help", None),
        ("kill west -h", None),
        ("partition central --dry-run", None),
        ("partition --name a --name b central", None),
        ("partition central --name Bad/Name", None),
        ("partition central --name", "region-lab"),
    ],
)
def test_a_command_that_makes_undoes_or_shows_faults_gets_a_head_start(arguments: str, lab: str | None) -> None:
    assert headstart.which(arguments.split()) == lab


def test_every_verb_that_changes_the_faults_in_force_gets_one() -> None:
    changing = {verb.name for verb in registry.VERBS if verb.lasting and not verb.turning}
    assert {name for name in COMMANDS if headstart.which([name])} == changing | {"status", "faults"}


def test_only_a_change_takes_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(Topology())
    monkeypatch.setattr("lab.docker.engine.Engine", lambda: engine)
    monkeypatch.setattr("lab.netprobe.session.Probe", lambda *_: FakeProbe(engine))
    begun = headstart.begin(["status", "--name", NOWHERE])
    assert begun
    assert begun.lock is None
    changing = headstart.begin(["heal", "--name", NOWHERE])
    assert changing
    assert changing.lock
    assert headstart.begin(["heal", "--name", NOWHERE]) is None, "the lock was taken twice"
    for each in (begun, changing):
        each.end()


def test_the_environment_names_the_lab_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_NAME", "other")
    assert headstart.which(["heal"]) == "other"
    assert headstart.which(["heal", "--name", "third"]) == "third"


def test_a_lab_yaml_has_to_be_read_first(nowhere: Path) -> None:
    (nowhere / "lab.yaml").write_text("name: other\n")
    assert headstart.which(["heal"]) is None
    assert headstart.which(["heal", "--name", "third"]) == "third"


def test_a_file_that_the_environment_names_has_to_be_read_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_FILE", "elsewhere.yaml")
    assert headstart.which(["heal"]) is None


def test_only_the_lab_that_it_is_for_takes_a_head_start_and_another_one_ends_it(nowhere: Path) -> None:
    probe = FakeProbe(FakeEngine(Topology()))
    begun = headstart.Headstart("mine", (nowhere / "lock").open("w"), probe, Future())
    assert headstart.take(None, "mine") is None
    assert headstart.take(begun, "mine") is begun
    assert not probe.closed
    assert headstart.take(begun, "other") is None
    assert probe.closed
    assert begun.lock.closed
