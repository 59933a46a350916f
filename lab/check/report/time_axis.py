"""What all drawings over time share: the axis, the lanes of the faults, the tint while one was in force, the frames."""

from collections.abc import Sequence

from lab.check.figures.traffic import Axis
from lab.check.history import SECOND, FaultRecord, History
from lab.check.report import words
from lab.html.markup import tag
from lab.html.svg import LEFT, LETTER, RIGHT_EDGE, Scale, step, text, title

LANE, BAR = 21, 15


def scale(time: Axis) -> Scale:
    return Scale(0, time.end, LEFT, RIGHT_EDGE)


def edges(time: Axis) -> list[float]:
    """Where bins begin, and where the last one ends."""
    x = scale(time)
    return [x.at(number * time.width) for number in range(time.bins)] + [RIGHT_EDGE]


def ticks(time: Axis, top: float, bottom: float) -> str:
    """Lines at round seconds, with their numbers below."""
    x, apart = scale(time), step(time.end, 10)
    marks = [number * apart for number in range(int(time.end / apart) + 1)]
    lines = [tag("line", class_="grid", x1=x.at(mark), x2=x.at(mark), y1=top, y2=bottom) for mark in marks]
    numbers = [text(x.at(mark), bottom + 14, f"{mark:g}", "tick", "middle") for mark in marks]
    return "".join(lines + numbers) + text(LEFT - 12, bottom + 14, "seconds", "unit", "end")


def bands(history: History, time: Axis, top: float, bottom: float) -> str:
    """A tint wherever any fault was in force."""
    spans = sorted((fault.began / SECOND, end(fault, time)) for fault in history.faults)
    merged: list[tuple[float, float]] = []
    for began, ended in spans:
        if merged and began <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(ended, merged[-1][1]))
        else:
            merged.append((began, ended))
    x = scale(time)
    return "".join(
        tag("rect", class_="band", x=x.at(a), y=top, width=max(x.at(b) - x.at(a), 1.5), height=bottom - top)
        for a, b in merged
    )


def end(fault: FaultRecord, time: Axis) -> float:
    return time.end if fault.healed is None else fault.healed / SECOND


def lanes(history: History, time: Axis, top: float) -> tuple[str, float]:
    """One lane for each kind of fault, and more of them where faults of a kind overlap. With the height."""
    x, y = scale(time), top
    parts = []
    for kind in dict.fromkeys(fault.kind for fault in history.faults):
        mine = sorted((fault for fault in history.faults if fault.kind == kind), key=lambda fault: fault.began)
        parts.append(text(LEFT - 12, y + BAR - 3, kind.replace("-", " "), "label", "end"))
        for row in _packed(mine, time):
            limits = [x.at(fault.began / SECOND) for fault in row[1:]] + [RIGHT_EDGE]
            parts += [_bar(fault, time, y, limit) for fault, limit in zip(row, limits, strict=True)]
            y += LANE
    return "".join(parts), y - top


def _packed(faults: Sequence[FaultRecord], time: Axis) -> list[list[FaultRecord]]:
    rows: list[list[FaultRecord]] = []
    for fault in faults:
        free = next((row for row in rows if end(row[-1], time) * SECOND <= fault.began), None)
        if free is None:
            rows.append([fault])
        else:
            free.append(fault)
    return rows


def _bar(fault: FaultRecord, time: Axis, y: float, limit: float) -> str:
    x = scale(time)
    start = x.at(fault.began / SECOND)
    width = max(x.at(end(fault, time)) - start, 3)
    proof = "proven" if fault.proven else "not proven"
    told = f"{fault.id}: {fault.what}, {words.at(fault.began)} to {words.at(fault.healed)}, {proof}"
    kind = "fault" if fault.proven else "fault unproven"
    parts = [title(told), tag("rect", class_=kind, x=start, y=y, width=width, height=BAR, rx=2.5)]
    whole = f"{fault.id} {fault.what}" + ("" if fault.proven else " (not proven)")
    for label in (whole, fault.id):
        wide = len(label) * LETTER
        if wide + 8 < width:
            parts.append(text(start + 4, y + BAR - 4, label, "inside" if fault.proven else "beside"))
            break
        if start + width + 4 + wide < limit - 4:
            parts.append(text(start + width + 4, y + BAR - 4, label, "beside"))
            break
    return tag("g", "".join(parts))


def phases(history: History, time: Axis, y: float) -> str:
    """The phases of the run, as brackets; the final read is no part of the time that is drawn."""
    x, parts = scale(time), []
    for phase in history.run.phases:
        start, stop = x.at(phase.began / SECOND), x.at(phase.ended / SECOND)
        if phase.name == "read" or stop - start < 2:
            continue
        parts.append(tag("path", class_="axis", d=f"M{start + 1:.1f} {y + 5}V{y}H{stop - 1:.1f}V{y + 5}"))
        if len(phase.name) * LETTER < stop - start:
            parts.append(text((start + stop) / 2, y - 4, phase.name, "unit", "middle"))
    return "".join(parts)


def frame(top: float, bottom: float) -> str:
    return tag("path", class_="axis", d=f"M{LEFT} {top:.1f}V{bottom:.1f}H{RIGHT_EDGE}")


def name(region: str, unit: str, top: float) -> str:
    return text(8, top + 11, region, "region") + text(8, top + 26, unit, "unit")


def level(y: Scale, value: float, label: str) -> str:
    """A line across at a value, with its label."""
    at = y.at(value)
    line = tag("line", class_="grid", x1=LEFT, x2=RIGHT_EDGE, y1=at, y2=at)
    return line + text(LEFT - 12, at + 4, label, "tick", "end")
