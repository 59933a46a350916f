"""One running network probe: a container that does what it is asked until its stdin ends (see probe.c).

It is started early, beside other work, and asked when the plan is known. It knows addresses and process ids; which
connects prove a fault is planned and judged in `lab/faults/proof.py`.
"""

import os
import select
import subprocess
import threading
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lab.docker.engine import Engine
from lab.docker.mishaps import explain
from lab.errors import DockerError, LabError

IMAGE = "nats-region-lab/probe"
PATIENCE_S = 20  # for the engine to start the container
NO_IMAGE = "no such image"
NEEDS = "it needs `--pid host`, `--network host`, NET_ADMIN, SYS_ADMIN and SYS_PTRACE"

Step = tuple[int, str]  # in whose network namespace (a process id), and what: `TCP 10.0.0.1 4222`, `DOWN 10.0.0.1`


class Probe:
    """Ends when it is closed, or when this process dies; interfaces that it took down and that still exist come up."""

    def __init__(self, engine: Engine, lab: str) -> None:
        self._engine, self._lab = engine, lab
        self._process = engine.start_probe(lab, image_name())
        self._taken_down: list[Step] = []
        self._one_at_a_time = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether it has not ended by itself, as when the engine was restarted."""
        return self._process.poll() is None

    def connect(self, steps: Iterable[Step], timeout: float, least: float = 0) -> list[str]:
        """One answer for each: open, refused, silent, unreachable, `error N`. Silence is `timeout` seconds long; with
        `least` it may be shorter, but for that, and for ten times the slowest answer."""
        return self.ask(steps, timeout, least)

    def take_down(self, interfaces: Iterable[tuple[int, str]]) -> float:
        """Take down the interfaces that carry these addresses in these processes' namespaces, until the probe ends.

        Returns the seconds from the first to the last. A command that dies leaves what Docker says: the probe then
        brings up whatever has not been detached.
        """
        steps = [(pid, f"DOWN {address}") for pid, address in interfaces]
        self._taken_down += steps
        times = []
        for (pid, what), answer in zip(steps, self.ask(steps), strict=True):
            if not answer.startswith("down "):
                address = what.removeprefix("DOWN ")
                raise DockerError(f"the interface with {address} of process {pid} cannot be taken down: {answer}")
            times.append(int(answer.removeprefix("down ")))
        return (max(times) - min(times)) / 1e9 if times else 0.0

    def still_there(self) -> list[str]:
        """Addresses that were taken down and are still in their namespaces; those that were detached are not."""
        answers = self.ask(self._taken_down) if self._taken_down else []
        return [
            step.removeprefix("DOWN ")
            for (_, step), answer in zip(self._taken_down, answers, strict=True)
            if answer != "missing"
        ]

    def close(self, wait: bool = True) -> None:
        """End it. Without `wait` its container goes away a moment after the command; the lab's lock covers that."""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                with suppress(BrokenPipeError):  # it has ended, and could not be told what was still to be written
                    stream.close()
        if not wait:  # but its end is waited for by somebody: a program that lives on would collect dead processes
            threading.Thread(target=self._process.wait, daemon=True).start()
            return
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def ask(self, steps: Iterable[Step], timeout: float = 0, least: float = 0) -> list[str]:
        """An answer for each line, as probe.c says it, all done at one instant; connects and datagrams are waited for
        until `timeout` seconds have passed."""
        with self._one_at_a_time:
            return self._ask(list(steps), timeout, least)

    def _ask(self, steps: list[Step], timeout: float, least: float) -> list[str]:
        if not steps:
            return []
        lines, inside = [], None
        for pid, what in steps:
            if pid != inside:
                inside = pid
                lines.append(f"NS {pid}")
            lines.append(what)
        script = "\n".join([*lines, f"GO {round(timeout * 1000)} {round(least * 1000)}", ""]).encode()
        takes = timeout + sending_s(what for _, what in steps)
        out, error = self._exchange(script, takes)
        if NO_IMAGE in error.lower():  # the first time on this engine
            self.close()
            make_image(self._engine)
            self._process = self._engine.start_probe(self._lab, image_name())
            out, error = self._exchange(script, takes)
        answers = out.splitlines()
        if answers[-1:] != ["END"] or len(answers) != len(steps) + 1:
            why = explain(error or "it ended early", "run")
            raise DockerError(f"the network probe could not run: {why.message}", why.hint or NEEDS)
        return answers[:-1]

    def _exchange(self, script: bytes, timeout: float) -> tuple[str, str]:
        """What it wrote up to END; if it ended instead, also what it, or Docker, had to say."""
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin
        assert stdout
        assert stderr
        try:
            stdin.write(script)
            stdin.flush()
        except OSError:  # it has ended; stderr says why
            pass
        out, deadline = b"", time.monotonic() + timeout + PATIENCE_S
        while not out.endswith(b"END\n"):
            if not select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                self.close()
                raise DockerError("the network probe does not answer", "is the engine overloaded?")
            part = os.read(stdout.fileno(), 1 << 16)
            if not part:
                return out.decode(), stderr.read().decode(errors="replace")
            out += part
        return out.decode(), ""


def sending_s(lines: Iterable[str]) -> float:
    """How long a plan's datagrams are sent for: the number of each flow, times the microseconds between two."""
    flows = (line.split() for line in lines if line.startswith("FLOW "))
    return max((int(words[3]) * int(words[5]) / 1e6 for words in flows), default=0.0)


def image_name() -> str:
    """The probe's image; its tag changes with the program."""
    return f"{IMAGE}:{zlib.crc32(_program('amd64')):08x}"


def make_image(engine: Engine) -> None:
    """Import the committed program for the engine's architecture as an image; no registry is needed."""
    from lab.docker.binary import file_system

    tar = file_system("probe", _program(engine.architecture()))
    engine.import_image(image_name(), tar, ['ENTRYPOINT ["/probe"]', "LABEL lab.image=probe"])


def _program(architecture: str) -> bytes:
    source = Path(__file__).with_name(f"linux-{architecture}")
    if not source.is_file():
        raise LabError(
            f"there is no network probe for `{architecture}`", "build one with `python -m lab.netprobe.build`"
        )
    return source.read_bytes()
