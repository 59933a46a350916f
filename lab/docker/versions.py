"""Versions of what the lab drives, and the oldest ones that will do."""

import re
from dataclasses import dataclass

# Hints, where something is missing.
INSTALL_DOCKER = "https://docs.docker.com/engine/install/ says how to install it; in the checkout, `make lab-up` does"
INSTALL_COMPOSE = "https://docs.docker.com/compose/install/ says how to install it; in the checkout, `make lab-up` does"
COMPOSE_MINIMUM = (2, 20)
ENGINE_MINIMUM = (20, 10)


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
    podman: bool = False  # Podman behind Docker's API
    rootless: bool = False
