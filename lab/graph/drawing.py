"""A drawing for pages and slides, as SVG: regions on an ellipse, each a box with its nodes, joined by their links."""

import math
from collections.abc import Sequence

from lab.graph.graph import RUNNING, Edge, Graph, Vertex
from lab.html import style
from lab.html.markup import tag
from lab.html.svg import WIDTH, Picture, text, title

COLUMNS, CROWDED = 3, 4  # with more regions than that a node shows only its number
TITLE, HEAD, CELL_HEIGHT, GAP, LINE = 33, 26, 36, 6, 18
SHOWN = 12
LOOKS = """
.plot .box{fill:var(--card);stroke:var(--soft)}.plot .node{fill:var(--okfill);stroke:var(--ok)}
.plot .away{fill:none;stroke:var(--bad);stroke-dasharray:4 3}
.plot .link{stroke:var(--ink);stroke-width:4}.plot .hurt{stroke:var(--bad);stroke-width:2;stroke-dasharray:7 6}
.plot .behind{fill:var(--card)}
"""
Point = tuple[float, float]


def svg(graph: Graph) -> str:
    crowded = len(graph.regions) > CROWDED
    radius = 270.0 if crowded else 150.0
    rows = max(-(-len(nodes) // COLUMNS) for nodes in graph.regions.values())
    middle = radius + HEAD + rows * CELL_HEIGHT / 2 + 50
    widest = max(_width(nodes, crowded) for nodes in graph.regions.values())
    places = _places(list(graph.regions), (WIDTH / 2, middle), ((WIDTH - widest) / 2 - 16, radius))
    parts = [text(16, TITLE, graph.title, "region")]
    parts += [_link(edge, *(places[region] for region in edge.regions)) for edge in graph.edges]
    parts += [_region(region, nodes, places[region], crowded) for region, nodes in graph.regions.items()]
    bottom = 2 * middle
    told = [*graph.faults[:SHOWN], *([f"… and {len(graph.faults) - SHOWN} more"] if len(graph.faults) > SHOWN else [])]
    parts += [text(16, bottom + LINE * line, words, "label") for line, words in enumerate(told, 1)]
    explained = "; ".join(f"{'–'.join(edge.regions)} is {edge.words or 'joined'}" for edge in graph.edges)
    picture = Picture("lab", graph.title, explained, bottom + LINE * (len(told) + 1), "".join(parts))
    return f"{picture.svg(style.flat(style.COLOURS + style.DRAWING + LOOKS))}\n"


def _places(regions: Sequence[str], middle: Point, radii: Point) -> dict[str, Point]:
    """The centre of each region: two side by side, three with the last one below."""
    first, turn = -math.pi / 2 - math.pi / len(regions), 2 * math.pi / len(regions)
    return {
        region: (middle[0] + radii[0] * math.cos(first + turn * at), middle[1] + radii[1] * math.sin(first + turn * at))
        for at, region in enumerate(regions)
    }


def _width(nodes: Sequence[Vertex], crowded: bool) -> float:
    return min(COLUMNS, len(nodes)) * (_cell(crowded) + GAP) + GAP


def _cell(crowded: bool) -> float:
    return 52 if crowded else 88


def _link(edge: Edge, one: Point, other: Point) -> str:
    line = tag("line", class_="hurt" if edge.words else "link", x1=one[0], y1=one[1], x2=other[0], y2=other[1])
    if not edge.words:
        return line
    x, y = (start + (end - start) / 2 for start, end in zip(one, other, strict=True))
    width = 8 + 6.6 * len(edge.words)
    behind = tag("rect", class_="behind", x=x - width / 2, y=y - 11, width=width, height=20)
    return line + behind + text(x, y + 4, edge.words, "bad", "middle")


def _region(region: str, nodes: Sequence[Vertex], centre: Point, crowded: bool) -> str:
    cell, rows = _cell(crowded), -(-len(nodes) // COLUMNS)
    width, height = _width(nodes, crowded), HEAD + rows * (CELL_HEIGHT + GAP)
    left, top = centre[0] - width / 2, centre[1] - height / 2
    parts = [tag("rect", class_="box", x=left, y=top, width=width, height=height, rx=6)]
    parts.append(text(centre[0], top + 18, region, "region", "middle"))
    for place, node in enumerate(nodes):
        x = left + GAP + place % COLUMNS * (cell + GAP)
        y = top + HEAD + place // COLUMNS * (CELL_HEIGHT + GAP)
        parts.append(_node(node, x, y, cell, crowded))
    return "".join(parts)


def _node(node: Vertex, x: float, y: float, cell: float, crowded: bool) -> str:
    running, name = node.state == RUNNING, str(node.number) if crowded else node.name
    box = tag("rect", class_="node" if running else "away", x=x, y=y, width=cell, height=CELL_HEIGHT, rx=4)
    words = text(x + cell / 2, y + (22 if running else 15), name, "label", "middle")
    state = "" if running else text(x + cell / 2, y + 29, node.state, "bad", "middle")
    return tag("g", title(f"{node.name} is {node.state}") + box + words + state)
