"""A history made searchable: all that the checkers look things up in, built once and then only read."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.check.checkers.expected import Expected, Table
from lab.check.checkers.outages import deadline, disturbance
from lab.check.checkers.retention import Dropped, Kept, Limits, Slots, dropped, nothing
from lab.check.checkers.stalls import Stalls
from lab.check.checkers.stored import (
    NONE,
    Arrived,
    Mask,
    Messages,
    Numbers,
    Positions,
    Recent,
    Stored,
    arrived_from,
    chunks,
    extreme,
)
from lab.check.history import OK, OURS, SECOND, Array, History
from lab.check.load import stored_subjects
from lab.units import duration_ns


class Index:
    """All that the checkers look things up in. Built once, then only read."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.topology, self.layout = history.run.topology, history.run.layout
        self.streams, self.graph = history.run.streams, self.layout.graph
        self.stalls = Stalls(history.run.stalls)
        self.messages, recent = Messages(history), Recent()
        self.expected = Expected(self.graph, self.streams, self._subjects())
        disturbed = {region: disturbance(history, region) for region in self.topology.regions}
        self.stored = {
            name: Stored(read, self.messages, self._disturbed(name, disturbed), recent)
            for name, read in history.reads.items()
        }
        self._kept: dict[str, Kept] = {}
        self._dropped: dict[str, Dropped] = {}
        self._none: dict[Limits, Dropped] = {}

    def _disturbed(self, key: str, disturbed: Mapping[str, str]) -> str:
        return next((told for region in self.layout.stream(key).regions if (told := disturbed[region])), "")

    def _subjects(self) -> dict[str, Sequence[str]]:
        """By origin, of the origins that this run fills."""
        run = self.history.run
        homes = dict.fromkeys(run.home(process) for process in run.processes)
        known = [home for home in homes if home in self.streams]
        return {home: run.subjects.get(home) or stored_subjects(self.layout, home) for home in known}

    @property
    def writes(self) -> list[Stored]:
        """The origins that were read."""
        return [self.stored[origin.key] for origin in self.layout.origins if origin.key in self.stored]

    @property
    def reads(self) -> list[Stored]:
        """The copies that were read."""
        return [self.stored[copy.key] for copy in self.layout.copies if copy.key in self.stored]

    @property
    def all(self) -> list[Stored]:
        """Everything that was read, each once: the origins, then the mere copies."""
        return list({stored.name: stored for stored in (*self.writes, *self.reads)}.values())

    def is_copy(self, key: str) -> bool:
        return bool(self.graph.into(key))

    def read_of(self, place: str) -> Stored | None:
        """The final read of a stream, or of what the clients of a region read."""
        if place in self.stored or place not in self.layout.clients:
            return self.stored.get(place)
        return self.stored.get(self.layout.copy(place).key) if place in self.layout.clients else None

    # --- what each stream should hold ---

    @cached_property
    def _topics(self) -> NDArray[np.uint8]:
        return self.messages.topics(self.expected.topics)

    def wanted(self, key: str) -> Mask:
        """The messages that a stream should hold, if they were stored: what its way from their origins lets through."""
        return self._in(self.expected.table(key))

    def along(self, upstream: str, key: str) -> Mask:
        """The messages that should come to a stream straight from another one."""
        return self._in(self.expected.along(upstream, key))

    def _in(self, table: Table) -> Mask:
        by_origin = self.expected.everything(table)
        if by_origin is not None:
            mask = np.zeros(self.messages.count, np.bool_)
            for place, all_of_it in by_origin.items():
                if all_of_it:
                    mask |= self.messages.of_origin(place)
            return mask
        mask = np.zeros(self.messages.count, np.bool_)
        for process, place in enumerate(self.messages.home):
            part = slice(self.messages.starts[process], self.messages.starts[process + 1])
            if place < len(table):
                mask[part] = table[place][self._topics[part]] > 0
        return mask

    @cached_property
    def arrived(self) -> dict[str, dict[str, Arrived]]:
        """Copy -> upstream -> what came from it."""
        return {stored.name: arrived_from(stored, self.streams) for stored in self.reads}

    def pending(self, stored: Stored) -> Numbers:
        """Messages that may still be under way to a copy: the end of each upstream, if the run did not wait."""
        if self.waited:
            return np.empty(0, np.int32)
        tail = self.tail(stored)
        missing: Numbers = tail[stored.first[tail] == NONE]
        missing = missing[self.wanted(stored.name)[missing]]
        return missing[~self.dropped(stored).rightly[missing]]

    def tail(self, stored: Stored, behind: tuple[str, ...] = ()) -> Numbers:
        """The messages after the last that came, in each stream that a copy takes from, and those that had not come
        there themselves."""
        tails = [np.empty(0, np.int32)]
        for name in self.graph.upstream(stored.name):
            upstream = self.stored.get(name)
            if upstream is None or name in behind:
                continue
            high = self.arrived[stored.name].get(name, Arrived()).highest
            tails.append(upstream.after(high))
            if upstream.disturbed:  # it may lack what was acknowledged last itself
                tails.append(self._acked_after(upstream, high))
            if self.is_copy(name):
                tails.append(self.tail(upstream, (*behind, stored.name)))
        tail = np.concatenate(tails)
        return np.unique(tail[tail >= 0])

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
        return bool(self.history.run.definitions) and 0 < self.limits(stored.name).age <= (self._ended or 0)

    @cached_property
    def _ended(self) -> int | None:
        """When the run ended, by the clock by which servers reckon ages; None when the run does not say."""
        ends = [phase.ended for phase in self.history.run.phases]
        return max(ends) + max(0, round(self.history.run.jump * SECOND)) if ends else None

    def kept(self, stored: Stored) -> Kept:
        if stored.name not in self._kept:
            copies = [replica for replica in self.history.replicas if replica.stream == stored.name]
            messages = max((replica.messages for replica in copies), default=len(stored.numbers))
            held = max((replica.bytes for replica in copies), default=0)
            limits = self.limits(stored.name)
            slots = self._slots(stored.name) if limits.per_subject else None
            self._kept[stored.name] = Kept(limits, stored, messages, held, slots, self._ended)
        return self._kept[stored.name]

    def _slots(self, key: str) -> Slots:
        """Numbers for the subjects of messages in a stream, by process and counter."""
        numbers, home, seed = self.expected.slots(key), self.messages.home, self.history.run.seed

        def slot(process: int, counter: int) -> int:
            origin = int(home[process]) if process < len(home) else len(self.streams)
            return numbers.get((origin, self.expected.topic(seed, origin, process, counter)), -1)

        return slot

    def expired(self, write: Stored, publishes: Array) -> Mask:
        """Which of the acknowledged publishes a write stream may have dropped by the final read, as it is defined."""
        return self.kept(write).explains(*(publishes[name] for name in ("sequence", "invoked", "process", "counter")))

    def dropped(self, stored: Stored) -> Dropped:
        """What a copy had, or may have had, and dropped as it is defined."""
        found = self._dropped.pop(stored.name, None) or self._look_for_dropped(stored)
        self._dropped[stored.name] = found
        if len(self._dropped) > Recent.MOST:
            del self._dropped[next(iter(self._dropped))]
        return found

    def _look_for_dropped(self, stored: Stored) -> Dropped:
        limits, before = self.limits(stored.name), self.before.get(stored.name, 0)
        before = before if before <= stored.read.last else 0  # a stream that lost everything counts from 1 again
        if not limits or stored.read.last - before == len(stored.numbers):  # whatever it ever had is there
            return self._nothing(limits)
        readers = [rows for (place, _), rows in self.history.live.items() if self.read_of(place) is stored]
        arrived = self.arrived.get(stored.name, {}).items()
        lowest = {name: came.lowest for name, came in arrived if came.rows and name != stored.name}
        invoked = np.zeros(self.messages.count, np.int64)
        for _, rows in chunks(self.history.publishes):
            invoked[self.messages.numbers(rows)] = rows["invoked"]
        wanted = self.wanted(stored.name)
        return dropped(
            self.kept(stored), stored, self.messages, readers, self.place_in, lowest, invoked, before, wanted
        )

    def _nothing(self, limits: Limits) -> Dropped:
        if limits not in self._none:
            self._none[limits] = nothing(limits, self.messages.count)
        return self._none[limits]

    def place_in(self, key: str, numbers: Positions) -> NDArray[np.int64]:
        """The sequences of messages in a stream, as it holds them or acknowledged them; 0 where neither is so."""
        sequences = np.zeros(len(numbers), np.int64)
        stored = self.stored.get(key)
        if stored is not None and len(stored.numbers):
            there = stored.first[numbers]
            sequences[there != NONE] = stored.read.rows["sequence"][there[there != NONE]]
        place, acked = self.streams.index(key), np.zeros(self.messages.count, np.int64)
        for _, rows in chunks(self.history.publishes):
            good = rows[(rows["outcome"] == OK) & (rows["stream"] == place)]
            acked[self.messages.numbers(good)] = good["sequence"]
        found: NDArray[np.int64] = np.where(acked[numbers] > 0, acked[numbers], sequences)
        return found
