"""What a proof tries, and what contradicts it."""

from collections import Counter
from dataclasses import replace
from itertools import permutations
from typing import Literal

import pytest
from fakes import FakeEngine, FakeProbe, container, observation

from lab.docker.observation import Container, Observation
from lab.errors import FaultNotProven
from lab.faults import proof
from lab.faults.block import Block
from lab.faults.cut import Cut
from lab.faults.fault import Fault
from lab.faults.partition import groups, partition
from lab.faults.proof import Connect, contradicts, plan
from lab.faults.registry import present
from lab.faults.shape import Shaped
from lab.shape import Shape
from lab.topology import Topology

TOPOLOGY = Topology()


def parted(*arguments: str) -> Observation:
    return without(partition(TOPOLOGY, groups(TOPOLOGY, arguments)))


def without(cuts: frozenset[Cut]) -> Observation:
    healed = observation(TOPOLOGY)
    for cut in cuts:
        del healed.containers[cut.node].addresses[cut.link]
    return healed


def planned(seen: Observation) -> list[Connect]:
    return plan(seen, present(seen))


def pairs(connects: list[Connect], expected: str) -> set[tuple[str, str]]:
    return {(connect.source, connect.target) for connect in connects if connect.expected == expected}


def test_in_a_healed_lab_every_ordered_pair_is_alive() -> None:
    connects = planned(observation(TOPOLOGY))
    assert pairs(connects, "alive") == set(permutations((node.name for node in TOPOLOGY.nodes), 2))
    assert len(connects) == 72
    assert {connect.port for connect in connects} == {4222}
    for connect in connects:
        assert connect.address == TOPOLOGY.node(connect.target).addresses[connect.network]
        assert connect.network in TOPOLOGY.node(connect.source).addresses


def test_across_a_partition_every_pair_is_dead_at_all_addresses_both_ways() -> None:
    connects = planned(parted("central"))
    dead = pairs(connects, "dead")
    central = {node.name for node in TOPOLOGY.region_nodes("central")}
    assert dead == {
        p for p in permutations((n.name for n in TOPOLOGY.nodes), 2) if (p[0] in central) != (p[1] in central)
    }
    assert not dead & pairs(connects, "alive")
    assert len(dead | pairs(connects, "alive")) == 72
    tried = Counter((c.source, c.target) for c in connects if c.expected == "dead")
    assert set(tried.values()) == {3}
    assert {c.port for c in connects if c.expected == "dead"} == {7222}


def test_when_every_region_is_alone_only_its_own_pairs_are_alive() -> None:
    connects = planned(parted("west", "central", "east"))
    assert len(pairs(connects, "alive")) == 3 * 6
    assert len(pairs(connects, "dead")) == 72 - 18


def test_a_link_that_is_partly_cut_is_dead_for_the_detached_node_only() -> None:
    dead = pairs(planned(without(frozenset([Cut("east-1", "east-west")]))), "dead")
    west = {f"west-{number}" for number in (1, 2, 3)}
    assert dead == {("east-1", name) for name in west} | {(name, "east-1") for name in west}


def test_nodes_without_a_network_namespace_are_not_tried() -> None:
    down = observation(TOPOLOGY, west_1=lambda c: replace(c, state="exited", pid=0))
    del down.containers["east-3"]
    tried = {name for connect in planned(down) for name in (connect.source, connect.target)}
    assert tried == {node.name for node in TOPOLOGY.nodes} - {"west-1", "east-3"}


@pytest.mark.parametrize("mute", [Block("west-1", "east-west", "out"), Cut("west-1", "east-west")])
def test_a_refusal_that_a_node_cannot_ask_for_is_not_expected(mute: Fault) -> None:
    refusing = {Block(f"east-{number}", "east-west", "both", reject=True) for number in (1, 2, 3)}
    connects = plan(observation(TOPOLOGY), frozenset({*refusing, mute}))
    refused = pairs(connects, "refused")
    assert ("west-1", "east-1") in pairs(connects, "dead") - refused
    assert {("west-2", "east-1"), ("east-1", "west-1")} <= refused, "a node refuses what it sends by itself"


def test_a_refusal_that_may_be_lost_is_not_tried() -> None:
    faults: set[Fault] = {Block("east-1", "east-west", "in", reject=True)}
    faults.add(Shaped("east-1", "east-west", Shape(loss=50)))
    tried = plan(observation(TOPOLOGY), frozenset(faults))
    assert ("west-1", "east-1") not in pairs(tried, "refused") | pairs(tried, "alive")
    assert ("west-1", "east-1") in pairs(tried, "dead"), "at its other addresses"


def test_a_frozen_node_is_tried_its_kernel_answers() -> None:
    paused = observation(TOPOLOGY, west_1=lambda c: replace(c, state="paused"))
    assert planned(paused) == planned(observation(TOPOLOGY))


@pytest.mark.parametrize(
    ("expected", "answer", "wrong"),
    [
        ("dead", "silent", False),
        ("dead", "unreachable", False),
        ("dead", "open", True),
        ("dead", "refused", True),
        ("dead", "error 13", True),
        ("alive", "open", False),
        ("alive", "refused", False),
        ("alive", "silent", True),
        ("alive", "unreachable", True),
        ("alive", "error 13", True),
    ],
)
def test_an_answer_contradicts_what_is_expected(expected: Literal["dead", "alive"], answer: str, wrong: bool) -> None:
    connect = Connect("west-1", "east-1", "east-west", "10.199.0.171", 7222, expected)
    assert contradicts(connect, answer) is wrong


def test_a_proof_counts_what_it_saw(engine: FakeEngine) -> None:
    probe = FakeProbe(engine)
    evidence = proof.prove(engine.observe(TOPOLOGY.name), probe, frozenset())
    assert evidence == proof.Evidence(dead=0, alive=72, ports=9)
    assert probe.runs == 1


@pytest.mark.parametrize(
    ("evidence", "sentence"),
    [
        (
            proof.Evidence(dead=108, alive=36, ports=9),
            "108 connects across cuts are dead, 36 others alive, 9 published ports as they should be",
        ),
        (proof.Evidence(dead=0, alive=72, ports=9), "all 72 connects alive, 9 published ports as they should be"),
    ],
)
def test_evidence_is_a_sentence(evidence: proof.Evidence, sentence: str) -> None:
    assert str(evidence) == sentence


def test_an_answer_that_was_late_gets_a_second_try(engine: FakeEngine) -> None:
    probe = FakeProbe(engine)
    probe.wrong["west-1", "east-1"] = "silent"
    assert proof.prove(engine.observe(TOPOLOGY.name), probe, frozenset()) == proof.Evidence(dead=0, alive=72, ports=9)


def test_what_contradicts_the_faults_is_named(engine: FakeEngine) -> None:
    seen = engine.observe(TOPOLOGY.name)
    engine.containers["west-1"].addresses.pop("east-west")
    with pytest.raises(FaultNotProven, match="6 of 72 connects") as caught:
        proof.prove(seen, FakeProbe(engine), frozenset())
    assert "west-1 → east-1 (10.199.0.171:4222, east-west): must be joined, but: silent" in caught.value.message
    assert caught.value.hint


def test_a_published_port_that_answers_otherwise_is_named(engine: FakeEngine) -> None:
    seen = engine.observe(TOPOLOGY.name)
    engine.pause(TOPOLOGY.container("west-2"))
    with pytest.raises(FaultNotProven) as caught:
        proof.prove(seen, FakeProbe(engine), frozenset())
    assert "host → west-2 (127.0.0.1:14223): expected greets, but: silent" in caught.value.message


def test_a_server_that_greets_late_contradicts_nothing(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that emulates its processor, where many clients come back at once."""

    def late(port: int, timeout: float) -> Literal["greets", "silent", "closed"]:
        return "greets" if timeout > 5 else "silent"

    monkeypatch.setattr(proof, "greeting", late)
    assert proof.prove(engine.observe(TOPOLOGY.name), FakeProbe(engine), frozenset()).ports == 9


def test_a_lab_of_one_node_without_peers_has_nothing_to_try() -> None:
    node = TOPOLOGY.node("west-1")
    alone: dict[str, Container] = {node.name: container(TOPOLOGY, node)}
    assert planned(Observation(TOPOLOGY, alone, {})) == []
