"""The kernel's neighbour table: counted before a lab needs it, and named when it was too small."""

from pathlib import Path

import pytest
from fakes import FakeEngine, FakeProbe, observation

from lab import doctor
from lab.docker import neighbours
from lab.errors import FaultNotProven
from lab.faults import proof
from lab.topology import Topology

REGIONS = tuple("abcdefghi")
LARGE = Topology(name="large", regions=REGIONS, nodes_per_region=5, port_step=100)
STATISTICS = """entries  allocs   table_fulls
00000014 00001ee0 {:08x}
00000014 00000000 00000002
"""


@pytest.fixture(autouse=True)
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(neighbours, "LIMIT", tmp_path / "limit")
    monkeypatch.setattr(neighbours, "STATISTICS", tmp_path / "statistics")
    (tmp_path / "limit").write_text("1024\n")
    (tmp_path / "statistics").write_text(STATISTICS.format(1))
    return tmp_path


def test_a_large_lab_is_told_beforehand_and_the_usual_one_is_not() -> None:
    assert neighbours.shortage(Topology()) == ""
    assert neighbours.shortage(LARGE).startswith("45 servers take up to 2,025 entries")
    assert doctor._neighbours(LARGE).state == "limited"
    assert "gc_thresh3=16384" in doctor._neighbours(LARGE).hint
    assert doctor._neighbours(Topology()).state == "ok"


def test_what_cannot_be_told_is_no_shortage(kernel: Path) -> None:
    (kernel / "limit").unlink()
    (kernel / "statistics").unlink()
    assert (neighbours.limit(), neighbours.overflows(), neighbours.shortage(LARGE)) == (None, 0, "")


def test_overflows_of_all_processors_are_counted() -> None:
    assert neighbours.overflows() == 3


def test_a_proof_takes_no_more_entries_than_there_are() -> None:
    seen = observation(LARGE)
    assert len(proof.plan(seen, frozenset())) == 45 * 44
    chosen = proof.plan(seen, frozenset(), room=1024)
    assert len(chosen) == 45 * (1 + 8)
    assert {(connect.source, connect.network) for connect in chosen} == {
        (node.name, key) for node in LARGE.nodes for key in node.addresses
    }


def test_a_fault_that_is_not_proven_names_the_table_when_it_overflowed(
    kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine(Topology())
    monkeypatch.setattr(proof, "greeting", engine.greeting)

    def silent(self: FakeProbe, pid: int, address: str) -> str:
        (kernel / "statistics").write_text(STATISTICS.format(7))
        return "silent"

    monkeypatch.setattr(FakeProbe, "_answer", silent)
    seen = engine.observe(Topology().name)
    with pytest.raises(FaultNotProven, match="neighbour table overflowed") as caught:
        proof.prove(seen, FakeProbe(engine), frozenset())
    assert "gc_thresh3=16384" in caught.value.hint


def test_a_large_lab_fits_into_the_pool_whatever_its_name() -> None:
    for name in ("big", "large", "x", "another-one"):
        topology = Topology(name=name, regions=REGIONS, nodes_per_region=5, port_step=100)
        last = [*topology.subnets.values()][-1]
        assert last.subnet_of(topology.subnets["a"].supernet(new_prefix=16))
