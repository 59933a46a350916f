"""Streams that people bring: from a folder to a layout, what is refused, and what a check then promises."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from graphs import FAN_IN, GRAPHS, MIRRORED, TWO_HOPS, stream, topology

from lab import ownfolder
from lab.check.form import Form
from lab.check.history import SUBJECT
from lab.check.load import Wish, feeds, subjects, watched
from lab.check.payload import Body
from lab.check.promises import explain, text
from lab.errors import UsageError
from lab.layouts import layout_of
from lab.layouts.own import problems
from lab.render import files
from lab.topology import Topology
from lab.validate import problems as wrong

EXAMPLES = Path(__file__).parents[2] / "examples" / "streams"
STREAM: dict[str, Any] = {"name": "s", "subjects": ["s.>"], "placement": {"cluster": "west"}, "num_replicas": 3}


def brought(folder: Path, **contents: Any) -> Topology:
    for name, content in contents.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return Topology(layout="own", own=ownfolder.load(folder))


def refused(folder: Path, **contents: Any) -> str:
    with pytest.raises(UsageError) as caught:
        brought(folder, **contents)
    return caught.value.message


@pytest.mark.parametrize("example", ["shop", "bank"])
def test_the_examples_can_be_brought(example: str) -> None:
    lab = Topology(layout="own", own=ownfolder.load(EXAMPLES / example))
    assert list(wrong(lab)) == []
    assert Topology.from_label(lab.to_label()) == lab
    assert len(lab.to_label()) < 3000


def test_what_the_cli_writes_and_what_it_reads_are_the_same(tmp_path: Path) -> None:
    plain = brought(tmp_path, s=STREAM)
    told = {"config": STREAM | {"max_msgs": 0, "metadata": {"_nats.level": "1"}}, "state": {"messages": 7}}
    assert layout_of(brought(tmp_path, s=told)).streams[0].definition["max_msgs"] == -1
    assert layout_of(plain).streams[0].definition == STREAM


def test_a_consumer_goes_with_its_stream(tmp_path: Path) -> None:
    consumer = {"stream_name": "s", "config": {"durable_name": "d", "ack_policy": "explicit"}}
    assert layout_of(brought(tmp_path, s=STREAM, s_d=consumer)).consumers == (("s", consumer["config"]),)
    lab = brought(tmp_path, s_d=consumer | {"stream_name": "t"})
    assert list(problems(lab)) == ["s_d.json: is a consumer of `t`, and there is no such stream"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "s.json: line 1: is not JSON"),
        ("[1]", "s.json: is JSON, but no stream definition"),
        ({"hello": 1}, "s.json: is not a stream definition: it has no `name`"),
        ({"name": "s", "x": 1}, "s.json: is not a stream definition: it has nothing that streams have"),
        (STREAM | {"subjects": "s.>"}, "s.json: `subjects` should be a list"),
        ({"name": "s", "sources": ["t"]}, "s.json: `sources[0]` should be an object"),
        ({"name": "s", "sources": [{"name": "t", "external": 5}]}, "s.json: `sources[0].external` should be an object"),
        ({"name": "s", "mirror": {"name": "t", "subject_transforms": [None]}}, "`mirror.subject_transforms[0]` should"),
        (STREAM | {"placement": {"cluster": ["west"]}}, "s.json: `placement.cluster` should be text"),
        (STREAM | {"placement": {"tags": 5}}, "s.json: `placement.tags` should be a list"),
        (STREAM | {"metadata": 5}, "s.json: `metadata` should be an object"),
        (STREAM | {"max_age": "1h"}, "s.json: `max_age` should be a whole number"),
        (STREAM | {"num_replicas": True}, "s.json: `num_replicas` should be a whole number"),
        (STREAM | {"name": "../../s"}, "s.json: `../../s` cannot be the name of a stream"),
        (STREAM | {"name": "s\x1b[2J"}, "s.json: `s\\x1b[2J` cannot be the name of a stream"),
        (STREAM | {"name": "s" * 201}, "it has more than 200 bytes"),
        (STREAM | {"subjects": ["a..b"]}, "s.json: `a..b` in `subjects` is not a subject"),
        (STREAM | {"subjects": [">.a"]}, "s.json: `>.a` in `subjects` is not a subject"),
        ('{"name": "\\ud800", "subjects": ["a"]}', "s.json: `name` has half a character"),
        ('{"name": "s", "subjects": ["a"], "max_msgs": NaN}', "s.json: is not JSON: `NaN`"),
        ('{"name": "s", "subjects": ["a"], "max_msgs": ' + "9" * 5000 + "}", "s.json: has a number of 5,000 digits"),
        ("[" * 100_000, "s.json: is nested too deeply"),
        ({"stream_name": "s", "config": {"ack_policy": "explicit"}}, "s.json: is a consumer without a name"),
        ({"stream_name": "s", "config": {"durable_name": 5}}, "s.json: `durable_name` should be text"),
        ({"stream_name": "s", "config": {"durable_name": "../c"}}, "s.json: `../c` cannot be the name"),
        (STREAM | {"description": "x" * 1_000_000}, "bytes of JSON, and a lab has at most 1,000,000"),
        ({"ack_policy": "none"}, "s.json: is a consumer, and does not say of which stream"),
    ],
)
def test_what_is_no_definition_is_refused_with_its_file(tmp_path: Path, content: Any, sentence: str) -> None:
    assert sentence in refused(tmp_path, s=content)


@pytest.mark.parametrize(
    ("account", "sentence"),
    [
        ({"A": {"users": 5}}, "accounts.json: `accounts.A.users` should be a list"),
        ({"A": {"users": [None]}}, "accounts.json: `accounts.A.users[0]` should be an object"),
        ({"A": {"imports": [{"service": "x"}]}}, "accounts.json: `accounts.A.imports[0].service` should be an object"),
        ({"../../A": {}}, "accounts.json: the name of an account has a slash"),
    ],
)
def test_what_is_no_account_is_refused(tmp_path: Path, account: Any, sentence: str) -> None:
    assert sentence in refused(tmp_path, s=STREAM, accounts={"accounts": account})


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.json")
    assert "p.json: is not a file" in refused(tmp_path, s=STREAM)


def test_more_streams_than_a_lab_can_have_are_refused(tmp_path: Path) -> None:
    many = {f"s{number}": {"name": f"s{number}", "subjects": [f"s{number}"]} for number in range(1001)}
    assert "there are 1,001 streams, and a lab has at most 1,000" in refused(tmp_path, **many)


def test_an_empty_folder_and_none_are_refused(tmp_path: Path) -> None:
    assert "has no file with a stream" in refused(tmp_path)
    assert "is not a folder" in refused(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"placement": {"cluster": "north"}}, "s.json: s is placed in `north`, which is not a region"),
        ({"num_replicas": 5}, "s.json: s wants 5 replicas, and `west` has 3 nodes"),
        ({"sources": [{"name": "t"}]}, "s.json: s takes from `t`, and there is no such stream"),
        ({"sources": [{"name": "s"}]}, "s.json: s is on a loop"),
    ],
)
def test_a_definition_that_cannot_work_is_refused_with_its_file(tmp_path: Path, change: Any, sentence: str) -> None:
    assert any(told.startswith(sentence) for told in problems(brought(tmp_path, s=STREAM | change)))


def test_subjects_that_overlap_are_refused(tmp_path: Path) -> None:
    lab = brought(tmp_path, s=STREAM, t=STREAM | {"name": "t", "subjects": ["s.a"]})
    assert [told for told in problems(lab) if "(10065)" in told] != []
    assert "is defined in s.json already" in next(problems(brought(tmp_path, t=STREAM)))


def test_a_folder_called_after_an_account_is_of_that_account(tmp_path: Path) -> None:
    user = {"users": [{"user": "u", "password": "p"}]}
    accounts = {"accounts": {"A": user, "B": user}, "no_auth_user": "u"}
    lab = brought(tmp_path, accounts=accounts, s=STREAM, B__s=STREAM)
    assert [stream.key for stream in layout_of(lab).streams] == ["s@B", "s@A"]
    assert layout_of(lab).login("s@B", "west") == ("u", "p")
    config = files(lab)["configs/accounts.conf"]
    assert '"B": {' in config
    assert '"$SYS"' in config
    assert "the lab's own matter" in refused(tmp_path, accounts={"jetstream": {}})


def test_the_layout_goes_with_streams_and_streams_with_the_layout() -> None:
    assert any("needs your streams" in told for _, told in wrong(Topology(layout="own")))
    assert any("with `layout: own`" in told for _, told in wrong(replace(TWO_HOPS, layout="mapped")))


def test_what_is_filled_and_what_is_watched() -> None:
    layout = layout_of(TWO_HOPS)
    filled = {feed.origin: feed for feed in feeds(layout)}
    assert {key: feed.region for key, feed in filled.items()} == {
        "orders": "west",
        "events": "central",
        "audit": "east",
    }
    assert any(subject.startswith("orders.eu.") for subject in filled["orders"].published)
    assert [place for place, _ in watched(layout)] == ["near", "far"]


def test_wishes_say_who_publishes_where_and_on_what() -> None:
    layout = layout_of(TWO_HOPS)
    wishes = {"orders": Wish(("east", "west"), ("orders.eu.x",), 40, 512)}
    found = [feed for feed in feeds(layout, wishes) if feed.origin == "orders"]
    assert [(feed.region, feed.rate, feed.size) for feed in found] == [("east", 20, 512), ("west", 20, 512)]
    assert {feed.published for feed in found} == {("orders.eu.x",)}
    for wish in ({"nothing": Wish()}, {"orders": Wish(subjects=("foo.x",))}, {"orders": Wish(("north",))}):
        with pytest.raises(UsageError):
            feeds(layout, wish)


def test_a_mapping_of_the_account_is_between_what_is_published_and_what_is_stored(tmp_path: Path) -> None:
    accounts = {"mappings": {"in.*": [{"destination": "s.in.$1", "weight": "100%", "cluster": "west"}]}}
    lab = brought(tmp_path, accounts=accounts | {"accounts": {}}, s=STREAM)
    (feed,) = feeds(layout_of(lab), {"s": Wish(subjects=("in.x",))})
    assert (feed.published, feed.stored) == (("in.x",), ("s.in.x",))


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_property_is_explained(graph: str) -> None:
    layout = layout_of(GRAPHS[graph])
    explained = explain(layout, feeds(layout))
    assert {promise.property for promise in explained.promises} >= {"P1", "P2a", "P6", "P11", "L1", "L9"}
    assert all(promise.promised or promise.why for promise in explained.promises)
    assert all(stream.key in text(explained) for stream in layout.streams)


def not_promised(lab: Topology) -> dict[str, str]:
    layout = layout_of(lab)
    explained = explain(layout, feeds(layout))
    return {f"{each.property} {place}": each.why for each in explained.promises if each.why for place in each.places}


def test_what_comes_by_two_ways_is_not_promised_once() -> None:
    diamond = topology(
        stream("a", "west", subjects=["a"]),
        stream("b", "west", sources=[{"name": "a"}]),
        stream("c", "west", sources=[{"name": "a"}]),
        stream("d", "west", sources=[{"name": "b"}, {"name": "c"}]),
    )
    found = not_promised(diamond)
    assert "by several ways" in found["P2b d"]
    assert "by several ways" in found["P5b d"]
    assert "P2b b" not in found


def test_what_cannot_be_foretold_is_not_judged() -> None:
    somewhere = {"name": "a", "subject_transforms": [{"src": "a.*", "dest": "b.{{random(9)}}"}]}
    dark = topology(stream("a", "west", subjects=["a.*"]), stream("b", "east", sources=[somewhere]))
    assert "cannot be foretold" in not_promised(dark)["P10 b"]
    layout = layout_of(dark)
    form = Form(dark, ("a", "b"), subjects(feeds(layout)), b"8a61f0c2", 7)
    found = Body(b"8a61f0c2", 0, 3, 1, True)
    assert form.flags(found, layout.stream("b"), "b.7") & SUBJECT
    assert not form.flags(found, layout.stream("a"), "b.7") & SUBJECT


def test_retention_decides_what_is_promised() -> None:
    queue = stream("q", "west", subjects=["q"], retention="workqueue")
    full = stream("f", "east", subjects=["f"], discard="new", max_msgs=10)
    found = not_promised(topology(queue, full))
    assert "what is gone proves nothing" in found["P1 q"]
    assert "take its messages away" in found["P11 q"]
    assert "refuse for being full" in found["L2 east"]


def test_the_default_is_a_case_like_any_other() -> None:
    found = not_promised(Topology())
    assert {key.partition(" ")[0] for key in found} <= {"P7", "P11"}
    assert set(not_promised(MIRRORED)) > set()
    assert "P2b all" not in not_promised(FAN_IN)
