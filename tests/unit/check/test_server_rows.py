"""What servers add to streams by themselves is no violation: what is republished, and marks of what expired."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from fake_cluster import FakeCluster
from graphs import stream, topology
from histories import seen

from lab.check import payload
from lab.check.checkers import judge
from lab.check.form import Form
from lab.check.history import NOWHERE, ROW, Array, History, Replica
from lab.check.load import feeds
from lab.check.promises import explain
from lab.layouts import layout_of
from lab.topology import Topology

# orders ─> near; orders ┄ republished ┄> told ─> twin
TOLD = topology(
    stream("orders", "west", subjects=["orders.>"], republish={"src": ">", "dest": "told.>"}),
    stream("told", "central", subjects=["told.>"]),
    stream("near", "central", sources=[{"name": "orders"}]),
    stream("twin", "east", sources=[{"name": "told"}]),
)
SILENT = topology(
    stream("orders", "west", subjects=["orders.>"]),
    stream("told", "central", subjects=["told.>"]),
    stream("near", "central", sources=[{"name": "orders"}]),
    stream("twin", "east", sources=[{"name": "told"}]),
)
MARKED: dict[str, Any] = {"max_age": 60 * 10**9, "allow_msg_ttl": True, "subject_delete_marker_ttl": 10**9}
MARKS = topology(
    stream("orders", "west", subjects=["orders.>"], **MARKED),
    stream("near", "central", sources=[{"name": "orders"}], **MARKED),
    stream("far", "east", sources=[{"name": "orders"}], **MARKED),
)


def form(history: History) -> Form:
    run = history.run
    subjects = {feed.origin: feed.stored for feed in feeds(run.layout)}
    return Form(run.topology, run.streams, subjects, run.mark.encode(), run.seed)


def with_rows(history: History, key: str, rows: Array) -> History:
    """With other rows of a stream, as all its replicas have them."""
    first, last = int(rows["sequence"][0]), int(rows["sequence"][-1])
    read = replace(history.reads[key], rows=rows, first=first, last=last, deleted=last - first + 1 - len(rows))

    def same(replica: Replica) -> Replica:
        return replace(replica, messages=len(rows), first=first, last=last, deleted=read.deleted)

    replicas = tuple(same(r) if r.stream == key else r for r in history.replicas)
    return replace(history, reads={**history.reads, key: read}, replicas=replicas)


def added(history: History, key: str, rows: Array, flags: Callable[[Array], int], origin: int) -> History:
    """With rows at the end of a stream; of those that a copy takes, `origin` is where from."""
    there = history.reads[key].rows
    new = np.array(rows, ROW)
    new["sequence"] = np.arange(1, len(new) + 1) + int(there["sequence"][-1])
    if origin != NOWHERE:
        new["origin"] = origin
    if origin in (NOWHERE, history.run.streams.index(key)):
        new["origin_sequence"] = new["sequence"]
    new["flags"] = [flags(row) for row in rows]
    live = {
        (place, kind): np.concatenate((rows, seen(new, acked=kind == "durable"))) if place == key else rows
        for (place, kind), rows in history.live.items()
    }
    return replace(with_rows(history, key, np.concatenate((there, new))), live=live)


def republished(shape: Topology) -> History:
    """Some of what was published to `orders` is in `told` and `twin` too, twice and in another order."""
    history = FakeCluster(topology=shape).history()
    made, layout = form(history), history.run.layout
    orders, told = history.run.streams.index("orders"), history.run.streams.index("told")

    def flags(key: str) -> Callable[[Array], int]:
        def of(row: Array) -> int:
            body = payload.Body(made.mark, orders, int(row["process"]), int(row["counter"]), True)
            return made.flags(body, layout.stream(key), "told.orders.check.1")

        return of

    rows = history.reads["orders"].rows[[7, 3, 3, 9]]
    history = added(history, "told", rows, flags("told"), told)
    new = history.reads["told"].rows[-len(rows) :]
    return added(history, "twin", new, flags("twin"), told)


def violated(history: History) -> set[str]:
    return {finding.property for finding in judge(history).findings if finding.validity == "violated"}


def test_what_is_republished_comes_without_order_and_again() -> None:
    assert violated(FakeCluster(topology=SILENT).history()) == set()
    assert violated(republished(SILENT)) == {"P1", "P2b", "P5b", "P10"}
    assert violated(republished(TOLD)) == set()


def test_marks_of_what_expired_are_no_phantoms() -> None:
    def marks(shape: Topology) -> History:
        history = FakeCluster(topology=shape).history()
        made, layout, orders = form(history), history.run.layout, history.run.streams.index("orders")
        mark = np.zeros(1, ROW)
        mark["process"], mark["stored"] = payload.NOBODY, history.reads["orders"].rows["stored"][-1]

        def flags(key: str) -> Callable[[Array], int]:
            return lambda row: made.flags(payload.parse(b""), layout.stream(key), "orders.check.1")

        history = added(history, "orders", mark, flags("orders"), orders)
        sourced = history.reads["orders"].rows[-1:]
        history = added(history, "near", sourced, flags("near"), orders)
        return added(history, "near", mark, flags("near"), NOWHERE)  # one of its own

    assert "P3" in violated(marks(SILENT))
    assert violated(marks(MARKS)) == set()


def test_the_last_message_of_a_subject_expires_at_another_time_than_its_neighbours() -> None:
    def expired(**more: Any) -> History:
        limits = {"max_age": 60 * 10**9} | more
        history = FakeCluster(topology=MARKS).history()
        definitions = {key: {**vertex.definition, **limits} for key, vertex in history.run.layout.graph.by_key.items()}
        history = replace(history, run=replace(history.run, definitions=definitions))
        for key in ("orders", "near"):
            history = with_rows(history, key, np.delete(history.reads[key].rows, [5, 6]))
        return history

    assert violated(expired(subject_delete_marker_ttl=0)) >= {"P1", "P2a", "P7"}
    assert violated(expired()) == set()


def test_what_is_not_promised_of_them_is_told() -> None:
    def told(shape: Topology) -> tuple[dict[tuple[str, str], str], dict[str, str]]:
        layout = layout_of(shape)
        explained = explain(layout, feeds(layout))
        lacking = [promise for promise in explained.promises if not promise.promised]
        return (
            {(promise.property, place): promise.why for promise in lacking for place in promise.places},
            {role.stream: f"{role.holds}; {role.keeps}" for role in explained.roles},
        )

    lacking, roles = told(TOLD)
    assert "what orders republishes, of which nothing is promised" in roles["told"]
    assert {property_ for property_, place in lacking if place == "twin"} >= {"P2b", "P5b", "P6"}
    assert ("P5b", "told") not in lacking
    assert "no longer than its own TTL" in told(MARKS)[1]["orders"]
