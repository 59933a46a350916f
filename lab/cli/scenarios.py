"""`lab scenario list`, `show`, `validate`, `schema`, `run`; `lab learn`; `lab demo`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli import completion
from lab.cli.app import (
    LEFT,
    PANEL_SCENARIOS,
    AsJson,
    Name,
    add_to_step_summary,
    app,
    attached,
    interruptible,
    print_json,
    run,
    write,
)

if TYPE_CHECKING:
    from lab.scenario.player import Audience

scenario_app = typer.Typer(help="Scenarios: lessons, demonstrations and tests in one file.", no_args_is_help=True)
app.add_typer(scenario_app, name="scenario", rich_help_panel=PANEL_SCENARIOS)

One = Annotated[
    str,
    typer.Argument(
        metavar="NAME|FILE",
        help="A shipped scenario, or the path of a file of your own.",
        autocompletion=completion.scenarios,
    ),
]
Long = Annotated[bool, typer.Option("--long", help="Use the long forms of faults and waits.")]
OwnLab = Annotated[bool, typer.Option("--own-lab", help="Play each scenario on a fresh lab, removed afterwards.")]
Nats = Annotated[str | None, typer.Option("--nats", help="Server version; implies `--own-lab`.")]


@scenario_app.command("list")
def list_scenarios(as_json: AsJson = False) -> None:
    """List the shipped scenarios."""
    from lab.scenario.shipped import find, shipped

    found = [find(name) for name in shipped()]
    if as_json:
        print_json([{"name": s.name, "title": s.title, "about": s.about, "needs": s.needs} for s in found])
        return
    width = max((len(s.name) for s in found), default=0)
    for scenario in found:
        own = " (on a lab of its own)" if any(variant.own for variant in scenario.variants) else ""
        needs = f" (needs {', '.join(scenario.needs)})" if scenario.needs else ""
        typer.echo(f"{scenario.name:<{width}}  {scenario.title}{own}{needs}")


@scenario_app.command()
def show(scenario: One, long: Long = False, as_json: AsJson = False) -> None:
    """Show a scenario's steps and expectations without playing it."""
    from lab.scenario import report
    from lab.scenario.shipped import find

    read = find(scenario, "long" if long else "short")
    if as_json:
        print_json(read)
    else:
        typer.echo(report.outline(read))


@scenario_app.command()
def validate(
    files: Annotated[
        list[str],
        typer.Argument(metavar="NAME|FILE...", help="Scenarios to check.", autocompletion=completion.scenarios),
    ],
) -> None:
    """Check scenario files and show every problem with its line."""
    from lab.errors import UsageError
    from lab.scenario.shipped import find

    wrong = []
    for file in files:
        try:
            scenario = find(file)
            typer.echo(f"{file}: fine, {len(scenario.steps)} steps")
        except UsageError as error:
            wrong.append(error)
            typer.echo(error.message)
    if wrong:
        raise typer.Exit(2)


@scenario_app.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of a scenario file, for editors."""
    from lab.scenario.reader import schema

    print_json(schema())


@scenario_app.command("run")
def run_scenarios(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME|FILE]...", help="Scenarios to play.", autocompletion=completion.scenarios),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Play all shipped scenarios.")] = False,
    long: Long = False,
    own_lab: OwnLab = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Play this many side by side, each on its own lab.")
    ] = 1,
    nats: Nats = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a summary in Markdown.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write a report as JUnit XML.")] = None,
    pages: Annotated[Path | None, typer.Option(help="Write a page for each scenario to this folder.")] = None,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Play scenarios and judge every expectation.

    Exit code 0: all held; 3: an expectation was violated; 4: cannot tell. A scenario is played on the running lab if
    that fits, otherwise on a lab of its own, which is removed afterwards. The running lab is healed at the end,
    whatever happened.
    `--all` passes over those that need what your kernel lacks, and says so.
    """
    from lab.cli.narration import Log
    from lab.errors import UsageError
    from lab.plain import plain
    from lab.scenario import report
    from lab.scenario.page import page
    from lab.scenario.plays import Plays
    from lab.scenario.scenario import exit_code
    from lab.scenario.shipped import find, shipped

    chosen = [*shipped()] if every else names or []
    if not chosen:
        raise UsageError("no scenario given", "`lab scenario list` lists them; `--all` plays all")
    scenarios = [find(one, "long" if long else "short") for one in chosen]
    at_once = jobs == 1

    def audience() -> "Audience":
        return Log(at_once, (lambda text: typer.echo(text, err=True)) if as_json else typer.echo)

    with interruptible(LEFT):
        results = run(Plays(attached(name), audience, own_lab, jobs, nats).all(scenarios))
    code = exit_code(tuple(result for result in results if not (every and result.lacking)))
    summary = report.markdown(results)
    if markdown:
        write(markdown, summary)
    add_to_step_summary(summary)
    if junit:
        write(junit, report.junit_xml(results))
    for scenario in scenarios if pages else ():
        assert pages
        its = [result for result in results if result.scenario == scenario.name]
        file = pages / f"{scenario.name}.md"
        if file.is_file() and any(result.lacking for result in its):
            continue  # a run that was recorded elsewhere
        write(file, page(scenario, its, file.read_text(encoding="utf-8") if file.is_file() else ""))
    if as_json:
        print_json(report.as_json(results, plain, code))
    elif len(results) > 1:
        typer.echo("\n" + "\n".join(map(report.summary, results)))
    raise typer.Exit(code)


@app.command(rich_help_panel=PANEL_SCENARIOS)
def learn(scenario: One, long: Long = False, own_lab: OwnLab = False, nats: Nats = None, name: Name = None) -> None:
    """Play a scenario as a lesson: it explains each step and waits for Enter."""
    from lab.cli.narration import key

    _tell(scenario, key, long, own_lab, nats, name)


@app.command(rich_help_panel=PANEL_SCENARIOS)
def demo(
    scenario: One,
    pace: Annotated[float, typer.Option(min=0, help="1 leaves time to read; 2 takes twice as long.")] = 1,
    long: Long = False,
    own_lab: OwnLab = False,
    nats: Nats = None,
    name: Name = None,
) -> None:
    """Play a scenario for an audience, with time to read each text."""
    from lab.cli.narration import paced

    _tell(scenario, paced(pace), long, own_lab, nats, name)


def _tell(scenario: str, pause: Any, long: bool, own_lab: bool, nats: str | None, name: str | None) -> None:
    from lab.cli.narration import Lesson
    from lab.scenario.plays import Plays
    from lab.scenario.scenario import exit_code
    from lab.scenario.shipped import find

    read = find(scenario, "long" if long else "short")
    with interruptible(LEFT):
        results = run(Plays(attached(name), lambda: Lesson(pause), own_lab, 1, nats).all([read]))
    raise typer.Exit(exit_code(results))
