"""`lab schema`."""

from typing import Annotated, Literal

import typer

from lab.cli.app import PANEL_FILES, app, print_json


@app.command(rich_help_panel=PANEL_FILES)
def schema(
    kind: Annotated[
        Literal["lab", "scenario", "schedule", "client"],
        typer.Argument(metavar="lab|scenario|schedule|client", help="Kind of file."),
    ],
) -> None:
    """Print the JSON Schema of a file that you write: lab.yaml, a scenario or a schedule; or of the client protocol's
    lines."""
    if kind == "lab":
        from lab.labfile import schema as made
    elif kind == "scenario":
        from lab.scenario.reader import schema as made
    elif kind == "client":
        from lab.clients.protocol import schema as made
    else:
        from lab.check.schedulefile import schema as made
    print_json(made())
