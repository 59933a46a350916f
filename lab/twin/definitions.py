"""A definition of a running system → the one of its twin, with a note for each difference that matters. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.layouts.layout import API
from lab.ownforms import CONSUMER, STREAM, require, require_name, require_subjects
from lab.streamgraph.graph import entries
from lab.twin.found import cluster, config
from lab.twin.regions import Region, rounded
from lab.units import several

LARGEST_IN_MEMORY = 64 * 2**20  # of a stream in memory: nodes have 256 MB
Kind = Literal["changed", "left out"]
Definition = dict[str, Any]


@dataclass(frozen=True)
class Note:
    """Something that the twin does not have, or has otherwise. `about` is a stream, STREAM/CONSUMER, or "" for all."""

    about: str
    what: Kind
    sentence: str


class Notes(list[Note]):
    """Those about one definition, while it is made."""

    def __init__(self, about: str) -> None:
        super().__init__()
        self.about = about

    def changed(self, sentence: str) -> None:
        self.append(Note(self.about, "changed", sentence))

    def left_out(self, sentence: str) -> None:
        self.append(Note(self.about, "left out", sentence))


@dataclass(frozen=True)
class Surroundings:
    """What definitions are made to fit: the regions, the streams that are there, those that are and whose definition
    is not known, the system's own domain."""

    regions: tuple[Region, ...]
    streams: Collection[str]
    missing: Collection[str]
    domain: str

    def region(self, name: str) -> Region | None:
        return next((region for region in self.regions if region.cluster == name), None)


def unusable(entry: Mapping[str, Any]) -> str:
    """Why a stream or a durable consumer can be none that people bring to a lab; "" where it can."""
    made = config(entry)
    try:
        require_name(str(made.get("durable_name") or made.get("name") or ""))
        require(made, CONSUMER if made.get("durable_name") else STREAM)
        require_subjects(made)
    except ValueError as error:
        return str(error)
    return ""


def stream(entry: Mapping[str, Any], around: Surroundings) -> tuple[Definition, Notes]:
    made = config(entry)
    notes = Notes(made["name"])
    if made.pop("sealed", False):
        notes.changed("sealed; takes messages in the twin, where it is empty")
    made.pop("template_owner", None)
    _strip_metadata(made)
    region = _place(made, entry, around, notes)
    _limit_replicas(made, region.nodes, region.name, notes)
    _link(made, around, notes)
    if made.get("storage") == "memory" and int(made.get("max_bytes") or 0) > LARGEST_IN_MEMORY:
        made["max_bytes"] = LARGEST_IN_MEMORY
        notes.changed("max_bytes is 64 MiB instead of more memory than a node has")
    return made, notes


def consumer(entry: Mapping[str, Any], of: Definition) -> tuple[Definition, Notes]:
    """A durable consumer of a stream whose definition in the twin is `of`."""
    made = config(entry)
    notes = Notes(f"{of['name']}/{made.get('name') or made['durable_name']}")
    _strip_metadata(made)
    if made.get("deliver_policy") == "by_start_sequence":
        made["deliver_policy"] = "all"
        first = made.pop("opt_start_seq", "?")
        notes.changed(f"begins at the first message, not at sequence {first}, which the twin does not have")
    wanted = int(made.get("num_replicas") or 0)  # 0 for as many as its stream
    if wanted and (fits := min(rounded(wanted), of["num_replicas"])) != wanted:
        made["num_replicas"] = fits
        notes.changed(f"{several(fits, 'replica')} instead of {wanted}")
    return made, notes


def _strip_metadata(made: Definition) -> None:
    """Without what servers write there themselves."""
    kept = {key: value for key, value in (made.pop("metadata", None) or {}).items() if not key.startswith("_nats.")}
    if kept:
        made["metadata"] = kept


def _place(made: Definition, entry: Mapping[str, Any], around: Surroundings, notes: Notes) -> Region:
    """Give it a placement in a region."""
    wanted = made.pop("placement", None) or {}
    named, now = str(wanted.get("cluster") or ""), cluster(entry)
    region = around.region(named or now)
    tags = ", ".join(f"`{tag}`" for tag in wanted.get("tags") or ())
    if tags:
        notes.left_out(f"tags of the placement: {tags}")
    if region is None:
        region = next(region for region in around.regions if region.cluster is not None)
        why = f"cluster `{named or now}` is not in the twin" if named or now else "the servers do not say where it is"
        notes.changed(f"placed in {region.name}: {why}")
    elif not named:
        notes.changed(f"no cluster in the placement; placed in {region.name}, where the leader is now")
    made["placement"] = {"cluster": region.name}
    return region


def _limit_replicas(made: Definition, nodes: int, region: str, notes: Notes) -> None:
    wanted = int(made.get("num_replicas") or 1)
    fits = rounded(wanted)
    while fits > nodes:
        fits -= 2
    made["num_replicas"] = fits
    if fits < wanted:
        notes.changed(f"{fits} of {several(wanted, 'replica')}, since {region} has {several(nodes, 'node')}")
    elif fits > wanted:
        notes.changed(f"{several(fits, 'replica')} instead of {wanted}")


def _link(made: Definition, around: Surroundings, notes: Notes) -> None:
    """Keep the sources, or the mirror, that the twin can have."""
    had = entries(made)
    kept = [(mirror, source) for mirror, each in had if (source := _source(each, mirror, around, notes))]
    made.pop("mirror", None)
    made.pop("sources", None)
    for mirror, source in kept:
        if mirror:
            made["mirror"] = source
        else:
            made.setdefault("sources", []).append(source)
    if had and not kept:
        made.pop("mirror_direct", None)
        if not made.get("subjects"):
            notes.changed(f"nothing fills it but what you publish on `{made['name']}`")


def _source(given: Mapping[str, Any], mirror: bool, around: Surroundings, notes: Notes) -> Definition | None:
    """What it takes from one stream; None for what the twin cannot have."""
    made = {key: value for key, value in given.items() if value is not None}
    name, word = made.get("name", "?"), "mirror of" if mirror else "source"
    api = str((made.pop("external", None) or {}).get("api") or API)
    if api not in (API, f"$JS.{around.domain}.API"):
        notes.left_out(f"{word} `{name}` by `{api}`: of another account or domain, which cannot be seen")
        return None
    if name not in around.streams:
        why = "the servers do not say how it is defined" if name in around.missing else "there is no such stream"
        notes.left_out(f"{word} `{name}`: {why}")
        return None
    first = made.pop("opt_start_seq", 0)
    if first:
        notes.changed(f"takes `{name}` from its first message on, not from sequence {first}")
    if made.pop("consumer", None):
        notes.changed(f"takes from `{name}` by a consumer that servers make, not by one of yours")
    return made


def without_loops(definitions: Iterable[Definition], looped: Collection[str]) -> tuple[list[Definition], Note]:
    """Without what the first of the streams that lie on a loop takes from such streams."""
    made = list(definitions)
    place = next(place for place, each in enumerate(made) if each["name"] in looped)
    whole = made[place]
    gone = [source["name"] for _, source in entries(whole) if source["name"] in looped]
    kept = [source for _, source in entries(whole) if source["name"] not in looped]
    made[place] = {key: value for key, value in whole.items() if key not in ("sources", "mirror", "mirror_direct")}
    if kept:
        made[place]["sources"] = kept
    names = ", ".join(f"`{name}`" for name in gone)
    return made, Note(whole["name"], "left out", f"source {names}: a lab has no loops of streams")
