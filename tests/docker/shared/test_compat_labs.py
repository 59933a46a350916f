"""Calls of client libraries on the virtual stream: which work, which do not and why, and that nothing of the user's is
touched."""

import asyncio
import os
from pathlib import Path

import pytest
from labs import ROOT, Lab
from node import node

from lab import api
from lab.compat.values import NATS_JS, NATS_PY, Compatibility
from lab.topology import Topology

EXAMPLES = str(ROOT / "examples")
SMALL = Topology(name="test-compat", nodes_per_region=1, replicas=1, layout="transparent")
# What the lab's definitions do not allow, on whatever layout.
ELSEWHERE = {10166, 10174}  # a TTL of a message; atomic batches


@pytest.fixture(autouse=True)
def with_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{node().parent}{os.pathsep}{os.environ['PATH']}")


def amiss(found: Compatibility, client: str) -> dict[str, int | str | None]:
    """Call -> the server's code, or what the wrong stream is, of those that do not work."""
    (tried,) = (tried for tried in found.clients if tried.client == client)
    assert len(tried.outcomes) > 60
    return {
        outcome.call: outcome.code or outcome.detail.partition("`,")[0].strip("`")
        for outcome in tried.outcomes
        if outcome.state in ("fails", "wrong stream") and outcome.code not in ELSEWHERE
    }


def test_where_the_stream_really_has_the_name_every_call_works_that_says_it() -> None:
    lab = api.Lab.up(SMALL)
    try:
        found = lab.compat(region="east", packages=Path(EXAMPLES))
    finally:
        lab.down()
    assert (found.layout, found.server, found.missing) == ("transparent", SMALL.nats, "")
    # Whoever lets the library look for the stream gets the one that has subjects.
    origin = "foo-write-east"
    assert amiss(found, NATS_PY) == {
        "js.find_stream_name_by_subject(subject)": origin,
        'js.find_stream_name_by_subject(name + ".>")': origin,
        "js.pull_subscribe(subject, durable)": origin,
        'js.pull_subscribe(name + ".>", durable)': origin,
        "js.subscribe(subject)": origin,
        'js.subscribe(name + ".>")': origin,
        "js.purge_stream(name, subject)": 10110,
        "js.delete_msg(name, seq)": 10057,
        "js.publish(subject, stream=name)": 10060,
        "js.publish(subject), header Nats-Expected-Last-Sequence of stream_info": 10071,
        "js.publish(subject), header Nats-Expected-Last-Subject-Sequence of get_last_msg": 10071,
    }
    assert amiss(found, NATS_JS) == {
        "jsm.streams.find(subject)": origin,
        'jsm.streams.find(name + ".>")': origin,
        "jsm.streams.purge(name, {filter})": 10110,
        "jsm.streams.deleteMessage(name, seq)": 10057,
        "js.publish(subject), expect.streamName": 10060,
        "js.publish(subject), expect.lastSequence of streams.info": 10071,
        "js.publish(subject), expect.lastSubjectSequence of getMessage": 10071,
    }


@pytest.mark.nightly
def test_through_a_mapped_name_no_consumer_is_made_and_nothing_of_yours_is_touched(lab: Lab) -> None:
    lab.run("heal", "--wait", "--hasten")
    lab.run("pub", "west", "foo.mine", "kept")
    lab.run("compare", "--wait", "30")
    before = asyncio.run(contents(lab.name))
    printed = lab.json("compat", "--region", "east", "--packages", EXAMPLES)
    found = Compatibility.from_json(printed)
    python, javascript = amiss(found, NATS_PY), amiss(found, NATS_JS)
    creating = {call for call in python if "add_consumer" in call or ("stream=name)" in call and "subscribe" in call)}
    assert len(creating) == 11
    assert {python[call] for call in creating} == {10059}
    assert python["js.publish(subject, stream=name)"] == 10060
    assert str(python['js.subscribe(name + ".>")']).startswith("foo-write-"), "one region's messages, and no error"
    assert python["js.streams_info()"] == "no error, but `foo` is not in the list"
    assert javascript["jsm.streams.update(name, {})"] == 10056
    assert javascript["js.consumers.get(name), ordered, consume()"] == 10059
    works = {outcome.call for tried in found.clients for outcome in tried.outcomes if outcome.state == "works"}
    assert {
        "js.pull_subscribe_bind(an existing durable, stream=name)",
        "js.get_last_msg(name, subject, direct=True)",
        "msg.ack_sync()",
        "js.streams.get(name), stream.getConsumer(), ordered, consume()",
    } <= works
    assert asyncio.run(contents(lab.name)) == before


async def contents(name: str) -> dict[str, object]:
    """Every stream: its definition, its consumers, and the messages on other subjects than the lab's own."""
    found: dict[str, object] = {}
    async with api.Lab(name).session("east") as session:
        for stream in (await session.api("STREAM.NAMES"))["streams"]:
            info = await session.api(f"STREAM.INFO.{stream}", {"subjects_filter": ">"})
            subjects = info["state"].get("subjects") or {}
            kept = {subject: count for subject, count in subjects.items() if ".lab-compat." not in subject}
            consumers = (await session.api(f"CONSUMER.NAMES.{stream}"))["consumers"]
            found[stream] = (info["config"], consumers, kept)
    return found
