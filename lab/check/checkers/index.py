"""A history made searchable: all that the checkers look things up in, built once and then only read."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lab.check.checkers.outages import deadline, disturbance
from lab.check.checkers.stored import NONE, Arrived, Mask, Messages, Numbers, Stored, arrived_from, chunks, extreme
from lab.check.history import OK, OURS, SECOND, Array, History
from lab.units import duration_ns


class Index:
    """All that the checkers look things up in. Built once, then only read."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.topology, self.layout = history.run.topology, history.run.layout
        self.streams = history.run.streams
        self.messages = Messages(history)
        disturbed = {region: disturbance(history, region) for region in self.topology.regions}
        self.stored = {
            name: Stored(read, self.messages, disturbed[read.region]) for name, read in history.reads.items()
        }

    @property
    def writes(self) -> list[Stored]:
        """The origins that were read."""
        return [self.stored[origin.key] for origin in self.layout.origins if origin.key in self.stored]

    @property
    def reads(self) -> list[Stored]:
        """The copies that were read."""
        return [self.stored[copy.key] for copy in self.layout.copies if copy.key in self.stored]

    def read_of(self, region: str) -> Stored | None:
        """The final read of what a region's clients read."""
        return self.stored.get(self.layout.copy(region).key)

    @cached_property
    def arrived(self) -> dict[str, dict[str, Arrived]]:
        """Copy -> origin -> what came from it."""
        return {stored.name: arrived_from(stored, self.streams) for stored in self.reads}

    def pending(self, stored: Stored) -> Numbers:
        """Messages that may still be under way to a read stream: the end of each origin, if the run did not wait."""
        if self.waited:
            return np.empty(0, np.int32)
        tails = [np.empty(0, np.int32)]
        for write in self.writes:
            high = self.arrived[stored.name].get(write.name, Arrived()).highest
            tails.append(write.after(high))
            if write.disturbed:  # it may lack what was acknowledged last itself
                tails.append(self._acked_after(write, high))
        tail = np.concatenate(tails)
        missing: Numbers = tail[(tail >= 0) & (stored.first[tail] == NONE)]
        return missing

    def _acked_after(self, write: Stored, sequence: int) -> Numbers:
        """The messages that a write stream acknowledged above a sequence."""
        place, found = self.streams.index(write.name), [np.empty(0, np.int64)]
        for _, rows in chunks(self.history.publishes):
            late = rows[(rows["outcome"] == OK) & (rows["stream"] == place) & (rows["sequence"] > sequence)]
            found.append(self.messages.numbers(late))
        return np.concatenate(found).astype(np.int32)

    @cached_property
    def read_began(self) -> int | None:
        """When the final reads began; None when the run does not say."""
        return next((phase.began for phase in self.history.run.phases if phase.name == "read"), None)

    @cached_property
    def before(self) -> dict[str, int]:
        """Each stream's last sequence before anything was published, as the first sample has it. A sample takes its
        time, so that it may hold the first messages of this run as well: those know their run."""
        first = extreme(self.history.publishes, "invoked", np.min)
        for sample in self.history.samples:
            if first is None or sample.time < first:
                return dict(sample.last)
        return {}

    def sourced_before(self, stored: Stored, rows: Array) -> Mask:
        """Rows of another run that name an entry which was there, and sourced, before this one began."""
        old = np.zeros(len(rows), np.bool_)
        if stored.read.first <= self.before.get(stored.name, 0):
            return old  # what was there was read as well
        for write in self.writes:
            mine = rows["origin"] == self.streams.index(write.name)
            old |= mine & (rows["origin_sequence"] <= self.before.get(write.name, 0))
        old &= rows["flags"] & OURS == 0
        return old

    @cached_property
    def waited(self) -> bool:
        """Whether every source had the time that it may need before the final reads began."""
        return self.read_began is None or self.read_began >= deadline(self.history, self.last_answer)

    @cached_property
    def last_answer(self) -> int:
        """When the last publish came to its end."""
        return extreme(self.history.publishes, "completed", np.max) or 0

    @cached_property
    def acked_at(self) -> NDArray[np.int64]:
        """When each message was acknowledged; the largest number for those that were not."""
        times = np.full(self.messages.count, np.iinfo(np.int64).max, np.int64)
        for _, rows in chunks(self.history.publishes):
            good = rows[rows["outcome"] == OK]
            times[self.messages.numbers(good)] = good["completed"]
        return times

    def publishes_of(self, wanted: Mask) -> Array:
        """The publishes of some messages."""
        found = [self.history.publishes[:0]]
        for _, rows in chunks(self.history.publishes):
            found.append(rows[wanted[self.messages.numbers(rows)]])
        return np.concatenate(found)

    def expired(self, write: Stored, publishes: Array) -> Mask:
        """Which of the acknowledged publishes a write stream may have dropped for their age by the final read."""
        max_age = duration_ns(self.topology.max_age)
        ends = [phase.ended for phase in self.history.run.phases]
        gone: Mask = publishes["sequence"] < write.read.first
        if not max_age or not ends:
            return gone if max_age else np.zeros(len(publishes), np.bool_)
        old: Mask = publishes["invoked"] + max_age <= max(ends) + SECOND
        return gone & old
