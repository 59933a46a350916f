"""What somebody did to a lab by hand is named, whatever is asked of the lab, and no lab is called healed with it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fakes import FakeEngine, observation

from lab.docker.labels import LABEL_NODE, LABEL_TOPOLOGY
from lab.docker.observation import Container, inspected
from lab.errors import LabError, NotRunning
from lab.faults.change import change
from lab.faults.down import Down
from lab.topology import Topology

INCOMPLETE = "the lab `region-lab` is incomplete: east-1"


def without_region(container: Container) -> Container:
    return replace(container, addresses={k: v for k, v in container.addresses.items() if k != "west"})


def test_a_whole_lab_has_no_damage() -> None:
    seen = observation(Topology())
    assert seen.damage == ""
    seen.require_whole()


def test_a_node_off_its_regions_network_is_named_with_the_network() -> None:
    seen = observation(Topology(), west_1=without_region)
    assert seen.detached == ("west-1",)
    with pytest.raises(LabError, match="has west-1 off the network `region-lab-west`") as caught:
        seen.require_whole()
    assert caught.value.hint == "`lab up` completes it"


@pytest.fixture
def incomplete(engine: FakeEngine) -> FakeEngine:
    del engine.containers["east-1"]
    return engine


def test_a_heal_of_an_incomplete_lab_heals_what_is_there_and_is_no_success(incomplete: FakeEngine) -> None:
    incomplete.kill("region-lab-west-1")
    with pytest.raises(LabError) as caught:
        change(incomplete, "region-lab", lambda _: frozenset(), lambda _: None)
    assert caught.value.message == f"{INCOMPLETE}; healed: west-1 is down (killed)"
    assert caught.value.hint == "`lab up` completes it"
    assert incomplete.containers["west-1"].state == "running"


def test_a_node_that_is_not_there_cannot_be_killed(incomplete: FakeEngine) -> None:
    with pytest.raises(LabError) as caught:
        change(incomplete, "region-lab", lambda _: frozenset({Down("east-1")}), lambda _: None)
    assert caught.value.message == INCOMPLETE
    assert not incomplete.calls


def test_nothing_to_do_is_not_said_of_an_incomplete_lab(incomplete: FakeEngine) -> None:
    incomplete.kill("region-lab-west-1")
    with pytest.raises(LabError, match="is incomplete"):
        change(incomplete, "region-lab", lambda _: frozenset({Down("west-1")}), lambda _: None)


def test_another_fault_on_an_incomplete_lab_is_done_with_a_warning(incomplete: FakeEngine) -> None:
    said: list[str] = []
    change(incomplete, "region-lab", lambda _: frozenset({Down("west-1", killed=True)}), said.append)
    assert said == [f"warning: {INCOMPLETE}; `lab up` completes it"]
    assert incomplete.containers["west-1"].state == "exited"


def test_what_fails_on_a_damaged_lab_fails_for_that(engine: FakeEngine) -> None:
    """The server of such a node greets nobody, and its log does not tell why."""
    engine.containers["west-1"] = without_region(engine.containers["west-1"])
    engine.broken.add(("kill", "region-lab-west-2"))
    with pytest.raises(LabError, match="off the network `region-lab-west`"):
        change(engine, "region-lab", lambda _: frozenset({Down("west-2", killed=True)}), lambda _: None)


@pytest.mark.parametrize(
    ("state", "hint"), [("paused", "`lab resume west` thaws"), ("exited", "`lab start west` starts")]
)
def test_a_region_that_does_not_run_comes_with_the_command_that_helps(state: str, hint: str) -> None:
    def changed(container: Container) -> Container:
        return replace(container, state=state)

    seen = observation(Topology(), west_1=changed, west_2=changed, west_3=changed)
    with pytest.raises(NotRunning) as caught:
        seen.require_running("west")
    assert caught.value.hint.startswith(hint)


def test_a_region_that_is_gone_is_no_matter_of_starting() -> None:
    seen = observation(Topology())
    for number in (1, 2, 3):
        del seen.containers[f"east-{number}"]
    with pytest.raises(NotRunning, match="is incomplete: east-1, east-2, east-3") as caught:
        seen.require_running("east")
    assert caught.value.hint == "`lab up` completes it"


@pytest.mark.parametrize(
    ("seconds", "code", "told"), [(0.2, 1, "ended as soon as it was started"), (60, 1, "stopped"), (0.2, 137, "killed")]
)
def test_a_node_that_could_not_start_is_not_called_stopped(seconds: float, code: int, told: str) -> None:
    began = datetime(2030, 1, 1, tzinfo=UTC)
    state = {
        "Status": "exited",
        "ExitCode": code,
        "OOMKilled": False,
        "Pid": 0,
        "StartedAt": began.isoformat(),
        "FinishedAt": (began + timedelta(seconds=seconds)).isoformat(),
    }
    labels = {LABEL_TOPOLOGY: Topology().to_label(), LABEL_NODE: "west-1"}
    raw = {
        "Name": "/region-lab-west-1",
        "State": state,
        "Config": {"Labels": labels, "Image": "nats:2.15.1"},
        "NetworkSettings": {"Networks": {}},
    }
    assert next(str(fault) for fault in Down.observe(inspected([raw]))).startswith(f"west-1 is down ({told}")
