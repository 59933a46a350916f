"""What a lab is: regions, nodes, links, addresses, ports, streams.

A `Topology` is a value. Every file that Docker and NATS read is a pure function of it (`lab/render/`), and it travels
with the running lab as a label on each container, so that every command sees the lab that runs, not the one that a
file describes. Nothing here touches a disk, a clock or a network.
"""

import ipaddress
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from itertools import combinations
from typing import Any, Literal

from lab.errors import LabError, UsageError, unknown

DEFAULT_NAME = "region-lab"
DEFAULT_NATS = "2.15.1"
OFFICIAL_IMAGE = "nats"
CLIENT_PORT, MONITOR_PORT, ROUTE_PORT, GATEWAY_PORT = 4222, 8222, 6222, 7222
MAX_NODES = 9
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
REGION = re.compile(r"[a-z][a-z0-9]{0,14}")
STREAM = re.compile(r"[A-Za-z0-9_-]{1,32}")
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
SIZE = re.compile(r"(\d{1,30})([bkmgt]?)i?b?", re.ASCII | re.IGNORECASE)
MAX_NS = 2**63 - 1  # what a server counts with
# What a server cannot live with, or no machine has; in bytes, with how it is said.
SIZES = {
    "memory": (32 * 2**20, 2**40, "must be `32m` to `1024g`"),
    "store": (2**20, 2**50, "must be `1MB` to `1024TB`"),
}
# Server options that the lab decides; another value would break what it promises.
OWN_OPTIONS = frozenset(
    [
        "accounts",
        "client_advertise",
        "cluster",
        "gateway",
        "host",
        "http",
        "http_port",
        "https_port",
        "include",
        "jetstream",
        "leafnodes",
        "listen",
        "mappings",
        "name",
        "net",
        "no_auth_user",
        "operator",
        "port",
        "resolver",
        "server_name",
        "server_tags",
        "system_account",
    ]
)
# Addresses inside a network: .1 is Docker's gateway; the first region's nodes follow 10, the second's follow 20.
FIRST_OFFSET, SECOND_OFFSET = 10, 20

Profile = Literal["fixed", "seed"]
Option = str | int | float | bool


def duration_ns(text: str) -> int:
    """Nanoseconds of a duration such as `90s`, `1h30m` or `2d`; `0` means no limit. Raises `UsageError`."""
    if text == "0":
        return 0
    if not DURATION.fullmatch(text):
        raise UsageError(f"`{text}` is not a duration", "write a number and a unit: `500ms`, `20s`, `1h30m`, `2d`")
    unit_ns = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    nanoseconds = sum(float(number) * unit_ns[unit] for number, unit in parts)
    if nanoseconds >= MAX_NS:
        raise UsageError(f"`{_short(text)}` is longer than NATS can count, which is 292 years", "`0` means no limit")
    return round(nanoseconds)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"


def size_bytes(text: str) -> int | None:
    """Bytes of a size such as `256m` or `1GB`, units being powers of 1024; None for what is not a size."""
    match = SIZE.fullmatch(text)
    return int(match[1]) * 1024 ** " kmgt".index(match[2].lower().replace("b", "") or " ") if match else None


@dataclass(frozen=True)
class Node:
    """One server. `addresses` maps the key of each network that it is on (a region or a link) to its fixed IPv4."""

    name: str
    region: str
    number: int
    client_port: int
    monitor_port: int
    addresses: dict[str, str] = field(hash=False)


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

    `server_options` are rendered as they are at the top of each server's configuration. Sizes are in NATS's notation
    (`1GB`) or Docker's (`256m`).
    """

    name: str = DEFAULT_NAME
    regions: tuple[str, ...] = ("west", "central", "east")
    nodes_per_region: int = 3
    nats: str = DEFAULT_NATS
    stream: str = "foo"
    profile: Profile = "fixed"
    replicas: int = 3
    max_age: str = "1h"
    duplicate_window: str = "2m"
    client_port: int = 14222
    monitor_port: int = 18222
    port_step: int = 10000
    subnet_pool: str = "10.199.0.0/16"
    subnet_prefix: int = 27
    memory: str = "256m"
    store: str = "1GB"
    server_options: dict[str, Option] = field(default_factory=lambda: {"ping_interval": "5s"}, hash=False)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        return tuple(Link((a, b)) for a, b in combinations(sorted(self.regions), 2))

    @property
    def networks(self) -> tuple[str, ...]:
        """Keys of all networks: the regions in their order, then the links."""
        return (*self.regions, *(link.name for link in self.links))

    @property
    def slot(self) -> int:
        """0 for the default name, else 1–255 from the name: moves ports and subnets so that labs run side by side."""
        return 0 if self.name == DEFAULT_NAME else zlib.crc32(self.name.encode()) % 255 + 1

    @cached_property
    def subnets(self) -> dict[str, ipaddress.IPv4Network]:
        pool = ipaddress.IPv4Network(self.subnet_pool)
        first = int(pool.network_address) + self.slot * 256
        size = 2 ** (32 - self.subnet_prefix)
        return {
            key: ipaddress.IPv4Network((first + index * size, self.subnet_prefix))
            for index, key in enumerate(self.networks)
        }

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(
            self._node(region, number) for region in self.regions for number in range(1, self.nodes_per_region + 1)
        )

    def _node(self, region: str, number: int) -> Node:
        offset = self.regions.index(region) * self.port_step + self.slot * 10 + number - 1
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

    def write_stream(self, region: str) -> str:
        return f"{self.stream}-write-{region}"

    def read_stream(self, region: str) -> str:
        return f"{self.stream}-read-{region}"

    # --- to and from the label ---

    def to_label(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @staticmethod
    def from_label(text: str) -> "Topology":
        """The topology that a running container carries; fields that this version does not know are left out."""
        try:
            raw: dict[str, Any] = json.loads(text)
            known = {f.name for f in fields(Topology)}
            values = {key: value for key, value in raw.items() if key in known}
            if not isinstance(values["regions"], list):
                raise TypeError(f"`regions` is {values['regions']!r}")
            values["regions"] = tuple(values["regions"])
            topology = Topology(**values)
            _check_types(topology)
            topology.nodes  # noqa: B018 (subnets and ports that make no sense show here)
            return topology
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise LabError(
                f"the lab that runs carries a label that this version cannot read: {error}",
                "`lab down` removes it; it finds things by another label",
            ) from error

    def named(self, name: str) -> "Topology":
        return replace(self, name=name)


def _check_types(topology: Topology) -> None:
    """Raises `TypeError` for a value of another type than the default's."""
    for item in fields(Topology):
        value, default = getattr(topology, item.name), getattr(Topology(), item.name)
        if type(value) is not type(default):
            raise TypeError(f"`{item.name}` is {value!r}")
    if not all(isinstance(region, str) for region in topology.regions):
        raise TypeError(f"`regions` is {list(topology.regions)!r}")
    for option, value in topology.server_options.items():
        if not isinstance(value, Option):
            raise TypeError(f"`server_options` has {value!r} for `{option}`")


def problems(topology: Topology) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with a topology, as (field, sentence); empty when it can be run."""
    if not NAME.fullmatch(topology.name):
        yield (
            "name",
            f"`{topology.name}` must be lower-case letters, digits and `-`, starting with a letter, at most 31",
        )
    yield from _region_problems(topology)
    if not 1 <= topology.nodes_per_region <= MAX_NODES:
        yield "nodes_per_region", f"must be 1 to {MAX_NODES}, not {topology.nodes_per_region}"
    if topology.replicas not in (1, 3, 5):
        yield "replicas", f"must be 1, 3 or 5, not {topology.replicas}"
    elif topology.replicas > topology.nodes_per_region:
        yield "replicas", f"{topology.replicas} replicas do not fit on {topology.nodes_per_region} nodes in a region"
    if not STREAM.fullmatch(topology.stream):
        yield "stream", f"`{topology.stream}` must be letters, digits, `-` and `_`, at most 32"
    if topology.profile not in ("fixed", "seed"):
        yield "profile", f"must be `fixed` or `seed`, not `{topology.profile}`"
    wrong_duration = False
    for name in ("max_age", "duplicate_window"):
        try:
            duration_ns(getattr(topology, name))
        except UsageError as error:
            wrong_duration = True
            yield name, error.message
    if not wrong_duration and 0 < duration_ns(topology.max_age) < duration_ns(topology.duplicate_window):
        yield (
            "duplicate_window",
            f"{topology.duplicate_window} is longer than max_age, which the server refuses (10052)",
        )
    for name, (least, most, sentence) in SIZES.items():
        size = size_bytes(getattr(topology, name))
        if size is None or not least <= size <= most:
            yield name, f"{sentence}, not `{_short(getattr(topology, name))}`"
    for option in topology.server_options:
        if option.lower() in OWN_OPTIONS:
            yield "server_options", f"`{option}` is set by the lab itself"
    subnets = list(_subnet_problems(topology))
    yield from subnets
    unique = len(set(topology.regions)) == len(topology.regions)
    if not subnets and unique and 1 <= topology.nodes_per_region <= MAX_NODES:  # else there are no nodes to look at
        yield from _port_problems(topology)


def _region_problems(topology: Topology) -> Iterator[tuple[str, str]]:
    if not 2 <= len(topology.regions) <= 9:
        yield "regions", f"there must be 2 to 9 regions, not {len(topology.regions)}"
    for region in topology.regions:
        if not REGION.fullmatch(region):
            yield "regions", f"`{region}` must be lower-case letters and digits, starting with a letter, at most 15"
        if topology.regions.count(region) > 1:
            yield "regions", f"`{region}` stands there more than once"


def _port_problems(topology: Topology) -> Iterator[tuple[str, str]]:
    used: dict[int, str] = {}
    for node in topology.nodes:
        for kind, port in (("client_port", node.client_port), ("monitor_port", node.monitor_port)):
            if not 1024 <= port <= 65535:
                yield kind, f"{node.name} would get port {port}; ports are 1024 to 65535 (see `port_step`)"
                return
            if port in used:
                yield kind, f"{node.name} and {used[port]} would both get port {port} (see `port_step`)"
                return
            used[port] = node.name


def _subnet_problems(topology: Topology) -> Iterator[tuple[str, str]]:
    try:
        pool = ipaddress.IPv4Network(topology.subnet_pool)
    except ValueError as error:
        yield "subnet_pool", f"`{topology.subnet_pool}` is not an IPv4 network: {error}"
        return
    if not pool.is_private or pool.is_reserved or pool.is_loopback or pool.is_link_local:
        yield "subnet_pool", f"`{topology.subnet_pool}` is not a private network"
    if not 16 <= topology.subnet_prefix <= 27:
        yield "subnet_prefix", f"must be 16 to 27, not {topology.subnet_prefix}"
        return
    size = 2 ** (32 - topology.subnet_prefix)
    if topology.slot * 256 % size:
        yield "subnet_prefix", "a lab with another name than the default needs a prefix of 24 to 27"
    elif topology.slot * 256 + size * len(topology.networks) > pool.num_addresses:
        yield (
            "subnet_pool",
            f"`{topology.subnet_pool}` has no room for {len(topology.networks)} networks of /{topology.subnet_prefix}",
        )
