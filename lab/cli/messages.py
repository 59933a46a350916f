"""`lab pub`, `view`, `compare`, `streams`, `contexts`."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli.app import PANEL_FILES, PANEL_USE, AsJson, DryRun, Name, app, lab_name, print_json, run
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.docker.observation import Observation
    from lab.topology import Node

Region = Annotated[str, typer.Argument(help="The region to talk to: `west`, `central`, `east`.")]


def _observed(name: str | None) -> "Observation":
    from lab.docker.engine import Engine

    return Engine().observe(lab_name(name))


def _running(observation: "Observation", region: str) -> "Sequence[Node]":
    from lab.errors import NotRunning

    observation.topology.require_region(region)
    nodes = observation.running_nodes(region)
    if not nodes:
        raise NotRunning(
            f"no node of {region} is running", f"`lab start {region}` starts them, `lab heal` undoes every fault"
        )
    return nodes


@app.command(rich_help_panel=PANEL_USE)
def pub(
    region: Region,
    subject: Annotated[str, typer.Argument(help="A subject of the stream, such as `foo.test`.")],
    body: Annotated[str, typer.Argument(help="The message; `-` reads it from stdin.")],
    count: Annotated[
        int, typer.Option("--count", "-c", min=1, help="Publish so many, with ` 1`, ` 2` … behind the body.")
    ] = 1,
    message_id: Annotated[str, typer.Option("--id", help="`Nats-Msg-Id`, by which the server drops duplicates.")] = "",
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Publish in a region and print the acknowledgement (PubAck): the stream that stored it and its sequence."""
    from lab.layouts import layout_of

    observation = _observed(name)
    layout = layout_of(observation.topology)
    observation.topology.require_region(region)
    if not layout.is_subject(subject):
        raise UsageError(
            f"`{subject}` is not a subject of the stream",
            f"subjects are `{layout.subject('…')}`, without wildcards, such as `{layout.subject('test')}`",
        )
    text = sys.stdin.read() if body == "-" else body
    bodies = [text if count == 1 else f"{text} {number}" for number in range(1, count + 1)]

    async def publish() -> list[Any]:
        from lab.jetstream.session import connect

        async with connect(region, _running(observation, region), layout.credentials(region)) as session:
            headers = {"Nats-Msg-Id": message_id} if message_id else None
            return [await session.publish(subject, one.encode(), headers) for one in bodies]

    for ack in run(publish()):
        if as_json:
            print_json(ack, indent=None)
        else:
            typer.echo(
                f"stored in {ack.stream} at sequence {ack.sequence}"
                + (" (duplicate, not stored again)" if ack.duplicate else "")
            )


@app.command(rich_help_panel=PANEL_USE)
def view(
    region: Region,
    last: Annotated[int, typer.Option("--last", min=0, help="Only the last so many; 0 shows all.")] = 50,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """The virtual stream as a region sees it: each message with its origin."""
    from lab.layouts import layout_of

    observation = _observed(name)
    layout = layout_of(observation.topology)
    stream = layout.virtual_name

    async def read() -> list[Any]:
        from lab.jetstream.session import connect

        async with connect(region, _running(observation, region), layout.credentials(region)) as session:
            # The virtual name on purpose: the region's servers turn it into their own read stream's.
            end = (await session.stream_info(stream))["state"]["last_seq"]
            return [entry async for entry in session.read(stream, max(1, end - last + 1) if last else 1, end)]

    observation.topology.require_region(region)
    entries = run(read())
    if as_json:
        print_json(entries)
        return
    from lab import view as views

    typer.echo(views.entries(stream, region, entries))


@app.command(rich_help_panel=PANEL_USE)
def compare(
    name: Name = None,
    wait: Annotated[float, typer.Option("--wait", help="Try for so many seconds until the regions agree.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Do the regions hold the same messages? Exit code 0: they agree; 3: they differ; 4: it cannot be told."""
    import time

    from lab import view as views
    from lab.observe import comparison as comparing

    deadline = time.monotonic() + wait
    while True:
        observation = _observed(name)
        comparison = run(comparing.gather(observation))
        if comparison.verdict == "agree" or time.monotonic() >= deadline:
            break
        time.sleep(0.2)
    if as_json:
        print_json(comparison)
    else:
        typer.echo(views.comparison(comparison))
    raise typer.Exit({"agree": 0, "differ": 3, "unknown": 4}[comparison.verdict])


streams_app = typer.Typer(help="The underlying streams: list, define, clean.", no_args_is_help=True)
app.add_typer(streams_app, name="streams", rich_help_panel=PANEL_USE)


async def _with_session(observation: "Observation", use: Any) -> Any:
    """`use(session)` on whichever region has a running node, the one of the meta leader's side first."""
    from lab.jetstream import monitor
    from lab.jetstream.session import connect
    from lab.layouts import layout_of

    running = observation.running_nodes()
    readings = await monitor.read(list(running))

    def knows_leader(node: "Node") -> bool:
        return bool(((readings[node.name].jsz or {}).get("meta_cluster") or {}).get("leader"))

    nodes = sorted(running, key=lambda node: not knows_leader(node))
    if not nodes:
        raise UsageError("no node is running", "`lab heal` undoes every fault")
    region = nodes[0].region
    login = layout_of(observation.topology).credentials(region)
    async with connect(region, [node for node in nodes if node.region == region], login) as session:
        return await use(session)


@streams_app.command("list")
def streams_list(name: Name = None, as_json: AsJson = False) -> None:
    """The streams as the servers have them: leader, replicas, messages."""
    from lab import view as views
    from lab.observe import status as snapshots

    observation = _observed(name)
    snapshot = run(snapshots.read(observation, arrivals=False))
    if as_json:
        print_json({"streams": snapshot.streams, "absent": snapshot.absent})
    else:
        views.show(views.streams(snapshot))


@streams_app.command("define")
def streams_define(name: Name = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Create the streams that are missing; a differing definition is an error that shows the difference."""
    from lab.jetstream import streams
    from lab.render import stream_configs

    observation = _observed(name)
    configs = stream_configs(observation.topology)
    done = run(_with_session(observation, lambda session: streams.define(session, configs, dry_run)))
    if as_json:
        print_json(done)
    else:
        verb = "would create" if dry_run else "created"
        typer.echo(f"{verb}: {', '.join(done.created) or 'nothing'}; there already: {', '.join(done.left) or 'none'}")


@streams_app.command("clean")
def streams_clean(name: Name = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Delete the lab's streams with all their messages."""
    from lab.jetstream import streams
    from lab.render import stream_configs

    observation = _observed(name)
    configs = stream_configs(observation.topology)
    gone = run(_with_session(observation, lambda session: streams.clean(session, configs, dry_run)))
    if as_json:
        print_json(gone)
    else:
        typer.echo(f"{'would delete' if dry_run else 'deleted'}: {', '.join(gone) or 'nothing'}")


contexts_app = typer.Typer(
    help="Contexts of the `nats` CLI: sc-west, sc-central, sc-east and their -sys variants.", no_args_is_help=True
)
app.add_typer(contexts_app, name="contexts", rich_help_panel=PANEL_FILES)


def _contexts(remove: bool, name: str | None, dry_run: bool, as_json: bool) -> None:
    from lab import contexts
    from lab.cli.app import wanted_topology
    from lab.errors import NotRunning

    try:
        topology = _observed(name).topology
    except NotRunning:
        topology = wanted_topology(None, name)
    done = (contexts.remove if remove else contexts.install)(topology, contexts.default_folder(), dry_run=dry_run)
    if as_json:
        print_json(done)
        return
    for verb, names in (("wrote", done.written), ("left as it is:", done.unchanged), ("removed", done.removed)):
        for context in names:
            typer.echo(f"{'would have ' if dry_run and verb != 'left as it is:' else ''}{verb} {context}")
    if done.selected and remove:
        typer.echo(f"{done.selected} was the selected context: choose another with `nats context select`", err=True)


@contexts_app.command("install")
def contexts_install(name: Name = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Write the contexts; nobody else's is touched. Then: `nats --context sc-west req foo.test hello`."""
    _contexts(False, name, dry_run, as_json)


@contexts_app.command("remove")
def contexts_remove(name: Name = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Remove the contexts that `install` wrote."""
    _contexts(True, name, dry_run, as_json)
