"""`lab doctor` on what the kernel of the engine offers."""

import pytest
from fakes import FakeEngine

from lab import doctor
from lab.docker.versions import Machine, Versions
from lab.errors import DockerError
from lab.netprobe import offers, spare
from lab.topology import Topology


class Probe:
    """Answers as it is told, and must be closed."""

    answer = ""
    closed = False

    def __init__(self, *_: object) -> None: ...

    def ask(self, steps: list[tuple[int, str]]) -> list[str]:
        assert [line for _, line in steps] == ["OFFERS"]
        return [Probe.answer]

    def close(self, wait: bool = True) -> None:
        Probe.closed = True


@pytest.fixture(autouse=True)
def probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "Probe", Probe)


def rows(answer: str) -> list[doctor.Check]:
    Probe.answer = answer
    return doctor._kernel(FakeEngine(Topology()), Topology())


def test_each_part_of_the_kernel_is_a_row_that_says_what_needs_it() -> None:
    netem, tbf, blocks = rows("offers tbf blocks")
    assert (netem.state, tbf.state, blocks.state) == ("limited", "ok", "ok")
    assert "no delay, loss" in netem.finding
    assert "modprobe sch_netem" in netem.hint
    assert "limited rates" in tbf.finding


def test_podman_is_told_from_an_old_docker() -> None:
    podman = doctor._engine(Versions("28.2.2", "4.3.1", "1.41", "5.6.1", "amd64", "linux", podman=True))
    old = doctor._engine(Versions("28.2.2", "19.3.1", "1.40", "5.6.1", "amd64", "linux"))
    assert podman.state == old.state == "missing"
    assert "Podman" in podman.finding
    assert "docs/engines.md" in podman.hint
    assert "20.10 or newer" in old.hint


def test_a_rootless_engine_is_named() -> None:
    found = doctor._engine(
        Versions("28.2.2", "20.10.24", "1.41", "5.6.1", "amd64", "linux", machine=Machine(rootless=True))
    )
    assert (found.state, found.finding.startswith("rootless 20.10.24")) == ("limited", True)
    assert "docs/engines.md" in found.hint


def test_more_servers_than_the_processors_can_do_are_told_beforehand() -> None:
    assert Machine(processors=2).crowded(45) == ""
    assert Machine().crowded(81) == ""
    assert Machine(processors=2).crowded(81).startswith("81 servers keep 2 processors busy")


def test_a_kernel_that_offers_nothing_is_no_reason_to_fail() -> None:
    assert [check.state for check in rows("offers")] == ["limited"] * 3


def test_a_probe_that_could_not_try_is_not_taken_for_a_kernel_without() -> None:
    Probe.closed = False
    (check,) = rows("error 1")
    assert check.state == "limited"
    assert "cannot try what the kernel offers: error 1" in check.finding
    assert Probe.closed
    with pytest.raises(DockerError):
        offers.offered(spare.Spare(FakeEngine(Topology()), "lab"))
