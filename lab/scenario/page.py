"""A scenario as a page of documentation: its story, what a real run showed, and what people wrote about it; pure."""

from collections.abc import Sequence

from lab.scenario import report
from lab.scenario.scenario import Result, Scenario

BY_HAND = "## What to take away"


def page(scenario: Scenario, results: Sequence[Result], before: str = "") -> str:
    """The steps as they were played, with output, and one section for each variant; where nothing was played, what they
    expect. What the page as it was `before` has under the heading `BY_HAND` was written by people and stays."""
    played = [result for result in results if not result.lacking]
    own = any(variant.own for variant in scenario.variants)
    where = "a lab of its own, which is removed afterwards" if own else "the running lab, or on one of its own"
    lines = [
        f"# {scenario.name}: {scenario.title}",
        "",
        *paragraphs(scenario.about),
        "```",
        f"lab learn {scenario.name}",
        f"lab scenario run {scenario.name}",
        "```",
        "",
        f"It is played on {where}. {_layouts(scenario)}{_needs(scenario)}{_run(scenario, bool(played))}",
        "",
    ]
    for planned in () if played else scenario.steps:
        lines += report.planned_markdown(planned)
    for result in played:
        if len(played) > 1:
            lines += [f"## {result.variant}", ""]
        servers, verdict = " and ".join(result.versions), report.TITLES[result.verdict]
        lines += [f"nats-server {servers}, {result.seconds:.0f} s: **{verdict}**.", ""]
        for step in result.steps:
            lines += report.step_markdown(step)
    _, heading, by_hand = before.partition(f"\n{BY_HAND}\n")
    text = "\n".join(lines).rstrip() + "\n"
    return f"{text}\n{BY_HAND}\n\n{by_hand.strip()}\n" if heading else text


def _layouts(scenario: Scenario) -> str:
    words = ", ".join(f"`{word}`" for word in scenario.layouts)
    return f"The running lab may also have one of these layouts: {words}. " if words else ""


def _needs(scenario: Scenario) -> str:
    return f"It needs a kernel with {report.needs(scenario)}. " if scenario.needs else ""


def _run(scenario: Scenario, played: bool) -> str:
    if not played:
        return f"No run is recorded here yet: this is what its {scenario.length} form does and expects."
    return (
        f"This is a recorded run of its {scenario.length} form; your sequence numbers, leaders and times will differ."
    )


def paragraphs(text: str) -> list[str]:
    return [line for part in text.split("\n") for line in (part, "")]
