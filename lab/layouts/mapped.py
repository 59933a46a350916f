"""The default: in each region a stream that clients write to and one that they read, behind one name.

    publish foo.x in west ─ mapping ─> foo.west.x ─> foo-write-west ─┬─> foo-read-west     foo.x
                                                                     ├─> foo-read-central  foo.x
                                                                     └─> foo-read-east     foo.x

Mappings that hold for one cluster turn the virtual name into the streams of the region that one talks to. The transform
that takes the region out of the subject sits on each source (docs/concepts.md says why).
"""

from collections.abc import Mapping
from typing import Any

from lab.layouts.layout import Account, Client, Layout, Stream
from lab.topology import Topology
from lab.units import duration_ns

# Servers have this account for clients that name no user.
GLOBAL = "$G"
SYSTEM = Account("$SYS", "admin", "s3cr3t!")
# API subjects whose tail is `<stream>` alone, or `<stream>.<consumer>`; the server answers them on the real name.
# Not here on purpose: PURGE and MSG.DELETE act on one region only; CREATE and UPDATE carry the name in the body as
# well (error 10056); acknowledgements carry the real name already.
BY_STREAM = ("STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET", "CONSUMER.NAMES", "CONSUMER.LIST")
BY_CONSUMER = (
    "CONSUMER.INFO",
    "CONSUMER.MSG.NEXT",
    "CONSUMER.DELETE",
    "CONSUMER.PAUSE",
    "CONSUMER.RESET",
    "CONSUMER.UNPIN",
    "CONSUMER.LEADER.STEPDOWN",
)


def mapped(topology: Topology, regions: tuple[str, ...] = ()) -> Layout:
    """In all regions, or in those that are named."""
    regions = regions or topology.regions
    origins = {region: _origin(topology, region) for region in regions}
    copies = {region: _copy(topology, region, tuple(origins.values())) for region in regions}
    return Layout(
        name="mapped",
        topology=topology,
        virtual_name=topology.stream,
        streams=(*origins.values(), *copies.values()),
        accounts=(Account(GLOBAL, mappings=_mappings(topology.stream, origins, copies)),),
        system=SYSTEM,
        clients={region: Client(GLOBAL, origins[region].key, copies[region].key) for region in regions},
    )


def storing(topology: Topology, region: str, name: str, prefix: str, account: str = GLOBAL) -> Stream:
    """A stream that stores what clients publish below a prefix."""
    definition = {
        "name": name,
        "subjects": [f"{prefix}.>"],
        **common(topology, region),
        "max_age": duration_ns(topology.max_age),
        "deny_delete": False,
        "deny_purge": False,
        "allow_direct": True,
    }
    return Stream(name, name, account, region, (), prefix, definition)


def _origin(topology: Topology, region: str) -> Stream:
    return storing(topology, region, f"{topology.stream}-write-{region}", f"{topology.stream}.{region}")


def _copy(topology: Topology, region: str, origins: tuple[Stream, ...]) -> Stream:
    name, prefix = f"{topology.stream}-read-{region}", topology.stream
    definition = {
        "name": name,
        **common(topology, region),
        "max_age": 0,
        "sources": [
            {"name": origin.name, "subject_transforms": [{"src": f"{origin.prefix}.>", "dest": f"{prefix}.>"}]}
            for origin in origins
        ],
        # A purge or a delete acts on one region's copy alone, and the regions would differ forever. Get answers in an
        # isolated region only as Direct Get; the JetStream API's own needs the meta leader.
        "deny_delete": True,
        "deny_purge": True,
        "allow_direct": True,
    }
    return Stream(name, name, GLOBAL, region, tuple(origin.key for origin in origins), prefix, definition)


def common(topology: Topology, region: str) -> dict[str, Any]:
    """What all streams of a region have."""
    return {
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "max_msgs": -1,
        "max_bytes": -1,
        "max_msg_size": -1,
        "max_msgs_per_subject": -1,
        "max_consumers": -1,
        "num_replicas": topology.replicas,
        "duplicate_window": duration_ns(topology.duplicate_window),
        "placement": {"cluster": region},
    }


def _mappings(virtual: str, origins: dict[str, Stream], copies: dict[str, Stream]) -> dict[str, dict[str, str]]:
    rows = {f"{virtual}.>": {region: f"{origin.prefix}.>" for region, origin in origins.items()}}
    return rows | api_mappings(virtual, copies)


def api_mappings(virtual: str, copies: Mapping[str, Stream]) -> dict[str, dict[str, str]]:
    """What makes the virtual name stand for each region's own copy in the JetStream API."""

    def to_each(before: str, after: str) -> dict[str, str]:
        return {region: f"{before}{copy.name}{after}" for region, copy in copies.items()}

    rows = {f"$JS.API.DIRECT.GET.{virtual}.>": to_each("$JS.API.DIRECT.GET.", ".>")}
    rows |= {f"$JS.API.{api}.{virtual}": to_each(f"$JS.API.{api}.", "") for api in BY_STREAM}
    rows |= {f"$JS.API.{api}.{virtual}.*": to_each(f"$JS.API.{api}.", ".{{wildcard(1)}}") for api in BY_CONSUMER}
    return rows
