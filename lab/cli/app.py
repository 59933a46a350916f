"""The Typer application, what all commands share, and `main`, which turns errors into sentences and exit codes."""

import json
import os
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from lab import __version__
from lab.cli import completion
from lab.cli.selection import FILE, lab_name
from lab.errors import Interrupted, LabError
from lab.plain import plain
from lab.units import LONGEST_S

if TYPE_CHECKING:
    from lab.api import Lab
    from lab.headstart import Headstart

T = TypeVar("T")
INTERRUPTED = 130
LEFT = "`lab list` shows which labs are there, `lab faults` what is in force"
PANEL_LIFE, PANEL_USE, PANEL_FAULTS = "The lab", "Using the stream", "Faults"
PANEL_SCENARIOS, PANEL_CHECK, PANEL_FILES = "Scenarios", "Checks", "Files and machine"
# As a newcomer meets them.
PANELS = (PANEL_LIFE, PANEL_USE, PANEL_FAULTS, PANEL_SCENARIOS, PANEL_CHECK, PANEL_FILES)

app = typer.Typer(
    name="lab",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        "-n",
        envvar="LAB_NAME",
        help="Name of the lab, if you run more than one.",
        autocompletion=completion.labs,
    ),
]
Notation = Literal["text", "mermaid", "dot", "svg"]  # those of lab/graph/ and lab/streamgraph/
Format = Annotated[Notation, typer.Option("--format", help="How it is drawn.")]
Drawing = Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")]
AsJson = Annotated[bool, typer.Option("--json", envvar="LAB_JSON", help="Print JSON on stdout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done without doing it.")]
LabFile = Annotated[
    Path | None,
    typer.Option("--file", "-f", envvar=FILE, help="Description of the lab; by default `lab.yaml`, if there is one."),
]

LayoutWord = Annotated[
    str | None,
    typer.Option(
        "--layout",
        envvar="LAB_LAYOUT",
        help="Which streams make the virtual one (docs/layouts.md).",
        autocompletion=completion.layouts,
    ),
]

AuthWord = Annotated[
    str | None,
    typer.Option(
        "--auth", envvar="LAB_AUTH", help="How clients log in: `none`, or `operator` with credentials that it makes."
    ),
]


StreamsFolder = Annotated[
    Path | None,
    typer.Option("--streams", help="Folder with definitions of streams to use instead of the virtual one."),
]


def time_of(value: float) -> float:
    """Callback of options that are a time in seconds, which has to end."""
    if not 0 <= value <= LONGEST_S:
        raise typer.BadParameter(f"should be 0 to {LONGEST_S} seconds, not {value:g}")
    return value


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lab {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """A real NATS JetStream super-cluster in three regions, and faults to learn from."""


def say(text: str) -> None:
    """Progress, on stderr."""
    typer.echo(f"· {text}", err=True)


def show(text: str) -> None:
    """On stdout, without its styles where that is no terminal or NO_COLOR is set (https://no-color.org)."""
    from lab.view import unstyled

    styled = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    print(text if styled else unstyled(text))


def print_json(value: Any, indent: int | None = 2) -> None:
    typer.echo(json.dumps(plain(value), indent=indent))


def write(path: Path, text: str, mode: str = "w") -> None:
    """A file that the user asked for, whole or not at all; its folder is made. Raises `LabError`."""
    from lab import files

    if mode == "w" and (path.is_file() or not path.exists()):
        mask = os.umask(0)
        os.umask(mask)
        there = path.resolve()  # what a link leads to
        files.replace(there, text, there.stat().st_mode & 0o777 if there.exists() else 0o666 & ~mask)
        return
    try:  # a pipe, or what is added to
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise LabError(f"`{path}` cannot be written: {error.strerror}") from error


def put(path: Path | None, drawing: str) -> None:
    """Into the file that the user asked for, or on stdout."""
    if path:
        write(path, drawing)
        say(f"wrote {path}")
    else:
        typer.echo(drawing, nl=False)


def add_to_step_summary(markdown: str) -> None:
    """Show it on the page of a GitHub Actions run, in one."""
    if os.environ.get("GITHUB_STEP_SUMMARY"):
        write(Path(os.environ["GITHUB_STEP_SUMMARY"]), markdown, "a")


def attached(name: str | None, context: typer.Context | None = None) -> "Lab":
    """The lab that is meant; with the `context` of a command that has a head start, also what was begun for it."""
    from lab import headstart
    from lab.api import Lab
    from lab.places import generated

    meant = lab_name(name)
    return Lab(meant, root=generated(), say=say, begun=headstart.take(context.obj, meant) if context else None)


@contextmanager
def interruptible(hint: str) -> Iterator[None]:
    """Ctrl-C ends it with this hint, where the usual one does not help."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted", hint) from None


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """`lab.loop.finished`, imported when it is needed."""
    from lab.loop import finished

    return finished(coroutine)


def main(begun: "Headstart | None" = None) -> None:
    """Run the command line; no traceback for what a user can cause. `begun` is the commands' `context.obj`."""
    try:
        code = app(standalone_mode=False, obj=begun) or 0
        if code == INTERRUPTED:  # typer makes no more of Ctrl-C than this
            _report("interrupted", "`lab faults` lists what is in force, `lab heal` undoes it")
    except LabError as error:
        _report(error.message, error.hint)
        code = error.exit_code
    except typer.Exit as exit_:
        code = exit_.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _report("interrupted", "`lab faults` lists what is in force, `lab heal` undoes it")
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except FileNotFoundError as error:
        gone = f"there is no `{error.filename}`" if error.filename else "the folder in which you are was removed"
        _report(gone, "")
        code = 1
    except OSError as error:  # of a full disk, a folder that is not writable …
        _report(f"{error.strerror or error}" + (f": `{error.filename}`" if error.filename else ""), "")
        code = 1
    except Exception as error:
        if not hasattr(error, "show"):  # a click usage error shows itself
            raise
        error.show()
        code = getattr(error, "exit_code", 2)
    sys.exit(code)


def _report(message: str, hint: str) -> None:
    typer.echo(f"error: {message}", err=True)
    if hint:
        typer.echo(f"\nhint: {hint}", err=True)
