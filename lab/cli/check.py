"""`lab check`, `lab runs`."""

import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli import completion
from lab.cli.app import PANEL_CHECK, AsJson, Name, add_to_step_summary, app, attached, print_json, run, say, write
from lab.errors import UsageError
from lab.verdict import EXIT_CODES, worst

if TYPE_CHECKING:
    from lab.api import Lab
    from lab.check.judging import Result
    from lab.check.load import Wish
    from lab.check.schedule import Schedule


@app.command(rich_help_panel=PANEL_CHECK)
def check(
    seed: Annotated[int | None, typer.Option(help="Random seed; printed if omitted.")] = None,
    schedule: Annotated[
        Path | None, typer.Option(help="File with a schedule of faults (docs/check.md) instead of a random mix.")
    ] = None,
    duration: Annotated[
        str | None, typer.Option(help="How long to publish; by default 2m30s, or as the schedule says.")
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(min=1, help="Publishes per second over all regions; by default 1000, or as the schedule says."),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Repeat the schedule of an earlier run.", autocompletion=completion.runs),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Judge an earlier run again; needs no lab.", autocompletion=completion.runs),
    ] = None,
    repeat: Annotated[
        int, typer.Option(min=1, help="Number of runs, each with the next seed unless the schedule sets one.")
    ] = 1,
    until_violated: Annotated[
        bool, typer.Option("--until-violated", help="Repeat until a property is violated.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Only say which promises hold where, which do not, and why.")
    ] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Also read every stream through each of its replicas.")] = False,
    clean: Annotated[bool, typer.Option("--clean", help="Delete the streams and their messages first.")] = False,
    client: Annotated[
        str | None,
        typer.Option(
            metavar="CMD",
            help="Also judge a client, started by this command, such as `node client.mjs` (docs/client-protocol.md).",
        ),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the findings to this file as JUnit XML.")] = None,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Publish, inject faults, and judge: does the virtual stream keep its promises? Takes about three minutes.

    With `--client` a program in any language publishes and reads beside the lab's own clients, in each region and once
    knowing the servers of all, and is judged as well.

    Exit code 0: no property was violated; 3: at least one was; 4: cannot tell; 130: interrupted. Messages that are
    already in the streams stay there; `--clean` deletes them first.
    """
    _exclusive(schedule=schedule, replay=replay, judge=judge)
    from lab.check import folder as folders
    from lab.check import judging
    from lab.places import workspace

    if judge is not None:
        result = judging.judge(folders.find(workspace(), judge))
        _show(result, as_json, junit)
        raise typer.Exit(result.verdict.exit_code)
    wishes = _wishes()
    if explain:
        _explain(name, wishes, as_json)
        return
    from lab.check.gathered import Options
    from lab.check.run import run_check

    lab = attached(name)
    first = random.SystemRandom().randrange(10**6) if seed is None else seed
    turn, validities = 0, []
    while True:
        wanted = _schedule(lab, first + turn, schedule, duration, rate, replay)
        folder = run(run_check(lab, wanted, Options(deep, clean, wishes=wishes, client=client or "")))
        result = judging.judge(folder)
        _show(result, as_json, junit)
        if result.history.run.ended == "interrupted":
            raise typer.Exit(130)
        validities.append(result.verdict.validity)
        turn += 1
        violated = result.verdict.validity == "violated"
        if (until_violated and violated) or (not until_violated and turn >= repeat):
            raise typer.Exit(EXIT_CODES[worst(validities)])


def _wishes() -> "dict[str, Wish]":
    """What lab.yaml says of the load."""
    from lab.check.load import Wish
    from lab.cli.selection import lab_file
    from lab.labfile import load_check

    path = lab_file(None)
    found = {}
    for stream, said in (load_check(path) if path else {}).items():
        regions, given = said.get("from"), said.get("subjects")
        found[stream] = Wish(
            None if regions is None else tuple(regions),
            None if given is None else tuple(given),
            said.get("rate"),
            said.get("size"),
        )
    return found


def _explain(name: str | None, wishes: "dict[str, Wish]", as_json: bool) -> None:
    from lab.check import load, promises
    from lab.cli.selection import wanted_topology
    from lab.errors import NotRunning
    from lab.layouts import layout_of

    try:
        topology = attached(name).topology
    except NotRunning:
        topology = wanted_topology(None, name)
    layout = layout_of(topology)
    explained = promises.explain(layout, load.feeds(layout, wishes))
    if as_json:
        print_json(explained)
    else:
        typer.echo(promises.text(explained))


def _exclusive(**options: object) -> None:
    given = [f"--{key}" for key, value in options.items() if value is not None]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} cannot be used together", "each of them says what to run")


def _schedule(
    lab: "Lab", seed: int, file: Path | None, duration: str | None, rate: int | None, replay: str | None
) -> "Schedule":
    from dataclasses import replace

    from lab.check import folder as folders
    from lab.check import schedule as schedules
    from lab.check import schedulefile
    from lab.faults.registry import draws
    from lab.places import workspace
    from lab.units import duration_ns

    topology, offers = lab.topology, lab.offers()
    lacking = sorted({draw.needs for draw in draws().values() if draw.needs} - offers)
    if lacking and replay is None:
        say(f"this kernel has no {' and no '.join(lacking)}; a random mix leaves out what needs it (`lab doctor`)")
    seconds = duration_ns(duration) / 1e9 if duration else None
    if replay is not None:
        folder = folders.find(workspace(), replay)
        others = folders.differing(folder, topology)
        if others:
            say(f"warning: that run was of another lab ({', '.join(others)}); `{folder / 'repro.txt'}` starts the same")
        file = folder / "schedule.resolved.yaml"
    if file is None:
        duration_s = schedules.DURATION_S if seconds is None else seconds
        return schedules.resolve(seed, topology, rate or schedules.RATE, duration_s, offers)
    wanted = schedulefile.load(file, topology, seed, offers)
    changed = replace(wanted, rate=rate or wanted.rate, duration=wanted.duration if seconds is None else seconds)
    schedules.refuse(schedules.problems(changed, topology))
    return changed


def _show(result: "Result", as_json: bool, junit: Path | None) -> None:
    """The verdict on stdout, the report's place on stderr, the report itself into a step summary."""
    from lab.check.judging import summary

    add_to_step_summary((result.folder / "report.md").read_text(encoding="utf-8"))
    if junit is not None:
        write(junit, (result.folder / "junit.xml").read_text(encoding="utf-8"))
    if as_json:
        print_json(
            {
                "run": result.id,
                "folder": str(result.folder),
                "ended": result.history.run.ended,
                "verdict": result.verdict,
            }
        )
        return
    typer.echo(summary(result))
    say(f"report: {result.folder / 'report.html'}")


@app.command(rich_help_panel=PANEL_CHECK)
def runs(name: Name = None, as_json: AsJson = False) -> None:
    """List the checks that were run here, the latest last; with `--name` only those of one lab."""
    from lab.check import folder as folders
    from lab.places import workspace

    found = [summary for summary in folders.summaries(workspace()) if name in (None, summary.lab)]
    if as_json:
        print_json(found)
        return
    width = max((len(summary.id) for summary in found), default=0)
    for summary in found:
        verdict = summary.verdict or "not judged"
        typer.echo(
            f"{summary.id:<{width}}  {summary.began[:19]}  seed {summary.seed:<7} {summary.nats:<8} {verdict:<10}"
            + ("" if summary.ended == "complete" else f"  ({summary.ended})")
        )
    if not found:
        typer.echo("no check has been run here yet; `lab check` runs one")
