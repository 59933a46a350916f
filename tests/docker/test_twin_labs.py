"""The twin of a system that is another lab: the same graph of streams, and nothing of its messages."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labs import Lab

from lab import api

SOURCE, TWIN = "test-foreign", "test-rehearsal"
HIDDEN = {"name": "far", "external": {"api": "$JS.hub.API"}}
TRANSFORM = {"name": "hop", "subject_transforms": [{"src": "orders.*.>", "dest": "far.>"}]}
BUCKET = {"max_msgs_per_subject": 5, "allow_rollup_hdrs": True, "deny_delete": True, "discard": "new"}
STREAMS: tuple[dict[str, Any], ...] = (
    {"name": "orders", "num_replicas": 3, "subjects": ["orders.*.>"], "placement": {"cluster": "paris"}},
    {
        "name": "hop",
        "sources": [{"name": "orders", "filter_subject": "orders.eu.>"}],
        "placement": {"cluster": "tokyo"},
    },
    {"name": "far", "num_replicas": 3, "sources": [TRANSFORM], "placement": {"cluster": "paris"}},
    {"name": "backup", "mirror": {"name": "orders"}, "placement": {"cluster": "tokyo"}},
    {"name": "KV_config", "num_replicas": 3, "subjects": ["$KV.config.>"], "placement": {"tags": ["paris"]}, **BUCKET},
    {"name": "loose", "subjects": ["loose"]},
)
BILLING = {"durable_name": "billing", "ack_policy": "explicit", "filter_subject": "orders.eu.>"}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with streams that its layout does not know of, too: of a source that nobody can see, and two consumers."""
    folder = tmp_path_factory.mktemp("production")
    (folder / "streams").mkdir()
    for each in STREAMS:
        definition = {"storage": "file", "retention": "limits", "allow_direct": True} | each
        (folder / "streams" / f"{each['name']}.json").write_text(json.dumps(definition))
    regions = "regions: {paris: 3, tokyo: 1}"
    (folder / "lab.yaml").write_text(f"name: {SOURCE}\n{regions}\nlayout: own\nstreams: streams\n")
    lab = Lab(SOURCE)
    lab.run("down")
    lab.run("up", "--file", str(folder / "lab.yaml"))
    asyncio.run(add_what_the_lab_would_refuse())
    lab.run("pub", "paris", "orders.eu.secret", "nobody else may see this")
    yield lab
    lab.run("down")


async def add_what_the_lab_would_refuse() -> None:
    async with api.Lab(SOURCE).session("paris") as session:
        hidden = {"name": "hidden", "subjects": ["hidden"], "sources": [HIDDEN], "storage": "file"}
        await session.api("STREAM.CREATE.hidden", hidden)
        for config in (BILLING, {"name": "passing", "ack_policy": "none", "inactive_threshold": 600 * 10**9}):
            name = config.get("durable_name") or config["name"]
            await session.api(
                f"CONSUMER.CREATE.orders.{name}", {"stream_name": "orders", "config": {"name": name} | config}
            )


@pytest.fixture(scope="module")
def url(production: Lab) -> str:
    return api.Lab(production.name).url("paris")


@pytest.fixture(scope="module")
def made(production: Lab, url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Any, Path]]:
    """The twin, what `lab twin` said of it, and its folder."""
    folder = tmp_path_factory.mktemp("twin") / "files"
    lab = Lab(TWIN)
    lab.run("down")
    yield lab, lab.json("twin", url, "--write", str(folder), "--region", "paris=france"), folder
    lab.run("down")


def test_the_twin_has_the_same_graph_but_for_what_is_listed(production: Lab, made: tuple[Lab, Any, Path]) -> None:
    lab, told, _ = made
    assert [(each["cluster"], each["name"], each["nodes"]) for each in told["regions"]] == [
        ("paris", "france", 3),
        ("tokyo", "tokyo", 1),
    ]
    theirs, ours = (graph(each) for each in (production, lab))
    names = {"paris": "france", "tokyo": "tokyo"}
    assert ours["streams"] == {key: (names[region], *rest) for key, (region, *rest) in theirs["streams"].items()}
    assert ours["edges"] == {edge for edge in theirs["edges"] if edge[1] != "far" or edge[0] != "hidden"}
    notes = {(each["about"], each["what"]) for each in told["notes"] if each["about"]}
    assert notes == {
        ("hidden", "left out"),
        ("hidden", "changed"),
        ("orders", "left out"),
        ("KV_config", "left out"),
    } | {(name, "changed") for name in ("KV_config", "loose")}


def graph(lab: Lab) -> dict[str, Any]:
    found = lab.json("streams", "graph")
    return {
        "streams": {
            each["key"]: (each["region"], tuple(each["subjects"]), each["definition"]["num_replicas"])
            for each in found["streams"]
        },
        "edges": {(e["stream"], e["name"], e["mirror"], json.dumps(e["transforms"])) for e in found["edges"]},
    }


def test_what_is_published_on_the_twin_takes_the_same_ways_and_there_is_nothing_else(
    made: tuple[Lab, Any, Path],
) -> None:
    lab, _, _ = made
    lab.run("pub", "france", "orders.eu.new", "rehearsal")
    held = asyncio.run(arrived(("hop", "far", "backup")))
    assert held == {"hop": [b"rehearsal"], "far": [b"rehearsal"], "backup": [b"rehearsal"]}


async def arrived(streams: tuple[str, ...]) -> dict[str, list[bytes]]:
    """What these hold, once each has something."""
    async with api.Lab(TWIN).session("france") as session:
        assert (await session.api("CONSUMER.INFO.orders.billing"))["config"]["filter_subject"] == "orders.eu.>"
        for _ in range(300):
            infos = [await session.stream_info(name) for name in streams]
            if all(info["state"]["messages"] for info in infos):
                break
            await asyncio.sleep(0.1)
        return {name: [entry.body async for entry in session.read(name)] for name in streams}


def test_the_folder_starts_it_again_and_has_no_message_and_no_password(made: tuple[Lab, Any, Path]) -> None:
    lab, told, folder = made
    lab.run("up", "--file", str(folder / "lab.yaml"))
    assert lab.json("streams", "define")["created"] == []
    text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert "secret" not in text
    assert "s3cr3t" not in text
    assert sorted(told["streams"]) == sorted([*(each["name"] for each in STREAMS), "hidden"])


def test_only_definitions_are_asked_for_and_the_system_account_knows_all_servers(production: Lab, url: str) -> None:
    lab = Lab(TWIN)
    known = asyncio.run(heard(url, lab.command("twin", url, "--dry-run", "--json")))
    assert known == {
        *("$JS.API.INFO", "$JS.API.STREAM.LIST"),
        *(f"$JS.API.CONSUMER.LIST.{name}" for name in ("orders",)),
    }
    system = url.replace("nats://", "nats://admin:s3cr3t!@").split(",")[0]
    told = lab.json("twin", url, "--system", system, "--dry-run")
    assert [each["servers"] for each in told["regions"]] == [3, 1]


async def heard(url: str, command: list[str]) -> set[str]:
    """The subjects of the API that are requested while a command runs, but for what servers themselves do."""
    client = await api.Lab(SOURCE).connect("paris")
    async with client:
        subscription = await client.subscribe("$JS.API.>")
        await client.flush()
        running = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        assert await running.wait() == 0
        await client.flush()
        subjects = {message.subject for message in subscription._pending_queue._queue}  # type: ignore[attr-defined]
    return {subject for subject in subjects if not subject.startswith("$JS.API.CONSUMER.CREATE.")}


def test_a_refused_login_leaves_nothing(production: Lab, url: str, tmp_path: Path) -> None:
    lab, folder = Lab("test-nowhere"), tmp_path / "nothing"
    told = lab.fails("twin", url, "--user", "admin", "--password", "wrong", "--write", str(folder))
    assert "Authorization Violation" in told
    told = lab.fails("twin", url, "--user", "admin", "--password", "s3cr3t!", "--write", str(folder))
    assert "JetStream not enabled for account (10039)" in told
    assert not any(lab.left_behind().values())
    assert not folder.exists()
