"""The graph of streams: what reaches what, what cannot work, and its drawings."""

import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from lab.streamgraph import Defined, StreamGraph, graph
from lab.streamgraph.flow import arrivals, subjects, unreached
from lab.streamgraph.formats import FORMATS
from lab.streamgraph.graph import source_name
from lab.streamgraph.problems import problems
from lab.streamgraph.subjects import Transform, matches, shared

NODES = {"west": 3, "east": 3}


def stream(name: str, region: str = "west", account: str = "A", **definition: Any) -> Defined:
    placed = {"name": name, "num_replicas": 3, "placement": {"cluster": region}}
    return Defined(account, region, placed | definition)


ORDERS = stream("orders", subjects=["orders.*.>"])
EU = stream("eu", "east", sources=[{"name": "orders", "filter_subject": "orders.eu.>"}])
RENAMED = stream(
    "late", "east", sources=[{"name": "eu", "subject_transforms": [{"src": "orders.eu.late.*", "dest": "late.$1"}]}]
)
COPY = stream("copy", "west", mirror={"name": "late"})
CHAIN = graph([COPY, RENAMED, EU, ORDERS])


def wrong(*streams: Defined) -> list[str]:
    return [f"{key} {sentence}" for key, sentence in problems(graph(streams), NODES)]


@pytest.mark.parametrize(
    ("pattern", "subject", "taken"),
    [
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("a.>", "a", False),
        ("a.>", "a.b.c", True),
        ("a.b", "a.b", True),
        (">", "a", True),
        ("a.*", "a.>", False),
        ("a.>", "a.*", True),
    ],
)
def test_patterns_take_subjects_as_servers_see_it(pattern: str, subject: str, taken: bool) -> None:
    assert matches(pattern, subject) is taken


def test_two_patterns_share_a_pattern() -> None:
    assert shared("orders.*.>", "orders.eu.>") == "orders.eu.>"
    assert shared("a.*.c", "*.b.*") == "a.b.c"
    assert shared("a.>", "a") is None
    assert shared("a.*", "b.*") is None
    assert shared(">", "a.*") == "a.*"


@pytest.mark.parametrize(
    ("destination", "made"),
    [
        ("b.$2.{{wildcard(1)}}", "b.y.abcd"),
        ("b.{{partition(10,1)}}", "b.3"),
        ("b.{{splitfromleft(1,1)}}", "b.a.bcd"),
        ("b.{{slicefromright(1,3)}}", "b.a.bcd"),
        ("b.{{left(1,2)}}.{{right(1,1)}}", "b.ab.d"),
        ("", "a.abcd.y"),
    ],
)
def test_transforms_do_what_servers_do(destination: str, made: str) -> None:
    assert Transform("a.*.*", destination).apply("a.abcd.y") == made


def test_what_cannot_be_foretold_is_not_guessed() -> None:
    transform = Transform("a.*", "b.{{random(10)}}")
    assert transform.apply("a.b") is None
    assert not transform.foreseeable


def test_a_filter_behind_a_transform_is_seen_from_before_it() -> None:
    assert Transform("a.*.>", "b.$1.>").back("b.x.y") == "a.x.y"
    assert Transform("a.*", "b.$1").back("c.*") is None


def test_messages_go_over_several_hops_through_filters_and_transforms() -> None:
    assert [vertex.key for vertex in CHAIN.vertices] == ["orders", "eu", "late", "copy"]
    came = {arrival.stream: arrival.subject for arrival in arrivals(CHAIN, "orders", "orders.eu.late.7")}
    assert came == {"orders": "orders.eu.late.7", "eu": "orders.eu.late.7", "late": "late.7", "copy": "late.7"}
    assert [arrival.stream for arrival in arrivals(CHAIN, "orders", "orders.us.x")] == ["orders"]


def test_the_load_reaches_every_stream_and_leaves_something_out() -> None:
    published = [("orders", subject) for subject in subjects(CHAIN, "orders")]
    assert unreached(CHAIN, published) == []
    assert len(set(published)) == 16
    assert any(len(list(arrivals(CHAIN, *pair))) == 1 for pair in published)


def test_a_stream_of_another_account_is_found_by_the_prefix_of_its_api() -> None:
    there = stream("orders", account="B", subjects=["orders.>"])
    here = stream("all", sources=[{"name": "orders", "external": {"api": "$JS.B.API", "deliver": "d"}}])
    for apis in ({}, {("A", "$JS.B.API"): "B"}):
        found = graph([here, there], apis)
        assert found.upstream("all") == ("orders",)
        assert "of account B" in str(found.edges[0])
    assert source_name(found.edges[0]).startswith("orders:")
    assert len(source_name(found.edges[0])) == len("orders:") + 8


def test_what_cannot_work_is_said_with_its_stream() -> None:
    assert wrong(ORDERS, EU) == []
    assert "no region of this lab" in wrong(stream("a", "north"))[0]
    assert "wants 5 replicas, and `west` has 3 nodes" in wrong(stream("a", num_replicas=5))[0]
    assert wrong(EU) == ["eu takes from `orders`, and there is no such stream"]
    assert "(10065)" in wrong(ORDERS, stream("more", subjects=["orders.eu.>"]))[0]
    loop = wrong(stream("a", sources=[{"name": "b"}]), stream("b", sources=[{"name": "a"}]))
    assert loop == ["a is on a loop, in which each message goes round for ever: a ← b ← a"]
    assert "is a mirror" in wrong(ORDERS, stream("m", mirror={"name": "orders"}, subjects=["x"]))[0]


@pytest.mark.parametrize("notation", FORMATS)
def test_every_notation_has_every_stream_and_says_what_is_selected(notation: str) -> None:
    drawn = FORMATS[notation](CHAIN)
    assert [vertex.key for vertex in CHAIN.vertices if vertex.key not in drawn] == []
    assert "orders.eu." in drawn
    if notation == "svg":
        ElementTree.fromstring(drawn)


def test_what_others_called_their_streams_breaks_no_notation() -> None:
    hostile = Defined("$G", "west", {"name": 'a"<b', "subjects": ['s."\x1b[2J\n']})
    made = graph([hostile, Defined("$G", "west", {"name": "c", "sources": [{"name": 'a"<b'}]})])
    drawn = {name: draw(made) for name, draw in FORMATS.items()}
    assert all("\x1b" not in text for text in drawn.values())
    assert '"a\\"<b" [label="a\\"<b\\nR1' in drawn["dot"]
    assert '"a\\"<b" -> "c"' in drawn["dot"]
    assert 's0["a&quot;&lt;b<br/>' in drawn["mermaid"]
    ElementTree.fromstring(drawn["svg"])


def test_text() -> None:
    assert (
        FORMATS["text"](CHAIN)
        == """\
4 streams, 3 edges

west
  orders  R3  orders.*.>
  copy    R3
          ← late: mirrors

east
  eu      R3
          ← orders: sources (orders.eu.>)
  late    R3
          ← eu: sources (orders.eu.late.* → late.$1)
"""
    )


def test_a_graph_of_many_streams_is_made_at_once() -> None:
    chain = [stream("s0", subjects=["s"]), *(stream(f"s{n}", sources=[{"name": f"s{n - 1}"}]) for n in range(1, 60))]
    found: StreamGraph = graph(chain)
    assert len(found.levels) == 60
    assert len(list(arrivals(found, "s0", "s"))) == 60
