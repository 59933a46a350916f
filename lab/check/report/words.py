"""How a report says things: numbers, times, the verdict in a sentence."""

import math
from collections.abc import Iterable

from lab.check.checkers import property_of
from lab.check.figures import Figures
from lab.check.figures.messages import DUPLICATE, EXPIRED, FATES, LOST, PHANTOM
from lab.check.findings import Finding, Verdict
from lab.check.history import SECOND, FaultRecord, History
from lab.units import several as several
from lab.verdict import Validity

EXPLAINED: dict[Validity, str] = {
    "valid": "Every property that was checked held in this run.",
    "unknown": "The run does not prove enough to say yes or no.",
    "violated": "At least one promise was broken, and the run shows where.",
}

# What a violated property may say in the headline: the fate that is counted, and how it is told.
DAMAGE = (
    ("P2a", LOST, "was lost in", "were lost in"),
    ("P2a", EXPIRED, "expired before it reached", "expired before they reached"),
    ("P2b", DUPLICATE, "is twice in", "are twice in"),
    ("P3", PHANTOM, "was refused and is yet in", "were refused and are yet in"),
)


def count(value: int) -> str:
    return f"{value:,}"


def seconds(value: float | None) -> str:
    """A duration as a person reads it: `3.2 ms`, `480 ms`, `8.1 s`, `130 s`; `never` for None, `–` for NaN."""
    if value is None:
        return "never"
    if math.isnan(value):
        return "–"
    if value < 0.00005:
        return "at once"
    if value < 0.0095:
        return f"{value * 1000:.1f} ms"
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 99.95 else f"{value:,.0f} s"


def at(nanoseconds: int | None) -> str:
    """A time since the run began."""
    return "–" if nanoseconds is None else f"{nanoseconds / SECOND:.1f} s"


def percent(share: float) -> str:
    if math.isnan(share):
        return "–"
    return "0 %" if share == 0 else f"{share * 100:.2g} %" if share < 0.1 else f"{share * 100:.0f} %"


def listed(words: Iterable[str]) -> str:
    *head, last = list(words) or [""]
    return f"{', '.join(head)} and {last}" if head else last


def duration(fault: FaultRecord) -> str:
    if fault.healed is None:
        return "never healed"
    return seconds((fault.healed - fault.began) / SECOND)


def headline(history: History, verdict: Verdict, figures: Figures) -> str:
    """The whole run in one sentence."""
    size = f"{several(figures.counts.acknowledged, 'message')}, {several(figures.counts.faults, 'fault')}"
    if verdict.validity == "valid":
        return f"{_promise(verdict)}: {size}."
    if verdict.validity == "violated":
        return f"{_damage(verdict, figures)}."
    if not figures.counts.published and not history.damage:
        return "It cannot be told: nothing was published."
    reason = next((finding.sentence for finding in verdict.findings if finding.validity == "unknown"), "")
    return f"It cannot be told{f': {reason}' if reason else ''}".rstrip(".") + "."


def _promise(verdict: Verdict) -> str:
    held = {finding.property for finding in verdict.findings if finding.validity == "valid" and finding.checked}
    said = {"P2a": "nothing was lost", "P2b": "nothing came twice", "P6": "every region agrees"}
    parts = [words for property_, words in said.items() if property_ in held]
    text = ", ".join(parts) or "everything that was checked held"
    return text[0].upper() + text[1:]


def _damage(verdict: Verdict, figures: Figures) -> str:
    violated = [finding for finding in verdict.findings if finding.validity == "violated"]
    properties = {finding.property for finding in violated}
    parts = []
    for property_, fate, *verbs in DAMAGE:
        where = {fates.region: fates.counts[FATES[fate]] for fates in figures.fates if fates.counts[FATES[fate]]}
        if property_ in properties and where:
            parts.append(_where(where, *verbs))
    if not parts:
        return _broken(violated[0]) if violated else "A promise was broken"
    counts = figures.counts
    return f"{listed(parts)}, out of {count(counts.acknowledged)} and with {several(counts.faults, 'fault')}"


def _broken(finding: Finding) -> str:
    place = f" for {finding.place}" if finding.place else ""
    return f"“{property_of(finding.property).name}” does not hold{place}: {finding.sentence.rstrip('.')}"


def _where(counts: dict[str, int], one: str, many: str) -> str:
    """`12 messages were lost in west`, with the worst region's number when there are several."""
    most = max(counts.values())
    among = "" if len(set(counts.values())) == 1 else "up to "
    return f"{among}{several(most, 'message')} {one if most == 1 else many} {listed(counts)}"


def by_property(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.property, []).append(finding)
    return grouped
