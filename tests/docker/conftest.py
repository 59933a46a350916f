"""Fixtures on real servers in real containers. A machine without Docker fails these tests; it does not skip them.

The labs have names, and with them ports and subnets, of their own, and are removed whatever happens.
"""

import os
from collections.abc import Iterator

import pytest
from labs import ROOT, Lab

from lab import api


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
    """One nine-node lab for the whole session, or worker; use `lab`, which hands it over healed."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    yield from started(f"test-shared-{worker}" if worker else "test-shared")


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The shared lab, without the faults of the test before."""
    api.Lab(shared_lab.name, root=ROOT).heal()
    return shared_lab
