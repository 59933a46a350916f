"""What the regions hold, read from their streams, for `lab/observe/comparison.py` to judge."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from hashlib import sha256

from lab.docker.observation import Observation
from lab.errors import NatsError
from lab.jetstream.session import Entry, Session, connect
from lab.layouts import Layout, Stream, layout_of
from lab.observe.comparison import Comparison, Copy, compare
from lab.observe.probe_messages import is_probe


async def gather(observation: Observation, timeout: float = 10) -> Comparison:
    """Read what each region's clients read, and what its origins still hold, but for the messages of `lab probe`.
    `timeout` in seconds."""
    layout = layout_of(observation.topology)

    async def one(region: str) -> tuple[list[Copy], list[Copy]] | str:
        origins = [stream for stream in layout.streams_in(region) if stream.is_origin]
        try:
            async with connect(region, observation.running_nodes(region), layout.credentials(region)) as session:
                streams = [layout.copy(region), *origins]
                stored, *written = [[copy_of(e) async for e in read(session, layout, s, timeout)] for s in streams]
                by_origin = zip(origins, written, strict=True)
                known = [as_read(copy, layout, origin) for origin, copies in by_origin for copy in copies]
                return without_probes(stored, layout), without_probes(known, layout)
        except NatsError as error:
            return error.message

    answers = await asyncio.gather(*(one(region) for region in layout.regions))
    reads = {r: a[0] if not isinstance(a, str) else a for r, a in zip(layout.regions, answers, strict=True)}
    return compare(reads, [copy for answer in answers if not isinstance(answer, str) for copy in answer[1]])


def read(session: Session, layout: Layout, stream: Stream, timeout: float, first: int = 1) -> AsyncIterator[Entry]:
    """The entries of one of the lab's streams, each with the origin that stored it first."""
    return session.read(stream.name, first, timeout=timeout, stored=layout.first_stored(stream))


def without_probes(copies: Iterable[Copy], layout: Layout) -> list[Copy]:
    """Copies as clients read them, without the messages of `lab probe`, which nobody meant to publish."""
    return [copy for copy in copies if not is_probe(layout, copy.subject)]


def copy_of(entry: Entry) -> Copy:
    digest = sha256(entry.subject.encode() + b"\0" + entry.body).digest()
    return Copy(entry.origin, entry.subject, entry.body[:60].decode(errors="replace"), digest)


def as_read(copy: Copy, layout: Layout, origin: Stream) -> Copy:
    """What an origin holds, as its copies should have it, but for the digest."""
    return Copy(copy.origin, layout.as_read(origin, copy.subject), copy.preview, b"")
