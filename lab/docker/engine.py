"""Docker: the only module that talks to the engine, through python-on-whales and the `docker` command it wraps.

It knows containers, networks, volumes and images by their labels, never by name pattern, and nothing of NATS. What is
read (`observe`) comes from two `docker` processes for the whole lab; python-on-whales, which takes 0.4 s to import, is
loaded when something is to be changed. Every mishap leaves here as a `DockerError`.
"""

import gc
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.docker.labels import LABEL_NAME, LABEL_NODE, LABEL_TOPOLOGY
from lab.docker.observation import Container, Observation
from lab.errors import DockerError, NotRunning
from lab.topology import Topology

if TYPE_CHECKING:
    from python_on_whales import DockerClient

COMPOSE_MINIMUM = (2, 20)
ENGINE_MINIMUM = (20, 10)
READ_TIMEOUT_S = 30
REMOVE_TIMEOUT_S = 10
_ENVIRONMENT = threading.Lock()  # Compose takes the image from it, and labs come up side by side


def numbers(version: str) -> tuple[int, ...]:
    """Major and minor of a version, to compare; () for one that has no figures."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


@dataclass(frozen=True)
class Versions:
    client: str
    engine: str
    api: str
    compose: str
    architecture: str
    system: str


class Engine:
    """One Docker engine, the one that the `docker` command talks to (context, DOCKER_HOST)."""

    # --- reading ---

    def read(self, *arguments: str, keeps_lock: bool = False) -> str:
        """stdout of `docker ARGUMENTS`. With `keeps_lock` the process inherits the lab's lock: when the command is
        killed, the next one on this lab waits until what is under way has been done."""
        if shutil.which("docker") is None:
            raise DockerError(
                "the `docker` command was not found", "`make lab-up` installs what is missing, `lab doctor` tells"
            )
        try:
            done = subprocess.run(
                ["docker", *arguments],
                capture_output=True,
                text=True,
                timeout=READ_TIMEOUT_S,
                check=False,
                close_fds=not keeps_lock,
            )
        except subprocess.TimeoutExpired as error:
            raise DockerError(
                f"Docker did not answer within {READ_TIMEOUT_S} s", "is the engine overloaded?"
            ) from error
        if done.returncode != 0:
            raise explain(done.stderr, " ".join(arguments[:3]))
        return done.stdout

    def labs(self) -> dict[str, int]:
        """Name of each lab on this engine -> number of its containers."""
        names = self.read(
            "ps", "-a", "--filter", f"label={LABEL_NODE}", "--format", f'{{{{.Label "{LABEL_NAME}"}}}}'
        ).split()
        return {name: names.count(name) for name in sorted(set(names))}

    def observe(self, lab: str) -> Observation:
        """What exists of the lab. Raises `NotRunning` when nothing does."""
        ids = self.read(
            "ps", "-aq", "--no-trunc", "--filter", f"label={LABEL_NAME}={lab}", "--filter", f"label={LABEL_NODE}"
        )
        if not ids:
            others = ", ".join(f"`{name}`" for name in self.labs())
            raise NotRunning(
                f"the lab `{lab}` is not running",
                "`lab up` starts it" + (f"; running labs: {others} (see `--name`)" if others else ""),
            )
        return self._inspect(ids.split())

    def again(self, before: Observation) -> Observation:
        """The same lab a moment later: one `docker` process where `observe` needs two."""
        try:
            return self._inspect([container.name for container in before.containers.values()])
        except DockerError:  # one has vanished
            return self.observe(before.topology.name)

    def _inspect(self, containers: list[str]) -> Observation:
        raw = json.loads(self.read("inspect", "--type", "container", *containers))
        topology = Topology.from_label(raw[0]["Config"]["Labels"][LABEL_TOPOLOGY])
        return Observation(topology, {c.node: c for c in (_container(topology, item) for item in raw)})

    def networks(self) -> list[tuple[str, str, tuple[IPv4Network, ...]]]:
        """(name, lab or "", IPv4 subnets) of every network of the engine."""
        found = []
        for item in self._inspected_networks():
            subnets = (config.get("Subnet", "") for config in item["IPAM"]["Config"] or [])
            ipv4 = tuple(IPv4Network(subnet, strict=False) for subnet in subnets if "." in subnet)
            found.append((item["Name"], (item["Labels"] or {}).get(LABEL_NAME, ""), ipv4))
        return found

    def _inspected_networks(self, attempts: int = 10) -> list[dict[str, Any]]:
        """Other labs come and go: a network may be gone between the list and the look at it."""
        while True:
            ids = self.read("network", "ls", "-q").split()
            try:
                found: list[dict[str, Any]] = json.loads(self.read("network", "inspect", *ids)) if ids else []
                return found
            except DockerError as error:
                attempts -= 1
                if "not found" not in error.message.lower() or not attempts:
                    raise

    def published_ports(self) -> dict[int, str]:
        """Host port -> name of the container that publishes it."""
        rows = self.read("ps", "--format", "{{.Names}}\t{{.Ports}}").splitlines()
        return {
            port: name
            for name, _, ports in (row.partition("\t") for row in rows)
            for first, last in re.findall(r":(\d+)(?:-(\d+))?->", ports)
            for port in range(int(first), int(last or first) + 1)
        }

    def versions(self) -> Versions:
        raw = json.loads(self.read("version", "--format", "{{json .}}"))
        server = raw["Server"]
        return Versions(
            client=raw["Client"]["Version"],
            engine=server["Version"],
            api=server["ApiVersion"],
            compose=self.compose_version(),
            architecture=server["Arch"],
            system=server["Os"],
        )

    def compose_version(self) -> str:
        """The Compose plugin's version, "" when there is none."""
        try:
            return self.read("compose", "version", "--short").strip().removeprefix("v")
        except DockerError:
            return ""

    def logs_command(self, container: str, follow: bool, tail: int | None) -> list[str]:
        command = ["docker", "logs", "--timestamps"]
        if follow:
            command.append("--follow")
        if tail is not None:
            command += ["--tail", str(tail)]
        return [*command, container]

    def log_tail(self, container: str, lines: int = 8) -> str:
        done = subprocess.run(
            ["docker", "logs", "--tail", str(lines), container],
            capture_output=True,
            text=True,
            timeout=READ_TIMEOUT_S,
            check=False,
        )
        return (done.stdout + done.stderr).strip()

    # --- changing; python-on-whales from here on ---

    def preload(self) -> None:
        """Load python-on-whales beside other work; whoever needs it first waits for the rest."""
        threading.Thread(target=_load_whales, daemon=True).start()

    @cached_property
    def client(self) -> "DockerClient":
        _load_whales()
        from python_on_whales import DockerClient

        return DockerClient()

    def compose_up(self, compose_file: Path, image: str) -> None:
        """Create and start what is missing; never recreate a node (Compose would, for one that a fault detached).

        https://github.com/docker/compose `pkg/compose/reconcile.go`, `mustRecreate`.
        """
        self._compose(compose_file, image, recreate=False)

    def replace(self, compose_file: Path, image: str, node: str) -> None:
        """Stop one node and put a container of another image in its place: same volume, networks, ports and labels."""
        self._compose(compose_file, image, services=[node], force_recreate=True, dependencies=False)

    def _compose(self, compose_file: Path, image: str, **options: Any) -> None:
        _load_whales()
        from python_on_whales import DockerClient

        with _ENVIRONMENT:
            environment_before = os.environ.get("LAB_IMAGE")
            os.environ["LAB_IMAGE"] = image
            try:
                with _translated("compose up"):
                    DockerClient(compose_files=[compose_file]).compose.up(
                        detach=True, quiet=True, pull="never", remove_orphans=False, **options
                    )
            finally:
                if environment_before is None:
                    del os.environ["LAB_IMAGE"]
                else:
                    os.environ["LAB_IMAGE"] = environment_before

    def remove(self, lab: str, volumes: bool) -> dict[str, int]:
        """Remove what carries the lab's label and nothing else; returns how many of each kind.

        Tried anew for some seconds: a busy engine lets go of a network only a moment after its containers are gone.
        """
        owned = self._owned(lab)
        left, deadline = owned, time.monotonic() + REMOVE_TIMEOUT_S
        while True:
            try:
                self._remove(left, volumes)
                return {kind: len(ids) for kind, ids in owned.items() if volumes or kind != "volumes"}
            except DockerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
                left = self._owned(lab)

    def _remove(self, owned: dict[str, list[str]], volumes: bool) -> None:
        with _translated("remove"):
            if owned["containers"]:
                self.client.container.remove(owned["containers"], force=True, volumes=volumes)
            if owned["networks"]:
                self.client.network.remove([*owned["networks"]])
            if volumes and owned["volumes"]:
                self.client.volume.remove([*owned["volumes"]])

    def count(self, lab: str) -> dict[str, int]:
        """How many containers, networks and volumes carry the lab's label."""
        return {kind: len(ids) for kind, ids in self._owned(lab).items()}

    def _owned(self, lab: str) -> dict[str, list[str]]:
        label = f"label={LABEL_NAME}={lab}"
        return {
            "containers": self.read("ps", "-aq", "--filter", label).split(),
            "networks": self.read("network", "ls", "-q", "--filter", label).split(),
            "volumes": self.read("volume", "ls", "-q", "--filter", label).split(),
        }

    def stop(self, container: str) -> None:
        with _translated("stop"):
            self.client.container.stop(container)

    def kill(self, container: str) -> None:
        with _translated("kill"):
            self.client.container.kill(container)

    def start(self, container: str) -> None:
        with _translated("start"):
            self.client.container.start(container)

    def pause(self, container: str) -> None:
        with _translated("pause"):
            self.client.container.pause(container)

    def unpause(self, container: str) -> None:
        with _translated("unpause"):
            self.client.container.unpause(container)

    def detach(self, container: str, network: str) -> None:
        """By a process of its own: the same command as python-on-whales', whose import would take as long as the rest
        of a partition (docs/decisions/0003-one-instant.md)."""
        try:
            self.read("network", "disconnect", network, container, keeps_lock=True)
        except DockerError as error:
            if "is not connected" not in error.message:
                raise

    def attach(self, container: str, network: str, address: str) -> None:
        """Join with the fixed address; another one would leave peers talking to a node that is no longer there."""
        with _translated("network connect", but="already exists in network"):
            self.client.network.connect(network, container, ip=address)

    # --- images ---

    def image_exists(self, image: str) -> bool:
        try:
            return bool(self.read("image", "inspect", "--format", "{{.Id}}", image))
        except DockerError as error:
            if "no such image" in error.message.lower():
                return False
            raise

    def pull(self, image: str) -> None:
        with _translated("pull"):
            self.client.image.pull(image, quiet=True)

    def architecture(self) -> str:
        return self.read("version", "--format", "{{.Server.Arch}}").strip()

    def import_image(self, image: str, tar: bytes, changes: list[str]) -> None:
        arguments = [argument for change in changes for argument in ("--change", change)]
        done = subprocess.run(["docker", "import", *arguments, "-", image], input=tar, capture_output=True, check=False)
        if done.returncode != 0:
            raise explain(done.stderr.decode(), "import")

    def start_probe(self, lab: str, image: str) -> "subprocess.Popen[bytes]":
        """Start the network probe; it waits for its plan on stdin, and inherits the lab's lock until it has ended.

        It works in other namespaces than its own; with a network of its own it would start 0.08 s later. Its label is
        not `lab.name`: it is no part of the lab, and may end a moment after the command.
        """
        command = ["docker", "run", "--rm", "--interactive", "--pull", "never", "--label", f"lab.probe={lab}"]
        command += ["--network", "host", "--pid", "host", "--read-only", "--security-opt", "apparmor=unconfined"]
        command += ["--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE"]
        return subprocess.Popen(
            [*command, image],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            close_fds=False,
        )


def _container(topology: Topology, raw: dict[str, Any]) -> Container:
    prefix = topology.network("")
    networks: dict[str, Any] = raw["NetworkSettings"]["Networks"]
    return Container(
        node=raw["Config"]["Labels"][LABEL_NODE],
        name=raw["Name"].removeprefix("/"),
        state=raw["State"]["Status"],
        exit_code=raw["State"]["ExitCode"],
        out_of_memory=raw["State"]["OOMKilled"],
        pid=raw["State"]["Pid"],
        image=raw["Config"]["Image"],
        started_at=raw["State"]["StartedAt"],
        addresses={
            name.removeprefix(prefix): (settings.get("IPAMConfig") or {}).get("IPv4Address") or settings["IPAddress"]
            for name, settings in networks.items()
            if name.startswith(prefix)
        },
    )


_loading = threading.Lock()


def _load_whales() -> None:
    """One thread at a time: its modules import each other, which two threads that enter at different ends cannot do."""
    with _loading:
        gc.disable()  # a third of the import's time
        import python_on_whales  # noqa: F401

        gc.enable()


@contextmanager
def _translated(doing: str, but: str = "") -> Iterator[None]:
    """python-on-whales' errors as `DockerError`; an error that says `but` means that it was so already."""
    _load_whales()
    from python_on_whales.client_config import ClientNotFoundError
    from python_on_whales.exceptions import DockerException

    try:
        yield
    except ClientNotFoundError as error:
        raise DockerError("the `docker` command was not found", "`lab doctor` tells what is missing") from error
    except DockerException as error:
        text = error.stderr or str(error)
        if not but or but not in text:
            raise explain(text, doing) from error


def explain(stderr: str, doing: str) -> DockerError:
    """What Docker wrote to stderr as a sentence and a hint."""
    text = stderr.strip()
    low = text.lower()
    if "permission denied" in low and "docker" in low:
        return DockerError(
            "this user may not talk to Docker: permission denied on its socket",
            "run as root, or join the group `docker`",
        )
    if (
        "cannot connect to the docker daemon" in low
        or "is the docker daemon running" in low
        or "error during connect" in low
    ):
        return DockerError(
            "no Docker engine answers", "start Docker (`make lab-up` does it where it can); `lab doctor` tells more"
        )
    if "'compose' is not a docker command" in low or "unknown shorthand flag: 'f' in -f" in low:
        return DockerError("the Docker Compose plugin is missing", "`make lab-up` installs it; `lab doctor` tells more")
    if "no space left on device" in low:
        return DockerError("the disk is full", "`docker system df` shows what takes the room")
    if "has active endpoints" in low:
        return DockerError(
            f"`docker {doing}` failed: a network is still in use",
            "is a container of somebody else attached to it? If there is none, the engine lost count: restart Docker",
        )
    taken = re.search(
        r"bind for (\S+) failed: port is already allocated|listen tcp4? (\S+): bind: address already in use", low
    )
    if taken:
        return DockerError(
            f"port {taken[1] or taken[2]} is taken", "`lab doctor` says by whom; `--name` gives a lab ports of its own"
        )
    if "pool overlaps with other one on this address space" in low:
        return DockerError(
            "a subnet of the lab overlaps with a network that exists",
            "set `subnet_pool` in lab.yaml; `lab doctor` names both",
        )
    lines = [line for line in text.splitlines() if not line.startswith("exit status")]  # some commands end with that
    last = lines[-1] if lines else "no output"
    return DockerError(f"`docker {doing}` failed: {last.removeprefix('Error response from daemon: ')}")
