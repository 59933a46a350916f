"""Do the regions agree? What clients read in each region, side by side, message by message; pure.

A message is known by its origin: the stream that stored it first and its sequence there, which every copy carries in
its header.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

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
    """`verdict`: agree, differ, or unknown when a region could not be read. `out_of_order` says of each region at
    how many places its order turns from the first region's: allowed across origins, and only information."""

    verdict: Agreement
    messages: int
    regions: tuple[RegionView, ...]
    altered: tuple[Origin, ...]
    out_of_order: dict[str, int]
    known: dict[Origin, Copy] = field(repr=False, hash=False)


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
        rows.append(RegionView(region, len(answer), tuple(absent(answer, known)), tuple(repeated(answer))))
    altered = tuple(sorted(origin for origin, seen in digests.items() if len(seen) > 1))
    wrong = altered or any(row.missing or row.duplicated for row in rows)
    unread = any(row.error for row in rows)
    verdict: Agreement = "differ" if wrong else "unknown" if unread else "agree"
    first = next(iter(held.values()), ())
    out_of_order = {region: len(turns(copies, first)) for region, copies in held.items()}
    return Comparison(verdict, len(known), tuple(rows), altered, out_of_order, known)


def absent(copies: Sequence[Copy], wanted: Iterable[Origin]) -> list[Origin]:
    """Those of the wanted messages that are not among the copies, sorted."""
    there = {copy.origin for copy in copies}
    return sorted(origin for origin in wanted if origin not in there)


def repeated(copies: Sequence[Copy]) -> dict[Origin, int]:
    """The messages that are there more than once, sorted, with how many copies are superfluous."""
    counts = Counter(copy.origin for copy in copies)
    return {origin: counts[origin] - 1 for origin in sorted(counts) if counts[origin] > 1}


def turns(copies: Sequence[Copy], reference: Sequence[Copy]) -> list[tuple[Origin, Origin]]:
    """Neighbours, of the messages that both hold, that the reference has the other way round; none: the same order.

    First copies count, as in a check: a duplicate neither makes disorder nor hides it. Why neighbours, while a check
    tells a share of all pairs (`lab/check/checkers/order.py`): a person lays a handful of messages side by side and
    looks for the places, and one latecomer is one place, however many it comes after.
    """
    place = {origin: number for number, origin in enumerate(dict.fromkeys(copy.origin for copy in reference))}
    order = [origin for origin in dict.fromkeys(copy.origin for copy in copies) if origin in place]
    return [(one, two) for one, two in pairwise(order) if place[one] > place[two]]
