"""Labs that do not come up: why is said, and nothing is left."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from labs import ROOT, Lab

from lab.topology import Topology


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
        assert lab.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}
    finally:
        lab.run("render")
        lab.run("down")


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


@pytest.mark.parametrize(
    ("numbers", "code"), [([signal.SIGINT] * 4, 130), ([signal.SIGTERM], 143), ([signal.SIGTERM, signal.SIGINT], 143)]
)
def test_up_that_is_interrupted_however_often_leaves_nothing(numbers: list[int], code: int, tmp_path: Path) -> None:
    lab = Lab("test-impatient")
    file = tmp_path / "lab.yaml"
    file.write_text("regions: [west, east]\nnodes_per_region: 1\nreplicas: 1\n")
    command = lab.command("up", "--file", str(file))
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
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
