"""A region's publishes in the order of time, for checkers that ask what happened during a stretch of the run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.check.checkers.examples import Case, pick, seconds
from lab.check.checkers.index import Index
from lab.check.checkers.stored import chunks
from lab.check.history import OUTCOMES, Array


@dataclass(frozen=True)
class Publishes:
    """A region's publishes, by the time of their invocation."""

    number: NDArray[np.int32]
    invoked: NDArray[np.int64]
    completed: NDArray[np.int64]
    outcome: NDArray[np.uint8]

    def within(self, began: int, ended: int) -> "Publishes":
        part = slice(*np.searchsorted(self.invoked, (began, ended)))
        return Publishes(self.number[part], self.invoked[part], self.completed[part], self.outcome[part])

    def cases(self, mask: NDArray[np.bool_], what: str) -> list[Case]:
        return [
            Case(
                int(self.number[place]),
                what.format(outcome=OUTCOMES[self.outcome[place]], seconds=seconds(int(self.completed[place]))),
                int(self.invoked[place]),
            )
            for place in pick(np.flatnonzero(mask))
        ]


def publishes_of(index: Index, region: str, places: frozenset[int]) -> Publishes:
    """What was published in a region into the streams that have these places in the run."""
    run, home = index.history.run, index.messages.home
    mine = np.array([p.region == region and int(home[p.number]) in places for p in run.processes], np.bool_)
    parts: list[tuple[Array, ...]] = []
    for _, rows in chunks(index.history.publishes):
        own = rows[mine[rows["process"]]]
        parts.append((index.messages.numbers(own).astype(np.int32), own["invoked"], own["completed"], own["outcome"]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] or [np.empty(0, np.int64)] * 4
    del parts
    order = np.argsort(columns[1], kind="stable")
    for place, column in enumerate(columns):
        columns[place] = column[order]
    return Publishes(*columns)
