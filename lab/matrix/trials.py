"""One test on one version: a fresh lab, a scenario or a check on it, and what came of that."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab import verdict as verdicts
from lab.api import Lab
from lab.errors import LabError, UsageError
from lab.matrix.values import Outcome, worst
from lab.scenario import labs
from lab.scenario.actions import Upgrade
from lab.scenario.player import Audience, play
from lab.scenario.scenario import Result, Scenario, Variant, not_played
from lab.topology import Topology
from lab.verdict import VALIDITY, WORDS

if TYPE_CHECKING:
    from lab.check.schedule import Schedule

CHECK = "check"


@dataclass(frozen=True)
class Trials:
    """Where tests run, and how. `lab`'s name begins the labs' names, `base` what a check's lab is like."""

    lab: Lab
    base: Topology
    audience: Callable[[], Audience]
    schedule: "Callable[[Topology], Schedule]"
    repeat: int = 1

    async def on(self, test: Scenario | None, version: str, judged_as: str = "") -> Outcome:
        """The test on a version, as often as wanted; the worst outcome. None is the check.

        `judged_as`: a scenario is judged by what it expects of that version, whatever runs.
        """
        outcomes = []
        for _ in range(self.repeat):
            trial = self._check(version) if test is None else self._scenario(test, version, judged_as)
            outcomes.append(await trial)
        return worst(outcomes)

    async def _scenario(self, scenario: Scenario, version: str, judged_as: str) -> Outcome:
        began = time.monotonic()
        lacking = labs.lacking(self.lab, scenario)
        if lacking:
            return _of_results(scenario.name, version, [not_played(scenario, scenario.variants[0], lacking)], 0)
        results = []
        for variant in moving(scenario):
            wanted = replace(variant.topology, nats=version)
            try:
                topology = labs.free_topology(self.lab.engine, wanted, self.lab.name, scenario.name, version, set())
                async with labs.own(self.lab.engine, self.lab.root, topology, self.lab.say) as context:
                    results.append(await play(scenario, variant, context, self.audience(), keep=False, as_of=judged_as))
            except LabError as error:
                return _broken(scenario.name, version, began, error)
        return _of_results(scenario.name, version, results, time.monotonic() - began)

    async def _check(self, version: str) -> Outcome:
        from lab.check import judging
        from lab.check.run import run_check

        began = time.monotonic()
        try:
            wanted = replace(self.base, nats=version)
            topology = labs.free_topology(self.lab.engine, wanted, self.lab.name, CHECK, version, set())
            async with labs.own(self.lab.engine, self.lab.root, topology, self.lab.say) as context:
                folder = await run_check(context.lab, self.schedule(topology))
        except LabError as error:
            return _broken(CHECK, version, began, error)
        result = judging.judge(folder)
        if result.history.run.ended == "interrupted":
            raise KeyboardInterrupt
        told = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        violated = dict.fromkeys(
            finding.property for finding in result.verdict.findings if finding.validity == "violated"
        )
        counts = told["figures"]["counts"]
        figures = [("acknowledged", f"{counts['acknowledged']:,}"), ("faults proven", str(counts["proven"]))]
        figures += [("violated", " ".join(violated))] if violated else []
        verdict = WORDS[result.verdict.validity]
        took = time.monotonic() - began
        return Outcome(CHECK, version, verdict, told["sentence"], took, 0, tuple(figures), str(folder))


def moving(scenario: Scenario) -> tuple[Variant, ...]:
    """The variants that differ in more than the version. Raises `UsageError` when the scenario is about an upgrade."""
    if any(isinstance(step.action, Upgrade) for step in scenario.steps):
        raise UsageError(
            f"`{scenario.name}` says itself which versions it runs on", f"`lab scenario run {scenario.name}` plays it"
        )
    first: dict[Topology, Variant] = {}
    for variant in scenario.variants:
        first.setdefault(replace(variant.topology, nats=""), variant)
    return tuple(first.values())


def _broken(test: str, version: str, began: float, error: LabError) -> Outcome:
    return Outcome(test, version, "could not tell", error.message.partition("\n")[0], time.monotonic() - began)


def _of_results(name: str, version: str, results: list[Result], seconds: float) -> Outcome:
    judgements = [one for result in results for step in result.steps for one in step.judgements]
    verdict = WORDS[verdicts.worst(VALIDITY[result.verdict] for result in results)]
    found = [one for one in judgements if one.judged == "found"]
    telling = next((one for one in judgements if one.judged == verdict and verdict != "held"), None)
    telling = telling or next(iter(found), None)
    broken = next((result.broken for result in results if result.broken), "")
    sentence = f"{telling.expected}: {telling.seen}" if telling else broken or "all was as expected"
    return Outcome(
        name,
        version,
        verdict,
        sentence,
        seconds,
        len(found),
        (("expectations", f"{sum(one.judged in ('held', 'found') for one in judgements)} of {len(judgements)}"),),
    )
