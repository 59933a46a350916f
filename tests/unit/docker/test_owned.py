"""What carries a lab's label: counted whether it runs or not, and removed unless somebody else uses it."""

import json
import time
from collections.abc import Iterable
from types import SimpleNamespace

import pytest

from lab.docker import client, owned
from lab.docker.engine import Engine
from lab.errors import DockerError
from lab.progress import Say


class Listed(Engine):
    """An engine with these labels on its containers, networks and volumes, and these containers on a network."""

    def __init__(self, labels: Iterable[tuple[str, str]] = (), on_network: dict[str, object] | None = None) -> None:
        self.labels = list(labels)
        self.on_network = on_network or {}

    def read(self, *arguments: str, keeps: tuple[int, ...] = ()) -> str:
        if arguments[:2] == ("network", "inspect"):
            return json.dumps([{"Name": "any-west", "Containers": self.on_network}])
        kind = {"ps": "containers", "network": "networks", "volume": "volumes"}[arguments[0]]
        return "\n".join(lab for of, lab in self.labels if of == kind)


def test_a_lab_of_which_only_networks_or_volumes_are_left_is_listed() -> None:
    engine = Listed([("containers", "one"), ("networks", "one"), ("volumes", "two"), ("volumes", "two")])
    assert owned.labs(engine) == {
        "one": {"containers": 1, "networks": 1, "volumes": 0},
        "two": {"containers": 0, "networks": 0, "volumes": 2},
    }


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, list[str]]]:
    """What was to be removed, each time; the first time the engine refuses after it has removed the containers."""
    there = {"containers": {"c": "west"}, "networks": {"n": "west"}, "volumes": {"v": ""}}
    tries: list[dict[str, list[str]]] = []

    def remove(owned: dict[str, dict[str, str]], volumes: bool, say: Say) -> None:
        tries.append({kind: [*ids] for kind, ids in owned.items()})
        if len(tries) == 1:
            there["containers"] = {}
            raise DockerError("`docker remove` failed: network n has active endpoints")

    monkeypatch.setattr(owned, "_ids", lambda *_: dict(there))
    monkeypatch.setattr(owned, "_remove", remove)
    return tries


@pytest.mark.parametrize("identity", ["c", "ep-c"])
def test_what_the_engine_holds_for_a_moment_is_removed_anew(tries: list[dict[str, list[str]]], identity: str) -> None:
    engine = Listed(on_network={identity: {"Name": "any-west-1"}})
    assert owned.remove(engine, "any", volumes=True) == {"containers": 1, "networks": 1, "volumes": 1}
    assert [one["containers"] for one in tries] == [["c"], []]


def test_a_network_that_docker_has_lost_count_of_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def remove(*_: object) -> None:
        raise DockerError("`docker remove` failed: a network is still in use")

    monkeypatch.setattr(owned, "_ids", lambda *_: {"containers": {}, "networks": {"n": "west"}, "volumes": {}})
    monkeypatch.setattr(owned, "_remove", remove)
    monkeypatch.setattr(owned, "PATIENCE_S", 0.1)
    with pytest.raises(DockerError, match="does not remove `any-west`, although no container is left on it") as caught:
        owned.remove(Listed(), "any", volumes=True)
    assert "restart Docker" in caught.value.hint


def test_who_else_is_on_a_network_is_named_before_anything_is_removed(tries: list[dict[str, list[str]]]) -> None:
    engine = Listed(on_network={"c": {"Name": "any-west-1"}, "d": {"Name": "somebody-else"}})
    with pytest.raises(DockerError, match="`any-west` is in use by the container `somebody-else`") as caught:
        owned.remove(engine, "any", volumes=True)
    assert "docker network disconnect any-west somebody-else" in caught.value.hint
    assert not tries


def test_of_each_region_one_container_goes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {node: node[0] for node in ("w1", "w2", "c1", "w3", "c2", "e1")}
    going, at_once = set[str](), set[str]()

    class Removing:
        def remove(self, node: str, **_: object) -> None:
            going.add(node)
            time.sleep(0.05)
            at_once.add("".join(sorted(each[0] for each in going)))
            going.discard(node)
            del there[node]

    monkeypatch.setattr(client, "docker", lambda: SimpleNamespace(container=Removing()))
    monkeypatch.setattr(owned, "_ids", lambda *_: {"containers": dict(there), "networks": {}, "volumes": {}})
    assert owned.remove(Listed(), "any", volumes=True)["containers"] == 6
    assert not there
    assert {len(regions) - len(set(regions)) for regions in at_once} == {0}
    assert "cew" in at_once
