"""`lab collect`, `lab graph` and completion, on a lab with faults."""

import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from labs import LAB, NOWHERE, ROOT, Lab

from lab.contexts import contexts
from lab.topology import Topology


def secrets(name: str) -> set[str]:
    """Every password that the lab has put into a file."""
    files = [*(ROOT / ".lab" / name / "configs").iterdir()]
    written = {word for file in files for word in re.findall(r'(?:pass\w*|token)"?: *"([^"]+)"', file.read_text())}
    return written | {it["password"] for it in contexts(Topology(name=name)).values() if "password" in it}


def test_an_archive_tells_all_but_the_secrets(lab: Lab, tmp_path: Path) -> None:
    lab.run("partition", "central")
    lab.run("pause", "east-1")
    archive = tmp_path / "lab.zip"
    done = lab.json("collect", "--output", str(archive))
    assert done["missing"] == {}
    with zipfile.ZipFile(archive) as opened:
        found = {name.removeprefix("lab/"): opened.read(name).decode() for name in opened.namelist()}
    assert set(found) == set(done["files"])
    assert {"versions.json", "doctor.json", "status.json", "docker/containers.json", "docker/events.json"} <= set(found)
    assert {"files/compose/compose.yaml", "files/configs/east-1.conf", "files/streams/foo-read-east.json"} <= set(found)
    assert {"servers/west-1/nats.log", "servers/west-1/jsz.json", "servers/east-1/nats.log"} <= set(found)
    assert {(fault["kind"], fault["node"]) for fault in json.loads(found["faults.json"])} >= {
        ("cut", "central-1"),
        ("paused", "east-1"),
    }
    assert secrets(lab.name)
    for secret in secrets(lab.name):
        assert [name for name, text in found.items() if secret in text] == []
    assert [path.name for path in tmp_path.iterdir()] == ["lab.zip"]


def test_the_shell_completes_the_names_of_labs(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_LAB_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"lab status --name {lab.name}")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert lab.name in subprocess.run([LAB], capture_output=True, text=True, check=True).stdout.split()


def test_a_lab_that_is_not_up_can_be_collected(tmp_path: Path) -> None:
    archive = tmp_path / "lab.zip"
    done = Lab(NOWHERE).json("collect", "--output", str(archive))
    assert {"faults", "status", "logs and monitoring"} == set(done["missing"])
    assert {"README.txt", "versions.json", "doctor.json"} <= set(done["files"])


def test_an_archive_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = Lab(NOWHERE).fails("collect", "--output", str(tmp_path / "file" / "lab.zip"))
    assert "cannot be written" in error


@pytest.mark.parametrize("command", [["collect", "--output"], ["image", "--save"]])
def test_only_a_file_is_replaced_by_one(tmp_path: Path, command: list[str]) -> None:
    """A device is renamed away as easily."""
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in Lab(NOWHERE).fails(*command, str(tmp_path / "pipe"), code=2)
    assert "is a folder" in Lab(NOWHERE).fails(*command, str(tmp_path), code=2)
    assert (tmp_path / "pipe").is_fifo()


def test_what_is_no_image_is_not_loaded(tmp_path: Path) -> None:
    for content in (b"", b"junk" * 1000):
        (tmp_path / "image.tar").write_bytes(content)
        error = Lab(NOWHERE).fails("image", "--load", str(tmp_path / "image.tar"))
        assert "image.tar` cannot be loaded, so it is not an image, or not a whole one" in error


def test_a_drawing_shows_the_faults_in_force(lab: Lab, tmp_path: Path) -> None:
    lab.run("partition", "central")
    lab.run("kill", "east-2")
    drawn = lab.run("graph")
    assert "central ══   ══ west     cut" in drawn
    assert "east-2 (exited)" in drawn
    assert "east-2 is down (killed)" in drawn
    assert lab.run("graph", "--format", "mermaid", "--output", str(tmp_path / "lab.mmd")) == ""
    assert "flowchart" in (tmp_path / "lab.mmd").read_text()
    assert {edge["state"] for edge in lab.json("graph")["edges"]} == {"cut", "joined"}
