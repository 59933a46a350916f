"""Which module has which commands: a command loads its own module and no other (docs/decisions/0004-start-up.md)."""

from importlib import import_module
from inspect import getdoc

import typer

from lab.cli.app import PANELS, app

FAULTS = "faults"  # with the verbs of lab/faults/registry.py
# Commands and groups.
MODULES = {
    "lab": ("up", "down", "status", "list", "logs", "events", "graph", "collect", "doctor", "image", "render"),
    "twin": ("twin",),
    "messages": ("pub", "view", "compare", "streams", "contexts"),
    "probes": ("probe", "rtt"),
    FAULTS: ("faults",),
    "scenarios": ("scenario", "learn", "demo"),
    "check": ("check", "runs"),
    "clients": ("client", "compat"),
    "versions": ("matrix", "bisect"),
    "schemas": ("schema",),
}


def load(word: str = "") -> typer.Typer:
    """The application with the module of this command, or with all of them where it is none, as in `lab --help`."""
    for module in _needed(word):
        import_module(f"lab.cli.{module}")
    app.registered_commands.sort(key=lambda command: PANELS.index(str(command.rich_help_panel)))
    groups = [group.typer_instance for group in app.registered_groups if group.typer_instance]
    for command in [command for each in (app, *groups) for command in each.registered_commands]:
        # Typer keeps the line breaks of a docstring, wherever the terminal's own come.
        command.help = "\n\n".join(" ".join(part.split()) for part in (getdoc(command.callback) or "").split("\n\n"))
    return app


def _needed(word: str) -> tuple[str, ...]:
    for module, commands in MODULES.items():
        if word in commands:
            return (module,)
    from lab.faults.registry import verbs  # not needed by `lab status`, which then starts its probe earlier

    return (FAULTS,) if word in verbs() else tuple(MODULES)
