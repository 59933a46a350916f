"""Which leaders should step down, from snapshots written by hand; and that waiting asks for it and reports it."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeEngine, observation

from lab import hasten
from lab.docker.observation import Observation
from lab.errors import NatsError, NoAnswer
from lab.faults.cut import Cut
from lab.hasten import STANDING_S, YOUNG_S, Hastened, Memory, due
from lab.jetstream.session import ApiError
from lab.layouts import layout_of
from lab.observe import status
from lab.observe.status import LinkStatus, NodeStatus, Snapshot, SourceStatus, StreamStatus
from lab.topology import Node, Topology

TOPOLOGY = Topology()
NOW = 100.0
SOURCE = SourceStatus("foo-write-west", 7, 7, 0, 0, 0.4, "")


def stream(name: str, region: str, sources: tuple[SourceStatus, ...] = ()) -> StreamStatus:
    return StreamStatus(name, region, f"{region}-1", 3, 3, 7, 1, 7, sources)


def healthy() -> Snapshot:
    layout = layout_of(TOPOLOGY)
    sources = tuple(replace(SOURCE, origin=origin.key) for origin in layout.origins)
    nodes = (
        NodeStatus(n.name, n.region, "running", "2.15.1", True, "west-2", n.client_port, n.monitor_port)
        for n in TOPOLOGY.nodes
    )
    links = (
        LinkStatus(link.name, link.regions, "joined", dict.fromkeys(link.regions, (3, 3))) for link in TOPOLOGY.links
    )
    streams = (stream(row.key, row.region, sources if row.is_copy else ()) for row in layout.streams)
    return Snapshot("lab", "nats", "official", tuple(nodes), tuple(links), tuple(streams), (), ())


def with_stream(snapshot: Snapshot, name: str, **changes: Any) -> Snapshot:
    streams = (replace(row, **changes) if row.name == name else row for row in snapshot.streams)
    return replace(snapshot, streams=tuple(streams))


def with_source(snapshot: Snapshot, name: str, origin: str, **changes: Any) -> Snapshot:
    row = next(row for row in snapshot.streams if row.name == name)
    sources = tuple(replace(s, **changes) if s.origin == origin else s for s in row.sources)
    return with_stream(snapshot, name, sources=sources)


def silent(snapshot: Snapshot | None = None) -> Snapshot:
    """east does not hear of central."""
    return with_source(snapshot or healthy(), "foo-read-east", "foo-write-central", last_heard_s=20.0)


def names(snapshot: Snapshot, memory: Memory | None = None) -> list[str]:
    return [row.name for row, _ in due(snapshot, TOPOLOGY, memory or Memory(), NOW)]


def test_nothing_is_due_in_a_healthy_lab() -> None:
    assert names(healthy()) == []


@pytest.mark.parametrize(
    "changes", [{"last_heard_s": 3.1}, {"last_heard_s": None}, {"error": "no such stream"}], ids=str
)
def test_a_silent_source_makes_its_own_stream_due_and_no_other(changes: dict[str, Any]) -> None:
    snapshot = with_source(healthy(), "foo-read-east", "foo-write-central", **changes)
    assert names(snapshot, led(YOUNG_S)) == ["foo-read-east"]


def test_all_streams_with_silent_sources_are_due_at_once() -> None:
    both = with_source(silent(), "foo-read-central", "foo-write-west", last_heard_s=9.0)
    assert names(both) == ["foo-read-central", "foo-read-east"]


def test_nothing_is_due_until_all_nodes_see_one_meta_leader() -> None:
    for seen in ("", None, "east-3"):
        one = replace(silent().nodes[4], meta_leader=seen)
        assert names(replace(silent(), nodes=(*silent().nodes[:4], one, *silent().nodes[5:]))) == []
    assert names(replace(silent(), nodes=tuple(replace(n, meta_leader="") for n in silent().nodes))) == []


@pytest.mark.parametrize(("regions", "expected"), [("east-central", []), ("west-central", ["foo-read-east"])])
def test_the_gateways_to_the_silent_origin_have_to_be_joined_both_ways(regions: str, expected: list[str]) -> None:
    link = TOPOLOGY.link(regions)
    for side in link.regions:
        links = tuple(
            replace(row, gateways=row.gateways | {side: (2, 3)}) if row.name == link.name else row
            for row in silent().links
        )
        assert names(replace(silent(), links=links)) == expected


def test_an_origin_without_a_leader_or_out_of_sight_is_waited_for() -> None:
    assert names(with_stream(silent(), "foo-write-central", leader="")) == []
    gone = replace(silent(), streams=tuple(s for s in silent().streams if s.name != "foo-write-central"))
    assert names(gone) == []
    assert names(with_stream(silent(), "foo-write-west", leader="")) == ["foo-read-east"]


def test_one_origin_that_is_waited_for_keeps_the_others_waiting() -> None:
    both = with_source(silent(), "foo-read-east", "foo-write-west", last_heard_s=None)
    assert names(both) == ["foo-read-east"]
    assert names(with_stream(both, "foo-write-west", leader="")) == []


def test_a_stream_without_a_leader_or_with_a_replica_behind_is_left_alone() -> None:
    assert names(with_stream(silent(), "foo-read-east", leader="")) == []
    assert names(with_stream(silent(), "foo-read-east", current=2)) == []


def led(seconds: float, asked: int = 0) -> Memory:
    """east-1 has led foo-read-east for so long, after so many step-downs."""
    memory = Memory()
    for _ in range(asked):
        memory.ask("foo-read-east")
    memory.look(healthy(), NOW - seconds)
    return memory


@pytest.mark.parametrize(("asked", "patience"), [(0, YOUNG_S), (1, 2 * YOUNG_S), (2, 4 * YOUNG_S)])
def test_a_new_leader_is_given_time_and_more_with_each_step_down(asked: int, patience: float) -> None:
    never = with_source(healthy(), "foo-read-east", "foo-write-central", last_heard_s=None)
    assert names(never, led(patience - 0.1, asked)) == []
    assert names(never, led(patience, asked)) == ["foo-read-east"]


def test_a_leader_that_heard_of_the_origin_once_is_not_new() -> None:
    assert names(silent(), led(0.0)) == ["foo-read-east"]
    assert names(silent(), led(0.0, asked=1)) == []


def test_another_leader_is_new_and_so_is_the_same_one_after_a_step_down() -> None:
    never = with_source(healthy(), "foo-read-east", "foo-write-central", last_heard_s=None)
    memory = led(60.0)
    memory.look(with_stream(never, "foo-read-east", leader="east-2"), NOW - 1)
    assert names(never, memory) == []
    memory = led(60.0)
    memory.ask("foo-read-east")
    memory.look(never, NOW - 1)
    assert names(never, memory) == []


def test_a_source_that_is_heard_and_lets_messages_lie_is_due_when_nothing_arrives() -> None:
    lagging = with_source(healthy(), "foo-read-east", "foo-write-central", arrived=5, behind=2)
    memory = Memory()
    assert names(lagging, memory) == []
    memory.look(lagging, NOW - STANDING_S)
    assert names(lagging, memory) == ["foo-read-east"]
    memory.look(lagging, NOW - 1)  # the same figure: it goes on standing
    assert names(lagging, memory) == ["foo-read-east"]
    memory.look(with_source(lagging, "foo-read-east", "foo-write-central", arrived=6, behind=1), NOW - 0.1)
    assert names(lagging, memory) == []


def test_a_source_that_has_all_is_never_standing_still() -> None:
    memory = Memory()
    memory.look(healthy(), NOW - 60)
    assert names(healthy(), memory) == []


class Servers:
    """Snapshots one after the other, and leaders that step down, refuse, or do not answer."""

    def __init__(self, snapshots: list[Snapshot], answers: list[Exception | None]) -> None:
        self.snapshots, self.answers = snapshots, answers
        self.asked: list[str] = []
        self.deaf: set[str] = set()  # nodes whose requests for other regions do not arrive

    async def read(self, _: object, arrivals: bool = True) -> Snapshot:
        return self.snapshots.pop(0) if len(self.snapshots) > 1 else self.snapshots[0]

    @asynccontextmanager
    async def connect(self, _: str, nodes: Sequence[Node], __: object = None) -> Any:
        self.connected = nodes[0].name
        yield self

    async def stream_info(self, stream: str, _: float) -> dict[str, Any]:
        if self.connected in self.deaf:
            raise NoAnswer(f"no answer of {stream}")
        return {}

    async def api(self, call: str, timeout: float) -> dict[str, Any]:
        self.asked.append(call)
        answer = self.answers.pop(0)
        if answer:
            raise answer
        return {"success": True}


@pytest.fixture
def said() -> list[str]:
    return []


def waited(servers: Servers, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Hastened:
    monkeypatch.setattr(status, "read", servers.read)
    monkeypatch.setattr(hasten, "connect", servers.connect)
    waiting = hasten.until_healthy(FakeEngine(TOPOLOGY), observation(TOPOLOGY), 5, said.append)
    return asyncio.run(waiting)


def test_waiting_asks_once_and_reports_what_it_did(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    servers = Servers([silent(), silent(), healthy()], [None])
    hastened = waited(servers, monkeypatch, said)
    assert hastened.status == healthy()
    assert servers.asked == ["STREAM.LEADER.STEPDOWN.foo-read-east"]
    assert [(step.stream, step.leader) for step in hastened.step_downs] == [("foo-read-east", "east-1")]
    assert "east-1 steps down as the leader of foo-read-east: nothing comes from foo-write-central" in said


@pytest.mark.parametrize("problem", [ApiError("no meta leader", 10008), NoAnswer("no answer")], ids=str)
def test_a_step_down_that_is_refused_or_unanswered_is_not_counted_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, said: list[str], problem: NatsError
) -> None:
    servers = Servers([silent(), silent(), healthy()], [problem, None])
    step_downs = waited(servers, monkeypatch, said).step_downs
    assert len(servers.asked) == 2
    assert len(step_downs) == 1


def test_nothing_steps_down_while_one_of_the_next_leaders_does_not_reach_the_origin(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    servers = Servers([silent(), silent(), healthy()], [])
    servers.deaf = {"east-3"}
    assert waited(servers, monkeypatch, said) == Hastened(healthy(), ())
    assert servers.asked == []


def test_messages_that_lie_are_seen_by_looking_into_the_streams(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr(hasten, "STANDING_S", 0.0)
    lagging = with_source(healthy(), "foo-read-east", "foo-write-central", arrived=5, behind=2)
    servers = Servers([lagging, lagging, healthy()], [None])
    step_downs = waited(servers, monkeypatch, said).step_downs
    assert [step.stream for step in step_downs] == ["foo-read-east"]


def test_a_healthy_lab_is_not_touched(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    servers = Servers([healthy()], [])
    assert waited(servers, monkeypatch, said) == Hastened(healthy(), ())
    assert (servers.asked, said) == ([], [])


def test_a_cut_that_is_healed_meanwhile_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    """The pytest plugin begins to wait while it heals."""
    before, cut = observation(TOPOLOGY), Cut("east-1", "east-west")
    del before.containers[cut.node].addresses[cut.link]

    async def read(seen: Observation, arrivals: bool = True) -> Snapshot:
        joined = cut.link in seen.containers[cut.node].addresses
        return replace(healthy(), faults=() if joined else (cut,))

    monkeypatch.setattr(status, "read", read)
    waiting = hasten.until_healthy(FakeEngine(TOPOLOGY), before, 5, said.append)
    assert asyncio.run(waiting) == Hastened(healthy(), ())
