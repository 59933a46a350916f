"""Fixtures on real servers in real containers. A machine without Docker fails these tests; it does not skip them.

The labs have names, and with them ports and subnets, of their own, and are removed whatever happens.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from labs import ROOT, Lab

from lab import api

SHARED = "shared_lab"
# Groups of tests that take minutes. They begin first: one that began last would be waited for by all other workers.
LONG = ("test_scenarios", SHARED, "test_check")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of the shared lab go to one worker, and otherwise those of a file, since they may share a lab too. The
    short ones come last; between them and the long ones the workers have the unit tests."""
    places = {}
    for item in items:
        if item.path.parent != Path(__file__).parent:
            places[item] = len(LONG)
            continue
        group = SHARED if SHARED in getattr(item, "fixturenames", ()) else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
        places[item] = LONG.index(group) if group in LONG else len(LONG) + 1
    items.sort(key=places.__getitem__)


def started(name: str) -> Iterator[Lab]:
    lab = Lab(name)
    lab.run("down")
    lab.run("up")
    try:
        yield lab
    finally:
        lab.run("down")


@pytest.fixture(scope="session")
def shared_lab() -> Iterator[Lab]:
    """One nine-node lab for the whole session; use `lab`, which hands it over healed."""
    yield from started("test-shared")


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The shared lab, without the faults of the test before."""
    api.Lab(shared_lab.name, root=ROOT).heal()
    return shared_lab
