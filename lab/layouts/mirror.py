"""One region writes; every other one has a mirror, which its clients read under the same name.

    publish foo.x anywhere ─> foo-west ─┬─> foo-central  foo.x
                                        └─> foo-east     foo.x

There is one order of messages, and a mirror has the sequences of the original. Whoever cannot reach the region that
writes (the first one, or `writer`) cannot publish. Another region takes over by hand: the scenario `promote-mirror`.
"""

from lab.layouts.layout import Account, Client, Layout, Stream
from lab.layouts.mapped import GLOBAL, SYSTEM, api_mappings, common, storing
from lab.topology import Topology


def mirror(topology: Topology) -> Layout:
    writer = str(topology.layout_options.get("writer", topology.regions[0]))
    origin = _origin(topology, writer)
    mirrors = [_mirror(topology, region, origin) for region in topology.regions if region != writer]
    nearest = {stream.region: stream for stream in (origin, *mirrors)}
    return Layout(
        name="mirror",
        topology=topology,
        virtual_name=topology.stream,
        streams=(origin, *mirrors),
        accounts=(Account(GLOBAL, mappings=api_mappings(topology.stream, nearest)),),
        system=SYSTEM,
        clients={region: Client(GLOBAL, origin.key, nearest[region].key) for region in topology.regions},
    )


def _origin(topology: Topology, region: str) -> Stream:
    return storing(topology, region, f"{topology.stream}-{region}", topology.stream)


def _mirror(topology: Topology, region: str, origin: Stream) -> Stream:
    """Servers set `mirror_direct` by themselves where the original allows Direct Get. Denials would outlive a
    promotion, so it has none."""
    name = f"{topology.stream}-{region}"
    definition = {
        "name": name,
        **{key: value for key, value in common(topology, region).items() if key != "duplicate_window"},
        "max_age": 0,
        "mirror": {"name": origin.name},
        "mirror_direct": True,
        "deny_delete": False,
        "deny_purge": False,
        "allow_direct": True,
    }
    return Stream(name, name, GLOBAL, region, (origin.key,), topology.stream, definition)
