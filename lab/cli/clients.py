"""`lab client test`."""

from typing import Annotated

import typer

from lab.cli import completion
from lab.cli.app import PANEL_CHECK, AsJson, Name, app, attached, print_json
from lab.verdict import SYMBOLS

client_app = typer.Typer(help="Clients in any language that the lab tests.", no_args_is_help=True)
app.add_typer(client_app, name="client", rich_help_panel=PANEL_CHECK)


@client_app.command("test")
def client_test(
    command: Annotated[str, typer.Argument(metavar="CMD", help="How to start the client, such as `node client.mjs`.")],
    region: Annotated[
        str | None,
        typer.Option(help="Region to connect it to, by default the first.", autocompletion=completion.regions),
    ] = None,
    rule: Annotated[list[str] | None, typer.Option(help="Try only this rule; may be given more than once.")] = None,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Try whether a program speaks the client protocol, so that `lab check --client` can judge it. Takes ten seconds.

    Each rule is tried against real servers, on a stream of its own that is deleted afterwards. Exit code 0: every rule
    is kept; 3: at least one is not; 4: cannot tell.
    """
    tested = attached(name).test_client(command, region, rule or ())
    if as_json:
        print_json({"validity": tested.validity, "tested": tested})
    else:
        width = max(len(finding.rule) for finding in tested.findings)
        for finding in tested.findings:
            typer.echo(f"{SYMBOLS[finding.validity]} {finding.rule:<{width}}  {finding.sentence}")
        broken = sum(finding.validity == "violated" for finding in tested.findings)
        typer.echo(f"{tested.validity}: {broken} of {len(tested.findings)} rules broken")
    raise typer.Exit(tested.exit_code)
