"""What Docker, the servers' logs and advisories say, in the lab's words; and that it is told in the order of time."""

import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue

import pytest
from fakes import FakeEngine

from lab.api import Lab
from lab.docker import events as docker
from lab.errors import LabError
from lab.faults.cut import Cut
from lab.faults.down import Down
from lab.faults.fault import Fault
from lab.faults.paused import Paused
from lab.layouts import layout_of
from lab.observe import feed
from lab.observe.events import Containers, Event, Logs, from_advisory, stamp
from lab.topology import Topology

LAB = Topology()
START = 1_800_000_000 * 10**9
MS = 10**6
LINKS = ("central-east", "central-west")
NETWORKS = ("central", *LINKS)


def happened(*rows: tuple[int, str], node: str = "central-1") -> list[docker.Event]:
    """Docker's events of one node, from `(milliseconds, "die 137")` or `(milliseconds, "connect central-west")`."""
    found = []
    for ms, text in rows:
        action, _, rest = text.partition(" ")
        at = START + ms * MS
        if action in ("connect", "disconnect"):
            found.append(docker.Event(at, node, action, network=LAB.network(rest)))
        else:
            found.append(docker.Event(at, node, action, int(rest) if rest else None))
    return found


def told(events: list[docker.Event], in_force: Iterable[Fault] = ()) -> list[str]:
    containers = Containers(LAB, in_force)
    return [
        f"{event.kind}: {event.text}"
        for place, each in enumerate(events)
        for event in containers.tell(each, events[place + 1 :])
    ]


def leaving(ms: int) -> list[tuple[int, str]]:
    return [(ms + n, f"disconnect {key}") for n, key in enumerate(NETWORKS)]


def joining(ms: int, networks: Iterable[str] = NETWORKS) -> list[tuple[int, str]]:
    return [(ms + n, f"connect {key}") for n, key in enumerate(networks)]


CREATED = "node: central-1 was created"
STARTED = "node: central-1 was started"
KILLED, STOPPED = (f"central-1 is down ({how})" for how in ("killed", "stopped"))
CUT = "central-1 is cut from link central-west"


def test_a_lab_that_comes_up_has_no_faults() -> None:
    assert told(happened((0, "create"), *joining(10), (400, "start"))) == [CREATED, STARTED]


def test_a_cut_and_its_end() -> None:
    events = happened(
        (0, "disconnect central-west"), (4, "disconnect central-west"), (5000, "connect central-west")
    )  # Docker 20.10 tells of each disconnect twice
    assert told(events) == [f"injected: {CUT}", f"healed: {CUT}"]
    containers = Containers(LAB)
    injected, healed = [event for each in events for event in containers.tell(each)]
    assert injected == Event(stamp(START), "injected", CUT, "central-1", fault=Cut("central-1", "central-west"))
    assert healed.time == stamp(START + 5000 * MS)


@pytest.mark.parametrize(
    "ending", [[(0, "die 137"), *leaving(50)], [*leaving(-50), (0, "die 137")]], ids=["old", "new"]
)
def test_a_node_that_ends_leaves_its_networks_without_a_cut(ending: list[tuple[int, str]]) -> None:
    """Docker 20.10 tells of the end first, newer engines last."""
    events = happened((-90, "kill"), *ending, *joining(9000), (9400, "start"))
    assert told(events) == [f"injected: {KILLED}", f"healed: {KILLED}"]


def test_a_node_that_was_stopped_says_so() -> None:
    assert told(happened((0, "die 1"), *leaving(9))) == [f"injected: {STOPPED}"]


def test_a_cut_node_that_ends_and_starts_stays_cut() -> None:
    rest = [key for key in NETWORKS if key != "central-west"]
    dies = [(2000, "die 137"), *((2010, f"disconnect {key}") for key in rest)]
    again = [*joining(9000, rest), (9400, "start")]
    events = happened((0, "disconnect central-west"), *dies, *again, (20_000, "connect central-west"))
    assert told(events) == [f"injected: {CUT}", f"injected: {KILLED}", f"healed: {KILLED}", f"healed: {CUT}"]


def test_a_node_is_cut_while_it_is_down_and_starts_without_the_cut() -> None:
    """Docker says nothing when a container that does not run is attached: its start tells."""
    dies = [(0, "die 137"), *leaving(20)]
    events = happened(*dies, (5000, "disconnect central-west"), *joining(9000), (9400, "start"))
    assert told(events) == [f"injected: {KILLED}", f"injected: {CUT}", f"healed: {CUT}", f"healed: {KILLED}"]


def test_what_was_in_force_before_is_known() -> None:
    in_force = [Down("central-1", killed=True), Cut("central-1", "central-west")]
    assert told(happened(*joining(0, ["central", "central-east"]), (300, "start")), in_force) == [f"healed: {KILLED}"]


def test_what_began_before_docker_remembers_ends_all_the_same() -> None:
    assert told(happened(*joining(0), (300, "start"))) == [f"healed: {STOPPED}"]
    assert told(happened((0, "connect central-west"))) == [f"healed: {CUT}"]


def test_a_node_is_frozen_and_thawed() -> None:
    frozen = str(Paused("central-1"))
    assert told(happened((0, "pause"), (900, "unpause"))) == [f"injected: {frozen}", f"healed: {frozen}"]


def test_what_is_done_by_hand_is_told_as_well() -> None:
    events = happened((0, "disconnect central"), (900, "connect central"), (2000, "oom"), (5000, "destroy"))
    assert told(events) == [
        "node: central-1 was taken off the network of central",
        "node: central-1 is back on the network of central",
        "node: central-1 is out of memory",
        "node: central-1 was removed",
    ]


def test_networks_of_others_do_not_count() -> None:
    assert told(happened((0, "disconnect bridge"), (1, "exec_start"), (2, "attach"))) == []
    assert told(happened((0, "die"), node="elsewhere-1")) == []


class Meanwhile(threading.Event):
    """What is done between two looks; then it is over."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        super().__init__()
        self.acts = iter(acts)

    def wait(self, timeout: float | None = None) -> bool:
        act = next(self.acts, None)
        if act:
            act()
        return act is None


def test_faults_in_the_kernel_are_found_by_looking_again(lab: Lab, engine: FakeEngine) -> None:
    lab.shape("west-east", delay="10ms")
    meanwhile = Meanwhile(lab.observe, lambda: lab.shape("west->east", delay="40ms"), lab.observe, lab.heal)
    told = [*feed.kernel_faults(engine, LAB.name, meanwhile)]
    slow, slower = (f"west-1 sends over link east-west: {ms} ms" for ms in (10, 40))
    assert [(event.kind, event.text) for event in told if event.node == "west-1"] == [
        ("healed", slow),
        ("injected", slower),
        ("healed", slower),
    ]
    assert [event.kind for event in told if event.node == "east-1"] == ["healed"]


# --- logs ---

ADDRESS = LAB.node("central-2").addresses["central-west"]
LOG = {
    "Self is new JetStream cluster metadata leader": ("leader", "west-1 leads the meta group", "", ""),
    "JetStream cluster new metadata leader: east-2/east": None,  # which each of the others says
    "JetStream cluster no metadata leader": ("leader", "west-1 knows no meta leader", "", ""),
    "JetStream cluster new stream leader for '$G > foo-write-west'": (
        "leader",
        "west-1 leads foo-write-west",
        "",
        "foo-write-west",
    ),
    "JetStream cluster stream '$G > orders' has NO quorum, stalled": (
        "quorum",
        "west-1 has no quorum for orders",
        "",
        "orders",
    ),
    "JetStream cluster consumer '$G > foo-read-west > work' has NO quorum, stalled.": (
        "quorum",
        "west-1 has no quorum for the consumer work of foo-read-west",
        "",
        "foo-read-west",
    ),
    f'{ADDRESS}:7222 - gid:25 - Outbound gateway connection to "central" (NDQ) registered': (
        "gateway",
        "west-1 has a gateway connection to central (central-2)",
        "central",
        "",
    ),
    f'{ADDRESS}:40122 - gid:26 - Inbound gateway connection from "central" (NDQ) registered': None,
    f"{ADDRESS}:7222 - gid:25 - Gateway connection closed: Stale Connection - Remote: central-2": (
        "gateway",
        "west-1 lost its gateway connection to central (central-2): stale connection",
        "central",
        "",
    ),
    f"{ADDRESS}:40122 - gid:26 - Gateway connection closed: Stale Connection": None,
    "Server is ready": None,
    "": None,
}


@pytest.mark.parametrize("said", LOG, ids=lambda said: said[:40])
def test_a_line_of_a_log(said: str) -> None:
    event = Logs(LAB).tell("west-1", f"2026-11-24T17:52:10.12345678Z [7] 2026/11/24 17:52:10.1 [INF] {said}")
    expected = LOG[said]
    assert event == (Event("2026-11-24T17:52:10.123456Z", *expected[:2], "west-1", *expected[2:]) if expected else None)  # type: ignore[arg-type]


def test_times_are_written_alike_so_that_they_sort() -> None:
    assert Logs(LAB).tell("west-1", "2026-11-24T17:52:10Z JetStream cluster no metadata leader").time == (  # type: ignore[union-attr]
        "2026-11-24T17:52:10.000000Z"
    )
    assert stamp(START + 12_345_678) == "2027-01-15T08:00:00.012345Z"


# --- advisories ---


def advisory(kind: str, **fields: str) -> dict[str, str]:
    return {"type": f"io.nats.jetstream.advisory.v1.{kind}", "timestamp": "2026-11-24T17:52:10.123456789Z"} | fields


def test_an_advisory() -> None:
    layout = layout_of(LAB)
    event = from_advisory(layout, "$G", advisory("stream_action", stream="orders", action="create"))
    assert event == Event("2026-11-24T17:52:10.123456Z", "advisory", "stream action: create orders", stream="orders")
    again = from_advisory(layout, "$G", advisory("max_deliver", stream="foo-read-west", consumer="work"))
    assert again
    assert (again.text, again.stream) == ("max deliver: foo-read-west work", "foo-read-west")


@pytest.mark.parametrize(
    "kind", ["api_audit", "consumer_action", "stream_leader_elected", "consumer_leader_elected", "stream_quorum_lost"]
)
def test_an_advisory_that_is_no_news(kind: str) -> None:
    assert from_advisory(layout_of(LAB), "$G", advisory(kind, stream="foo-read-west")) is None


def test_what_is_no_advisory_is_left_alone() -> None:
    assert from_advisory(layout_of(LAB), "$G", {}) is None


# --- the order ---


def test_what_comes_late_is_told_at_its_place_and_knows_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "HOLD_S", 0.1)
    die, connect = happened((1, "die 137"), (3, "connect central-west"))
    leads = Event(stamp(START + 2 * MS), "leader", "west-1 leads the meta group")
    came: SimpleQueue[feed.Item | LabError] = SimpleQueue()
    for item in (connect, leads, die):
        came.put(item)
    told = feed.in_order(came)
    assert [next(told) for _ in range(3)] == [(die, [connect]), (leads, [connect]), (connect, [])]
    came.put(LabError("Docker stopped telling what happens"))
    with pytest.raises(LabError, match="stopped telling"):
        next(told)
