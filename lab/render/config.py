"""The servers' configuration: a file for each node, and what nodes share: the subject mappings, or the accounts."""

import json
from collections.abc import Mapping

from lab.layouts import Account, Layout, layout_of, region_tag
from lab.topology import CLIENT_PORT, GATEWAY_PORT, MONITOR_PORT, ROUTE_PORT, Node, Topology

UNIQUE_TAG = f'  # No two replicas of a stream in one region.\n  unique_tag: "{region_tag("")}"\n'
STAY = "  # Clients are told of no other servers, which would be those of all regions.\n  no_advertise: true\n"
OPERATOR = "operator.conf"  # with tokens, so `lab up` writes it: lab/credentials.py
NO_USER = "app"  # whom clients are that name no user, where accounts are the lab's own


def server_file(topology: Topology, node: Node) -> str:
    options = "".join(f"{key}: {_scalar(value)}\n" for key, value in topology.server_options.items())
    layout = layout_of(topology)
    return f"""\
# Node {node.name}. Written by `lab render`; edit it to try something, `lab up` runs what stands here.
server_name: {node.name}
server_tags: ["{region_tag(node.region) if topology.stretched else node.region}"]
listen: "0.0.0.0:{CLIENT_PORT}"
# What clients on the host are told; they cannot reach the container's own address.
client_advertise: "127.0.0.1:{node.client_port}"
http: "0.0.0.0:{MONITOR_PORT}"
{options}
jetstream {{
  store_dir: "/data"
  max_file_store: {topology.store}
{UNIQUE_TAG if topology.stretched else ""}}}

{_cluster(topology, node)}
{"" if topology.stretched else _gateway(topology, node)}{_accounts(layout)}include ./{included(layout)}
"""


def included(layout: Layout) -> str:
    """The file that each server includes, by its name in the container."""
    if layout.topology.auth == "operator":
        return OPERATOR
    return "accounts.conf" if layout.brought or _has_own_accounts(layout) else "mappings.conf"


def shared(layout: Layout, region: str) -> str:
    """The same by its name in the folder; the servers of a region share it."""
    return f"accounts-{region}.conf" if _has_own_accounts(layout) else included(layout)


def _has_own_accounts(layout: Layout) -> bool:
    """Otherwise there is only the servers' own, for clients that name no user: its mappings stand at the top."""
    return any(account.region for account in layout.accounts)


def _accounts(layout: Layout) -> str:
    return "" if included(layout) != "mappings.conf" else f"accounts {{\n  {_system(layout)}\n}}\n\n"


def _system(layout: Layout) -> str:
    system = layout.system
    return f'{system.name} {{ users: [{{ user: "{system.user}", password: "{system.password}" }}] }}'


def _cluster(topology: Topology, node: Node) -> str:
    peers = topology.nodes if topology.stretched else topology.region_nodes(node.region)
    routes = ", ".join(f'"nats://{peer.host}:{ROUTE_PORT}"' for peer in peers)
    return f"""\
cluster {{
  name: {topology.name if topology.stretched else node.region}
  listen: "0.0.0.0:{ROUTE_PORT}"
  # Otherwise a node on several networks gossips an address that its peers may not reach.
  advertise: "{node.host}:{ROUTE_PORT}"
{STAY if topology.stretched else ""}  routes: [{routes}]
}}
"""


def _gateway(topology: Topology, node: Node) -> str:
    return f"""\
gateway {{
  name: {node.region}
  listen: "0.0.0.0:{GATEWAY_PORT}"
  advertise: "{node.host}:{GATEWAY_PORT}"
  reject_unknown_cluster: true
  gateways: [
{_gateways(topology)}
  ]
}}

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


def shared_files(topology: Topology) -> dict[str, str]:
    """Name -> text of what nodes share."""
    layout = layout_of(topology)
    if topology.auth == "operator":
        return {}
    if layout.brought:
        return {shared(layout, topology.regions[0]): _brought_file(layout)}
    if _has_own_accounts(layout):
        return {shared(layout, region): _accounts_file(layout, region) for region in topology.regions}
    return {shared(layout, topology.regions[0]): _mappings_file(layout)}


def _accounts_file(layout: Layout, region: str) -> str:
    """All servers know all accounts, and let clients only into their region's."""
    bodies = "\n".join(_account(account, region) for account in layout.accounts)
    return f"""\
# The accounts, as the servers of {region} have them: a client that names no user is in this region's.
# Written by `lab render`; included by every server of {region}.
no_auth_user: {NO_USER}
accounts {{
  {_system(layout)}
{bodies}
}}
"""


def _brought_file(layout: Layout) -> str:
    """What people brought, in JSON, which servers read as well."""
    system = {"users": [{"user": layout.system.user, "password": layout.system.password}]}
    accounts = {layout.system.name: system, **layout.brought["accounts"]}
    lines = [f"{key}: {json.dumps(value, indent=2)}" for key, value in {**layout.brought, "accounts": accounts}.items()]
    return "# Your accounts.json. Written by `lab render`; included by every server.\n" + "\n".join(lines) + "\n"


def _account(account: Account, region: str) -> str:
    users = f"    users: [{{ user: {NO_USER}, password: {NO_USER} }}]\n" if account.region == region else ""
    exports = "\n".join(
        f'      {{ {each.kind}: "{each.subject}", accounts: [{", ".join(each.to)}] }}' for each in account.exports
    )
    imports = "\n".join(
        f'      {{ {each.kind}: {{ account: {each.account}, subject: "{each.subject}" }}'
        + (f', to: "{each.local}" }}' if each.local else " }")
        for each in account.imports
    )
    return f"""\
  {account.name} {{
    jetstream: enabled
{users}    exports: [
{exports}
    ]
    imports: [
{imports}
    ]
  }}"""


def _mappings_file(layout: Layout) -> str:
    """Cluster-scoped mappings: the virtual name stands for the streams of the region that one talks to."""
    (account,) = layout.accounts
    if not layout.virtual_name:
        return "# Nothing is mapped: the streams are your own.\n"
    if not account.mappings:
        return f"# Nothing is mapped: the stream is `{layout.virtual_name}` in every region.\n"

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
