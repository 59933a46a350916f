"""A graph of streams as SVG: a column for each hop, so that messages go from left to right."""

from lab.html import style
from lab.html.markup import tag
from lab.html.svg import WIDTH, Picture, text, title
from lab.streamgraph import notations
from lab.streamgraph.graph import Edge, StreamGraph, Vertex

TOP, HEIGHT, GAP, MARGIN, CORRIDOR = 52, 48, 18, 16, 130
LETTER = 6.6
LOOKS = """
.plot .box{fill:var(--okfill);stroke:var(--ok)}.plot .way{fill:none;stroke:var(--ink);stroke-width:1.4}
.plot .mirror{stroke-width:3}
"""
Point = tuple[float, float]
ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" markerHeight="9" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8Z" fill="var(--ink)"/></marker></defs>'
)


def svg(graph: StreamGraph) -> str:
    levels = graph.levels
    width = (WIDTH - 2 * MARGIN - CORRIDOR * max(0, len(levels) - 1)) / max(1, len(levels))
    width = max(90.0, min(240.0, width))
    step = (WIDTH - 2 * MARGIN - width) / max(1, len(levels) - 1)
    rows = max(map(len, levels), default=1)
    places: dict[str, Point] = {}
    for column, level in enumerate(levels):
        lead = (rows - len(level)) * (HEIGHT + GAP) / 2
        for row, vertex in enumerate(level):
            places[vertex.key] = (MARGIN + column * step, TOP + lead + row * (HEIGHT + GAP))
    told = notations.title(graph)
    parts = [text(MARGIN, 30, told, "region")]
    parts += [_way(edge, places, width) for edge in graph.edges if edge.upstream]
    parts += [_stream(vertex, places[vertex.key], width) for vertex in graph.vertices]
    explained = "; ".join(f"{edge.stream} {edge} of {edge.upstream or edge.name}" for edge in graph.edges)
    picture = Picture("streams", told, explained, TOP + rows * (HEIGHT + GAP), "".join(parts))
    return f"{picture.svg(style.flat(style.COLOURS + style.DRAWING + LOOKS), ARROW)}\n"


def _stream(vertex: Vertex, at: Point, width: float) -> str:
    x, y = at
    room = int(width / LETTER) - 1
    box = tag("rect", class_="box", x=x, y=y, width=width, height=HEIGHT, rx=4)
    below = f"{vertex.region or notations.NOWHERE}  {notations.keeps(vertex)}"
    words = text(x + 8, y + 20, _short(vertex.key, room), "region") + text(x + 8, y + 37, _short(below, room), "label")
    return tag("g", title(f"{vertex.key} in {below}") + box + words)


def _way(edge: Edge, places: dict[str, Point], width: float) -> str:
    (x1, y1), (x2, y2) = places[edge.upstream], places[edge.stream]
    start, end = (x1 + width, y1 + HEIGHT / 2), (x2, y2 + HEIGHT / 2)
    bend = (end[0] - start[0]) / 2
    curve = f"M{start[0]:.0f} {start[1]:.0f}C{start[0] + bend:.0f} {start[1]:.0f} {end[0] - bend:.0f} {end[1]:.0f} "
    looks = "way mirror" if edge.mirror else "way"
    path = tag("path", class_=looks, d=f"{curve}{end[0]:.0f} {end[1]:.0f}", marker_end="url(#arrow)")
    return tag("g", title(f"{edge.stream} {edge} of {edge.upstream}") + path)


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: max(1, most - 1)] + "…"
