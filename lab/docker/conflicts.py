"""The ports and subnets that a lab claims, and who else has them. Nothing is changed."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from lab.docker.engine import Engine
from lab.docker.ports import PATIENCE_S, becomes_free
from lab.errors import LabError
from lab.topology import Topology

PORTS_HINT = "end it, or give this lab other ports: `client_port` and `monitor_port` in lab.yaml, or a `--name`"


def check_free(engine: Engine, topology: Topology, say: Callable[[str], None] | None = None) -> None:
    """Ports and subnets of a lab that is not up yet. Raises `LabError` that names who has them. With `say` a port that
    is only held by a connection that has ended is waited for."""
    check_ports(engine, topology, say)
    clashes = overlapping(engine, topology)
    if clashes:
        raise LabError(clashes[0], "set `subnet_pool` in lab.yaml, or choose another `--name`")


def check_ports(engine: Engine, topology: Topology, say: Callable[[str], None] | None = None) -> None:
    published = engine.published_ports()
    for node in topology.nodes:
        for port in (node.client_port, node.monitor_port):
            owner = published.get(port)
            if owner and owner != topology.container(node):
                raise LabError(f"port {port} of {node.name} is taken by the container `{owner}`", PORTS_HINT)
            if not owner and say and not becomes_free(port, 1):
                say(f"port {port} of {node.name} is held by a connection, or by what is left of one; waiting for it")
            if not owner and not becomes_free(port, PATIENCE_S if say else 5):
                raise LabError(f"port {port} of {node.name} is taken by another program on this host", PORTS_HINT)


def overlapping(engine: Engine, topology: Topology) -> list[str]:
    """Sentences about Docker networks and host routes that overlap with the lab's subnets."""
    found = []
    for name, lab, subnets in engine.networks():
        if lab == topology.name:
            continue
        for key, mine in topology.subnets.items():
            found += [
                f"subnet {mine} of `{key}` overlaps with {other} of the Docker network `{name}`"
                for other in subnets
                if mine.overlaps(other)
            ]
    return found + [
        f"subnet {mine} of `{key}` overlaps with the host's route to {route}"
        for route, device in _host_routes()
        if not device.startswith(("br-", "docker"))
        for key, mine in topology.subnets.items()
        if mine.overlaps(route)
    ]


def _host_routes() -> Iterator[tuple[IPv4Network, str]]:
    try:
        rows = Path("/proc/net/route").read_text().splitlines()[1:]
    except OSError:  # not Linux: Docker's own machine has other routes anyway
        return
    for row in rows:
        device, destination, *_, mask, _, _, _ = row.split()
        if mask != "00000000":
            address, netmask = (IPv4Address(int(part, 16).to_bytes(4, "little")) for part in (destination, mask))
            yield IPv4Network(f"{address}/{netmask}", strict=False), device
