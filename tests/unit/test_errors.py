"""Errors that a user sees: exit codes, and Docker's own words as a sentence and a hint."""

import pytest

from lab import errors
from lab.cli.app import main
from lab.docker.mishaps import explain
from lab.errors import Interrupted, LabError, Terminated, Untold, UsageError, unknown

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LabError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_kind_of_error_decides_the_exit_code(kind: type[LabError]) -> None:
    assert kind("it is so").exit_code == {UsageError: 2, Untold: 4, Interrupted: 130, Terminated: 143}.get(kind, 1)


def test_an_error_carries_its_message_and_hint() -> None:
    error = LabError("it is so", "do this")
    assert (str(error), error.message, error.hint) == ("it is so", "it is so", "do this")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    error = unknown("region", "north", ["west", "east"])
    assert (error.message, error.hint) == ("unknown region `north`", "known regions: `west`, `east`")


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            "this user may not talk to Docker: permission denied on its socket",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "no Docker engine answers",
        ),
        (
            "error during connect: Get http://host:2375/: dial tcp: lookup host: no such host",
            "no Docker engine answers",
        ),
        ("docker: 'compose' is not a docker command.\nSee 'docker --help'", "the Docker Compose plugin is missing"),
        ("unknown shorthand flag: 'f' in -f\nSee 'docker --help'.", "the Docker Compose plugin is missing"),
        ("write /data/x: no space left on device", "the disk is full"),
        (
            "Error response from daemon: driver failed programming external connectivity on endpoint x: Bind for "
            "127.0.0.1:14222 failed: port is already allocated",
            "port 127.0.0.1:14222 is taken",
        ),
        (
            "Error response from daemon: failed to listen: listen tcp4 127.0.0.1:18222: bind: address already in use",
            "port 127.0.0.1:18222 is taken",
        ),
        (
            "Error response from daemon: Pool overlaps with other one on this address space",
            "a subnet of the lab overlaps with an existing network",
        ),
        ("transport is closing: unavailable", "no Docker engine answers"),
        (
            f"Error response from daemon: task {'5f' * 32}: already exists\nError: failed to start containers: x",
            "Docker cannot start a container that it lost track of when it was restarted",
        ),
        (
            "Error response from daemon: network x id 1 has active endpoints\nexit status 1",
            "`docker compose up` failed: a network is still in use",
        ),
    ],
)
def test_usual_mishaps_are_told_with_what_to_do(stderr: str, message: str) -> None:
    error = explain(stderr, "compose up")
    assert error.message == message
    assert error.hint
    assert error.exit_code == 1


def test_anything_else_is_told_with_dockers_last_line() -> None:
    error = explain("a warning\nError response from daemon: No such container: x\n", "inspect x")
    assert error.message == "`docker inspect x` failed: No such container: x"
    error = explain("Error response from daemon: network x not found\nexit status 1\n", "network rm")
    assert error.message == "`docker network rm` failed: network x not found"
    error = explain("Error response from daemon: no such network\nError: failed to start containers: x\n", "start")
    assert error.message == "`docker start` failed: no such network"
    error = explain(
        "docker: Error response from daemon: no pid 7.\n\nRun 'docker run --help' for more information", "run"
    )
    assert error.message == "`docker run` failed: no pid 7."
    rootless = (
        'runc create failed: error mounting "proc" to rootfs at "/proc": mount proc:/proc: operation not permitted'
    )
    assert "is it rootless?" in explain(f"docker: {rootless}: unknown", "run").message
    assert explain("  \n", "ps").message == "`docker ps` failed: no output"


def test_ctrl_c_while_a_lab_comes_up_has_a_hint_for_that(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lab.api.Lab.up", interrupted)
    monkeypatch.setattr("sys.argv", ["lab", "up"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130
    told = capsys.readouterr().err
    assert "`lab down` removes it" in told
    assert "lab heal" not in told


def test_ctrl_c_in_a_command_ends_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lab.check.folder.summaries", interrupted)
    monkeypatch.setattr("sys.argv", ["lab", "runs"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130
    assert "error: interrupted" in capsys.readouterr().err
