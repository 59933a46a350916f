"""The two other drawings: the fate of every publish, and how long a message takes to be seen."""

from collections.abc import Iterable

import numpy as np

from lab.check.figures import Figures
from lab.check.figures.convergence import EDGES, Spread, Visibility
from lab.check.figures.fate import COLUMNS, FASTEST, ROWS, SLOWEST
from lab.check.figures.messages import FATES, LANDED
from lab.check.history import Array, History
from lab.check.report import words
from lab.check.report.time_axis import bands, lanes, ticks
from lab.html.markup import place, tag
from lab.html.svg import INNER, LEFT, LETTER, RIGHT_EDGE, WIDTH, Picture, Scale, text, title

STRIP, PAIR = 96, 46
FEW = 3000  # dots: below, they are drawn large and round
MOST_PAIRS = 16
CLASSES = ("fine", "refused", "absent", "landed", "unread", "expired", "partial", "duplicate", "lost", "phantom")
COLUMN_P50, COLUMN_P99, COLUMN_COUNT = WIDTH - 214, WIDTH - 146, WIDTH - 78

HOW_FATES = (
    "One dot for each publish: to the right when it was sent, upwards how long its answer took, one strip for each "
    "region that published. Publishes on the same spot share a dot; none is left out. Rows below the strips, where "
    "there are any, show when the messages were sent that a region's stream lacks, or has twice, or should not have."
)
HOW_VISIBILITY = (
    "From the acknowledgement in the first region until the message is stored in the second one's read stream; further "
    "right is slower, each line of the grid ten times. Upper half, blue: published while no fault was in force (a "
    "region may still have been catching up). Lower half, orange: published while one was."
)


def fates(history: History, figures: Figures) -> Picture:
    time, dots = figures.time, figures.dots
    drawn, used = lanes(history, time, 6)
    key, first = _key(dots.totals, 6 + used + 8)
    few = sum(len(cells) for cells in dots.spots.values()) < FEW
    y, parts = first, [key]
    for region in history.run.topology.regions:
        parts.append(_strip(region, y))
        mine = sorted(((kind, cells) for (kind, where), cells in dots.spots.items() if where == region), key=_kind)
        parts += [_dots(kind, cells, y, few) for kind, cells in mine]
        y += STRIP + 16
    marks, used = _marks(figures, y)
    bottom = y - 16 + used
    content = bands(history, time, 6, bottom) + ticks(time, first, bottom) + drawn + "".join(parts) + marks
    return Picture("fates", "The fate of every message", HOW_FATES, bottom + 22, content, ())


def _kind(item: tuple[int, Array]) -> int:
    return item[0]


def _key(totals: dict[int, int], y: float) -> tuple[str, float]:
    """What the colours mean, with the counts; and where the drawing goes on."""
    parts, x, y = [], float(LEFT), y + 10
    for kind, total in totals.items():
        label = f"{FATES[kind]} {total:,}"
        if x + len(label) * LETTER + 22 > RIGHT_EDGE:
            x, y = float(LEFT), y + 18
        dot = f"M{place(x + 5)} {place(y - 4)}h0"
        parts.append(tag("path", class_=f"dot dot-{CLASSES[kind]}", stroke_width=9, d=dot))
        parts.append(text(x + 14, y, label, "label"))
        x += len(label) * LETTER + 36
    return "".join(parts), y + 16


def _strip(region: str, y: float) -> str:
    scale = Scale(FASTEST, SLOWEST, y + STRIP, y, logarithmic=True)
    parts = [text(8, y + 11, region, "region"), text(8, y + 26, "answer after", "unit")]
    for value, label in ((1e-3, "1 ms"), (0.1, "100 ms"), (10.0, "10 s")):
        at = scale.at(value)
        parts.append(tag("line", class_="grid", x1=LEFT, x2=RIGHT_EDGE, y1=at, y2=at))
        parts.append(text(LEFT - 12, at + 4, label, "tick", "end"))
    parts.append(tag("path", class_="axis", d=f"M{LEFT} {y:.1f}v{STRIP}H{RIGHT_EDGE}"))
    return "".join(parts)


def _dots(kind: int, cells: Array, y: float, few: bool) -> str:
    name = f"dot dot-{CLASSES[kind]}"
    if few:
        return tag("path", class_=name, stroke_width=5, d=_path(cells, y, joined=False))
    if kind > LANDED:
        return tag("path", class_=f"{name} many", stroke_width=4, d=_path(cells, y, joined=True))
    typical = float(np.median(cells[:, 2]))
    bands_ = ((0, typical / 4, "thin"), (typical / 4, typical * 2, ""), (typical * 2, np.inf, "dense"))
    return "".join(
        tag("path", class_=f"{name} many {density}".strip(), stroke_width=STRIP / ROWS + 0.15, d=path)
        for low, high, density in bands_
        if (path := _path(cells[(cells[:, 2] > low) & (cells[:, 2] <= high)], y, joined=True))
    )


def _path(cells: Array, y: float, joined: bool) -> str:
    """Dots in one path. Joined ones are lines along a row, from the edge of the first column to that of the last."""
    wide, high = INNER / COLUMNS, STRIP / ROWS
    return "".join(
        f"M{place(LEFT + (first + (0 if joined else 0.5)) * wide)} {place(y + STRIP - (row + 0.5) * high)}"
        f"h{place((last - first + 1) * wide) if joined else '0'}"
        for row, first, last in _runs(cells, joined)
    )


def _runs(cells: Array, joined: bool) -> Iterable[tuple[int, int, int]]:
    """(row, first column, last column) of neighbours; cells are in the order of rows and columns."""
    if not len(cells):
        return
    breaks = np.ones(len(cells), bool)
    if joined:
        breaks[1:] = (np.diff(cells[:, 0]) != 0) | (np.diff(cells[:, 1]) != 1)
    starts = np.flatnonzero(breaks)
    ends = np.append(starts[1:], len(cells)) - 1
    for start, end in zip(starts, ends, strict=True):
        yield int(cells[start, 0]), int(cells[start, 1]), int(cells[end, 1])


def _marks(figures: Figures, y: float) -> tuple[str, float]:
    """A row for each fate and stream, with a mark wherever such a message was sent."""
    parts, top = [], y
    wide = INNER / COLUMNS
    for (kind, region), columns in sorted(figures.dots.marks.items(), key=lambda item: -item[0][0]):
        told = f"{sum(number for _, number in columns):,} {FATES[kind]} in {region}"
        path = "".join(f"M{place(LEFT + (column + 0.5) * wide)} {place(y)}v12" for column, _ in columns)
        parts.append(text(LEFT - 12, y + 10, f"{FATES[kind]}, {region}", "tick", "end"))
        parts.append(tag("line", class_="grid", x1=LEFT, x2=RIGHT_EDGE, y1=y + 6, y2=y + 6))
        parts.append(tag("path", title(told), class_=f"mark-{CLASSES[kind]}", stroke_width=max(2.0, wide), d=path))
        y += 18
    return "".join(parts), y - top + (14 if parts else 0)


def visibility(figures: Figures) -> Picture:
    pairs = [pair for pair in figures.visibility if pair.calm.count or pair.faulted.count]
    how = HOW_VISIBILITY
    if len(pairs) > MOST_PAIRS:
        how += f" Shown are the {MOST_PAIRS} slowest of {len(pairs)} pairs."
        pairs = sorted(pairs, key=_slowest, reverse=True)[:MOST_PAIRS]
    x = Scale(1e-3, 1000.0, LEFT + 58, WIDTH - 236, logarithmic=True)
    top, bottom = 22.0, 22.0 + len(pairs) * PAIR
    heads = ((COLUMN_P50, "p50"), (COLUMN_P99, "p99"), (COLUMN_COUNT, "messages"))
    parts = [text(at, 12, label, "unit") for at, label in heads]
    for value, label in ((1e-3, "1 ms"), (1e-2, "10 ms"), (0.1, "100 ms"), (1, "1 s"), (10, "10 s"), (100, "100 s")):
        at = x.at(value)
        parts.append(tag("line", class_="grid", x1=at, x2=at, y1=top, y2=bottom))
        parts.append(text(at, bottom + 14, label, "tick", "middle"))
    parts += [_pair(pair, x, top + number * PAIR + PAIR / 2) for number, pair in enumerate(pairs)]
    return Picture("visibility", "How soon a message can be read elsewhere", how, bottom + 22, "".join(parts))


def _slowest(pair: Visibility) -> float:
    return max((spread.p99 for spread in (pair.calm, pair.faulted) if spread.count), default=0)


def _pair(pair: Visibility, x: Scale, middle: float) -> str:
    parts = [text(LEFT + 32, middle + 4, f"{pair.origin} → {pair.reader}", "label", "end")]
    parts.append(tag("line", class_="axis", x1=x.start - 14, x2=x.end, y1=middle, y2=middle))
    for spread, kind, y in ((pair.calm, "ok", middle - 6), (pair.faulted, "refused", middle + 15)):
        parts.append(_histogram(spread, kind, x, middle, kind == "ok"))
        if not spread.count:
            parts.append(text(COLUMN_P50, y, "none", "unit"))
            continue
        told = (words.seconds(spread.p50), words.seconds(spread.p99), words.count(spread.count))
        for at, number in zip((COLUMN_P50, COLUMN_P99, COLUMN_COUNT), told, strict=True):
            parts.append(text(at, y, number, f"tick {kind}-text"))
    return "".join(parts)


def _histogram(spread: Spread, kind: str, x: Scale, middle: float, up: bool) -> str:
    if not spread.count:
        return ""
    ends = [float(edge) for edge in EDGES] + [float(EDGES[-1])]
    bars = []
    for number, bucket in enumerate(spread.buckets):
        if bucket:
            start = x.at(ends[number - 1]) if number else x.start - 14
            high = max(1.0, (PAIR / 2 - 4) * bucket / max(spread.buckets))
            top = place(middle - high if up else middle + high)
            bars.append(
                f"M{place(start + 0.5)} {place(middle)}V{top}H{place(x.at(ends[number]) - 0.5)}V{place(middle)}Z"
            )
    told = (
        f"half within {words.seconds(spread.p50)}, 99 of 100 within {words.seconds(spread.p99)}, "
        f"all within {words.seconds(spread.maximum)}"
    )
    return tag("path", title(told), class_=kind, d="".join(bars))
