"""Labs side by side in one process: each with the image that it was asked for, none waiting for the other."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from labs import ROOT, docker

from lab import files, lock
from lab.docker import images, owned
from lab.docker.engine import Engine
from lab.netprobe.session import Probe, make_image
from lab.topology import Topology
from lab.up import bring_up

TOPOLOGIES = tuple(
    Topology(name=f"test-{name}", regions=("west", "east"), nodes_per_region=1, replicas=1)
    for name in ("pair-1", "pair-2")
)
OTHER = "nats-region-lab/test-other-name:1"


class Together(Engine):
    """Compose is asked for all labs at the same moment, however long each took to get there."""

    def __init__(self, everybody: threading.Barrier) -> None:
        self.everybody = everybody

    def compose_up(self, compose_file: Path, image: str) -> None:
        self.everybody.wait(60)
        super().compose_up(compose_file, image)


@pytest.fixture
def names() -> Iterator[tuple[str, str]]:
    """Two names of images: the one that a lab runs by default, and another one of the same."""
    usual = images.prepare(Engine(), TOPOLOGIES[0].nats, None, print).name
    docker("tag", usual, OTHER)
    try:
        yield usual, OTHER
    finally:
        for topology in TOPOLOGIES:
            owned.remove(Engine(), topology.name, volumes=True)
        docker("rmi", OTHER)


def made(lab: str, since: float) -> tuple[int, int]:
    """When Docker made the first container of a lab and started the last, in nanoseconds since 1970."""
    filters = [f"--filter={it}" for it in ("type=container", f"label=lab.name={lab}", "event=create", "event=start")]
    span = ["--since", f"{since:.9f}", "--until", f"{time.time():.9f}"]
    events = docker("events", *span, *filters, "--format", "{{json .}}").splitlines()
    times = [json.loads(event)["timeNano"] for event in events]
    return min(times), max(times)


def running(topology: Topology) -> dict[str, tuple[str, str]]:
    """Node -> its container's image and when it started."""
    containers = Engine().observe(topology.name).containers
    return {node: (container.image, container.started_at) for node, container in containers.items()}


def test_two_labs_of_one_process_come_up_side_by_side_each_with_its_own_image(
    names: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_IMAGE", "no-such-image:1")  # what a caller's environment says is not what was asked for
    engine, since = Together(threading.Barrier(len(TOPOLOGIES))), time.time()

    def up(topology: Topology, image: str) -> None:
        asyncio.run(bring_up(engine, topology, ROOT, topology.nats, image, 90, False, print))

    with ThreadPoolExecutor(len(TOPOLOGIES)) as pool:
        list(pool.map(up, TOPOLOGIES, names))
    (began, ended), (began_too, ended_too) = (made(topology.name, since) for topology in TOPOLOGIES)
    assert max(began, began_too) < min(ended, ended_too), "one lab waited for the other"
    for topology, name in zip(TOPOLOGIES, names, strict=True):
        assert {image for image, _ in running(topology).values()} == {name}


def test_a_replaced_node_stays_as_it_is_when_the_lab_is_brought_up_again(names: tuple[str, str]) -> None:
    topology, (usual, other), engine = TOPOLOGIES[0], names, Engine()
    files.write(topology, ROOT)
    file = files.compose_path(topology, ROOT)
    engine.compose_up(file, usual)
    engine.replace(file, other, "west-1")
    before = running(topology)
    assert {node: image for node, (image, _) in before.items()} == {"west-1": other, "east-1": usual}
    for image in names:
        engine.compose_up(file, image)
        assert running(topology) == before


def test_an_image_that_was_written_into_the_compose_file_is_obeyed(names: tuple[str, str]) -> None:
    topology, (usual, other) = TOPOLOGIES[0], names
    files.write(topology, ROOT)
    file = files.compose_path(topology, ROOT)
    rendered = file.read_text()
    file.write_text(rendered.replace("  east-1:\n    <<: *node\n", f"  east-1:\n    <<: *node\n    image: {other}\n"))
    try:
        Engine().compose_up(file, usual)
        assert {node: image for node, (image, _) in running(topology).items()} == {"west-1": usual, "east-1": other}
    finally:
        file.write_text(rendered)


def test_a_log_is_followed_until_it_is_closed_and_read_since_a_moment(names: tuple[str, str]) -> None:
    topology, engine = TOPOLOGIES[0], Engine()
    files.write(topology, ROOT)
    engine.compose_up(files.compose_path(topology, ROOT), names[0])
    container = topology.container("west-1")
    lines: list[str] = []
    with engine.logs(container, follow=True) as log:

        def read() -> None:
            lines.extend(log)

        reader = threading.Thread(target=read)
        reader.start()
        deadline = time.monotonic() + 20
        while not any("Server is ready" in line for line in lines) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert reader.is_alive(), "it goes on"
    reader.join(10)
    assert not reader.is_alive(), "closing ends it"
    assert any("Server is ready" in line for line in lines)
    assert "Server is ready" in engine.log_since(container, time.time() - 60)
    assert engine.log_since(container, time.time() + 60) == ""
    assert engine.log_tail(container, 1) in engine.log_since(container, 0)


def test_the_probe_of_a_lab_keeps_its_lock_and_no_other() -> None:
    first, second = (topology.name for topology in TOPOLOGIES)
    make_image(Engine())
    with lock.opened(first) as held, lock.opened(second) as other:
        assert lock.taken(held)
        assert lock.taken(other)
        probe = Probe(Engine().holding(held), first)
    with lock.opened(first) as again, lock.opened(second) as free:
        assert lock.taken(free), "another lab's work goes on in the same process"
        assert not lock.taken(again), "as when the command was killed: its probe is still at work"
        probe.close()
        lock.take(first, again, print)
