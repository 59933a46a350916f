"""Streams that people bring: their own definitions, and their accounts, instead of a virtual stream.

`Topology.own` has them as text, the way `write` makes it, so that they travel with the running lab. A stream lives in
the region that its placement names, or where the lab makes it, the first. Pure; `lab/ownfolder.py` reads the folder.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lab.layouts.layout import Account, Client, Export, Import, Layout, Stream, apis
from lab.layouts.mapped import GLOBAL, SYSTEM
from lab.streamgraph import Defined, StreamGraph, graph
from lab.streamgraph.problems import problems as graph_problems
from lab.topology import Topology

HINT = "docs/streams.md has the form of the folder"


@dataclass(frozen=True)
class File:
    """A definition as a file has it: of a stream, or of a consumer of `stream`. `path` is within the folder."""

    path: str
    account: str
    config: Mapping[str, Any] = field(hash=False)
    stream: str = ""


@dataclass(frozen=True)
class Own:
    """Everything of a folder. `accounts` is what a server's configuration has under that name, `top` what else the
    file sets there."""

    streams: tuple[File, ...] = ()
    consumers: tuple[File, ...] = ()
    accounts: Mapping[str, Any] = field(default_factory=dict, hash=False)
    top: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def default(self) -> str:
        """The account of definitions that name none: of clients that name no user, else the only one."""
        named = str(self.top.get("no_auth_user", ""))
        for name, account in self.accounts.items():
            if named and any(user.get("user") == named for user in account.get("users") or ()):
                return name
        mine = [name for name in self.accounts if name != SYSTEM.name]
        return mine[0] if len(mine) == 1 else GLOBAL


def write(own: Own) -> str:
    """The text of `Topology.own`: the same folder, the same text."""

    def plain(file: File) -> dict[str, Any]:
        return {"path": file.path, "account": file.account, "config": file.config, "stream": file.stream}

    document = {"streams": [plain(f) for f in own.streams], "consumers": [plain(f) for f in own.consumers]}
    return json.dumps(document | {"accounts": own.accounts, "top": own.top}, separators=(",", ":"), sort_keys=True)


@lru_cache(maxsize=8)
def read(text: str) -> Own:
    """Raises `ValueError`, `LookupError` or `TypeError` for what `write` did not write."""
    if not text:
        return Own()
    raw = json.loads(text)
    files = {kind: tuple(File(**file) for file in raw[kind]) for kind in ("streams", "consumers")}
    return Own(files["streams"], files["consumers"], raw["accounts"], raw["top"])


def own(topology: Topology) -> Layout:
    brought = read(topology.own)
    accounts = tuple(_accounts(brought))
    made = graph_of(topology, brought)
    streams = tuple(
        Stream(v.key, v.name, v.account, v.region, made.upstream(v.key), "", v.definition) for v in made.vertices
    )
    return Layout(
        name="own",
        topology=topology,
        virtual_name="",
        streams=streams,
        accounts=accounts,
        system=_system(brought),
        clients=_clients(topology, streams, made),
        brought={"accounts": brought.accounts, **brought.top} if brought.accounts or brought.top else {},
        consumers=tuple((made_key(made, f), dict(f.config)) for f in brought.consumers),
    )


def made_key(made: StreamGraph, file: File) -> str:
    """The key of the stream that a consumer is of."""
    wanted = (file.account, file.stream)
    return next((vertex.key for vertex in made.vertices if (vertex.account, vertex.name) == wanted), "")


def graph_of(topology: Topology, brought: Own) -> StreamGraph:
    defined = (Defined(file.account, region_of(topology, file.config), file.config) for file in brought.streams)
    return graph(defined, apis(tuple(_accounts(brought))))


def region_of(topology: Topology, config: Mapping[str, Any]) -> str:
    """Where servers put a stream: servers of a region are tagged with its name."""
    placement = config.get("placement") or {}
    tags = [tag for tag in placement.get("tags") or () if tag in topology.regions]
    return str(placement.get("cluster") or next(iter(tags), topology.regions[0]))


def problems(topology: Topology) -> Iterator[str]:
    """What cannot work, each with its file."""
    brought = read(topology.own)
    if not brought.streams:
        yield "the layout `own` needs your streams: `streams: FOLDER`, or `lab up --streams FOLDER`"
        return
    names = [(file.account, file.config.get("name")) for file in brought.streams]
    for file, name in zip(brought.streams, names, strict=True):
        if names.index(name) < brought.streams.index(file):
            first = brought.streams[names.index(name)].path
            yield f"{file.path}: `{name[1]}` is defined in {first} already"
            return
    if topology.auth == "operator" and (brought.accounts or brought.top):
        yield "accounts.json: in operator mode accounts are JWTs, so that `auth: operator` cannot be had with it"
    yield from _account_problems(brought)
    made = graph_of(topology, brought)
    path = {vertex.key: file.path for vertex in made.vertices for file in brought.streams if _is(vertex, file)}
    nodes = {region: len(topology.region_nodes(region)) for region in topology.regions}
    for key, sentence in graph_problems(made, nodes):
        yield f"{path[key]}: {key} {sentence}"
    for file in brought.consumers:
        if not made_key(made, file):
            yield f"{file.path}: is a consumer of `{file.stream}`, and there is no such stream"


def _is(vertex: Any, file: File) -> bool:
    return bool((vertex.account, vertex.name) == (file.account, file.config.get("name")))


def _account_problems(brought: Own) -> Iterator[str]:
    known = {account.name for account in _accounts(brought)}
    for file in (*brought.streams, *brought.consumers):
        if file.account not in known:
            yield f"{file.path}: there is no account `{file.account}` in accounts.json"
    for name, account in brought.accounts.items():
        if name != SYSTEM.name and not any(_logins(account)) and any(file.account == name for file in brought.streams):
            yield f"accounts.json: account `{name}` has no user with a password, so that the lab cannot log in"


def _accounts(brought: Own) -> Iterator[Account]:
    if not brought.accounts:
        yield Account(GLOBAL, mappings=_mappings(brought.top.get("mappings") or {}))
        return
    for name, raw in brought.accounts.items():
        if name == SYSTEM.name:
            continue
        user, password = next(_logins(raw), ("", ""))
        mappings = _mappings(raw.get("mappings") or {})
        exports, imports = tuple(_exports(raw)), tuple(_imports(raw))
        yield Account(name, user, password, mappings=mappings, exports=exports, imports=imports)


def _logins(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for user in raw.get("users") or ():
        if user.get("user") and user.get("password"):
            yield str(user["user"]), str(user["password"])


def _system(brought: Own) -> Account:
    user, password = next(_logins(brought.accounts.get(SYSTEM.name, {})), (SYSTEM.user, SYSTEM.password))
    return Account(SYSTEM.name, user, password)


def _exports(raw: Mapping[str, Any]) -> Iterator[Export]:
    for each in raw.get("exports") or ():
        for kind in ("service", "stream"):
            if kind in each:
                yield Export(kind, each[kind], tuple(each.get("accounts") or ()))


def _imports(raw: Mapping[str, Any]) -> Iterator[Import]:
    for each in raw.get("imports") or ():
        for kind in ("service", "stream"):
            if kind in each:
                source = each[kind]
                yield Import(kind, source.get("account", ""), source.get("subject", ""), each.get("to", ""))


def _mappings(raw: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """As far as one destination follows from the region; "" is every region."""
    found: dict[str, dict[str, str]] = {}
    for source, given in raw.items():
        for each in [{"destination": given}] if isinstance(given, str) else given:
            found.setdefault(source, {})[str(each.get("cluster", ""))] = str(each.get("destination", ""))
    return found


def _clients(topology: Topology, streams: tuple[Stream, ...], made: StreamGraph) -> dict[str, Client]:
    """By region, of those where something can be read without being taken away: copies before origins."""
    found: dict[str, Client] = {}
    for region in topology.regions:
        here = [stream for stream in streams if stream.region == region]
        kept = [stream for stream in here if stream.definition.get("retention", "limits") == "limits"]
        copies = [stream for stream in kept if made.into(stream.key)]
        if kept:
            copy = (copies or kept)[0]
            origin = next((stream for stream in here if stream.is_origin), copy)
            found[region] = Client(copy.account, origin.key, copy.key)
    if not found and streams:
        found[streams[0].region] = Client(streams[0].account, streams[0].key, streams[0].key)
    return found
