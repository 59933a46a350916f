"""The tables and lists of a report, as values that the page and the Markdown show alike."""

from collections.abc import Iterable

from lab.check.checkers import property_of
from lab.check.figures import Figures
from lab.check.findings import Example, Finding, Verdict
from lab.check.history import History
from lab.check.report import words
from lab.html.table import Cell, Table
from lab.topology import DEFAULT_NAME
from lab.verdict import worst

WHOLE = "whole lab"


def environment(history: History, figures: Figures) -> list[str]:
    run, topology = history.run, history.run.topology
    return [
        f"NATS {run.nats}",
        f"{len(topology.nodes)} servers in {len(topology.regions)} regions",
        f"layout {topology.layout}",
        f"seed {run.seed}",
        f"{words.seconds(figures.time.end)}",
        *([] if run.ended == "complete" else [f"ended: {run.ended}"]),
        run.began[:19].replace("T", " ") + " UTC",
    ]


def property_table(history: History, verdict: Verdict) -> Table:
    """A row for each property, a column for each region; what is about the whole lab has its own column."""
    regions = history.run.topology.regions
    grouped = words.by_property(verdict.findings)
    whole = any(_region(history, finding.place) is None for finding in verdict.findings)
    rows = []
    for property_, findings in grouped.items():
        row: list[Cell | str] = [
            Cell(f"{property_} {property_of(property_).name}", more=property_of(property_).meaning)
        ]
        for region in (*regions, *([None] if whole else [])):
            row.append(_summary(verdict, [each for each in findings if _region(history, each.place) == region]))
        rows.append(tuple(row))
    return Table(("property", *regions, *([WHOLE] if whole else [])), tuple(rows), left=tuple(range(len(regions) + 2)))


def _region(history: History, place: str) -> str | None:
    """The region of a finding's place, which may be a region, one of its streams or one of its nodes."""
    topology = history.run.topology
    first = place.partition(" ")[0]  # some say more: `west durable`
    for region in topology.regions:
        nodes = {node.name for node in topology.region_nodes(region)}
        streams = {stream.key for stream in history.run.layout.streams_in(region)}
        if first in {region} | nodes | streams:
            return region
    return None


def _summary(verdict: Verdict, findings: list[Finding]) -> Cell | str:
    if not findings:
        return ""
    validity = worst(finding.validity for finding in findings)
    checked, violations = (sum(getattr(finding, name) for finding in findings) for name in ("checked", "violations"))
    text = f"{violations:,} of {checked:,}" if validity == "violated" else f"{checked:,}" if checked else ""
    shown = next(finding for finding in findings if finding.validity == validity)
    return Cell(text, validity, " ".join(finding.sentence for finding in findings), anchor(verdict, shown))


def anchor(verdict: Verdict, finding: Finding) -> str:
    """Where the page tells of a finding; two may be about the same place."""
    return f"{finding.property}-{verdict.findings.index(finding) + 1}"


def fault_table(history: History, figures: Figures) -> Table:
    """The faults as they went, and after how long each region had everything from before the heal."""
    readers = [fates.region for fates in figures.fates if not fates.problem]
    recoveries = {recovery.fault: recovery for recovery in figures.recoveries}
    rows = []
    for fault in history.faults:
        recovery = recoveries.get(fault.id)
        caught: list[Cell | str] = []
        for reader in readers:
            if recovery is None:
                caught.append("–")
                continue
            taken = recovery.region(reader)
            also = f"meanwhile also in force: {words.listed(recovery.during)}" if recovery.during else ""
            missing = sum(number for (_, to), number in recovery.missing.items() if to == reader)
            text = f"never ({missing:,} missing)" if taken is None else words.seconds(taken)
            caught.append(Cell(text + (" *" if recovery.during else ""), None, also))
        proof = Cell(fault.evidence or fault.error or "", "valid" if fault.proven else "unknown")
        rows.append((f"{fault.id} {fault.what}", words.at(fault.began), words.duration(fault), *caught, proof))
    head = ("fault", "began", "lasted", *(f"{reader} caught up" for reader in readers), "proof")
    overlapping = any(recovery.during for recovery in figures.recoveries)
    note = "* while another fault was in force" if overlapping else ""
    return Table(head, tuple(rows), note, left=(0, len(head) - 1))


def faults_named(history: History, ids: Iterable[str]) -> str:
    what = {fault.id: fault.what for fault in history.faults}
    return words.listed(f"{id_} ({what.get(id_, 'not known')})" for id_ in ids) or "none"


def told(example: Example, finding: Finding) -> tuple[str, list[str]]:
    """An example's sentence and the course of its message, without what the finding has said already and without the
    faults in force, which have a line of their own."""
    story, *course = example.story.splitlines() or [""]
    course = [line for line in course if not line.startswith(("no fault then", "in force then"))]
    return ("" if story == finding.sentence else story), course


def fate_table(figures: Figures) -> Table:
    kinds = [kind for kind in figures.fates[0].counts if any(fates.counts[kind] for fates in figures.fates)]
    foreign = any(fates.foreign for fates in figures.fates)
    rows = []
    for fates in figures.fates:
        numbers = [words.count(fates.counts[kind]) for kind in kinds]
        rows.append((f"as read in {fates.region}", *numbers, *([words.count(fates.foreign)] if foreign else [])))
    return Table(("publishes", *kinds, *(["rows nobody published"] if foreign else [])), tuple(rows))


def order_table(figures: Figures) -> Table:
    rows = [
        (
            f"{pair.one} and {pair.other}",
            words.count(pair.common),
            Cell(
                words.percent(pair.share),
                note=f"{pair.pairs:,} pairs" + (f" of one message in {pair.every}" if pair.every > 1 else ""),
            ),
        )
        for pair in figures.disorder
    ]
    return Table(("regions", "messages in both", "pairs in different order"), tuple(rows))


def availability_table(history: History, figures: Figures) -> Table:
    """How many probes of each operation worked, while no fault was in force and while one was."""
    availability = figures.availability
    counts: dict[tuple[str, str, bool], list[int]] = {}
    unexpected: dict[str, int] = {}
    for cell in availability.cells:
        calm = not availability.stretches[cell.stretch].faults
        unexpected[cell.operation] = unexpected.get(cell.operation, 0) + cell.unexpected
        ok, all_ = counts.setdefault((cell.operation, cell.region, calm), [0, 0])
        counts[cell.operation, cell.region, calm] = [ok + cell.ok, all_ + cell.ok + cell.failed + cell.unknown]
    regions = history.run.topology.regions
    rows = []
    for operation in availability.operations:
        row = [operation.replace("-", " ")]
        for region in regions:
            for calm in (True, False):
                ok, all_ = counts.get((operation, region, calm), [0, 0])
                row.append(f"{ok:,} of {all_:,}" if all_ else "–")
        rows.append((*row, words.count(unexpected[operation])))
    head = [f"{region}, {when}" for region in regions for when in ("calm", "faults")]
    return Table(("worked", *head, "unexpected"), tuple(rows))


def reproduce(history: History) -> list[str]:
    """The commands that do it again; the run's own `repro.txt` says more."""
    run = history.run
    name = "" if run.topology.name == DEFAULT_NAME else f" --name {run.topology.name}"
    return [
        "# the same faults at the same times",
        f"lab up{name} --nats {run.nats}",
        f"lab check{name} --replay {run.id}",
        "# the verdict again, from what is stored; needs no lab",
        f"lab check --judge {run.id}",
    ]
