"""What `lab up` says of a lab that is up with another server than the one that was asked for."""

from dataclasses import replace

import pytest
from fakes import observation

from lab.docker.observation import Container
from lab.errors import UsageError
from lab.topology import Topology
from lab.up import require_image

LAB = Topology()


def old(container: Container) -> Container:
    return replace(container, image="nats-region-lab/nats-server:2.12.2")


def test_another_server_that_was_asked_for_is_refused() -> None:
    with pytest.raises(UsageError, match=r"is there with nats:2\.15\.1, not with nats:2\.12\.2") as caught:
        require_image(observation(LAB), "nats:2.12.2", LAB, lambda _: None)
    assert "`lab down`" in caught.value.hint


def test_a_lab_of_another_server_than_the_default_stays_with_a_warning() -> None:
    said: list[str] = []
    require_image(observation(LAB, west_1=old), "nats:2.15.1", LAB, said.append)
    assert ["warning: " in line and "nats-server:2.12.2" in line for line in said] == [True]


@pytest.mark.parametrize("image", ["nats:2.15.1", "nats-region-lab/nats-server:2.15.1"])
def test_the_same_server_is_nothing_to_speak_of_wherever_its_image_comes_from(image: str) -> None:
    said: list[str] = []
    require_image(observation(LAB), image, LAB, said.append)
    assert not said
