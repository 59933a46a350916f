"""Versions of what the lab drives, and the oldest ones that will do."""

import re
from dataclasses import dataclass

from lab.units import several

# Hints, where something is missing.
INSTALL_DOCKER = "https://docs.docker.com/engine/install/ says how to install it; in the checkout, `make lab-up` does"
INSTALL_COMPOSE = "https://docs.docker.com/compose/install/ says how to install it; in the checkout, `make lab-up` does"
COMPOSE_MINIMUM = (2, 20)
ENGINE_MINIMUM = (20, 10)
MOST_SERVERS = 25  # for each processor: 45 do well on two, 81 do not


def numbers(version: str) -> tuple[int, ...]:
    """Major and minor of a version, to compare; () for one that has no figures."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


@dataclass(frozen=True)
class Machine:
    """What an engine says of itself and of the machine that it is on; 0 processors: it does not say."""

    rootless: bool = False
    processors: int = 0

    def crowded(self, servers: int) -> str:
        """A sentence about a lab of more servers than the processors can do; "" when it is none."""
        if not self.processors or servers <= MOST_SERVERS * self.processors:
            return ""
        few = several(self.processors, "processor")
        return f"{servers} servers keep {few} busy with each other, and may never become healthy (docs/results.md)"


@dataclass(frozen=True)
class Versions:
    client: str
    engine: str
    api: str
    compose: str
    architecture: str
    system: str
    podman: bool = False  # Podman behind Docker's API
    machine: Machine = Machine()
