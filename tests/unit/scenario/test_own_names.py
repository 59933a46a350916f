"""What a scenario makes has names that nobody else has, and is shown and typed by them."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from lab.api import Lab
from lab.docker.observation import Observation
from lab.jetstream import consumers
from lab.jetstream.session import ApiError
from lab.scenario import actions as act
from lab.scenario import perform
from lab.scenario.context import Context, Made
from lab.scenario.perform import named
from lab.topology import Topology


def context() -> Context:
    topology = Topology()
    return Context(
        Lab(),
        topology,
        Observation(topology, {}),
        first={"foo-read-west": 50},
        made=[Made("west", "foo-read-west", "app", "app-1f2e3d")],
        token="1f2e3d",
    )


def test_two_plays_have_different_names() -> None:
    topology = Topology()
    one, other = (Context(Lab(), topology, Observation(topology, {})) for _ in range(2))
    assert one.token != other.token


def test_a_message_id_is_one_that_no_earlier_play_has_used() -> None:
    publish = act.Publish(in_="west", body="x", id="order")  # type: ignore[arg-type]
    assert "--id order-1f2e3d" in str(named(publish, context()))


def test_a_request_about_an_own_consumer_has_the_servers_name_of_it() -> None:
    info = act.Request("CONSUMER.INFO.foo-read-west.app", "west", "info")  # type: ignore[arg-type]
    assert "CONSUMER.INFO.foo-read-west.app-1f2e3d" in str(named(info, context()))
    body = {"stream_name": "foo-read-west", "config": {"durable_name": "app", "ack_policy": "explicit"}}
    create = act.Request("CONSUMER.CREATE.foo-read-west.app", "west", "create", body)  # type: ignore[arg-type]
    config = {"durable_name": "app-1f2e3d", "ack_policy": "explicit"}
    assert named(create, context()) == act.Request(
        "CONSUMER.CREATE.foo-read-west.app-1f2e3d",
        "west",  # type: ignore[arg-type]
        "create",  # type: ignore[arg-type]
        body | {"config": config},
    )


def test_a_request_about_anything_else_stays_as_it_is() -> None:
    for call in ("CONSUMER.INFO.foo-read-west.other", "STREAM.INFO.app", "CONSUMER.NAMES.foo"):
        request = act.Request(call, "west", "info")  # type: ignore[arg-type]
        assert named(request, context()) == request


def test_a_consumer_begins_where_the_scenario_began() -> None:
    assert context().since_beginning("west", "foo-read-west") == {
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": 51,
    }
    assert context().since_beginning("west", "user-orders") == {"deliver_policy": "all"}


@pytest.mark.parametrize(("age", "fetched"), [(0.0, 1), (10.0, 0)])
def test_a_consumer_that_was_just_made_may_be_unknown_for_a_moment(
    monkeypatch: pytest.MonkeyPatch, age: float, fetched: int
) -> None:
    """For longer than that it is not there, which is a result."""
    played = context()
    played.made = [Made("west", "foo-read-west", "app", "app-1f2e3d", time.monotonic() - age)]
    answers: list[Any] = [ApiError("nobody", 503), [SimpleNamespace(entry=SimpleNamespace(subject="foo.x"))]]

    async def fetch(*_: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        return answer

    async def acknowledge(*_: Any) -> None:
        return

    monkeypatch.setattr(consumers, "fetch", fetch)
    monkeypatch.setattr(consumers, "acknowledge", acknowledge)
    step = act.Consume("app", "west", "got", count=1)  # type: ignore[arg-type]

    async def ask() -> int:
        try:
            return len(await perform._fetch(None, "foo", step, played))  # type: ignore[arg-type]
        except ApiError:
            return 0

    assert asyncio.run(ask()) == fetched
