"""Layouts other than the default on real servers, each on a small lab of its own: what clients can call, where a
message is stored, and what an isolated region still does. Some in operator mode: scenarios play them without."""

import asyncio
import re
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import nats
import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from lab.api import Lab
from lab.bundle import Bundle
from lab.cli.explanation import PATIENCE_S, POLL_S
from lab.errors import NatsError, UsageError
from lab.faults.prediction import differences, predict, settled
from lab.jetstream.session import connect
from lab.layouts import layout_of
from lab.topology import LayoutName, Topology

SMALL = Topology(nodes_per_region=1, replicas=1)


@contextmanager
def up(name: str, layout: LayoutName, **fields: object) -> Iterator[Lab]:
    lab = Lab.up(replace(SMALL, name=name, layout=layout, **fields))  # type: ignore[arg-type]
    try:
        yield lab
    finally:
        lab.down()


@pytest.fixture(scope="module")
def transparent() -> Iterator[Lab]:
    with up("test-transparent", "transparent") as lab:
        yield lab


def test_with_an_account_for_each_region_every_call_works_on_the_name_itself(transparent: Lab) -> None:
    async def calls(region: str) -> None:
        async with await transparent.connect(region) as client:
            js = client.jetstream()
            ack = await js.publish("foo.calls", region.encode())
            assert ack.stream == f"foo-write-{region}"
            assert (await js.stream_info("foo")).config.name == "foo"
            assert {info.config.name for info in await js.streams_info()} == {"foo", ack.stream}
            pull = await js.pull_subscribe("foo.calls", "puller", stream="foo")
            (first,) = await pull.fetch(1, timeout=10)
            await first.ack_sync()
            assert (await js.consumer_info("foo", "puller")).ack_floor.stream_seq == 1
            config = ConsumerConfig(name="added", ack_policy=AckPolicy.EXPLICIT)
            assert (await js.add_consumer("foo", config)).stream_name == "foo"
            assert await js.delete_consumer("foo", "added")
            for ordered in (False, True):
                push = await js.subscribe("foo.calls", stream="foo", ordered_consumer=ordered)
                assert (await push.next_msg(10)).subject == "foo.calls"
            for direct in (False, True):
                assert (await js.get_msg("foo", 1, direct=direct)).subject == "foo.calls"

    for region in transparent.topology.regions:
        asyncio.run(calls(region))
    assert transparent.compare(wait=20).verdict == "agree"


def test_streams_of_one_name_are_told_apart(transparent: Lab) -> None:
    status = transparent.status()
    assert status.layout == "transparent"
    assert {(s.name, s.account, s.called) for s in status.streams if s.sources} == {
        (f"foo-read-{region}", region.upper(), "foo") for region in transparent.topology.regions
    }
    assert transparent.define_streams().created == ()
    with pytest.raises(UsageError, match="is there with layout `transparent`, not `mapped`"):
        Lab.up(replace(transparent.topology, layout="mapped"))


def test_what_stood_still_in_a_cut_is_hastened_across_accounts(transparent: Lab) -> None:
    with transparent.partition("east"):
        transparent.publish("west", "foo.test", "while east was away")
    transparent.hasten(60)
    assert transparent.compare().verdict == "agree"


def test_one_region_writes_and_the_others_read_what_it_wrote() -> None:
    with up("test-of-mirror", "mirror", layout_options={"writer": "east"}, auth="operator") as lab:
        (ack,) = lab.publish("west", "foo.test", "from west")
        assert ack.stream == "foo-east"
        found = lab.compare(wait=20)
        assert (found.verdict, found.messages) == ("agree", 1)
        assert [entry.origin for entry in lab.view("central")] == [("foo-east", 1)]
        assert lab.define_streams().created == (), "what the servers add to a mirror is no difference"
        lab.prepare_probe()
        with lab.partition("west"):
            assert as_predicted(lab)


def test_a_stretched_stream_needs_a_majority_of_the_regions() -> None:
    with up("test-stretch", "stretch", replicas=3) as lab:
        assert {lab.publish(region, "foo.test", region)[0].stream for region in lab.topology.regions} == {"foo"}
        assert lab.compare().verdict == "agree"
        (stream,) = lab.status().streams
        assert (stream.replicas, stream.current) == (3, 3)
        lab.prepare_probe()
        with lab.partition("central"):
            assert as_predicted(lab)
        lab.until_healthy()
        assert lab.compare().verdict == "agree"


def test_a_region_that_only_votes_gives_one_of_two_a_majority() -> None:
    regions: dict[str, object] = {"regions": ("west", "east", "third"), "sizes": {"third": 1}}
    with up("test-one-arbiter", "arbiter", nodes_per_region=2, auth="operator", **regions) as lab:
        assert layout_of(lab.topology).regions == ("west", "east")
        with pytest.raises(UsageError, match="`third` only votes"):
            lab.publish("third", "foo.test", "x")
        lab.prepare_probe()
        with lab.partition("west"):
            assert as_predicted(lab)


def test_in_operator_mode_roles_have_credentials_and_nothing_tells_them(tmp_path: Path) -> None:
    async def as_application(lab: Lab, folder: Path) -> None:
        client = await nats.connect(lab.url("east"), user_credentials=str(folder / "app.creds"))
        js = client.jetstream(timeout=1)
        assert (await js.publish("foo.app", b"x")).stream == "foo-write-east"
        assert (await js.get_last_msg("foo-read-east", "foo.app", direct=True)).data == b"x"
        with pytest.raises(TimeoutError):  # a permissions violation ends in no answer
            await js.delete_stream("foo-read-east")
        await client.close()

    with up("test-operator", "mapped", auth="operator") as lab:
        folder = Path(lab.topology.folder) / "credentials"
        assert [lab.publish(region, "foo.test", region)[0].sequence for region in ("west", "central")] == [1, 1]
        assert lab.compare(wait=20).verdict == "agree"
        asyncio.run(as_application(lab, folder))
        archive = tmp_path / "lab.zip"
        bundle: Bundle = lab.collect(archive)
        with zipfile.ZipFile(archive) as found:
            told = "".join(found.read(name).decode() for name in found.namelist())
        secret = [line for path in folder.iterdir() for line in path.read_text().split() if len(line) > 50]
        assert len(secret) == 6, "a token and a seed for each role"
        assert not [line for line in secret if line in told]
        assert "files/configs/operator.conf" in bundle.files
        assert not re.search(r"\beyJ[\w-]+\.|\bS[UAO][A-Z2-7]{56}\b", told)
        with pytest.raises(NatsError, match="Authorization Violation"):
            asyncio.run(nobody(lab))


async def nobody(lab: Lab) -> None:
    async with connect("west", lab.topology.region_nodes("west")):
        pass


def as_predicted(lab: Lab) -> bool:
    """Within the time that servers take to notice who is gone, as long as `--explain` waits for it."""
    prediction = predict(lab.topology, lab.faults())
    deadline = time.monotonic() + PATIENCE_S
    while not settled(prediction, found := lab.probe(prepared=True)):
        assert time.monotonic() < deadline, differences(prediction, found)
        time.sleep(POLL_S)
    return True
