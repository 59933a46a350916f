"""The kernel's neighbour table: one for all network namespaces of a host, and too small for large labs by default.

Each address that a node talks to takes an entry. A full table loses packets that nobody cut ("arp_cache: neighbor table
overflow" in the kernel's log). So `lab up` and `lab doctor` say it beforehand, and so does a fault that is not proven.
https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html, `neigh/default/gc_thresh3`.
"""

from pathlib import Path

from lab.topology import Topology

LIMIT = Path("/proc/sys/net/ipv4/neigh/default/gc_thresh3")
STATISTICS = Path("/proc/net/stat/arp_cache")
HINT = "`sysctl -w net.ipv4.neigh.default.gc_thresh3=16384` makes room on the machine that runs the containers"


def wanted(topology: Topology) -> int:
    """Entries that a lab takes in which every node talks to every other, and to its Docker network."""
    return len(topology.nodes) ** 2


def limit() -> int | None:
    """How many entries this host has room for; None where it cannot be told, as with Docker Desktop."""
    try:
        return int(LIMIT.read_text())
    except (OSError, ValueError):
        return None


def overflows() -> int:
    """How often the table was full since the host started; 0 where it cannot be told."""
    try:
        names, *rows = STATISTICS.read_text().splitlines()
        column = names.split().index("table_fulls")
        return sum(int(row.split()[column], 16) for row in rows)
    except (OSError, ValueError, IndexError):
        return 0


def shortage(topology: Topology) -> str:
    """A sentence about a table that is too small for the lab; "" when there is room."""
    room = limit()
    if room is None or wanted(topology) <= room:
        return ""
    count = len(topology.nodes)
    return (
        f"{count} servers take up to {wanted(topology):,} entries of the kernel's neighbour table, which has {room:,}"
    )
