"""The labs that the tests in tests/docker start side by side do not get in each other's way."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import labs

import lab.scenario
from lab.scenario.labs import PORTS, own_name
from lab.scenario.reader import read
from lab.topology import Topology


def claims(topology: Topology) -> set[object]:
    ports = {port for node in topology.nodes for port in (node.client_port, node.monitor_port)}
    return {*ports, *topology.subnets.values()}


def test_no_two_labs_of_the_tests_want_the_same_port_or_subnet() -> None:
    topologies = [Topology(name=name) for name in labs.NAMES]
    clashes = {(a.name, b.name) for a, b in combinations(topologies, 2) if claims(a) & claims(b)}
    for path in (Path(lab.scenario.__file__).parent / "files").glob("*.yaml"):
        scenario = read(path)
        for variant in scenario.variants:  # among themselves they look for what is free
            played = replace(variant.topology.named(own_name("test-set", scenario.name, variant.name)), **PORTS)
            clashes |= {(it.name, played.name) for it in topologies if claims(it) & claims(played)}
    assert not clashes, "choose another name in tests/labs.py"
