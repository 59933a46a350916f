"""Packets between a node and its peers on one network that are dropped, or refused with a reset: a one-way cut, a cut
that refuses, a node apart from the rest of its region. By nftables in the node's own namespace, so that neither the
host's firewall nor ARP is touched, and both ends keep their interfaces."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, Self

from lab.docker.observation import Observation
from lab.faults.effects import Effects, Side
from lab.faults.fault import Fault, Runtime
from lab.faults.path import Way
from lab.topology import Topology

Direction = Literal["out", "in", "both"]
WHAT = {"out": "sends nothing over", "in": "hears nothing from", "both": "exchanges nothing over"}
REFUSES = {
    "out": "is refused what it sends over",
    "in": "refuses what comes from",
    "both": "and its peers refuse each other on",
}


@dataclass(frozen=True)
class Block(Fault):
    """`network` is a link or the node's region; `direction` is seen from the node."""

    node: str
    network: str
    direction: Direction = "both"
    reject: bool = False
    kind = "block"
    in_kernel = True

    def __str__(self) -> str:
        where = f"link {self.network}" if "-" in self.network else "its region"
        return f"{self.node} {(REFUSES if self.reject else WHAT)[self.direction]} {where}"

    @property
    def key(self) -> tuple[str, ...]:
        return self.kind, self.node, self.network

    @property
    def ends_with(self) -> frozenset[tuple[str, ...]]:
        return frozenset({("down", self.node), ("cut", self.node, self.network)})

    @classmethod
    def observe(cls, observation: Observation) -> Iterator[Self]:
        for (node, network), interface in observation.kernel.items():
            ways = {chain.partition("-")[0] for chain in interface.chains}
            if ways:
                reject = any(chain.endswith("-reject") for chain in interface.chains)
                direction: Direction = "both" if len(ways) == 2 else "out" if "out" in ways else "in"
                yield cls(node, network, direction, reject)

    def inject(self, runtime: Runtime, topology: Topology) -> None:
        peers = ",".join(peer for peer in self.peers(topology).values())
        action = "reject" if self.reject else "drop"
        runtime.tell(self.node, f"BLOCK {self.network} {self.direction} {action} {peers}")

    def heal(self, runtime: Runtime, topology: Topology) -> None:
        runtime.tell(self.node, f"BLOCK {self.network}")

    def affects(self, topology: Topology) -> Effects:
        ways: tuple[Literal["in", "out"], ...] = ("in", "out") if self.direction == "both" else (self.direction,)
        return Effects(silenced=frozenset(Side(self.node, self.network, way) for way in ways))

    def peers(self, topology: Topology) -> dict[str, str]:
        """The nodes at the other end, and their addresses on the network."""
        own = topology.node(self.node).region
        others = [node for node in topology.nodes if self.network in node.addresses and node.name != self.node]
        return {n.name: n.addresses[self.network] for n in others if (n.region == own) == (self.network == own)}


def blocks(topology: Topology, way: Way, reject: bool) -> frozenset[Block]:
    """The faults that block a way: at the node that it names, else where the packets leave, else at the side of a link
    that a cut is made on."""
    if way.node:
        direction: Direction = "both" if not way.one_way else "in" if way.ends_at_node else "out"
        return frozenset({Block(way.node, way.network, direction, reject)})
    if way.one_way:
        return frozenset(Block(node.name, way.network, "out", reject) for node in way.source)
    side = topology.link(way.network).cut_side
    return frozenset(Block(node.name, way.network, "both", reject) for node in topology.region_nodes(side))


def merged(now: frozenset[Fault], new: frozenset[Block]) -> frozenset[Block]:
    """With what is blocked in the other direction already, where both are alike."""
    held = {fault.key: fault for fault in now if isinstance(fault, Block)}

    def beside(block: Block) -> Block:
        other = held.get(block.key)
        alike = other and other.reject == block.reject and other.direction != block.direction
        return replace(block, direction="both") if alike else block

    return frozenset(map(beside, new))
