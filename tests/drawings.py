"""The drawings and the table of docs/concepts.md, made from the code: what a message passes, what faults take away.
`make docs` writes them, tests/unit/test_docs.py compares."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from fakes import observation

from lab.docker.observation import Container
from lab.faults.cut import CutLink
from lab.faults.down import Kill
from lab.faults.partition import Partition
from lab.faults.paused import Pause
from lab.faults.prediction import Prediction, predict
from lab.faults.reachability import Reachability
from lab.faults.registry import ordered
from lab.faults.shape import ShapeLink
from lab.faults.verb import Verb
from lab.graph import FORMATS
from lab.graph.graph import Edge, graph
from lab.html import style
from lab.html.markup import tag
from lab.html.svg import Picture, text
from lab.observe import status
from lab.observe.operations import NEW_CONSUMER, PUBLISH
from lab.topology import Topology

TOPOLOGY = Topology()
FAULTS: Mapping[str, Verb] = {
    "partition": Partition.from_words("central"),
    "cut": CutLink.from_words("east west"),
    "one-way": CutLink.from_words("west->east"),
    "kill": Kill.from_words("central"),
    "pause": Pause.from_words("west-1"),
    "shape": ShapeLink.from_words("east west", delay="40ms", loss="1%"),
}
QUORUM: tuple[Verb, ...] = (
    Kill.from_words("east-1"),
    Kill.from_words("east-1", "east-2"),
    Kill.from_words("central"),
    Kill.from_words("west", "east"),
    CutLink.from_words("east west"),
    Partition.from_words("central"),
    Partition.from_words("west", "central", "east"),
)


def fault(verb: Verb) -> str:
    """The lab with the faults of one verb, as `lab graph --format svg` draws it."""
    faults = verb.faults(TOPOLOGY)
    words = {"down": "exited", "paused": "paused"}
    states = {each.node: words[each.kind] for each in faults if each.kind in words}

    def state(name: str) -> Callable[[Container], Container]:
        return lambda container: replace(container, state=states[name])

    seen = observation(TOPOLOGY, **{name: state(name) for name in states})
    edges = [Edge(link.regions, link.state, link.shapes) for link in status.links(seen, faults, {})]
    running = {node.name: "running" for node in TOPOLOGY.nodes}
    return FORMATS["svg"](graph(TOPOLOGY, running | states, edges, map(str, ordered(faults))))


def quorum() -> str:
    """A table: what each fault leaves, by arithmetic."""
    head = "| fault | servers that see each other | publishing works in | creating a consumer works in |"
    return "\n".join([head, "|---|---|---|---|", *map(_row, QUORUM)])


def _row(verb: Verb) -> str:
    left = Reachability.of(TOPOLOGY, verb.faults(TOPOLOGY))
    sides = sorted({left.sees(name) for name in left.answering}, key=len, reverse=True)
    sizes = " + ".join(str(len(side)) for side in sides) if sum(map(len, sides)) == len(left.answering) else ""
    seen = sizes or ", ".join(f"{region} {len(left.seen_from(region))}" for region in TOPOLOGY.regions)
    prediction = predict(TOPOLOGY, verb.faults(TOPOLOGY))
    return f"| `{verb}` | {seen} | {_where(prediction, PUBLISH)} | {_where(prediction, NEW_CONSUMER)} |"


def _where(prediction: Prediction, operation: str) -> str:
    cells = {region: prediction.cell(region, operation).works for region in TOPOLOGY.regions}
    working = [region for region, works in cells.items() if works]
    doubtful = [f"{region} (depends on the server)" for region, works in cells.items() if works is None]
    every = len(working) == len(cells)
    return "all regions" if every else ", ".join([*working, *doubtful]) or "no region"


# --- the way of a message ---

LOOKS = """
.plot .box{fill:var(--card);stroke:var(--soft)}.plot .stream{fill:var(--okfill);stroke:var(--ok)}
.plot .way{fill:none;stroke:var(--ink);stroke-width:2;marker-end:url(#head)}
.plot .label,.plot .region{font-size:15px}
.plot .far{stroke:var(--ok);stroke-dasharray:7 5}.plot .head{fill:var(--ink)}
"""
HEAD = (
    '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path class="head" d="M0 0L10 5L0 10z"/></marker></defs>'
)
COLUMNS = {"west": 20.0, "central": 350.0, "east": 680.0}
WIDE = 300.0


def way_of_a_message() -> str:
    parts = [HEAD, *(_region(region, left) for region, left in COLUMNS.items())]
    parts += [_box("box", 50, 50, 240, "your program in west"), _box("box", 50, 130, 240, "any server of west")]
    parts += [_box("stream", 50, 220, 240, "foo-write-west, 3 copies")]
    parts += [_box("stream", left + 30, 330, 240, f"foo-read-{region}, 3 copies") for region, left in COLUMNS.items()]
    parts += [_box("box", left + 30, 420, 240, f"readers in {region}") for region, left in COLUMNS.items()]
    parts += [_arrow("M80 90V130"), text(92, 115, "1 publish foo.test", "label")]
    parts += [_arrow("M80 170V220"), text(92, 200, "2 mapped to foo.west.test", "label")]
    parts += [_arrow("M50 240H36V70H50"), text(42, 114, "ack", "label")]
    parts += [_arrow("M80 260V330"), text(92, 300, "3 sourced, again as foo.test", "label")]
    parts += [_arrow("M290 232H500V330", " far"), _arrow("M290 248H482V292H830V330", " far")]
    parts += [text(362, 224, "3 through gateways", "label")]
    for left in COLUMNS.values():
        parts += [_arrow(f"M{left + 150:g} 370V420"), text(left + 162, 399, "4 read foo", "label")]
    told = "a publish in west is mapped, stored and acknowledged in west, and sourced by the read stream of each region"
    picture = Picture("way", "The way of a message", told, 484, "".join(parts))
    return f"{picture.svg(style.flat(style.COLOURS + style.DRAWING + LOOKS))}\n"


def _region(region: str, left: float) -> str:
    frame = tag("rect", class_="box", x=left, y=10, width=WIDE, height=462, rx=8)
    return frame + text(left + 14, 32, region, "region")


def _box(kind: str, x: float, y: float, width: float, words: str) -> str:
    frame = tag("rect", class_=kind, x=x, y=y, width=width, height=40, rx=5)
    return frame + text(x + width / 2, y + 25, words, "label", "middle")


def _arrow(path: str, kind: str = "") -> str:
    return tag("path", class_=f"way{kind}", d=path)


DRAWINGS: Mapping[str, Callable[[], str]] = {
    "way-of-a-message": way_of_a_message,
    **{f"fault-{name}": partial(fault, verb) for name, verb in FAULTS.items()},
}
