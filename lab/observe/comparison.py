"""Do the regions agree? What clients read in each region, side by side, message by message; the judgement is pure.

A message is known by its origin: the stream that stored it first and its sequence there, which every copy carries in
its header.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise

from lab.docker.observation import Observation
from lab.errors import NatsError
from lab.jetstream.session import Entry, connect
from lab.layouts import Layout, Stream, layout_of
from lab.verdict import Agreement

Origin = tuple[str, int]


@dataclass(frozen=True)
class Copy:
    """One stored copy of a message; `digest` is of subject and body."""

    origin: Origin
    subject: str
    preview: str
    digest: bytes


@dataclass(frozen=True)
class RegionView:
    """What clients read in a region: how many messages, which are missing there, which are there more than once.

    `error` says why a region could not be read; nothing is concluded about it then.
    """

    region: str
    messages: int
    missing: tuple[Origin, ...] = ()
    duplicated: tuple[Origin, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Comparison:
    """`verdict`: agree, differ, or unknown when a region could not be read. `out_of_order` counts neighbouring pairs of
    each region that the first region has the other way round: allowed across origins, and only information."""

    verdict: Agreement
    messages: int
    regions: tuple[RegionView, ...]
    altered: tuple[Origin, ...]
    out_of_order: dict[str, int]
    known: dict[Origin, Copy] = field(repr=False, hash=False)


async def gather(observation: Observation, timeout: float = 10) -> Comparison:
    """Read what each region's clients read, and what its origins still hold. `timeout` in seconds."""
    topology, layout = observation.topology, layout_of(observation.topology)

    async def one(region: str) -> tuple[list[Copy], list[Copy]] | str:
        origins = [stream for stream in layout.streams_in(region) if stream.is_origin]
        try:
            async with connect(region, observation.running_nodes(region), layout.credentials(region)) as session:
                names = [layout.copy(region).name, *(origin.name for origin in origins)]
                stored, *written = [[copy_of(e) async for e in session.read(name, timeout=timeout)] for name in names]
                by_origin = zip(origins, written, strict=True)
                return stored, [as_read(copy, layout, origin) for origin, copies in by_origin for copy in copies]
        except NatsError as error:
            return error.message

    answers = await asyncio.gather(*(one(region) for region in topology.regions))
    reads = {r: a[0] if not isinstance(a, str) else a for r, a in zip(topology.regions, answers, strict=True)}
    return compare(reads, [copy for answer in answers if not isinstance(answer, str) for copy in answer[1]])


def copy_of(entry: Entry) -> Copy:
    digest = sha256(entry.subject.encode() + b"\0" + entry.body).digest()
    return Copy(entry.origin, entry.subject, entry.body[:60].decode(errors="replace"), digest)


def as_read(copy: Copy, layout: Layout, origin: Stream) -> Copy:
    """What an origin holds, as its copies should have it, but for the digest."""
    return Copy(copy.origin, layout.as_read(origin, copy.subject), copy.preview, b"")


def compare(reads: Mapping[str, Sequence[Copy] | str], written: Sequence[Copy] = ()) -> Comparison:
    """Judge the copies that each region holds (or the reason why it could not be read) against all that are known."""
    known: dict[Origin, Copy] = {copy.origin: copy for copy in written}
    digests: dict[Origin, set[bytes]] = {}
    held = {region: copies for region, copies in reads.items() if not isinstance(copies, str)}
    for copies in held.values():
        for copy in copies:
            known[copy.origin] = copy
            digests.setdefault(copy.origin, set()).add(copy.digest)
    rows = []
    for region, answer in reads.items():
        if isinstance(answer, str):
            rows.append(RegionView(region, 0, error=answer))
            continue
        copies = answer
        counts = Counter(copy.origin for copy in copies)
        rows.append(
            RegionView(
                region,
                len(copies),
                tuple(sorted(origin for origin in known if origin not in counts)),
                tuple(sorted(origin for origin, count in counts.items() if count > 1)),
            )
        )
    altered = tuple(sorted(origin for origin, seen in digests.items() if len(seen) > 1))
    wrong = altered or any(row.missing or row.duplicated for row in rows)
    unread = any(row.error for row in rows)
    verdict: Agreement = "differ" if wrong else "unknown" if unread else "agree"
    return Comparison(verdict, len(known), tuple(rows), altered, _disorder(held), known)


def _disorder(held: Mapping[str, Sequence[Copy]]) -> dict[str, int]:
    orders = {region: [copy.origin for copy in copies] for region, copies in held.items()}
    if not orders:
        return {}
    reference = {origin: place for place, origin in enumerate(next(iter(orders.values())))}
    return {
        region: sum(
            1
            for one, two in pairwise(order)
            if one in reference and two in reference and reference[one] > reference[two]
        )
        for region, order in orders.items()
    }
