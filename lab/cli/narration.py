"""How a scenario is told on a terminal: to a learner, who presses a key; to an audience, paced; as a log."""

import asyncio
import shutil
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress

import typer

from lab.scenario import report
from lab.scenario.scenario import Judgement, Result, Scenario, Step, StepResult

WIDTH = 100  # at most
WORDS_PER_S = 3.0  # of reading


class Log:
    """What `lab scenario run` prints. With several at a time each is printed whole, when it ends."""

    def __init__(self, at_once: bool, echo: Callable[[str], None] = typer.echo) -> None:
        self.at_once, self.echo = at_once, echo
        self.lines: list[str] = []

    def print(self, text: str = "") -> None:
        if self.at_once:
            self.echo(text)
        else:
            self.lines.append(text)

    async def opens(self, scenario: Scenario, variant: str, lab: str, versions: tuple[str, ...]) -> None:
        self.print(f"{scenario.name}{f' ({variant})' if variant else ''}: {scenario.title}")

    async def before(self, number: int, step: Step) -> None:
        if step.action:
            self.print(f"  {number}. {step.action}")

    async def did(self, output: str) -> None:
        if output:
            self.print(textwrap.indent(output, "     "))

    async def judged(self, judgement: Judgement) -> None:
        self.print(textwrap.indent(report.judgement(judgement), "     "))

    async def after(self, result: StepResult) -> None:
        return

    async def closes(self, result: Result) -> None:
        self.print(report.summary(result))
        if not self.at_once:
            self.echo("\n".join(self.lines))


class Lesson:
    """Explains each step and waits, by `pause`, before it is done."""

    def __init__(self, pause: Callable[[str], "asyncio.Future[None]"]) -> None:
        self.pause = pause

    async def opens(self, scenario: Scenario, variant: str, lab: str, versions: tuple[str, ...]) -> None:
        typer.secho(f"{scenario.title}\n", bold=True)
        typer.echo(wrapped(scenario.about) + "\n")
        typer.echo(f"lab {lab}, nats-server {' and '.join(versions)}{f', {variant}' if variant else ''}\n")

    async def before(self, number: int, step: Step) -> None:
        typer.secho(f"── {number} " + "─" * (width() - 6), dim=True)
        if step.say:
            typer.echo(wrapped(step.say))
        if step.action:
            typer.secho(f"\n  {report.typed(str(step.action))}", bold=True)
        await self.pause(step.say)

    async def did(self, output: str) -> None:
        if output:
            typer.echo(textwrap.indent(output, "  ") + "\n")

    async def judged(self, judgement: Judgement) -> None:
        colour = {"held": "green", "found": "green", "violated": "red", "could not tell": "yellow"}[judgement.judged]
        first, _, rest = report.judgement(judgement).partition("\n")
        typer.secho(f"  {first}", fg=colour)
        typer.echo(textwrap.indent(rest, "  "))

    async def after(self, result: StepResult) -> None:
        if result.error:
            typer.secho(f"  could not be carried out: {result.error}", fg="red")
        typer.echo("")

    async def closes(self, result: Result) -> None:
        typer.echo(report.summary(result))


def width() -> int:
    """Of the lines: those of a terminal may be shorter."""
    return min(WIDTH, max(20, shutil.get_terminal_size((WIDTH, 0)).columns))


def wrapped(text: str) -> str:
    return "\n".join(textwrap.fill(paragraph, width()) for paragraph in text.split("\n"))


async def key(_: str) -> None:
    """Until Enter. Without a terminal there is nobody to wait for. A thread that reads could not be interrupted."""
    if not sys.stdin.isatty():
        return
    typer.secho("  [Enter]", dim=True, err=True)
    loop, pressed = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        with suppress(OSError):  # the terminal was closed, of which a signal tells
            sys.stdin.readline()
            pressed.set()

    loop.add_reader(sys.stdin.fileno(), read)
    try:
        await pressed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())


def paced(pace: float) -> Callable[[str], "asyncio.Future[None]"]:
    """The time to read a text, times `pace`."""

    async def pause(text: str) -> None:
        await asyncio.sleep(pace * (1 + len(text.split()) / WORDS_PER_S))

    return pause  # type: ignore[return-value]
