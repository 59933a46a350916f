"""What holds for a whole run of the tests: nothing is left behind, also when a worker of it is killed."""

import os
import signal
import time
import uuid
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import labs
import pytest

RUN = "LAB_TEST_RUN"  # in the environment of whatever the tests of this run start
ENDING_S = 60


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[RUN] = uuid.uuid4().hex
        config.pluginmanager.register(_Cleaner())


class _Cleaner:
    """At the end of the run, in the process that the workers belong to; a worker that ends removes its labs itself."""

    def __init__(self) -> None:
        self.docker = False

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.docker = self.docker or nodeid.startswith("tests/docker/")

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self) -> Generator[None, None, None]:
        yield
        if not self.docker:
            return
        end(orphans())
        for name in labs.left_behind():
            labs.Lab(name).run("down")


def orphans() -> list[int]:
    """Processes that were started by tests of this run and still run."""
    mark = f"{RUN}={os.environ[RUN]}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or is another user's
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def end(processes: list[int]) -> None:
    """As Ctrl-C would, so that they tidy up; those that do not within a minute are killed."""
    deadline = time.monotonic() + ENDING_S
    for number, until in ((signal.SIGTERM, deadline), (signal.SIGKILL, deadline + 5)):
        for process in processes:
            with suppress(OSError):
                os.kill(process, number)
        while processes and time.monotonic() < until:
            time.sleep(0.1)
            processes = [process for process in processes if Path(f"/proc/{process}").exists()]
