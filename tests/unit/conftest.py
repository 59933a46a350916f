"""The engine in memory that the tests of faults and proofs share."""

import pytest
from fakes import FakeEngine, FakeProbe

from lab.faults import change, proof
from lab.topology import Topology


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    engine = FakeEngine(Topology())
    monkeypatch.setattr(proof, "greeting", engine.greeting)
    monkeypatch.setattr(proof, "Probe", FakeProbe)
    monkeypatch.setattr(change, "Probe", FakeProbe)
    return engine
