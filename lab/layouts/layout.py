"""What a layout is: which streams, subjects and accounts make the virtual stream, and what each of them is for.

Everything above asks a layout for a stream by its role and never builds or takes apart a name. A stream is an *origin*
when it stores what clients publish, and a *copy* when it sources or mirrors other streams; it can be both. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from lab.errors import UsageError, unknown
from lab.streamgraph import Defined, StreamGraph, graph
from lab.streamgraph.subjects import ALL
from lab.topology import Topology

# A server ends the connection after a line of 4 KiB, and has the region's name and an inbox in it as well.
LONGEST_SUBJECT = 1000
API = "$JS.API"


@dataclass(frozen=True)
class CredentialsFile:
    """What one logs in with in operator mode."""

    path: str


Credentials = tuple[str, str] | CredentialsFile
Sharing = Literal["service", "stream"]  # requests that are answered, or messages that are passed on


@dataclass(frozen=True)
class Export:
    """A subject that an account lets others have: a service that it answers, or a stream of messages."""

    kind: Sharing
    subject: str
    to: tuple[str, ...]


@dataclass(frozen=True)
class Import:
    """A subject of another account; `local` is its name here, where that is another."""

    kind: Sharing
    account: str
    subject: str
    local: str = ""


@dataclass(frozen=True)
class Account:
    """What a client logs in to; without a `user` the servers take whoever names none.

    `mappings`: subject -> region -> what the servers of that region turn the subject into. `region` is the one whose
    servers let clients in, "" for all.
    """

    name: str
    user: str = ""
    password: str = field(default="", repr=False)
    file: str = ""  # of credentials, in operator mode
    mappings: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    region: str = ""
    exports: tuple[Export, ...] = ()
    imports: tuple[Import, ...] = ()

    @property
    def credentials(self) -> Credentials | None:
        """User and password, or a file; None where none are needed."""
        if self.file:
            return CredentialsFile(self.file)
        return (self.user, self.password) if self.user else None


@dataclass(frozen=True)
class Stream:
    """One stream. Its account calls it `name`; `key` is unique in the lab, and what tables, files and arguments use.
    They differ only where accounts have streams of the same name, which origins never have: acknowledgements and
    `Nats-Stream-Source` headers name them.

    `region` is where its servers are, or the first of the regions of one that is `spread` over several. `upstream` has
    the keys of the streams that it sources or mirrors. Its subjects begin with `prefix` where those of the virtual
    stream begin with the virtual name. `definition` is what the server and `nats stream add` read.
    """

    key: str
    name: str
    account: str
    region: str
    upstream: tuple[str, ...]
    prefix: str
    definition: Mapping[str, Any] = field(hash=False)
    spread: tuple[str, ...] = ()

    @property
    def regions(self) -> tuple[str, ...]:
        return self.spread or (self.region,)

    @property
    def is_mirror(self) -> bool:
        """Whether its messages have the sequences of the stream that they come from, and no header that names it."""
        return bool(self.definition.get("mirror"))

    @property
    def is_origin(self) -> bool:
        return bool(self.definition.get("subjects"))

    @property
    def is_copy(self) -> bool:
        return bool(self.upstream)

    @property
    def allows_direct_get(self) -> bool:
        return bool(self.definition.get("allow_direct"))


@dataclass(frozen=True)
class Client:
    """What a client of one region has to do with: its account, the key of the stream that stores what it publishes to
    the virtual stream, and the key of the one that it reads under the virtual name."""

    account: str
    origin: str
    copy: str


@dataclass(frozen=True)
class Layout:
    """A layout on a topology. `streams` are in the order in which they can be defined: each after those it copies.

    `virtual_name` is what clients call the stream, in every region; "" where there is none. `brought` is what a
    server's configuration is to have of accounts, as it is; `consumers` are (key of the stream, definition). Lookups by
    region or key raise `UsageError` with the known ones.
    """

    name: str
    topology: Topology
    virtual_name: str
    streams: tuple[Stream, ...]
    accounts: tuple[Account, ...]
    system: Account
    clients: Mapping[str, Client] = field(hash=False)  # by region
    brought: Mapping[str, Any] = field(default_factory=dict, hash=False)
    consumers: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=(), hash=False)

    # --- regions ---

    @property
    def regions(self) -> tuple[str, ...]:
        """Those that have clients."""
        return tuple(region for region in self.topology.regions if region in self.clients)

    # --- streams ---

    @property
    def origins(self) -> tuple[Stream, ...]:
        return tuple(stream for stream in self.streams if stream.is_origin)

    @property
    def copies(self) -> tuple[Stream, ...]:
        return tuple(stream for stream in self.streams if stream.is_copy)

    def stream(self, key: str) -> Stream:
        for stream in self.streams:
            if stream.key == key:
                return stream
        raise unknown("stream", key, (stream.key for stream in self.streams))

    def find(self, account: str, name: str) -> Stream | None:
        """The stream that an account calls so; None for one that is not the layout's."""
        return next((stream for stream in self.streams if (stream.account, stream.name) == (account, name)), None)

    def streams_in(self, region: str) -> tuple[Stream, ...]:
        """The streams that live in a region."""
        self.topology.require_region(region)
        return tuple(stream for stream in self.streams if region in stream.regions)

    def region_of(self, key: str) -> str:
        """Where a stream lives."""
        return self.stream(key).region

    def origin(self, region: str) -> Stream:
        """Where a publish of a client in a region is stored."""
        return self.stream(self._client(region).origin)

    def copy(self, region: str) -> Stream:
        """What a client in a region reads under the virtual name; the origin itself where no copy is nearer."""
        return self.stream(self._client(region).copy)

    def read_name(self, region: str) -> str:
        """Under which name clients of a region read: the virtual one, where there is one."""
        return self.virtual_name or self.copy(region).name

    def first_stored(self, stream: Stream) -> str:
        """The stream that a message without a header, in this one, was published to."""
        while stream.is_mirror:
            stream = self.stream(stream.upstream[0])
        return stream.name

    def placement(self, region: str) -> dict[str, Any]:
        """What puts a stream, or a leader, into a region."""
        return {"tags": [region_tag(region)]} if self.topology.stretched else {"cluster": region}

    def origins_of(self, key: str) -> tuple[Stream, ...]:
        """The origins whose messages a stream gets, directly or by way of other copies."""
        reached: set[str] = set()
        ahead = [*self.stream(key).upstream]
        while ahead:
            upstream = ahead.pop()
            if upstream not in reached:
                reached.add(upstream)
                ahead += self.stream(upstream).upstream
        return tuple(stream for stream in self.origins if stream.key in reached)

    @cached_property
    def graph(self) -> StreamGraph:
        """Which stream takes what from which, by their keys."""
        return self.graph_of({stream.key: stream.definition for stream in self.streams})

    def graph_of(self, definitions: Mapping[str, Mapping[str, Any]]) -> StreamGraph:
        """The same with the definitions that the streams really have, by their keys."""
        known = [stream for stream in self.streams if stream.key in definitions]
        return graph((Defined(s.account, s.region, definitions[s.key], s.key) for s in known), apis(self.accounts))

    def redefined(self, definitions: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Which streams are there for something else than the layout has them for, by the definitions that they really
        have: sentences such as `foo-east listens to foo.>, not to nothing`."""
        real = self.graph_of(definitions)
        return tuple(
            f"{vertex.key} {verb} {_listed(now)}, not {preposition}{_listed(planned)}"
            for vertex in self.graph.vertices
            if vertex.key in real.by_key
            for verb, preposition, of in (("listens to", "to ", _heard), ("mirrors", "", _mirrored))
            if (now := of(real, vertex.key)) != (planned := of(self.graph, vertex.key))
        )

    # --- subjects ---

    @property
    def every_subject(self) -> str:
        """All of the virtual stream, for a filter; without one, all there is."""
        return self.subject(ALL) if self.virtual_name else ALL

    def subject(self, *tokens: str) -> str:
        """A subject of the virtual stream, as clients publish and read it in every region: `foo.test`."""
        return ".".join((self.virtual_name, *tokens))

    def is_subject(self, text: str) -> bool:
        """Whether a client can publish on it."""
        return not self.subject_problem(text)

    def subject_problem(self, text: str) -> str:
        """What keeps clients from publishing on it, "" for nothing; as the end of a sentence."""
        if self.virtual_name and not text.startswith(self.subject("")):
            return f"does not begin with `{self.subject('')}`"
        if len(text) > LONGEST_SUBJECT:
            return f"is longer than {LONGEST_SUBJECT:,} characters"
        if not all(text.split(".")):
            return "has nothing before, between or after its dots"
        if not text.isprintable() or any(letter in text for letter in " *>"):
            return "has a wildcard, a space or what cannot be printed"
        return ""

    def as_stored(self, stream: Stream, subject: str) -> str:
        """A subject of the virtual stream as a stream has it: `foo.west.test`."""
        return _moved(subject, self.virtual_name, stream.prefix)

    def as_read(self, stream: Stream, subject: str) -> str:
        """A subject that a stream has, as clients read it."""
        return _moved(subject, stream.prefix, self.virtual_name)

    # --- accounts ---

    def account(self, region: str) -> Account:
        """What a client in a region logs in to."""
        name = self._client(region).account
        return next(account for account in self.accounts if account.name == name)

    def credentials(self, region: str) -> Credentials | None:
        """What a client in a region logs in with; None where nothing is needed."""
        return self.account(region).credentials

    def login(self, key: str, region: str) -> Credentials | None:
        """What a client in a region logs in with to reach a stream: with its own account where this has access, else
        with the stream's."""
        stream = self.stream(key)
        if region in self.clients and self.account(region).name == stream.account:
            return self.credentials(region)
        return next(account for account in self.accounts if account.name == stream.account).credentials

    def _client(self, region: str) -> Client:
        if region == self.topology.arbiter and region:
            raise UsageError(
                f"`{region}` only votes: it has no streams and no clients", f"others: {', '.join(self.regions)}"
            )
        if region not in self.clients:
            raise unknown("region", region, self.clients)
        return self.clients[region]


def _heard(graph_: StreamGraph, key: str) -> list[str]:
    return sorted(graph_.by_key[key].subjects)


def _mirrored(graph_: StreamGraph, key: str) -> list[str]:
    return [edge.name for edge in graph_.into(key) if edge.mirror]


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"


def apis(accounts: tuple[Account, ...]) -> dict[tuple[str, str], str]:
    """Account and prefix -> whose API is called by it: `$JS.B.API.>`, or a subject below it, is imported from B."""
    found = {}
    for account in accounts:
        for each in account.imports:
            local = each.local or each.subject
            if each.kind == "service" and API in each.subject:
                tail = each.subject.partition(API)[2]
                found[account.name, local.removesuffix(tail)] = each.account
    return found


def region_tag(region: str) -> str:
    """The tag that tells the servers of a region, where they are no cluster of their own."""
    return f"region:{region}"


def _moved(subject: str, old: str, new: str) -> str:
    """The subject below another prefix; one that is not below the old one stays."""
    return new + subject[len(old) :] if subject.startswith(f"{old}.") else subject
