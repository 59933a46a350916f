"""Faults at their times on an engine in memory: each is recorded as it went, and none stays."""

import threading

import pytest
from fakes import FakeEngine, FakeProbe

from lab.api import Lab
from lab.check.clock import Clock
from lab.check.nemesis import Nemesis
from lab.check.schedule import Planned, Schedule
from lab.docker.observation import Observation
from lab.errors import FaultNotProven, LabError
from lab.faults.arguments import Path, Seconds
from lab.faults.cut import CutLink
from lab.faults.down import Kill
from lab.faults.flap import Flap
from lab.faults.registry import present
from lab.faults.step_down import StepDown
from lab.progress import silently
from lab.topology import Topology

LAB = Topology()
CUT = Planned("f1", CutLink.from_words("central-west"), 0.0, 0.2)
KILL = Planned("f2", Kill.from_words("east"), 0.1, 0.3)
FLAP = Planned("f3", Flap(Path("east-west"), Seconds(0.1)), 0.0, 0.3)
STEP = Planned("f4", StepDown.from_words("foo-read-east"), 0.0, 0.0)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def run(engine: FakeEngine, *faults: Planned, stop: bool = False, step_down: str = "east-1, then east-2") -> Nemesis:
    schedule = Schedule(1, faults=faults)

    async def strike(self: StepDown, observation: Observation) -> str:
        if not step_down:
            raise FaultNotProven("east-1 still leads")
        return step_down

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StepDown, "strike", strike)
        return _run(engine, schedule, stop)


def _run(engine: FakeEngine, schedule: Schedule, stop: bool) -> Nemesis:
    made = Nemesis(Lab(LAB.name, engine=engine), LAB, schedule, Clock.start(), silently)
    event = threading.Event()
    if stop:
        event.set()
    made.run(0, event)
    return made


def nothing_in_force(engine: FakeEngine) -> bool:
    return not present(engine.observe(LAB.name))


def test_overlapping_faults_are_injected_proven_and_healed(engine: FakeEngine) -> None:
    cut, kill = run(engine, CUT, KILL).records
    assert (cut.id, kill.id) == ("f1", "f2")
    assert cut.proven
    assert kill.proven
    assert "connects across cuts are dead" in cut.evidence
    assert (cut.links, cut.nodes) == (("central-west",), ())
    assert kill.nodes == ("east-1", "east-2", "east-3")
    for record in (cut, kill):
        assert record.injected is not None
        assert record.healing is not None
        assert record.healed is not None
        assert record.began < record.injected <= record.healing <= record.healed
    assert nothing_in_force(engine)


def test_a_flap_cuts_and_joins_again_and_again(engine: FakeEngine) -> None:
    (flap,) = run(engine, FLAP).records
    detached = [call for call in engine.calls if call[0] == "detach"]
    assert len(detached) == 3 * LAB.nodes_per_region
    assert flap.proven
    assert nothing_in_force(engine)


def test_a_fault_that_the_probe_contradicts_is_recorded_as_unproven_and_healed(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeProbe, "_answer", lambda *_: "open")
    (cut,) = run(engine, CUT).records
    assert not cut.proven
    assert cut.injected is None
    assert cut.healed is not None
    assert "must be cut, but: open" in cut.error
    assert nothing_in_force(engine)


def test_a_step_down_is_proven_by_another_leader(engine: FakeEngine) -> None:
    (step,) = run(engine, STEP).records
    assert (step.proven, step.evidence, step.streams) == (True, "east-1, then east-2", ("foo-read-east",))
    (step,) = run(engine, STEP, step_down="").records
    assert (step.proven, step.error) == (False, "east-1 still leads")


def test_a_role_that_nobody_has_is_recorded_and_the_run_goes_on(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nodes_of(*_: object) -> dict[str, tuple[str, ...]]:
        raise LabError("nobody leads foo-read-east at this moment")

    monkeypatch.setattr("lab.jetstream.roles.nodes_of", nodes_of)
    missed = Planned("f5", Kill.from_words("@leader:foo-read-east"), 0.0, 0.1)
    nobody, cut = run(engine, missed, CUT).records
    assert (nobody.id, nobody.proven, nobody.injected) == ("f5", False, None)
    assert nobody.error == "nobody leads foo-read-east at this moment"
    assert nobody.healed is not None
    assert cut.proven
    assert nothing_in_force(engine)


def test_a_run_that_is_stopped_leaves_nothing(engine: FakeEngine) -> None:
    assert run(engine, CUT, KILL, stop=True).records == []
    assert nothing_in_force(engine)


def test_a_node_that_does_not_come_back_ends_the_run_with_a_sentence(engine: FakeEngine) -> None:
    engine.ignored.add(("start", LAB.container("east-2")))
    with pytest.raises(LabError, match="east-2 ended with exit code 137"):
        run(engine, KILL)


def test_a_fault_that_is_in_force_already_proves_nothing(engine: FakeEngine) -> None:
    for n in (1, 2, 3):
        engine.detach(LAB.container(f"central-{n}"), LAB.network("central-west"))
    (cut,) = run(engine, CUT).records
    assert (cut.proven, cut.error) == (False, "it was in force already")
    assert nothing_in_force(engine)
