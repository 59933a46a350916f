"""A running system → its twin: a topology, definitions, and what differs. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lab.errors import LabError, UsageError
from lab.layouts.own import File, Own, write
from lab.printable import printable
from lab.streamgraph import Defined, graph
from lab.topology import MAX_NODES, NAME, NAME_RULE, Topology
from lab.twin.definitions import Definition, Note, Surroundings, consumer, stream, unusable, without_loops
from lab.twin.found import Found, config
from lab.twin.regions import Region, regions
from lab.units import several
from lab.validate import problems

Entries = tuple[Mapping[str, Any], ...]  # of streams or consumers, as the API lists them
ACCOUNT = "$G"
GIB = 2**30
USUAL_PAYLOAD, LARGEST_PAYLOAD = 2**20, 64 * 2**20
ALWAYS = "accounts, users, permissions, TLS; what an account maps, imports or exports: its API does not tell them"
ACCOUNT_LIMITS = ("max_memory", "max_storage", "max_streams", "max_consumers", "max_ack_pending")


@dataclass(frozen=True)
class Twin:
    """The lab, its regions with the clusters that they stand for, the definitions as they are in its folder, consumers
    by their streams, and every difference from what was found."""

    topology: Topology = field(repr=False)
    regions: tuple[Region, ...]
    streams: tuple[Definition, ...] = field(hash=False)
    consumers: tuple[tuple[str, Definition], ...] = field(hash=False)
    notes: tuple[Note, ...]


def twin(
    found: Found, name: str, names: Mapping[str, str] | None = None, most: int = MAX_NODES, nats: str = ""
) -> Twin:
    """`names`: cluster -> region, of those that are to be called otherwise than their cluster. A region has at most
    `most` nodes. Raises `LabError` for what no lab can be."""
    if not NAME.fullmatch(name):
        raise UsageError(f"--name: `{name}` cannot be the name of a lab: it must be {NAME_RULE}")
    found, unfit = _usable(found)
    if not found.streams:
        why = "".join(f"\n  {printable(note.about)}: {note.sentence}" for note in unfit)
        raise LabError(f"the account has no streams that a lab could have, so that it has no twin{why}")
    its = regions(found, names or {}, most)
    made, notes = _streams(found, its)
    consumers, more = _consumers(found, {each["name"]: each for each in made})
    version, others = _version(found)
    topology = _topology(name, its, nats or version, made, consumers, found.max_payload)
    wrong = [sentence for _, sentence in problems(topology)]
    if wrong:
        raise LabError("there can be no lab of this shape:\n" + "\n".join(f"  {each}" for each in wrong))
    general = list(_general(found, its, others, topology.store))
    return Twin(topology, its, tuple(made), tuple(consumers), (*general, *unfit, *notes, *more))


def _usable(found: Found) -> tuple[Found, list[Note]]:
    """Without the streams and consumers that no lab could have; with why."""
    streams, notes = _sifted(found.streams, "")
    names, consumers = {config(entry)["name"] for entry in streams}, dict[str, Entries]()
    for of in sorted(found.consumers.keys() & names):
        consumers[of], more = _sifted(found.consumers[of], f"{of}/")
        notes += more
    return replace(found, streams=streams, consumers=consumers), notes


def _sifted(entries: Entries, of: str) -> tuple[Entries, list[Note]]:
    whys = [unusable(entry) for entry in entries]
    kept = tuple(entry for entry, why in zip(entries, whys, strict=True) if not why)
    names = [f"{of}{config(entry).get('name') or config(entry).get('durable_name')}" for entry in entries]
    return kept, [Note(name, "left out", why) for name, why in zip(names, whys, strict=True) if why]


def _streams(found: Found, its: tuple[Region, ...]) -> tuple[list[Definition], list[Note]]:
    around = Surroundings(its, found.names, found.missing, found.domain)
    made, notes = list[Definition](), list[Note]()
    for entry in sorted(found.streams, key=lambda entry: str(config(entry)["name"])):
        definition, about = stream(entry, around)
        made.append(definition)
        notes += about
    while looped := graph(Defined(ACCOUNT, "", each) for each in made).looped:
        made, note = without_loops(made, looped)
        notes.append(note)
    return made, notes


def _consumers(found: Found, streams: Mapping[str, Definition]) -> tuple[list[tuple[str, Definition]], list[Note]]:
    made, notes = list[tuple[str, Definition]](), list[Note]()
    for name, entries in sorted(found.consumers.items()):
        durable = [entry for entry in entries if config(entry).get("durable_name")]
        for entry in sorted(durable, key=lambda entry: str(config(entry)["durable_name"])):
            definition, about = consumer(entry, streams[name])
            made.append((name, definition))
            notes += about
        if len(durable) < len(entries):
            passing = several(len(entries) - len(durable), "ephemeral consumer")
            notes.append(Note(name, "left out", f"{passing}: the clients that use them make them"))
    return made, notes


def _version(found: Found) -> tuple[str, list[str]]:
    """What most servers are, and what else there is."""
    known = Counter(server.version for server in found.servers if server.version)
    versions = [version for version, _ in known.most_common()]
    return (versions[0], versions[1:]) if versions else (Topology().nats, [])


def _topology(
    name: str,
    its: tuple[Region, ...],
    nats: str,
    streams: Sequence[Definition],
    consumers: Sequence[tuple[str, Definition]],
    payload: int,
) -> Topology:
    options = dict(Topology().server_options)
    if payload > USUAL_PAYLOAD:
        options["max_payload"] = min(payload, LARGEST_PAYLOAD)
    own = Own(
        tuple(File(f"{each['name']}.json", ACCOUNT, each) for each in streams),
        tuple(File(f"{of}.{each['durable_name']}.json", ACCOUNT, each, of) for of, each in consumers),
    )
    return Topology(
        name=name,
        regions=tuple(region.name for region in its),
        sizes={region.name: region.nodes for region in its if region.nodes != Topology().nodes_per_region},
        nats=nats,
        layout="own",
        own=write(own),
        store=_store(its, streams),
        server_options=options,
    )


def _store(its: Iterable[Region], streams: Sequence[Definition]) -> str:
    """Enough for servers to promise each stream its `max_bytes`; they take only what is published."""

    def promised(region: Region) -> int:
        mine = [each for each in streams if each["placement"]["cluster"] == region.name]
        return sum(max(0, int(each.get("max_bytes") or 0)) for each in mine if each.get("storage") != "memory")

    most = max(promised(region) for region in its)
    return Topology().store if most < GIB // 2 else f"{1 + 2 * most // GIB}GB"


def _general(found: Found, its: tuple[Region, ...], versions: list[str], store: str) -> Iterator[Note]:
    yield Note("", "left out", ALWAYS)
    for name in found.missing:
        yield Note(name, "left out", "the servers do not say how it is defined; is its leader away?")
    if any(region.cluster is None for region in its):
        sentence = "a lab has two regions at least, so there is a region without streams, with one node"
        yield Note("", "changed", sentence)
    for region in its:
        if region.cluster is not None and region.nodes < region.servers:
            yield Note("", "changed", f"{region.name} has {region.nodes} of its {several(region.servers, 'server')}")
    if not found.all_servers:
        sentence = "servers are those that greeted a client or hold a stream; `--system` finds all of them"
        yield Note("", "changed", sentence)
    if found.apart:
        yield Note("", "left out", f"servers without JetStream or of another domain: {', '.join(sorted(found.apart))}")
    if found.domain:
        yield Note("", "left out", f"the JetStream domain `{found.domain}`")
    if versions:
        yield Note("", "changed", f"there are servers of version {', '.join(versions)} too; all nodes run the same")
    limits = [f"{name} {found.limits[name]:,}" for name in ACCOUNT_LIMITS if int(found.limits.get(name) or -1) > 0]
    if limits:
        yield Note("", "left out", f"limits of the account: {', '.join(limits)}")
    if store != Topology().store:
        yield Note("", "changed", f"nodes may store {store}, since streams have a `max_bytes`; it is not set aside")
    if found.max_payload > LARGEST_PAYLOAD:
        yield Note("", "changed", f"max_payload is 64 MiB instead of {found.max_payload:,} bytes")
