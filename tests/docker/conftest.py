"""Fixtures on real servers in real containers. A machine without Docker fails these tests; it does not skip them.

The labs have names, and with them ports and subnets, of their own, and are removed whatever happens.
"""

from collections.abc import Iterator

import pytest
from labs import Lab


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
def lab(shared_lab: Lab) -> Iterator[Lab]:
    """The shared lab, without faults before and after."""
    shared_lab.run("heal")
    yield shared_lab
    shared_lab.run("heal")
