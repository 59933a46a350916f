"""Plays a scenario on a lab: each step, each expectation, and in the end, whatever happened, the lab is healed."""

import asyncio
import time
from dataclasses import replace
from typing import Protocol

from lab.errors import LabError, NotReady
from lab.faults.registry import present
from lab.observe import availability, ready
from lab.progress import silently
from lab.scenario import actions as act
from lab.scenario import perform, traffic
from lab.scenario.conditions import applies
from lab.scenario.context import Context
from lab.scenario.expectations.outcomes import Published
from lab.scenario.observations import observe, versions
from lab.scenario.scenario import Expected, Judgement, Result, Scenario, Step, StepResult, Variant, When
from lab.units import several
from lab.verdict import Judged

HEALTHY_S = 240.0
POLL_S = 0.2


class Audience(Protocol):
    """Whom a scenario is played to: a learner, an audience, a log. `before` returns when the step may go on."""

    async def opens(self, scenario: Scenario, variant: str, lab: str, versions: tuple[str, ...]) -> None: ...
    async def before(self, number: int, step: Step) -> None: ...
    async def did(self, output: str) -> None: ...
    async def judged(self, judgement: Judgement) -> None: ...
    async def after(self, result: StepResult) -> None: ...
    async def closes(self, result: Result) -> None: ...


async def play(
    scenario: Scenario, variant: Variant, context: Context, audience: Audience, keep: bool = True, as_of: str = ""
) -> Result:
    """Play it, heal and tidy up. Without `keep` the lab is thrown away afterwards, so only the steps matter.

    `as_of`: what depends on the version is done and expected as of this one, whatever runs.

    Never raises for what the servers do; a step that could not be carried out ends the scenario and the result says so.
    """
    began = time.monotonic()
    player = _Player(scenario, variant, context, audience, as_of)
    left = ""
    try:
        await player.begin()
    except LabError as error:  # nothing was done yet, so there is nothing to undo
        broken = error.message
    else:
        try:
            broken = await player.play()
        except BaseException:
            await asyncio.shield(_leave(context, keep))
            raise
        left = await asyncio.shield(_clean(context, keep))
    result = Result(
        scenario.name,
        variant.name,
        context.topology.name,
        player.running,
        scenario.length,
        tuple(player.results),
        round(time.monotonic() - began, 1),
        broken or left,
        scenario.title,
    )
    await audience.closes(result)
    return result


async def _clean(context: Context, keep: bool) -> str:
    """Heal, wait until healthy, take away what was made. Returns what went wrong, "" for nothing."""
    try:
        await _heal(context, keep)
        if keep:
            await ready.until_healthy(context.lab.engine, await context.look(), HEALTHY_S, silently)
            await perform.tidy(context)
    except LabError as error:
        return f"the lab could not be healed at the end: {error.message}"
    return ""


async def _leave(context: Context, keep: bool) -> None:
    """Heal at once, and take away what was made as far as the servers let it: who interrupts does not want to wait."""
    await _heal(context, keep)
    if keep:
        await context.look()
        await perform.tidy(context)


async def _heal(context: Context, keep: bool) -> None:
    for background in context.traffic.values():
        await traffic.stop(background)
    if not keep:
        return

    try:
        await asyncio.to_thread(context.lab.heal)
    except LabError:  # Ctrl-C reaches Docker's own client too, and a command of it may just have ended half-way
        await asyncio.sleep(1)
        await asyncio.to_thread(context.lab.heal)


class _Player:
    def __init__(self, scenario: Scenario, variant: Variant, context: Context, audience: Audience, as_of: str) -> None:
        self.as_of = as_of
        self.scenario, self.variant, self.context, self.audience = scenario, variant, context, audience
        self.results: list[StepResult] = []
        self.running: tuple[str, ...] = ()  # every version that was seen
        self.now: tuple[str, ...] = ()

    async def begin(self) -> None:
        """A healthy lab without faults, or nothing that follows means anything. Raises `LabError`."""
        context = self.context
        now = present(await context.look())
        if now:
            raise LabError(f"{several(len(now), 'fault')} in force already", "`lab heal` undoes them")
        await ready.until_healthy(context.lab.engine, context.observation, HEALTHY_S, context.lab.say)
        await context.remember_beginnings()
        await availability.prepare_all(context.observation)
        await self.ask_versions()

    async def ask_versions(self) -> None:
        names = tuple(node.name for node in self.context.observation.running_nodes())
        found = {version for version in (await versions(self.context, names)).values() if version}
        self.running = tuple(sorted(found | set(self.running)))
        self.now = tuple(sorted(found)) or self.running

    def applies(self, when: When) -> bool:
        now = (self.as_of,) if self.as_of else self.now
        return applies(when, now, self.context.topology.layout, self.variant.name, self.scenario.length)

    async def play(self) -> str:
        """All steps; returns why it was broken off, "" when it was played to its end."""
        try:
            await self.audience.opens(self.scenario, self.variant.name, self.context.topology.name, self.running)
            broken = await self.steps()
            if not broken:
                await perform.require_own_faults(self.context)
        except LabError as error:
            return error.message
        return broken

    async def steps(self) -> str:
        """Every step that applies; ends early, with the reason, when one could not be carried out."""
        for number, step in enumerate((s for s in self.scenario.steps if self.applies(s.when)), 1):
            if step.action:
                step = replace(step, action=perform.named(step.action, self.context))
            await self.audience.before(number, step)
            result = await self.step(number, step)
            self.results.append(result)
            await self.audience.after(result)
            if result.error:
                return f"step {number} could not be carried out: {result.error}"
        return ""

    async def step(self, number: int, step: Step) -> StepResult:
        began = time.monotonic()
        output = error = ""
        judgements: list[Judgement] = []
        try:
            if step.action:
                output = await perform.perform(step.action, self.context)
                await self.audience.did(output)
            if isinstance(step.action, act.Upgrade):
                await self.ask_versions()
            for expected in self.expected(step):
                if self.applies(expected.when):
                    judgement = await judge(expected, self.context)
                    judgements.append(judgement)
                    await self.audience.judged(judgement)
        except NotReady as problem:
            error = problem.message.partition("\n")[0]
        except LabError as problem:
            error = problem.message
        shown = str(step.action) if step.action else ""
        seconds = round(time.monotonic() - began, 2)
        return StepResult(number, step.say, shown, output, tuple(judgements), seconds, error)

    def expected(self, step: Step) -> tuple[Expected, ...]:
        """What a publish means goes without saying: that it is acknowledged."""
        told = any(isinstance(expected.expectation, Published) for expected in step.expect)
        if isinstance(step.action, act.Publish) and not told:
            return (Expected(Published(messages=(act.MessageRef(self.context.latest),))), *step.expect)
        return step.expect


async def judge(expected: Expected, context: Context) -> Judgement:
    """Look until it holds or the time is over; with `throughout`, as long as it holds."""
    wanted, began = expected.expectation, time.monotonic()
    while True:
        judged, seen = wanted.judge(await observe(wanted, context))
        passed = time.monotonic() - began
        if judged == "held" and passed >= wanted.throughout:
            break
        if judged != "held" and (wanted.throughout or passed >= wanted.within):
            break
        await asyncio.sleep(POLL_S)
    judgement = Judgement(judged, str(wanted), seen, round(passed, 1), expected.finding)
    return turned(judgement) if expected.finding else judgement


def turned(judgement: Judgement) -> Judgement:
    """An expectation that is expected to be violated: then that is found; if it holds, the scenario shows nothing."""
    turns: dict[Judged, Judged] = {"violated": "found", "held": "violated", "could not tell": "could not tell"}
    seen = f"it holds, which it should not: {judgement.seen}" if judgement.judged == "held" else judgement.seen
    return replace(judgement, judged=turns[judgement.judged], seen=seen)
