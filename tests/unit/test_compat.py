"""What the answer to a call means in a layout, and how outcomes are shown."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from nats.errors import TimeoutError as ClientTimeout

from lab.compat.natspy import CALLS, Place, tried
from lab.compat.natspy.place import Call
from lab.compat.nodejs import PACKAGES, node
from lab.compat.pages import across, markdown, tables, text
from lab.compat.values import Answer, Bench, Compatibility, Outcome, Tried, judged
from lab.errors import UsageError
from lab.layouts import layout_of
from lab.plain import plain
from lab.topology import LayoutName, Topology


def bench(layout: LayoutName) -> tuple[Bench, Topology]:
    topology = Topology(layout=layout)
    made = layout_of(topology)
    return Bench("east", "foo", made.copy("east").name, made.origin("east").name, "lab-compat-1", "foo.x", ()), topology


@pytest.mark.parametrize(
    ("layout", "answer", "state", "detail"),
    [
        ("mapped", Answer("g", "c", stream="foo-read-east"), "works", ""),
        ("mapped", Answer("g", "c"), "works", ""),
        ("mapped", Answer("g", "c", stream="foo-read-west"), "wrong stream", "`foo-read-west`, which west reads"),
        (
            "mapped",
            Answer("g", "c", stream="foo-write-west"),
            "wrong stream",
            "`foo-write-west`, which stores what only west publishes",
        ),
        ("mapped", Answer("g", "c", writes=True, stream="foo-write-east"), "works", ""),
        (
            "transparent",
            Answer("g", "c", stream="foo-write-east"),
            "wrong stream",
            "`foo-write-east`, which stores what only east publishes",
        ),
        ("transparent", Answer("g", "c", stream="foo"), "works", ""),
        ("mirror", Answer("g", "c", writes=True, stream="foo-west"), "works", ""),
        (
            "mirror",
            Answer("g", "c", stream="foo-west"),
            "wrong stream",
            "`foo-west`, which stores what all regions publish",
        ),
        ("mapped", Answer("g", "c", stream="orders"), "wrong stream", "`orders`, which is none of the layout's"),
        ("mapped", Answer("g", "c", error="No: really", code=10056), "fails", "No: really"),
        ("mapped", Answer("g", "c", skipped="it would hurt"), "not tried", "it would hurt"),
    ],
)
def test_a_call_works_on_the_stream_that_the_layout_means_or_on_a_wrong_one(
    layout: LayoutName, answer: Answer, state: str, detail: str
) -> None:
    where, topology = bench(layout)
    found = judged(answer, where, layout_of(topology))
    assert (found.state, found.detail, found.code) == (state, detail, answer.code)


FOUND = Compatibility(
    "mapped",
    "east",
    "foo",
    "2.15.1",
    3,
    (
        Tried(
            "nats-py",
            "2.16.0",
            (
                Outcome("Stream", "js.one()", "works"),
                Outcome("Stream", "js.two()", "fails", "BadRequestError: no", 10056),
                Outcome("Publish", "js.three()", "not tried", "it would hurt"),
            ),
        ),
    ),
)
OTHER = replace(
    FOUND,
    layout="stretch",
    clients=(Tried("nats-py", "2.16.0", (Outcome("Stream", "js.two()", "fails", "BadRequestError: no", 10056),)),),
)


def test_what_was_printed_as_json_is_read_back() -> None:
    assert Compatibility.from_json(plain(FOUND)) == FOUND


def test_text_tells_each_call_with_the_servers_code() -> None:
    shown = text(FOUND)
    assert "nats-py 2.16.0: 1 of 2 calls work on `foo`" in shown
    assert "    js.two()    fails         10056: BadRequestError: no" in shown


def test_a_table_has_a_column_for_each_layout_and_each_note_once() -> None:
    shown = tables([FOUND, OTHER], "nats-py")
    assert "| `js.one()` | works |  |" in shown
    assert "| `js.two()` | **fails** <sup>1</sup> | **fails** <sup>1</sup> |" in shown
    assert shown.count("10056: BadRequestError: no") == 1
    assert "`mapped` 1 of 2; `stretch` 0 of 1" in shown
    assert "| `js.one()` | works |" in markdown(FOUND)
    assert across([FOUND, OTHER]).startswith("- layout `mapped`, a client in east, nats-server 2.15.1 on 3 nodes")


def test_without_nodejs_or_the_package_a_sentence_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="there is no `node` on your PATH"):
        node(tmp_path)
    (tmp_path / "node").touch(mode=0o755)
    with pytest.raises(UsageError, match="needs the package `@nats-io/jetstream`, and neither"):
        node(tmp_path)
    for package in PACKAGES:
        (tmp_path / "node_modules" / package).mkdir(parents=True)
    (tmp_path / "inside").mkdir()
    assert node(tmp_path / "inside") == str(tmp_path / "node")


def test_no_call_is_listed_twice() -> None:
    assert len({call.name for call in CALLS}) == len(CALLS) > 50


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([ClientTimeout(), "foo-read-east"], None),
        ([ClientTimeout(), ClientTimeout(), "foo-read-east"], "TimeoutError: nats: timeout"),
        ([ValueError("no"), "foo-read-east"], "ValueError: no"),
    ],
)
def test_a_call_that_gets_no_answer_in_time_is_tried_once_more(
    answers: list[Exception | str], error: str | None
) -> None:
    left: Iterator[Exception | str] = iter(answers)

    async def run(_: Place) -> str:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    found = asyncio.run(tried(cast(Place, None), Call("group", "call", False, run)))
    assert (found.error or None) == error
