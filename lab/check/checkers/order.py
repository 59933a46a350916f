"""In how many pairs of messages two regions differ about which came first: Kendall's distance, in O(n log n).

Between origins that is allowed, and worth knowing; `sourcing.py` and `processes.py` judge what is not. A share of all
pairs, since it means the same for a hundred messages and a million, however late a latecomer is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lab.check.checkers.stored import NONE, Positions, Stored
from lab.check.history import Array

# Messages of all pairs of regions together that are counted exactly, in about half a second. Of longer runs every
# so-many-th message is counted: 200,000 of them make 20 billion pairs, and their share is the same to a thousandth.
MOST = 600_000


@dataclass(frozen=True)
class Disorder:
    """`share` of the pairs of the `common` messages that stand in different order; NaN for fewer than two messages.
    `every` is 1 for an exact count, else only every so-many-th message was looked at."""

    one: str
    other: str
    common: int
    pairs: int  # in different order
    share: float
    every: int


def disorder(reads: Sequence[Stored]) -> tuple[Disorder, ...]:
    """Of every two regions, by first occurrences."""
    regions = list(combinations(reads, 2))
    return tuple(_between(one, other, len(regions)) for one, other in regions)


def _between(one: Stored, other: Stored, pairs: int) -> Disorder:
    both = np.flatnonzero((one.first != NONE) & (other.first != NONE))
    common = both[_order(one, both)]
    every = max(1, -(-len(common) * pairs // MOST))
    looked_at = common[::every]
    ranks = np.empty(len(looked_at), np.int32)
    ranks[_order(other, looked_at)] = np.arange(len(looked_at), dtype=np.int32)
    differing = inversions(ranks)
    possible = len(looked_at) * (len(looked_at) - 1) // 2
    share = differing / possible if possible else float("nan")
    return Disorder(one.region, other.region, len(common), differing, share, every)


def _order(stored: Stored, messages: Positions) -> Array:
    """Which of the messages is 1st, 2nd, … in the stream, by a counting sort."""
    place = np.full(len(stored.numbers), NONE, np.int32)
    place[stored.first[messages]] = np.arange(len(messages), dtype=np.int32)
    ordered: Array = place[place != NONE]
    return ordered


def inversions(permutation: Array) -> int:
    """Pairs i < j with permutation[i] > permutation[j], of a permutation of 0..n-1.

    Bit by bit from the highest, keeping the numbers stably grouped by the bits above: a pair is out of order exactly
    when, in one group, the one that comes first has the bit and the other has not.
    """
    size = len(permutation)
    numbers = permutation.astype(np.int32)
    total = 0
    for bit in range(max(size - 1, 0).bit_length() - 1, -1, -1):
        start = (numbers >> (bit + 1)) << (bit + 1)  # of the group: it holds all numbers that share the bits above
        high = (numbers >> bit) & 1
        before = np.cumsum(high, dtype=np.int32) - high  # with the bit, before this one, in all groups
        ahead = before - before[start]  # … in its own group; a group's first number has nobody of it before
        low = high == 0
        total += int(ahead[low].sum(dtype=np.int64))
        place = np.arange(size, dtype=np.int32) - ahead
        place[~low] = (start + (1 << bit) + ahead)[~low]
        grouped = np.empty_like(numbers)
        grouped[place] = numbers
        numbers = grouped
    return total
