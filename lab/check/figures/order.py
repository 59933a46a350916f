"""In how many pairs of messages two regions differ about which came first: Kendall's distance, in O(n log n).

Between origins that is allowed; the checkers judge what is not. Here it is a figure.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lab.check.figures.messages import Arrival
from lab.check.history import Array

# Messages of all pairs of regions together that are counted exactly (about half a second for each million).
MOST = 6_000_000


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


def disorder(arrivals: dict[str, Arrival]) -> tuple[Disorder, ...]:
    regions = list(combinations(arrivals, 2))
    return tuple(_between(arrivals[one], arrivals[other], len(regions)) for one, other in regions)


def _between(one: Arrival, other: Arrival, pairs: int) -> Disorder:
    both = np.flatnonzero((one.position >= 0) & (other.position >= 0))
    common = both[_order(one, both)]
    every = max(1, -(-len(common) * pairs // MOST))
    looked_at = common[::every]
    ranks = np.empty(len(looked_at), np.int32)
    ranks[_order(other, looked_at)] = np.arange(len(looked_at), dtype=np.int32)
    differing = inversions(ranks)
    possible = len(looked_at) * (len(looked_at) - 1) // 2
    share = differing / possible if possible else float("nan")
    return Disorder(one.region, other.region, len(common), differing, share, every)


def _order(arrived: Arrival, publishes: Array) -> Array:
    """Which of the publishes is 1st, 2nd, … in the stream, by a counting sort; of several of one message, one."""
    place = np.full(arrived.rows, -1, np.int32)
    place[arrived.position[publishes]] = np.arange(len(publishes), dtype=np.int32)
    return place[place >= 0]


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
