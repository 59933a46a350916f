"""Reading a container's log while it is being written."""

import subprocess
from collections.abc import Iterator


class Logs:
    """The lines of one container's log, stdout and stderr as they came; `close` ends it, from any thread.

    A context manager. Lines have no line end; bytes that are no UTF-8 are replaced.
    """

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
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
