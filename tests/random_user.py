"""A user who tries everything, also what makes no sense, and damages the lab by hand: `python tests/random_user.py
--seed 7 --commands 1000` (needs Docker). After each command the lab has to tell the truth about itself.

The lab is a small one, two regions of two nodes. Most commands run in this process, which is faster; those that are
interrupted or killed are processes. What is true is read from Docker here, by other code than the lab's.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from labs import LAB, ROOT, docker
from typer.testing import CliRunner

from lab.api import Lab
from lab.cli.commands import load
from lab.errors import LabError
from lab.faults.cut import Cut
from lab.topology import Topology

CODES = {0, 1, 2, 3, 4, 130, 143}
TOPOLOGY = Topology(name="test-random", regions=("west", "east"), nodes_per_region=2, replicas=1)
NODES = tuple(node.name for node in TOPOLOGY.nodes)
LINK = TOPOLOGY.links[0].name
NONSENSE = (
    "",
    "nort-1",
    "@meta",
    "@leader:nope",
    "@",
    "west-9",
    "--",
    "east,west",
    "☃",
    "x" * 300,
    "-1",
    "west\x1b[2J",
)


@dataclass
class User:
    """`did` is what was typed so far, so that a failure can be repeated by hand; `agreed` is what the lab and Docker
    said alike the last time."""

    random: Random
    did: list[str] = field(default_factory=list)
    agreed: set[tuple[str, ...]] | None = None
    looking: Lab = field(default_factory=lambda: Lab(TOPOLOGY.name))

    def act(self) -> None:
        acts: list[tuple[int, Callable[[], None]]] = [
            (45, self.fault),
            (20, self.look),
            (10, self.nonsense),
            (15, self.damage),
            (10, self.interrupted),
        ]
        chosen = self.random.choices([act for _, act in acts], [weight for weight, _ in acts])[0]
        chosen()
        self.require_truth()

    # --- what is typed ---

    def fault(self) -> None:
        self.lab(*self._fault())

    def _fault(self) -> list[str]:
        pick = self.random.choice
        targets = self.random.sample([*NODES, *TOPOLOGY.regions, "@meta"], self.random.randint(1, 2))
        return pick(
            [
                ["partition", pick(TOPOLOGY.regions)],
                ["cut", *pick([["west", "east"], ["east-west"]]), *pick([[], [], ["--reject"]])],
                ["cut", pick(["west->east", "east-2->west", "west-1->east"])],
                ["shape", "west", "east", *pick([["--rate", "50mbit"], ["--rate", "1gbit"]])],
                ["join", "west", "east"],
                [pick(["stop", "kill", "pause"]), *targets],
                [pick(["start", "resume"]), *targets],
                ["heal"],
                ["step-down", pick(["meta", "foo-read-west", "foo-write-east"])],
            ]
        ) + pick([[], [], [], ["--dry-run"], ["--json"], ["--for", "2s"]])

    def look(self) -> None:
        region = self.random.choice(TOPOLOGY.regions)
        self.lab(
            *self.random.choice(
                [
                    ["status"],
                    ["status", "--json"],
                    ["faults"],
                    ["compare"],
                    ["view", region, "--last", "5"],
                    ["pub", region, "foo.test", "hello"],
                    ["streams", "list"],
                    ["streams", "define"],
                    ["probe", "--timeout", "0.5"],
                    ["logs", "--tail", "2"],
                    ["up", "--dry-run"],
                    ["graph"],
                    ["streams", "graph"],
                    ["events", "--since", "10s"],
                    ["rtt", "--count", "2"],
                ]
            )
        )

    def nonsense(self) -> None:
        verb = self.random.choice(["partition", "cut", "kill", "pub", "view", "step-down", "start", "logs", "scenario"])
        self.lab(verb, *(self.random.choice(NONSENSE) for _ in range(self.random.randint(0, 3))))

    def damage(self) -> None:
        """Somebody else's hands."""
        node = self.random.choice(NODES)
        container, network = TOPOLOGY.container(node), TOPOLOGY.network(LINK)
        command = self.random.choice(
            [
                ["stop", "--time", "1", container],
                ["kill", container],
                ["pause", container],
                ["unpause", container],
                ["start", container],
                ["network", "disconnect", network, container],
            ]
        )
        self.did.append("docker " + " ".join(command))
        subprocess.run(["docker", *command], capture_output=True, check=False, timeout=60)

    def interrupted(self) -> None:
        """A command that is ended at any moment."""
        words, how = self._fault(), self.random.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
        seconds = self.random.uniform(0.1, 1.2)
        self.did.append(f"lab {' '.join(words)}  ({how.name} after {seconds:.2f} s)")
        process = subprocess.Popen(
            [str(LAB), *words, "--name", TOPOLOGY.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while process.poll() is None and not has_begun(process.pid):
            time.sleep(0.01)  # until then it is Python that is interrupted, and says so in its own way
        time.sleep(seconds)
        process.send_signal(how)
        _, told = process.communicate(timeout=90)
        self.require(process.returncode in CODES | {-how}, f"exit code {process.returncode}: {told}")
        self.require("Traceback" not in told, told)

    def lab(self, *words: str) -> str:
        self.did.append("lab " + " ".join(words))
        result = CliRunner().invoke(load(), [*words, "--name", TOPOLOGY.name])
        error = result.exception
        fine = error is None or isinstance(error, (LabError, SystemExit))
        self.require(fine, f"{type(error).__name__}: {error}")
        self.require(isinstance(error, LabError) or result.exit_code in CODES, f"exit code {result.exit_code}")
        return result.stdout

    # --- what is true ---

    def require_truth(self) -> None:
        """What the lab says of its faults is what Docker says. Where that has not changed, the lab is asked again only
        now and then, for that takes most of the time."""
        if in_force() == self.agreed and self.random.random() < 0.75:
            return
        deadline = time.monotonic() + 20
        while True:
            said, true = self.said(), in_force()
            if said == true or time.monotonic() > deadline:
                break
            time.sleep(0.2)  # what an ended command had begun goes on for a moment
        self.require(said == true, f"the lab says {sorted(said)}, Docker says {sorted(true)}")
        self.agreed = true

    def said(self) -> set[tuple[str, ...]]:
        """Not by a command, so that the network probe stays from one look to the next, whatever is done meanwhile."""
        known = [fault for fault in self.looking.faults() if fault.kind in ("down", "paused", "cut")]
        return {(fault.kind, fault.node, *([fault.link] if isinstance(fault, Cut) else [])) for fault in known}

    def require(self, fine: bool, why: str) -> None:
        assert fine, f"{why}\nafter:\n" + "\n".join(f"  {line}" for line in self.did[-12:])


def has_begun(process: int) -> bool:
    """Whether it handles SIGTERM, which the lab does first and Python by itself does not."""
    status = Path(f"/proc/{process}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def in_force() -> set[tuple[str, ...]]:
    """The faults by `docker inspect` alone."""
    found: set[tuple[str, ...]] = set()
    for raw in inspected():
        node = raw["Config"]["Labels"]["lab.node"]
        state = raw["State"]["Status"]
        found |= {("paused", node)} if state == "paused" else set()
        found |= {("down", node)} if state not in ("running", "paused", "restarting") else set()
        found |= set() if TOPOLOGY.network(LINK) in raw["NetworkSettings"]["Networks"] else {("cut", node, LINK)}
    return found


def inspected() -> list[dict[str, Any]]:
    names = [TOPOLOGY.container(node) for node in TOPOLOGY.nodes]
    raw: list[dict[str, Any]] = json.loads(docker("inspect", "--type", "container", *names))
    return raw


def play(seed: int, commands: int, folder: Path) -> User:
    """So many commands on a fresh lab, which is removed whatever happens. Raises `AssertionError`."""
    file = folder / "lab.yaml"
    file.write_text("regions: [west, east]\nnodes_per_region: 2\nreplicas: 1\n")
    up = [str(LAB), "up", "--file", str(file), "--name", TOPOLOGY.name]
    subprocess.run([str(LAB), "down", "--name", TOPOLOGY.name], check=True, capture_output=True, cwd=ROOT)
    subprocess.run(up, check=True, capture_output=True, cwd=ROOT)
    user = User(Random(seed))
    try:
        for _ in range(commands):
            user.act()
        user.lab("heal")
        user.require(in_force() == set(), f"after `lab heal`: {in_force()}")
        user.require(json.loads(user.lab("faults", "--json")) == [], "after `lab heal` the lab has faults")
    finally:
        subprocess.run([str(LAB), "down", "--name", TOPOLOGY.name], check=True, capture_output=True, cwd=ROOT)
    label = f"label=lab.name={TOPOLOGY.name}"
    left = [
        docker(*kind, "-q", "--filter", label).split() for kind in (["ps", "-a"], ["network", "ls"], ["volume", "ls"])
    ]
    user.require(not any(left), f"left behind: {left}")
    return user


if __name__ == "__main__":
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--commands", type=int, default=1000)
    given = parser.parse_args()
    print(f"seed {given.seed}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as place:
        began = time.monotonic()
        user = play(given.seed, given.commands, Path(place))
    print(f"{given.commands} commands in {time.monotonic() - began:.0f} s, {len(user.did)} lines typed")
