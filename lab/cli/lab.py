"""`lab up`, `down`, `status`, `list`, `logs`, `graph`, `collect`, `doctor`, `image`, `render`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli import completion
from lab.cli.app import (
    PANEL_FILES,
    PANEL_LIFE,
    AsJson,
    AuthWord,
    Drawing,
    DryRun,
    Format,
    LabFile,
    LayoutWord,
    Name,
    StreamsFolder,
    app,
    attached,
    interruptible,
    print_json,
    put,
    say,
    show,
    time_of,
)
from lab.cli.selection import wanted_topology

if TYPE_CHECKING:
    from lab.observe.status import Snapshot
    from lab.topology import Topology

Nats = Annotated[
    str | None, typer.Option("--nats", envvar="LAB_NATS", help="Server version, or any tag of the official image.")
]
ImageName = Annotated[str | None, typer.Option("--image", envvar="LAB_IMAGE", help="Another server image.")]


@app.command(rich_help_panel=PANEL_LIFE)
def up(
    name: Name = None,
    file: LabFile = None,
    layout: LayoutWord = None,
    auth: AuthWord = None,
    nats: Nats = None,
    image: ImageName = None,
    streams: StreamsFolder = None,
    timeout: Annotated[float, typer.Option(callback=time_of, help="Seconds to wait until the lab is healthy.")] = 90,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the containers if the first start fails.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Start the lab, define the streams, and wait until every region sees every other.

    Uses the generated files as they are on disk (see `lab render`). Repeating it changes nothing; faults stay in force.
    """
    from lab.api import Lab

    topology = wanted_topology(file, name, layout, auth, streams)
    if dry_run:
        would = _would(topology, nats or topology.nats, image)
        if as_json:
            print_json(would)
        else:
            typer.echo("\n".join(f"{what + ':':<12}{_listed(parts)}" for what, parts in would.items()))
        return

    def announce(snapshot: "Snapshot") -> None:
        if as_json:
            print_json(snapshot)
            return
        from lab import view

        show(view.status(snapshot))
        show(view.next_steps(topology))

    with interruptible("`lab list` shows what is left of it; `lab up` starts it, `lab down` removes it"):
        Lab.up(topology, nats=nats, image=image, timeout=timeout, keep=keep, say=say, announce=announce)


def _would(topology: "Topology", version: str, image: str | None) -> "dict[str, str | list[str]]":
    """What `up` would use and create."""
    from lab import files, places
    from lab.docker.engine import Engine
    from lab.docker.images import find
    from lab.layouts import layout_of

    chosen = find(Engine(), version, image)
    return {
        "image": chosen.name if chosen else f"to be obtained for {version}",
        "files": [d.path for d in files.differences(topology, places.generated()) if d.state == "missing"],
        "containers": [topology.container(node) for node in topology.nodes],
        "streams": [stream.key for stream in layout_of(topology).streams],
    }


def _listed(parts: str | list[str]) -> str:
    return parts if isinstance(parts, str) else ", ".join(parts) or "none to write"


@app.command(rich_help_panel=PANEL_LIFE)
def down(
    name: Name = None,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Keep the volumes, and with them all messages.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove the lab: containers, networks and volumes, and with them all faults."""
    with interruptible("`lab down` goes on where it was; `lab list` shows what is left"):
        counts = attached(name).down(keep_data, dry_run)
    if as_json:
        print_json(counts)
    else:
        verb = "would remove" if dry_run else "removed"
        typer.echo(f"{verb} " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))


@app.command(rich_help_panel=PANEL_LIFE)
def status(
    context: typer.Context,
    name: Name = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh every second until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show nodes, links, streams with their true lag, and the faults in force."""
    lab = attached(name, context)
    while True:
        snapshot = lab.status()
        if as_json:
            print_json(snapshot, indent=None if watch else 2)
        else:
            from lab import view

            if watch:
                typer.echo("\x1b[2J\x1b[H", nl=False)
            show(view.status(snapshot))
        if not watch:
            return
        time.sleep(1)


@app.command("list", rich_help_panel=PANEL_LIFE)
def list_labs(as_json: AsJson = False) -> None:
    """List the labs on this Docker engine, also those of which only networks or volumes are left."""
    from lab.docker import owned
    from lab.docker.engine import Engine

    labs = owned.labs(Engine())
    if as_json:
        print_json(labs)
        return
    for lab, has in labs.items():
        rest = "" if has["containers"] else f"; `lab down --name {lab}` removes them"
        typer.echo(f"{lab}  " + ", ".join(f"{number} {kind}" for kind, number in has.items() if number) + rest)
    if not labs:
        typer.echo("there is no lab")


@app.command(rich_help_panel=PANEL_LIFE)
def logs(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NODE|REGION]...", help="All nodes if omitted.", autocompletion=completion.nodes),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the logs until Ctrl-C.")] = False,
    tail: Annotated[int | None, typer.Option(min=0, help="Show the last N lines of each node.")] = None,
    name: Name = None,
) -> None:
    """Show the servers' logs, each line after its node's name."""
    from lab.printable import printable

    lab = attached(name)
    observed = lab.observe()
    width = max(len(node.name) for node in observed.topology.nodes)

    def each(node: str, line: str) -> None:
        typer.echo(f"{node:<{width}} | {printable(line)}")

    lab.logs(*targets or (), follow=follow, tail=tail, each=each, observed=observed)


@app.command(rich_help_panel=PANEL_LIFE)
def events(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show what happens from now on, until Ctrl-C; advisories as well.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(help="Show what happened in this time, such as `10m`; with `-f`, before what follows.")
    ] = None,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened: faults, nodes, leader elections, gateways, quorum, in the order of time.

    Docker remembers its last 256 events, the servers' logs go further back. `--json` prints an object for each event.
    """
    from lab import view
    from lab.units import duration_ns

    for event in attached(name).events(follow, None if since is None else duration_ns(since) / 1e9):
        if as_json:
            print_json(event, indent=None)
        else:
            typer.echo(view.event(event))


@app.command(rich_help_panel=PANEL_LIFE)
def graph(
    notation: Format = "text",
    output: Drawing = None,
    name: Name = None,
    file: LabFile = None,
    as_json: AsJson = False,
) -> None:
    """Draw the topology with its faults: as text, for Mermaid or Graphviz (`dot`), or as SVG.

    A lab that is not running is drawn as it would be started.
    """
    from lab.graph import FORMATS

    topology = wanted_topology(file, name)
    drawn = attached(topology.name).graph(topology)
    if as_json:
        print_json(drawn)
    else:
        put(output, FORMATS[notation](drawn))


@app.command(rich_help_panel=PANEL_LIFE)
def collect(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The archive; by default `lab-NAME-TIME.zip` in this folder.")
    ] = None,
    name: Name = None,
    file: LabFile = None,
    as_json: AsJson = False,
) -> None:
    """Collect what helps to understand a problem into one archive: logs, monitoring, files, faults, versions.

    The archive contains no secrets, so you can attach it to an issue. This works for a lab that does not come up, too.
    """
    topology = wanted_topology(file, name)
    lab = attached(topology.name)
    archive = output or Path(time.strftime(f"lab-{lab.name}-%Y%m%dT%H%M%S.zip"))
    done = lab.collect(archive, topology)
    for part, why in done.missing.items():
        say(f"not available: {part}: {why}")
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{done.archive} has {len(done.files)} files")


@app.command(rich_help_panel=PANEL_FILES)
def doctor(name: Name = None, file: LabFile = None, as_json: AsJson = False) -> None:
    """Check whether this machine can run the lab, and suggest fixes. Exit code 1 if it cannot."""
    from lab import doctor as checks
    from lab.docker.engine import Engine

    results = checks.examine(Engine(), wanted_topology(file, name))
    if as_json:
        print_json(results)
    else:
        for check in results:
            mark = {"ok": "ok  ", "missing": "FAIL", "limited": "note"}[check.state]
            typer.echo(f"{mark}  {check.name}: {check.finding}" + (f"\n      hint: {check.hint}" if check.hint else ""))
    if any(check.state == "missing" for check in results):
        raise typer.Exit(1)


@app.command("image", rich_help_panel=PANEL_FILES)
def image_(
    nats: Nats = None,
    image: ImageName = None,
    name: Name = None,
    file: LabFile = None,
    prepare: Annotated[bool, typer.Option("--prepare", help="Pull it, or build it from the release's binary.")] = False,
    save: Annotated[
        Path | None, typer.Option(help="Get the image and write it to this file, for `--load` on another machine.")
    ] = None,
    load: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="First load the image from this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the server image that `lab up` would use, and whether it is on this machine."""
    from lab import files
    from lab.docker import images as images
    from lab.docker.engine import Engine

    if save:
        files.require_replaceable(save)
    engine = Engine()
    version = nats or wanted_topology(file, name).nats
    if load:
        engine.load_image(load)
    chosen = images.prepare(engine, version, image, say) if prepare or save else images.find(engine, version, image)
    if save and chosen:
        save.parent.mkdir(parents=True, exist_ok=True)
        engine.save_image(chosen.name, save)
    if as_json:
        print_json({"version": version, "image": chosen})
    elif chosen:
        typer.echo(f"{chosen.name} ({chosen.origin})")
    else:
        typer.echo(
            f"{image or f'an image of nats-server {version}'} is not here; `lab image --prepare` or `lab up` gets it"
        )


@app.command(rich_help_panel=PANEL_FILES)
def render(
    name: Name = None,
    file: LabFile = None,
    layout: LayoutWord = None,
    auth: AuthWord = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only show what differs; exit code 1 if anything does.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write compose/, configs/ and streams/ from the topology."""
    from lab import files, places

    topology, root = wanted_topology(file, name, layout, auth), places.generated()
    if check:
        found = files.differences(topology, root)
        if as_json:
            print_json(found)
        else:
            for difference in found:
                typer.echo(difference.diff.rstrip() or f"{difference.path} is {difference.state}")
        if found:
            raise typer.Exit(1)
        return
    written, folder = files.write(topology, root), files.folder(topology, root)
    if as_json:
        print_json({"folder": str(folder), "written": written})
    else:
        paths = "\n".join(f"wrote {folder / path}" for path in written)
        typer.echo(paths or "nothing to write: all files match the topology")
