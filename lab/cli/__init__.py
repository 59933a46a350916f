"""The command line: arguments, printing, exit codes. One module for each panel of `lab --help`.

Heavy libraries (python-on-whales, nats-py, pydantic) are imported inside the commands that need them.
"""

from inspect import getdoc

from lab.cli import check, clients, faults, lab, messages, probes, scenarios, schemas, twin, versions
from lab.cli.app import PANELS, app, main

app.registered_commands.sort(key=lambda command: PANELS.index(str(command.rich_help_panel)))
groups = [group.typer_instance for group in app.registered_groups if group.typer_instance]
for command in [command for each in (app, *groups) for command in each.registered_commands]:
    # Typer keeps the line breaks of a docstring, wherever the terminal's own come.
    command.help = "\n\n".join(" ".join(part.split()) for part in (getdoc(command.callback) or "").split("\n\n"))

__all__ = [
    "PANELS",
    "app",
    "check",
    "clients",
    "faults",
    "lab",
    "main",
    "messages",
    "probes",
    "scenarios",
    "schemas",
    "twin",
    "versions",
]
