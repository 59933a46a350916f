"""`report.md`: the report for a step summary of a continuous integration, and for a terminal."""

from collections.abc import Sequence

from lab.check.figures import Figures
from lab.check.history import History
from lab.check.report import logs, words
from lab.check.report.sections import environment, fate_table, fault_table, faults_named, property_table, reproduce
from lab.check.report.table import literal, markdown
from lab.check.verdict import Verdict


def report(history: History, verdict: Verdict, figures: Figures, said: Sequence[logs.Line]) -> str:
    symbol = words.SYMBOLS[verdict.validity]
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
    if not findings:
        return []
    parts = ["## What was found\n"]
    for finding in findings:
        place = f", {finding.place}" if finding.place else ""
        parts.append(
            f"### {words.SYMBOLS[finding.validity]} {finding.property}{literal(place)}\n\n{literal(finding.sentence)}\n"
        )
        for example in finding.examples:
            faults = faults_named(history, example.faults)
            lead = " ".join(filter(None, (words.at(example.time), literal(example.message))))
            parts.append(f"- {lead}: {literal(example.story)} (in force: {literal(faults)})")
            lines = logs.around(said, example.time)
            parts += [f"  - {line.time:.1f} s {line.node}: {literal(line.text)}" for line in lines[:2]]
        parts.append("")
    return parts
