"""The pytest plugin: the fixture `lab`, a real super-cluster for the tests of your application (docs/pytest.md).

Loaded by every run of pytest where the package is installed, so the lab itself is imported by the first test that
wants one.
"""

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from lab.errors import LabError
    from lab.testing.pool import Pool
    from lab.testing.recorded import RecordedLab

_IN_USE = pytest.StashKey["RecordedLab"]()  # of a test


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lab", "NATS Region Lab")
    group.addoption("--lab-keep", action="store_true", help="Keep the labs; the next run with it uses them again.")
    group.addoption("--lab-nats", metavar="VERSION", default=os.environ.get("LAB_NATS"), help="Server version.")
    group.addoption(
        "--lab-file",
        metavar="FILE",
        type=Path,
        default=os.environ.get("LAB_FILE"),
        help="Description of the lab; by default `lab.yaml` in the root folder, if there is one.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        'lab(**fields): run the test on a lab with other values of these fields of lab.yaml, such as nats="2.12.2".',
    )


@pytest.fixture(scope="session")
def lab_pool(request: pytest.FixtureRequest) -> "Iterator[Pool]":
    """The labs of this run, or of this worker of pytest-xdist; removed at its end unless `--lab-keep`."""
    from lab.errors import LabError
    from lab.testing.pool import Pool, described

    config = request.config
    try:
        base = described(config.getoption("--lab-file"), config.getoption("--lab-nats"), config.rootpath)
    except LabError as error:
        _fail(error)
    pool = Pool(config.rootpath.name, base, config.getoption("--lab-keep"), _narrator(config))
    try:
        yield pool
    finally:
        try:
            pool.close()
        except LabError as error:
            _fail(error)


@pytest.fixture
def lab(request: pytest.FixtureRequest, lab_pool: "Pool") -> "RecordedLab":
    """A `lab.api.Lab` without faults, and healthy: see docs/pytest.md."""
    from lab.errors import LabError

    fields: dict[str, Any] = {}
    for marker in reversed([*request.node.iter_markers("lab")]):  # the closest one has the last word
        fields |= marker.kwargs
    try:
        chosen = lab_pool.ready(fields)
    except LabError as error:
        _fail(error)
    request.node.stash[_IN_USE] = chosen
    return chosen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed tells what was done to its lab, how that is now, and what its servers wrote."""
    report = yield
    used = item.stash.get(_IN_USE, None)
    if used and report.failed:
        from lab.testing.evidence import sections

        report.sections += sections(used)
    return report


def _fail(error: "LabError") -> NoReturn:
    pytest.fail(error.message + (f"\n\nhint: {error.hint}" if error.hint else ""), pytrace=False)


def _narrator(config: pytest.Config) -> Callable[[str], None]:
    """Prints what takes its time, past pytest's capturing; a worker of pytest-xdist has no terminal."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capturing = config.pluginmanager.get_plugin("capturemanager")

    def say(text: str) -> None:
        if reporter and capturing:
            writer = config.get_terminal_writer()
            with capturing.global_and_fixture_disabled():
                if writer.width_of_current_line:
                    writer.line()
                writer.line(f"· {text}")

    return say
