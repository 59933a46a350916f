"""A lab as a user has it: by its command line. And the labs that tests start, by their names."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lab import api
from lab.faults.registry import present
from lab.topology import Topology

# Labs of several tests run side by side, so no two of these may want the same port or subnet; names decide about both
# (tests/unit/test_lab_names.py). What is left of them after all tests is removed.
NAMES = (
    "test-shared",
    *(f"test-shared-gw{worker}" for worker in range(4)),
    "orders-js",
    "pytest-orders",
    "pytest-test-plug",
    "pytest-test-plug-2",
    "pytest-test-plug-3",
    "test-action",
    "test-another",
    "test-check",
    "test-check-old",
    "test-compat",
    "test-conditions",
    "test-config",
    "test-contract",
    "test-impatient",
    "test-interrupted",
    "test-of-mirror",
    "test-one-arbiter",
    "test-operator",
    "test-own-streams",
    "test-own-streams-2",
    "test-package",
    "test-pair-1",
    "test-pair-2",
    "test-port",
    "test-random",
    "test-stretch",
    "test-transparent",
    "test-rehearsal",
    "test-foreign",
)
# Scenarios are played under these names, on labs of their own: `test-set-…`.
PLAYED = ("test-own", "test-set", "test-nightly-44", "test-kernel")
NOWHERE = "test-nowhere"  # never started

ROOT = Path(__file__).resolve().parents[1]
LAB = Path(sys.executable).parent / "lab"
BECOME_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")


@dataclass(frozen=True)
class Lab:
    """A lab as a user has it: by its command line."""

    name: str

    def __post_init__(self) -> None:
        known = self.name in (*NAMES, *PLAYED, NOWHERE) or self.name.startswith(PLAYED)
        assert known, f"`{self.name}` is not in the list in tests/labs.py"

    @cached_property
    def api(self) -> api.Lab:
        """The same lab without a command: what commands print has tests of its own."""
        return api.Lab(self.name, root=ROOT)

    def command(self, *arguments: str) -> list[str]:
        return [str(LAB), *arguments, "--name", self.name]

    def run(self, *arguments: str, code: int = 0, timeout: float = 300) -> str:
        """stdout; fails when the exit code is another one."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=timeout, check=False, cwd=ROOT
        )
        assert done.returncode == code, (
            f"lab {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def fails(self, *arguments: str, code: int = 1) -> str:
        """stderr of a command that must fail with this exit code."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=300, check=False, cwd=ROOT
        )
        assert done.returncode == code, (
            f"lab {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        assert done.stderr.startswith("error: ") or "\nerror: " in done.stderr or "Error" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))

    def faults(self) -> set[str]:
        """Those in force."""
        return {f"{fault.kind} {fault.node} {getattr(fault, 'link', '')}".strip() for fault in self.api.faults()}

    def left_behind(self) -> dict[str, int]:
        """How many containers, networks and volumes carry the lab's label."""
        label = f"label=lab.name={self.name}"
        commands = {"containers": ["ps", "-a"], "networks": ["network", "ls"], "volumes": ["volume", "ls"]}
        return {kind: len(docker(*command, "-q", "--filter", label).split()) for kind, command in commands.items()}


def heal(lab: api.Lab) -> None:
    """If there is anything to heal: looking for it is quicker, since the network probe stays for the next look."""
    seen = lab.condition()
    if present(seen) or seen.damage or lab.timers():
        lab.heal()


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


def wait_for(running: "subprocess.Popen[str]", text: str, seconds: float = 90) -> None:
    """Until the command has printed a line with this text."""
    assert running.stdout
    deadline = time.monotonic() + seconds
    for line in running.stdout:
        if text in line:
            return
        assert time.monotonic() < deadline, f"`{text}` did not come"
    raise AssertionError(f"ended with {running.wait()} before `{text}` came")


def as_root(*command: str) -> None:
    subprocess.run([*BECOME_ROOT, *command], check=True)


@contextmanager
def forwarding(lab: Lab) -> Iterator[None]:
    """Docker's isolation is switched off for this lab's subnets alone, so that the host routes around a cut."""
    subnets = str(next(iter(Topology(name=lab.name).subnets.values())).supernet(new_prefix=24))
    rule = ["DOCKER-USER", "-s", subnets, "-d", subnets, "-j", "ACCEPT"]
    iptables = ["iptables", "--wait", "10"]  # Docker has the tables while another lab is changed
    as_root(*iptables, "-I", *rule)
    try:
        yield
    finally:
        as_root(*iptables, "-D", *rule)


@contextmanager
def leaking(lab: Lab) -> Iterator[None]:
    """The host routes around a cut, and the nodes take what comes that way."""

    def require_way_back(required: bool) -> None:
        nodes = docker("ps", "-q", "--filter", f"label=lab.name={lab.name}").split()
        for pid in docker("inspect", "--format", "{{.State.Pid}}", *nodes).split():
            set_it = f"echo {required:d} > /proc/sys/net/ipv4/conf/all/rp_filter"
            as_root("nsenter", f"--net=/proc/{pid}/ns/net", "sh", "-c", set_it)

    with forwarding(lab):
        require_way_back(False)
        try:
            yield
        finally:
            require_way_back(True)


def left_behind() -> set[str]:
    """Labs of the tests of which something is there."""
    found: set[str] = set()
    for command in (["ps", "-a"], ["network", "ls"], ["volume", "ls"]):
        found |= set(docker(*command, "--filter", "label=lab.name", "--format", '{{.Label "lab.name"}}').split())
    return {name for name in found if name in NAMES or name.startswith(tuple(f"{name}-" for name in PLAYED))}
