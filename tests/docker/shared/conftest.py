"""One nine-node lab for all tests of this folder, or for those of them that a worker runs one after the other: removed
before it goes on to other tests, since nine servers that idle take a tenth of a processor."""

import os
from collections.abc import Iterator

import pytest
from labs import Lab, heal


@pytest.fixture(scope="package")
def shared_lab() -> Iterator[Lab]:
    """As the test before left it; `lab` hands it over healed."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    lab = Lab(f"test-shared-{worker}" if worker else "test-shared")
    lab.run("down")
    lab.run("up")
    try:
        yield lab
    finally:
        lab.run("down")


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The shared lab, without the faults of the test before."""
    heal(shared_lab.api)
    return shared_lab
