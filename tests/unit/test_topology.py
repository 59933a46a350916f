"""The lab as a value: what is fixed, what follows from the name, what is refused."""

import json
from dataclasses import replace
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

import pytest

from lab.errors import LabError, UsageError
from lab.topology import Link, Topology
from lab.units import duration_ns, size_bytes
from lab.validate import problems

NAMED = [Topology(), *(Topology(name=name) for name in ("other", "second", "a", "ci-1", "ci-2"))]


def fields_of(topology: Topology) -> set[str]:
    return {name for name, _ in problems(topology)}


def test_the_default_lab_has_nine_nodes_three_links_and_six_networks() -> None:
    topology = Topology()
    assert len(topology.nodes) == 9
    assert [link.name for link in topology.links] == ["central-east", "central-west", "east-west"]
    assert topology.networks == ("west", "central", "east", "central-east", "central-west", "east-west")
    assert not list(problems(topology))


def test_the_default_ports_are_the_documented_ones() -> None:
    ports = {region: [node.client_port for node in Topology().region_nodes(region)] for region in Topology().regions}
    assert ports == {
        "west": [14222, 14223, 14224],
        "central": [17222, 17223, 17224],
        "east": [20222, 20223, 20224],
    }
    monitoring = [node.monitor_port for node in Topology().nodes]
    assert monitoring == [23222, 23223, 23224, 26222, 26223, 26224, 29222, 29223, 29224]


@pytest.mark.parametrize("regions", range(1, 10))
def test_ports_stay_apart_and_below_those_of_outgoing_connections(regions: int) -> None:
    names = (f"lab-{number}" for number in range(10_000))
    last = next(name for name in names if Topology(name=name).slot == 255)
    topology = Topology(name=last, regions=tuple("abcdefghi"[:regions]))
    ports = [port for node in topology.nodes for port in (node.client_port, node.monitor_port)]
    assert len(set(ports)) == len(ports)
    assert max(ports) < 32768


def test_addresses_are_fixed() -> None:
    assert Topology().node("west-1").addresses == {
        "west": "10.199.0.11",
        "central-west": "10.199.0.149",
        "east-west": "10.199.0.181",
    }
    assert Topology().node("central-3").addresses == {
        "central": "10.199.0.45",
        "central-east": "10.199.0.109",
        "central-west": "10.199.0.141",
    }


@pytest.mark.parametrize(
    "topology", [Topology(), Topology(nodes_per_region=9), Topology(regions=("a", "b"), nodes_per_region=1)]
)
def test_addresses_are_distinct_usable_and_inside_their_subnets(topology: Topology) -> None:
    addresses = [(key, address) for node in topology.nodes for key, address in sorted(node.addresses.items(), key=str)]
    assert len({address for _, address in addresses}) == len(addresses)
    for key, address in addresses:
        subnet = topology.subnets[key]
        assert address in {str(host) for host in subnet.hosts()} - {str(subnet[1])}


def test_nodes_of_two_regions_share_one_network_only() -> None:
    for one, other in combinations(Topology().nodes, 2):
        assert len(one.addresses.keys() & other.addresses.keys()) == (3 if one.region == other.region else 1)


def test_labs_with_other_names_have_ports_and_subnets_of_their_own() -> None:
    assert len({topology.slot for topology in NAMED}) == len(NAMED)
    for one, other in combinations(NAMED, 2):
        ports = [{port for n in t.nodes for port in (n.client_port, n.monitor_port)} for t in (one, other)]
        assert not ports[0] & ports[1]
        assert not any(a.overlaps(b) for a in one.subnets.values() for b in other.subnets.values())


def test_a_labs_slot_follows_from_its_name_alone() -> None:
    assert Topology().slot == 0
    for name in ("a", "other", "x" * 31):
        assert 1 <= Topology(name=name).slot <= 255
        assert Topology().named(name).slot == Topology(name=name, nodes_per_region=5).slot


@pytest.mark.parametrize(
    "topology",
    [
        Topology(),
        Topology(name="it-s", regions=("a", "b"), server_options={"debug": True, "max_payload": 8, "note": "'\"$é"}),
    ],
)
def test_a_topology_comes_back_from_its_label(topology: Topology) -> None:
    assert Topology.from_label(topology.to_label()) == topology


def test_a_label_of_a_newer_version_is_read_without_the_fields_that_are_not_known() -> None:
    label = json.dumps({**json.loads(Topology().to_label()), "colour": "blue"})
    assert Topology.from_label(label) == Topology()


@pytest.mark.parametrize(("word", "layout"), [("fixed", "mapped"), ("seed", "seed")])
def test_an_older_label_has_the_layout_under_its_old_name(word: str, layout: Any) -> None:
    old = {key: value for key, value in json.loads(Topology().to_label()).items() if key != "layout"}
    assert Topology.from_label(json.dumps(old | {"profile": word})) == Topology(layout=layout)


@pytest.mark.parametrize("label", ["", "{", "{}", '{"regions": 3}', '{"regions": null}'])
def test_a_label_that_cannot_be_read_is_an_error_with_a_hint(label: str) -> None:
    with pytest.raises(LabError) as caught:
        Topology.from_label(label)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 3),
        ("name", None),
        ("regions", ["west", 4]),
        ("regions", "west"),
        ("layout", "other"),
        ("nodes_per_region", "3"),
        ("nodes_per_region", True),
        ("client_port", 14222.5),
        ("subnet_pool", "nowhere"),
        ("subnet_prefix", 33),
        ("server_options", []),
        ("server_options", {"ping_interval": ["5s"]}),
    ],
)
def test_a_label_with_a_value_of_another_kind_is_an_error(field: str, value: Any) -> None:
    label = json.dumps({**json.loads(Topology().to_label()), field: value})
    with pytest.raises(LabError, match="has a label that this version cannot read"):
        Topology.from_label(label)


def test_select_takes_regions_and_nodes_each_once_in_the_labs_order() -> None:
    chosen = Topology().select(["east-1", "west", "west-2", "east-1"])
    assert [node.name for node in chosen] == ["west-1", "west-2", "west-3", "east-1"]


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    topology = Topology()
    with pytest.raises(UsageError, match="unknown region or node `nowhere`") as caught:
        topology.select(["west", "nowhere"])
    assert all(f"`{name}`" in caught.value.hint for name in ("west", "central", "east", "west-1", "east-3"))
    with pytest.raises(UsageError, match="unknown node `west-4`") as caught:
        topology.node("west-4")
    assert all(f"`{node.name}`" in caught.value.hint for node in topology.nodes)
    for call in (lambda: topology.region_nodes("north"), lambda: topology.link("west", "north")):
        with pytest.raises(UsageError, match="unknown region `north`") as caught:
            call()
        assert caught.value.hint == "known regions: `west`, `central`, `east`"
    with pytest.raises(UsageError, match="`west` is not a link") as caught:
        topology.link("west")
    assert caught.value.hint == "known links: `central-east`, `central-west`, `east-west`"


@pytest.mark.parametrize("names", [("west", "central"), ("central", "west"), ("west-central",), ("central-west",)])
def test_a_link_is_the_same_in_either_order(names: tuple[str, ...]) -> None:
    link = Topology().link(*names)
    assert link == Link(("central", "west"))
    assert link.cut_side == "central"


def test_a_region_has_no_link_with_itself() -> None:
    for names in (("west", "west"), ("west-west",)):
        with pytest.raises(UsageError, match="not `west` with itself"):
            Topology().link(*names)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "Upper"),
        ("name", "1st"),
        ("name", "x" * 32),
        ("regions", ("west",)),
        ("regions", tuple("abcdefghij")),
        ("regions", ("west", "west")),
        ("regions", ("we-st", "east")),
        ("nodes_per_region", 0),
        ("nodes_per_region", 10),
        ("replicas", 2),
        ("replicas", 5),
        ("stream", ""),
        ("stream", "a.b"),
        ("layout", "other"),
        ("max_age", "soon"),
        ("duplicate_window", "2"),
        ("max_age", "106752d"),
        ("max_age", "9" * 400 + "h"),
        ("duplicate_window", "2562048h"),
        ("memory", "much"),
        ("memory", "6m"),
        ("memory", "1" + "0" * 20),
        ("memory", "2000g"),
        ("store", "0"),
        ("store", "1KB"),
        ("store", "9000000TB"),
        ("server_options", {"server_name": "x"}),
        ("client_port", 80),
        ("client_port", 60000),
        ("monitor_port", 14222),
        ("port_step", 1),
    ],
)
def test_a_bad_value_is_a_problem_of_its_field(field: str, value: Any) -> None:
    wrong = replace(Topology(), **{field: value})
    expected = "monitor_port" if field == "monitor_port" else "client_port" if field == "port_step" else field
    assert expected in fields_of(wrong)
    assert all(sentence and not sentence.endswith(".") for _, sentence in problems(wrong))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subnet_pool", "here"),
        ("subnet_pool", "10.199.0.1/16"),
        ("subnet_pool", "10.199.0.0/26"),
        ("subnet_prefix", 28),
        ("subnet_prefix", 31),
        ("subnet_prefix", 40),
        ("subnet_prefix", 8),
    ],
)
def test_a_bad_subnet_is_a_problem_of_its_field(field: str, value: Any) -> None:
    assert fields_of(replace(Topology(), **{field: value})) & {"subnet_pool", "subnet_prefix"}


def test_a_named_lab_has_its_subnets_inside_the_pool_whatever_their_size() -> None:
    name = next(name for name in ("other", "second", "third") if Topology(name=name).slot % 2)
    large = Topology(name=name, subnet_prefix=20)
    assert fields_of(large) == set()
    assert all(subnet.subnet_of(IPv4Network(large.subnet_pool)) for subnet in large.subnets.values())
    assert fields_of(Topology(name=name, subnet_prefix=20, subnet_pool="10.1.0.0/18")) == {"subnet_pool"}


def test_several_problems_are_told_together() -> None:
    assert fields_of(Topology(name="!", stream="!", max_age="!")) == {"name", "stream", "max_age"}


@pytest.mark.parametrize(
    ("text", "ns"), [("0", 0), ("1ms", 10**6), ("1.5s", 15 * 10**8), ("1h30m", 5400 * 10**9), ("2d", 172800 * 10**9)]
)
def test_a_duration_is_nanoseconds(text: str, ns: int) -> None:
    assert duration_ns(text) == ns


def test_the_longest_duration_is_what_a_server_can_count() -> None:
    assert duration_ns("106751d") < 2**63
    with pytest.raises(UsageError, match="longer than NATS can count"):
        duration_ns("106752d")


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("256m", 2**28), ("1GB", 2**30), ("1GiB", 2**30), ("2K", 2048), ("1.5g", None), ("", None)],
)
def test_a_size_is_bytes(text: str, size: int | None) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "1", "s", "-1s", "1 h", "1y", "1s ", "١s x"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        duration_ns(text)
