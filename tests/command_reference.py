"""docs/commands.md, from the commands themselves; and what texts say about commands, against what there is."""

import inspect
import re
from collections.abc import Iterator
from typing import cast

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from lab.cli.app import PANELS
from lab.cli.commands import load

ROOT = cast(TyperGroup, typer.main.get_command(load()))
FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"(?<= )--?[a-z][a-z-]*")
# Options that the documentation names and no command has: of Docker, bootstrap.sh, benchmarks, the pytest plugin.
OTHERS = {
    "--lab-keep",
    "--lab-nats",
    "--lab-file",
    "--plain",
    "--network",
    "--pid",
    "--privileged",
    "--dev",
    "--no-docker",
}


def commands(group: TyperGroup = ROOT, path: str = "lab") -> Iterator[tuple[str, TyperCommand]]:
    """Every command by what you type, such as `lab scenario run`; a group of commands is none itself."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", cast(TyperCommand, command)


def spellings(command: TyperCommand) -> set[str]:
    """Every option, long and short."""
    return {"--help", "-h", *(spelling for each in command.params for spelling in each.opts)}


def typed(text: str) -> Iterator[str]:
    """The lab's commands in a text, each from the word `lab` on: in backticks, after a prompt, in a block of commands,
    and after `bin/`, as in workflows."""
    lines = ["".join(groups) for groups in re.findall(r"`(lab [^`\n]+)`|^\$ (lab .+)|bin/(lab [a-z].+)", text, re.M)]
    for block in FENCE.findall(text):
        if not re.search(r"^\$ ", block, re.MULTILINE):
            lines += re.findall(r"^lab .+", block, re.MULTILINE)
    for line in lines:
        parts = re.split(r"&&|[;>|]", line.split("#")[0])
        yield from (part.split("bin/")[-1].strip() for part in parts if re.match(r"\s*(\S*bin/)?lab ", part))


def mistakes(text: str) -> list[str]:
    """The commands and options in a text that do not exist."""
    known = dict(commands())
    groups = {" ".join(path.split()[:-1]) for path in known}
    everywhere = set().union(*map(spellings, known.values()))
    wrong = []
    for command in typed(text):
        words = [word for word in re.split(r" (?=[-'\"])", command)[0].split() if re.fullmatch("[a-z-]+", word)]
        path = max((path for path in known if words[: len(path.split())] == path.split()), default="")
        if path:
            wrong += [f"{path} {name}" for name in OPTION.findall(command) if name not in spellings(known[path])]
        elif not (" ".join(words) in groups or "{" in command or "COMMAND" in command):
            wrong.append(command)
    alone = re.findall(r"`(--[a-z-]+)", text)
    return [*wrong, *(name for name in alone if name not in everywhere | OTHERS)]


def overview() -> str:
    """One line for each command, in the order of `lab --help`."""
    rows = [
        (path, inspect.cleandoc(command.help or "").split("\n\n")[0].split(". ")[0]) for path, command in commands()
    ]
    lines = [f"| [`{path}`](#{path.replace(' ', '-')}) | {first.rstrip('.')} |" for path, first in rows]
    return "\n".join(["| command | what it does |", "|---|---|", *lines])


def reference() -> str:
    lines: list[str] = []
    for panel in PANELS:
        lines += [f"## {panel}", ""]
        for path, command in commands():
            if ROOT.commands[path.split()[1]].rich_help_panel == panel:  # type: ignore[attr-defined]
                lines += _section(path, command)
    return "\n".join(lines).rstrip()


def _section(path: str, command: TyperCommand) -> list[str]:
    context = typer.Context(command, info_name=path)
    arguments = [_metavar(each, context) for each in command.params if isinstance(each, TyperArgument)]
    usage = " ".join([path, *arguments, "[OPTIONS]"])
    lines = [f"### {path}", "", "```", usage, "```", "", inspect.cleandoc(command.help or ""), ""]
    rows = [_row(parameter, context) for parameter in command.params]
    return [*lines, "| argument or option | meaning |", "|---|---|", *rows, ""] if rows else lines


def _row(parameter: object, context: typer.Context) -> str:
    if isinstance(parameter, TyperArgument):
        return _cells(_metavar(parameter, context), parameter.help or "")
    assert isinstance(parameter, TyperOption)
    name = ", ".join(parameter.opts) + ("" if parameter.is_flag else f" {_metavar(parameter, context)}")
    notes = []
    if parameter.required:
        notes.append("required")
    if not parameter.is_flag and parameter.default not in (None, ""):
        notes.append(f"default: {parameter.default}")
    if parameter.envvar:
        notes.append(f"environment: `{parameter.envvar}`")
    return _cells(name, (parameter.help or "") + (f" ({', '.join(notes)})" if notes else ""))


def _metavar(parameter: TyperArgument | TyperOption, context: typer.Context) -> str:
    """As people write it: Typer puts braces around what is required, and `range` after a number with a minimum."""
    return parameter.make_metavar(context).strip("{}").replace(" range>", ">")


def _cells(name: str, text: str) -> str:
    name, text = (cell.replace("|", "\\|") for cell in (name, text))
    return f"| `{name}` | {text} |"
