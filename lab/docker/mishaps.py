"""What Docker says when it fails, as an error that a user can act on. Pure."""

import re

from lab.docker.versions import INSTALL_COMPOSE
from lab.errors import DockerError, PortTaken

DAEMON = "Error response from daemon: "
DISK_FULL, IN_USE = "the disk is full", "a network is still in use"
WHO_HAS_IT = "`lab doctor` says by whom; `--name` gives a lab ports of its own"
NO_NEWS = ("exit status", "See '", "Run '")  # what commands end with


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
        or "transport is closing" in low
    ):
        return DockerError("no Docker engine answers", "start Docker; `lab doctor` shows more")
    if "'compose' is not a docker command" in low or "unknown shorthand flag: 'f' in -f" in low:
        return DockerError("the Docker Compose plugin is missing", INSTALL_COMPOSE)
    if "no space left on device" in low:
        return DockerError(DISK_FULL, "`docker system df` shows what takes up space")
    if "has active endpoints" in low:
        return DockerError(
            f"`docker {doing}` failed: {IN_USE}",
            "is another container attached to it? If there is none, Docker has lost count: restart it",
        )
    if 'mounting "proc" to rootfs' in low and "operation not permitted" in low:
        return DockerError(
            "this engine gives no container `--pid host`; is it rootless?",
            "faults need an engine that runs as root (docs/engines.md says more)",
        )
    if re.search(r"task [0-9a-f]{64}: already exists", low):
        return DockerError(
            "Docker cannot start a container that it lost track of when it was restarted",
            "`lab down` removes the lab, `lab up` starts it anew",
        )
    allocated = re.search(r"bind for (\S+) failed: port is already allocated", low)
    if allocated:
        return DockerError(f"port {allocated[1]} is taken", WHO_HAS_IT)
    in_use = re.search(r"listen tcp4? (\S+:(\d+)): bind: address already in use", low)
    if in_use:
        return PortTaken(f"port {in_use[1]} is taken", WHO_HAS_IT, int(in_use[2]))
    if "pool overlaps with other one on this address space" in low:
        return DockerError(
            "a subnet of the lab overlaps with an existing network",
            "set `subnet_pool` in lab.yaml; `lab doctor` names both",
        )
    lines = [line for line in text.splitlines() if line and not line.startswith(NO_NEWS)]
    told = [line for line in lines if DAEMON in line] or lines or ["no output"]
    return DockerError(f"`docker {doing}` failed: {told[-1].split(DAEMON)[-1]}")
