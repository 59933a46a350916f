"""A running system, as it told itself, becomes a lab of its shape; what differs is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab import labfile
from lab.docker import binary
from lab.errors import DockerError, LabError, UsageError
from lab.layouts import layout_of
from lab.progress import silently
from lab.twin import folder
from lab.twin.found import Found, Server
from lab.twin.mapping import Twin, twin
from lab.twin.page import plain, text
from lab.twin.release import nearest, obtained
from lab.validate import problems


def entry(name: str, cluster: str = "us-east", **config: Any) -> dict[str, Any]:
    """A stream as STREAM.LIST has it."""
    replicas = config.get("num_replicas", 1)
    where = {
        "name": cluster,
        "leader": f"{cluster}-a",
        "replicas": [{"name": f"{cluster}-{i}"} for i in range(1, replicas)],
    }
    usual = {"name": name, "num_replicas": replicas, "storage": "file", "retention": "limits"}
    usual |= {"placement": {"cluster": cluster}, "metadata": {"_nats.level": "1"}}
    return {"config": usual | {"subjects": [f"{name}.>"]} | config, "cluster": where, "state": {"messages": 9}}


def copy(name: str, cluster: str = "eu", **config: Any) -> dict[str, Any]:
    return entry(name, cluster, subjects=None, **config)


def durable(name: str, **config: Any) -> dict[str, Any]:
    return {"config": {"name": name, "durable_name": name, "ack_policy": "explicit"} | config}


def twin_of(*streams: dict[str, Any], **found: Any) -> Twin:
    return twin(Found(streams, **found), "rehearsal")


def said(made: Twin, about: str) -> list[str]:
    return [f"{note.what}: {note.sentence}" for note in made.notes if note.about == about]


ORDERS = entry("orders", num_replicas=3)


def test_clusters_become_regions_of_their_size() -> None:
    made = twin_of(ORDERS, copy("all", sources=[{"name": "orders"}]), servers=(Server("x", "eu", "2.12.4"),))
    assert [(region.cluster, region.name, region.nodes) for region in made.regions] == [
        ("eu", "eu", 2),
        ("us-east", "useast", 3),
    ]
    assert made.topology.nats == "2.12.4"
    assert list(problems(made.topology)) == []
    layout = layout_of(made.topology)
    assert [(stream.name, stream.region, stream.upstream) for stream in layout.streams] == [
        ("orders", "useast", ()),
        ("all", "eu", ("orders",)),
    ]
    assert said(made, "orders") == said(made, "all") == []


def test_a_definition_is_carried_as_it_is() -> None:
    kept: dict[str, Any] = {
        "republish": {"src": "orders.>", "dest": "seen.>"},
        "max_age": 5,
        "discard": "new",
        "allow_msg_ttl": True,
    }
    (definition, _) = twin_of(entry("orders", **kept), entry("b", "eu")).streams[::-1]
    assert definition == {
        **kept,
        "name": "orders",
        "num_replicas": 1,
        "storage": "file",
        "retention": "limits",
        "placement": {"cluster": "useast"},
        "subjects": ["orders.>"],
    }


def test_a_lab_has_two_regions_also_when_the_system_has_one_cluster_or_none() -> None:
    assert [region.name for region in twin_of(ORDERS).regions] == ["spare", "useast"]
    alone = ORDERS | {"cluster": {"leader": "single"}, "config": {"name": "orders", "num_replicas": 1}}
    made = twin_of(alone)
    assert [(region.cluster, region.name, region.nodes) for region in made.regions] == [
        ("", "main", 1),
        (None, "spare", 1),
    ]
    assert layout_of(made.topology).stream("orders").region == "main"


def test_a_stream_without_a_leader_is_no_cluster_of_its_own() -> None:
    made = twin_of(ORDERS, entry("a", "eu"), entry("lost", placement=None) | {"cluster": {}})
    assert [region.name for region in made.regions] == ["eu", "useast"]
    assert said(made, "lost") == ["changed: placed in eu: the servers do not say where it is"]


def test_what_takes_from_a_stream_that_is_not_described_is_said_to() -> None:
    made = twin_of(ORDERS, copy("all", sources=[{"name": "far"}, {"name": "orders"}]), missing=("far",))
    assert said(made, "all") == ["left out: source `far`: the servers do not say how it is defined"]
    assert layout_of(made.topology).stream("all").upstream == ("orders",)


def test_names_of_regions_can_be_given_and_never_clash() -> None:
    found = Found((ORDERS, entry("a", "US_EAST"), entry("b", "1")))
    names = {region.cluster: region.name for region in twin(found, "x").regions}
    assert names == {"us-east": "useast2", "US_EAST": "useast", "1": "r1"}
    given = twin(found, "x", {"us-east": "useast"})
    assert {region.cluster: region.name for region in given.regions} == names | {
        "us-east": "useast",
        "US_EAST": "useast2",
    }
    for wrong in ({"nowhere": "a"}, {"1": "No"}, {"1": "a", "us-east": "a"}):
        with pytest.raises(UsageError):
            twin(found, "x", wrong)


@pytest.mark.parametrize("clusters", [2, 5, 6, 9, 12])
def test_any_number_of_clusters_is_a_lab_that_can_be(clusters: int) -> None:
    streams = [entry(f"s{number}", f"c{number}", num_replicas=5) for number in range(clusters)]
    made = twin_of(*streams, *(entry(f"t{number}", "c1") for number in range(3)))
    assert len(made.regions) == min(clusters, 9)
    assert len(made.streams) == clusters + 3
    assert "c1" in made.topology.regions
    assert any("is not in the twin" in note.sentence for note in made.notes) == (clusters > 9)


@pytest.mark.parametrize(
    ("config", "kept", "sentence"),
    [
        ({"placement": None}, {}, "changed: no cluster in the placement; placed in useast, where the leader is now"),
        ({"placement": {"cluster": "us-east", "tags": ["ssd"]}}, {}, "left out: tags of the placement: `ssd`"),
        ({"num_replicas": 2}, {"num_replicas": 3}, "changed: 3 replicas instead of 2"),
        ({"sealed": True}, {}, "changed: sealed; takes messages in the twin, where it is empty"),
        (
            {"storage": "memory", "max_bytes": 2**30},
            {"max_bytes": 2**26},
            "changed: max_bytes is 64 MiB instead of more memory than a node has",
        ),
        (
            {"sources": [{"name": "b", "external": {"api": "$JS.hub.API"}}]},
            {},
            "left out: source `b` by `$JS.hub.API`: of another account or domain, which cannot be seen",
        ),
        ({"sources": [{"name": "gone"}]}, {}, "left out: source `gone`: there is no such stream"),
        (
            {"sources": [{"name": "b", "opt_start_seq": 7}]},
            {"sources": [{"name": "b"}]},
            "changed: takes `b` from its first message on, not from sequence 7",
        ),
    ],
)
def test_what_the_twin_cannot_have_is_said(config: dict[str, Any], kept: dict[str, Any], sentence: str) -> None:
    made = twin_of(entry("a", **config), entry("b"))
    assert said(made, "a") == [sentence]
    assert made.streams[0] == made.streams[0] | kept
    assert made.streams[0]["placement"] == {"cluster": "useast"}
    assert not {"sealed", "tags"} & made.streams[0].keys()
    assert list(problems(made.topology)) == []


def test_a_mirror_of_what_cannot_be_seen_is_an_empty_stream() -> None:
    mirror = {"name": "b", "external": {"api": "$JS.hub.API"}}
    made = twin_of(ORDERS, copy("m", mirror=mirror, mirror_direct=True))
    (definition,) = (each for each in made.streams if each["name"] == "m")
    assert not {"mirror", "mirror_direct", "subjects"} & definition.keys()
    assert said(made, "m")[1] == "changed: nothing fills it but what you publish on `m`"


def test_a_source_by_the_systems_own_domain_is_one_like_any_other() -> None:
    source = {"name": "orders", "external": {"api": "$JS.hub.API", "deliver": ""}}
    made = twin_of(ORDERS, copy("all", sources=[source]), domain="hub")
    assert layout_of(made.topology).stream("all").upstream == ("orders",)


def test_fewer_nodes_take_fewer_replicas() -> None:
    made = twin(Found((entry("a", num_replicas=5), ORDERS)), "x", most=4)
    assert [each["num_replicas"] for each in made.streams] == [3, 3]
    assert said(made, "a") == ["changed: 3 of 5 replicas, since useast has 4 nodes"]


def test_loops_are_opened() -> None:
    made = twin_of(entry("a", sources=[{"name": "b"}, {"name": "orders"}]), entry("b", sources=[{"name": "a"}]), ORDERS)
    assert layout_of(made.topology).stream("b").upstream == ("a",)
    assert layout_of(made.topology).stream("a").upstream == ("orders",)
    assert said(made, "a") == ["left out: source `b`: a lab has no loops of streams"]


def test_a_mirror_on_a_loop_is_opened_too() -> None:
    made = twin_of(copy("a", mirror={"name": "b"}), copy("b", sources=[{"name": "a"}]))
    assert layout_of(made.topology).graph.looped == ()
    assert len(layout_of(made.topology).graph.edges) == 1


def test_consumers_fit_their_stream() -> None:
    queue = entry("queue", num_replicas=2, retention="workqueue")
    made = twin_of(queue, consumers={"queue": (durable("d", num_replicas=2),)})
    assert [each["num_replicas"] for each in (made.streams[0], made.consumers[0][1])] == [3, 3]


def test_durable_consumers_come_along_and_ephemeral_ones_do_not() -> None:
    late = durable("late", deliver_policy="by_start_sequence", opt_start_seq=70, num_replicas=5)
    made = twin_of(ORDERS, consumers={"orders": (durable("d"), late, {"config": {"name": "e"}})})
    (_, first), (_, second) = made.consumers
    assert first == {"name": "d", "durable_name": "d", "ack_policy": "explicit"}
    assert (second["deliver_policy"], second["num_replicas"], "opt_start_seq" in second) == ("all", 3, False)
    assert len(said(made, "orders/late")) == 2
    assert said(made, "orders") == ["left out: 1 ephemeral consumer: the clients that use them make them"]


def test_nodes_may_store_what_streams_promise() -> None:
    big = entry("big", max_bytes=40 * 2**30)
    assert twin_of(big).topology.store == "81GB"
    assert twin_of(ORDERS, max_payload=8 * 2**20).topology.server_options["max_payload"] == 8 * 2**20


def test_what_is_true_of_the_whole_is_said_once() -> None:
    made = twin_of(
        ORDERS,
        servers=(Server("a", "us-east", "2.15.1"), Server("b", "us-east", "2.15.1"), Server("c", "eu", "2.14.6")),
        all_servers=True,
        missing=("lost",),
        apart=("leaf",),
        domain="hub",
        limits={"max_streams": 10, "max_memory": -1},
    )
    told = "\n".join(said(made, ""))
    assert "2.14.6" in told
    assert "domain `hub`" in told
    assert "leaf" in told
    assert "max_streams 10" in told
    assert "max_memory" not in told
    assert len(said(made, "lost")) == 1


def test_a_system_without_streams_has_no_twin() -> None:
    with pytest.raises(LabError, match="no streams"):
        twin(Found(()), "x")


def test_a_definition_of_another_shape_is_left_out() -> None:
    made = twin_of(ORDERS, entry("a", sources="orders"), entry("b", subjects=["b..c"]))
    assert said(made, "a") == ["left out: `sources` should be a list"]
    assert said(made, "b") == ["left out: `b..c` in `subjects` is not a subject"]
    assert [each["name"] for each in made.streams] == ["orders"]


def test_the_folder_is_what_lab_up_starts(tmp_path: Path) -> None:
    made = twin_of(ORDERS, copy("all", sources=[{"name": "orders"}]), consumers={"orders": (durable("d"),)})
    file = folder.write(tmp_path / "twin", made)
    topology = labfile.load(file)
    assert (topology.name, topology.regions, topology.sizes) == ("rehearsal", ("eu", "useast"), made.topology.sizes)
    assert layout_of(topology).graph == layout_of(made.topology).graph
    assert [key for key, _ in layout_of(topology).consumers] == ["orders"]
    assert folder.write(tmp_path / "twin", made) == file
    (tmp_path / "twin" / "mine.txt").touch()
    with pytest.raises(UsageError, match="is there already"):
        folder.write(tmp_path / "twin", made)


def test_a_folder_that_cannot_be_written_whole_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str, encoding: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(LabError, match="No space left"):
        folder.write(tmp_path / "twin", twin_of(ORDERS))
    assert list(tmp_path.iterdir()) == []


def test_alike_names_have_files_of_their_own_and_hostile_ones_none(tmp_path: Path) -> None:
    names, hostile = ["accounts", "A", "a", "ü"], ["../../up", "\x1b[2Jx", "ü" * 200, "."]
    found = [entry(name, subjects=[f"s{number}"]) for number, name in enumerate([*names, *hostile])]
    made = twin_of(*found, entry("b", "eu"), consumers={"a": (durable("d"), durable("../d"))})
    where = folder.write(tmp_path / "in" / "twin", made).parent
    files = sorted((where / "streams").iterdir())
    assert {path.parent for path in tmp_path.rglob("*.json")} == {where / "streams"}
    assert sorted(json.loads(path.read_text())["name"] for path in files) == sorted([*names, "b", "d"])
    assert len({path.name.lower() for path in files}) == len(files)
    assert "\x1b" not in text(made) + (where / "differences.txt").read_text()
    assert {note.about for note in made.notes if "cannot be the name" in note.sentence} == {*hostile, "a/../d"}
    assert len(layout_of(labfile.load(where / "lab.yaml")).streams) == len(names) + 1


def test_text_and_json_have_the_clusters_beside_the_regions() -> None:
    made = twin_of(*(entry(f"s{number:02}", placement=None) for number in range(20)))
    assert "us-east   1         useast   1" in text(made)
    assert "s07 and 12 more: no cluster in the placement" in text(made)
    assert plain(made)["streams"][0] == "s00"


class Registry:
    """An engine that has one image, and no registry."""

    def image_exists(self, image: str) -> bool:
        return image == "nats:2.12.6"

    def pull(self, image: str) -> None:
        raise DockerError("no registry")

    def architecture(self) -> str:
        return "amd64"


def test_the_nearest_release_of_the_same_minor_version_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert nearest("2.12.4", ("2.11.9", "2.12.2", "2.12.6", "2.12.1", "2.14.1")) == ["2.12.6", "2.12.2", "2.12.1"]
    assert nearest("2.12.0-RC.2", ("2.12.1",)) == ["2.12.1"]

    def offline(version: str, architecture: str) -> bytes:
        raise binary.DownloadError(version)

    monkeypatch.setattr(binary, "download", offline)
    monkeypatch.setattr(binary, "releases", lambda: ("2.12.3", "2.12.6", "2.15.1"))
    made = twin_of(ORDERS, servers=(Server("a", "us-east", "2.12.4"),))
    had = obtained(Registry(), made, silently)  # type: ignore[arg-type]
    assert had.topology.nats == "2.12.6"
    assert had.notes[0].sentence == "nodes run nats-server 2.12.6, since 2.12.4 cannot be had"
    with pytest.raises(DockerError, match=r"no image of nats-server 2\.12\.4"):
        obtained(Registry(), made, silently, exactly=True)  # type: ignore[arg-type]
    old = twin_of(ORDERS, servers=(Server("a", "us-east", "2.9.9"),))
    with pytest.raises(DockerError) as caught:
        obtained(Registry(), old, silently)  # type: ignore[arg-type]
    assert "--nats" in caught.value.hint
