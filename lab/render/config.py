"""The servers' configuration: one file per node, and the subject mappings that all of them include."""

import json

from lab.topology import CLIENT_PORT, GATEWAY_PORT, MONITOR_PORT, ROUTE_PORT, Node, Topology

SYSTEM_USER, SYSTEM_PASSWORD = "admin", "s3cr3t!"
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


def server_file(topology: Topology, node: Node) -> str:
    routes = ", ".join(f'"nats://{peer.name}:{ROUTE_PORT}"' for peer in topology.region_nodes(node.region))
    options = "".join(f"{key}: {_scalar(value)}\n" for key, value in topology.server_options.items())
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
  advertise: "{node.name}:{ROUTE_PORT}"
  routes: [{routes}]
}}

gateway {{
  name: {node.region}
  listen: "0.0.0.0:{GATEWAY_PORT}"
  advertise: "{node.name}:{GATEWAY_PORT}"
  reject_unknown_cluster: true
  gateways: [
{_gateways(topology)}
  ]
}}

accounts {{
  $SYS {{ users: [{{ user: "{SYSTEM_USER}", password: "{SYSTEM_PASSWORD}" }}] }}
}}

include ./mappings.conf
"""


def _gateways(topology: Topology) -> str:
    return "\n".join(
        f"    {{ name: {region}, urls: ["
        + ", ".join(f'"nats://{node.name}:{GATEWAY_PORT}"' for node in topology.region_nodes(region))
        + "] }"
        for region in topology.regions
    )


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, str) else str(value)


def mappings_file(topology: Topology) -> str:
    """Cluster-scoped mappings: the virtual name stands for the streams of the region that one talks to."""
    stream = topology.stream
    # Source -> destination, in which READ stands for the region's read stream.
    rows = {f"{stream}.>": f"{stream}.REGION.>", f"$JS.API.DIRECT.GET.{stream}.>": "$JS.API.DIRECT.GET.READ.>"}
    rows |= {f"$JS.API.{api}.{stream}": f"$JS.API.{api}.READ" for api in BY_STREAM}
    rows |= {f"$JS.API.{api}.{stream}.*": f"$JS.API.{api}.READ.{{{{wildcard(1)}}}}" for api in BY_CONSUMER}

    def targets(destination: str) -> str:
        lines = []
        for region in topology.regions:
            subject = destination.replace("READ", topology.read_stream(region)).replace("REGION", region)
            lines.append(f'    {{ destination: "{subject}", weight: 100%, cluster: "{region}" }}')
        return "\n".join(lines)

    body = "\n".join(f'  "{source}": [\n{targets(destination)}\n  ]' for source, destination in rows.items())
    return f"""\
# The virtual stream `{stream}`: each region's servers turn its name into their own streams'.
# Written by `lab render`; included by every server.
mappings {{
{body}
}}
"""
