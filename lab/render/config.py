"""The servers' configuration: one file per node, and the subject mappings that all of them include."""

import json
from collections.abc import Mapping

from lab.layouts import layout_of
from lab.topology import CLIENT_PORT, GATEWAY_PORT, MONITOR_PORT, ROUTE_PORT, Node, Topology


def server_file(topology: Topology, node: Node) -> str:
    routes = ", ".join(f'"nats://{peer.host}:{ROUTE_PORT}"' for peer in topology.region_nodes(node.region))
    options = "".join(f"{key}: {_scalar(value)}\n" for key, value in topology.server_options.items())
    system = layout_of(topology).system
    return f"""\
# Node {node.name}. Written by `lab render`; edit it to try something, `lab up` runs what stands here.
server_name: {node.name}
server_tags: ["{node.region}"]
listen: "0.0.0.0:{CLIENT_PORT}"
# What clients on the host are told; they cannot reach the container's own address.
client_advertise: "127.0.0.1:{node.client_port}"
http: "0.0.0.0:{MONITOR_PORT}"
{options}
jetstream {{
  store_dir: "/data"
  max_file_store: {topology.store}
}}

cluster {{
  name: {node.region}
  listen: "0.0.0.0:{ROUTE_PORT}"
  # Otherwise a node on several networks gossips an address that its peers may not reach.
  advertise: "{node.host}:{ROUTE_PORT}"
  routes: [{routes}]
}}

gateway {{
  name: {node.region}
  listen: "0.0.0.0:{GATEWAY_PORT}"
  advertise: "{node.host}:{GATEWAY_PORT}"
  reject_unknown_cluster: true
  gateways: [
{_gateways(topology)}
  ]
}}

accounts {{
  {system.name} {{ users: [{{ user: "{system.user}", password: "{system.password}" }}] }}
}}

include ./mappings.conf
"""


def _gateways(topology: Topology) -> str:
    return "\n".join(
        f"    {{ name: {region}, urls: ["
        + ", ".join(f'"nats://{node.host}:{GATEWAY_PORT}"' for node in topology.region_nodes(region))
        + "] }"
        for region in topology.regions
    )


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, str) else str(value)


def mappings_file(topology: Topology) -> str:
    """Cluster-scoped mappings: the virtual name stands for the streams of the region that one talks to."""
    layout = layout_of(topology)
    # Both layouts have one account, the servers' own for clients that name no user: its mappings stand at the top.
    (account,) = layout.accounts

    def targets(destinations: Mapping[str, str]) -> str:
        return "\n".join(
            f'    {{ destination: "{subject}", weight: 100%, cluster: "{region}" }}'
            for region, subject in destinations.items()
        )

    body = "\n".join(f'  "{source}": [\n{targets(to)}\n  ]' for source, to in account.mappings.items())
    return f"""\
# The virtual stream `{layout.virtual_name}`: each region's servers turn its name into their own streams'.
# Written by `lab render`; included by every server.
mappings {{
{body}
}}
"""
