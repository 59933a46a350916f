"""Shapes, one-way cuts and refusals: which part of a link is meant, how they add up, and that they are made as a whole
or not at all."""

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from fakes import FakeEngine, FakeProbe, observation

from lab.api import Lab
from lab.docker.observation import Container, Interface
from lab.errors import FaultNotProven, LabError, UsageError
from lab.faults import change, proof
from lab.faults.block import Block
from lab.faults.change import possible
from lab.faults.cut import Cut, CutLink, Join
from lab.faults.down import Down, Kill
from lab.faults.fault import Fault
from lab.faults.path import way
from lab.faults.reachability import Reachability
from lab.faults.registry import present
from lab.faults.shape import Shaped, ShapeLink, completed
from lab.shape import Shape
from lab.topology import Topology

TOPOLOGY = Topology()
SLOW, SLOWER = Shape.of(delay="40ms"), Shape.of(delay="80ms")


def texts(faults: Iterable[Fault]) -> set[str]:
    return {str(fault) for fault in faults}


def wanted(verb: CutLink | Join | ShapeLink, now: Iterable[Fault] = ()) -> frozenset[Fault]:
    return verb.wanted(frozenset(now), TOPOLOGY)


# --- which part ---


@pytest.mark.parametrize(
    ("text", "source", "target", "network", "scope"),
    [
        ("east-west", "east", "west", "east-west", "link"),
        ("west-east", "west", "east", "east-west", "link"),
        ("west->east", "west", "east", "east-west", "side"),
        ("west -> east", "west", "east", "east-west", "side"),
        ("west-1->east", "west-1", "east", "east-west", "node"),
        ("east->west-1", "east", "west-1", "east-west", "node"),
        ("west-1-east", "west-1", "east", "east-west", "node"),
        ("east-west-1", "east", "west-1", "east-west", "node"),
    ],
)
def test_a_path_is_a_link_a_direction_or_a_nodes_part(
    text: str, source: str, target: str, network: str, scope: str
) -> None:
    found = way(TOPOLOGY, text)
    assert (found.source, found.target) == (TOPOLOGY.select([source]), TOPOLOGY.select([target]))
    assert (found.network, found.scope) == (network, scope)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("west->north", "unknown region or node `north`"),
        ("west->west", "not `west` with itself"),
        ("west-west", "not `west` with itself"),
        ("west-1->east-1", "is between two nodes"),
        ("west", "is not a link"),
        ("north-west", "unknown region `north`"),
        ("west->", "unknown region or node ``"),
    ],
)
def test_a_path_that_leads_nowhere_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        way(TOPOLOGY, text)
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    ("words", "found", "resolved"),
    [
        (("@meta", "east"), "central-1", "cut central-1 east"),
        (("@meta->east",), "central-1", "cut central-1->east"),
        (("east", "@leader:foo-write-west"), "west-2", "cut east west-2"),
        (("@leader:foo-write-west", "west"), "west-2", "cut west-2 west"),
    ],
)
def test_an_end_of_a_path_may_be_a_role(words: tuple[str, ...], found: str, resolved: str) -> None:
    verb = CutLink.from_words(*words)
    (role,) = verb.roles()
    assert list(verb.problems(TOPOLOGY, 10)) == []
    assert verb.faults(TOPOLOGY) == frozenset(), "nothing is known of it yet"
    verb = verb.with_nodes({role: [found]})
    assert (verb.said, verb.roles()) == (resolved, ())
    assert {fault.node for fault in verb.faults(TOPOLOGY)} == {found}


def test_a_role_in_a_path_that_cannot_be_is_a_sentence() -> None:
    def problem(verb: CutLink | ShapeLink) -> str:
        return " ".join(verb.problems(TOPOLOGY, 10))

    assert "unknown stream `nosuch`" in problem(CutLink.from_words("@leader:nosuch", "east"))
    assert "unknown region or node `north`" in problem(CutLink.from_words("@meta->north"))
    assert "in its own direction" in problem(ShapeLink.from_words("west->@meta", delay="40ms"))
    with pytest.raises(UsageError, match="is east-1 and east-2, and a link has one node at an end"):
        CutLink.from_words("west", "@followers:foo-read-east").with_nodes(
            {"@followers:foo-read-east": ["east-1", "east-2"]}
        )


def test_a_node_and_its_own_region_are_parted_in_that_region() -> None:
    assert CutLink.from_words("west-1", "west").faults(TOPOLOGY) == {Block("west-1", "west")}
    left = Reachability.of(TOPOLOGY, {Block("west-1", "west")})
    assert left.sees("west-1") == {"west-1", *(node.name for node in TOPOLOGY.nodes if node.region != "west")}


# --- cuts ---


def test_a_one_way_cut_silences_one_direction_and_ends_conversations_in_both() -> None:
    faults = CutLink.from_words("west->east").faults(TOPOLOGY)
    assert faults == {Block(f"west-{n}", "east-west", "out") for n in (1, 2, 3)}
    left = Reachability.of(TOPOLOGY, faults)
    assert left.hears("west-1", "east-1")
    assert not left.hears("east-1", "west-1")
    assert "east-1" not in left.sees("west-1")


def test_one_direction_beside_the_other_is_both() -> None:
    there = wanted(CutLink.from_words("west-1->east"))
    assert there == {Block("west-1", "east-west", "out")}
    assert wanted(CutLink.from_words("east->west-1"), there) == {Block("west-1", "east-west", "both")}
    refusing = CutLink.from_words("east->west-1", reject=True)
    assert wanted(refusing, there) == {Block("west-1", "east-west", "in", reject=True)}, "not the same: replaced"


def test_a_whole_link_that_refuses_is_blocked_at_the_side_of_cuts() -> None:
    faults = CutLink.from_words("west", "east", reject=True).faults(TOPOLOGY)
    assert faults == {Block(f"east-{n}", "east-west", "both", reject=True) for n in (1, 2, 3)}


def test_one_nodes_part_of_a_link_is_detached() -> None:
    assert CutLink.from_words("west-1", "east").faults(TOPOLOGY) == {Cut("west-1", "east-west")}


def test_a_join_undoes_what_its_words_name() -> None:
    cut = CutLink.from_words("west->east").faults(TOPOLOGY) | {Cut("east-1", "central-east")}
    assert wanted(Join.from_words("west", "east"), cut) == {Cut("east-1", "central-east")}
    assert wanted(Join.from_words("west->east"), cut) == {Cut("east-1", "central-east")}
    assert wanted(Join.from_words("east->west"), cut) == cut
    assert len(wanted(Join.from_words("west-2", "east"), cut)) == 3
    assert wanted(Join.from_words("east-1", "central"), cut) == cut - {Cut("east-1", "central-east")}


def test_what_is_cut_cannot_be_blocked_or_shaped() -> None:
    cut = CutLink.from_words("west", "east").faults(TOPOLOGY)
    with pytest.raises(UsageError, match="nothing to shape"):
        wanted(ShapeLink.from_words("east->west", delay="1ms"), cut)
    with pytest.raises(UsageError, match="cut already"):
        wanted(CutLink.from_words("west", "east", reject=True), cut)


# --- shapes ---


def test_a_shape_is_in_both_directions_or_one() -> None:
    assert len(ShapeLink.from_words("west", "east", delay="1ms").faults(TOPOLOGY)) == 6
    assert {f.node for f in ShapeLink.from_words("west->east", delay="1ms").faults(TOPOLOGY)} == {
        node.name for node in TOPOLOGY.region_nodes("west")
    }
    assert len(ShapeLink.from_words("west-1->east", delay="1ms").faults(TOPOLOGY)) == 1


@pytest.mark.parametrize(
    ("words", "options", "sentence"),
    [
        (("west-1", "east"), {"delay": "1ms"}, "where packets leave"),
        (("east->west-1",), {"delay": "1ms"}, "where packets leave"),
        (("west-1", "west"), {"delay": "1ms"}, "is inside west"),
        (("west", "east"), {}, "at least one option"),
        (("west", "east"), {"clear": True, "delay": "1ms"}, "takes no other options"),
        (("west", "east"), {"profile": "moon"}, "unknown profile"),
        (("west", "east"), {"loss": "0%"}, "leave the link as it is"),
    ],
)
def test_a_shape_that_cannot_be_is_a_sentence(words: tuple[str, ...], options: dict[str, str], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        wanted(ShapeLink.from_words(*words, **options))
    assert sentence in caught.value.message


def test_a_new_shape_of_a_part_leaves_the_rest_which_then_stands_for_itself() -> None:
    both = wanted(ShapeLink.from_words("west", "east", delay="40ms"))
    assert {f.scope for f in both if isinstance(f, Shaped)} == {"link"}
    one_way = wanted(ShapeLink.from_words("west->east", delay="80ms"), both)
    assert {(f.node[:4], f.shape, f.scope) for f in one_way if isinstance(f, Shaped)} == {
        ("west", SLOWER, "side"),
        ("east", SLOW, "side"),
    }
    cleared = wanted(ShapeLink.from_words("west-1->east", clear=True), one_way)
    assert {(f.node, f.scope) for f in cleared if isinstance(f, Shaped) and f.node.startswith("west")} == {
        ("west-2", "node"),
        ("west-3", "node"),
    }
    assert completed(cleared, TOPOLOGY) == cleared, "nobody gives west-1 its shape again"


def test_a_node_that_lost_its_part_of_a_shape_is_given_it_again() -> None:
    whole = ShapeLink.from_words("west", "east", delay="40ms").faults(TOPOLOGY)
    left = frozenset(fault for fault in whole if not fault.node.startswith("east"))
    assert completed(left, TOPOLOGY) == whole, "a region that restarted"
    side = ShapeLink.from_words("west->east", delay="40ms").faults(TOPOLOGY)
    assert completed(frozenset(list(side)[:1]), TOPOLOGY) == side


def test_what_ends_with_a_cut_or_a_node_is_not_wanted_beside_it() -> None:
    shapes = ShapeLink.from_words("west", "east", delay="40ms").faults(TOPOLOGY)
    assert {f.node for f in possible(shapes | {Down("west-1"), Cut("east-2", "east-west")}) if f.kind == "shape"} == {
        "west-2",
        "west-3",
        "east-1",
        "east-3",
    }


def test_a_lab_that_always_has_its_wan_lists_only_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    topology = replace(TOPOLOGY, wan={"west-east": {"delay": "40ms"}})
    engine = FakeEngine(topology)
    assert texts(present(engine.observe(topology.name))) == {
        f"{node.name} lacks the standing shape of link east-west" for node in topology.nodes if node.region != "central"
    }
    monkeypatch.setattr(proof, "greeting", engine.greeting)
    before = engine.observe(topology.name)
    change.apply(engine, before, frozenset(), FakeProbe(engine))
    assert present(engine.observe(topology.name)) == frozenset()


# --- made as a whole ---


def test_six_interfaces_are_shaped_in_one_batch_and_gone_after_healing(lab: Lab, engine: FakeEngine) -> None:
    done = lab.shape("west", "east", delay="40ms").change
    assert done is not None
    assert len(done.injected) == 6
    assert {row.delay_ms for row in done.evidence.measured} == {40.0}  # type: ignore[union-attr]
    assert {row.delay_ms for row in done.evidence.earlier} == {0.0}  # type: ignore[union-attr]
    assert len(lab.faults()) == 6
    assert lab.shape("west", "east", delay="40ms").change.nothing  # type: ignore[union-attr]
    lab.heal()
    assert lab.faults() == ()
    assert engine.interfaces == {}


def test_what_the_kernel_does_not_offer_leaves_what_was_there(
    lab: Lab, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.shape("west", "east", rate="5mbit")
    before = dict(engine.interfaces)
    monkeypatch.setattr(FakeProbe, "lacks", ("delay",))
    with pytest.raises(LabError, match="has no `netem`") as caught:
        lab.shape("west->east", delay="40ms")
    assert "lab doctor" in caught.value.hint
    assert {key: at.discipline.replace("31234", "31233") for key, at in engine.interfaces.items()} == {
        key: at.discipline for key, at in before.items()
    }


def test_a_delay_that_packets_do_not_have_is_not_believed(
    lab: Lab, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeProbe, "late", {("west-1", "east-2"): 300})
    with pytest.raises(FaultNotProven, match=r"west-1 → east-2 \(east-west\): a packet takes 0.3 ms, not 40 ms"):
        lab.shape("west", "east", delay="40ms")


def test_packets_that_a_busy_machine_dropped_are_sent_again_more_slowly(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = FakeProbe._flow

    def busy(probe: FakeProbe, source: Container, address: str, count: int, gap_us: int) -> str:
        told = flow(probe, source, address, count, gap_us)
        return told if gap_us >= 400 else re.sub(r"received=\d+", f"received={count // 5}", told)

    monkeypatch.setattr(FakeProbe, "_flow", busy)
    done = lab.shape("west", "east", loss="5%").change
    assert done
    assert done.evidence
    assert {row.lost for row in done.evidence.measured} == {0.05}


def test_a_cut_takes_the_shape_of_its_side_away_and_a_join_gives_it_back(lab: Lab) -> None:
    lab.shape("west", "east", delay="40ms")
    lab.cut("west", "east")
    assert {fault.node for fault in lab.faults() if fault.kind == "shape"} == {"west-1", "west-2", "west-3"}
    lab.join("west", "east")
    assert len([fault for fault in lab.faults() if fault.kind == "shape"]) == 6


def test_a_node_that_restarts_has_its_shape_again_but_not_its_block(lab: Lab) -> None:
    lab.shape("west", "east", delay="40ms")
    lab.cut("west-1->east")
    lab.do(Kill.from_words("west-1"))
    assert not [fault for fault in lab.faults() if fault.node == "west-1" and fault.kind != "down"]
    lab.start("west-1")
    assert {fault.kind for fault in lab.faults() if fault.node == "west-1"} == {"shape"}


def test_a_refusal_is_proven_by_a_refusal(lab: Lab) -> None:
    done = lab.cut("west", "east", reject=True).change
    assert "18 are refused" in str(done and done.evidence)


def test_a_discipline_made_by_hand_is_shown_and_healed(lab: Lab, engine: FakeEngine) -> None:
    engine.interfaces["west-1", "east-west"] = Interface("other htb")
    assert texts(lab.faults()) == {"west-1 has a queue discipline `htb` on link east-west, made by hand"}
    lab.heal()
    assert lab.faults() == ()


def test_an_observation_without_the_kernel_cannot_pass_for_a_whole_one() -> None:
    with pytest.raises(AssertionError, match="not asked"):
        present(replace(observation(TOPOLOGY), interfaces=None))
