"""What a scenario makes has names that nobody else has, and is shown and typed by them."""

from lab.api import Lab
from lab.docker.observation import Observation
from lab.scenario import actions as act
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
