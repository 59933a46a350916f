"""The Compose file: nine containers, the region networks and the link networks.

Written as text, not dumped: people read it on the web. It runs with `docker compose -f compose/compose.yaml up` alone.
"""

from lab.docker.labels import LABEL_LINK, LABEL_NAME, LABEL_NODE, LABEL_REGION, LABEL_TOPOLOGY
from lab.layouts import layout_of
from lab.render.config import included, shared
from lab.topology import CLIENT_PORT, MONITOR_PORT, OFFICIAL_IMAGE, Node, Topology


def compose_file(topology: Topology) -> str:
    # YAML's quote is doubled; Compose reads `$` as the start of a variable.
    label = "'" + topology.to_label().replace("'", "''").replace("$", "$$") + "'"
    services = "\n".join(_service(topology, node) for node in topology.nodes)
    networks = "\n".join(_network(topology, key) for key in topology.networks)
    volumes = "\n".join(
        f"  {node.name}:\n    name: {topology.container(node)}\n    labels: *volume-labels" for node in topology.nodes
    )
    carries = "routes" if topology.stretched else "gateways"
    return f"""\
# {len(topology.nodes)} NATS servers in {len(topology.regions)} regions.
# Written by `lab render`; `lab up` runs what stands here.
name: {topology.name}

x-labels: &labels
  {LABEL_NAME}: {topology.name}
  {LABEL_TOPOLOGY}: {label}

x-volume-labels: &volume-labels
  {LABEL_NAME}: {topology.name}

x-node: &node
  image: ${{LAB_IMAGE:-{OFFICIAL_IMAGE}:{topology.nats}}}
  command: ["--config", "/etc/nats/nats-server.conf"]
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  mem_limit: {topology.memory}
  pids_limit: 200
  # A packet must come by the way that its answer goes. What a node that is cut off sends to a link comes by way of the
  # host, which forwards it for an instant whenever Docker creates a network.
  sysctls: {{ net.ipv4.conf.all.rp_filter: 1, net.ipv4.conf.default.rp_filter: 1 }}
  restart: "no"
  logging:
    driver: json-file
    options: {{ max-size: 10m, max-file: "3" }}

services:
{services}

# A region's network carries its routes and the published ports; a link's is internal and carries {carries} only.
# Nothing is masqueraded, so that a node can tell by the source that a packet came by way of the host.
networks:
{networks}

volumes:
{volumes}
"""


def _service(topology: Topology, node: Node) -> str:
    layout = layout_of(topology)
    hosts = "\n".join(f'      - "{peer.host}:{address}"' for peer, address in _hosts(topology, node))
    networks = "\n".join(f"      {key}: {{ ipv4_address: {address} }}" for key, address in node.addresses.items())
    return f"""\
  {node.name}:
    <<: *node
    container_name: {topology.container(node)}
    hostname: {node.name}
    labels:
      <<: *labels
      {LABEL_REGION}: {node.region}
      {LABEL_NODE}: {node.name}
    ports:
      - "127.0.0.1:{node.client_port}:{CLIENT_PORT}"
      - "127.0.0.1:{node.monitor_port}:{MONITOR_PORT}"
    volumes:
      - ../configs/{node.name}.conf:/etc/nats/nats-server.conf:ro
      - ../configs/{shared(layout, node.region)}:/etc/nats/{included(layout)}:ro
      - {node.name}:/data
    # Names that resolve before a peer has started and while it is cut off, unlike Docker's own DNS.
    extra_hosts:
{hosts}
    networks:
{networks}
"""


def _hosts(topology: Topology, node: Node) -> list[tuple[Node, str]]:
    """Every node, itself too, with the address on the network that both are on."""
    return [
        (peer, next(peer.addresses[key] for key in node.addresses if key in peer.addresses)) for peer in topology.nodes
    ]


def _network(topology: Topology, key: str) -> str:
    is_region = key in topology.regions
    return f"""\
  {key}:
    name: {topology.network(key)}
    internal: {"false" if is_region else "true"}
    driver_opts: {{ com.docker.network.bridge.enable_ip_masquerade: "false" }}
    labels:
      {LABEL_NAME}: {topology.name}
      {LABEL_REGION if is_region else LABEL_LINK}: {key}
    ipam:
      config:
        - subnet: {topology.subnets[key]}"""
