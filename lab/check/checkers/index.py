"""A history made searchable: all that the checkers look things up in, built once and then only read."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.check.checkers.outages import deadline, disturbance
from lab.check.checkers.retention import Dropped, Kept, Limits, dropped, nothing
from lab.check.checkers.stored import NONE, Arrived, Mask, Messages, Numbers, Stored, arrived_from, chunks, extreme
from lab.check.history import OK, OURS, Array, History
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
        self._kept: dict[str, Kept] = {}
        self._dropped: dict[str, Dropped] = {}

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
        return missing[~self.dropped(stored).rightly[missing]]

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
        if stored.read.first <= self.before.get(stored.name, 0) or not any(self.before.values()):
            return old  # what was there was read as well, or there was nothing
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

    # --- what streams dropped by their definitions ---

    def limits(self, key: str) -> Limits:
        """By what a stream may drop messages. Runs that do not know their definitions know the age in origins."""
        definitions: Any = self.history.run.definitions
        if definitions:
            return Limits.of(definitions.get(key, {}))
        return Limits(age=duration_ns(self.topology.max_age)) if self.layout.stream(key).is_origin else Limits()

    def expiring(self, stored: Stored) -> bool:
        """Whether messages of this run were getting too old while it was read, as far as definitions are known."""
        end = max((phase.ended for phase in self.history.run.phases), default=0)
        return bool(self.history.run.definitions) and 0 < self.limits(stored.name).age <= end

    def kept(self, stored: Stored) -> Kept:
        if stored.name not in self._kept:
            copies = [replica for replica in self.history.replicas if replica.stream == stored.name]
            messages = max((replica.messages for replica in copies), default=len(stored.numbers))
            held = max((replica.bytes for replica in copies), default=0)
            end = max((phase.ended for phase in self.history.run.phases), default=None)
            limits, seed = self.limits(stored.name), self.history.run.seed
            self._kept[stored.name] = Kept(limits, stored, messages, held, seed, end)
        return self._kept[stored.name]

    def expired(self, write: Stored, publishes: Array) -> Mask:
        """Which of the acknowledged publishes a write stream may have dropped by the final read, as it is defined."""
        return self.kept(write).explains(*(publishes[name] for name in ("sequence", "invoked", "process", "counter")))

    def dropped(self, stored: Stored) -> Dropped:
        """What a read stream had, or may have had, and dropped as it is defined."""
        if stored.name not in self._dropped:
            self._dropped[stored.name] = self._look_for_dropped(stored)
        return self._dropped[stored.name]

    def _look_for_dropped(self, stored: Stored) -> Dropped:
        limits = self.limits(stored.name)
        if not limits:
            return nothing(limits, self.messages.count)
        readers = [rows for (region, _), rows in self.history.live.items() if self.read_of(region) is stored]
        arrived = self.arrived[stored.name].items()
        lowest = {self.streams.index(name): came.lowest for name, came in arrived if came.rows}
        invoked = np.zeros(self.messages.count, np.int64)
        for _, rows in chunks(self.history.publishes):
            invoked[self.messages.numbers(rows)] = rows["invoked"]
        before = self.before.get(stored.name, 0)
        before = before if before <= stored.read.last else 0  # a stream that lost everything counts from 1 again
        origins = self.origin_sequences
        return dropped(self.kept(stored), stored, self.messages, readers, origins, lowest, invoked, before)

    @cached_property
    def origin_sequences(self) -> NDArray[np.int64]:
        """Each message's sequence in its write stream, as it was acknowledged or is stored; 0 where neither is so."""
        sequences = np.zeros(self.messages.count, np.int64)
        for write in self.writes:
            for start, rows in chunks(write.read.rows):
                numbers = write.numbers[start : start + len(rows)]
                sequences[numbers[numbers >= 0]] = rows["sequence"][numbers >= 0]
        for _, rows in chunks(self.history.publishes):
            good = rows[rows["outcome"] == OK]
            sequences[self.messages.numbers(good)] = good["sequence"]
        return sequences
