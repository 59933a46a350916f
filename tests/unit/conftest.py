"""The engine in memory that the tests of faults and proofs share."""

import tempfile
from pathlib import Path

import pytest
from fakes import FakeEngine, FakeProbe

from lab.api import Lab
from lab.faults import change, proof
from lab.netprobe import spare
from lab.topology import Topology


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeEngine:
    engine = FakeEngine(Topology())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where locks are: tests side by side wait for nobody
    monkeypatch.setattr(proof, "greeting", engine.greeting)
    monkeypatch.setattr(change, "Probe", FakeProbe)
    monkeypatch.setattr(spare, "Probe", FakeProbe)
    return engine


@pytest.fixture
def lab(engine: FakeEngine) -> Lab:
    """The lab on it."""
    return Lab(engine.topology.name, engine=engine)
