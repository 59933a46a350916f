"""The documentation names what there is, and leaves nothing out."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from command_reference import ROOT as COMMAND_LINE
from command_reference import commands, mistakes
from drawings import DRAWINGS
from generated_docs import PARTS, renewed

from lab.api import Lab

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = [page for page in (ROOT / "examples").rglob("*.md") if "node_modules" not in page.parts]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *EXAMPLES])
COMMANDS = COMMAND_LINE.commands
# What else tells people what to type: scenarios, and the hints of messages.
TEXTS = sorted([*(ROOT / "lab").rglob("*.yaml"), *(ROOT / "lab").rglob("*.py")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_in_the_docs_exists(page: Path) -> None:
    assert mistakes(page.read_text(encoding="utf-8")) == []


def test_every_command_and_option_in_scenarios_and_messages_exists() -> None:
    wrong = {str(path.relative_to(ROOT)): mistakes(path.read_text(encoding="utf-8")) for path in TEXTS}
    assert {path: found for path, found in wrong.items() if found} == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("run `lab vanish west`", ["lab vanish west"]),
        ("run `lab streams vanish`", ["lab streams vanish"]),
        ("run `lab heal --wiat`", ["lab heal --wiat"]),
        ("run `lab scenario run x --nats V --rate 3`", ["lab scenario run --rate"]),
        ("$ lab pub west foo.test 'x' --cuont 3", ["lab pub --cuont"]),
        ("```\nlab up   # as ever\nlab up --frist\n```", ["lab up --frist"]),
        ("- run: .venv/bin/lab status && .venv/bin/lab staus", ["lab staus"]),
        ("`lab heal --wait && lab compare --wat`", ["lab compare --wat"]),
        ("and with `--hsaten` it is quicker", ["--hsaten"]),
        ("`lab streams` and `lab scenario run NAME --nats V,V` and `lab COMMAND --help`", []),
    ],
)
def test_a_command_or_option_that_does_not_exist_is_found(text: str, wrong: list[str]) -> None:
    assert mistakes(text) == wrong


def test_the_examples_of_the_python_api_use_what_it_has() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/api.md").read_text(encoding="utf-8"), re.M | re.S)
    code = "\n".join(blocks)
    compile(code, "docs/api.md", "exec")
    assert [name for name in re.findall(r"\b[Ll]ab\.(\w+)\(", code) if not hasattr(Lab, name)] == []


@pytest.mark.parametrize(("page", "name", "make"), PARTS, ids=[name for _, name, _ in PARTS])
def test_what_is_made_from_the_code_is_as_the_code_says(page: Path, name: str, make: Callable[[], str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == renewed(text, name, make()), "run `make docs`"


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings_are_as_the_code_draws_them(name: str) -> None:
    drawn = (ROOT / f"docs/images/{name}.svg").read_text(encoding="utf-8")
    assert drawn == DRAWINGS[name](), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]*)(?:#([^)]+))?\)", page.read_text(encoding="utf-8"))
    assert [target for target, _ in links if not (page.parent / target).exists()] == []
    anchored = [(page.parent / target if target else page, anchor) for target, anchor in links if anchor]
    assert [anchor for target, anchor in anchored if anchor not in anchors(target)] == []


def anchors(page: Path) -> set[str]:
    """Those of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_module_is_on_the_page_about_the_source() -> None:
    page = (ROOT / "docs/whats-here.md").read_text(encoding="utf-8")
    modules = [path for path in (ROOT / "lab").rglob("*.py") if path.name != "__init__.py"]
    assert [str(path) for path in modules if f"{path.name}`" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_the_source_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:lab|tests|benchmarks)/[\w./-]+\.\w+|(?:lab|tests|benchmarks)/[\w/]+/)`", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_command_has_help() -> None:
    assert [name for name, command in [*COMMANDS.items(), *commands()] if not command.help] == []


def test_help_has_no_line_breaks_but_between_paragraphs() -> None:
    assert [name for name, command in commands() if "\n" in (command.help or "").replace("\n\n", "")] == []


def test_the_workflows_use_only_commands_that_exist() -> None:
    actions = (ROOT / "action.yml", ROOT / "results/action.yml")
    text = "".join(path.read_text() for path in [*(ROOT / ".github" / "workflows").glob("*.yaml"), *actions])
    makefile = (ROOT / "Makefile").read_text()
    assert mistakes(text + makefile) == []
    assert all(f"\n{target}:" in makefile for target in re.findall(r"make (?:--silent -C \S+ )?([a-z-]+)", text))


def test_help_lists_the_lab_before_what_one_does_with_it() -> None:
    assert [*COMMANDS][:5] == ["up", "down", "status", "list", "logs"]
