"""What a lab is: regions, nodes, links, addresses, ports, streams.

A `Topology` is a value. Every file that Docker and NATS read is a pure function of it (`lab/render/`), and it travels
with the running lab as a label on each container, so that every command sees the lab that runs, not the one that a
file describes. Nothing here touches a disk, a clock or a network.
"""

import base64
import ipaddress
import json
import re
import zlib
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from itertools import combinations
from typing import Any, Literal, get_args

from lab import profiles
from lab.errors import LabError, UsageError, unknown
from lab.shape import Shape

DEFAULT_NAME = "region-lab"
DEFAULT_NATS = "2.15.1"
OFFICIAL_IMAGE = "nats"
CLIENT_PORT, MONITOR_PORT, ROUTE_PORT, GATEWAY_PORT = 4222, 8222, 6222, 7222
MAX_NODES = 9
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
NAME_RULE = "lower-case letters, digits and `-`, starting with a letter, at most 31 characters"
# Addresses inside a network: .1 is Docker's gateway; the first region's nodes follow 10, the second's follow 20.
FIRST_OFFSET, SECOND_OFFSET = 10, 20

LayoutName = Literal["mapped", "seed", "transparent", "mirror", "stretch", "arbiter", "own"]  # those of lab/layouts/
# Once the key was `profile`, with other words.
OLD_LAYOUT, OLD_WORDS = "profile", {"fixed": "mapped"}
PACKED = "z:"  # before text that is compressed in a label
Auth = Literal["none", "operator"]
Option = str | int | float | bool


@dataclass(frozen=True)
class Node:
    """One server. `addresses` maps the key of each network that it is on (a region or a link) to its fixed IPv4."""

    name: str
    region: str
    number: int
    client_port: int
    monitor_port: int
    addresses: dict[str, str] = field(hash=False)

    @property
    def host(self) -> str:
        """The name by which other servers reach it. Not the node's own, which Docker's DNS knows as well: with a
        network that a container leaves, Docker takes the names of all who are on it out of its hosts file (libnetwork,
        `etchosts.Delete`), and a server that is cut off could not even try."""
        return f"{self.name}.internal"


@dataclass(frozen=True)
class Link:
    """The network that joins two regions and carries gateway traffic only; `regions` are in alphabetical order."""

    regions: tuple[str, str]

    @property
    def name(self) -> str:
        return "-".join(self.regions)

    @property
    def cut_side(self) -> str:
        """The region whose nodes are detached to cut this link: always the first, so that equal cuts are equal sets."""
        return self.regions[0]


@dataclass(frozen=True)
class Topology:
    """A lab as a value; `Topology()` is the one whose files are committed.

    `own` are the streams that you brought, as `lab/layouts/own.py` writes them, "" for none.
    `sizes`: region -> nodes, where that is not `nodes_per_region`. `layout_options` are the layout's own.
    `server_options` are rendered as they are at the top of each server's configuration. `wan` is what links always do:
    link -> options of `lab shape`. Sizes are in NATS's notation (`1GB`) or Docker's (`256m`). `folder` is where the
    files of a running lab are; no label has it.
    """

    name: str = DEFAULT_NAME
    regions: tuple[str, ...] = ("west", "central", "east")
    nodes_per_region: int = 3
    sizes: dict[str, int] = field(default_factory=dict, hash=False)
    nats: str = DEFAULT_NATS
    stream: str = "foo"
    layout: LayoutName = "mapped"
    layout_options: dict[str, Option] = field(default_factory=dict, hash=False)
    own: str = field(default="", repr=False)
    auth: Auth = "none"
    replicas: int = 3
    max_age: str = "1h"
    duplicate_window: str = "2m"
    client_port: int = 14222
    monitor_port: int = 23222
    port_step: int = 0
    subnet_pool: str = "10.199.0.0/16"
    subnet_prefix: int = 27
    memory: str = "256m"
    store: str = "1GB"
    server_options: dict[str, Option] = field(default_factory=lambda: {"ping_interval": "5s"}, hash=False)
    wan: dict[str, dict[str, str]] = field(default_factory=dict, hash=False)
    folder: str = field(default="", compare=False, repr=False)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        return tuple(Link((a, b)) for a, b in combinations(sorted(self.regions), 2))

    @cached_property
    def conditions(self) -> dict[str, Shape]:
        """What links always do, in each direction. Raises `UsageError` for options that make no sense."""
        return {self.link(name).name: profiles.shape(**options) for name, options in self.wan.items()}

    @property
    def stretched(self) -> bool:
        """Whether all regions are one cluster: then links carry its routes, and no gateways."""
        return self.layout == "stretch"

    @property
    def arbiter(self) -> str:
        """The region that only votes: with the layout of this name the smallest one. "" where there is none."""
        least = min(map(self.size, self.regions), default=0)
        smallest = [region for region in self.regions if self.size(region) == least]
        return smallest[0] if self.layout == "arbiter" and len(smallest) == 1 else ""

    def size(self, region: str) -> int:
        """How many nodes a region has."""
        return self.sizes.get(region, self.nodes_per_region)

    @property
    def networks(self) -> tuple[str, ...]:
        """Keys of all networks: the regions in their order, then the links."""
        return (*self.regions, *(link.name for link in self.links))

    @property
    def slot(self) -> int:
        """0 for the default name, else 1–255 from the name: moves ports and subnets so that labs run side by side."""
        return 0 if self.name == DEFAULT_NAME else zlib.crc32(self.name.encode()) % 255 + 1

    @property
    def step(self) -> int:
        """Between one region's ports and the next one's. Unless it is given, all stay below those that Linux takes for
        outgoing connections, one of which may have any port at any moment; up to three regions leave room for the ports
        of every other name."""
        return self.port_step or min(3000, 6900 // max(1, len(self.regions) - 1) // 10 * 10)

    @cached_property
    def subnets(self) -> dict[str, ipaddress.IPv4Network]:
        pool = ipaddress.IPv4Network(self.subnet_pool)
        size = 2 ** (32 - self.subnet_prefix)
        step = max(256, size)
        places = max(0, pool.num_addresses - size * len(self.networks)) // step + 1
        first = int(pool.network_address) + self.slot % places * step
        return {
            key: ipaddress.IPv4Network((first + index * size, self.subnet_prefix))
            for index, key in enumerate(self.networks)
        }

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(
            self._node(region, number) for region in self.regions for number in range(1, self.size(region) + 1)
        )

    def _node(self, region: str, number: int) -> Node:
        offset = self.regions.index(region) * self.step + self.slot * 10 + number - 1
        addresses = {region: str(self.subnets[region][FIRST_OFFSET + number])}
        for link in self.links:
            if region in link.regions:
                start = FIRST_OFFSET if link.regions[0] == region else SECOND_OFFSET
                addresses[link.name] = str(self.subnets[link.name][start + number])
        return Node(
            f"{region}-{number}", region, number, self.client_port + offset, self.monitor_port + offset, addresses
        )

    # --- looking things up; each raises `UsageError` with the known names ---

    def node(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise unknown("node", name, (node.name for node in self.nodes))

    def region_nodes(self, region: str) -> tuple[Node, ...]:
        self.require_region(region)
        return tuple(node for node in self.nodes if node.region == region)

    def require_region(self, region: str) -> None:
        if region not in self.regions:
            raise unknown("region", region, self.regions)

    def select(self, names: list[str] | tuple[str, ...]) -> tuple[Node, ...]:
        """The nodes that `names` (nodes or regions) stand for, each once, in the lab's order."""
        chosen: set[str] = set()
        for name in names:
            if name in self.regions:
                chosen |= {node.name for node in self.region_nodes(name)}
            elif any(node.name == name for node in self.nodes):
                chosen.add(name)
            else:
                raise unknown("region or node", name, (*self.regions, *(node.name for node in self.nodes)))
        return tuple(node for node in self.nodes if node.name in chosen)

    def link(self, one: str, other: str | None = None) -> Link:
        """The link between two regions, named as two regions or as one word `west-central` in either order."""
        if other is None:
            one, _, other = one.partition("-")
            if not other:
                raise UsageError(
                    f"`{one}` is not a link", f"known links: {', '.join(f'`{li.name}`' for li in self.links)}"
                )
        self.require_region(one)
        self.require_region(other)
        if one == other:
            raise UsageError(f"a link joins two regions, not `{one}` with itself")
        return Link((min(one, other), max(one, other)))

    # --- names of things in Docker and NATS ---

    def container(self, node: Node | str) -> str:
        return f"{self.name}-{node if isinstance(node, str) else node.name}"

    def network(self, key: str) -> str:
        return f"{self.name}-{key}"

    # --- to and from the label ---

    def to_label(self) -> str:
        raw = {key: value for key, value in asdict(self).items() if key != "folder"}
        if self.own:  # a hundred streams are sixty thousand letters, which are much alike
            raw["own"] = PACKED + base64.b64encode(zlib.compress(self.own.encode(), 9)).decode()
        return json.dumps(raw, separators=(",", ":"))

    @staticmethod
    def from_label(text: str) -> "Topology":
        """The topology that a running container carries; fields that this version does not know are left out."""
        try:
            raw: dict[str, Any] = json.loads(text)
            known = {f.name for f in fields(Topology) if f.name != "folder"}
            values = {key: value for key, value in raw.items() if key in known}
            if OLD_LAYOUT in raw and "layout" not in raw:
                values["layout"] = OLD_WORDS.get(raw[OLD_LAYOUT], raw[OLD_LAYOUT])
            if str(values.get("own", "")).startswith(PACKED):
                values["own"] = zlib.decompress(base64.b64decode(values["own"].removeprefix(PACKED))).decode()
            if not isinstance(values["regions"], list):
                raise TypeError(f"`regions` is {values['regions']!r}")
            values["regions"] = tuple(values["regions"])
            topology = Topology(**values)
            _check_types(topology)
            topology.nodes  # noqa: B018 (subnets and ports that make no sense show here)
            return topology
        except (ValueError, LookupError, TypeError, AttributeError, zlib.error) as error:
            raise LabError(
                f"the running lab has a label that this version cannot read: {error}",
                "`lab down` still removes it",
            ) from error

    def differing(self, other: "Topology") -> list[str]:
        """The fields in which the other one is different."""
        return [f.name for f in fields(Topology) if f.compare and getattr(self, f.name) != getattr(other, f.name)]

    def named(self, name: str) -> "Topology":
        return replace(self, name=name)


def _check_types(topology: Topology) -> None:
    """Raises `TypeError` for a value of another type than the default's."""
    for item in fields(Topology):
        value, default = getattr(topology, item.name), getattr(Topology(), item.name)
        if type(value) is not type(default):
            raise TypeError(f"`{item.name}` is {value!r}")
    if topology.auth not in get_args(Auth):
        raise TypeError(f"`auth` is {topology.auth!r}")
    if topology.layout not in get_args(LayoutName):
        raise TypeError(f"`layout` is {topology.layout!r}")
    if not all(isinstance(region, str) for region in topology.regions):
        raise TypeError(f"`regions` is {list(topology.regions)!r}")
    if not all(type(size) is int for size in topology.sizes.values()):
        raise TypeError(f"`sizes` is {topology.sizes!r}")
    for link, options in topology.wan.items():
        if not isinstance(options, dict) or not all(isinstance(value, str) for value in options.values()):
            raise TypeError(f"`wan` has {options!r} for `{link}`")
    for name in ("server_options", "layout_options"):
        for option, value in getattr(topology, name).items():
            if not isinstance(value, Option):
                raise TypeError(f"`{name}` has {value!r} for `{option}`")
