"""What the fake engine and the fake probe promise, asked of the real ones too: the same cases on both.

The real one is a lab of two nodes in two regions, which is up in a few seconds.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from fakes import FakeEngine, FakeProbe
from labs import Lab as Command
from labs import heal

from lab.api import Lab
from lab.docker.engine import Engine
from lab.docker.observation import Container
from lab.errors import DockerError
from lab.faults import change, proof
from lab.faults.block import Block
from lab.faults.cut import Cut
from lab.faults.down import Down
from lab.faults.fault import Fault
from lab.faults.paused import Paused
from lab.faults.registry import KINDS, VERBS, held_by_docker, ordered
from lab.faults.shape import Shaped
from lab.faults.verb import Verb
from lab.netprobe import spare
from lab.netprobe.session import Probe
from lab.shape import Shape
from lab.topology import CLIENT_PORT, Topology

TOPOLOGY = Topology(name="test-contract", regions=("west", "east"), nodes_per_region=1, replicas=1)
HEALER = Lab(TOPOLOGY.name)
EAST, LINK = "east-1", "east-west"
NAME, NETWORK = TOPOLOGY.container(EAST), TOPOLOGY.network(LINK)
ADDRESS = TOPOLOGY.node(EAST).addresses[LINK]
DEAD = {"silent", "unreachable"}


@dataclass(frozen=True)
class World:
    """An engine with the lab on it, and how a probe is started there."""

    engine: Engine
    probe: Callable[[], Probe]

    def east(self) -> Container:
        return self.engine.observe(TOPOLOGY.name).containers[EAST]

    def from_west(self, probe: Probe) -> str:
        """What west meets at east's address on the link."""
        west = self.engine.observe(TOPOLOGY.name).containers["west-1"]
        return probe.connect([(west.pid, f"TCP {ADDRESS} {CLIENT_PORT}")], 0.3)[0]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    lab = Command(TOPOLOGY.name)
    file: Path = tmp_path_factory.mktemp("contract") / "lab.yaml"
    file.write_text("regions: [west, east]\nnodes_per_region: 1\nreplicas: 1\n")
    lab.run("down")
    lab.run("up", "--file", str(file))
    try:
        yield World(engine := Engine(), lambda: Probe(engine, TOPOLOGY.name))
    finally:
        lab.run("down")


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        fake = FakeEngine(TOPOLOGY)
        yield World(fake, lambda: FakeProbe(fake))
        return
    real: World = request.getfixturevalue("real")
    yield real
    heal(HEALER)


@pytest.fixture
def probe(world: World) -> Iterator[Probe]:
    probe = world.probe()
    yield probe
    probe.close()


def test_a_healthy_lab_runs_and_every_node_has_its_addresses(world: World) -> None:
    seen = world.engine.observe(TOPOLOGY.name)
    assert seen.topology == TOPOLOGY
    assert seen.missing == ()
    for node in TOPOLOGY.nodes:
        container = seen.containers[node.name]
        assert (container.name, container.state, container.addresses) == (
            TOPOLOGY.container(node),
            "running",
            node.addresses,
        )
        assert container.pid > 0
    assert held_by_docker(seen) == frozenset()
    assert world.engine.again(seen) == seen


def test_a_detached_node_lacks_the_address_and_gets_the_same_one_back(world: World) -> None:
    for _ in range(2):  # the second time nothing is left to do
        world.engine.detach(NAME, NETWORK)
        assert held_by_docker(world.engine.observe(TOPOLOGY.name)) == {Cut(EAST, LINK)}
    for _ in range(2):
        world.engine.attach(NAME, NETWORK, ADDRESS)
        assert world.east().addresses == TOPOLOGY.node(EAST).addresses


@pytest.mark.parametrize(("verb", "exit_code"), [("stop", 0), ("kill", 137)])
def test_a_node_that_is_down_has_no_process_and_says_how_it_ended(world: World, verb: str, exit_code: int) -> None:
    before = world.east().pid
    getattr(world.engine, verb)(NAME)
    down = world.east()
    assert (down.state, down.exit_code, down.pid) == ("exited", exit_code, 0)
    assert held_by_docker(world.engine.observe(TOPOLOGY.name)) == {Down(EAST)}
    world.engine.start(NAME)
    assert world.east().state == "running"
    assert world.east().pid not in (0, before)


def test_a_node_that_is_down_is_detached_and_attached_all_the_same(world: World) -> None:
    world.engine.kill(NAME)
    world.engine.detach(NAME, NETWORK)
    assert held_by_docker(world.engine.observe(TOPOLOGY.name)) == {Down(EAST), Cut(EAST, LINK)}
    world.engine.attach(NAME, NETWORK, ADDRESS)
    assert held_by_docker(world.engine.observe(TOPOLOGY.name)) == {Down(EAST)}


def test_a_paused_node_keeps_its_process_and_cannot_be_paused_again(world: World) -> None:
    before = world.east().pid
    world.engine.pause(NAME)
    assert held_by_docker(world.engine.observe(TOPOLOGY.name)) == {Paused(EAST)}
    assert world.east().pid == before
    with pytest.raises(DockerError):
        world.engine.pause(NAME)
    world.engine.unpause(NAME)
    with pytest.raises(DockerError):
        world.engine.unpause(NAME)
    assert world.east().state == "running"


def test_what_is_down_cannot_be_paused(world: World) -> None:
    world.engine.kill(NAME)
    with pytest.raises(DockerError):
        world.engine.pause(NAME)


def test_the_probe_meets_peers_where_they_are_joined_and_silence_where_not(world: World, probe: Probe) -> None:
    assert world.from_west(probe) == "open"
    world.engine.detach(NAME, NETWORK)
    assert world.from_west(probe) in DEAD
    world.engine.attach(NAME, NETWORK, ADDRESS)
    assert world.from_west(probe) == "open"


def test_a_process_that_does_not_exist_is_an_error_and_never_silence(probe: Probe) -> None:
    assert probe.connect([(999_999_999, f"TCP {ADDRESS} {CLIENT_PORT}")], 0.3) == ["error 2"]


def test_an_interface_that_the_probe_took_down_is_dead_until_the_probe_ends(world: World) -> None:
    probe = world.probe()
    assert 0 <= probe.take_down([(world.east().pid, ADDRESS)]) < 0.15
    assert probe.still_there() == [ADDRESS]
    assert world.from_west(probe) in DEAD
    assert held_by_docker(world.engine.observe(TOPOLOGY.name)) == frozenset(), "Docker knows nothing of it"
    probe.close()
    after = world.probe()
    assert world.from_west(after) == "open"
    after.close()


def test_an_interface_that_was_detached_meanwhile_is_gone(world: World, probe: Probe) -> None:
    probe.take_down([(world.east().pid, ADDRESS)])
    world.engine.detach(NAME, NETWORK)
    assert probe.still_there() == []
    assert world.from_west(probe) in DEAD


def test_an_interface_that_nobody_has_cannot_be_taken_down(world: World, probe: Probe) -> None:
    with pytest.raises(DockerError, match="cannot be taken down: missing"):
        probe.take_down([(world.east().pid, "10.9.9.9")])


# --- every kind that is registered ---

# One of each kind on the two nodes, and the same with another parameter, for kinds that have one.
EXAMPLES: dict[type[Fault], tuple[Fault, Fault | None]] = {
    Cut: (Cut(EAST, LINK), None),
    Down: (Down(EAST), None),
    Paused: (Paused(EAST), None),
    Block: (Block(EAST, LINK, "out"), Block(EAST, LINK, "in", reject=True)),
    Shaped: (Shaped(EAST, LINK, Shape.of(rate="5mbit")), Shaped(EAST, LINK, Shape.of(rate="2mbit"))),
}


@pytest.fixture
def lab(world: World, monkeypatch: pytest.MonkeyPatch) -> Lab:
    if isinstance(world.engine, FakeEngine):
        monkeypatch.setattr(proof, "greeting", world.engine.greeting)
        monkeypatch.setattr(change, "Probe", FakeProbe)
        monkeypatch.setattr(spare, "Probe", FakeProbe)
    return Lab(TOPOLOGY.name, engine=world.engine)


def test_there_is_an_example_of_every_kind() -> None:
    assert EXAMPLES.keys() == {*KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.kind))
def test_a_fault_is_observed_and_proven_once_and_gone_after_healing(lab: Lab, kind: type[Fault]) -> None:
    fault, other = EXAMPLES[kind]
    done = lab.make(lambda _: frozenset({fault}))
    assert (done.injected, done.healed, lab.faults()) == ((fault,), (), (fault,))
    assert done.evidence is not None
    assert lab.make(lambda _: frozenset({fault})).nothing, "twice is once"
    if other:
        assert lab.make(lambda _: frozenset({other})).replaced == ((fault, other),)
        assert lab.faults() == (other,)
    healed = lab.heal().change
    assert healed is not None
    assert healed.healed == (other or fault,)
    assert healed.evidence is not None
    assert lab.faults() == ()


VERB_EXAMPLES = [
    verb.draws()[0].make(TOPOLOGY, Random(3)) for verb in VERBS if verb.draws() and verb.lasting and not verb.turning
]


@pytest.mark.parametrize("verb", VERB_EXAMPLES, ids=lambda verb: str(verb.name))
def test_a_block_undoes_what_it_did(lab: Lab, verb: Verb) -> None:
    with lab.do(verb) as done:
        assert done.change is not None
        assert lab.faults() == ordered(verb.faults(TOPOLOGY))
    assert lab.faults() == ()


@pytest.mark.parametrize("verb", VERB_EXAMPLES, ids=lambda verb: str(verb.name))
def test_a_command_that_was_killed_half_way_is_healed(real: World, verb: Verb) -> None:
    lab = Lab(TOPOLOGY.name, engine=real.engine)
    for seconds in (0.15, 0.3, 0.45, 0.6):
        process = subprocess.Popen(
            [sys.executable, "-m", "lab", *str(verb).split()[1:], "--name", TOPOLOGY.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(seconds)
        process.kill()
        process.wait()
        lab.heal()
        assert lab.faults() == ()
    assert lab.do(verb).change is not None
    lab.heal()


# --- the kernel's part ---


def test_twenty_killed_commands_leave_nothing_in_the_kernel_that_heal_does_not_undo(real: World) -> None:
    """Shapes, one-way cuts and refusals, half made or whole, with timers that wait or not."""
    lab = Lab(TOPOLOGY.name, engine=real.engine)
    commands = ("shape west east --rate 5mbit --for 60s", "cut west->east", "cut east west --reject --for 60s")
    random = Random(20)
    for turn in range(20):
        process = subprocess.Popen(
            [sys.executable, "-m", "lab", *commands[turn % 3].split(), "--name", TOPOLOGY.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(random.uniform(0.2, 1.2))
        process.kill()
        process.wait()
        if turn % 4 == 3:
            lab.heal()
            assert HEALER.condition().kernel == {}
            assert lab.timers() == ()
    lab.heal()
    assert HEALER.condition().kernel == {}


def test_a_fault_ends_on_time_though_its_command_was_killed(real: World) -> None:
    lab = Lab(TOPOLOGY.name, engine=real.engine)
    command = [sys.executable, "-m", "lab", "cut", "west->east", "--for", "6s", "--name", TOPOLOGY.name]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while not lab.faults():
            assert time.monotonic() < deadline
        process.kill()
    began = time.monotonic()
    (timer,) = lab.timers()
    assert timer.alive
    while lab.faults() or lab.timers():  # the timer proves what it undid before it goes
        assert time.monotonic() - began < 30


def test_a_node_that_restarts_is_given_the_shape_of_its_side_again(real: World) -> None:
    lab = Lab(TOPOLOGY.name, engine=real.engine)
    lab.shape("west", "east", rate="5mbit")
    lab.kill(EAST)
    assert {fault.node for fault in lab.faults() if fault.kind == "shape"} == {"west-1"}
    lab.start(EAST)
    assert {fault.node for fault in lab.faults() if fault.kind == "shape"} == {"west-1", EAST}
    lab.heal()


def test_a_lab_always_has_the_conditions_of_its_links(tmp_path: Path) -> None:
    lab = Command("test-conditions")
    file = tmp_path / "lab.yaml"
    file.write_text(
        "regions: [west, east]\nnodes_per_region: 1\nreplicas: 1\nlinks: {east-west: {rate: 20mbit}}\n", "utf-8"
    )
    lab.run("up", "--file", str(file))
    try:
        of = Lab("test-conditions")
        shaped = {link.name: link.shapes for link in of.status().links}
        assert shaped == {"east-west": {"east->west": "20 Mbit/s", "west->east": "20 Mbit/s"}}
        assert of.faults() == (), "it is no fault"
        of.shape("west->east", rate="1mbit")
        of.kill(EAST)
        of.start(EAST)
        assert {fault.node for fault in of.faults()} == {"west-1"}
        of.heal()
        assert of.status().links[0].shapes == shaped["east-west"]
    finally:
        lab.run("down")
