"""What holds for a whole run of the tests: which of them go to one worker, in which order, and that nothing is left
behind, also when a worker is killed."""

import os
import signal
import time
import uuid
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import labs
import pytest
from xdist.scheduler import LoadFileScheduling

DOCKER, VM = "tests/docker/", "tests/vm/"
# Files whose tests take minutes. They begin first: one that began last would be waited for by all other workers. Those
# of tests/docker/shared stand together, so that a worker goes from one to the next with the same lab.
LONG = (
    *("test_check.py", "test_lab.py", "test_scenario_set.py", "test_scenarios.py", "test_client_languages.py"),
    *("test_in_use.py", "test_collect.py", "test_api.py"),
    *("test_random_user.py", "test_contract.py", "test_pytest_plugin.py", "test_other_layouts.py", "test_up.py"),
    *("test_examples.py", "test_own_streams.py", "test_scenario_labs.py", "test_package.py", "test_netem.py"),
    *("test_action.py", "test_twin_labs.py"),
)
RUN = "LAB_TEST_RUN"  # in the environment of whatever the tests of this run start
ENDING_S = 60


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """A file goes to one worker: its tests may share a lab, a machine, or what takes long to prepare."""

    def _pending_of(self, workload: dict[str, dict[str, bool]]) -> int:
        """How many tests a worker has ahead. It is given more at two, so that one with a long test and a last one would
        be given a file that others could begin at once."""
        busy = any(scope.startswith((DOCKER, VM)) and not all(tests.values()) for scope, tests in workload.items())
        pending: int = super()._pending_of(workload)
        return pending + busy


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, the short ones that share something last; in between the workers have the unit tests."""

    def place(item: pytest.Item) -> int:
        if item.path.name in LONG:
            return LONG.index(item.path.name)
        return len(LONG) + item.nodeid.startswith((DOCKER, VM))

    items.sort(key=place)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[RUN] = uuid.uuid4().hex
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the commands that tests run would compile the lab each time
        config.pluginmanager.register(_Cleaner())


class _Cleaner:
    """At the end of the run, in the process that the workers belong to; a worker that ends removes its labs itself."""

    def __init__(self) -> None:
        self.docker = False

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.docker = self.docker or nodeid.startswith(DOCKER)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        yield
        if not self.docker:
            return
        end(orphans())
        for name in labs.left_behind():
            try:
                labs.Lab(name).run("down")
            except AssertionError as error:  # which tests passed is to be seen all the same
                print(f"\n{name} is left behind: {error}")
                session.exitstatus = pytest.ExitCode.TESTS_FAILED


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
