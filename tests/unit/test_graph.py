"""Drawings of the topology and its faults, in every notation."""

import xml.etree.ElementTree as ElementTree
from typing import get_args

import pytest

from lab.cli.app import Notation
from lab.graph import FORMATS
from lab.graph.graph import Edge, Graph, graph, planned
from lab.topology import Topology

TOPOLOGY = Topology()
STATES = {node.name: "running" for node in TOPOLOGY.nodes}


CUT = Edge(("central", "west"), "cut", {})
EDGES = (Edge(("central", "east"), "cut", {}), CUT, Edge(("east", "west"), "joined", {}))
FAULTS = ("central-1 is cut from link central-east", "east-2 is paused")


def test_a_link_says_what_is_not_ordinary_about_it() -> None:
    regions = ("east", "west")
    slow, narrow = {"east->west": "delay 80ms", "west->east": "delay 80ms"}, {"east->west": "rate 1mbit"}
    assert Edge(regions, "joined", {}).words == ""
    assert Edge(regions, "joined", slow).words == "delay 80ms"
    assert Edge(regions, "west->east cut", narrow).words == "west->east cut, east->west rate 1mbit"


def test_text() -> None:
    states = STATES | {"east-2": "paused"}
    assert FORMATS["text"](graph(TOPOLOGY, states, EDGES, FAULTS)) == (
        """\
region-lab: 9 nodes in 3 regions, 2 faults in force

   west  west-1           west-2           west-3
central  central-1        central-2        central-3
   east  east-1           east-2 (paused)  east-3

central ══   ══ east     cut
central ══   ══ west     cut
   east ═══════ west

central-1 is cut from link central-east
east-2 is paused
"""
    )


@pytest.mark.parametrize("notation", FORMATS)
def test_every_notation_has_every_node_and_what_is_wrong(notation: str) -> None:
    drawn = FORMATS[notation](graph(TOPOLOGY, STATES | {"east-2": "exited"}, EDGES, FAULTS))
    assert [node.name for node in TOPOLOGY.nodes if node.name not in drawn] == []
    assert "exited" in drawn
    assert drawn.count("cut") >= 2
    assert drawn == FORMATS[notation](graph(TOPOLOGY, STATES | {"east-2": "exited"}, EDGES, FAULTS))


@pytest.mark.parametrize("notation", FORMATS)
def test_a_lab_that_is_not_up_is_drawn_as_it_would_be(notation: str) -> None:
    assert "not running" in FORMATS[notation](planned(TOPOLOGY))


def boxes(drawn: Graph) -> list[tuple[float, float, float, float]]:
    """Left, top, right, bottom of each region."""
    tree = ElementTree.fromstring(FORMATS["svg"](drawn))
    found = [rect.attrib for rect in tree.iter("{http://www.w3.org/2000/svg}rect") if rect.get("class") == "box"]
    sizes = [tuple(float(rect[key]) for key in ("x", "y", "width", "height")) for rect in found]
    return [(x, y, x + width, y + height) for x, y, width, height in sizes]


@pytest.mark.parametrize("regions", range(2, 10))
@pytest.mark.parametrize("nodes", [1, 3, 9])
def test_regions_are_beside_each_other_and_inside_the_drawing(regions: int, nodes: int) -> None:
    topology = Topology(regions=tuple("abcdefghi"[:regions]), nodes_per_region=nodes, port_step=100)
    found = boxes(planned(topology))
    assert len(found) == regions
    assert all(left >= 0 and top >= 40 and right <= 1000 for left, top, right, _ in found)
    for place, (left, top, right, bottom) in enumerate(found):
        for other in found[place + 1 :]:
            assert right < other[0] or other[2] < left or bottom < other[1] or other[3] < top


def test_the_command_line_offers_every_notation() -> None:
    assert set(get_args(Notation)) == {*FORMATS}
