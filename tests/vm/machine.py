"""A machine under QEMU that runs what it is told over its second serial port."""

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Self

# What the machine runs: lines make a script, `+run` runs it. For busybox and for Debian.
AGENT = """
stty -F /dev/ttyS1 raw -echo 115200
exec 3<> /dev/ttyS1
echo +ready >&3
while IFS= read -r line <&3; do
    if [ "$line" = +run ]; then
        sh /tmp/script < /dev/null >&3 2>&1
        code=$?
        printf '\\n+done %s\\n' $code >&3
        : > /tmp/script
    else
        printf '%s\\n' "$line" >> /tmp/script
    fi
done
"""


class MachineError(Exception):
    """It did not boot, or what it ran went wrong; the text has what it said."""


class Machine:
    """Boots with `arguments` for QEMU; ready within `boot` seconds, or a `MachineError`. Its console goes to a file."""

    def __init__(self, arguments: Sequence[str], console: Path, boot: float) -> None:
        self._console = console
        command = [
            "qemu-system-x86_64",
            "-M",
            "q35",
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-display",
            "none",
        ]
        command += ["-serial", f"file:{console}", "-serial", "stdio", *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._lines: Queue[str | None] = Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            self._until("+ready", boot)
        except MachineError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, script: str, timeout: float = 60, each: Callable[[str], None] | None = None) -> str:
        """What a shell script printed; `each` gets its lines as they come. Raises `MachineError` if it failed, or was
        not done after `timeout` seconds."""
        assert self._process.stdin
        with suppress(BrokenPipeError):  # it has ended, which shows below
            self._process.stdin.write(f"{script.strip()}\n+run\n".encode())
            self._process.stdin.flush()
        *said, done = self._until("+done ", timeout, each)
        if done != "+done 0":
            raise MachineError(f"`{script}` ended with {done.split()[1]}:\n" + "\n".join(said))
        return "\n".join(said).rstrip("\n")

    def close(self) -> None:
        """Switch it off."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(BrokenPipeError):
                    stream.close()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line.decode(errors="replace").rstrip("\r\n"))
        self._lines.put(None)

    def _until(self, start: str, seconds: float, each: Callable[[str], None] | None = None) -> list[str]:
        """The lines up to one that begins like that."""
        said: list[str] = []
        deadline = time.monotonic() + seconds
        while not (said and said[-1].startswith(start)):
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise MachineError(f"not done within {seconds} s\n{self._last_words(said)}") from None
            if line is None:
                raise MachineError(f"the machine has ended\n{self._last_words(said)}")
            said.append(line)
            if each and line and not line.startswith(start):
                each(line)
        return said

    def _last_words(self, said: list[str]) -> str:
        text = self._console.read_text(errors="replace") if self._console.exists() else ""
        return "\n".join([*said, "its console says:", text[-2000:]])
