"""One cluster over all regions, and one stream with a replica in each: one order of messages everywhere.

    publish foo.x anywhere ─> foo   (a replica in west, one in central, one in east)

There are no gateways: links carry the cluster's routes. A write needs a majority of the regions, and every one of them
waits for it. Tags place the replicas: `unique_tag` allows no two of them in one region.
"""

from lab.layouts.layout import Account, Client, Layout, Stream
from lab.layouts.mapped import GLOBAL, SYSTEM, common
from lab.topology import Topology
from lab.units import duration_ns


def stretch(topology: Topology) -> Layout:
    name = topology.stream
    unplaced = {key: value for key, value in common(topology, "").items() if key != "placement"}
    definition = {
        "name": name,
        "subjects": [f"{name}.>"],
        **unplaced,
        "max_age": duration_ns(topology.max_age),
        "deny_delete": False,
        "deny_purge": False,
        "allow_direct": True,
    }
    only = Stream(name, name, GLOBAL, topology.regions[0], (), name, definition, spread=topology.regions)
    return Layout(
        name="stretch",
        topology=topology,
        virtual_name=name,
        streams=(only,),
        accounts=(Account(GLOBAL),),
        system=SYSTEM,
        clients={region: Client(GLOBAL, name, name) for region in topology.regions},
    )
