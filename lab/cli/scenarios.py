"""`lab scenario list`, `show`, `validate`, `schema`, `run`; `lab learn`; `lab demo`."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from lab.cli.app import (
    PANEL_SCENARIOS,
    AsJson,
    Name,
    add_to_step_summary,
    app,
    lab_name,
    plain,
    print_json,
    root,
    run,
    say,
    write,
)

if TYPE_CHECKING:
    from lab.docker.engine import Engine
    from lab.scenario.player import Audience
    from lab.scenario.scenario import Length, Result, Scenario, Variant

scenario_app = typer.Typer(help="Scenarios: lessons, demonstrations and tests in one file.", no_args_is_help=True)
app.add_typer(scenario_app, name="scenario", rich_help_panel=PANEL_SCENARIOS)

One = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A shipped scenario, or the path of a file of your own.")]
Long = Annotated[bool, typer.Option("--long", help="The long forms of faults and waits.")]
OwnLab = Annotated[bool, typer.Option("--own-lab", help="A fresh lab for each scenario, removed afterwards.")]
Nats = Annotated[str | None, typer.Option("--nats", help="Server version; implies a lab of its own.")]


def shipped() -> dict[str, Path]:
    folder = Path(__file__).resolve().parents[1] / "scenario" / "files"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_scenario(given: str, length: "Length" = "short") -> "Scenario":
    from lab.errors import unknown
    from lab.scenario.reader import read

    known = shipped()
    if given in known:
        return read(known[given], length)
    if "/" in given or given.endswith((".yaml", ".yml")):
        return read(Path(given), length)
    raise unknown("scenario", given, known)


@scenario_app.command("list")
def list_scenarios(as_json: AsJson = False) -> None:
    """The scenarios that are shipped."""
    found = [read_scenario(name) for name in shipped()]
    if as_json:
        print_json([{"name": s.name, "title": s.title, "about": s.about} for s in found])
        return
    width = max((len(s.name) for s in found), default=0)
    for scenario in found:
        own = " (on a lab of its own)" if any(variant.own for variant in scenario.variants) else ""
        typer.echo(f"{scenario.name:<{width}}  {scenario.title}{own}")


@scenario_app.command()
def show(scenario: One, long: Long = False, as_json: AsJson = False) -> None:
    """A scenario's steps and expectations, without doing anything."""
    from lab.scenario import report

    read = read_scenario(scenario, "long" if long else "short")
    if as_json:
        print_json(read)
    else:
        typer.echo(report.outline(read))


@scenario_app.command()
def validate(files: Annotated[list[str], typer.Argument(metavar="NAME|FILE...", help="What to check.")]) -> None:
    """Check scenario files; every problem is shown with its line."""
    from lab.errors import UsageError

    wrong = []
    for file in files:
        try:
            scenario = read_scenario(file)
            typer.echo(f"{file}: fine, {len(scenario.steps)} steps")
        except UsageError as error:
            wrong.append(error)
            typer.echo(error.message)
    if wrong:
        raise typer.Exit(2)


@scenario_app.command("schema")
def print_schema() -> None:
    """The JSON Schema of a scenario file, for editors."""
    from lab.scenario.schema import document

    print_json(document())


@scenario_app.command("run")
def run_scenarios(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME|FILE]...", help="Which ones.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are shipped.")] = False,
    long: Long = False,
    own_lab: OwnLab = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="How many side by side, each on its own lab.")] = 1,
    nats: Nats = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a summary in Markdown.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write a report in JUnit's XML.")] = None,
    pages: Annotated[Path | None, typer.Option(help="Write a page for each scenario into this folder.")] = None,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Play scenarios and judge every expectation.

    Exit code 0: all held; 3: an expectation was violated; 4: it cannot be told. A scenario is played on the running
    lab when that fits, else on a lab of its own, which is removed afterwards. The running lab is healed at the end,
    whatever happened.
    """
    from lab.cli.narration import Log
    from lab.docker.engine import Engine
    from lab.errors import UsageError
    from lab.scenario import report
    from lab.scenario.page import page
    from lab.scenario.scenario import exit_code

    chosen = [*shipped()] if every else names or []
    if not chosen:
        raise UsageError("no scenario is named", "`lab scenario list` shows them; `--all` plays all")
    scenarios = [read_scenario(one, "long" if long else "short") for one in chosen]
    at_once = jobs == 1

    def audience() -> "Audience":
        return Log(at_once, (lambda text: typer.echo(text, err=True)) if as_json else typer.echo)

    results = run(_play_all(Engine(), lab_name(name), scenarios, audience, own_lab or jobs > 1, jobs, nats))
    code = exit_code(results)
    summary = report.markdown(results)
    if markdown:
        write(markdown, summary)
    add_to_step_summary(summary)
    if junit:
        write(junit, report.junit_xml(results))
    for scenario in scenarios if pages else ():
        its = [result for result in results if result.scenario == scenario.name]
        file = cast(Path, pages) / f"{scenario.name}.md"
        write(file, page(scenario, its, file.read_text(encoding="utf-8") if file.is_file() else ""))
    if as_json:
        print_json(report.as_json(results, plain, code))
    elif len(results) > 1:
        typer.echo("\n" + "\n".join(map(report.summary, results)))
    raise typer.Exit(code)


@app.command(rich_help_panel=PANEL_SCENARIOS)
def learn(scenario: One, long: Long = False, own_lab: OwnLab = False, nats: Nats = None, name: Name = None) -> None:
    """Play a scenario as a lesson: each step is explained, then waits for Enter."""
    from lab.cli.narration import key

    _tell(scenario, key, long, own_lab, nats, name)


@app.command(rich_help_panel=PANEL_SCENARIOS)
def demo(
    scenario: One,
    pace: Annotated[float, typer.Option(min=0, help="1 leaves time to read; 2 is twice as slow.")] = 1,
    long: Long = False,
    own_lab: OwnLab = False,
    nats: Nats = None,
    name: Name = None,
) -> None:
    """Play a scenario for an audience, paced by the texts."""
    from lab.cli.narration import paced

    _tell(scenario, paced(pace), long, own_lab, nats, name)


def _tell(scenario: str, pause: Any, long: bool, own_lab: bool, nats: str | None, name: str | None) -> None:
    from lab.cli.narration import Lesson
    from lab.docker.engine import Engine
    from lab.scenario.scenario import exit_code

    read = read_scenario(scenario, "long" if long else "short")
    results = run(_play_all(Engine(), lab_name(name), [read], lambda: Lesson(pause), own_lab, 1, nats))
    raise typer.Exit(exit_code(results))


async def _play_all(
    engine: "Engine", lab: str, scenarios: list["Scenario"], audience: Any, own_lab: bool, jobs: int, nats: str | None
) -> tuple["Result", ...]:
    """All of them, `jobs` at a time; ends in good order on SIGTERM, as it does on Ctrl-C."""
    task = asyncio.current_task()
    assert task is not None
    terminated = False

    def end() -> None:
        nonlocal terminated
        terminated = True
        task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    gate, reserved = asyncio.Semaphore(jobs), set[int]()

    async def one(scenario: "Scenario", variant: "Variant") -> "Result":
        async with gate:
            return await _play(engine, lab, scenario, variant, audience(), own_lab, nats, reserved)

    pairs = [(scenario, variant) for scenario in scenarios for variant in scenario.variants]
    begun: dict[int, asyncio.Task[Result]] = {}
    # The longest first, when there are several at a time: else one of them would be alone at the end.
    for index in sorted(range(len(pairs)), key=lambda index: -len(pairs[index][0].steps) if jobs > 1 else index):
        begun[index] = asyncio.create_task(one(*pairs[index]))
    tasks = [begun[index] for index in range(len(pairs))]
    try:
        return tuple(await asyncio.gather(*tasks))
    except asyncio.CancelledError:
        if terminated:
            raise typer.Exit(143) from None
        raise
    finally:  # each heals its lab, or removes it, before it ends
        for task_ in tasks:
            task_.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _play(
    engine: "Engine",
    lab: str,
    scenario: "Scenario",
    variant: "Variant",
    audience: "Audience",
    own_lab: bool,
    nats: str | None,
    reserved: set[int],
) -> "Result":
    import dataclasses

    from lab.errors import LabError
    from lab.scenario import labs
    from lab.scenario.context import Stage
    from lab.scenario.player import play
    from lab.scenario.scenario import Result
    from lab.topology import DEFAULT_NATS

    observation = None if own_lab or nats else await asyncio.to_thread(labs.running, engine, lab, variant)
    if observation:
        return await play(scenario, variant, Stage(engine, root(), observation.topology, observation, say), audience)
    wanted = variant.topology
    if nats and wanted.nats == DEFAULT_NATS:
        wanted = dataclasses.replace(wanted, nats=nats)
    try:
        topology = await asyncio.to_thread(
            labs.free_topology, engine, wanted, lab, scenario.name, variant.name, reserved
        )
        async with labs.own(engine, root(), topology, say) as stage:
            return await play(scenario, variant, stage, audience, keep=False)
    except LabError as error:
        nothing = Result(scenario.name, variant.name, "none", (), scenario.length, (), 0, error.message, scenario.title)
        await audience.closes(nothing)
        return nothing
