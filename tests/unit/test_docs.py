"""The documentation names what there is, and leaves nothing out."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from generated_docs import PARTS, renewed

from lab.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_the_docs_exists(page: Path) -> None:
    used = re.findall(r"(?:^\$ |`|&& )lab ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)
    assert set(used) <= set(COMMANDS)


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in COMMANDS if f"lab {name}" not in readme] == []


@pytest.mark.parametrize(("page", "name", "make"), PARTS, ids=[name for _, name, _ in PARTS])
def test_what_is_made_from_the_code_is_as_the_code_says(page: Path, name: str, make: Callable[[], str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == renewed(text, name, make()), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_command_has_help() -> None:
    assert [name for name, command in COMMANDS.items() if not command.help] == []


def test_the_workflows_use_only_commands_that_exist() -> None:
    text = "".join(path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yaml"))
    makefile = (ROOT / "Makefile").read_text()
    assert set(re.findall(r"bin/lab ([a-z]+)", text)) <= set(COMMANDS)
    assert all(f"\n{target}:" in makefile for target in re.findall(r"make ([a-z-]+)", text))


def test_help_lists_the_lab_before_what_one_does_with_it() -> None:
    assert [*COMMANDS][:5] == ["up", "down", "status", "list", "logs"]
