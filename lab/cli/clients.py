"""`lab client test`, `lab compat`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from lab.cli import completion
from lab.cli.app import PANEL_CHECK, AsJson, Name, app, attached, print_json, say, write
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


@app.command(rich_help_panel=PANEL_CHECK)
def compat(
    client: Annotated[
        Literal["nats-py", "nats.js", "all"], typer.Option(help="Whose calls; `all` is nats.js too if it is there.")
    ] = "all",
    region: Annotated[
        str | None,
        typer.Option(help="Region to connect it to, by default the first.", autocompletion=completion.regions),
    ] = None,
    packages: Annotated[
        Path | None,
        typer.Option(help="Folder whose `node_modules` has `@nats-io/jetstream`, by default the current one."),
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the table in Markdown.")] = None,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Try which JetStream calls of a client library work on the virtual stream by its name, and what the others say.

    Each call is made as an application makes it, and then its effect is looked at: it works, it fails, or it works on
    another stream than the one that is `foo` in this region. Takes some ten seconds for each client.

    Leaves some messages below `foo.probe`, as `lab probe` does; consumers and buckets are removed. What would touch
    your messages is not tried.
    """
    from lab.compat import pages

    found = attached(name).compat(*(() if client == "all" else (client,)), region=region, packages=packages)
    if found.missing:
        say(f"not tried: {found.missing}")
    if markdown:
        write(markdown, pages.markdown(found))
    if as_json:
        print_json(found)
    else:
        typer.echo(pages.text(found))
