"""Scenarios on a lab that is in use: what was there before does not matter, and stays as it was.

`make test` plays some that are short; `make nightly` plays all.
"""

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labs import ROOT, Lab, wait_for
from scenarios import SHORT, find, skip_where_the_kernel_lacks, written

from lab import api
from lab.jetstream import consumers
from lab.jetstream.session import NO_RESPONDERS, ApiError, Session
from lab.scenario.shipped import shipped

REGIONS = ("west", "central", "east")
STREAM = "user-orders"
MESSAGES = 50
# As consumers of shipped scenarios are called.
DURABLES = [(f"foo-read-{region}", "app") for region in REGIONS] + [("foo-write-central", "lost-in-central")]
LEFT = "  - create_consumer: {name: app, in: central}\n  - wait: 300s\n"


@pytest.fixture(scope="module")
def used(shared_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The shared lab with 50 messages, streams and consumers of a user, a probe's messages, and what a scenario left
    behind that was killed."""
    name = shared_lab.name
    shared_lab.run("heal", "--wait", "--hasten")
    shared_lab.run("pub", "west", "foo.before", "old", "--count", str(MESSAGES))
    shared_lab.run("probe")
    shared_lab.run("compare", "--wait", "30")
    asyncio.run(_make(name))
    _leave_a_consumer(shared_lab, tmp_path_factory.mktemp("left"))
    yield shared_lab
    shared_lab.run("heal", "--wait", "--hasten")
    asyncio.run(_remove(name))


@pytest.mark.parametrize("scenario", SHORT)
def test_a_short_scenario_holds_and_leaves_alone_what_is_not_its_own(used: Lab, scenario: str) -> None:
    _plays(used, scenario)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "scenario", [name for name in shipped() if name not in SHORT and not any(v.own for v in find(name).variants)]
)
def test_every_scenario_holds_and_leaves_alone_what_is_not_its_own(used: Lab, scenario: str) -> None:
    _plays(used, scenario)


def test_the_same_scenario_twice_in_a_row_holds_twice(used: Lab, tmp_path: Path) -> None:
    """With a message id, by which the server drops what comes again."""
    file = written(
        tmp_path,
        "  - create_consumer: {name: app, in: west}\n"
        "  - publish: {in: west, body: x, count: 3, id: order, as: some}\n"
        "    expect:\n"
        "      - published: {messages: some, duplicates: 0}\n"
        "      - works: {operations: [publish, see-own-publish, existing-consumer], in: [west, central]}\n"
        "  - publish: {in: west, body: y, as: other}\n"
        "    expect:\n"
        "      - visible: {messages: other, in: west, within: 10s}\n"
        "      - stored: {stream: foo-write-west, messages: 4}\n"
        "  - consume: {consumer: app, in: west, count: 5, as: got}\n"
        "    expect: {delivered: {consume: got, count: 4, includes: [some, other]}}\n"
        "  - request: {call: CONSUMER.INFO.foo-read-west.app, in: west, as: info}\n"
        "    expect: {answered: {request: info, has: {config: {deliver_policy: by_start_sequence}}}}\n",
    )
    for _ in range(2):
        assert json.loads(used.run("scenario", "run", file, "--json"))["exit_code"] == 0


def test_messages_of_a_probe_do_not_show(used: Lab) -> None:
    before = used.json("compare", "--wait", "30")
    held = {region: used.json("view", region, "--last", "0") for region in REGIONS}
    used.run("probe")
    after = used.json("compare", "--wait", "30")
    assert after["messages"] == before["messages"] == len(held["west"])
    for region, entries in held.items():
        assert used.json("view", region, "--last", "0") == entries
        assert used.json("view", region, "--last", "20") == entries[-20:]
    probes = [e for e in used.json("view", "west", "--last", "0", "--probes") if e not in held["west"]]
    assert len(probes) >= 2 * 9, "with `--probes` they are there: two probes, three messages in three regions each"
    assert all(entry["subject"].startswith("foo.probe.") for entry in probes)


def _plays(lab: Lab, scenario: str) -> None:
    skip_where_the_kernel_lacks([scenario])
    before = asyncio.run(_users(lab.name))
    told = json.loads(lab.run("scenario", "run", scenario, "--json", timeout=600))
    assert [(r["lab"], r["verdict"], r["broken"]) for r in told["results"]] == [(lab.name, "held", "")]
    assert asyncio.run(_users(lab.name)) == before


def _leave_a_consumer(lab: Lab, folder: Path) -> None:
    running = subprocess.Popen(
        lab.command("scenario", "run", written(folder, LEFT)), stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    wait_for(running, "sleep 300")
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)


async def _make(name: str) -> None:
    """A stream with messages, and consumers of which each has acknowledged some messages and not yet some others."""
    lab = api.Lab(name, root=ROOT)
    async with lab.session("west") as session:
        await session.api(
            f"STREAM.CREATE.{STREAM}", {"name": STREAM, "subjects": ["user.>"], "num_replicas": 3, "storage": "file"}
        )
        for number in range(3):
            await session.publish("user.order", str(number).encode())
    for stream, consumer in DURABLES:
        async with lab.session(stream.rpartition("-")[2]) as session:
            await consumers.create(session, stream, consumer, {"description": "a user's"})
            if stream.startswith("foo-read"):
                for delivery in (await _fetched(session, stream, consumer))[:5]:
                    await consumers.acknowledge(session, delivery)


async def _fetched(session: Session, stream: str, consumer: str) -> list[consumers.Delivery]:
    """Seven messages; for a moment not every node knows of a consumer that was just made."""
    for _ in range(40):
        try:
            return await consumers.fetch(session, stream, consumer, 7, 5)
        except ApiError as error:
            if error.code != NO_RESPONDERS:
                raise
            await asyncio.sleep(0.05)
    raise AssertionError(f"nobody knows of {consumer}")


async def _users(name: str) -> dict[str, Any]:
    """What is a user's: definition and state of each stream and consumer."""
    found: dict[str, Any] = {}
    lab = api.Lab(name, root=ROOT)
    async with lab.session("west") as session:
        info = await session.stream_info(STREAM)
        found[STREAM] = [info[key] for key in ("created", "config", "state")]
    for stream, consumer in DURABLES:
        async with lab.session(stream.rpartition("-")[2]) as session:
            info = await session.api(f"CONSUMER.INFO.{stream}.{consumer}")
            acknowledged, delivered = (info[key]["stream_seq"] for key in ("ack_floor", "delivered"))
            found[f"{stream} {consumer}"] = [info["created"], info["config"], acknowledged, delivered]
    return found


async def _remove(name: str) -> None:
    lab = api.Lab(name, root=ROOT)
    async with lab.session("west") as session:
        await session.api(f"STREAM.DELETE.{STREAM}")
        for stream, _ in DURABLES:
            for consumer in (await session.api(f"CONSUMER.NAMES.{stream}"))["consumers"] or ():
                if consumer.startswith("app") or consumer == "lost-in-central":
                    try:
                        await consumers.delete(session, stream, consumer)
                    except ApiError:
                        continue
