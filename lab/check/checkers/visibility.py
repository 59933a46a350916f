"""L1: what is published in a region is readable there at once, in copies that get it within the region."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lab.check.checkers.conditions import Conditions, Window
from lab.check.checkers.examples import Case, Draft, count, judged, pick, seconds
from lab.check.checkers.expected import Expected
from lab.check.checkers.index import Index
from lab.check.checkers.stored import NONE, Stored, chunks
from lab.check.history import SECOND, Array
from lab.layouts import Layout

VISIBLE = SECOND  # from the acknowledgement to the copy in the region, at the 99th percentile
ENOUGH = 20  # messages for a percentile


def local_visibility(index: Index) -> Iterator[Draft]:
    if jumped := index.history.run.jumped:
        yield Draft("L1", "", "unknown", 1, 0, jumped)
        return
    conditions = Conditions(index.history)
    for region in index.topology.regions:
        yield from _in_region(index, region, conditions.of(region))


def _in_region(index: Index, region: str, windows: list[Window]) -> Iterator[Draft]:
    """Whoever writes in a region reads it there at once, whether the region is isolated or not."""
    run = index.history.run
    homes = dict.fromkeys(run.home(process) for process in run.processes if process.region == region)
    pairs = local_copies(index.layout, index.expected, list(homes), region)
    for origin, copy in pairs:
        if copy in index.stored:
            place = region if len(pairs) == 1 else f"{copy} from {origin}"
            yield from _visible(index, region, place, origin, index.stored[copy], windows)


def local_copies(layout: Layout, expected: Expected, homes: list[str], region: str) -> list[tuple[str, str]]:
    """The origins among `homes`, with the copies in a region that get what they store without a way out of it."""
    graph, found = layout.graph, list[tuple[str, str]]()
    for copy in (stream.key for stream in layout.copies if stream.region == region):
        near = [copy]
        for key in near:  # which grows meanwhile
            near += [name for name in graph.upstream(key) if graph.by_key[name].region == region and name not in near]
        found += [(home, copy) for home in homes if home in near[1:] and expected.gets(copy, home)]
    return found


def _visible(
    index: Index, region: str, place: str, origin: str, stored: Stored, windows: list[Window]
) -> Iterator[Draft]:
    mine = index.messages.of_region(region, index.streams.index(origin))
    own = np.flatnonzero(mine & index.messages.acked & (stored.first != NONE))
    acked = index.acked_at[own]
    arrived = _stored_at(stored.read.rows, stored.first[own])
    order = np.argsort(acked, kind="stable")
    own, acked, arrived = own[order], acked[order], arrived[order]
    checked, worst, cases, slow, excused = 0, 0.0, [], 0, 0
    for window in windows:
        part = slice(*np.searchsorted(acked, (window.began, window.ended)))
        lag = arrived[part] - acked[part]
        if not window.settled or window.condition.down or len(lag) < ENOUGH:
            continue
        checked += len(lag)
        p99 = float(np.percentile(lag, 99))
        worst = max(worst, p99)
        if p99 > VISIBLE and index.stalls.during(window.began, window.ended):
            excused += 1
        elif p99 > VISIBLE:
            slow += 1
            for late in pick(np.flatnonzero(lag > VISIBLE), 4):
                number = int(own[part][late])
                what = f"it took {seconds(int(lag[late]))} to {stored.name}, in its own region"
                cases.append(Case(number, what, int(acked[part][late])))
    if checked:
        yield judged(
            "L1",
            place,
            checked,
            slow,
            f"99 % of {count(checked, 'message')} were readable in their own region within {worst / SECOND:.3f} s",
            f"99 % of the messages were readable in their own region only within {worst / SECOND:.3f} s "
            f"({count(slow or excused, 'stretch')} of the run)",
            cases,
            excused=excused,
        )


def _stored_at(rows: Array, positions: NDArray[np.int32]) -> NDArray[np.int64]:
    """The server's times of the rows at some positions."""
    times = np.empty(len(rows), np.int64)
    for start, part in chunks(rows):
        times[start : start + len(part)] = part["stored"]
    result: NDArray[np.int64] = times[positions]
    return result
