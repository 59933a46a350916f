"""Labs that do not come up: why is said, and nothing is left."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from labs import LAB, ROOT, Lab, docker

from lab.topology import Topology

SMALL = "regions: [west, east]\nnodes_per_region: 1\nreplicas: 1\n"


def test_up_names_who_has_a_port_and_leaves_nothing() -> None:
    lab = Lab("test-port")
    port = Topology(name=lab.name).nodes[4].client_port
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        error = lab.fails("up")
    assert f"port {port} of central-2 is taken" in error
    assert lab.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}


def test_a_broken_config_shows_the_servers_own_words_and_leaves_nothing() -> None:
    lab = Lab("test-config")
    lab.run("render")
    config = ROOT / ".lab" / lab.name / "configs" / "east-2.conf"
    try:
        config.write_text(config.read_text().replace("jetstream {", "jetstream { nonsense: yes"))
        error = lab.fails("up")
        assert "east-2 ended with exit code 1" in error
        assert "nonsense" in error
        assert f"hint: mend `{config}`, or have `lab render` write it anew" in error
        assert lab.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}
    finally:
        lab.run("render")
        lab.run("down")


def test_a_server_option_that_is_wrong_is_mended_in_lab_yaml_alone(tmp_path: Path) -> None:
    lab, file = Lab("test-config"), tmp_path / "lab.yaml"
    try:
        file.write_text(f"{SMALL}server_options: {{banana: 1}}\n")
        error = lab.fails("up", "--file", str(file))
        assert "banana" in error
        assert "`server_options` in lab.yaml" in error
        assert not (ROOT / ".lab" / lab.name).exists()
        file.write_text(SMALL)
        lab.run("up", "--file", str(file))
        config = ROOT / ".lab" / lab.name / "configs" / "east-1.conf"
        config.write_text("banana: 1\n")
        lab.run("kill", "east-1")
        error = lab.fails("start", "east-1")
        assert f"look at `{config}`" in error
        assert "ended as soon as it was started" in lab.run("faults")
    finally:
        lab.run("down")
        lab.run("render")


def test_down_names_a_guest_and_data_that_was_kept_survives_a_start_that_fails(tmp_path: Path) -> None:
    lab, file, guest = Lab("test-config"), tmp_path / "lab.yaml", "guest-of-test-config"
    file.write_text(SMALL)
    try:
        lab.run("up", "--file", str(file))
        image = lab.json("status")["image"]
        docker("run", "--detach", "--rm", "--name", guest, "--network", f"{lab.name}-east-west", image, "--port=4222")
        error = lab.fails("down")
        docker("rm", "--force", guest)
        assert f"`{lab.name}-east-west` is in use by the container `{guest}`" in error
        assert lab.left_behind() == {"containers": 2, "networks": 3, "volumes": 2}
        lab.run("down", "--keep-data")
        assert f"{lab.name}  2 volumes; `lab down --name {lab.name}` removes them" in _listed()
        file.write_text(f"{SMALL}server_options: {{banana: 1}}\n")
        lab.fails("up", "--file", str(file))
        assert lab.left_behind() == {"containers": 0, "networks": 0, "volumes": 2}
    finally:
        subprocess.run(["docker", "rm", "--force", guest], capture_output=True, check=False)
        lab.run("down")
        lab.run("render")
    assert lab.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}


def _listed() -> str:
    return subprocess.run([str(LAB), "list"], capture_output=True, text=True, check=True).stdout


def test_an_interrupted_up_leaves_nothing_and_a_killed_one_is_finished_by_the_next() -> None:
    lab = Lab("test-interrupted")
    try:
        process = subprocess.Popen(lab.command("up"), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert lab.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}
        process = subprocess.Popen(lab.command("up"), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(4)
        process.send_signal(signal.SIGKILL)
        process.wait()
        lab.run("up")
        assert [node["state"] for node in lab.json("status")["nodes"]] == ["running"] * 9
    finally:
        lab.run("down")
    assert lab.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}


def ignore_ctrl_c() -> None:
    """As a shell does for what a script runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize(
    ("numbers", "code", "prepare"),
    [
        ([signal.SIGINT] * 4, 130, None),
        ([signal.SIGTERM, signal.SIGINT], 143, None),
        ([signal.SIGTERM], 143, ignore_ctrl_c),
    ],
)
def test_up_that_is_interrupted_however_often_leaves_nothing(
    numbers: list[int], code: int, prepare: Callable[[], None] | None, tmp_path: Path
) -> None:
    lab = Lab("test-impatient")
    file = tmp_path / "lab.yaml"
    file.write_text(SMALL)
    command = lab.command("up", "--file", str(file))
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=prepare,
    ) as process:
        while not lab.left_behind()["networks"]:
            assert process.poll() is None
            time.sleep(0.05)
        for number in numbers:  # to what it has started as well, as from a terminal
            os.killpg(process.pid, number)
            time.sleep(0.4)
        assert process.wait(60) == code
        assert process.stderr
        assert "Traceback" not in process.stderr.read()
    assert lab.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}
