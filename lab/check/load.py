"""Who publishes what from where, before anything is published: a value, from a layout and what lab.yaml says. Pure.

With a virtual stream clients of every region publish to it. Without one every stream that listens to subjects is
filled from the region where it lives, on subjects that its copies select, and on some that none does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lab.check import payload
from lab.errors import UsageError
from lab.layouts import Layout, Stream
from lab.streamgraph import flow
from lab.streamgraph.subjects import Transform, matches

MOST_STREAMS = 250  # rows have a byte for the number of a stream
MOST_WATCHED = 12  # each has two readers


@dataclass(frozen=True)
class Feed:
    """Publishers in one region that fill one stream. They publish on `published`, which the stream stores as `stored`.
    `rate` is messages a second, 0 for a share of what others leave; `size` is bytes, 0 for the usual mixture."""

    region: str
    origin: str
    published: tuple[str, ...]
    stored: tuple[str, ...]
    rate: float = 0
    size: int = 0


@dataclass(frozen=True)
class Wish:
    """What lab.yaml says of one stream in `check`; what it leaves out is None."""

    regions: tuple[str, ...] | None = None
    subjects: tuple[str, ...] | None = None
    rate: float | None = None
    size: int | None = None


def feeds(layout: Layout, wishes: Mapping[str, Wish] | None = None) -> tuple[Feed, ...]:
    """All of them. Raises `UsageError` for wishes that cannot be."""
    if len(layout.streams) > MOST_STREAMS:
        raise UsageError(f"a check follows at most {MOST_STREAMS} streams, and this lab has {len(layout.streams)}")
    usual = _virtual(layout) if layout.virtual_name else _own(layout)
    made = tuple(feed for one in usual for feed in _wished(layout, one, (wishes or {}).get(one.origin, Wish())))
    unknown = sorted(set(wishes or {}) - {feed.origin for feed in usual})
    if unknown:
        known = ", ".join(f"`{key}`" for key in dict.fromkeys(feed.origin for feed in usual))
        raise UsageError(f"check: nothing can be published into `{unknown[0]}`", f"these can be filled: {known}")
    if not made:
        raise UsageError("check: no stream is filled", "`check` in lab.yaml says where clients publish")
    return made


def watched(layout: Layout) -> list[tuple[str, Stream]]:
    """The streams that live readers follow, each with what a history calls the place: what the clients of a region
    read, or the ends of the ways. A reader of a work queue would take its messages away, so those have none."""
    if layout.virtual_name:
        return [(region, layout.copy(region)) for region in layout.topology.regions if region in layout.clients]
    readable = [stream for stream in layout.copies if stream.definition.get("retention", "limits") == "limits"]
    ends = [stream for stream in readable if not layout.graph.out_of(stream.key)]
    return [(stream.key, stream) for stream in (ends or readable)[:MOST_WATCHED]]


def subjects(feeds_: tuple[Feed, ...]) -> dict[str, tuple[str, ...]]:
    """Origin -> the subjects under which it stores, as `Run.subjects` has them."""
    return {feed.origin: feed.stored for feed in feeds_}


def stored_subjects(layout: Layout, key: str) -> tuple[str, ...]:
    """Under which subjects an origin stores what clients publish to the virtual stream."""
    return tuple(layout.as_stored(layout.stream(key), subject) for subject in payload.subjects(layout))


def _virtual(layout: Layout) -> list[Feed]:
    published = tuple(payload.subjects(layout))
    origins = {region: layout.origin(region).key for region in layout.regions}
    return [Feed(region, key, published, stored_subjects(layout, key)) for region, key in origins.items()]


def _own(layout: Layout) -> list[Feed]:
    return [_feed(layout, stream.region, stream.key, None) for stream in layout.origins]


def _feed(layout: Layout, region: str, key: str, wanted: tuple[str, ...] | None) -> Feed:
    """A mapping of the account may turn what is published into what the stream listens to."""
    vertex = layout.graph.by_key[key]
    account = next(account for account in layout.accounts if account.name == vertex.account)
    published = list(wanted or flow.subjects(layout.graph, key))
    given = (mapped(account.mappings, region, subject) for subject in published)
    pairs = [
        (subject, stored)
        for subject, taken in zip(published, given, strict=True)
        if any(matches(pattern, taken) for pattern in vertex.subjects) and (stored := vertex.stores(taken))
    ]
    if not pairs:
        raise UsageError(
            f"check: nothing that is published on `{published[0]}` in {region} comes to `{key}`",
            "`subjects` in `check` of lab.yaml says on what to publish",
        )
    return Feed(region, key, tuple(subject for subject, _ in pairs), tuple(stored for _, stored in pairs))


def mapped(mappings: Mapping[str, Mapping[str, str]], region: str, subject: str) -> str:
    """What an account's mappings make of a subject in a region."""
    for pattern, destinations in mappings.items():
        destination = destinations.get(region) or destinations.get("")
        if destination and matches(pattern, subject):
            return Transform(pattern, destination).apply(subject) or subject
    return subject


def _wished(layout: Layout, usual: Feed, wish: Wish) -> list[Feed]:
    if wish == Wish():
        return [usual]
    if layout.virtual_name and (wish.regions or wish.subjects):
        raise UsageError(
            f"check: who publishes to `{layout.virtual_name}` on what is the layout's matter",
            "`rate` and `size` can be set for it",
        )
    found = []
    for region in (usual.region,) if wish.regions is None else wish.regions:
        layout.topology.require_region(region)
        feed = usual if not wish.subjects and region == usual.region else None
        feed = feed or _feed(layout, region, usual.origin, wish.subjects)
        found.append(replace(feed, rate=(wish.rate or 0) / len(wish.regions or "1"), size=wish.size or 0))
    return found
