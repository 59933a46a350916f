"""What the shell completes, and that it says nothing else: an error message would end up in the command line."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from labs import LAB

from lab.cli.commands import load

REGIONS = ["west", "central", "east"]


Complete = Callable[[str], list[str]]


@pytest.fixture
def completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Complete:
    """What Bash is offered for the last word, which may be empty; nothing may come on stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")  # so the lab is the one that would be started
    monkeypatch.setenv("_LAB_COMPLETE", "complete_bash")

    def complete(words: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        with pytest.raises(SystemExit):
            load()(prog_name="lab")
        said = capfd.readouterr()
        assert said.err == ""
        return said.out.split()

    return complete


def test_the_contexts_of_the_nats_command_are_offered(
    completed: Complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "nats" / "context").mkdir(parents=True)
    for name in ("production", "proving", "test"):
        (tmp_path / "nats" / "context" / f"{name}.json").touch()
    assert completed("lab twin pro") == completed("lab twin production --system pro") == ["production", "proving"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("lab part", ["partition"]),
        ("lab pub ", REGIONS),
        ("lab partition ce", ["central"]),
        ("lab partition west,", ["west,central", "west,east"]),
        ("lab kill east-", ["east-1", "east-2", "east-3"]),
        ("lab kill @m", ["@meta"]),
        ("lab kill @leader:foo-write-", [f"@leader:foo-write-{region}" for region in REGIONS]),
        ("lab kill @ m", []),  # as Bash has it
        ("lab kill west @ leader : foo-write-w", ["foo-write-west"]),
        ("lab kill @ meta ea", ["east", "east-1", "east-2", "east-3"]),
        ("lab cut central-", ["central-east", "central-west"]),
        ("lab cut @", ["@meta"]),
        ("lab step-down foo-read-w", ["foo-read-west"]),
        ("lab step-down meta --to w", ["west"]),
        ("lab logs west-1 west-", ["west-1", "west-2", "west-3"]),
        ("lab scenario show split", ["split-brain"]),
        ("lab learn split", ["split-brain"]),
        ("lab matrix che", ["check"]),
        ("lab partition --name ", []),
        ("lab pub nowhere", []),
    ],
)
def test_names_are_completed(words: str, offered: list[str], completed: Complete) -> None:
    assert completed(words) == offered


def test_a_lab_yaml_says_what_there_is(completed: Complete, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("lab.yaml").write_text("regions: [north, south]\n")
    assert completed("lab pub ") == ["north", "south"]
    Path("other.yaml").write_text("regions: [left, right]\n")
    monkeypatch.setenv("LAB_FILE", "other.yaml")
    assert completed("lab pub ") == ["left", "right"]


def test_what_cannot_be_read_is_no_reason_to_speak(completed: Complete, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("lab.yaml").write_text("regions: nonsense\n")
    assert completed("lab pub ") == []
    monkeypatch.setenv("PATH", "")
    assert completed("lab pub ") == []


def test_the_command_itself_completes(tmp_path: Path) -> None:
    asked = {"COMP_WORDS": "lab part", "COMP_CWORD": "1", "_LAB_COMPLETE": "complete_bash"}
    done = subprocess.run([LAB], capture_output=True, text=True, timeout=30, env=os.environ | asked, check=True)
    assert (done.stdout, done.stderr) == ("partition\n", "")
