"""A scenario as a page of documentation: its story, and what a real run of it showed; pure."""

from collections.abc import Sequence

from lab.scenario import report
from lab.scenario.values import Result, Scenario


def page(scenario: Scenario, results: Sequence[Result]) -> str:
    """The steps as they were played, with output; one section for each variant."""
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
        f"It is played on {where}. What follows is a recorded run of its {scenario.length} form; sequence numbers, "
        "leaders and times will differ for you.",
        "",
    ]
    for result in results:
        if len(results) > 1:
            lines += [f"## {result.variant}", ""]
        servers, verdict = " and ".join(result.versions), report.TITLES[result.verdict]
        lines += [f"nats-server {servers}, {result.seconds:.0f} s: **{verdict}**.", ""]
        for step in result.steps:
            lines += report.step_markdown(step)
    return "\n".join(lines).rstrip() + "\n"


def paragraphs(text: str) -> list[str]:
    return [line for part in text.split("\n") for line in (part, "")]
