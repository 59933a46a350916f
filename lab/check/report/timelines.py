"""Drawings over the time of the run. All share one axis: what stands one above another happened together."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from lab.check.checkers.outages import bound, outages
from lab.check.figures import Figures
from lab.check.figures.availability import Trial
from lab.check.figures.convergence import Lag, Recovery
from lab.check.figures.traffic import Axis, Traffic
from lab.check.history import SECOND, Array, History
from lab.check.report import words
from lab.check.report.time_axis import BAR, LANE, bands, edges, frame, lanes, level, name, phases, scale, ticks
from lab.html.markup import tag
from lab.html.svg import LEFT, LETTER, RIGHT_EDGE, Hover, Picture, Scale, ceiling, curve, stairs, text, title

HOW_TIMELINE = (
    "Bars on top are faults, from the command to the heal; the tint below them marks the same time. For each region: "
    "answers to its publishers per second, stacked (blue: acknowledged, purple: unknown, orange: refused), then the "
    "latency of acknowledged publishes, counted from the time at which each was due. Of a hundred publishes fifty were "
    "faster than the blue line and ninety-nine faster than the grey one. An arrow with a number stands over a bar that "
    "is cut off."
)
HOW_CONVERGENCE = (
    "Messages that some region had acknowledged and that this region could not read yet. The filled curve is exact, "
    "from the stored times of the final read; the dotted line is what the servers said of themselves during the run. A "
    "bracket with a number begins at a heal and ends when everything from before the heal was there; the dashed bars "
    "on top show how long that may take by the servers' own timers, where no other fault came first. Each region has "
    "its own scale."
)
TOLD = {"ok": "worked", "fail": "refused", "info": "no answer"}
HOW_PROBES = (
    "Each row is one operation, tried again and again in one region. Plain: it worked; hatched: it was refused; "
    "dotted: no answer came in time. A frame in the colour of damage: with "
    "these faults in force, something else was expected."
)


def timeline(history: History, figures: Figures) -> Picture:
    time = figures.time
    drawn, used = lanes(history, time, 26)
    y = top = 26 + used + 8
    peak = _peak(figures.traffic)
    panels, hover = [], []
    for region in figures.traffic:
        panels.append(_rates(region, time, y, y + 58, peak) + _latency(region, time, y + 72, y + 128))
        hover.append(_told(region))
        y += 150
    bottom = y - 18
    behind = bands(history, time, 26, bottom) + ticks(time, top, bottom) + phases(history, time, 16)
    content = behind + drawn + "".join(panels)
    return Picture("timeline", "Faults, rates and latencies", HOW_TIMELINE, bottom + 22, content, tuple(hover))


def _peak(regions: Sequence[Traffic]) -> float:
    """The top of the rates' axis: a rare spike, many times what is usual, is cut off there and told in a number."""
    rates = np.concatenate([region.ok + region.refused + region.unknown for region in regions])
    usual = float(np.quantile(rates, 0.985))
    return ceiling(float(rates.max()) if rates.max() <= 2 * usual else 1.2 * usual)


def _told(region: Traffic) -> Hover:
    """What the pointer shows of a region: `352 /s, 3 /s refused, half in 11 ms, 99 % in 140 ms`."""
    lines = []
    for ok, refused, unknown, p50, p99 in zip(
        region.ok, region.refused, region.unknown, region.p50, region.p99, strict=True
    ):
        parts = [f"{ok:,.0f} /s"]
        parts += [f"{value:,.1f} /s {kind}" for value, kind in ((refused, "refused"), (unknown, "unknown")) if value]
        if p50 == p50:
            parts.append(f"half in {words.seconds(p50)}, 99 % in {words.seconds(p99)}")
        lines.append(", ".join(parts))
    return region.region, "", tuple(lines)


def _rates(region: Traffic, time: Axis, top: float, bottom: float, peak: float) -> str:
    y, x = Scale(0, peak, bottom, top), edges(time)
    parts = [
        frame(top, bottom),
        name(region.region, "answers / s", top),
        level(y, peak, f"{peak:,g}"),
        level(y, 0, "0"),
    ]
    base: Array = np.zeros(time.bins)
    for kind, values in (("ok", region.ok), ("unknown", region.unknown), ("refused", region.refused)):
        if values.any():
            parts.append(tag("path", class_=kind, d=stairs(base + values, base, x, y)))
            base = base + values
    return "".join(parts) + _spikes(base, x, top - 2, peak)


def _spikes(rates: Array, x: Sequence[float], y: float, peak: float) -> str:
    """The numbers of bars that are cut off, the highest first, where there is room."""
    told: list[tuple[float, str]] = []
    for spike in sorted(np.flatnonzero(rates > peak * 1.001).tolist(), key=lambda spike: -float(rates[spike])):
        at = (x[spike] + x[spike + 1]) / 2
        if all(abs(at - other) > 8 * LETTER for other, _ in told):
            told.append((at, f"↑ {rates[spike]:,.0f}"))
    return "".join(text(at, y, number, "beside", "middle") for at, number in told)


def _latency(region: Traffic, time: Axis, top: float, bottom: float) -> str:
    known = np.concatenate([region.p50, region.p99])
    known = known[~np.isnan(known)]
    if not len(known):
        return frame(top, bottom) + text(LEFT + 8, (top + bottom) / 2 + 4, "no publish was acknowledged", "unit")
    y = Scale(1e-3, max(10.0, ceiling(float(known.max()))), bottom, top, logarithmic=True)
    parts = [frame(top, bottom), text(8, top + 11, "latency", "unit")]
    parts += [level(y, value, label) for value, label in ((1e-3, "1 ms"), (0.1, "100 ms"), (10.0, "10 s"))]
    centres = [(a + b) / 2 for a, b in pairwise(edges(time))]
    for kind, values in (("p99", region.p99), ("p50", region.p50)):
        points = [None if np.isnan(v) else (x, y.at(float(v))) for x, v in zip(centres, values, strict=True)]
        parts.append(tag("path", class_=kind, d=curve(points)))
    return "".join(parts)


def convergence(history: History, figures: Figures) -> Picture:
    time = figures.time
    drawn, used = lanes(history, time, 6)
    drawn += _allowed(history, time, 6 + used)
    y = top = 6 + used + (LANE if history.faults else 0) + 8
    panels, hover = [], []
    for lag in figures.lags:
        panels.append(_lag(lag, figures.recoveries, time, y, y + 76))
        if len(lag.behind):
            hover.append((f"{lag.region} behind", "messages", tuple(map(int, lag.behind))))
        y += 98
    bottom = y - 18
    content = bands(history, time, 6, bottom) + ticks(time, top, bottom) + drawn + "".join(panels)
    heading = "How far each region was behind"
    return Picture("convergence", heading, HOW_CONVERGENCE, bottom + 22, content, tuple(hover))


def _allowed(history: History, time: Axis, y: float) -> str:
    """Until when the servers' own timers let a region catch up, after each heal that no fault followed before."""
    x = scale(time)
    parts = []
    for outage in outages(history):
        limit = bound(outage.began, outage.healed)
        ended = (outage.healed + limit) / SECOND
        if outage.until is not None and outage.until / SECOND < ended:
            continue
        told = f"after the heal at {words.at(outage.healed)} catching up may take {limit / SECOND:.0f} s"
        start = x.at(outage.healed / SECOND)
        width = max(x.at(ended) - start, 1)
        parts.append(tag("rect", title(told), class_="allowed", x=start, y=y, width=width, height=BAR, rx=2.5))
        label = f"{limit / SECOND:.0f} s"
        if len(label) * LETTER + 8 < width:
            parts.append(text(start + 4, y + BAR - 4, label, "beside"))
    return text(LEFT - 12, y + BAR - 3, "allowed", "label", "end") + "".join(parts) if parts else ""


def _lag(lag: Lag, recoveries: Sequence[Recovery], time: Axis, top: float, bottom: float) -> str:
    x = scale(time)
    peak = max([int(lag.behind.max()) if len(lag.behind) else 0, *(value or 0 for _, value in lag.sampled)])
    y = Scale(0, ceiling(max(peak, 10)), bottom, top + 14)
    parts = [frame(top, bottom), name(lag.region, "behind", top), level(y, y.high, f"{y.high:,g}"), level(y, 0, "0")]
    if len(lag.behind):
        parts.append(tag("path", class_="lag", d=stairs(lag.behind, np.zeros(time.bins), edges(time), y)))
    else:
        parts.append(text(LEFT + 8, top + 26, "not read to its end: this is only what the servers said", "unit"))
    if lag.sampled:
        parts.append(tag("path", class_="sampled", d=curve(_points(lag, x, y))))
    if lag.missing:
        parts.append(text(RIGHT_EDGE - 4, top + 11, f"{lag.missing:,} never came", "bad", "end"))
    return "".join(parts) + _caught_up(lag.region, recoveries, x, top + 6)


def _points(lag: Lag, x: Scale, y: Scale) -> list[tuple[float, float] | None]:
    return [None if value is None else (x.at(at), y.at(value)) for at, value in lag.sampled]


def _caught_up(region: str, recoveries: Sequence[Recovery], x: Scale, y: float) -> str:
    """A bracket for each heal that left something to catch up with, where there is room for it."""
    parts, free = [], float(LEFT)
    for recovery in sorted(recoveries, key=lambda recovery: recovery.healed):
        seconds = recovery.region(region)
        if seconds is None or not seconds >= 0.5:
            continue
        start, end = x.at(recovery.healed), x.at(recovery.healed + seconds)
        label = words.seconds(seconds)
        if start < free or end + len(label) * LETTER > RIGHT_EDGE:
            continue
        told = f"{region} had everything {label} after the heal of {recovery.fault} ({recovery.what})"
        line = tag("path", class_="span", d=f"M{start:.1f} {y - 4:.1f}v8m0-4H{end:.1f}m0-4v8")
        parts.append(tag("g", title(told) + line + text(end + 4, y + 4, label, "label")))
        free = end + len(label) * LETTER + 10
    return "".join(parts)


def probes(history: History, figures: Figures) -> Picture:
    """What worked: a row for each operation in each region."""
    time, availability = figures.time, figures.availability
    drawn, used = lanes(history, time, 6)
    y = top = 6 + used + 8
    parts: list[str] = []
    for region in history.run.topology.regions:
        mine = [operation for operation in availability.operations if (region, operation) in availability.trials]
        if not mine:
            continue
        parts.append(text(8, y + 12, region, "region"))
        y += 19
        for operation in mine:
            parts.append(text(LEFT - 12, y + 11, operation.replace("-", " "), "tick", "end"))
            parts.append(_strip(figures, region, operation, y))
            y += 17
        y += 8
    content = bands(history, time, 6, y) + ticks(time, top, y) + drawn + "".join(parts)
    heading = "What worked, where and when"
    return Picture("availability", heading, HOW_PROBES, y + 22, content, ())


def _strip(figures: Figures, region: str, operation: str, y: float) -> str:
    """One shape for each stretch of equal outcomes, with a frame where they were not to be expected."""
    x = scale(figures.time)
    mine = figures.availability.trials[region, operation]
    parts, frames, began = [], [], 0
    for number, trial in enumerate(mine):
        last = number + 1 == len(mine)
        if not last and _alike(mine[number + 1], trial):
            continue
        first = mine[began].probe
        until = figures.time.end if last else mine[number + 1].probe.time / SECOND
        start, width = x.at(first.time / SECOND), max(x.at(until) - x.at(first.time / SECOND), 1)
        surprise = ", not expected" if trial.expected is False else ""
        told = f"{operation}: {TOLD[first.outcome]}{surprise}, {words.at(first.time)} to {until:.1f} s. {first.error}"
        shape = {"x": start, "y": y, "width": width, "height": 13}
        parts.append(tag("rect", title(told), class_=f"probe-{first.outcome}", **shape))
        if surprise:
            frames.append(tag("rect", class_="unexpected", **shape))
        began = number + 1
    return "".join(parts + frames)


def _alike(one: Trial, other: Trial) -> bool:
    return one.probe.outcome == other.probe.outcome and (one.expected is False) == (other.expected is False)
