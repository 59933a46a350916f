"""What expectations make of evidence: what holds, what is violated, and what cannot be told."""

import asyncio
from dataclasses import replace
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

from lab.api import Lab
from lab.jetstream.session import Entry
from lab.layouts import Stream
from lab.observe.comparison import Copy
from lab.observe.operations import Cell, State
from lab.scenario import evidence as see
from lab.scenario.conditions import applies, matches, readable
from lab.scenario.context import Context
from lab.scenario.expectations import EXPECTATIONS, KINDS, Quantity
from lab.scenario.observations import observe
from lab.scenario.scenario import When
from lab.topology import Topology

# Names are plain texts here.
expect: Any = SimpleNamespace(Quantity=Quantity, **{kind.__name__: kind for kind in KINDS})
W, C = "foo-write-west", "foo-write-central"


def sent(sequence: int = 1, outcome: Any = "ok", stream: str = W, **changes: Any) -> see.Sent:
    region = stream.rpartition("-")[2]
    return replace(see.Sent(region, "body", outcome, stream, sequence, False, "", 0.01, float(sequence)), **changes)


def copies(*origins: tuple[str, int]) -> tuple[Copy, ...]:
    return tuple(Copy(origin, "foo.test", "body", f"{origin}".encode()) for origin in origins)


def cell(state: State, code: int | None = None) -> Cell:
    return Cell("west", "get", state, 0.1, code)


def held(**regions: Any) -> see.Held:
    return see.Held(regions)


def both(messages: list[see.Sent], **regions: Any) -> see.HeldAndSent:
    return see.HeldAndSent(held(**regions), tuple(messages))


def led(views: dict[str, str | None]) -> see.LeaderViews:
    regions = {node.name: node.region for node in Topology().nodes} | {"elsewhere": "west"}
    return see.LeaderViews(views, (), regions)


NAMED: dict[str, Any] = {"messages": ("m",)}
WEST: dict[str, Any] = {"in_": ("west",)}
GET: dict[str, Any] = {"operations": ("get",), **WEST}
CASES: list[tuple[Any, Any, str]] = [
    (expect.Published(**NAMED), see.Publishes((sent(), sent(2))), "held"),
    (expect.Published(**NAMED), see.Publishes((sent(), sent(2, "info"))), "violated"),
    (expect.Published(**NAMED), see.Publishes(()), "could not tell"),
    (expect.Published(**NAMED, stream=C), see.Publishes((sent(),)), "violated"),
    (expect.Published(**NAMED, each_within=0.5), see.Publishes((sent(seconds=0.6),)), "violated"),
    (expect.Published(**NAMED, outcome="refused"), see.Publishes((sent(outcome="fail"),)), "held"),
    (expect.Published(**NAMED, outcome="refused"), see.Publishes((sent(outcome="info"),)), "violated"),
    (expect.Published(**NAMED, outcome="not acknowledged"), see.Publishes((sent(outcome="info"),)), "held"),
    (expect.Published(**NAMED, outcome="not acknowledged"), see.Publishes((sent(),)), "violated"),
    (expect.Published(**NAMED, duplicates=expect.Quantity(exactly=1)), see.Publishes((sent(duplicate=True),)), "held"),
    (expect.Published(**NAMED, duplicates=expect.Quantity(exactly=1)), see.Publishes((sent(),)), "violated"),
    (expect.Works(**GET), see.Cells((cell("works"),)), "held"),
    (expect.Works(**GET), see.Cells((cell("works"), cell("silent"))), "violated"),
    (expect.Works(**GET), see.Cells((cell("unknown"),)), "could not tell"),
    (expect.Fails(**GET), see.Cells((cell("fails", 10008),)), "held"),
    (expect.Fails(**GET, code=10008), see.Cells((cell("fails", 10008),)), "held"),
    (expect.Fails(**GET, code=10008), see.Cells((cell("fails", 503),)), "violated"),
    (expect.Fails(**GET), see.Cells((cell("works"),)), "violated"),
    (expect.Fails(**GET), see.Cells((cell("fails", 10008), cell("silent"))), "could not tell"),
    (expect.Visible(**NAMED), both([sent()], west=copies((W, 1))), "held"),
    (expect.Visible(**NAMED), both([sent()], west=copies((W, 1)), east=copies()), "violated"),
    (expect.Visible(**NAMED), both([sent()], west="cannot be read"), "could not tell"),
    (expect.Visible(**NAMED), both([sent(outcome="info")], west=copies()), "could not tell"),
    (expect.NotVisible(**NAMED), both([sent()], west=copies((C, 1))), "held"),
    (expect.NotVisible(**NAMED), both([sent()], west=copies((W, 1))), "violated"),
    (expect.NotVisible(**NAMED), both([sent()], west="cannot be read"), "could not tell"),
    (expect.NotVisible(**NAMED), both([], west=copies()), "could not tell"),
    (expect.NothingLost(), both([sent(), sent(2, "info")], west=copies((W, 1))), "held"),
    (expect.NothingLost(), both([sent(), sent(2)], west=copies((W, 1))), "violated"),
    (expect.NothingLost(), both([sent(), sent(2)], west=copies((W, 1)), east="unread"), "violated"),
    (
        expect.Lost(of=("m",), **WEST, count=expect.Quantity(exactly=1)),
        both([sent(), sent(2)], west=copies((W, 1))),
        "held",
    ),
    (
        expect.Lost(of=("m",), **WEST, count=expect.Quantity(exactly=2)),
        both([sent(), sent(2)], west=copies((W, 1))),
        "violated",
    ),
    (expect.NothingDuplicated(), held(west=copies((W, 1), (W, 2))), "held"),
    (expect.NothingDuplicated(), held(west=copies((W, 1), (W, 1))), "violated"),
    (expect.NothingDuplicated(), held(west="unread"), "could not tell"),
    (expect.Duplicated(**WEST, count=expect.Quantity(exactly=2)), held(west=copies((W, 1), (W, 1), (W, 1))), "held"),
    (expect.Duplicated(**WEST), held(west=copies((W, 1))), "violated"),
    (expect.Agree(), held(west=copies((W, 1), (C, 1)), east=copies((C, 1), (W, 1))), "held"),
    (expect.Agree(), held(west=copies((W, 1), (C, 1)), east=copies((C, 1))), "violated"),
    (expect.Agree(), held(west=copies((W, 1)), east="unread"), "could not tell"),
    (expect.Agree(), held(west=(), east=()), "could not tell"),
    (expect.OrderKept(), held(west=copies((W, 1), (C, 1), (W, 2))), "held"),
    (expect.OrderKept(), held(west=copies((W, 2), (C, 1), (W, 1))), "violated"),
    (expect.OrderKept(), held(west=copies((W, 1), (W, 2), (W, 1))), "held"),
    (expect.OrderDiffers(**WEST), held(west=copies((W, 1), (C, 1)), east=copies((C, 1), (W, 1))), "held"),
    (expect.OrderDiffers(**WEST), held(west=copies((W, 1), (C, 1)), east=copies((W, 1))), "violated"),
    (expect.Stored(stream=W, messages=expect.Quantity(at_least=3)), see.Figure(3), "held"),
    (expect.Stored(stream=W, messages=expect.Quantity(at_least=3)), see.Figure(2), "violated"),
    (expect.Holds(stream=W, messages=expect.Quantity(at_most=3)), see.Figure(3), "held"),
    (expect.Holds(stream=W, messages=expect.Quantity(at_most=3)), see.Figure(4), "violated"),
    (expect.Holds(stream=W, messages=expect.Quantity(at_most=3)), see.Figure(None, "unread"), "could not tell"),
    (expect.Leader(of="meta", none=True), see.LeaderViews({"west-1": "", "west-2": ""}), "held"),
    (expect.Leader(of="meta", none=True), see.LeaderViews({"west-1": "", "west-2": "east-1"}), "violated"),
    (expect.Leader(of="meta", **WEST), led({"west-1": "west-2", "east-1": None}), "held"),
    (expect.Leader(of="meta", **WEST), led({"west-1": "east-2"}), "violated"),
    (expect.Leader(of="meta", **WEST), led({"west-1": "elsewhere"}), "held"),  # where a node is, its name does not say
    (expect.Leader(of="meta"), see.LeaderViews({"west-1": "east-2", "east-1": "west-1"}), "violated"),
    (expect.Leader(of="meta", not_=("x",)), see.LeaderViews({"west-1": "east-2"}, ("east-2",)), "violated"),
    (expect.Leader(of="meta"), see.LeaderViews({"west-1": None}), "could not tell"),
    (expect.Healthy(), see.Lacks(()), "held"),
    (expect.Healthy(), see.Lacks(("no meta leader",)), "violated"),
    (expect.Answered(request="r"), see.Answer(0, {}, ""), "held"),
    (expect.Answered(request="r", code=10056), see.Answer(10056, {}, "wrong name"), "held"),
    (expect.Answered(request="r", code=10056), see.Answer(10059, {}, "not found"), "violated"),
    (expect.Answered(request="r"), see.Answer(None, {}, "no answer"), "could not tell"),
    (expect.Answered(request="r", has={"a": [{"b": 1}]}), see.Answer(0, {"a": [{"b": 1, "c": 2}, 3]}, ""), "held"),
    (expect.Answered(request="r", has={"a": [{"b": 2}]}), see.Answer(0, {"a": [{"b": 1}]}, ""), "violated"),
    (expect.Answered(request="r", lacks={"a": ["foo"]}), see.Answer(0, {"a": ["foo"]}, ""), "violated"),
    (expect.Delivered(consume="c", count=expect.Quantity(exactly=1)), see.Delivered((((W, 1), 1),), ()), "held"),
    (
        expect.Delivered(consume="c", redelivered=expect.Quantity(exactly=0)),
        see.Delivered((((W, 1), 2),), ()),
        "violated",
    ),
    (expect.Delivered(consume="c", includes=("m",)), see.Delivered((((W, 1), 1),), (sent(2),)), "violated"),
    (expect.Delivered(consume="c"), see.Delivered((), (), "no answer"), "violated"),
    (expect.Version(nodes=("west-1",), is_="2.15.1"), see.Versions({"west-1": "2.15.1"}), "held"),
    (expect.Version(nodes=("west-1",), is_="2.15.1"), see.Versions({"west-1": None}), "violated"),
    (expect.TrafficKept(of="t", **WEST, longest_gap=1.5), see.Publishes((sent(1), sent(2), sent(3))), "held"),
    (expect.TrafficKept(of="t", **WEST, longest_gap=1.5), see.Publishes((sent(1), sent(2), sent(4))), "violated"),
    (expect.TrafficKept(of="t", **WEST, longest_gap=1.5), see.Publishes((sent(1), sent(2, "fail"))), "violated"),
    (expect.TrafficKept(of="t", **WEST, longest_gap=1.5), see.Publishes(()), "could not tell"),
    (expect.Took(of="r", at_least=0.2), see.Times({"": (0.3,)}), "held"),
    (expect.Took(of="r", at_least=0.2), see.Times({"": (0.1, 0.1, 0.9)}), "violated"),  # the median counts
    (expect.Took(of="r", at_most=0.2), see.Times({"": (0.1, 0.1, 0.9)}), "held"),
    (expect.Took(of="r", at_most=0.2), see.Times({"": (0.3,)}), "violated"),
    (expect.Took(of="r", at_most=0.2), see.Times({"": ()}), "could not tell"),
    (expect.Took(of="m", in_=("west", "east"), at_least=0.2), see.Times({"west": (0.3,), "east": (0.1,)}), "violated"),
    (expect.Took(of="m", **WEST, at_most=9), see.Times({"west": (0.3, inf, inf)}), "violated"),  # two are not there
    (expect.Took(of="m", **WEST, at_least=0.2), see.Times({"west": (inf,)}), "violated"),
    (expect.Took(of="m", **WEST, at_most=9), see.Times({"west": "cannot be read"}), "could not tell"),
]


@pytest.mark.parametrize(("expectation", "evidence", "verdict"), CASES, ids=range(len(CASES)))
def test_an_expectation_is_judged_by_its_evidence(expectation: Any, evidence: Any, verdict: str) -> None:
    judged, seen = expectation.judge(evidence)
    assert judged == verdict
    assert seen
    assert str(expectation)


def entry(origin: tuple[str, int], milliseconds: int) -> Entry:
    return Entry(1, "foo.test", f"2026-01-01T00:00:00.{milliseconds:03}000000Z", b"", origin, {})


@pytest.mark.parametrize(
    ("wanted", "took"),
    [
        (expect.Took(of="asked"), {"": (0.3, 0.1)}),
        (expect.Took(of="m"), {"": (0.01, 0.01)}),  # an attempt without an answer took no time that means anything
        (expect.Took(of="m", in_=("west", "east")), {"west": (0.001, 0.002), "east": (0.04, inf)}),
        (expect.Took(of="m", in_=("central",)), {"central": "cannot be read"}),
    ],
)
def test_how_long_something_took(wanted: Any, took: dict[str, Any]) -> None:
    held = {
        "foo-write-west": (entry((W, 1), 100), entry((W, 2), 200)),
        "foo-write-central": "cannot be read",
        "foo-write-east": (),
        "foo-read-west": (entry((W, 1), 101), entry((C, 1), 101), entry((W, 2), 202)),
        "foo-read-central": "cannot be read",
        "foo-read-east": (entry((W, 1), 140),),
    }
    context = Context(Lab("nowhere"), Topology(), None)  # type: ignore[arg-type]
    context.took["asked"] = [0.3, 0.1]
    context.sent["m"] = [sent(1), sent(2), sent(3, "info")]

    async def entries(stream: Stream, region: str = "") -> Any:
        return held[stream.name]

    context.entries = entries  # type: ignore[method-assign]
    seen = asyncio.run(observe(wanted, context))
    assert {
        where: pytest.approx(times, abs=1e-6) if times != "cannot be read" else times for where, times in took.items()
    } == (seen.took)


def test_every_expectation_is_seen_to_hold_and_to_be_violated() -> None:
    outcomes = {(type(expectation), verdict) for expectation, _, verdict in CASES}
    assert {(kind, verdict) for kind in KINDS for verdict in ("held", "violated")} <= outcomes


def test_every_expectation_has_a_name_of_its_own_and_evidence() -> None:
    assert len(EXPECTATIONS) == len(KINDS)
    assert set(KINDS) <= observe.registry.keys()


@pytest.mark.parametrize(
    ("versions", "version", "wanted"),
    [
        (">=2.12.3 <2.15", "2.14.6", True),
        (">=2.12.3 <2.15", "2.12.2", False),
        (">=2.12.3 <2.15", "2.15.0", False),
        ("=2.12", "2.12.8", True),
        ("2.12.2", "2.12.2", True),
        ("<2.12.3, >=2.15", "2.15.1", True),
        ("<2.12.3, >=2.15", "2.14.0", False),
        (">2.9", "2.10.1", True),
    ],
)
def test_a_condition_on_versions(versions: str, version: str, wanted: bool) -> None:
    assert readable(versions)
    assert matches(versions, version) is wanted


@pytest.mark.parametrize("text", ["new", ">=2.12,", "=>2.12", "2.12.1.5"])
def test_what_is_no_condition_on_versions(text: str) -> None:
    assert not readable(text)


def test_of_several_versions_the_oldest_decides() -> None:
    assert applies(When(versions="<2.15"), ("2.9.1", "2.15.1"), "mapped", "", "short")
    assert not applies(When(versions=">=2.15"), ("2.14.6", "2.15.1"), "mapped", "", "short")
    assert not applies(When(versions=">=2.15"), (), "mapped", "", "short")
    assert not applies(When(length="long"), ("2.15.1",), "mapped", "", "short")
    assert not applies(When(variants=("a",)), ("2.15.1",), "mapped", "b", "short")
