"""All that carries a lab's label on an engine, whether the lab runs or not: counting it, and removing it.

Nothing else is touched. Who keeps something of the lab from being removed is named.
"""

import json
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from lab.docker import client
from lab.docker.client import translated
from lab.docker.labels import LABEL_NAME, LABEL_REGION
from lab.docker.mishaps import IN_USE
from lab.errors import DockerError
from lab.progress import Say, silently

KINDS = {"containers": ("ps", "-a"), "networks": ("network", "ls"), "volumes": ("volume", "ls")}
PATIENCE_S = 10


class Docker(Protocol):
    """What is needed of the engine."""

    def read(self, *arguments: str) -> str:
        """stdout of `docker ARGUMENTS`."""


def labs(engine: Docker) -> dict[str, dict[str, int]]:
    """Name of each lab of which something is there -> how many containers, networks and volumes."""
    found: dict[str, dict[str, int]] = {}
    for kind, command in KINDS.items():
        names = engine.read(
            *command, "--filter", f"label={LABEL_NAME}", "--format", f'{{{{.Label "{LABEL_NAME}"}}}}'
        ).split()
        for name in names:
            found.setdefault(name, dict.fromkeys(KINDS, 0))[kind] += 1
    return dict(sorted(found.items()))


def count(engine: Docker, lab: str) -> dict[str, int]:
    """How many containers, networks and volumes a lab has."""
    return {kind: len(ids) for kind, ids in _ids(engine, lab).items()}


def remove(engine: Docker, lab: str, volumes: bool, say: Say = silently) -> dict[str, int]:
    """Remove a lab; returns how many of each kind. Raises `DockerError`, before anything is removed when a container
    that is not the lab's is on one of its networks.

    Tried anew for some seconds: a busy engine lets go of a network only a moment after its containers are gone.
    """
    left = owned = _ids(engine, lab)
    deadline: float | None = None
    while True:
        try:
            guests = _guests(engine, left["networks"], {*owned["containers"], *left["containers"]})
            if not guests:
                _remove(left, volumes, silently if deadline else say)
                return {kind: len(ids) for kind, ids in owned.items() if volumes or kind != "volumes"}
        except DockerError as error:
            deadline = deadline or time.monotonic() + PATIENCE_S
            if time.monotonic() > deadline:
                left = _ids(engine, lab)
                if IN_USE in error.message and left["networks"] and not left["containers"]:
                    raise _kept(engine, left["networks"]) from error
                raise
        else:
            raise _in_use(*guests[0])
        time.sleep(0.5)
        left = _ids(engine, lab)


def _ids(engine: Docker, lab: str) -> dict[str, dict[str, str]]:
    """Of each kind, what the lab has, and of which region it is ("" of none)."""
    found = {}
    for kind, command in KINDS.items():
        identity, *whole = ("Name",) if kind == "volumes" else ("ID", "--no-trunc")
        form = f'{{{{.{identity}}}}} {{{{.Label "{LABEL_REGION}"}}}}'
        lines = engine.read(*command, *whole, "--filter", f"label={LABEL_NAME}={lab}", "--format", form).splitlines()
        found[kind] = {name: region for name, _, region in (line.partition(" ") for line in lines)}
    return found


def _guests(engine: Docker, networks: Collection[str], own: Collection[str]) -> list[tuple[str, str]]:
    """(network, container) for each container on these networks that is none of the lab's own. What Docker keeps of an
    endpoint whose container is gone (`ep-…`) is nobody."""
    found = json.loads(engine.read("network", "inspect", *networks)) if networks else []
    return [
        (network["Name"], container["Name"])
        for network in found
        for identity, container in (network["Containers"] or {}).items()
        if identity not in own and not identity.startswith("ep-")
    ]


def _kept(engine: Docker, networks: Collection[str]) -> DockerError:
    """Nothing is on them any more; Docker 20.10 does that on a machine that is very busy."""
    names = ", ".join(f"`{network['Name']}`" for network in json.loads(engine.read("network", "inspect", *networks)))
    return DockerError(
        f"Docker does not remove {names}, although no container is left on it",
        "it has lost count of its endpoints: restart Docker, and repeat `lab down`",
    )


def _in_use(network: str, container: str) -> DockerError:
    return DockerError(
        f"the network `{network}` is in use by the container `{container}`, which is not the lab's",
        f"`docker network disconnect {network} {container}`, and repeat",
    )


def _remove(owned: Mapping[str, Mapping[str, str]], volumes: bool, say: Say) -> None:
    with translated("remove"):
        docker = client.docker()

        def containers(of: str) -> None:
            for identity, region in owned["containers"].items():
                if region == of:
                    docker.container.remove(identity, force=True, volumes=volumes)

        # One at a time of each region, so that no more than two leave a network at once: with more, an engine may lose
        # count of the network's endpoints and keep it until it is restarted. On a busy machine 20.10 did that in 2 of
        # 33 tries with twelve at once, and not once in nine minutes of tries with two.
        if owned["containers"]:
            say(f"removing {len(owned['containers'])} containers")
            regions = {*owned["containers"].values()}
            with ThreadPoolExecutor(len(regions)) as pool:
                list(pool.map(containers, regions))
        # The networks last: an engine may refuse to let go of one, and then no more is left than that.
        if owned["volumes"] and volumes:
            say(f"removing {len(owned['volumes'])} volumes")
            docker.volume.remove([*owned["volumes"]])
        if owned["networks"]:
            say(f"removing {len(owned['networks'])} networks")
            docker.network.remove([*owned["networks"]])
