"""What the checkers found, in words, with examples and what the servers wrote in their logs at the time."""

from collections.abc import Sequence

from lab.check.checkers import property_of
from lab.check.findings import Example, Finding, Verdict
from lab.check.history import History
from lab.check.report import logs, sections, words
from lab.html.markup import escape, tag
from lab.verdict import SYMBOLS

KINDS = 25  # of complaints shown


def found(history: History, verdict: Verdict, said: Sequence[logs.Line]) -> str:
    wrong = [finding for finding in verdict.findings if finding.validity != "valid"]
    right = [finding for finding in verdict.findings if finding.validity == "valid"]
    shown = [finding for finding in wrong if finding.examples or finding.validity == "violated"]
    rest = [finding for finding in wrong if finding not in shown]
    how = "The first cases of each, with the faults in force and what the servers wrote in their logs at the time."
    parts = [tag("h2", "What was found")]
    parts.append(tag("p", (how if shown else "") if wrong else "Nothing was found to be wrong.", class_="how"))
    parts += [_finding(history, verdict, finding, said) for finding in shown]
    if rest:
        parts.append(tag("h3", "What cannot be told") + tag("ul", "".join(_line(verdict, finding) for finding in rest)))
    if right:
        summary = tag("summary", f"What held, in words ({len(right)})")
        parts.append(tag("details", summary + tag("ul", "".join(_line(verdict, finding) for finding in right))))
    return tag("section", "".join(parts), id="found")


def _line(verdict: Verdict, finding: Finding) -> str:
    place = f" {escape(finding.place)}" if finding.place else ""
    lead = tag("b", f"{escape(finding.property)} {escape(property_of(finding.property).name)}{place}")
    return tag("li", f"{lead}: {escape(finding.sentence)}", id=sections.anchor(verdict, finding))


def _finding(history: History, verdict: Verdict, finding: Finding, said: Sequence[logs.Line]) -> str:
    place = f", {escape(finding.place)}" if finding.place else ""
    mark = tag("span", tag("span", SYMBOLS[finding.validity], class_="mark"), class_=finding.validity)
    name = f"{mark} {escape(finding.property)} {escape(property_of(finding.property).name)}{place}"
    shown: set[tuple[logs.Line, ...]] = set()
    examples = ""
    for example in finding.examples:
        near = logs.around(said, example.time)
        examples += _example(history, example, finding, () if near in shown else near)
        shown.add(near)
    meaning = tag("p", escape(property_of(finding.property).meaning), class_="how")
    return (
        tag("h3", name, id=sections.anchor(verdict, finding)) + meaning + tag("p", escape(finding.sentence)) + examples
    )


def _example(history: History, example: Example, finding: Finding, near: Sequence[logs.Line]) -> str:
    when = f"at {words.at(example.time)}" if example.time is not None else ""
    story, course = sections.told(example, finding)
    name = tag("span", escape(example.message), class_="id mono") if example.message else ""
    lines = [f"{line.time:9.2f} s  {line.node:<12} {line.text}" for line in near]
    parts = [
        tag("p", " ".join(filter(None, (name, escape(when))))) if name or when else "",
        tag("p", escape(story)) if story else "",
        tag("pre", escape("\n".join(course))) if course else "",
        tag("p", escape(f"Faults in force: {sections.faults_named(history, example.faults)}"), class_="how"),
        tag("pre", escape("\n".join(lines))) if lines else "",
    ]
    return tag("div", "".join(parts), class_=f"case {finding.validity}")


def servers(said: Sequence[logs.Line]) -> str:
    heading = tag("h2", "What the servers wrote")
    if not said:
        return tag("section", heading + tag("p", "No warning and no error in their logs.", class_="how"), id="servers")
    kinds = logs.complaints(said)
    how = "Warnings and errors in the servers' logs, counted; lines that differ only in numbers and names are one kind."
    if len(kinds) > KINDS:
        how += f" The {len(kinds) - KINDS} rarest kinds are left out."
    rows = "\n".join(
        f"{kind.count:6,} ×  {words.several(len(kind.nodes), 'server'):10} "
        f"{kind.first:6.1f} to {kind.last:.1f} s  {kind.text}"
        for kind in kinds[:KINDS]
    )
    summary = f"{words.several(len(said), 'line')} of {words.several(len(kinds), 'kind')}"
    details = tag("details", tag("summary", summary) + tag("pre", escape(rows)))
    return tag("section", heading + tag("p", escape(how), class_="how") + details, id="servers")
