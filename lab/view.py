"""Values -> text for a terminal. Meaning is never by colour alone."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lab.docker.observation import COMPLETES
from lab.printable import printable
from lab.units import several

if TYPE_CHECKING:
    from lab.faults.fault import Fault
    from lab.faults.plan import Change
    from lab.faults.prediction import Difference, Prediction
    from lab.faults.timers import Timer
    from lab.jetstream.session import Entry
    from lab.observe.comparison import Comparison
    from lab.observe.events import Event
    from lab.observe.operations import Cell, Matrix
    from lab.observe.rtt import Pair, RoundTrips
    from lab.observe.status import LinkStatus, Snapshot, SourceStatus, StreamStatus
    from lab.topology import Topology

SHOWN = 10
STYLE = re.compile(r"\x1b\[\d+m")
BOLD, DIM, RED, YELLOW = 1, 2, 31, 33


def unstyled(text: str) -> str:
    return STYLE.sub("", text)


def _styled(style: int, text: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m"


def _table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns side by side. A cell with nothing to its right may be wider than its column; a terminal wraps lines that
    are too long for it, so nothing is cut off."""
    lines = [[_styled(DIM, name) if name else "" for name in header], *map(list, rows)]
    widths = [0] * len(header)
    for line in lines:
        while len(line) > 1 and not line[-1]:
            line.pop()
        for column, cell in enumerate(line[:-1]):
            widths[column] = max(widths[column], len(unstyled(cell)))
    drawn = []
    for *cells, last in lines:
        padded = [cell + " " * (width - len(unstyled(cell))) for cell, width in zip(cells, widths, strict=False)]
        drawn.append("  ".join([*padded, last]))
    return "\n".join([_styled(BOLD, title), *drawn])


def status(snapshot: "Snapshot") -> str:
    """The whole snapshot: faults, nodes, links, streams, sources."""
    parts = [
        f"lab {snapshot.lab}, layout {snapshot.layout}, image {snapshot.image} ({snapshot.image_origin})",
        _nodes(snapshot),
        _links(snapshot),
        streams(snapshot),
    ]
    if any(stream.sources for stream in snapshot.streams):
        parts.append(_sources(snapshot))
    last = ["faults in force:" + ("\n" if snapshot.faults else " ") + faults(snapshot.faults)]
    if snapshot.redefined:
        last.append(
            f"{_styled(YELLOW, f'not as layout `{snapshot.layout}` has them:')} {'; '.join(snapshot.redefined)}"
        )
    if snapshot.damage:
        last.append(f"{_styled(RED, 'damaged by hand:')} the lab {snapshot.damage}; {COMPLETES}")
    return "\n\n".join([*parts, "\n".join(last)])


def _nodes(snapshot: "Snapshot") -> str:
    rows = []
    for node in snapshot.nodes:
        without = ", JetStream off" if node.jetstream is False else ""
        leader = "?" if node.meta_leader is None else node.meta_leader or "none"
        rows.append(
            (
                node.name,
                node.state if node.state == "running" and not without else _styled(RED, node.state + without),
                node.version or "?",
                "itself" if leader == node.name else leader,
                f"127.0.0.1:{node.client_port}",
                f"127.0.0.1:{node.monitor_port}",
            )
        )
    header = ("node", "state", "version", "meta leader", "clients", "monitoring")
    return _table("Nodes, and the meta leader that each sees", header, rows)


def _links(snapshot: "Snapshot") -> str:
    rows: list[tuple[str, ...]] = []
    for link in snapshot.links:
        rows.append((drawn(link), link.state, "  ".join(_gateway(link, region) for region in link.regions)))
        rows += [("", f"{direction}: {shape}") for direction, shape in link.shapes.items()]
    joined = "routes" if snapshot.layout == "stretch" else "gateways"
    return _table("Links", ("", "state", f"{joined} connected, as servers report them"), rows)


def drawn(link: "LinkStatus") -> str:
    """`central ═══════ west`, broken where it is cut."""
    line = {"joined": "═══════", "cut": "══   ══"}.get(link.state, "══ ~ ══")
    one, other = link.regions
    return f"{one:>8} {line} {other:<8}"


def _gateway(link: "LinkStatus", region: str) -> str:
    up, asked = link.gateways[region]
    return f"{region}→{link.other(region)}: " + (f"{up} of {asked}" if asked else "nobody answers")


def streams(snapshot: "Snapshot") -> str:
    rows = [
        (
            _called(stream),
            stream.leader or "none",
            f"{stream.current}/{stream.replicas}",
            str(stream.messages),
            f"{stream.first}–{stream.last}" if stream.messages else "–",
        )
        for stream in snapshot.streams
    ]
    absent = [(name, _styled(RED, "not seen")) for name in snapshot.absent]
    return _table("Streams", ("stream", "leader", "current", "messages", "sequences"), [*rows, *absent])


def _called(stream: "StreamStatus") -> str:
    return stream.name if stream.name == stream.called else f"{stream.name} (`{stream.called}` in {stream.account})"


def _sources(snapshot: "Snapshot") -> str:
    title = "Sources (true lag: the origin's last sequence against what arrived)"
    header = ("read stream", "origin", "arrived", "behind", "last heard")
    rows = [(stream.name, source.origin, *_source(source)) for stream in snapshot.streams for source in stream.sources]
    return _table(title, header, rows)


def _source(source: "SourceStatus") -> tuple[str, str, str]:
    arrived = "?" if source.arrived is None else str(source.arrived)
    of = "?" if source.origin_last is None else str(source.origin_last)
    behind = "?" if source.behind is None else _styled(RED, str(source.behind)) if source.behind else "0"
    heard = "never" if source.last_heard_s is None else f"{source.last_heard_s:.1f} s ago"
    return f"{arrived} of {of}", behind, heard + (f" ({source.error})" if source.error else "")


def faults(found: "Sequence[Fault]", ends: "Mapping[tuple[str, ...], Timer] | None" = None) -> str:
    """One a line; `ends` are the timers of those that end by themselves, by key."""
    timers = ends or {}
    lines = [f"  {fault}" + (f" ({timers[fault.key]})" if fault.key in timers else "") for fault in found]
    return "\n".join(lines) or "none"


def change(change: "Change", dry_run: bool) -> str:
    """What a fault command did."""
    from lab.faults import flows

    if change.nothing:
        ends = "" if change.ends_in_s is None or dry_run else f"; it now ends in {change.ends_in_s:g} s"
        return f"nothing to do: already in that state{ends}"
    would = "would be " if dry_run else ""
    lines = [f"{would}healed:   {fault}" for fault in change.healed]
    lines += [f"{would}injected: {fault}" for fault in change.injected]
    lines += [f"{would}replaced: {old} -> {new}" for old, new in change.replaced]
    if change.evidence:
        lines.append(f"proven:   {change.evidence}")
        lines += [f"measured: {line}" for line in flows.summary(change.evidence.measured, change.evidence.earlier)]
    if change.ends_in_s is not None and not dry_run:
        lines.append(f"ends:     in {change.ends_in_s:g} s")
    return "\n".join(lines)


def event(happened: "Event") -> str:
    """One line, at the time of this machine's zone."""
    time = datetime.fromisoformat(happened.time).astimezone()
    return f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03}  {happened.kind:<8}  {printable(happened.text)}"


def availability(matrix: "Matrix", deviating: "Collection[Cell]" = ()) -> str:
    """What works where; a cell that is not as predicted is marked with `!`."""
    rows = []
    for operation in matrix.operations:
        cells = [matrix.cell(region, operation) for region in matrix.regions]
        rows.append((operation, *(("! " if cell in deviating else "") + _cell(cell) for cell in cells)))
    return _table("What works right now", ("", *matrix.regions), rows)


def prediction(expected: "Prediction") -> str:
    """The arithmetic, then what it says of each region and operation."""
    regions = list(dict.fromkeys(cell.region for cell in expected.cells))
    words = {True: "works", False: _styled(RED, "fails"), None: "?"}
    rows = [
        (operation, *(words[expected.cell(region, operation).works] for region in regions))
        for operation in dict.fromkeys(cell.operation for cell in expected.cells)
    ]
    return "\n".join([*expected.summary, "", _table("What quorum arithmetic predicts", ("", *regions), rows), ""])


def differences(found: "Sequence[Difference]") -> str:
    """Where the servers did otherwise than predicted."""
    words = {True: "works", False: "fails", None: "?"}
    return "\n".join(
        f"! {one.cell.operation} in {one.cell.region}: predicted {words[one.forecast.works]} ({one.forecast.reason}), "
        f"measured {one.cell.state}{f' {one.cell.code}' if one.cell.code is not None else ''} ({one.cell.detail})"
        for one in found
    )


def _cell(cell: "Cell") -> str:
    took = f"{cell.seconds * 1000:.0f} ms" if cell.seconds < 1 else f"{cell.seconds:.1f} s"
    if cell.state == "works":
        leader = f" ({cell.detail})" if cell.operation == "meta-leader" else ""
        return f"works{leader} {took}"
    if cell.state == "fails":
        return f"{_styled(RED, 'fails')} {'' if cell.code is None else f'{cell.code} '}{took}"
    return f"{_styled(RED, 'no answer')} in {took}" if cell.state == "silent" else f"? {cell.detail}"


def round_trips(found: "RoundTrips", nodes: bool) -> str:
    """A matrix of regions or nodes, then the regions in detail; what is not as it should be is marked with `!`."""
    pairs = found.nodes if nodes else found.regions
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.one, pair.other)))
    between = {frozenset((pair.one, pair.other)): pair for pair in pairs}
    rows = [(one, *(_round_trip(between.get(frozenset((one, other)))) for other in names)) for one in names]
    header = ("", "min / median / max", "in force", "lost there, back", "in force", "gateways say")
    details = [
        (f"{pair.one} ⇄ {pair.other}", *_round_trip_detail(pair)) for pair in found.regions if pair.one != pair.other
    ]
    wrong = [f"! {pair.deviation}" for pair in found.regions if pair.deviation]
    absent = [f"not running: {', '.join(found.absent)}"] if found.absent else []
    tables = [_table("Round trips, median", ("", *names), rows), "", _table("Between regions", header, details)]
    return "\n".join([*tables, *wrong, *absent])


def _round_trip(pair: "Pair | None") -> str:
    if pair is None:
        return "–"
    text = _milliseconds(pair.round_trip.median) if pair.round_trip else "none"
    return _styled(RED, f"! {text}") if pair.deviation else text


def _round_trip_detail(pair: "Pair") -> tuple[str, ...]:
    trip = pair.round_trip
    return (
        " / ".join(map(_milliseconds, (trip.min, trip.median, trip.max))) if trip else "none",
        f"{pair.expected_ms:g} ms",
        _percents(pair.there.lost, pair.back.lost),
        _percents(pair.there.expected_lost, pair.back.expected_lost),
        "–" if pair.gateways_ms is None else _milliseconds(pair.gateways_ms),
    )


def _milliseconds(value: float) -> str:
    return f"{value:.1f} ms" if value >= 1 else f"{value:.2f} ms"


def _percents(*parts: float) -> str:
    return ", ".join(f"{100 * part:.3g} %" for part in parts)


def entries(found: "Sequence[Entry]") -> str:
    rows = [
        (
            str(entry.sequence),
            printable(entry.subject),
            f"{entry.origin[0]}:{entry.origin[1]}",
            printable(entry.body.decode(errors="replace")),
        )
        for entry in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(f"{row[0]:>{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}" for row in rows)


def comparison(result: "Comparison") -> str:
    lines = []
    for row in result.regions:
        if row.error:
            lines.append(f"{row.region}: cannot be read: {row.error}")
            continue
        parts = [several(row.messages, "message")]
        parts.append(f"{len(row.missing)} missing" if row.missing else "none missing")
        parts.append(f"{len(row.duplicated)} duplicated" if row.duplicated else "none duplicated")
        turned = result.out_of_order.get(row.region, 0)
        parts.append(f"order differs at {several(turned, 'place')}" if turned else "same order")
        lines.append(f"{row.region}: " + ", ".join(parts))
        lines += _examples("missing", row.missing, result) + _examples("duplicated", row.duplicated, result)
    lines += _examples("not the same everywhere", result.altered, result)
    verdicts = {
        "agree": f"the regions agree: the same {several(result.messages, 'message')} everywhere",
        "differ": "the regions differ",
        "unknown": "cannot tell: not every region could be read",
    }
    return "\n".join([*lines, verdicts[result.verdict]])


def _examples(what: str, origins: Sequence[tuple[str, int]], result: "Comparison") -> list[str]:
    lines = []
    for origin in origins[:SHOWN]:
        copy = result.known[origin]
        lines.append(f"  {what}: {origin[0]}:{origin[1]}  {printable(copy.subject)}  {printable(copy.preview)}")
    return lines + ([f"  … and {len(origins) - SHOWN} more"] if len(origins) > SHOWN else [])


def next_steps(topology: "Topology") -> str:
    import shutil
    import sys

    from lab.layouts import layout_of

    if not layout_of(topology).virtual_name:
        return """
Try next:
  lab streams graph        see which stream takes what from which
  lab check --explain      see which promises hold, and which do not
  lab check                break it, and judge"""
    subject = layout_of(topology).subject("test")
    regions = layout_of(topology).regions
    first, isolated = regions[0], regions[len(regions) // 2]
    said = {
        f"lab pub {first} {subject} 'Hello world'": f"publish in a region; `lab view {isolated}` shows it there",
        f"lab partition {isolated}": "isolate a region, publish on both sides, `lab status`",
        "lab heal --wait && lab compare": "undo every fault, and see that the regions agree again",
    }
    steps = "\n".join(["\nTry next:", *(f"  {command:<42}{what}" for command, what in said.items())])
    if shutil.which("lab"):
        return steps
    return f"{steps}\n(first `source {sys.prefix}/bin/activate`, which puts `lab` on the PATH)"
