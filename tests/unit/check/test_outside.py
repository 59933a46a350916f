"""What happens to nodes without the check is known, told first, and leads to no false verdict and to no false peace."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fake_cluster import SCRIPT, fault, left_by
from fakes import observation

from lab.check.checkers import judge
from lab.check.clock import Clock
from lab.check.figures import figures
from lab.check.history import INFO, NOWHERE, OK, OUTSIDE, SECOND, FaultRecord, History, Read
from lab.check.outside import Watch, full_disks, with_outside
from lab.check.report import documents
from lab.docker.engine import Engine
from lab.docker.events import Event
from lab.docker.observation import Container, Observation
from lab.errors import DockerError
from lab.topology import Topology

KILL = fault("f1", "kill east-1", 20, 30, nodes=("east-1",))


def happened(*events: tuple[float, str, str] | tuple[float, str, str, int]) -> list[Event]:
    return [Event(round(at * SECOND), *rest) for at, *rest in events]


def outside(records: tuple[FaultRecord, ...]) -> list[FaultRecord]:
    return [record for record in records if record.outside]


def test_a_node_that_died_is_recorded_from_its_end_to_its_start() -> None:
    (record,) = with_outside(happened((41, "west-1", "die", 137), (50, "west-1", "start")), ())
    assert (record.kind, record.nodes, record.proven) == (OUTSIDE, ("west-1",), True)
    assert (record.began, record.injected, record.healing) == (41 * SECOND, 41 * SECOND, 50 * SECOND)
    assert record.healed == 55 * SECOND  # a server needs a moment until it answers
    assert record.evidence == (
        "not by the check: west-1 died at 41.0 s (exit code 137), and was started again at 50.0 s"
    )


def test_a_node_that_never_came_back_is_never_healed() -> None:
    (record,) = with_outside(happened((41, "west-1", "oom"), (41.1, "west-1", "die", 137)), ())
    assert (record.healing, record.healed) == (None, None)
    assert record.evidence == "not by the check: west-1 died at 41.1 s (out of memory)"


def test_a_node_that_was_stopped_may_have_been_away_since_the_signal() -> None:
    (record,) = with_outside(happened((40, "west-1", "kill"), (42, "west-1", "die", 0), (42, "west-1", "stop")), ())
    assert (record.began, record.injected) == (40 * SECOND, 42 * SECOND)


def test_a_frozen_node_is_recorded_until_it_thaws() -> None:
    (record,) = with_outside(happened((41, "east-2", "pause"), (43, "east-2", "unpause")), ())
    assert (record.what, record.healed) == ("east-2 was frozen, not by the check", 43 * SECOND)


def test_a_server_that_had_no_disk_space_left_is_away_until_it_is_started_again() -> None:
    log = (
        "1970-01-01T00:00:40.5Z [1] [INF] Server is ready\n"
        "1970-01-01T00:00:41.0Z [1] [ERR] Filestore [foo] Critical write error: write x: no space left on device\n"
        "1970-01-01T00:00:41.2Z [1] [ERR] JetStream failed to store a msg: write x: no space left on device\n"
    )
    events = [*full_disks({"west-1": log, "west-2": "1970-01-01T00:00:41.0Z [1] [INF] fine\n"})]
    (record,) = with_outside(events, ())
    assert (record.nodes, record.began, record.healed) == (("west-1",), 41 * SECOND, None)
    assert record.evidence == "not by the check: west-1 had no disk space left at 41.0 s"


def test_what_the_check_does_itself_is_not_recorded_twice() -> None:
    events = happened(
        (20.1, "east-1", "kill"), (20.2, "east-1", "die", 137), (30.1, "east-1", "start"), (5, "west-1", "exec_create")
    )
    assert with_outside(events, (KILL,)) == (KILL,)


def test_a_node_that_does_not_survive_its_own_start_is_the_checks_affair() -> None:
    failed = replace(KILL, healed=None)
    events = happened((20.2, "east-1", "die", 137), (30.1, "east-1", "start"), (31, "east-1", "die", 1))
    assert with_outside(events, (failed,)) == (failed,)


def test_the_same_node_at_another_time_is_recorded() -> None:
    events = happened((20.2, "east-1", "die", 137), (30.1, "east-1", "start"), (45, "east-1", "die", 2))
    own, other = with_outside(events, (KILL,))
    assert own is KILL
    assert (other.began, other.id) == (45 * SECOND, "x1")


def test_a_heal_of_the_checks_that_starts_another_node_ends_what_somebody_did() -> None:
    (_, other) = with_outside(happened((25, "west-1", "die", 137), (30.2, "west-1", "start")), (KILL,))
    assert (other.nodes, other.healing) == (("west-1",), round(30.2 * SECOND))


def test_a_fault_that_somebody_undid_is_not_proven_any_more() -> None:
    (record,) = with_outside(happened((20.2, "east-1", "die", 137), (24, "east-1", "start")), (KILL,))
    assert not record.proven
    assert record.error == "not by the check: east-1 was started at 24.0 s, while this was in force"


class Remembering(Engine):
    """An engine with events; asked for those of a time, as Docker prints them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.fails = False

    def read(self, *arguments: str, keeps: tuple[int, ...] = ()) -> str:
        if self.fails:
            raise DockerError("Docker did not answer within 30 s")
        self.asked.append(arguments)
        labels = {"lab.node": "west-1", "exitCode": "137"}
        event: dict[str, Any] = {"Action": "die", "timeNano": 1_000_000_005, "Actor": {"Attributes": labels}}
        return json.dumps(event) + "\n"

    def observe(self, lab: str) -> Observation:
        """West-1 and west-2 ended and were started again; east-1 has ended."""

        def back(container: Container) -> Container:
            return replace(container, finished_at="1970-01-01T00:00:01.0Z", started_at="1970-01-01T00:00:09.5Z")

        def away(container: Container) -> Container:
            return replace(container, state="exited", exit_code=137, finished_at="1970-01-01T00:00:02.0Z")

        return observation(Topology(), west_1=back, west_2=back, east_1=away)


def test_events_are_asked_for_without_a_gap_and_those_that_the_engine_forgot_are_read_from_its_containers() -> None:
    engine = Remembering()
    watch = Watch(engine, "a-lab", Clock(monotonic=Clock.start().monotonic, wall=1_000_000_000))
    watch.look()
    engine.fails = True
    watch.look()
    assert watch.missed == "what happened to the nodes is not known: Docker did not answer within 30 s"
    engine.fails = False
    watch.look()
    assert watch.missed == ""
    assert watch.events[:1] == [Event(0, "west-2", "die")]  # as its container says; that of west-1 is the event
    assert watch.events[1:] == [
        Event(5, "west-1", "die", 137),
        Event(SECOND, "east-1", "die", 137),
        Event(8 * SECOND + SECOND // 2, "west-1", "start"),
        Event(8 * SECOND + SECOND // 2, "west-2", "start"),
    ]
    times = [[word for word in asked if word.startswith(("--since", "--until"))] for asked in engine.asked]
    assert times[0][0] == "--since=1.000000000"
    assert times[1][0].partition("=")[2] == times[0][1].partition("=")[2]
    assert "--filter=label=lab.name=a-lab" in engine.asked[0]


def test_a_clock_that_was_set_meanwhile_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock.start()
    assert clock.jump() == 0
    now = time.time_ns()
    monkeypatch.setattr("time.time_ns", lambda: now + 3600 * SECOND)
    assert 3599 < clock.jump() < 3601


# --- verdicts ---

VALID = left_by()
DEATHS = with_outside(happened((241, "west-1", "die", 137), (241, "west-2", "die", 137)), ())


def at_the_read(history: History, *deaths: FaultRecord) -> History:
    """As if two of west's nodes had died, and the third, which was read, had only what there was at 230 s."""

    def stale(read: Read) -> Read:
        rows = read.rows[read.rows["stored"] < 230 * SECOND]
        return replace(read, rows=rows, last=int(rows["sequence"][-1]))

    reads = {name: stale(read) if read.region == "west" else read for name, read in history.reads.items()}
    live = {key: rows[rows["time"] < 231 * SECOND] if key[0] == "west" else rows for key, rows in history.live.items()}
    return replace(history, reads=reads, live=live, faults=(*history.faults, *deaths))


def found(history: History) -> dict[str, set[str]]:
    """Property -> places where it is violated."""
    places: dict[str, set[str]] = {}
    for finding in judge(history).findings:
        if finding.validity == "violated":
            places.setdefault(finding.property, set()).add(finding.place)
    return places


def test_nodes_that_somebody_killed_make_nobody_lose_anything() -> None:
    assert {"P1", "P2a", "P6"} <= found(at_the_read(VALID)).keys()  # nothing else would explain it
    verdict = judge(at_the_read(VALID, *DEATHS))
    assert verdict.validity == "unknown"
    assert not [finding for finding in verdict.findings if finding.validity == "violated"]
    said = [finding.sentence for finding in verdict.findings if finding.property == "P0"]
    assert said[:2] == [death.evidence for death in DEATHS]
    doubts = {finding.place: finding.sentence for finding in verdict.findings if finding.property == "P2a"}
    assert doubts["foo-read-west"] == "west-1 and west-2 were out, not by the check, when foo-read-west was read"


def test_messages_that_only_the_dead_nodes_hold_are_not_lost_elsewhere() -> None:
    """Acknowledged in west, in no other region yet, and not on the node of west that is left."""
    history = at_the_read(VALID, *DEATHS)
    place = history.run.streams.index("foo-write-west")

    def without(read: Read) -> Read:
        late = (read.rows["origin"] == place) & (read.rows["stored"] > 230 * SECOND)
        rows = read.rows[~late].copy()
        rows["sequence"] = range(1, len(rows) + 1)
        return replace(read, rows=rows, last=len(rows))

    reads = {name: without(read) if read.region != "west" else read for name, read in history.reads.items()}
    verdict = judge(replace(history, reads=reads, live={}))
    assert not [finding for finding in verdict.findings if finding.validity == "violated"]
    assert {f.validity for f in verdict.findings if f.property == "P2a"} == {"unknown"}


def another_message(history: History) -> History:
    """West's write stream begins anew: the sequences of old acknowledgements hold other messages."""
    read = history.reads["foo-write-west"]
    rows = read.rows[100:].copy()
    rows["sequence"] = rows["origin_sequence"] = range(1, len(rows) + 1)
    return replace(history, reads={**history.reads, read.stream: replace(read, rows=rows, last=len(rows))})


def duplicated(history: History) -> History:
    read = history.reads["foo-read-west"]
    rows = read.rows[[*range(len(read.rows)), 5]].copy()
    rows["sequence"][-1] = len(rows)
    return replace(history, reads={**history.reads, read.stream: replace(read, rows=rows, last=len(rows))})


def purged(history: History) -> History:
    """Central's read stream lost its middle, and every node of central is there."""
    read = history.reads["foo-read-central"]
    rows = read.rows[[*range(200), *range(300, len(read.rows))]]
    return replace(history, reads={**history.reads, read.stream: replace(read, rows=rows, deleted=100)})


@pytest.mark.parametrize(
    ("change", "property_", "place"),
    [
        (another_message, "P1", "foo-write-west"),
        (duplicated, "P2b", "foo-read-west"),
        (purged, "P2a", "foo-read-central"),
    ],
)
def test_what_nothing_can_mend_stays_a_violation(
    change: Callable[[History], History], property_: str, place: str
) -> None:
    assert place in found(change(at_the_read(VALID, *DEATHS)))[property_]


def test_what_is_lost_when_all_nodes_have_long_been_back_stays_a_violation() -> None:
    deaths = with_outside(happened((210, "west-1", "die", 137), (212, "west-1", "start")), ())
    assert "foo-read-west" in found(at_the_read(VALID, *deaths))["P2a"]


def test_a_node_that_died_in_the_middle_is_taken_into_account_by_every_checker() -> None:
    """As if one of the faults had been somebody else's: nothing but P0 is touched."""
    other = replace(SCRIPT[1], id="x1", kind=OUTSIDE, evidence="not by the check: east-1 died at 125.0 s")
    verdict = judge(replace(VALID, faults=(SCRIPT[0], other, SCRIPT[2])))
    assert {f.property for f in verdict.findings if f.validity != "valid"} == {"P0"}
    third = next(f for f in verdict.findings if f.property == "L6" and f.place == "east")
    assert third.validity == "valid"


def test_examples_and_report_tell_what_happened_then() -> None:
    publishes = VALID.publishes.copy()
    lost = publishes[(publishes["invoked"] > 231 * SECOND) & (publishes["outcome"] == OK)][0]
    assert lost["outcome"] != INFO
    assert lost["stream"] != NOWHERE
    name = VALID.run.streams[int(lost["stream"])]
    read = VALID.reads[name]
    rows = read.rows[read.rows["sequence"] != lost["sequence"]]
    history = replace(VALID, faults=(*VALID.faults, *DEATHS))
    history = replace(history, reads={**history.reads, name: replace(read, rows=rows, deleted=1)})
    verdict = judge(history)
    stories = [example.story for finding in verdict.findings for example in finding.examples]
    assert any("west-1 died, not by the check (x1)" in story for story in stories)
    files = documents(history, verdict, {})
    assert "west-2 died, not by the check" in files["report.md"]
    assert figures(history).counts.faults == len(VALID.faults)
