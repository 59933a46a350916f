"""Who can talk to whom while faults are in force, and which groups can therefore act; pure.

Nodes of a region talk over its own network, others over the link that joins their regions. A Raft group acts when a
majority of its peers talk to each other: the meta group has every node as a peer, a stream's group its replicas, all in
one region.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Self

from lab.faults.effects import Effects, Side, joined
from lab.faults.fault import Fault
from lab.topology import Link, Node, Topology


def majority(peers: int) -> int:
    """How many of a group's peers must talk to each other for the group to act."""
    return peers // 2 + 1


class Reachability:
    """What a set of effects leaves. Names of nodes and regions are the topology's."""

    def __init__(self, topology: Topology, effects: Effects) -> None:
        self.topology, self.effects = topology, effects
        self.answering = {node.name: node for node in topology.nodes if node.name not in effects.out}

    @classmethod
    def of(cls, topology: Topology, faults: Iterable[Fault]) -> Self:
        """What these faults leave."""
        return cls(topology, joined(fault.affects(topology) for fault in faults))

    def hears(self, listener: str, speaker: str) -> bool:
        """Whether packets of `speaker` reach `listener`, both of which must answer."""
        return {listener, speaker} <= self.answering.keys() and self.carries(
            self.topology.node(speaker), self.topology.node(listener)
        )

    def sees(self, name: str) -> frozenset[str]:
        """The nodes that this one can talk to, itself included; none when it does not answer.

        Servers talk over TCP, where packets that vanish in one direction end the conversation in both.
        """
        return self._seen.get(name, frozenset())

    def seen_from(self, region: str) -> frozenset[str]:
        """The answering nodes that some place in the region's network can talk to, whether or not its own answer."""
        return self._seen_from[region]

    def reached(self, region: str) -> tuple[str, ...]:
        """The other regions of which some node can be talked to from this one."""
        regions = {self.answering[name].region for name in self.seen_from(region)}
        return tuple(other for other in self.topology.regions if other != region and other in regions)

    def up(self, region: str) -> int:
        """How many of its nodes answer."""
        return sum(node.region == region for node in self.answering.values())

    # --- the meta group ---

    @property
    def needed(self) -> int:
        """Peers that a meta leader must be able to talk to, itself included."""
        return majority(len(self.topology.nodes))

    def has_majority(self, region: str) -> bool:
        """Whether more than half of all nodes can be talked to from the region, its own included."""
        return len(self.seen_from(region)) >= self.needed

    @cached_property
    def meta_leaders(self) -> frozenset[str]:
        """The nodes one of which can lead for good.

        A leader that some other able node cannot talk to is called in question again and again, until one is that all
        of them can. Where there is none, each that has a majority may lead for a while.
        """
        able = {name for name, seen in self._seen.items() if len(seen) >= self.needed}
        lasting = {name for name in able if all(name in self._seen[other] for other in able)}
        return frozenset(lasting or able)

    # --- the groups of streams ---

    @property
    def stream_majority(self) -> int:
        return majority(self.topology.replicas)

    def has_stream_quorum(self, region: str) -> bool | None:
        """Whether the groups of streams and consumers in the region can act; None: it depends on where replicas are."""
        if self.topology.stretched:
            return self._spread_quorum(region)
        up = self.up(region)
        if self.topology.replicas - (self.topology.size(region) - up) >= self.stream_majority:
            return True
        return False if up < self.stream_majority else None

    def _spread_quorum(self, region: str) -> bool | None:
        """Whether the region can write to a group with a replica in each region. As with the meta group, only a leader
        that all able regions can talk to leads for good."""
        regions = self.topology.regions
        paths = {one: {other: self.path(one, other) for other in regions} for one in regions}
        seen = {one: {other for other, path in paths[one].items() if path is not False} for one in regions}
        able = {one for one in regions if len(seen[one]) >= self.stream_majority}
        if not able & seen[region]:
            return False
        lasting = {one for one in able if all(one in seen[other] for other in able)}
        known = all(path is not None for others in paths.values() for path in others.values())
        return True if known and region in able and lasting and lasting <= seen[region] else None

    def path(self, region: str, other: str) -> bool | None:
        """Whether the nodes of one region can talk to those of another, or of their own; None: some of them."""
        ones, others = (self.topology.region_nodes(name) for name in (region, other))
        joined = {one.name == node.name or node.name in self.sees(one.name) for one in ones for node in others}
        if region == other:
            joined = {node.name in self.answering for node in ones}
        return None if len(joined) > 1 else joined.pop()

    # --- packets ---

    @cached_property
    def _seen(self) -> dict[str, frozenset[str]]:
        nodes = self.answering.values()
        return {one.name: frozenset(other.name for other in nodes if self._joined(one, other)) for one in nodes}

    @cached_property
    def _seen_from(self) -> dict[str, frozenset[str]]:
        return {
            region: frozenset(
                other.name
                for other in self.answering.values()
                if any(self._joined(node, other) for node in self.topology.region_nodes(region))
            )
            for region in self.topology.regions
        }

    def _joined(self, one: Node, other: Node) -> bool:
        return self.carries(one, other) and self.carries(other, one)

    def carries(self, source: Node, target: Node) -> bool:
        """Whether the network takes packets there, whoever is there to take them."""
        if source == target:
            return True
        network = source.region
        if source.region != target.region:
            network = Link((min(source.region, target.region), max(source.region, target.region))).name
        vanishing = {Side(source.name, network, "out"), Side(target.name, network, "in")}
        return not vanishing & self.effects.silenced
