"""What a `docker` command prints, such as a container's log, read while it is being written."""

import shutil
import subprocess
from collections.abc import Iterator

from lab.docker.versions import INSTALL_DOCKER
from lab.errors import DockerError


def docker_command(*arguments: str) -> list[str]:
    """The `docker` command with these arguments. Raises `DockerError` where there is none."""
    if shutil.which("docker") is None:
        raise DockerError("the `docker` command was not found", INSTALL_DOCKER)
    return ["docker", *arguments]


class Logs:
    """The lines that `docker ARGUMENTS` prints, stdout and stderr as they come; `close` ends it, from any thread.

    A context manager. Lines have no line end; bytes that are no UTF-8 are replaced.
    """

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            docker_command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )

    def __iter__(self) -> Iterator[str]:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                yield line.rstrip("\r\n")

    def close(self) -> None:
        """End the process, whose reader then meets the end of the log."""
        self._process.terminate()
        self._process.wait()

    def __enter__(self) -> "Logs":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
