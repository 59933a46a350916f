"""Docker: all that the lab asks of the engine and has it do; no other folder runs `docker`.

It knows containers, networks, volumes and images by their labels, never by name pattern, and nothing of NATS. What is
read (`observe`) comes from two `docker` processes for the whole lab; python-on-whales (`client.py`), which takes 0.4 s
to import, is loaded when something is to be changed. Every mishap leaves here as a `DockerError`.
"""

import copy
import json
import re
import subprocess
import time
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Self, TextIO, TypeVar

from lab.docker import client, owned
from lab.docker.client import translated
from lab.docker.events import Event, parsed
from lab.docker.labels import LABEL_NAME, LABEL_NODE
from lab.docker.logs import Logs, docker_command
from lab.docker.mishaps import DISK_FULL, explain
from lab.docker.observation import Observation, inspected
from lab.docker.ports import PATIENCE_S, becomes_free
from lab.docker.versions import Machine, Versions
from lab.errors import DockerError, NotRunning, PortTaken

T = TypeVar("T")
READ_TIMEOUT_S = 60
IMAGE_TIMEOUT_S = 300  # to write one to a file, or read it


class Engine:
    """One Docker engine, the one that the `docker` command talks to (context, DOCKER_HOST)."""

    _lock: tuple[int, ...] = ()
    _patience_s: float = READ_TIMEOUT_S

    def within(self, seconds: float) -> Self:
        """The same engine, given up when it does not answer a question within so many seconds."""
        engine = copy.copy(self)
        engine._patience_s = seconds
        return engine

    def holding(self, lock: TextIO) -> Self:
        """The same engine, whose `detach` and `start_probe` hand a lab's lock on to the processes that they start. So
        when this process is killed, the next command on the lab waits until what is under way has been done."""
        engine = copy.copy(self)
        engine._lock = (lock.fileno(),)
        return engine

    # --- reading ---

    def read(self, *arguments: str, keeps: tuple[int, ...] = ()) -> str:
        """stdout of `docker ARGUMENTS`; the process inherits the open files that it `keeps`."""
        try:
            done = subprocess.run(
                docker_command(*arguments),
                capture_output=True,
                text=True,
                timeout=self._patience_s,
                check=False,
                pass_fds=keeps,
                process_group=0,  # Ctrl-C is for this process, which may have to undo what it began
            )
        except subprocess.TimeoutExpired as error:
            raise _no_answer(self._patience_s) from error
        if done.returncode != 0:
            raise explain(done.stderr, " ".join(arguments[:3]))
        return done.stdout

    def observe(self, lab: str) -> Observation:
        """What exists of the lab. Raises `NotRunning` when nothing does."""

        def look() -> Observation | None:
            ids = self.read(
                "ps", "-aq", "--no-trunc", "--filter", f"label={LABEL_NAME}={lab}", "--filter", f"label={LABEL_NODE}"
            )
            return self._inspect(ids.split()) if ids else None

        found = _anew(look, "no such container")  # it may just be removed
        if found:
            return found
        others = ", ".join(f"`{name}`" for name, has in owned.labs(self).items() if has["containers"])
        raise NotRunning(
            f"the lab `{lab}` is not running",
            "`lab up` starts it" + (f"; running labs: {others} (see `--name`)" if others else ""),
        )

    def again(self, before: Observation) -> Observation:
        """The same lab a moment later: one `docker` process where `observe` needs two."""
        try:
            return self._inspect([container.name for container in before.containers.values()])
        except DockerError:  # one has vanished
            return self.observe(before.topology.name)

    def _inspect(self, containers: list[str]) -> Observation:
        return inspected(json.loads(self.read("inspect", "--type", "container", *containers)))

    def networks(self) -> list[tuple[str, str, tuple[IPv4Network, ...]]]:
        """(name, lab or "", IPv4 subnets) of every network of the engine."""
        found = []
        for item in self._inspected_networks():
            subnets = (config.get("Subnet", "") for config in item["IPAM"]["Config"] or [])
            ipv4 = tuple(IPv4Network(subnet, strict=False) for subnet in subnets if "." in subnet)
            found.append((item["Name"], (item["Labels"] or {}).get(LABEL_NAME, ""), ipv4))
        return found

    def _inspected_networks(self) -> list[dict[str, Any]]:
        """Other labs come and go: a network may be gone between the list and the look at it."""

        def look() -> list[dict[str, Any]]:
            ids = self.read("network", "ls", "-q").split()
            found: list[dict[str, Any]] = json.loads(self.read("network", "inspect", *ids)) if ids else []
            return found

        return _anew(look, "not found")

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
            podman=any("podman" in part["Name"].lower() for part in server.get("Components") or ()),
            machine=self.machine(),
        )

    def machine(self) -> Machine:
        processors, _, security = self.read("info", "--format", "{{.NCPU}} {{json .SecurityOptions}}").partition(" ")
        return Machine("name=rootless" in security, int(processors))

    def compose_version(self) -> str:
        """The Compose plugin's version, "" when there is none."""
        try:
            return self.read("compose", "version", "--short").strip().removeprefix("v")
        except DockerError:
            return ""

    def logs(self, container: str, follow: bool = False, tail: int | None = None, since: int | None = None) -> Logs:
        """A container's log, each line after its time: the last `tail` lines, those `since` a moment in ns since 1970,
        or all; and what comes with `follow`."""
        options = ["--follow"] * follow + ([] if tail is None else ["--tail", str(tail)])
        options += [] if since is None else [f"--since={since // 10**9}.{since % 10**9:09d}"]
        return Logs("logs", "--timestamps", *options, container)

    def log_since(self, container: str, began: float) -> str:
        """The whole log since `began`, in seconds since 1970; each line after its time."""
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began))
        return self._log("--timestamps", "--since", since, container)

    def log_tail(self, container: str, lines: int = 8) -> str:
        """The last lines of a container's log, without times."""
        return self._log("--tail", str(lines), container).strip()

    def _log(self, *arguments: str) -> str:
        """stdout and stderr as they came."""
        try:
            done = subprocess.run(
                docker_command("logs", *arguments),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=READ_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _no_answer(READ_TIMEOUT_S) from error
        return done.stdout

    def events(self, lab: str, since: int, until: int) -> list[Event]:
        """What happened to a lab's nodes between two moments in ns since 1970; the engine keeps its last 256 events."""
        times = [f"--{name}={ns // 10**9}.{ns % 10**9:09d}" for name, ns in (("since", since), ("until", until))]
        filters = [
            f"--filter={text}" for text in ("type=container", f"label={LABEL_NAME}={lab}", f"label={LABEL_NODE}")
        ]
        return parsed(self.read("events", *times, *filters, "--format", "{{json .}}").splitlines())

    # --- changing; python-on-whales from here on ---

    def compose_up(self, compose_file: Path, image: str) -> None:
        """Create and start what is missing; never recreate a node (Compose would, for one that a fault detached).

        https://github.com/docker/compose `pkg/compose/reconcile.go`, `mustRecreate`.
        """
        self._compose(compose_file, image, recreate=False)

    def replace(self, compose_file: Path, image: str, node: str) -> None:
        """Stop one node and put a container of another image in its place: same volume, networks, ports and labels."""
        self._compose(compose_file, image, services=[node], force_recreate=True, dependencies=False)

    def _compose(self, compose_file: Path, image: str, **options: Any) -> None:
        with translated("compose up"):
            client.compose(compose_file, image).compose.up(
                detach=True, quiet=True, pull="never", remove_orphans=False, **options
            )

    def stop(self, container: str) -> None:
        with translated("stop"):
            client.docker().container.stop(container)

    def kill(self, container: str) -> None:
        with translated("kill"):
            client.docker().container.kill(container)

    def start(self, container: str) -> None:
        """A port of the node that an outgoing connection took while the node was down is waited for."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with translated("start"):
                    client.docker().container.start(container)
                return
            except PortTaken as error:
                if time.monotonic() > deadline or not becomes_free(error.port, deadline - time.monotonic()):
                    raise

    def pause(self, container: str) -> None:
        with translated("pause"):
            client.docker().container.pause(container)

    def unpause(self, container: str) -> None:
        with translated("unpause"):
            client.docker().container.unpause(container)

    def detach(self, container: str, network: str) -> None:
        """By a process of its own: the same command as python-on-whales', whose import would take as long as the rest
        of a partition (docs/decisions/0003-one-instant.md)."""
        try:
            self.read("network", "disconnect", network, container, keeps=self._lock)
        except DockerError as error:
            if "is not connected" not in error.message:
                raise

    def attach(self, container: str, network: str, address: str) -> None:
        """Join with the fixed address; another one would leave peers talking to a node that is no longer there."""
        with translated("network connect", but="already exists in network"):
            client.docker().network.connect(network, container, ip=address)

    # --- images ---

    def image_exists(self, image: str) -> bool:
        try:
            return bool(self.read("image", "inspect", "--format", "{{.Id}}", image))
        except DockerError as error:
            if "no such image" in error.message.lower():
                return False
            raise

    def pull(self, image: str) -> None:
        with translated("pull"):
            client.docker().image.pull(image, quiet=True)

    def architecture(self) -> str:
        return self.read("version", "--format", "{{.Server.Arch}}").strip()

    def import_image(self, image: str, tar: bytes, changes: list[str]) -> None:
        arguments = [argument for change in changes for argument in ("--change", change)]
        command = docker_command("import", *arguments, "-", image)
        done = subprocess.run(command, input=tar, capture_output=True, check=False)
        if done.returncode != 0:
            raise explain(done.stderr.decode(), "import")

    def save_image(self, image: str, path: Path) -> None:
        try:
            self.within(IMAGE_TIMEOUT_S).read("image", "save", "--output", str(path), image)
        except DockerError as error:
            if error.message == DISK_FULL:  # which is where the file should be, and not Docker's
                raise DockerError(f"`{path}` cannot be written: {error.message}") from error
            raise

    def load_image(self, path: Path) -> None:
        try:
            self.within(IMAGE_TIMEOUT_S).read("image", "load", "--quiet", "--input", str(path))
        except DockerError as error:
            if "image load" in error.message:
                told = f"`{path}` cannot be loaded, so it is not an image, or not a whole one: {error.message}"
                raise DockerError(told, "`lab image --save` writes such a file") from error
            raise

    def start_probe(self, lab: str, image: str) -> "subprocess.Popen[bytes]":
        """Start the network probe; it waits for its plan on stdin, and has the lab's lock until it has ended.

        It works in other namespaces than its own; with a network of its own it would start 0.08 s later, and with a
        filter of system calls 0.02 s, which leaves these capabilities all that they need. Its label is not `lab.name`:
        it is no part of the lab, and may end a moment after the command.
        """
        command = docker_command("run", "--rm", "--interactive", "--pull", "never", "--label", f"lab.probe={lab}")
        command += ["--network", "host", "--pid", "host", "--read-only"]
        command += ["--security-opt", "apparmor=unconfined", "--security-opt", "seccomp=unconfined"]
        command += ["--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE"]
        return subprocess.Popen(
            [*command, image],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=self._lock,
        )


def _anew(look: Callable[[], T], vanished: str, attempts: int = 10) -> T:
    """What `look` finds. Docker says `vanished` when something is gone that was only just listed."""
    while True:
        try:
            return look()
        except DockerError as error:
            attempts -= 1
            if vanished not in error.message.lower() or not attempts:
                raise


def _no_answer(seconds: float) -> DockerError:
    return DockerError(f"Docker did not answer within {seconds:g} s", "is the engine overloaded?")
