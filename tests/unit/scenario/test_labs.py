"""Which lab a scenario is played on."""

from dataclasses import replace

import pytest

from lab.docker.engine import Engine
from lab.errors import LabError
from lab.scenario import labs
from lab.topology import NAME, Topology


class FakeEngine(Engine):
    """Other labs, and who has which ports."""

    def __init__(self, *running: str, ports: dict[int, str] | None = None) -> None:
        self.running, self.ports = running, ports or {}

    def read(self, *arguments: str, keeps: tuple[int, ...] = ()) -> str:
        return "\n".join(self.running) if arguments[0] == "ps" else ""

    def published_ports(self) -> dict[int, str]:
        return self.ports

    def networks(self) -> list[tuple[str, str, tuple[object, ...]]]:  # type: ignore[override]
        return []


def test_a_lab_fits_by_what_matters_to_messages_not_by_its_ports() -> None:
    wanted = Topology()
    assert labs.fits(replace(wanted, name="other", client_port=5000, memory="1g", nats="2.14.6"), wanted)
    assert not labs.fits(replace(wanted, layout="seed"), wanted)
    assert not labs.fits(replace(wanted, max_age="20s"), wanted)
    assert not labs.fits(replace(wanted, sizes={"east": 5}), wanted)


def test_a_lab_of_another_layout_fits_where_the_scenario_says_so() -> None:
    mirror = Topology(layout="mirror")
    assert labs.fits(mirror, Topology(), ("transparent", "mirror"))
    assert not labs.fits(mirror, Topology(), ("transparent",))
    assert not labs.fits(replace(mirror, layout_options={"writer": "east"}), mirror)


@pytest.mark.parametrize("variant", ["", "original-2.14.6", "Corrected_Form"])
@pytest.mark.parametrize("scenario", ["hello-world", "outage-longer-than-max-age"])
def test_the_name_of_a_lab_of_its_own_is_a_name(scenario: str, variant: str) -> None:
    names = {labs.own_name("region-lab", scenario, variant, attempt) for attempt in (0, 2, 3)}
    assert len(names) == 3
    assert all(NAME.fullmatch(name) for name in names)


def test_names_ports_and_slots_that_are_taken_are_left_alone() -> None:
    reserved: set[int] = set()
    first = labs.free_topology(FakeEngine(), Topology(), "x", "s", "", reserved)
    assert (first.name, reserved) == ("x-s", {first.slot})
    second = labs.free_topology(FakeEngine(), Topology(), "x", "s", "", reserved)
    assert second.slot != first.slot
    third = labs.free_topology(FakeEngine("x-s"), Topology(), "x", "s", "", set())
    assert third.name == "x-s-2"
    ports = {first.nodes[0].client_port: "somebody"}
    assert labs.free_topology(FakeEngine(ports=ports), Topology(), "x", "s", "", set()).name == "x-s-2"


def test_when_nothing_is_free_it_says_who_has_it() -> None:
    everywhere = dict.fromkeys(range(14000, 40000), "somebody")
    with pytest.raises(LabError, match="somebody"):
        labs.free_topology(FakeEngine(ports=everywhere), Topology(), "x", "s", "", set())
