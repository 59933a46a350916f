"""From a run folder to its verdict and report, without a lab: what `lab check` ends with and `--judge` repeats."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.check import folder as folders
from lab.check import store
from lab.check.findings import Finding, Verdict
from lab.check.history import FAIL, INFO, OK, History


@dataclass(frozen=True)
class Result:
    """A run that was judged."""

    folder: Path
    history: History
    verdict: Verdict

    @property
    def id(self) -> str:
        return self.folder.name


def judge(folder: Path) -> Result:
    """Load, judge, write the report into the folder. Raises `UsageError` for a folder that is no whole run."""
    from lab.check.checkers import judge as verdict_of
    from lab.check.report import documents

    history = store.load(folder)
    verdict = verdict_of(history)
    folders.write(folder, documents(history, verdict, folders.complaints(folder)))
    return Result(folder, history, verdict)


def summary(result: Result) -> str:
    """The verdict as a person reads it in a terminal: what is not valid first, then what was checked."""
    verdict, run = result.verdict, result.history.run
    lines = [f"{verdict.validity}: run {result.id}" + ("" if run.ended == "complete" else f" ({run.ended})")]
    outside = [fault.evidence for fault in result.history.faults if fault.outside]
    lines += [f"  {evidence}" for evidence in outside]
    for finding in verdict.findings:
        if finding.validity == "violated":
            lines.append(f"  violated  {finding.property:<4} {finding.place}: {finding.sentence}")
            lines += [f"            {example.story}" for example in finding.examples[:3]]
    lines += _unknown(verdict, outside)
    lines += _valid(verdict)
    lines += _client(result.history, verdict)
    publishes = result.history.publishes
    counts = [int((publishes["outcome"] == outcome).sum()) for outcome in (OK, FAIL, INFO)]
    faults = result.history.own_faults
    proven = sum(fault.proven for fault in faults)
    rows = sum(len(read.rows) for read in result.history.reads.values())
    lines.append(
        f"{counts[0]:,} publishes acknowledged, {counts[1]:,} failed, {counts[2]:,} unknown; "
        f"{rows:,} messages read back; {proven} of {len(faults)} faults proven; seed {run.seed}"
    )
    return "\n".join(lines)


def _client(history: History, verdict: Verdict) -> list[str]:
    """How long a client was silent, also where that is no violation."""
    if history.client is None:
        return []
    silences = (each for each in verdict.findings if (each.property, each.validity) == ("C5", "valid"))
    told = (f"            {each.place}: {each.sentence}" for each in silences)
    return [f"  client    {history.client.client}", *told]


def _unknown(verdict: Verdict, said: Sequence[str]) -> list[str]:
    """What cannot be told: what has one reason is one line."""
    reasons: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        if finding.validity == "unknown" and finding.sentence not in said:
            reasons.setdefault(finding.sentence, []).append(finding)
    lines = []
    for sentence, findings in reasons.items():
        names = ", ".join(dict.fromkeys(finding.property for finding in findings))
        places = ", ".join(dict.fromkeys(finding.place for finding in findings if finding.place not in sentence))
        lines.append(f"  unknown   {names:<4} {places}: {sentence}" if places else f"  unknown   {names:<4} {sentence}")
    return lines


def _valid(verdict: Verdict) -> list[str]:
    """What held, in one line; by place where it did not hold everywhere."""
    elsewhere = {finding.property for finding in verdict.findings if finding.validity != "valid"}
    places: dict[str, list[str]] = {}
    for finding in verdict.findings:
        if finding.validity == "valid":
            places.setdefault(finding.property, []).append(finding.place)
    names = sorted(places, key=lambda name: (name[0], int("".join(c for c in name if c.isdigit()) or 0), name))
    everywhere = [name for name in names if name not in elsewhere]
    lines = [f"  valid     {', '.join(everywhere)}"] if everywhere else []
    return lines + [f"  valid     {name:<4} only {', '.join(places[name])}" for name in names if name in elsewhere]
