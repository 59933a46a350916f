"""An account for each region, in which the stream really is called as clients call it, so that every call works on it.

    publish foo.x in west ─> foo-write-west ─┬─> foo (account WEST)     foo.x
                            (account WEST)   ├─> foo (account CENTRAL)  foo.x
                                             └─> foo (account EAST)     foo.x

Clients are in the account of the region whose servers they talk to, and name no user. A copy sources origins of other
accounts, which export to it what a source asks for: the creation of a consumer, the subject that it delivers to, and
its flow control. Without the last of these (`flow_control: false`) a source stops for good after 2 MB.
"""

from typing import Any

from lab.layouts.layout import Account, Client, Export, Import, Layout, Stream
from lab.layouts.mapped import SYSTEM, common, storing
from lab.topology import Topology


def transparent(topology: Topology) -> Layout:
    origins = {region: _origin(topology, region) for region in topology.regions}
    copies = {region: _copy(topology, region, origins) for region in topology.regions}
    return Layout(
        name="transparent",
        topology=topology,
        virtual_name=topology.stream,
        streams=(*origins.values(), *copies.values()),
        accounts=tuple(_account(topology, region, origins) for region in topology.regions),
        system=SYSTEM,
        clients={r: Client(_name(r), origins[r].key, copies[r].key) for r in topology.regions},
    )


def _name(region: str) -> str:
    return region.upper()


def _origin(topology: Topology, region: str) -> Stream:
    """Its name tells the region, for acknowledgements and `Nats-Stream-Source`, and keeps the imports apart."""
    return storing(topology, region, f"{topology.stream}-write-{region}", topology.stream, _name(region))


def _copy(topology: Topology, region: str, origins: dict[str, Stream]) -> Stream:
    key = f"{topology.stream}-read-{region}"
    definition = {
        "name": topology.stream,
        **common(topology, region),
        "max_age": 0,
        "sources": [_source(topology, origin, region) for origin in origins.values()],
        "deny_delete": True,
        "deny_purge": True,
        "allow_direct": True,
    }
    upstream = tuple(origin.key for origin in origins.values())
    return Stream(key, topology.stream, _name(region), region, upstream, topology.stream, definition)


def _source(topology: Topology, origin: Stream, region: str) -> dict[str, Any]:
    """With a filter the subject of the request has a tail, which the export covers; without one it has none."""
    source: dict[str, Any] = {"name": origin.name, "filter_subject": f"{topology.stream}.>"}
    if origin.region != region:
        source["external"] = {"api": _api(origin), "deliver": _deliver(origin, region)}
    return source


def _api(origin: Stream) -> str:
    return f"JS.{origin.region}.API"


def _deliver(origin: Stream, region: str) -> str:
    return f"sync.{origin.region}.{region}"


def _account(topology: Topology, region: str, origins: dict[str, Stream]) -> Account:
    own = origins[region]
    others = [origin for other, origin in origins.items() if other != region]
    names = tuple(origin.account for origin in others)
    flow = bool(topology.layout_options.get("flow_control", True))
    exports = [Export("service", f"$JS.API.CONSUMER.CREATE.{own.name}.>", names)]
    exports += [Export("service", f"$JS.FC.{own.name}.>", names)] if flow else []
    exports += [Export("stream", f"{_deliver(own, origin.region)}.>", (origin.account,)) for origin in others]
    imports = []
    for origin in others:
        create = f"CONSUMER.CREATE.{origin.name}.>"
        imports.append(Import("service", origin.account, f"$JS.API.{create}", f"{_api(origin)}.{create}"))
        if flow:
            imports.append(Import("service", origin.account, f"$JS.FC.{origin.name}.>"))
        imports.append(Import("stream", origin.account, f"{_deliver(origin, region)}.>"))
    return Account(own.account, region=region, exports=tuple(exports), imports=tuple(imports))
