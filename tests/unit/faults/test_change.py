"""Injecting and healing as differences of sets, on an engine in memory."""

import pytest
from fakes import FakeEngine, FakeProbe

from lab.errors import DockerError, FaultNotProven, LabError, NotRunning
from lab.faults import change, proof
from lab.faults.cut import Cut, Join, link_cuts
from lab.faults.down import Down, Kill, Start, Stop
from lab.faults.fault import Fault
from lab.faults.partition import Partition
from lab.faults.paused import Pause, Paused, Resume
from lab.faults.plan import Change
from lab.faults.registry import present
from lab.faults.verb import Verb
from lab.topology import Topology

TOPOLOGY = Topology()
CUT = Cut("east-1", "east-west")


def parted(*arguments: str) -> frozenset[Cut]:
    return frozenset(fault for fault in Partition.from_words(*arguments).faults(TOPOLOGY) if isinstance(fault, Cut))


def after(verb: Verb, now: frozenset[Fault]) -> frozenset[Fault]:
    return verb.wanted(now, TOPOLOGY)


def in_force(engine: FakeEngine) -> frozenset[Fault]:
    return present(engine.observe(TOPOLOGY.name))


def apply(engine: FakeEngine, *wanted: Fault, dry_run: bool = False) -> Change:
    engine.calls.clear()
    before = engine.observe(TOPOLOGY.name)
    return change.apply(engine, before, frozenset(wanted), FakeProbe(engine), dry_run)


def verbs(engine: FakeEngine) -> list[str]:
    return [call[0] for call in engine.calls]


# --- sets ---


def test_a_node_that_goes_down_is_no_longer_paused() -> None:
    now: frozenset[Fault] = frozenset([Paused("west-1"), Paused("west-2"), CUT])
    wanted = after(Kill.from_words("west-1", "east"), now)
    assert wanted == {Paused("west-2"), CUT, Down("west-1"), Down("east-1"), Down("east-2"), Down("east-3")}


def test_down_is_down_whether_stopped_or_killed() -> None:
    assert Down("west-1", killed=True) == Down("west-1")
    now: frozenset[Fault] = frozenset([Down("west-1")])
    assert after(Kill.from_words("west-1"), now) == now


def test_pausing_adds_to_what_is_in_force() -> None:
    now: frozenset[Fault] = frozenset([CUT, Down("east-1")])
    assert after(Pause.from_words("west-1"), now) == now | {Paused("west-1")}
    assert after(Pause.from_words("west-1"), frozenset([Paused("west-1")])) == {Paused("west-1")}


def test_a_node_that_is_down_cannot_be_paused() -> None:
    now: frozenset[Fault] = frozenset([Down("west-2"), Down("west-1"), Down("east-1")])
    with pytest.raises(NotRunning, match="west-1, west-2 cannot be paused"):
        after(Pause.from_words("west"), now)


def test_undoing_takes_away_one_kind_at_the_named_nodes() -> None:
    now: frozenset[Fault] = frozenset([Down("west-1"), Down("east-1"), Paused("west-2"), CUT])
    assert after(Start.from_words("west"), now) == {Down("east-1"), Paused("west-2"), CUT}
    assert after(Resume.from_words("west-1"), now) == now
    assert after(Join.from_words("east", "west"), now) == now - {CUT}


def test_other_cuts_replace_the_cuts_and_nothing_else() -> None:
    now: frozenset[Fault] = frozenset([Down("west-1"), Paused("west-2"), CUT])
    assert after(Partition.from_words("central"), now) == {Down("west-1"), Paused("west-2"), *parted("central")}


# --- apply ---


@pytest.mark.parametrize(
    "wanted",
    [
        frozenset([Down("west-1")]),
        frozenset([Down("west-1", killed=True)]),
        frozenset([Paused("west-1"), Paused("east-2")]),
        parted("central"),
        parted("west", "central", "east"),
        parted("west") | {Down("west-1"), Paused("east-1")},
    ],
)
def test_a_command_that_is_repeated_changes_nothing(engine: FakeEngine, wanted: frozenset[Fault]) -> None:
    change = apply(engine, *wanted)
    assert set(change.injected) == wanted
    assert change.healed == ()
    assert frozenset(change.in_force) == wanted
    assert change.evidence is not None
    assert in_force(engine) == wanted
    again = apply(engine, *wanted)
    assert (again.healed, again.injected, again.evidence, engine.calls) == ((), (), None, [])


def test_a_probe_that_is_not_needed_is_ended(engine: FakeEngine) -> None:
    probe = FakeProbe(engine)
    change.apply(engine, engine.observe(TOPOLOGY.name), frozenset(), probe=probe)
    assert (probe.closed, probe.runs) == (True, 0)


@pytest.mark.parametrize(
    "mixture",
    [
        frozenset(parted("central") | {Down("central-1"), Paused("central-2"), Down("east-1", killed=True)}),
        frozenset([CUT, Paused("east-1")]),
        frozenset([CUT, Down("east-1")]),
        frozenset({Down(node.name) for node in TOPOLOGY.region_nodes("west")} | link_cuts(TOPOLOGY, TOPOLOGY.links[0])),
    ],
)
def test_heal_undoes_any_mixture(engine: FakeEngine, mixture: frozenset[Fault]) -> None:
    healthy = {name: (c.state, c.addresses) for name, c in engine.observe(TOPOLOGY.name).containers.items()}
    apply(engine, *mixture)
    change = apply(engine)
    assert frozenset(change.healed) == mixture
    assert change.injected == change.in_force == ()
    assert {name: (c.state, c.addresses) for name, c in engine.containers.items()} == healthy
    assert change.evidence == proof.Evidence(dead=0, alive=72, ports=9)


def test_healing_thaws_then_joins_then_starts(engine: FakeEngine) -> None:
    apply(engine, CUT, Down("west-1"), Paused("west-2"))
    apply(engine)
    assert verbs(engine) == ["unpause", "attach", "start"]


def test_a_paused_node_is_thawed_before_anything_is_injected(engine: FakeEngine) -> None:
    apply(engine, Paused("east-1"))
    apply(engine, CUT)
    assert verbs(engine) == ["unpause", "take down", "detach"]


@pytest.mark.parametrize(("killed", "verb"), [(True, "kill"), (False, "stop")])
def test_a_paused_node_can_be_brought_down(engine: FakeEngine, killed: bool, verb: str) -> None:
    apply(engine, Paused("west-1"), Paused("west-2"))
    wanted = after((Kill if killed else Stop).from_words("west-1"), in_force(engine))
    apply(engine, *wanted)
    container = TOPOLOGY.container("west-1")
    assert engine.calls == [("unpause", container), (verb, container)]
    assert in_force(engine) == {Down("west-1"), Paused("west-2")}
    assert engine.containers["west-1"].exit_code == (137 if killed else 0)


def test_a_half_made_partition_is_finished_by_repeating_it(engine: FakeEngine) -> None:
    cuts = parted("central")
    engine.broken = {("detach", TOPOLOGY.container("central-2"), TOPOLOGY.network("central-west"))}
    with pytest.raises(DockerError):
        apply(engine, *cuts)
    assert in_force(engine) == cuts - {Cut("central-2", "central-west")}, "the others are done all the same"
    engine.broken = set()
    change = apply(engine, *cuts)
    assert change.injected == (Cut("central-2", "central-west"),)
    assert verbs(engine) == ["take down", "detach"]
    assert in_force(engine) == cuts


def test_a_half_made_partition_is_undone_by_heal(engine: FakeEngine) -> None:
    engine.broken = {("detach", TOPOLOGY.container("central-1"), TOPOLOGY.network("central-east"))}
    with pytest.raises(DockerError):
        apply(engine, *parted("central"))
    assert len(apply(engine).healed) == 5
    assert not in_force(engine)


def test_another_partition_leaves_the_cuts_that_both_share(engine: FakeEngine) -> None:
    apply(engine, *parted("central"), Down("west-3"))
    wanted = after(Partition.from_words("west"), in_force(engine))
    change = apply(engine, *wanted)
    assert in_force(engine) == {*parted("west"), Down("west-3")}
    assert {fault.link for fault in change.healed if isinstance(fault, Cut)} == {"central-east"}
    assert {fault.link for fault in change.injected if isinstance(fault, Cut)} == {"east-west"}
    assert TOPOLOGY.network("central-west") not in {call[-1] for call in engine.calls}
    assert verbs(engine) == ["take down"] + ["detach"] * 3 + ["attach"] * 3, (
        "what is to be cut is cut before anything is joined"
    )


def test_a_node_is_joined_again_with_its_own_address(engine: FakeEngine) -> None:
    apply(engine, CUT)
    assert "east-west" not in engine.containers["east-1"].addresses
    apply(engine)
    assert engine.containers["east-1"].addresses == TOPOLOGY.node("east-1").addresses


def test_a_dry_run_says_what_would_be_done_and_touches_nothing(engine: FakeEngine) -> None:
    apply(engine, CUT)
    change = apply(engine, Down("west-1"), dry_run=True)
    assert (change.healed, change.injected, change.evidence) == ((CUT,), (Down("west-1"),), None)
    assert engine.calls == []
    assert in_force(engine) == {CUT}


def test_success_that_is_none_is_an_error(engine: FakeEngine) -> None:
    engine.ignored = {("detach", TOPOLOGY.container("east-1"), TOPOLOGY.network("east-west"))}
    with pytest.raises(DockerError, match="not in force: east-1 is cut from link east-west"):
        apply(engine, CUT)
    engine.ignored = {("unpause", TOPOLOGY.container("west-1"))}
    apply(engine, Paused("west-1"))
    with pytest.raises(DockerError, match="reports success, but still west-1 is paused"):
        apply(engine)


def test_a_node_that_does_not_start_is_told_with_its_last_words(engine: FakeEngine) -> None:
    apply(engine, Down("west-1", killed=True))
    engine.ignored = {("start", TOPOLOGY.container("west-1"))}
    with pytest.raises(LabError, match=r"(?s)west-1 ended with exit code 137.*the last words of region-lab-west-1"):
        apply(engine)


def test_a_cut_that_does_not_hold_is_not_believed(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeProbe, "_answer", lambda self, pid, address: "open")
    with pytest.raises(FaultNotProven, match="must be cut, but: open"):
        apply(engine, *parted("central"))


def test_silence_is_cut_short_only_where_it_was_seen_whole(engine: FakeEngine) -> None:
    """Otherwise a leak that answers late, on a busy machine, would pass for a cut."""
    probe = FakeProbe(engine)
    change.apply(engine, engine.observe(TOPOLOGY.name), parted("central"), probe)
    assert probe.tries == [(0.15, 0), (0.15, 0.02)]
    leaking = FakeProbe(engine)
    leaking.wrong["west-1", "east-1"] = "open"
    change.apply(engine, engine.observe(TOPOLOGY.name), parted("central") | parted("west"), leaking)
    assert leaking.tries == [(0.15, 0), (0.15, 0)]
    healing = FakeProbe(engine)
    change.apply(engine, engine.observe(TOPOLOGY.name), parted("west"), healing)
    assert healing.tries == [(0.15, 0)]


def test_faults_are_told_in_one_order(engine: FakeEngine) -> None:
    change = apply(engine, Paused("west-2"), Down("west-3"), CUT, Down("west-1"))
    assert [str(fault) for fault in change.injected] == [
        "east-1 is cut from link east-west",
        "west-1 is down (stopped)",
        "west-3 is down (stopped)",
        "west-2 is paused",
    ]
