"""What a check will hold a lab to, before anything is published: which promise holds where, which does not, and why.

Everything follows from the streams' definitions and from who publishes what where. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.check.checkers.availability import accepts_alone, reads_at_home
from lab.check.checkers.expected import Expected
from lab.check.checkers.registry import PROPERTIES
from lab.check.checkers.retention import Limits
from lab.check.checkers.visibility import local_copies
from lab.check.load import Feed, subjects, watched
from lab.layouts import Layout, Stream
from lab.units import several

ELSEWHERE = "no stream that lives in this region alone stores what its clients publish"
ECHOES = "what another stream republishes comes there as well, without order, again or not at all"


@dataclass(frozen=True)
class Role:
    """What a stream is for in a check, what it should hold of what is published, and how it keeps it."""

    stream: str
    region: str
    role: str
    holds: str
    keeps: str


@dataclass(frozen=True)
class Promise:
    """Whether a property is checked in some places, and if not, why."""

    property: str
    name: str
    places: tuple[str, ...]
    promised: bool
    why: str = ""


@dataclass(frozen=True)
class Explanation:
    """Everything that `lab check --explain` tells."""

    roles: tuple[Role, ...]
    load: tuple[str, ...]
    promises: tuple[Promise, ...]


def explain(layout: Layout, feeds: Sequence[Feed]) -> Explanation:
    keys = tuple(stream.key for stream in layout.streams)
    expected = Expected(layout.graph, keys, subjects(tuple(feeds)))
    names = {each.id: each.name for each in PROPERTIES}
    found: dict[tuple[str, bool, str], list[str]] = {}
    for id_, place, why in _promises(layout, feeds, expected):
        found.setdefault((id_, not why, why), []).append(place)
    order = list(names)
    promises = [Promise(id_, names[id_], tuple(found[key]), key[1], key[2]) for key in found for id_ in [key[0]]]
    promises.sort(key=lambda promise: (order.index(promise.property), not promise.promised))
    load = tuple(_told(feed) for feed in feeds)
    return Explanation(tuple(_role(layout, expected, stream) for stream in layout.streams), load, tuple(promises))


def _told(feed: Feed) -> str:
    several_ = list(dict.fromkeys(feed.published))
    what = ", ".join(several_[:3]) + (f" and {len(several_) - 3} more" if len(several_) > 3 else "")
    rate = f", {feed.rate:g} a second" if feed.rate else ""
    return f"{feed.origin} is filled from {feed.region} on {what}{rate}" + (f", {feed.size} bytes" if feed.size else "")


def _role(layout: Layout, expected: Expected, stream: Stream) -> Role:
    is_copy = bool(layout.graph.into(stream.key))
    role = " and ".join(word for word, so in (("origin", stream.is_origin), ("copy", is_copy)) if so)
    parts = []
    for place, origin in enumerate(expected.streams):
        count = int(expected.topics[place])
        held = int((expected.table(stream.key)[place, :count] > 0).sum())
        if held:
            parts.append(f"all of {origin}" if held == count else f"{held} of {count} subjects of {origin}")
    limits = Limits.of(stream.definition)
    keeps = str(limits) if limits else "everything"
    if limits.consumed:
        keeps = f"{stream.definition['retention']}: until it is consumed"
    if stream.definition.get("discard") == "new":
        keeps += ", refuses what is new when it is full"
    if stream.definition.get("allow_msg_ttl"):
        keeps += ", and each message no longer than its own TTL (the check's have none)"
    if limits.marks:
        keeps += ", leaves marks of what expired"
    if heard := layout.graph.echoed.get(stream.key):
        parts.append(f"what {', '.join(heard)} republishes, of which nothing is promised")
    return Role(stream.key, stream.region, role, ", ".join(parts) or "nothing that is published", keeps)


Told = tuple[str, str, str]  # property, place, why it is not promised there; "" when it is


def _promises(layout: Layout, feeds: Sequence[Feed], expected: Expected) -> Iterator[Told]:
    filled = {feed.origin for feed in feeds}
    read = {stream.key for _, stream in watched(layout)}
    for stream in layout.streams:
        key, consumed = stream.key, Limits.of(stream.definition).consumed
        yield "P3", key, ""
        dark = "a transform on the way cannot be foretold" if key in expected.dark else ""
        yield "P10", key, dark or ("" if expected.table(key).any() else "nothing that is published comes there")
        yield "P9", key, "" if layout.graph.by_key[key].replicas > 1 else "one replica has nothing to differ from"
        ways = max((expected.ways(key, place) for place in range(len(expected.streams))), default=0)
        apart = "a process's messages come by several ways, which keep no step" if ways > 1 else ""
        yield "P5b", key, apart or (ECHOES if key in layout.graph.echoing and key not in filled else "")
        why = "a reader would take its messages away" if consumed else "no reader follows it, only the ends of the ways"
        for id_ in ("P7", "P11"):
            yield id_, key, "" if key in read else why
        if key in filled:
            told = f"it keeps messages by `{stream.definition.get('retention')}`, so what is gone proves nothing"
            yield "P1", key, told if consumed else ""
            yield "P8", key, ""
        elif stream.is_origin:
            for id_ in ("P1", "P8"):
                yield id_, key, "nobody publishes to it"
        if layout.graph.into(key):
            yield from _of_copy(layout, expected, key)
    for group in expected.alike:
        yield "P6", ", ".join(group), ""
    if not expected.alike:
        yield "P6", "whole lab", "no two copies select the same"
    for region in layout.topology.regions:
        yield from _of_region(layout, feeds, expected, region)


def _of_copy(layout: Layout, expected: Expected, key: str) -> Iterator[Told]:
    nothing = "" if expected.table(key).any() else "nothing that is published is selected on the way there"
    twice = "the same messages come by several ways, so that they are there more than once"
    for id_ in ("P2a", "P5c", "L8"):
        yield id_, key, nothing
    echoes = ECHOES if key in layout.graph.echoing else ""
    for id_, why in (("P2b", echoes), ("P4", "")):
        yield id_, key, nothing or (twice if expected.repeats(key) else why)
    if echoes:
        yield "P6", key, echoes
    into = [edge.upstream for edge in layout.graph.into(key)]
    aside = [upstream for upstream in dict.fromkeys(into) if into.count(upstream) > 1]
    side = f"it takes from {', '.join(aside)} by several sources, none of which waits for another" if aside else ""
    yield "P5a", key, nothing or side


def _of_region(layout: Layout, feeds: Sequence[Feed], expected: Expected, region: str) -> Iterator[Told]:
    here = dict.fromkeys(feed.origin for feed in feeds if feed.region == region)
    near = [key for key in here if layout.stream(key).regions == (region,)]
    local = [key for key in near if accepts_alone(layout, key)]
    pairs = local_copies(layout, expected, list(here), region)
    yield "L1", region, "" if pairs else "no copy in the region gets what is published there without a way out of it"
    full = [key for key in near if key not in local]
    for id_ in ("L2", "L5", "L6", "L7"):
        yield id_, region, "" if local else f"{', '.join(full)} may refuse for being full" if full else ELSEWHERE
    lone = [key for key in local if layout.graph.by_key[key].replicas == 1]
    if lone:
        yield "L6", ", ".join(lone), "with one replica, a node that is down may be the one that has it"
    clients = region in layout.clients
    for id_ in ("L3", "L4", "L9"):
        yield id_, region, "" if clients else "it has no stream that can be read without being consumed"
    if clients and not reads_at_home(layout, region):
        yield "L3", f"{region} consumers", "they need a majority of replicas that live in several regions"
        yield "L5", f"{region} consumers", "a new one may be placed in a region that is out of reach"


def text(explained: Explanation) -> str:
    """As a person reads it in a terminal."""
    lines = ["Streams"]
    width = max(len(role.stream) for role in explained.roles)
    for role in explained.roles:
        lines.append(f"  {role.stream:<{width}}  {role.region}, {role.role}: holds {role.holds}; keeps {role.keeps}")
    lines += ["", "Load", *(f"  {line}" for line in explained.load)]
    for promised, head in ((True, "Promised"), (False, "Not promised")):
        lines += ["", head]
        for promise in explained.promises:
            if promise.promised == promised:
                places = _listed(promise.places)
                why = f": {promise.why}" if promise.why else ""
                lines.append(f"  {promise.property:<4} {promise.name:<22} {places}{why}")
    return "\n".join(lines)


def _listed(places: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(places[:most])
    return shown + (f" and {len(places) - most} more" if len(places) > most else "")


def summary(explained: Explanation) -> str:
    """In one line, for the beginning of a check."""
    lacking = sorted({promise.property for promise in explained.promises if not promise.promised})
    told = f"{several(len(explained.load), 'stream')} filled, {several(len(explained.roles), 'stream')} judged"
    return told + (f"; {', '.join(lacking)} not everywhere (`lab check --explain` says why)" if lacking else "")
