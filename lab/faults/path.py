"""Which part of a network a verb is about: a link, one direction of it, or one node's part of it. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from lab.errors import UsageError, unknown
from lab.faults.arguments import Path, is_role
from lab.faults.nodes import unknown_streams
from lab.faults.verb import Verb
from lab.topology import Node, Topology

ARROW = "->"
SEPARATOR = rf"\s*{ARROW}\s*|\s+"
Scope = Literal["link", "side", "node"]


@dataclass(frozen=True)
class Way:
    """From one end to the other: `source` and `target` are nodes on `network`; `one_way` if only in that direction.
    `scope` is whether all of the link is meant, one direction of it, or one node's part: then `node` is its name."""

    source: tuple[Node, ...]
    target: tuple[Node, ...]
    network: str
    one_way: bool
    node: str = ""

    @property
    def scope(self) -> Scope:
        return "node" if self.node else "side" if self.one_way else "link"

    @property
    def inside(self) -> bool:
        """Whether both ends are in one region."""
        return self.network == self.source[0].region

    @property
    def ends_at_node(self) -> bool:
        """Whether the node that it names is where packets arrive."""
        return self.target[0].name == self.node and len(self.target) == 1


class OnPath(Verb):
    """A verb whose words name a path: `west east`, `west-east`, `'west->east'`, `'west-1->east'`, `@meta east`."""

    link: Path
    SHORT = "link"

    @classmethod
    def from_words(cls, *words: str, **options: Any) -> Self:
        if not 1 <= len(words) <= 2:
            raise UsageError("a link joins two regions", f"write `lab {cls.name} west central`")
        return cls(link=Path((" " if any(map(is_role, words)) else "-").join(words)), **options)  # type: ignore[call-arg]

    def roles(self) -> tuple[str, ...]:
        return tuple(filter(is_role, ends(self.link)))

    def with_nodes(self, nodes: Mapping[str, Iterable[str]]) -> Self:
        """Raises `UsageError` for a role of several nodes."""
        found = {role: tuple(nodes[role]) for role in self.roles() if role in nodes}
        for role, names in found.items():
            if len(names) != 1:
                raise UsageError(f"{role} is {' and '.join(names)}, and a link has one node at an end")
        parts = (found.get(part, (part,))[0] for part in re.split(f"({SEPARATOR})", self.link))
        return replace(self, link=Path("".join(parts)))  # type: ignore[type-var]

    def problems(self, topology: Topology, seconds: float) -> Iterator[str]:
        """A role that is still to be looked up may be any node: there is a problem if there is one with each."""
        if not self.roles():
            yield from super().problems(topology, seconds)
            return
        yield from unknown_streams(self.roles(), topology)
        maybe = [self.with_nodes(dict.fromkeys(self.roles(), (node.name,))) for node in topology.nodes]
        found = [list(verb.problems(topology, seconds)) for verb in maybe]
        if all(found):
            yield from found[-1]


def way(topology: Topology, text: str) -> Way:
    """What a path means on this lab. Raises `UsageError`."""
    one, other = _ends(topology, text)
    source, target = topology.select([one]), topology.select([other])
    nodes = [name for name in (one, other) if name not in topology.regions]
    regions = {source[0].region, target[0].region}
    if len(nodes) == 2:
        raise UsageError(
            f"`{text}` is between two nodes", f"one end must be a region, such as `{one}{ARROW}{target[0].region}`"
        )
    if len(regions) == 1 and not nodes:
        raise UsageError(f"a link joins two regions, not `{one}` with itself")
    network = "-".join(sorted(regions)) if len(regions) == 2 else one if one in topology.regions else other
    if len(regions) == 1:  # a node and the rest of its region
        rest = tuple(node for node in topology.region_nodes(network) if node.name != nodes[0])
        if not rest:
            raise UsageError(f"{nodes[0]} is the only node of {network}: there is nothing to cut it from")
        source, target = (source, rest) if one == nodes[0] else (rest, target)
    return Way(source, target, network, ARROW in text, *nodes)


def ends(text: str) -> list[str]:
    """The words at its ends, where an arrow or a space parts them."""
    return re.split(SEPARATOR, text.strip())


def _ends(topology: Topology, text: str) -> tuple[str, str]:
    known = (*topology.regions, *(node.name for node in topology.nodes))
    if ARROW in text:
        one, _, other = (part.strip() for part in text.partition(ARROW))
        for name in (one, other):
            if name not in known:
                raise unknown("region or node", name, known)
        return one, other
    for one, other in _splits(text):
        if one in known and other in known:
            return one, other
    link = topology.link(text)  # says what is wrong
    return link.regions


def _splits(text: str) -> Iterator[tuple[str, str]]:
    """`west-1-east` may be `west` and `1-east`, or `west-1` and `east`."""
    words = text.replace(" ", "-").split("-")
    for at in range(1, len(words)):
        yield "-".join(words[:at]), "-".join(words[at:])
