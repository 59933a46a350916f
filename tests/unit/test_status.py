"""The snapshot that readings written by hand add up to, and what a healthy lab would lack of it."""

from typing import Any

import pytest
from fakes import observation

from lab import view
from lab.docker.observation import Observation
from lab.faults.cut import Cut, link_cuts
from lab.jetstream.monitor import Reading
from lab.layouts import layout_of
from lab.observe import ready
from lab.observe.status import Arrivals, Snapshot, SourceStatus, snapshot
from lab.topology import Topology

TOPOLOGY = Topology()
SENT = {"foo-write-west": 7, "foo-write-central": 5, "foo-write-east": 3}
ARRIVALS: Arrivals = {layout_of(TOPOLOGY).copy(region).key: dict(SENT) for region in TOPOLOGY.regions}


def detail(name: str, topology: Topology = TOPOLOGY) -> dict[str, Any]:
    """A stream as its leader, the first node of the region, reports it."""
    region = name.rpartition("-")[2]
    last = SENT.get(name, sum(SENT.values()))
    stream: dict[str, Any] = {
        "name": name,
        "cluster": {"leader": f"{region}-1", "replicas": [{"current": True}, {"current": True}]},
        "state": {"messages": last, "first_seq": 1, "last_seq": last},
        "config": dict(layout_of(topology).stream(name).definition),
    }
    if "-read-" in name:
        stream["sources"] = [{"name": origin, "lag": 0, "active": 400_000_000} for origin in SENT]
    return stream


def readings(topology: Topology = TOPOLOGY) -> dict[str, Reading]:
    """What the servers of a healthy lab say."""
    found = {}
    for node in topology.nodes:
        streams = [detail(stream.key, topology) for stream in layout_of(topology).streams_in(node.region)]
        found[node.name] = Reading(
            node.name,
            {"version": "2.15.1"},
            {
                "config": {},
                "meta_cluster": {"leader": "west-2"},
                "account_details": [{"name": "$G", "stream_detail": streams if node.number == 1 else []}],
            },
            {"outbound_gateways": {region: {} for region in topology.regions if region != node.region}},
        )
    return found


def jsz(found: dict[str, Reading], node: str) -> dict[str, Any]:
    document = found[node].jsz
    assert document is not None
    return document


def stream_detail(found: dict[str, Reading], name: str) -> dict[str, Any]:
    node = f"{name.rpartition('-')[2]}-1"
    streams: list[dict[str, Any]] = jsz(found, node)["account_details"][0]["stream_detail"]
    return next(stream for stream in streams if stream["name"] == name)


def silent(node: str) -> Reading:
    return Reading(node, None, None, None)


def taken(
    found: dict[str, Reading], arrivals: Arrivals = ARRIVALS, seen: Observation | None = None
) -> tuple[Snapshot, list[str]]:
    """The snapshot and what is missing from it."""
    result = snapshot(seen or observation(TOPOLOGY), found, arrivals)
    return result, ready.missing(result, TOPOLOGY)


def source(result: Snapshot, stream: str, origin: str) -> SourceStatus:
    row = next(row for row in result.streams if row.name == stream)
    return next(source for source in row.sources if source.origin == origin)


def test_a_healthy_lab_lacks_nothing() -> None:
    result, lacks = taken(readings())
    assert lacks == []
    assert (result.lab, result.image, result.image_origin) == ("region-lab", "nats:2.15.1", "official")
    assert {node.state for node in result.nodes} == {"running"}
    assert {(link.state, *link.gateways.values()) for link in result.links} == {("joined", (3, 3), (3, 3))}
    assert (len(result.streams), result.absent, result.faults) == (6, (), ())
    assert {(stream.leader, stream.current) for stream in result.streams} == {
        (f"{region}-1", 3) for region in TOPOLOGY.regions
    }


def test_a_status_of_nine_nodes_fits_a_terminal_of_80_columns() -> None:
    result, _ = taken(readings())
    _, *lines = view.unstyled(view.status(result)).splitlines()
    assert max(map(len, lines)) <= 80
    assert "127.0.0.1:20224" in "\n".join(lines)


def test_a_server_that_does_not_answer_is_a_row() -> None:
    found = readings()
    found["west-3"] = silent("west-3")
    result, lacks = taken(found)
    row = next(node for node in result.nodes if node.name == "west-3")
    assert (row.state, row.version, row.jetstream, row.meta_leader) == ("no answer", None, None, None)
    assert len(result.nodes) == 9
    assert "west-3 is no answer" in lacks
    link = next(link for link in result.links if link.name == "central-west")
    assert link.gateways == {"central": (3, 3), "west": (2, 2)}


def test_a_node_that_is_not_there_or_down_is_a_row() -> None:
    seen = observation(TOPOLOGY)
    del seen.containers["east-2"]
    found = readings()
    del found["east-2"]
    result, lacks = taken(found, seen=seen)
    assert next(node for node in result.nodes if node.name == "east-2").state == "missing"
    assert "east-2 is missing" in lacks


def test_when_nobody_answers_everything_is_absent() -> None:
    result, lacks = taken({}, {})
    assert result.streams == ()
    assert result.absent == tuple(f"foo-{kind}-{region}" for kind in ("write", "read") for region in TOPOLOGY.regions)
    assert {f"{name} is not there" for name in result.absent} <= set(lacks)


def test_a_node_that_knows_no_meta_leader_says_so() -> None:
    found = readings()
    jsz(found, "east-1")["meta_cluster"] = {"leader": ""}
    jsz(found, "east-2")["meta_cluster"] = {}
    result, lacks = taken(found)
    assert [node.meta_leader for node in result.nodes[-3:]] == ["", "", "west-2"]
    assert lacks == ["no meta leader is known to east-1, east-2"]


def test_nodes_that_see_different_meta_leaders_are_told() -> None:
    found = readings()
    jsz(found, "east-1")["meta_cluster"] = {"leader": "east-3"}
    assert taken(found)[1] == ["the nodes see different meta leaders: east-3, west-2"]


def test_a_stream_without_a_leader_has_an_empty_one() -> None:
    found = readings()
    stream_detail(found, "foo-read-east")["cluster"] = {"replicas": [{"current": False}, {"current": True}]}
    result, lacks = taken(found)
    row = next(row for row in result.streams if row.name == "foo-read-east")
    assert (row.leader, row.current) == ("", 1)
    assert lacks == ["foo-read-east has no leader"]


def test_a_replica_that_is_not_current_is_counted() -> None:
    found = readings()
    stream_detail(found, "foo-write-west")["cluster"]["replicas"][0] = {"current": False}
    assert taken(found)[1] == ["foo-write-west: 2 of 3 replicas are current"]


def test_the_leaders_word_on_a_stream_counts_whoever_is_read_first() -> None:
    found = readings()
    stale = detail("foo-write-west") | {"state": {"messages": 0, "first_seq": 0, "last_seq": 0}}
    for node in ("west-2", "central-1"):
        jsz(found, node)["account_details"][0]["stream_detail"].append(stale)
    for order in (list(found), list(found)[::-1]):
        result, lacks = taken({name: found[name] for name in order})
        assert next(row for row in result.streams if row.name == "foo-write-west").last == 7
        assert lacks == []


def test_another_accounts_stream_of_the_same_name_is_not_the_labs() -> None:
    found = readings()
    other = detail("foo-write-west") | {"state": {"messages": 99, "first_seq": 1, "last_seq": 99}}
    jsz(found, "west-1")["account_details"].append({"name": "OTHER", "stream_detail": [other]})
    assert next(row for row in taken(found)[0].streams if row.name == "foo-write-west").last == 7


def test_a_mirror_that_was_promoted_is_told_and_how_far_its_followers_are_is_known() -> None:
    topology = Topology(layout="mirror")
    found = readings(topology)
    result = snapshot(observation(topology), found, {})
    assert result.redefined == ()
    promoted, follower = (stream_detail(found, f"foo-{region}") for region in ("east", "central"))
    promoted["config"] = {**stream_detail(found, "foo-west")["config"], "name": "foo-east"}
    follower["config"] |= {"mirror": {"name": "foo-east"}}
    follower["mirror"] = {"name": "foo-east", "lag": 0, "active": 400_000_000}
    result = snapshot(observation(topology), found, {})
    assert result.redefined == (
        "foo-central mirrors foo-east, not foo-west",
        "foo-east listens to foo.>, not to nothing",
        "foo-east mirrors nothing, not foo-west",
    )
    assert next(row for row in result.streams if row.name == "foo-central").sources[0].behind == 0


def test_where_regions_are_one_cluster_links_carry_routes_and_a_mirror_has_one_origin() -> None:
    topology = Topology(layout="stretch")
    found = readings(topology)
    for name in found:
        routes = [{"remote_name": node.name} for node in topology.nodes if node.name not in (name, "east-3")]
        found[name] = Reading(name, found[name].varz, found[name].jsz, {"routes": routes})
    result = snapshot(observation(topology), found, {})
    gateways = {link.name: link.gateways for link in result.links}
    assert gateways["central-west"] == {"central": (3, 3), "west": (3, 3)}
    assert gateways["east-west"] == {"east": (3, 3), "west": (0, 3)}, "nobody has a route to east-3"
    assert "routes west → east: 0 of 3 connected" in ready.missing(result, topology)


def test_a_link_is_cut_when_one_side_is_detached() -> None:
    seen = observation(TOPOLOGY)
    for cut in link_cuts(TOPOLOGY, TOPOLOGY.link("west", "east")):
        del seen.containers[cut.node].addresses[cut.link]
    found = readings()
    for reading in found.values():
        assert reading.links is not None
        if reading.node.startswith("west"):
            del reading.links["outbound_gateways"]["east"]
    result, lacks = taken(found, seen=seen)
    assert {link.name: link.state for link in result.links} == {
        "central-east": "joined",
        "central-west": "joined",
        "east-west": "cut",
    }
    assert next(link for link in result.links if link.name == "east-west").gateways == {"east": (3, 3), "west": (0, 3)}
    assert result.faults == tuple(Cut(f"east-{number}", "east-west") for number in (1, 2, 3))
    assert "east-1 is cut from link east-west" in lacks
    assert "gateway west → east: 0 of 3 connected" in lacks


@pytest.mark.parametrize("nodes", [["east-1"], ["west-3"], ["east-1", "east-2", "west-1"]])
def test_a_link_is_partly_cut_when_each_side_still_has_a_node(nodes: list[str]) -> None:
    seen = observation(TOPOLOGY)
    for node in nodes:
        del seen.containers[node].addresses["east-west"]
    result, _ = taken(readings(), seen=seen)
    assert [link.state for link in result.links] == ["joined", "joined", "partly cut"]


def test_behind_is_the_origins_last_sequence_less_what_arrived() -> None:
    arrivals = {**ARRIVALS, "foo-read-east": {**SENT, "foo-write-west": 4}}
    result, lacks = taken(readings(), arrivals)
    row = source(result, "foo-read-east", "foo-write-west")
    assert (row.origin_last, row.arrived, row.behind, row.server_lag) == (7, 4, 3, 0)
    assert source(result, "foo-read-east", "foo-write-east").behind == 0
    assert lacks == ["foo-read-east ← foo-write-west: 3 messages behind"]


def test_what_the_origin_dropped_before_it_arrived_is_not_waited_for() -> None:
    found = readings()
    stream_detail(found, "foo-write-west")["state"] = {"messages": 1, "first_seq": 7, "last_seq": 7}
    arrivals: Arrivals = {**ARRIVALS, "foo-read-east": {**SENT, "foo-write-west": 4}}
    assert source(taken(found, arrivals)[0], "foo-read-east", "foo-write-west").behind == 1
    stream_detail(found, "foo-write-west")["state"] = {"messages": 0, "first_seq": 8, "last_seq": 7}
    assert taken(found, arrivals)[1] == []


def test_behind_is_never_negative() -> None:
    arrivals = {**ARRIVALS, "foo-read-east": {**SENT, "foo-write-west": 9}}
    assert source(taken(readings(), arrivals)[0], "foo-read-east", "foo-write-west").behind == 0


def test_behind_is_not_known_when_either_figure_is_not() -> None:
    arrivals = {**ARRIVALS, "foo-read-east": {**SENT, "foo-write-west": None}}
    result, lacks = taken(readings(), arrivals)
    assert source(result, "foo-read-east", "foo-write-west").behind is None
    assert lacks == ["foo-read-east ← foo-write-west: not known how far"]
    found = readings()
    jsz(found, "west-1")["account_details"] = []
    result, lacks = taken(found)
    assert source(result, "foo-read-east", "foo-write-west").origin_last is None
    assert {"foo-write-west", "foo-read-west"} == set(result.absent)


@pytest.mark.parametrize(
    ("change", "heard", "sentence"),
    [
        ({"active": -1}, None, "silent"),
        ({"active": 12_340_000_000}, 12.3, "silent for 12 s"),
        ({"error": {"description": "stream not found"}}, 0.4, "stream not found"),
    ],
)
def test_a_source_that_is_silent_or_in_error_is_told(
    change: dict[str, Any], heard: float | None, sentence: str
) -> None:
    found = readings()
    sources = stream_detail(found, "foo-read-west")["sources"]
    sources[-1] |= change
    result, lacks = taken(found)
    assert source(result, "foo-read-west", "foo-write-east").last_heard_s == heard
    assert lacks == [f"foo-read-west ← foo-write-east: {sentence}"]
