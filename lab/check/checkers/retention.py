"""What a stream dropped because its definition says so: no loss, if it had arrived.

Which messages a copy had before it dropped them is known from what live readers got. What nobody saw may have been
among the sequences that are gone, as far as there are that many: more cannot have been. A source delivers an origin in
its order, so that what comes after something that is still there was not dropped before it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lab.check import payload
from lab.check.checkers.stored import NONE, Mask, Messages, Positions, Stored, chunks
from lab.check.history import SECOND, Array

LARGEST = payload.LARGE + 1024  # a stored message with its subject and headers
NEVER = np.iinfo(np.int64).max
Slots = Callable[[int, int], int]  # process, counter -> a number for the message's subject in a stream
PlaceIn = Callable[[str, Positions], NDArray[np.int64]]


@dataclass(frozen=True)
class Limits:
    """By what a stream drops messages that it has; 0 where it does not. `age` is in ns. `consumed`: once they are
    acknowledged, or when nobody wants them. `marks`: where a subject's last message was it leaves a mark, so that this
    message goes at another time than its neighbours."""

    age: int = 0
    messages: int = 0
    bytes: int = 0
    per_subject: int = 0
    consumed: bool = False
    marks: bool = False

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> Self:
        """A stream that discards what is new refuses it, which is not to drop what it has."""

        def limit(name: str) -> int:
            return max(0, int(definition.get(name) or 0))

        old = definition.get("discard", "old") == "old"
        return cls(
            limit("max_age"),
            limit("max_msgs") if old else 0,
            limit("max_bytes") if old else 0,
            0 if definition.get("discard_new_per_subject") else limit("max_msgs_per_subject"),
            definition.get("retention", "limits") != "limits",
            bool(definition.get("subject_delete_marker_ttl")),
        )

    @property
    def oldest_first(self) -> bool:
        """Whether whatever stands behind something that is still there was not dropped."""
        return not self.per_subject and not self.consumed and not self.marks

    def __bool__(self) -> bool:
        return bool(self.age or self.messages or self.bytes or self.per_subject or self.consumed)

    def __str__(self) -> str:
        parts = [f"max_age of {self.age / SECOND:g} s"] if self.age else []
        parts += [f"max_msgs of {self.messages:,}"] if self.messages else []
        parts += [f"max_bytes of {self.bytes:,}"] if self.bytes else []
        parts += [f"max_msgs_per_subject of {self.per_subject:,}"] if self.per_subject else []
        return " and ".join(parts + (["retention"] if self.consumed else []))


class Kept:
    """A stream at the final read, and which of the messages that it has no more its limits explain.

    `messages` and `held` (bytes) are what it held in all; `slots` tells subjects apart, where that matters; `end` is
    when it was read, None when the run does not say.
    """

    def __init__(
        self, limits: Limits, stored: Stored, messages: int, held: int, slots: Slots | None, end: int | None
    ) -> None:
        self.limits, self._first, self._slots, self._end = limits, stored.read.first, slots, end
        # A stream that holds less than it may has dropped nothing for want of room.
        enough = limits.messages and messages >= limits.messages
        self._full = bool(enough or (limits.bytes and held + LARGEST >= limits.bytes))
        self._held = Counter[int]()
        if limits.per_subject:
            for _, rows in chunks(stored.read.rows):
                self._held.update(self._subjects(rows["process"], rows["counter"]))

    def explains(self, sequence: Array, since: Array, process: Array, counter: Array) -> Mask:
        """Of messages that are not there any more, by the sequence that they had and since when."""
        limits = self.limits
        why: Mask = np.full(len(sequence), limits.consumed)
        before = sequence < self._first
        if self._full:
            why |= before
        if limits.age:
            gone = before | limits.marks
            why |= gone if self._end is None else gone & (since <= self._end + SECOND - limits.age)
        if limits.per_subject:
            full = (self._held[slot] >= limits.per_subject for slot in self._subjects(process, counter))
            why |= np.fromiter(full, np.bool_, len(sequence))
        return why

    def _subjects(self, process: Array, counter: Array) -> list[int]:
        assert self._slots
        return [self._slots(*id_) for id_ in zip(process.tolist(), counter.tolist(), strict=True)]


@dataclass(frozen=True)
class Dropped:
    """What a copy dropped, by message. `rightly`: it had arrived, and a limit explains that it is gone. `unsure`: it
    may have arrived and been dropped unseen; `short` of those, at least, never came. `arrived` is when a reader got
    it, the largest number when none did."""

    limits: Limits
    rightly: Mask = field(hash=False)
    unsure: Mask = field(hash=False)
    short: int
    arrived: NDArray[np.int64] = field(hash=False)

    @property
    def either(self) -> Mask:
        """Of whose absence nothing can be concluded."""
        return self.rightly | self.unsure

    @property
    def doubt(self) -> str:
        number = int(self.unsure.sum())
        if not number:
            return ""
        return (
            f"{number:,} messages may have arrived and been dropped by its {self.limits} before a live reader saw "
            "them, or may never have come"
        )


def dropped(
    kept: Kept,
    stored: Stored,
    messages: Messages,
    live: Sequence[Array],
    place_in: PlaceIn,
    lowest: Mapping[str, int],
    invoked: NDArray[np.int64],
    before: int,
    wanted: Mask,
) -> Dropped:
    """What a copy dropped of what is `wanted` in it. `live` is what its readers got; `place_in` tells the sequences of
    messages in a stream; `lowest` is the lowest of each upstream that is still there; `before` is the copy's last
    sequence before the run."""
    absent: Mask = wanted & (stored.first == NONE)
    rightly, seen = np.zeros(messages.count, np.bool_), np.zeros(messages.count, np.bool_)
    arrived = np.full(messages.count, NEVER, np.int64)
    places = [np.empty(0, np.uint64)]
    for _, rows in (part for readers in live for part in chunks(readers)):
        sequence = rows["sequence"]
        gone = (stored.find(sequence) == NONE) & (sequence <= stored.read.last)
        places.append(np.unique(sequence[gone]))
        numbers = messages.identify(rows)
        known = gone & (numbers >= 0)
        fine = known & kept.explains(sequence, rows["time"], rows["process"], rows["counter"])
        seen[numbers[known]], rightly[numbers[fine]] = True, True
        np.minimum.at(arrived, numbers[fine], rows["time"][fine])
    rightly &= absent
    hidden = stored.read.last - before - len(stored.numbers) - len(np.unique(np.concatenate(places)))
    unsure = (
        _unseen(kept, stored, messages, absent & ~seen, place_in, lowest, invoked) if hidden > 0 else ~absent & absent
    )
    short = max(0, int((unsure & messages.acked).sum()) - hidden)
    return Dropped(kept.limits, rightly, unsure, short, arrived)


def _unseen(
    kept: Kept,
    stored: Stored,
    messages: Messages,
    candidates: Mask,
    place_in: PlaceIn,
    lowest: Mapping[str, int],
    invoked: NDArray[np.int64],
) -> Mask:
    """Which of the messages that are not there and that nobody saw may have been there."""
    numbers = np.flatnonzero(candidates)
    process = np.searchsorted(messages.starts, numbers, "right") - 1
    counter = numbers - messages.starts[process]
    sequence = np.full(len(numbers), stored.read.first - 1)
    possible = kept.explains(sequence, invoked[numbers], process, counter)
    if kept.limits.oldest_first:
        for name, low in lowest.items():
            possible &= place_in(name, numbers) <= low
    result = np.zeros(messages.count, np.bool_)
    result[numbers[possible]] = True
    return result


def nothing(limits: Limits, count: int) -> Dropped:
    """What a copy dropped that drops nothing."""
    none = np.zeros(count, np.bool_)
    return Dropped(limits, none, none, 0, np.empty(0, np.int64))
