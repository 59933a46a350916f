"""A link as a WAN has it: late, lossy, narrow. What leaves a node's interface on a link goes through queue disciplines
of the kernel (`netem`, `tbf`) in the node's own network namespace, so that each direction has its own."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import ClassVar, Self

from lab import profiles
from lab.docker.observation import Observation
from lab.errors import UsageError
from lab.faults.arguments import Path
from lab.faults.cut import draw_direction, draw_link
from lab.faults.effects import Effects, Side
from lab.faults.fault import Fault, Runtime
from lab.faults.path import OnPath, Scope, Way, way
from lab.faults.verb import Draw, joined_to
from lab.shape import Shape, numbers
from lab.topology import Topology

# The handle of the outermost discipline keeps what was meant, where everybody can read it.
HANDLES: dict[Scope, int] = {"link": 0x7A01, "side": 0x7A02, "node": 0x7A03}


@dataclass(frozen=True)
class Shaped(Fault):
    """A node's side of a link that does `shape` to what the node sends. `scope`: whether the whole link was shaped, one
    direction, or this node alone. `foreign`: a discipline of another kind, which somebody made by hand."""

    node: str
    link: str
    shape: Shape
    scope: Scope = "node"
    foreign: str = ""
    kind = "shape"
    in_kernel = True

    def __str__(self) -> str:
        if self.foreign:
            return f"{self.node} has a queue discipline `{self.foreign}` on link {self.link}, made by hand"
        if self.lacking:
            return f"{self.node} lacks the standing shape of link {self.link}"
        return f"{self.node} sends over link {self.link}: {self.shape}"

    @property
    def key(self) -> tuple[str, ...]:
        return self.kind, self.node, self.link

    @property
    def lacking(self) -> bool:
        """Whether it is only that the link's standing condition is not there, as after a restart of the node."""
        return self.shape.nothing and not self.foreign

    @property
    def ends_with(self) -> frozenset[tuple[str, ...]]:
        return frozenset({("down", self.node), ("cut", self.node, self.link)})

    @classmethod
    def observe(cls, observation: Observation) -> Iterator[Self]:
        """What differs from the link's standing condition."""
        topology = observation.topology
        for node in topology.nodes:
            for link in node.addresses.keys() - {node.region}:
                interface = observation.kernel.get((node.name, link))
                found = _read(node.name, link, interface.discipline if interface else "")
                if (observation.attached(node.name, link) and found.shape != standing(topology, link)) or found.foreign:
                    yield cls(**vars(found))

    def inject(self, runtime: Runtime, topology: Topology) -> None:
        _set(runtime, topology, self.node, self.link, self.shape, self.scope)

    def heal(self, runtime: Runtime, topology: Topology) -> None:
        _set(runtime, topology, self.node, self.link, standing(topology, self.link), "link")

    def affects(self, topology: Topology) -> Effects:
        return Effects(slowed=frozenset({Side(self.node, self.link, "out")}))


def standing(topology: Topology, link: str) -> Shape:
    """What a link always does on this lab, in each direction."""
    return topology.conditions.get(link, Shape())


def shape_of(observation: Observation, faults: Iterable[Fault], node: str, link: str) -> Shape:
    """What happens to what a node sends over a link."""
    own = (fault.shape for fault in faults if isinstance(fault, Shaped) and (fault.node, fault.link) == (node, link))
    return next(own, standing(observation.topology, link))


def _read(node: str, link: str, words: str) -> Shaped:
    kind, *rest = words.split() or [""]
    if kind == "other":
        return Shaped(node, link, Shape(), foreign=rest[0])
    values = numbers(rest)
    scope: Scope = next((scope for scope, handle in HANDLES.items() if handle == values.get("handle")), "node")
    return Shaped(node, link, Shape.from_words(values), scope)


def _set(runtime: Runtime, topology: Topology, node: str, link: str, shape: Shape, scope: Scope) -> None:
    words = "" if shape.nothing else f" handle={HANDLES[scope]} {shape.words()}"
    runtime.tell(node, f"SHAPE {topology.node(node).addresses[link]}{words}")


def completed(wanted: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
    """With the shapes of nodes that lost theirs, by a restart or a cut, while the rest of the link or of the side still
    has it."""
    have = {fault.key for fault in wanted}
    lost = {
        (other := replace(fault, node=node.name)).key: other
        for fault in sorted((f for f in wanted if isinstance(f, Shaped)), key=lambda f: f.node)
        if fault.scope != "node" and not fault.shape.nothing
        for node in topology.nodes
        if fault.link in node.addresses and (fault.scope == "link" or node.region == topology.node(fault.node).region)
    }
    return wanted | frozenset(fault for key, fault in lost.items() if key not in have)


@dataclass(frozen=True)
class ShapeLink(OnPath):
    """Make a link late, lossy or narrow: in both directions (`west east`), in one (`'west->east'`), or for what one
    node sends (`'west-1->east'`). A new shape replaces the old one as a whole."""

    link: Path
    profile: str = ""
    delay: str = ""
    jitter: str = ""
    delay_correlation: str = ""
    loss: str = ""
    loss_correlation: str = ""
    burst: str = ""
    duplicate: str = ""
    duplicate_correlation: str = ""
    corrupt: str = ""
    corrupt_correlation: str = ""
    reorder: str = ""
    reorder_correlation: str = ""
    gap: str = ""
    rate: str = ""
    limit: str = ""
    buffer: str = ""
    clear: bool = False
    name = "shape"
    HELP: ClassVar[Mapping[str, str]] = {
        "profile": f"A known kind of link: {', '.join(profiles.PROFILES)}. Other options change it.",
        "delay": "How much later packets arrive, in each direction that is shaped: `80ms`.",
        "jitter": "By how much the delay varies: `10ms`.",
        "delay_correlation": "How much a packet's delay is like the one before: `25%`.",
        "loss": "How many packets vanish: `1%`.",
        "loss_correlation": "How much a loss depends on the one before: `25%`.",
        "burst": "How many packets are lost in a row, on average: `5`.",
        "duplicate": "How many packets arrive twice: `1%`.",
        "duplicate_correlation": "How much that depends on the packet before.",
        "corrupt": "How many packets get a flipped bit: `0.1%`.",
        "corrupt_correlation": "How much that depends on the packet before.",
        "reorder": "How many packets skip the delay and overtake others: `25%`.",
        "reorder_correlation": "How much that depends on the packet before.",
        "gap": "Only each n-th packet may overtake: `5`.",
        "rate": "How much goes through: `20mbit`.",
        "limit": "With `--rate`, how much may wait before it is dropped: `64kb`.",
        "buffer": "With `--rate`, how much may go at once: `16kb`.",
        "clear": "Remove the shape.",
    }

    def shape(self) -> Shape:
        """Raises `UsageError`."""
        own = {name: value for name in asdict(Shape()) if (value := getattr(self, name))}
        if self.clear:
            if own or self.profile:
                raise UsageError("`--clear` removes the shape, and takes no other options")
            return Shape()
        if not own and not self.profile:
            raise UsageError("a shape needs at least one option, such as `--delay 80ms`", "`lab shape --help` has them")
        shape = profiles.shape(self.profile, **own)
        if shape.nothing:
            raise UsageError("these options leave the link as it is", "`lab shape --clear` removes a shape")
        return shape

    def faults(self, topology: Topology) -> frozenset[Fault]:
        shape = self.shape()
        if self.roles():
            return frozenset()
        part = self._way(topology)
        nodes = part.source if part.one_way else (*part.source, *part.target)
        return frozenset(Shaped(node.name, part.network, shape, part.scope) for node in nodes)

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        """Raises `UsageError` when the link is cut: there is nothing to shape."""
        part, new = self._way(topology), self.faults(topology)
        keys = {fault.key for fault in now}
        if not self.clear and all(("cut", fault.node, part.network) in keys for fault in new):
            raise UsageError(
                f"link {part.network} is cut, so there is nothing to shape", f"`lab join {part.network}` undoes the cut"
            )
        kept = frozenset(_narrowed(fault, part, topology) for fault in now)
        if self.clear:
            return frozenset(fault for fault in kept if fault.key not in {other.key for other in new})
        return joined_to(kept, new)

    def _way(self, topology: Topology) -> Way:
        part = way(topology, self.link)
        if part.inside:
            raise UsageError(f"`{self.link}` is inside {part.network}", "shape a link between two regions")
        if part.node and (not part.one_way or part.ends_at_node):
            other = part.target[0].region if not part.ends_at_node else part.source[0].region
            raise UsageError(
                "a shape acts where packets leave, so a node can only be shaped in its own direction",
                f"write `lab {self.name} '{part.node}->{other}'`",
            )
        return part

    @classmethod
    def draws(cls) -> tuple[Draw, ...]:
        def slow(topology: Topology, random: Random) -> "ShapeLink":
            delay = random.choice((20, 40, 80, 150))
            return cls(draw_link(topology, random), delay=f"{delay}ms", jitter=f"{delay // 5}ms")

        def lossy(topology: Topology, random: Random) -> "ShapeLink":
            return cls(draw_direction(topology, random), loss=f"{random.choice((1, 3, 5))}%", burst="3")

        def narrow(topology: Topology, random: Random) -> "ShapeLink":
            return cls(draw_link(topology, random), rate=f"{random.choice((2, 5, 20))}mbit")

        return (
            Draw("narrow-link", False, narrow, needs="tbf"),
            Draw("slow-link", False, slow, needs="netem"),
            Draw("lossy-link", False, lossy, needs="netem"),
        )


def _narrowed(fault: Fault, part: Way, topology: Topology) -> Fault:
    """A shape of which a part is now another one no longer stands for more than itself."""
    if not isinstance(fault, Shaped) or fault.link != part.network or part.scope == "link":
        return fault
    other_side = topology.node(fault.node).region != part.source[0].region
    if part.scope == "side" or other_side:
        return replace(fault, scope="side") if fault.scope == "link" else fault
    return replace(fault, scope="node")
