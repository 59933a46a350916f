"""The generated files: what Docker and NATS read is what a topology says, byte for byte."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import render
from lab.layouts import layout_of
from lab.topology import Topology

ROOT = Path(__file__).parents[2]
FIXED, SEED = Topology(), Topology(layout="seed")
NINE = Topology(regions=tuple("abcdefghi"), port_step=100)
TOPOLOGIES = [FIXED, SEED, NINE, Topology(name="other", nodes_per_region=1, replicas=1, regions=("north", "south"))]


@cache  # large files take PyYAML a second
def compose(topology: Topology) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(render.files(topology)["compose/compose.yaml"])
    return document


def mappings(topology: Topology) -> dict[str, list[tuple[str, str]]]:
    """Source -> (destination, cluster) of each target."""
    text = render.files(topology)["configs/mappings.conf"]
    found: dict[str, list[tuple[str, str]]] = {}
    for source, body in re.findall(r'^  "([^"]+)": \[\n(.*?)^  \]', text, re.MULTILINE | re.DOTALL):
        assert source not in found
        found[source] = re.findall(r'destination: "([^"]+)", weight: 100%, cluster: "([^"]+)"', body)
    assert len(found) == text.count("[") > 0
    return found


def overlap(one: str, other: str) -> bool:
    """Whether a subject can match both patterns."""
    a, b = one.split("."), other.split(".")
    for left, right in zip(a, b, strict=False):
        if ">" in (left, right):
            return True
        if left != right and "*" not in (left, right):
            return False
    return len(a) == len(b)


def test_the_committed_files_are_the_rendering_of_the_default_lab() -> None:
    folders = ("compose", "configs", "streams")
    committed = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for folder in folders
        for path in (ROOT / folder).iterdir()
        if path.is_file()
    }
    assert committed == {path: text.encode() for path, text in render.files(FIXED).items()}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_same_topology_gives_the_same_bytes(topology: Topology) -> None:
    again = Topology.from_label(topology.to_label())
    assert render.files(topology) == render.files(topology) == render.files(again)
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in render.files(topology).values())


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_compose_file_has_a_service_for_each_node(topology: Topology) -> None:
    document = compose(topology)
    assert document["name"] == topology.name
    assert list(document["services"]) == [node.name for node in topology.nodes]
    assert list(document["volumes"]) == [node.name for node in topology.nodes]
    names = [service["container_name"] for service in document["services"].values()]
    assert names == [f"{topology.name}-{node.name}" for node in topology.nodes]


def test_the_default_lab_has_nine_services() -> None:
    assert len(compose(FIXED)["services"]) == 9


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_only_the_networks_of_links_are_internal(topology: Topology) -> None:
    networks = compose(topology)["networks"]
    assert {key for key, network in networks.items() if network["internal"] is True} == {
        li.name for li in topology.links
    }
    assert {key for key, network in networks.items() if network["internal"] is False} == set(topology.regions)
    for key, network in networks.items():
        assert network["ipam"]["config"] == [{"subnet": str(topology.subnets[key])}]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_ports_are_published_on_the_loopback_address_only(topology: Topology) -> None:
    for name, service in compose(topology)["services"].items():
        node = topology.node(name)
        assert service["ports"] == [f"127.0.0.1:{node.client_port}:4222", f"127.0.0.1:{node.monitor_port}:8222"]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_service_runs_with_nothing_it_does_not_need(topology: Topology) -> None:
    for service in compose(topology)["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "no"
        assert service["mem_limit"] == topology.memory
        assert service["pids_limit"] > 0
        assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid", "user"}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_service_has_its_fixed_addresses_and_knows_all_peers(topology: Topology) -> None:
    for name, service in compose(topology)["services"].items():
        addresses = {key: network["ipv4_address"] for key, network in service["networks"].items()}
        assert addresses == topology.node(name).addresses
        hosts = dict(host.split(":") for host in service["extra_hosts"])
        assert hosts.keys() == {node.host for node in topology.nodes}
        assert not hosts.keys() & {node.name for node in topology.nodes}, "Docker takes these out of hosts files"
        for peer in topology.nodes:
            shared = peer.addresses.keys() & addresses.keys()
            assert hosts[peer.host] in {peer.addresses[key] for key in shared}


def test_the_label_survives_yaml_and_compose() -> None:
    topology = Topology(server_options={"note": "it's $HOME and ${x} and \"#: é"})
    for service in compose(topology)["services"].values():
        label = service["labels"]["lab.topology"]
        assert not re.search(r"(?<!\$)(\$\$)*\$(?!\$)", label)
        assert Topology.from_label(label.replace("$$", "$")) == topology


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_no_two_mappings_match_the_same_subject(topology: Topology) -> None:
    for one, other in combinations(mappings(topology), 2):
        assert not overlap(one, other), (one, other)


def test_what_acts_on_one_region_or_names_the_stream_in_its_body_is_not_mapped() -> None:
    text = "\n".join(mappings(FIXED))
    for word in ("PURGE", "MSG.DELETE", "CREATE", "UPDATE", "ACK"):
        assert word not in text


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_mapping_has_a_target_in_each_region(topology: Topology) -> None:
    for source, targets in mappings(topology).items():
        assert [cluster for _, cluster in targets] == list(topology.regions)
        for destination, region in targets:
            token = region if source == "foo.>" else f"foo-read-{region}"
            assert token in destination.split(".")
            assert not re.search("READ|REGION", destination)


def test_publishing_to_the_virtual_stream_lands_in_the_regions_write_stream() -> None:
    topology = FIXED
    streams = render.stream_configs(topology)
    for destination, region in mappings(topology)["foo.>"]:
        assert streams[layout_of(topology).origin(region).key]["subjects"] == [destination]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_server_knows_its_region_its_peers_and_all_gateways(topology: Topology) -> None:
    files = render.files(topology)
    for node in topology.nodes:
        text = files[f"configs/{node.name}.conf"]
        assert f"server_name: {node.name}\n" in text
        assert f'client_advertise: "127.0.0.1:{node.client_port}"' in text
        assert text.count(f"name: {node.region}\n") == 2
        assert text.endswith("include ./mappings.conf\n")
        for peer in topology.nodes:
            assert (f"nats://{peer.host}:6222" in text) == (peer.region == node.region)
            assert f"nats://{peer.host}:7222" in text


def test_server_options_are_written_in_the_servers_notation() -> None:
    topology = Topology(server_options={"debug": True, "trace": False, "max_payload": 8, "ping_interval": "9s"})
    text = render.files(topology)["configs/east-2.conf"]
    assert '\ndebug: true\ntrace: false\nmax_payload: 8\nping_interval: "9s"\n' in text


def reads(topology: Topology) -> Iterator[dict[str, Any]]:
    configs = render.stream_configs(topology)
    return (configs[layout_of(topology).copy(region).key] for region in topology.regions)


def test_in_profile_fixed_the_transform_sits_on_each_source() -> None:
    for config in reads(FIXED):
        assert "subject_transform" not in config
        assert config["sources"] == [
            {"name": f"foo-write-{origin}", "subject_transforms": [{"src": f"foo.{origin}.>", "dest": "foo.>"}]}
            for origin in FIXED.regions
        ]
        assert config["allow_direct"] is config["deny_purge"] is config["deny_delete"] is True
        assert config["max_age"] == 0
        assert "subjects" not in config


def test_in_profile_seed_the_transform_sits_on_the_stream() -> None:
    for config in reads(SEED):
        assert config["subject_transform"] == {"src": "foo.*.>", "dest": "foo.>"}
        assert config["sources"] == [
            {"name": f"foo-write-{origin}", "filter_subject": f"foo.{origin}.>"} for origin in SEED.regions
        ]
        assert config["allow_direct"] is config["deny_purge"] is config["deny_delete"] is False


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_region_has_a_write_and_a_read_stream_of_its_own(topology: Topology) -> None:
    configs = render.stream_configs(topology)
    writes = [layout_of(topology).origin(region).key for region in topology.regions]
    assert list(configs) == writes + [layout_of(topology).copy(region).key for region in topology.regions]
    for name, config in configs.items():
        assert config["name"] == name
        assert config["placement"]["cluster"] == name.rpartition("-")[2]
        assert config["num_replicas"] == topology.replicas
        assert ("sources" in config) != ("subjects" in config)


def test_nine_regions_render() -> None:
    files = render.files(NINE)
    assert len([path for path in files if path.startswith("configs/")]) == 27 + 1
    assert len([path for path in files if path.startswith("streams/")]) == 18
    assert len(compose(NINE)["networks"]) == 9 + 36
