"""What can be wrong with a topology, as sentences for people; pure."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import get_args

from lab import profiles
from lab.errors import UsageError
from lab.layouts.own import problems as problems_of_own
from lab.shape import Shape
from lab.topology import MAX_NODES, NAME, NAME_RULE, Auth, LayoutName, Topology
from lab.units import duration_ns, shortened, size_bytes

REGION = re.compile(r"[a-z][a-z0-9]{0,14}")
STREAM = re.compile(r"[A-Za-z0-9_-]{1,32}")
# What a server cannot live with, or no machine has; in bytes, with how it is said.
SIZES = {
    "memory": (32 * 2**20, 2**40, "must be `32m` to `1024g`"),
    "store": (2**20, 2**50, "must be `1MB` to `1024TB`"),
}
# What `layout_options` may have, by the layout.
LAYOUT_OPTIONS: dict[str, dict[str, type]] = {"transparent": {"flow_control": bool}, "mirror": {"writer": str}}
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


def problems(topology: Topology) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with a topology, as (field, sentence); empty when it can be run."""
    if not NAME.fullmatch(topology.name):
        yield "name", f"`{topology.name}` must be {NAME_RULE}"
    yield from _region_problems(topology)
    if not 1 <= topology.nodes_per_region <= MAX_NODES:
        yield "nodes_per_region", f"must be 1 to {MAX_NODES}, not {topology.nodes_per_region}"
    if topology.replicas not in (1, 3, 5):
        yield "replicas", f"must be 1, 3 or 5, not {topology.replicas}"
    elif topology.layout != "own":  # which has them in its definitions
        yield from _replica_problems(topology)
    if not STREAM.fullmatch(topology.stream):
        yield "stream", f"`{topology.stream}` must be letters, digits, `-` and `_`, at most 32 characters"
    yield from _layout_problems(topology)
    if topology.auth not in get_args(Auth):
        yield "auth", f"must be `none` or `operator`, not `{shortened(topology.auth)}`"
    elif topology.auth == "operator" and topology.layout == "transparent":
        why = "credentials choose the account there, and with this layout the server that a client talks to does"
        yield "auth", f"`operator` cannot be had with the layout `transparent`: {why}"
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
            yield name, f"{sentence}, not `{shortened(getattr(topology, name))}`"
    yield from _links(topology)
    for option in topology.server_options:
        if option.lower() in OWN_OPTIONS:
            yield "server_options", f"`{option}` is set by the lab itself"
    subnets = list(_subnet_problems(topology))
    yield from subnets
    unique = len(set(topology.regions)) == len(topology.regions)
    sizes = {topology.nodes_per_region, *topology.sizes.values()}
    if not subnets and unique and all(1 <= size <= MAX_NODES for size in sizes):  # else there are no nodes to look at
        yield from _port_problems(topology)


def _replica_problems(topology: Topology) -> Iterator[tuple[str, str]]:
    replicas, regions = topology.replicas, topology.regions
    if topology.layout == "stretch":
        if replicas != len(regions):
            places = f"the layout `stretch` has a replica in each of {len(regions)} regions"
            yield "replicas", f"{places}, so it must be {len(regions)}, not {replicas}"
        return
    small = [region for region in regions if topology.size(region) < replicas and region != topology.arbiter]
    if small and not topology.sizes:
        yield "replicas", f"{replicas} replicas do not fit on {topology.nodes_per_region} nodes in a region"
    elif small:
        votes = ", which only votes with `layout: arbiter`" if topology.layout != "arbiter" else ""
        yield "regions", f"{replicas} replicas do not fit on {topology.size(small[0])} nodes in {small[0]}{votes}"


def _layout_problems(topology: Topology) -> Iterator[tuple[str, str]]:
    if topology.layout not in get_args(LayoutName):
        words = ", ".join(f"`{word}`" for word in get_args(LayoutName))
        yield "layout", f"must be one of {words}, not `{shortened(topology.layout)}`"
        return
    if topology.own and topology.layout != "own":
        yield "layout", f"`{topology.layout}` has streams of its own; yours are brought with `layout: own`"
    if topology.layout == "own":
        yield from (("streams", sentence) for sentence in problems_of_own(topology))
    if topology.layout == "arbiter" and not topology.arbiter:
        small = "one region that is smaller than all others"
        yield "layout", f"`arbiter` needs {small}: `regions: {{west: 3, east: 3, arbiter: 1}}`"
    known = LAYOUT_OPTIONS.get(topology.layout, {})
    for option, value in topology.layout_options.items():
        if option not in known:
            has = f"it has {', '.join(f'`{name}`' for name in known)}" if known else "it has none"
            yield "layout_options", f"the layout `{topology.layout}` has no option `{option}`; {has}"
        elif type(value) is not known[option]:
            should = "`true` or `false`" if known[option] is bool else "text"
            yield "layout_options", f"`{option}` should be {should}, not `{value}`"
        elif option == "writer" and value not in topology.regions:
            yield "layout_options", f"there is no region `{value}` to write in"


def _region_problems(topology: Topology) -> Iterator[tuple[str, str]]:
    if not 2 <= len(topology.regions) <= 9:
        yield "regions", f"there must be 2 to 9 regions, not {len(topology.regions)}"
    for region in topology.regions:
        if not REGION.fullmatch(region):
            yield (
                "regions",
                f"`{region}` must be lower-case letters and digits, beginning with a letter, at most 15 characters",
            )
        if not 1 <= topology.size(region) <= MAX_NODES and region in topology.sizes:
            yield "regions", f"`{region}` must have 1 to {MAX_NODES} nodes, not {topology.size(region)}"
        if topology.regions.count(region) > 1:
            yield "regions", f"`{region}` is listed twice"


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
    if size * len(topology.networks) > pool.num_addresses:
        yield (
            "subnet_pool",
            f"`{topology.subnet_pool}` has no room for {len(topology.networks)} networks of /{topology.subnet_prefix}",
        )


def _links(topology: Topology) -> Iterator[tuple[str, str]]:
    known = {name for link in topology.links for name in (link.name, "-".join(link.regions[::-1]))}
    for name, options in topology.wan.items():
        unknown = [key for key in options if key not in shape_options()]
        if name not in known:
            links = ", ".join(f"`{link.name}`" for link in topology.links)
            yield "links", f"there is no link `{name}`; there are {links}"
        elif unknown:
            yield "links", f"`{name}` has the unknown option `{unknown[0]}`; there are {', '.join(shape_options())}"
        else:
            try:
                profiles.shape(**options)
            except UsageError as error:
                yield "links", f"`{name}`: {error.message}" + (f" ({error.hint})" if error.hint else "")


def shape_options() -> tuple[str, ...]:
    """What a link may have in lab.yaml."""
    return "profile", *(field.name for field in fields(Shape))
