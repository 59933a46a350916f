"""`report.md`: the report for a step summary of a continuous integration, and for a terminal."""

from collections.abc import Sequence

from lab.check.checkers import property_of
from lab.check.figures import Figures
from lab.check.findings import Verdict
from lab.check.history import History
from lab.check.report import logs, words
from lab.check.report.sections import (
    environment,
    fate_table,
    fault_table,
    faults_named,
    property_table,
    reproduce,
    told,
)
from lab.html.table import literal, markdown
from lab.verdict import SYMBOLS

EXAMPLES, LINES = 2, 2  # of a finding, of the servers


def report(history: History, verdict: Verdict, figures: Figures, said: Sequence[logs.Line]) -> str:
    symbol = SYMBOLS[verdict.validity]
    parts = [f"# {symbol} {literal(words.headline(history, verdict, figures))}\n"]
    parts.append(f"{words.EXPLAINED[verdict.validity]} {literal(' · '.join(environment(history, figures)))}\n")
    if verdict.findings:
        parts.append("## What was checked\n\n" + markdown(property_table(history, verdict)))
    if history.faults:
        parts.append("## Faults\n\n" + markdown(fault_table(history, figures)))
    if figures.fates:
        parts.append("## The fate of every message\n\n" + markdown(fate_table(figures)))
    parts += _examples(history, verdict, said)
    if verdict.not_tested:
        parts.append("## Not tested\n\n" + "".join(f"- {literal(text)}\n" for text in verdict.not_tested))
    parts.append("## Again\n\n```\n" + "\n".join(reproduce(history)) + "\n```\n")
    return "\n".join(parts)


def _examples(history: History, verdict: Verdict, said: Sequence[logs.Line]) -> list[str]:
    findings = [finding for finding in verdict.findings if finding.validity != "valid"]
    parts = ["## What was found\n"] if findings else []
    for finding in findings:
        name = " ".join(filter(None, (finding.property, property_of(finding.property).name, finding.place)))
        parts.append(f"- {SYMBOLS[finding.validity]} **{literal(name)}**: {literal(finding.sentence)}")
        for example in finding.examples[:EXAMPLES]:
            story, course = told(example, finding)
            lead = ", ".join(filter(None, (words.at(example.time), example.message, story)))
            faults = faults_named(history, example.faults)
            parts.append(f"  - {literal(lead)} (faults in force: {literal(faults)})")
            parts += [f"    - {literal(line)}" for line in course]
            lines = logs.around(said, example.time)[:LINES]
            parts += [f"    - {line.time:.1f} s {literal(line.node)}: {literal(line.text)}" for line in lines]
        if len(finding.examples) > EXAMPLES:
            parts.append(f"  - and {len(finding.examples) - EXAMPLES} more in `report.html`")
    return [*parts, ""] if parts else []
