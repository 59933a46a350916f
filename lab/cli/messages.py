"""`lab pub`, `view`, `compare`, `streams`, `contexts`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli import completion
from lab.cli.app import (
    PANEL_FILES,
    PANEL_USE,
    AsJson,
    Drawing,
    DryRun,
    Format,
    LabFile,
    Name,
    app,
    attached,
    print_json,
    put,
    say,
    show,
    time_of,
)
from lab.errors import UsageError
from lab.verdict import EXIT_CODES, VALIDITY

if TYPE_CHECKING:
    from lab.jetstream.session import Ack

Region = Annotated[
    str,
    typer.Argument(metavar="REGION", help="Region to connect to, such as `west`.", autocompletion=completion.regions),
]


@app.command(rich_help_panel=PANEL_USE)
def pub(
    region: Region,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="A subject of the stream, such as `foo.test`.")],
    body: Annotated[str, typer.Argument(metavar="BODY", help="Body of the message; `-` reads it from stdin.")],
    count: Annotated[
        int, typer.Option("--count", "-c", min=1, help="Publish this many messages, numbered from 1.")
    ] = 1,
    message_id: Annotated[str, typer.Option("--id", help="`Nats-Msg-Id`, by which the server drops duplicates.")] = "",
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Publish in a region and print the acknowledgement (PubAck): the stream that stored it and its sequence."""
    text = _stdin() if body == "-" else body
    bodies = [text if count == 1 else f"{text} {number}" for number in range(1, count + 1)]

    def told(ack: "Ack") -> None:
        if as_json:
            print_json(ack, indent=None)
            return
        again = " (duplicate, not stored again)" if ack.duplicate else ""
        typer.echo(f"stored in {ack.stream} at sequence {ack.sequence}{again}")

    attached(name).publish(region, subject, *bodies, message_id=message_id, each=told)


def _stdin() -> str:
    """What is no UTF-8 as Python has it in arguments too, so that it is published byte for byte."""
    if sys.stdin is None:
        raise UsageError("there is no stdin to read the message from", "it is closed: leave out `<&-`")
    return sys.stdin.buffer.read().decode(errors="surrogateescape")


@app.command(rich_help_panel=PANEL_USE)
def view(
    region: Region,
    last: Annotated[int, typer.Option("--last", min=0, help="Show the last N messages; 0 shows all.")] = 50,
    probes: Annotated[bool, typer.Option("--probes", help="Also show messages that `lab probe` published.")] = False,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Show the virtual stream as a region sees it: each message with its origin."""
    lab = attached(name)
    entries = lab.view(region, last, probes)
    if as_json:
        print_json(entries)
        return
    if not entries:
        from lab.layouts import layout_of

        typer.echo(f"the stream `{layout_of(lab.topology).read_name(region)}` is empty in {region}")
        return
    from lab import view as views

    typer.echo(views.entries(entries))


@app.command(rich_help_panel=PANEL_USE)
def compare(
    name: Name = None,
    wait: Annotated[
        float, typer.Option("--wait", callback=time_of, help="Seconds to keep trying until the regions agree.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare what the regions hold. Exit code 0: the same messages; 3: they differ; 4: cannot tell."""
    from lab import view as views

    comparison = attached(name).compare(wait)
    if as_json:
        print_json(comparison)
    else:
        typer.echo(views.comparison(comparison))
    raise typer.Exit(EXIT_CODES[VALIDITY[comparison.verdict]])


streams_app = typer.Typer(help="The underlying streams: list, define, clean, graph.", no_args_is_help=True)
app.add_typer(streams_app, name="streams", rich_help_panel=PANEL_USE)


@streams_app.command("list")
def streams_list(name: Name = None, as_json: AsJson = False) -> None:
    """List the streams as the servers have them: leader, replicas, messages."""
    from lab import view as views

    snapshot = attached(name).streams()
    if as_json:
        print_json({"streams": snapshot.streams, "absent": snapshot.absent})
    else:
        show(views.streams(snapshot))


@streams_app.command("define")
def streams_define(name: Name = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Create the streams that are missing. Fails with the differences if one exists with another definition."""
    done = attached(name).define_streams(dry_run)
    if as_json:
        print_json(done)
    else:
        verb = "would create" if dry_run else "created"
        typer.echo(f"{verb}: {', '.join(done.created) or 'nothing'}; there already: {', '.join(done.left) or 'none'}")


@streams_app.command("clean")
def streams_clean(name: Name = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Delete the lab's streams and all their messages."""
    gone = attached(name).clean_streams(dry_run)
    if as_json:
        print_json(gone)
    else:
        typer.echo(f"{'would delete' if dry_run else 'deleted'}: {', '.join(gone) or 'nothing'}")


@streams_app.command("graph")
def streams_graph(
    notation: Format = "text",
    output: Drawing = None,
    name: Name = None,
    file: LabFile = None,
    as_json: AsJson = False,
) -> None:
    """Draw which stream takes what from which, as the servers have them; says what cannot work.

    A lab that is not running is drawn as it would be started.
    """
    from lab.cli.selection import wanted_topology
    from lab.errors import NotRunning
    from lab.layouts import layout_of
    from lab.streamgraph.formats import FORMATS
    from lab.streamgraph.problems import problems

    topology = wanted_topology(file, name)
    try:
        lab = attached(topology.name)
        topology, drawn = lab.topology, lab.stream_graph()
    except NotRunning:
        drawn = layout_of(topology).graph
    nodes = {region: len(topology.region_nodes(region)) for region in topology.regions}
    wrong = [{"stream": stream, "problem": sentence} for stream, sentence in problems(drawn, nodes)]
    if as_json:
        print_json({"streams": drawn.vertices, "edges": drawn.edges, "problems": wrong})
        return
    for problem in wrong:
        say(f"{problem['stream']} {problem['problem']}")
    put(output, FORMATS[notation](drawn))


contexts_app = typer.Typer(
    help="Contexts of the `nats` CLI: sc-west, sc-central, sc-east and their -sys variants.", no_args_is_help=True
)
app.add_typer(contexts_app, name="contexts", rich_help_panel=PANEL_FILES)


def _contexts(remove: bool, name: str | None, dry_run: bool, as_json: bool) -> None:
    from lab import contexts
    from lab.cli.selection import wanted_topology
    from lab.errors import NotRunning

    try:
        topology = attached(name).topology
    except NotRunning:
        topology = wanted_topology(None, name)
    done = (contexts.remove if remove else contexts.install)(topology, contexts.default_folder(), dry_run=dry_run)
    if as_json:
        print_json(done)
        return
    wrote, removed = ("would write", "would remove") if dry_run else ("wrote", "removed")
    for verb, names in ((wrote, done.written), ("left as it is:", done.unchanged), (removed, done.removed)):
        for context in names:
            typer.echo(f"{verb} {context}")
    if done.selected and remove:
        typer.echo(f"{done.selected} was the selected context: choose another with `nats context select`", err=True)


@contexts_app.command("install")
def contexts_install(name: Name = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Write the contexts; other contexts stay as they are. Then: `nats --context sc-west req foo.test hello`."""
    _contexts(False, name, dry_run, as_json)


@contexts_app.command("remove")
def contexts_remove(name: Name = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Remove the contexts that `install` wrote."""
    _contexts(True, name, dry_run, as_json)
