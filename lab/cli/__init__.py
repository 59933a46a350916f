"""The command line: arguments, printing, exit codes. One module for each panel of `lab --help`.

Heavy libraries (python-on-whales, nats-py, pydantic) are imported inside the commands that need them.
"""

from lab.cli import check, faults, lab, messages, probes, scenarios, schemas, versions
from lab.cli.app import PANELS, app, main

app.registered_commands.sort(key=lambda command: PANELS.index(str(command.rich_help_panel)))

__all__ = ["PANELS", "app", "check", "faults", "lab", "main", "messages", "probes", "scenarios", "schemas", "versions"]
