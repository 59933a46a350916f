"""What `lab.yaml` describes: a `Topology`. Owns the form of each field; what values mean together is in
`lab/validate.py`. A scenario's `lab:` is read by the same rules."""

import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NewType, get_type_hints

from lab import ownfolder, yamlfile
from lab.errors import UsageError
from lab.topology import OLD_LAYOUT, OLD_WORDS, Option, Topology
from lab.units import DURATION
from lab.validate import problems
from lab.yamlfile import Document, Entry
from lab.yamltypes import Types, list_or_mapping, text

Version = NewType("Version", str)
Duration = NewType("Duration", str)
Memory = NewType("Memory", str)
Store = NewType("Store", str)
OptionName = NewType("OptionName", str)
Quantity = NewType("Quantity", str)
Regions = NewType("Regions", list)  # type: ignore[type-arg]

NAMES = {"wan": "links", "own": "streams"}  # fields of the topology that have another name in the file
HIDDEN = ("sizes", "folder")  # of the topology: sizes stand in `regions`
FIELDS = tuple(NAMES.get(f.name, f.name) for f in fields(Topology) if f.name not in HIDDEN)
TYPES: dict[str, Any] = {
    NAMES.get(name, name): hint for name, hint in get_type_hints(Topology).items() if name not in HIDDEN
} | {
    "regions": Regions,
    "nats": Version,
    "max_age": Duration,
    "duplicate_window": Duration,
    "memory": Memory,
    "store": Store,
    "layout_options": dict[OptionName, Option],
    "server_options": dict[OptionName, Option],
    "links": dict[str, dict[str, Quantity]],
}
STREAMS, CHECK = "streams", "check"
# What `check` may say of a stream: from which regions it is filled, on what, messages a second, bytes of each.
PUBLISH: dict[str, Any] = {"from": list[str], "subjects": list[str], "rate": float, "size": int}
VOCABULARY = {
    Version: text(
        'a full version, such as `2.15.1`, or a tag in quotes, such as `"2.12"`', r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
    ),
    Duration: text("a duration, such as `1h`, or `0`", f"0|{DURATION.pattern}", numbers=True),
    Memory: text("a size for Docker, such as `256m`", r"[1-9][0-9]*[bkmgBKMG]?"),
    Store: text("a size for NATS, such as `1GB`", r"[1-9][0-9]*([kmgtKMGT]([iI]?[bB])?)?"),
    Quantity: text("text such as `80ms` or `1%`", ".+", numbers=True),
    Regions: list_or_mapping(str, int),
    OptionName: text("text of letters, digits and `_`", "[A-Za-z0-9_]+"),
}
READS = Types(VOCABULARY)
# What a value should be, where its type does not say enough.
EXPECTED = {
    "regions": "a list of names, such as `[west, east]`, or of sizes: `{west: 3, east: 3, arbiter: 1}`",
    "layout_options": "a mapping, such as `flow_control: false`",
    "streams": "a folder with the definitions of streams",
    "server_options": "a mapping, such as `ping_interval: 5s`",
    "links": "a mapping, such as `east-west: {profile: transatlantic}`",
}
SUBNET = ("subnet_pool", "subnet_prefix")
# Fields that a problem of a field can come from: it is not reported while one of them is wrong itself, and it is
# placed at the first of them that is in the file when the field is left at its default.
PORTS = ("client_port", "monitor_port", "port_step", "nodes_per_region", "regions", "name")
CAUSES: dict[str, tuple[str, ...]] = {
    "replicas": ("nodes_per_region",),
    "client_port": PORTS,
    "monitor_port": PORTS,
    "subnet_pool": ("subnet_prefix", "regions", "name"),
    "subnet_prefix": ("subnet_pool", "name"),
    "links": ("regions",),
    "streams": ("layout", "regions", "nodes_per_region"),
}


def load(path: Path) -> Topology:
    """The topology that a file describes; what it leaves out has its default. Raises `UsageError` with all problems."""
    shown = str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
    document = yamlfile.load(path, READS, shown, "`cp lab.example.yaml lab.yaml` creates one")
    entries = document.top((*FIELDS, OLD_LAYOUT, CHECK), "replicas: 3", "`lab.example.yaml` has every field")
    topology = read(document, _brought(document, entries, path.parent), Topology())
    document.refuse("fields that you leave out have defaults; `lab.example.yaml` has every field")
    return topology


def load_check(path: Path) -> dict[str, dict[str, Any]]:
    """What the file says in `check`: stream -> fields of `Publish`. Raises `UsageError` with all problems."""
    document = yamlfile.load(path, READS)
    entries = document.top((*FIELDS, OLD_LAYOUT, CHECK), "replicas: 3", "`lab.example.yaml` has every field")
    if CHECK not in entries:
        return {}
    if entries[CHECK].children is None:
        document.wrong(entries[CHECK], "should be a mapping, such as `orders: {rate: 50}`", CHECK)
    found: dict[str, dict[str, Any]] = {}
    for stream in entries[CHECK].children or ():
        place = f"{CHECK}, {stream.name}"
        if stream.children is None:
            document.wrong(stream, "should be a mapping, such as `{from: west, rate: 50}`", place)
            continue
        fields_ = document.entries(stream, PUBLISH, "a stream", place)
        found[stream.name] = {
            name: document.read(PUBLISH[name], entry, place=f"{place}, {name}") for name, entry in fields_.items()
        }
    document.refuse("docs/streams.md has the form of `check`")
    return found


def _brought(document: Document, entries: Mapping[str, Entry], beside: Path) -> Mapping[str, Entry]:
    """The entries with what is in the folder of streams in place of its name."""
    if STREAMS not in entries or not entries[STREAMS].text:
        return entries
    entry = entries[STREAMS]
    try:
        text_ = ownfolder.load(beside / Path(entry.text).expanduser())
    except UsageError as error:
        document.wrong(entry, error.message, STREAMS)
        return {name: other for name, other in entries.items() if name not in (STREAMS, "layout")}
    return {**entries, STREAMS: document.replaced(entry, entry.text, text_)}


def schema() -> dict[str, Any]:
    """The JSON Schema of lab.yaml."""
    checks = {CHECK: dict[str, READS.table("Publish", PUBLISH)]}  # type: ignore[misc]
    return READS.schema("lab.yaml of NATS Region Lab", READS.table("Lab", TYPES | checks))


def read(document: Document, entries: Mapping[str, Entry], base: Topology, otherwise: Entry | None = None) -> Topology:
    """The base with what the entries say instead. Notes their problems, each at its field, or `otherwise` for those of
    a field that is left out."""
    entries = _renamed(document, entries)
    values = {
        name: document.read(TYPES[name], entry, place=name, expected=EXPECTED.get(name, ""))
        for name, entry in entries.items()
    }
    _check_subnets(document, entries, values)
    bad = {name for name, value in values.items() if value is None}
    fine = {name: value for name, value in values.items() if value is not None}
    for name, sentence in _meaning(base, fine):
        causes = (name, *CAUSES.get(name, ()))
        if not bad.intersection(causes):
            cause = next((entries[cause] for cause in causes if cause in entries), otherwise)
            document.wrong(cause, sentence, name)
    return _topology(base, fine)


def _renamed(document: Document, entries: Mapping[str, Entry]) -> Mapping[str, Entry]:
    """The entries with the layout under its present name."""
    if OLD_LAYOUT not in entries:
        return entries
    old = entries[OLD_LAYOUT]
    if "layout" in entries:
        document.wrong(old, "say `layout` alone; this is its old name", OLD_LAYOUT)
    for before, now in OLD_WORDS.items():
        old = document.replaced(old, before, now)
    return {"layout": old} | {name: entry for name, entry in entries.items() if name != OLD_LAYOUT}


def _check_subnets(document: Document, entries: Mapping[str, Entry], values: dict[str, Any]) -> None:
    """What is wrong with these two by themselves; `_meaning` needs a pool and a prefix that are possible."""
    pool, prefix = (values.get(name) for name in SUBNET)
    try:
        ipaddress.IPv4Network(pool or "10.0.0.0/8")
    except ValueError as error:
        document.wrong(entries["subnet_pool"], f"`{pool}` is not an IPv4 network: {error}", "subnet_pool")
        values["subnet_pool"] = None
    if prefix is not None and not 16 <= prefix <= 27:
        document.wrong(entries["subnet_prefix"], f"must be 16 to 27, not {prefix}", "subnet_prefix")
        values["subnet_prefix"] = None


def _topology(base: Topology, values: Mapping[str, Any]) -> Topology:
    regions: dict[str, Any] = {}
    if "regions" in values:
        regions = {"regions": tuple(values["regions"]), "sizes": _sizes(base, values)}
    named = {field: values[key] for field, key in NAMES.items() if key in values}
    rest = {key: value for key, value in values.items() if key not in NAMES.values()}
    return replace(base, **{**rest, **named, **regions})


def _sizes(base: Topology, values: Mapping[str, Any]) -> dict[str, int]:
    """Those of regions that have another number of nodes than most."""
    usual = values.get("nodes_per_region", base.nodes_per_region)
    named = values["regions"] if isinstance(values["regions"], dict) else {}
    return {region: size for region, size in named.items() if size != usual}


def _meaning(base: Topology, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """`problems()`, in two passes: it looks at ports by way of addresses and fails when subnets make no sense."""
    with suppress(IndexError):  # too many nodes for a network, which it said before it got there
        yield from problems(_topology(base, {key: value for key, value in values.items() if key not in SUBNET}))
    subnets = _topology(base, {key: values[key] for key in ("name", "regions", *SUBNET) if key in values})
    try:
        yield from ((field, text) for field, text in problems(subnets) if field in SUBNET)
    except (ValueError, IndexError) as error:
        networks = f"networks of /{subnets.subnet_prefix} do not fit into `{subnets.subnet_pool}`"
        yield "subnet_prefix", f"{networks} for the lab `{subnets.name}`: {error}"
