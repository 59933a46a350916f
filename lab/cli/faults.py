"""`lab partition`, `cut`, `join`, `stop`, `kill`, `pause`, `start`, `resume`, `heal`, `faults`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli.app import PANEL_FAULTS, AsJson, DryRun, Name, app, lab_name, print_json, run, say

if TYPE_CHECKING:
    from lab.docker.observation import Observation

Targets = Annotated[list[str], typer.Argument(metavar="NODE|REGION...", help="Nodes or regions: `east-1`, `central`.")]
Regions = Annotated[
    list[str], typer.Argument(metavar="LINK", help="Two regions, or one word: `west central`, `west-central`.")
]
Explain = Annotated[
    bool,
    typer.Option(
        "--explain", help="Say what quorum arithmetic predicts, then measure it; exit code 3 when they differ."
    ),
]
Wanted = Callable[["Observation"], Any]


def _change(
    name: str | None,
    wanted: Wanted,
    dry_run: bool,
    as_json: bool,
    cuts: bool = False,
    show: bool = True,
    explain: bool = False,
) -> "Observation":
    from lab import headstart, view
    from lab.cli.explanation import announce, measure
    from lab.docker.engine import Engine
    from lab.faults import proof
    from lab.faults.change import apply, exclusive

    engine, lab = Engine(), lab_name(name)
    begun = headstart.taken(lab)
    with exclusive(lab, say, begun.lock if begun else None):
        probe = begun.probe if begun else None if dry_run else proof.Probe(engine, lab)
        if not dry_run and not cuts:
            engine.preload()
        try:
            before = begun.observing.result() if begun else engine.observe(lab)
            faults_ = wanted(before)
            prediction = announce(before, faults_, dry_run, as_json) if explain else None
            change = apply(engine, before, faults_, dry_run, probe)
        except BaseException as error:
            if probe:
                probe.close()
            if isinstance(error, KeyboardInterrupt):
                say("interrupted; `lab faults` lists what is in force, `lab heal` undoes it")
            raise
    if show and as_json and not prediction:
        print_json(change)
    elif show and not as_json:
        typer.echo(view.change(change, dry_run))
    if prediction:
        measure(engine, lab, prediction, change, dry_run, as_json)
    return before


@app.command(rich_help_panel=PANEL_FAULTS)
def partition(
    groups: Annotated[
        list[str],
        typer.Argument(metavar="GROUP...", help="Regions of one side, joined by commas: `west,east central`."),
    ],
    explain: Explain = False,
    name: Name = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Split the network: each group sees only itself. Regions that are not named form the last group.

    `lab partition central` isolates central. A new partition replaces the old one.
    """

    def wanted(before: "Observation") -> Any:
        from lab.faults import present
        from lab.faults.change import with_cuts
        from lab.faults.partition import groups as parse
        from lab.faults.partition import partition as cuts

        return with_cuts(present(before), cuts(before.topology, parse(before.topology, groups)))

    _change(name, wanted, dry_run, as_json, cuts=True, explain=explain)


@app.command(rich_help_panel=PANEL_FAULTS)
def cut(
    link: Regions, explain: Explain = False, name: Name = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Cut one link: `lab cut west central`. Other faults stay."""

    def wanted(before: "Observation") -> Any:
        from lab.faults import present
        from lab.faults.cut import link_cuts

        return present(before) | link_cuts(before.topology, _link(before, link))

    _change(name, wanted, dry_run, as_json, cuts=True, explain=explain)


@app.command(rich_help_panel=PANEL_FAULTS)
def join(link: Regions, name: Name = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Undo the cut of one link."""

    def wanted(before: "Observation") -> Any:
        from lab.faults import Cut, present

        key = _link(before, link).name
        return frozenset(fault for fault in present(before) if not (isinstance(fault, Cut) and fault.link == key))

    _change(name, wanted, dry_run, as_json, cuts=True)


def _link(before: "Observation", words: list[str]) -> Any:
    from lab.errors import UsageError

    if len(words) > 2:
        raise UsageError("a link joins two regions", "write `lab cut west central`")
    return before.topology.link(*words)


@app.command(rich_help_panel=PANEL_FAULTS)
def stop(
    targets: Targets, explain: Explain = False, name: Name = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Stop nodes or regions in good order (SIGTERM)."""
    _nodes(
        targets,
        name,
        dry_run,
        as_json,
        lambda lifecycle, now, nodes: lifecycle.with_nodes_down(now, nodes, killed=False),
        explain,
    )


@app.command(rich_help_panel=PANEL_FAULTS)
def kill(
    targets: Targets, explain: Explain = False, name: Name = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Kill nodes or regions (SIGKILL): no goodbye, nothing flushed by the server."""
    _nodes(
        targets,
        name,
        dry_run,
        as_json,
        lambda lifecycle, now, nodes: lifecycle.with_nodes_down(now, nodes, killed=True),
        explain,
    )


@app.command(rich_help_panel=PANEL_FAULTS)
def pause(
    targets: Targets, explain: Explain = False, name: Name = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Freeze nodes or regions: connections stay open, nobody answers."""
    _nodes(
        targets,
        name,
        dry_run,
        as_json,
        lambda lifecycle, now, nodes: lifecycle.with_nodes_paused(now, nodes),
        explain,
    )


@app.command(rich_help_panel=PANEL_FAULTS)
def start(targets: Targets, name: Name = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Start nodes or regions that are stopped or killed; a cut that they are under stays."""
    from lab.faults import Down

    _nodes(targets, name, dry_run, as_json, lambda lifecycle, now, nodes: lifecycle.without(now, Down, nodes))


@app.command(rich_help_panel=PANEL_FAULTS)
def resume(targets: Targets, name: Name = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Thaw nodes or regions that are paused."""
    from lab.faults import Paused

    _nodes(targets, name, dry_run, as_json, lambda lifecycle, now, nodes: lifecycle.without(now, Paused, nodes))


def _nodes(
    targets: list[str],
    name: str | None,
    dry_run: bool,
    as_json: bool,
    wanted: Callable[..., Any],
    explain: bool = False,
) -> None:
    def of(before: "Observation") -> Any:
        from lab.faults import change, present

        return wanted(change, present(before), before.topology.select(targets))

    _change(name, of, dry_run, as_json, explain=explain)


@app.command(rich_help_panel=PANEL_FAULTS)
def heal(
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Wait until gateways, meta leader and streams have converged.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait with `--wait`.")] = 240,
    name: Name = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Undo every fault, from any state, also half-made ones. Twice in a row does nothing."""
    import time

    began = time.monotonic()
    before = _change(name, lambda _: frozenset(), dry_run, as_json, show=dry_run or not (wait and as_json))
    if not wait or dry_run:
        return
    from lab.docker.engine import Engine
    from lab.observe import ready

    engine = Engine()
    observation = engine.observe(before.topology.name)
    snapshot = run(ready.until_healthy(engine, observation, timeout, say))
    seconds = time.monotonic() - began
    if as_json:
        print_json({"seconds": round(seconds, 1), "status": snapshot})
    else:
        typer.echo(
            f"converged {seconds:.1f} s after heal: gateways, meta leader, streams and sources are as they should be"
        )


@app.command(rich_help_panel=PANEL_FAULTS)
def faults(name: Name = None, as_json: AsJson = False) -> None:
    """The faults in force, read from Docker."""
    from lab import view
    from lab.docker.engine import Engine
    from lab.faults import ordered, present

    found = ordered(present(Engine().observe(lab_name(name))))
    if as_json:
        print_json(found)
    else:
        typer.echo(view.faults(found))
