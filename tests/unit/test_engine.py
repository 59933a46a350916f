"""The engine where there is no `docker` command at all, and where what it looks at is just being removed."""

from collections.abc import Callable

import pytest

from lab.docker.engine import Engine
from lab.docker.eventstream import EventStream
from lab.errors import DockerError, NotRunning


@pytest.mark.parametrize(
    "act",
    [
        lambda engine: engine.observe("any"),
        lambda engine: engine.detach("node", "network"),
        lambda engine: engine.start_probe("any", "image"),
        lambda engine: engine.logs("node"),
        lambda engine: engine.log_tail("node"),
        lambda engine: engine.log_since("node", 0),
        lambda engine: engine.events("any", 0, 1),
        lambda engine: EventStream(engine, "any", 0),
        lambda engine: engine.import_image("image", b"", []),
        lambda engine: engine.stop("node"),
    ],
)
def test_without_the_docker_command_all_say_so(
    act: Callable[[Engine], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DockerError, match="the `docker` command was not found") as caught:
        act(Engine())
    assert caught.value.hint


class Vanishing(Engine):
    """Lists a container `times`; whoever then looks at it is told that it is gone."""

    def __init__(self, times: int) -> None:
        self.times = times

    def read(self, *arguments: str, keeps: tuple[int, ...] = ()) -> str:
        if arguments[0] == "ps":
            self.times -= 1
            return "78eddb54" if self.times >= 0 else ""
        if arguments[0] != "inspect":
            return ""
        raise DockerError("`docker inspect` failed: Error: No such container: 78eddb54")


def test_a_lab_that_is_being_removed_is_not_running() -> None:
    with pytest.raises(NotRunning, match="`any` is not running"):
        Vanishing(times=3).observe("any")
    with pytest.raises(DockerError, match="No such container"):
        Vanishing(times=10**6).observe("any")
