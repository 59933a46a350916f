"""The engine where there is no `docker` command at all."""

from collections.abc import Callable

import pytest

from lab.docker.engine import Engine
from lab.errors import DockerError


@pytest.mark.parametrize(
    "act",
    [
        lambda engine: engine.observe("any"),
        lambda engine: engine.detach("node", "network"),
        lambda engine: engine.start_probe("any", "image"),
        lambda engine: engine.logs("node"),
        lambda engine: engine.log_tail("node"),
        lambda engine: engine.log_since("node", 0),
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
