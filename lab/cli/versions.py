"""`lab matrix`, `lab bisect`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli import completion
from lab.cli.app import (
    LEFT,
    PANEL_CHECK,
    AsJson,
    LabFile,
    Name,
    add_to_step_summary,
    app,
    attached,
    interruptible,
    print_json,
    run,
    say,
    write,
)
from lab.cli.selection import wanted_topology

if TYPE_CHECKING:
    from lab.check.schedule import Schedule
    from lab.matrix.trials import Trials
    from lab.matrix.values import Matrix, Outcome
    from lab.scenario.scenario import Scenario
    from lab.topology import Topology

Tests = Annotated[
    list[str],
    typer.Argument(
        metavar="SCENARIO|check...", help="Scenarios by name or file; `check`.", autocompletion=completion.tests
    ),
]
Seed = Annotated[int, typer.Option(help="Random seed of the check, the same on every version.")]
Duration = Annotated[str, typer.Option(help="How long the check publishes.")]
Repeat = Annotated[int, typer.Option(min=1, help="Runs of each test on each version; the worst outcome counts.")]


@app.command(rich_help_panel=PANEL_CHECK)
def matrix(
    tests: Tests,
    nats: Annotated[str, typer.Option("--nats", help="Versions, joined by commas.")],
    judged_as: Annotated[
        str, typer.Option("--as", metavar="VERSION", help="Judge every version by what is expected of this one.")
    ] = "",
    seed: Seed = 1,
    duration: Duration = "1m",
    repeat: Repeat = 1,
    html: Annotated[Path | None, typer.Option(help="Write the table as a page.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the table in Markdown.")] = None,
    file: LabFile = None,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Run the same tests on several server versions, each on a fresh lab: a table of verdicts and figures.

    A scenario knows what to expect of each version. With `--as` all are judged alike, which shows where they differ.

    Exit code 0: every version behaved as expected of it; 3: something was violated; 4: cannot tell.
    """
    from lab.matrix import pages
    from lab.matrix.values import versions_of

    versions = versions_of(nats)
    chosen = _tests(tests)
    trials = _trials(file, name, seed, duration, repeat)
    with interruptible(LEFT):
        result = run(_matrix(trials, chosen, versions, judged_as))
    for path, content in ((html, pages.html), (markdown, pages.markdown)):
        if path:
            write(path, content(result))
    add_to_step_summary(pages.markdown(result))
    if as_json:
        print_json(result)
    else:
        typer.echo(pages.text(result))
    raise typer.Exit(result.exit_code)


@app.command(rich_help_panel=PANEL_CHECK)
def bisect(
    test: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO|check", help="A scenario by name or file, or `check`.", autocompletion=completion.tests
        ),
    ],
    good: Annotated[str, typer.Option("--good", help="A version without the problem.")],
    bad: Annotated[str, typer.Option("--bad", help="A version with the problem.")],
    releases: Annotated[
        str | None, typer.Option(help="Versions to choose from, joined by commas; by default those on PyPI.")
    ] = None,
    seed: Seed = 1,
    duration: Duration = "1m",
    repeat: Repeat = 1,
    file: LabFile = None,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Find the release where an outcome changed. A scenario is judged by what it expects of the good version.

    Exit code 0: found; 4: a version gave no clear outcome.
    """
    from lab.docker.binary import releases as known
    from lab.matrix.values import between, versions_of

    (scenario,) = _tests([test])
    versions = between(versions_of(releases) if releases else known(), good, bad)
    say(f"{len(versions)} releases from {good} to {bad}")
    trials = _trials(file, name, seed, duration, repeat)
    with interruptible(LEFT):
        last, first, outcomes = run(_bisect(trials, scenario, versions))
    if as_json:
        print_json({"test": test, "last_good": last, "first_bad": first, "outcomes": outcomes})
    else:
        typer.echo(f"{test}: as on {good} up to {last}, as on {bad} from {first} on")
        changed = next(outcome for outcome in outcomes if outcome.version == first)
        typer.echo(f"    {changed.sentence}")


def _tests(given: list[str]) -> "list[Scenario | None]":
    """None stands for the check. Every name is looked at before anything is started."""
    from lab.matrix.trials import CHECK, moving
    from lab.scenario.shipped import find

    chosen = [None if test == CHECK else find(test) for test in given]
    for scenario in chosen:
        if scenario:
            moving(scenario)
    return chosen


def _trials(file: Path | None, name: str | None, seed: int, duration: str, repeat: int) -> "Trials":
    from lab.check import schedule as schedules
    from lab.cli.narration import Log
    from lab.matrix.trials import Trials
    from lab.units import duration_ns

    seconds = duration_ns(duration) / 1e9

    def schedule(topology: "Topology") -> "Schedule":
        return schedules.resolve(seed, topology, schedules.RATE, seconds, offers)

    def log() -> Log:
        return Log(True, lambda text: typer.echo(text, err=True))

    offers = attached(name).offers()
    base = wanted_topology(file, name)
    schedule(base)  # what is wrong with it is said before a lab is started
    return Trials(attached(name), base, log, schedule, repeat)


async def _matrix(
    trials: "Trials", tests: "list[Scenario | None]", versions: tuple[str, ...], judged_as: str
) -> "Matrix":
    from lab.matrix.pages import short
    from lab.matrix.trials import CHECK
    from lab.matrix.values import Matrix

    outcomes = []
    for test in tests:
        for version in versions:
            outcome = await trials.on(test, version, judged_as)
            say(f"{outcome.test} on {version}: {short(outcome)}")
            outcomes.append(outcome)
    names = tuple(test.name if test else CHECK for test in tests)
    return Matrix(names, versions, tuple(outcomes))


async def _bisect(
    trials: "Trials", test: "Scenario | None", versions: tuple[str, ...]
) -> "tuple[str, str, list[Outcome]]":
    from lab.errors import LabError, Untold
    from lab.matrix.bisect import bisect as halve
    from lab.matrix.pages import short

    outcomes: list[Outcome] = []

    async def changed(version: str) -> bool:
        outcome = await trials.on(test, version, judged_as=versions[0])
        if outcome.verdict == "could not tell":  # once more, since a slow machine is no answer
            outcome = await trials.on(test, version, judged_as=versions[0])
        outcomes.append(outcome)
        say(f"{outcome.test} on {version}: {short(outcome)}")
        if outcome.verdict == "could not tell":
            raise Untold(f"{version} gave no clear outcome: {outcome.sentence}", "leave it out with `--releases`")
        return outcome.verdict == "violated"

    for version, wanted in ((versions[0], False), (versions[-1], True)):
        if await changed(version) is not wanted:
            raise LabError(
                f"on {version} the test is {'not ' if wanted else ''}violated, so there is no change to look for",
                "choose other versions for `--good` and `--bad`",
            )
    last, first = await halve(versions, changed)
    return last, first, outcomes
