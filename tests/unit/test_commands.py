"""A command loads its own module only, and is the same command as when all are loaded."""

import subprocess
import sys

import pytest
import typer

from lab.cli.commands import FAULTS, MODULES, load
from lab.faults.registry import verbs

PROGRAM = """
import sys
from typer.main import get_command
from lab.cli.commands import load
print(*get_command(load(*sys.argv[1:2])).commands)
"""


def loaded_by(*words: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_every_command_is_listed_with_its_module() -> None:
    listed = {module: {*commands} for module, commands in MODULES.items()}
    listed[FAULTS] |= {*verbs()}
    found: dict[str, set[str]] = {module: set() for module in MODULES}
    for name, command in typer.main.get_command(load()).commands.items():  # type: ignore[attr-defined]
        first = command if command.callback else next(iter(command.commands.values()))
        found[first.callback.__module__.rpartition(".")[2]].add(name)
    assert found == listed


@pytest.mark.parametrize(
    ("words", "module"), [("status --json", "lab"), ("streams list", "messages"), ("cut west east", FAULTS)]
)
def test_a_command_loads_no_other_module(words: str, module: str) -> None:
    loaded = loaded_by(*words.split())
    assert loaded >= {*MODULES[module]}
    assert not loaded & {name for other in MODULES if other != module for name in MODULES[other]}


@pytest.mark.parametrize("words", ["", "--help", "statsu", "-n status"])
def test_what_is_no_command_loads_all(words: str) -> None:
    assert loaded_by(*words.split()) >= {name for commands in MODULES.values() for name in commands}
