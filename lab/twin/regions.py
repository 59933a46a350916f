"""Clusters of a running system → regions of a lab: names, and how many nodes. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.errors import UsageError, unknown
from lab.printable import printable
from lab.twin.found import Found, cluster, config, holders
from lab.validate import REGION

MOST_REGIONS = 9
LONGEST = 15
ALONE = "main"  # the region of a server without a cluster
SPARE = "spare"


@dataclass(frozen=True)
class Region:
    """A region and its cluster, None for one that the system has not. `servers` is how many it was seen to have."""

    cluster: str | None
    name: str
    nodes: int
    servers: int


def regions(found: Found, wished: Mapping[str, str], most: int) -> tuple[Region, ...]:
    """The regions by name, at most nine of those that have most streams; always two, since a lab has. `wished`:
    cluster -> name. Raises `UsageError`."""
    servers = _servers(found)
    for name in wished:
        if name not in servers:
            raise unknown("cluster", printable(name), map(printable, sorted(servers)))
    wanted = Counter(cluster(entry) for entry in found.streams)
    kept = sorted(sorted(servers, key=lambda each: -wanted[each])[:MOST_REGIONS])
    names = _names(kept, wished)
    made = [
        Region(each, names[each], min(most, max(len(servers[each]), _replicas(found, each))), len(servers[each]))
        for each in kept
    ]
    if len(made) < 2:
        made.append(Region(None, _free(SPARE, names.values()), 1, 0))
    return tuple(sorted(made, key=lambda region: region.name))


def _servers(found: Found) -> dict[str, set[str]]:
    """Cluster -> names of the servers that it is known to have."""
    servers: dict[str, set[str]] = defaultdict(set)
    for server in found.servers:
        servers[server.cluster].add(server.name)
    for entry in found.entries():
        servers[cluster(entry)] |= holders(entry)
    for entry in found.streams:
        placed = (config(entry).get("placement") or {}).get("cluster")
        if placed:
            servers[str(placed)] |= set()
    if len(servers) > 1:
        servers.pop("", None)  # of what has no leader
    return dict(servers)


def _replicas(found: Found, name: str) -> int:
    """What the streams of a cluster need, in numbers that servers and the lab take."""
    wanted = [int(config(entry).get("num_replicas") or 1) for entry in found.streams if cluster(entry) == name]
    return rounded(max(wanted, default=1))


def rounded(replicas: int) -> int:
    """Two and four replicas become three and five."""
    return next((number for number in (1, 3, 5) if number >= replicas), 5)


def _names(clusters: Iterable[str], wished: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in (*(each for each in clusters if each in wished), *(each for each in clusters if each not in wished)):
        name = wished.get(each) or _free(_word(each), found.values())
        if not REGION.fullmatch(name):
            rule = "lower-case letters and digits, beginning with a letter, at most 15 characters"
            raise UsageError(f"--region: `{name}` cannot be the name of a region: it must be {rule}")
        if name in found.values():
            raise UsageError(f"--region: two clusters cannot both be the region `{name}`")
        found[each] = name
    return found


def _word(name: str) -> str:
    letters = re.sub(r"[^a-z0-9]", "", name.lower())
    if not letters:
        return ALONE
    return (letters if letters[0].isalpha() else f"r{letters}")[:LONGEST]


def _free(name: str, taken: Iterable[str]) -> str:
    number, free = 2, name
    while free in taken:
        free = f"{name[: LONGEST - len(str(number))]}{number}"
        number += 1
    return free
