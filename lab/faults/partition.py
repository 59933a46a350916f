"""Groups of regions -> the cuts that part them."""

from collections.abc import Sequence

from lab.errors import UsageError
from lab.faults.cut import Cut, link_cuts
from lab.topology import Topology

Groups = tuple[tuple[str, ...], ...]


def groups(topology: Topology, arguments: Sequence[str]) -> Groups:
    """`["west,east", "central"]` -> groups; regions that are not named form the last one. Raises `UsageError`."""
    named: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for argument in arguments:
        group = tuple(part.strip() for part in argument.split(",") if part.strip())
        if not group:
            raise UsageError(
                f"`{argument}` names no region", "write `lab partition central` or `lab partition west,east central`"
            )
        for region in group:
            topology.require_region(region)
            if region in seen:
                raise UsageError(f"region `{region}` is named twice", "each region is on one side only")
            seen.add(region)
        named.append(group)
    rest = tuple(region for region in topology.regions if region not in seen)
    if rest:
        named.append(rest)
    if len(named) < 2:
        raise UsageError(
            "all regions are in one group, so there is nothing to part", "name the regions of one side only"
        )
    return tuple(named)


def partition(topology: Topology, parts: Groups) -> frozenset[Cut]:
    """The cuts of every link whose regions are in different groups."""
    side = {region: index for index, group in enumerate(parts) for region in group}
    return frozenset(
        cut
        for link in topology.links
        if side[link.regions[0]] != side[link.regions[1]]
        for cut in link_cuts(topology, link)
    )
