"""What came of scenarios, for people and machines: text, Markdown, JUnit, JSON; pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from lab.html import junit
from lab.scenario.scenario import Judgement, Result, Scenario, Step, StepResult
from lab.verdict import VALIDITY

WORDS = {"held": "held", "found": "found", "violated": "VIOLATED", "could not tell": "could not tell"}
TITLES = {"held": "all held", "violated": "VIOLATED", "could not tell": "could not tell"}
NOT_PLAYED = "not played"
INDENT = " " * 4
COMMANDS = ("lab ", "nats ", "sleep ")


def name(result: Result) -> str:
    return f"{result.scenario} ({result.variant})" if result.variant else result.scenario


def title(result: Result) -> str:
    return NOT_PLAYED if result.lacking else TITLES[result.verdict]


def judgement(one: Judgement) -> str:
    """Two lines: what was expected, what was seen."""
    took = f" ({one.seconds:g} s)" if one.seconds >= 1 else ""
    expected = f"not so: {one.expected}" if one.finding else one.expected
    lines = [f"{WORDS[one.judged]}: {expected}{took}", f"{INDENT}seen: {one.seen}"]
    if one.judged == "found":
        lines.append(f"{INDENT}that is: {one.finding}")
    return "\n".join(lines)


def summary(result: Result) -> str:
    """One line."""
    if result.lacking:
        return f"{name(result)}: {NOT_PLAYED}: {result.broken}"
    judged = [one.judged for step in result.steps for one in step.judgements]
    counts = ", ".join(f"{judged.count(kind)} {WORDS[kind]}" for kind in WORDS if kind in judged)
    on = f"{result.lab}, nats-server {' and '.join(result.versions) or '?'}"
    counts = counts or "nothing was looked at"
    line = f"{name(result)}: {title(result)} ({counts}; {result.seconds:.0f} s on {on})"
    return line + (f"\n{INDENT}{result.broken}" if result.broken else "")


def as_json(results: Sequence[Result], plain: Any, exit_code: int) -> dict[str, Any]:
    """The document of `lab scenario run --json`; `plain` turns a dataclass into what JSON has."""
    rows = [{"verdict": result.verdict, **plain(result)} for result in results]
    return {"exit_code": exit_code, "results": rows}


def markdown(results: Sequence[Result]) -> str:
    """A table of all, then each with its steps; what went well is folded."""
    lines = ["## Scenarios", "", "| scenario | verdict | expectations | took | server |", "|---|---|---|---|---|"]
    for result in results:
        judged = [one for step in result.steps for one in step.judgements]
        good = sum(VALIDITY[one.judged] == "valid" for one in judged)
        server = " and ".join(result.versions)
        lines.append(
            f"| {name(result)} | {title(result)} | {good} of {len(judged)} as expected | "
            f"{result.seconds:.0f} s | {server} |"
        )
    for result in results:
        lines += [
            "",
            f"<details{'' if result.verdict == 'held' else ' open'}>",
            f"<summary>{summary_title(result)}</summary>",
        ]
        lines += [""] + ([f"**{result.broken}**", ""] if result.broken else [])
        for step in result.steps:
            lines += step_markdown(step)
        lines += ["</details>"]
    return "\n".join(lines) + "\n"


def summary_title(result: Result) -> str:
    return f"{name(result)}: {result.title or result.scenario}"


def step_markdown(step: StepResult) -> list[str]:
    """The step as a lesson: what is said, what is done, what came of it."""
    lines = [*([step.say, ""] if step.say else [])]
    if step.action:
        shown = typed(step.action) + (f"\n{step.output}" if step.output else "")
        lines += ["```", shown, "```", ""]
    if step.error:
        lines += [f"**could not be carried out**: {step.error}", ""]
    for one in step.judgements:
        expected = f"not so: {one.expected}" if one.finding else one.expected
        took = f", after {one.seconds:g} s" if one.seconds >= 1 else ""
        lines.append(f"- **{WORDS[one.judged]}**: {escaped(expected)}{took}. Seen: {escaped(one.seen)}.")
        if one.judged == "found":
            lines.append(f"  {escaped(one.finding)}")
    return [*lines, ""] if step.judgements else lines


def planned_markdown(step: Step) -> list[str]:
    """The step before it is played."""
    lines = [step.say, ""] if step.say else []
    lines += ["```", typed(str(step.action)), "```", ""] if step.action else []
    lines += [f"- expected: {escaped(str(expected))}." for expected in step.expect]
    return [*lines, ""] if step.expect else lines


def needs(scenario: Scenario) -> str:
    return f"{' and '.join(f'`{feature}`' for feature in scenario.needs)}, which `lab doctor` looks for"


def typed(action: str) -> str:
    """With a prompt when it is what one could type."""
    return f"$ {action}" if action.startswith(COMMANDS) else f"({action})"


def escaped(text: str) -> str:
    """Text as Markdown shows it, in a cell of a table too."""
    return text.replace("|", "\\|").replace("<", "&lt;").rstrip(".")


def junit_xml(results: Sequence[Result]) -> str:
    """One case for each expectation; what could not be told counts as skipped."""
    return junit.document("lab scenarios", tuple(case for result in results for case in _cases(result)))


def _cases(result: Result) -> Iterable[junit.Case]:
    for step in result.steps:
        for number, one in enumerate(step.judgements, 1):
            yield junit.Case(
                f"step {step.number}.{number}: {one.expected}",
                name(result),
                VALIDITY[one.judged],
                one.seconds,
                f"{WORDS[one.judged]}: {one.seen}",
            )
    if result.broken:
        yield junit.Case("played to its end", name(result), "unknown", result.seconds, result.broken)


def outline(scenario: Scenario) -> str:
    """The scenario as it stands in the file, for `lab scenario show`."""
    lines = [f"{scenario.name}: {scenario.title}", "", scenario.about, ""]
    lines += [f"also for layouts {', '.join(scenario.layouts)}"] if scenario.layouts else []
    lines += [f"needs a kernel with {needs(scenario)}"] if scenario.needs else []
    for variant in scenario.variants:
        if variant.own:
            topology = variant.topology
            lab = f"nats-server {topology.nats}, layout {topology.layout}, max_age {topology.max_age}"
            lines.append(f"runs on a lab of its own{f' ({variant.name})' if variant.name else ''}: {lab}")
    for number, step in enumerate(scenario.steps, 1):
        condition = f" [{step.when}]" if str(step.when) else ""
        lines.append(f"{number}.{condition} {step.say}".rstrip())
        lines += [f"{INDENT}{typed(str(step.action))}"] if step.action else []
        lines += [f"{INDENT}expect: {expected}" for expected in step.expect]
    return "\n".join(lines)
