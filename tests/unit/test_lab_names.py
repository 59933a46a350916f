"""The labs that the tests in tests/docker start side by side do not get in each other's way."""

from itertools import combinations, product

import labs
from scenarios import NEEDING, NIGHTLY, OWN, SHARED, SHORT, find

from lab.scenario.labs import own_name
from lab.topology import Topology


def claims(topology: Topology) -> set[object]:
    ports = {port for node in topology.nodes for port in (node.client_port, node.monitor_port)}
    return {*ports, *topology.subnets.values()}


def played(prefix: str, scenario: str) -> list[Topology]:
    """The labs that a scenario asks for; those of one command look for what is free among themselves."""
    variants = find(scenario).variants
    return [v.topology.named(own_name(prefix, scenario, v.name)) for v in variants]


def test_no_two_labs_of_the_tests_want_the_same_port_or_subnet() -> None:
    groups = [[Topology(name=name)] for name in labs.NAMES]
    for prefix, names in (("test-nightly-44", NIGHTLY), ("test-kernel", NEEDING), ("test-set", OWN)):
        groups.append([topology for name in names for topology in played(prefix, name)])
    clashes = {
        (a.name, b.name)
        for one, other in combinations(groups, 2)
        for a, b in product(one, other)
        if claims(a) & claims(b)
    }
    assert not clashes, "choose another name in tests/labs.py"


def test_no_two_files_of_tests_use_the_same_lab() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in (labs.ROOT / "tests/docker").rglob("test_*.py")}
    users = {name: [path.name for path, text in texts.items() if f'"{name}"' in text] for name in labs.NAMES}
    assert {name: files for name, files in users.items() if len(files) > 1} == {}, "two workers may play them at once"


def test_the_tests_play_every_shipped_scenario_once() -> None:
    files = {path.name.removesuffix(".yaml") for path in (labs.ROOT / "lab/scenario/files").glob("*.yaml")}
    assert sorted((*NIGHTLY, *NEEDING, *OWN, *SHARED, *SHORT)) == sorted(files)
