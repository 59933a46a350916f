"""The smallest parts of a drawing: scales, ticks, paths. Pure text."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.html.markup import escape, place, tag

WIDTH, LEFT, RIGHT = 1000, 128, 14
INNER = WIDTH - LEFT - RIGHT
RIGHT_EDGE = WIDTH - RIGHT
LETTER = 6.4  # the width of a letter of a label, about
# A line of what the pointer shows in a drawing over time: a label, a unit, a value for each bin.
Hover = tuple[str, str, tuple[float | str | None, ...]]


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    more = {"class_": kind} if kind else {}
    return tag("text", escape(words), x=x, y=y, text_anchor=anchor, **more)


def title(words: str) -> str:
    return f"<title>{escape(words)}</title>"


@dataclass(frozen=True)
class Scale:
    """From values to coordinates."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def step(span: float, most: int) -> float:
    """A round distance (1, 2 or 5 times a power of ten) that divides a span into at most so many parts."""
    rough = max(span, 1e-9) / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)


def ceiling(value: float) -> float:
    """The round number at or above a value, for the top of an axis."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * factor for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if power * factor >= value * 0.9999)


def stairs(values: Iterable[float], base: Iterable[float], x: Sequence[float], y: Scale) -> str:
    """The outline of a filled step curve between `base` and `values`; x has one edge more."""
    return _steps(values, x, y, "M") + _steps(list(base)[::-1], x[::-1], y, "L") + "Z"


def _steps(values: Iterable[float], x: Sequence[float], y: Scale, begin: str) -> str:
    heights = [place(y.at(float(value))) for value in values]
    parts = [f"{begin}{place(x[0])} {heights[0]}"]
    for number, height in enumerate(heights):
        if number and height != heights[number - 1]:
            parts.append(f"H{place(x[number])}V{height}")
    return "".join(parts) + f"H{place(x[-1])}"


def curve(points: Iterable[tuple[float, float] | None]) -> str:
    """A line through points; None interrupts it, and a point alone is a dot."""
    parts: list[str] = []
    connected = False
    for point in points:
        if point is None:
            connected = False
            continue
        parts.append(f"{'L' if connected else 'M'}{place(point[0])} {place(point[1])}" + ("" if connected else "h0"))
        connected = True
    return "".join(parts)


@dataclass(frozen=True)
class Picture:
    """One drawing with what is needed to read it. With `hover`, which may be empty, it is one over time, and the cursor
    runs through all of these."""

    name: str
    heading: str
    explained: str
    height: float
    content: str
    hover: tuple[Hover, ...] | None = None

    def svg(self, style: str = "", definitions: str = "") -> str:
        """The element; with a style, one that stands alone as a file."""
        size = f'viewBox="0 0 {WIDTH} {place(self.height)}"'
        if style:
            size += f' xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{place(self.height)}"'
        cursor = tag("line", class_="cursor", x1=-9, x2=-9, y1=0, y2=self.height) if self.hover is not None else ""
        names = f'aria-labelledby="{self.name}-title {self.name}-how" data-plot="{self.name}"'
        told = f'<title id="{self.name}-title">{escape(self.heading)}</title>'
        told += f'<desc id="{self.name}-how">{escape(self.explained)}</desc>'
        ground = tag("rect", class_="ground", width=WIDTH, height=self.height)
        looks = f"<style>{style}</style>{definitions}{ground}" if style else ""
        return f'<svg class="plot" role="img" {size} {names}>{told}{looks}{self.content}{cursor}</svg>'
