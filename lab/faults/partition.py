"""Groups of regions -> the cuts that part them."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.errors import UsageError
from lab.faults.arguments import Group
from lab.faults.cut import Cut, link_cuts
from lab.faults.fault import Fault
from lab.faults.verb import Draw, Verb
from lab.topology import Topology

Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Partition(Verb):
    """Split the network: each group sees only itself. Regions that you do not name form the last group.

    `lab partition central` isolates central. A new partition replaces the old one.
    """

    groups: tuple[Group, ...]
    name = "partition"
    SHORT = "groups"

    def faults(self, topology: Topology) -> frozenset[Fault]:
        return frozenset(partition(topology, groups(topology, self.groups)))

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        """All other faults stay."""
        return frozenset(fault for fault in now if not isinstance(fault, Cut)) | self.faults(topology)

    @classmethod
    def draws(cls) -> tuple[Draw, ...]:
        return (Draw(cls.name, True, lambda topology, random: cls((Group(random.choice(topology.regions)),))),)


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
            "all regions are in one group, so there is nothing to split", "name the regions of one side only"
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
