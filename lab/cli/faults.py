"""The verbs of `lab/faults/registry.py` as commands, and `lab faults`."""

import inspect
import time
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import typer

from lab.cli import completion
from lab.cli.app import PANEL_FAULTS, AsJson, DryRun, Name, app, attached, print_json, say, time_of
from lab.docker.observation import COMPLETES
from lab.errors import UsageError
from lab.faults.arguments import Group, Leader, Path, Region, Seconds, Target
from lab.faults.heal import Heal
from lab.faults.registry import VERBS, ordered, present
from lab.faults.verb import Verb
from lab.plain import plain
from lab.units import duration_ns

if TYPE_CHECKING:
    from lab.api import Lab
    from lab.faults.timers import Timer

# Type of the plain words -> how they are called, explained and completed.
WORDS: dict[object, tuple[str, str, completion.Complete]] = {
    Group: ("GROUP...", "The regions of one side, joined by commas: `west,east central`.", completion.groups),
    Path: (
        "LINK",
        "Two regions, `west central`; one direction, `'west->central'`; or a node's part, `west-1 central`, "
        "`@meta central`.",
        completion.links,
    ),
    Target: (
        "TARGET...",
        "Nodes, regions or roles: `east-1`, `central`, `@meta`, `@leader:foo-read-east`.",
        completion.targets,
    ),
    Leader: ("STREAM|meta", "A stream, such as `foo-read-east`, or `meta`.", completion.leaders),
}
For = Annotated[str | None, typer.Option("--for", help="Undo it after this time, such as `30s`.")]
Explain = Annotated[
    bool,
    typer.Option(
        "--explain", help="Predict from quorum arithmetic what will work, then measure it. Exit code 3 if they differ."
    ),
]


def command(verb: type[Verb]) -> Callable[..., None]:
    """The command of a verb: its fields are the arguments, its docstring is the help."""
    hints = get_type_hints(verb)
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context]
    parameters += [_parameter(field.name, hints[field.name], field.default, verb) for field in fields(verb)]  # type: ignore[arg-type]
    if verb.lasting and not verb.undoes:
        parameters += [_option("lasts", For, None), _option("explain", Explain, False)]
    parameters += [_option("name", Name, None), _option("dry_run", DryRun, False), _option("as_json", AsJson, False)]

    times = [name for name, hint in hints.items() if hint is Seconds]

    def run(
        context: typer.Context,
        name: str | None,
        dry_run: bool,
        as_json: bool,
        explain: bool = False,
        lasts: str | None = None,
        **given: Any,
    ) -> None:
        words = given.pop(verb.SHORT) if verb.SHORT else ()
        given |= {key: Seconds(_seconds(given[key])) for key in times}
        wanted = verb.from_words(*([words] if isinstance(words, str) else words), **given)
        seconds = duration_ns(lasts) / 1e9 if lasts else None
        do(attached(name, None if dry_run else context), wanted, dry_run, as_json, explain, seconds=seconds)

    run.__name__, run.__doc__ = verb.name.replace("-", "_"), verb.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _seconds(given: str) -> float:
    """Of `4s`, or a plain number."""
    return float(given) if given.replace(".", "", 1).isdigit() else duration_ns(given) / 1e9


def _parameter(name: str, hint: Any, default: Any, verb: type[Verb]) -> inspect.Parameter:
    item = get_args(hint)[0] if get_origin(hint) is tuple else hint
    if name == verb.SHORT:
        metavar, text, completed = WORDS[item]
        several = metavar.endswith("...") or item is Path
        words = typer.Argument(metavar=metavar, help=text, autocompletion=completed)
        argument: Any = Annotated[list[str] if several else str, words]
        return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=argument)
    kind: Any = str if item is Seconds else getattr(item, "__supertype__", item)
    default = f"{default:g}s" if item is Seconds else default
    complete = completion.regions if item is Region else None
    words = typer.Option(f"--{name.replace('_', '-')}", help=verb.HELP.get(name, ""), autocompletion=complete)
    option: Any = Annotated[kind, words]
    return _option(name, option, inspect.Parameter.empty if default is MISSING else default)


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def add_commands(to: typer.Typer) -> None:
    """Every verb; `heal` has a command of its own, which can wait."""
    for verb in VERBS:
        if verb is not Heal:
            to.command(verb.name, rich_help_panel=PANEL_FAULTS)(command(verb))


def do(
    lab: "Lab",
    verb: Verb,
    dry_run: bool,
    as_json: bool,
    explain: bool = False,
    show: bool = True,
    seconds: float | None = None,
) -> None:
    """Do it and show what came of it."""
    from lab import view
    from lab.cli.explanation import Explanation

    explanation = Explanation(lab, dry_run, as_json) if explain else None
    done = lab.do(verb, seconds=seconds, dry_run=dry_run, announce=explanation.announce if explanation else None)
    if show and as_json and not explanation:
        print_json(done.change if done.change else {"seen": done.seen})
    elif show and not as_json:
        typer.echo(view.change(done.change, dry_run) if done.change else done.seen or f"would {done.verb.said}")
    if explanation and done.change:
        explanation.measure(done.change)


add_commands(app)


@app.command(rich_help_panel=PANEL_FAULTS)
def heal(
    context: typer.Context,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Wait until gateways, meta leader and streams have converged.")
    ] = False,
    hasten: Annotated[
        bool,
        typer.Option(
            "--hasten",
            help="With `--wait`: while sources are stalled, make the leaders of their read streams step down. Saves up "
            "to 40 s; servers do not do this on their own.",
        ),
    ] = False,
    timeout: Annotated[float, typer.Option(callback=time_of, help="Seconds to wait with `--wait`.")] = 240,
    name: Name = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Undo every fault, including half-made ones. Repeating it does nothing."""
    if hasten and not wait:
        raise UsageError("`--hasten` needs `--wait`", "write `lab heal --wait --hasten`")
    began = time.monotonic()
    lab = attached(name, None if dry_run else context)
    do(lab, Heal(), dry_run, as_json, show=dry_run or not (wait and as_json))
    if not wait or dry_run:
        return
    hastened = lab.hasten(timeout) if hasten else None
    snapshot = hastened.status if hastened else lab.until_healthy(timeout)
    step_downs = hastened.step_downs if hastened else ()
    seconds = time.monotonic() - began
    if as_json:
        print_json({"seconds": round(seconds, 1), "step_downs": step_downs, "status": snapshot})
    else:
        typer.echo(
            f"converged {seconds:.1f} s after heal: gateways, meta leader, streams and sources are as they should be"
        )
        if step_downs:
            typer.echo(f"hastened by {len(step_downs)} step-downs, which servers do not do on their own")


@app.command(rich_help_panel=PANEL_FAULTS)
def faults(context: typer.Context, name: Name = None, as_json: AsJson = False) -> None:
    """List the faults in force, as read from Docker and from the kernel."""
    from lab import view

    lab = attached(name, context)
    observation = lab.condition()
    found = ordered(present(observation))
    if observation.damage:
        say(f"warning: the lab `{observation.topology.name}` {observation.damage}; {COMPLETES}")
    ends = {key: timer for timer in lab.timers() for key in timer.keys}
    if as_json:
        print_json([plain(fault) | _ends(ends.get(fault.key)) for fault in found])
    else:
        typer.echo(view.faults(found, ends))


def _ends(timer: "Timer | None") -> dict[str, Any]:
    """When a fault ends by itself, if it does."""
    return {"ends_in_s": round(timer.left_s, 1), "timer": str(timer)} if timer else {}
