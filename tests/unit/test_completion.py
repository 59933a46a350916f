"""What the shell completes, and that it says nothing else: an error message would end up in the command line."""

import os
import subprocess
from pathlib import Path

import pytest
from labs import LAB


def completed(words: str, cwd: Path, **environment: str) -> list[str]:
    """What Bash is offered for the last word, which may be empty."""
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_LAB_COMPLETE": "complete_bash"}
    nowhere = {"DOCKER_HOST": f"unix://{cwd}/no.sock"}  # so the lab is the one that would be started
    done = subprocess.run(
        [str(LAB)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=30,
        env=os.environ | nowhere | asked | environment,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("lab part", ["partition"]),
        ("lab pub ", ["west", "central", "east"]),
        ("lab partition ce", ["central"]),
        ("lab partition west,", ["west,central", "west,east"]),
        ("lab kill east-", ["east-1", "east-2", "east-3"]),
        ("lab kill @m", ["@meta"]),
        ("lab kill @leader:foo-write-", [f"@leader:foo-write-{region}" for region in ("west", "central", "east")]),
        ("lab cut central-", ["central-east", "central-west"]),
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
def test_names_are_completed(words: str, offered: list[str], tmp_path: Path) -> None:
    assert completed(words, tmp_path) == offered


def test_a_lab_yaml_says_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text("regions: [north, south]\n")
    assert completed("lab pub ", tmp_path) == ["north", "south"]
    (tmp_path / "other.yaml").write_text("regions: [left, right]\n")
    assert completed("lab pub ", tmp_path, LAB_FILE="other.yaml") == ["left", "right"]


def test_what_cannot_be_read_is_no_reason_to_speak(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text("regions: nonsense\n")
    assert completed("lab pub ", tmp_path) == []
    assert completed("lab pub ", tmp_path, PATH=str(tmp_path)) == []
