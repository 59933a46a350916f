"""`lab twin`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli import completion
from lab.cli.app import PANEL_LIFE, AsJson, DryRun, Name, app, interruptible, print_json, say, show
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.observe.status import Snapshot

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="URL such as `nats://host:4222`, or a context of the `nats` CLI.",
        autocompletion=completion.contexts,
    ),
]
Named = Annotated[
    list[str] | None, typer.Option("--region", metavar="CLUSTER=NAME", help="What the region of a cluster is called.")
]


NEXT = """
  lab streams graph        see which stream takes what from which
  lab check --explain      see which promises hold, and which do not
  lab check                break it, and judge"""


@app.command(rich_help_panel=PANEL_LIFE)
def twin(
    source: Source,
    system: Annotated[
        str,
        typer.Option(
            "--system",
            help="URL or context of the system account, which knows all servers.",
            autocompletion=completion.contexts,
        ),
    ] = "",
    user: Annotated[str, typer.Option("--user", envvar="NATS_USER", help="User, instead of the context's.")] = "",
    password: Annotated[
        str, typer.Option("--password", envvar="NATS_PASSWORD", help="Password, instead of the context's.")
    ] = "",
    creds: Annotated[
        str, typer.Option("--creds", envvar="NATS_CREDS", help="File of credentials, instead of the context's.")
    ] = "",
    region: Named = None,
    max_nodes: Annotated[int, typer.Option("--max-nodes", min=1, max=9, help="Nodes in a region, at most.")] = 9,
    nats: Annotated[str, typer.Option("--nats", help="Server version, instead of the system's.")] = "",
    name: Name = None,
    folder: Annotated[
        Path | None, typer.Option("--write", help="Folder for its files; by default called as the lab.")
    ] = None,
    no_start: Annotated[bool, typer.Option("--no-start", help="Write its files, and start nothing.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for each answer.")] = 5,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a lab of the shape of a running system: its clusters, server version, streams and durable consumers.

    Reads definitions and never messages, and changes nothing there. Lists what the lab has otherwise, or not at all.
    """
    from lab.api import Lab
    from lab.docker.engine import Engine
    from lab.twin import making, page
    from lab.twin.release import obtained

    called, engine = name or making.NAME, Engine()
    start = not (no_start or dry_run)
    if start:
        making.require_new(engine, called)
    made = making.read(
        source,
        name=called,
        system=system,
        user=user,
        password=password,
        creds=creds,
        regions=dict(_named(each) for each in region or ()),
        max_nodes=max_nodes,
        nats=nats,
        timeout=timeout,
        say=say,
    )
    if start:
        made = obtained(engine, made, say, exactly=bool(nats))
    if not as_json:
        typer.echo(page.text(made))
    if not dry_run:
        written = folder or Path(called)
        topology = making.place(made, written)
        say(f"wrote `{written}`; `lab up --file {written / 'lab.yaml'}` starts what it describes")
        if start:
            with interruptible(
                f"`lab up --file {written / 'lab.yaml'}` starts it, `lab down --name {called}` removes it"
            ):
                Lab.up(topology, say=say, announce=None if as_json else _announce)
    if as_json:
        print_json(page.plain(made))


def _named(given: str) -> tuple[str, str]:
    cluster, equals, name = given.partition("=")
    if not equals or not name:
        raise UsageError(f"--region: `{given}` should be CLUSTER=NAME, such as `us-east-1=useast`")
    return cluster, name


def _announce(snapshot: "Snapshot") -> None:
    from lab import view

    show(view.status(snapshot))
    typer.echo(f"\nTry next, with `--name {snapshot.lab}` or `LAB_NAME={snapshot.lab}`:{NEXT}")
