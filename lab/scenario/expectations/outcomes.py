"""Expectations about what steps and traffic got: acknowledgements, deliveries, answers; pure."""

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from statistics import median
from typing import Any, ClassVar, Literal

from lab.faults.arguments import Region, Seconds, Stream
from lab.scenario import evidence as see
from lab.scenario.actions import DEFAULT_STREAM, ConsumeRef, MessageRef, RequestRef, TimedRef, TrafficRef
from lab.scenario.expectations.phrases import AT_ONCE, Quantity, Timed, Verdict, join, origins, quoted
from lab.units import several


@dataclass(frozen=True, kw_only=True)
class Published(Timed[see.Publishes]):
    """Outcomes of publishes: `acknowledged`; `refused` by an answer; `not acknowledged`, whether refused or without an
    answer. `each_within` bounds each of them, `stream` names the stream that stored them."""

    name = "published"
    messages: tuple[MessageRef, ...]
    outcome: Literal["acknowledged", "refused", "not acknowledged"] = "acknowledged"
    stream: Stream = DEFAULT_STREAM
    error: str = ""
    duplicates: Quantity | None = None
    each_within: Seconds = AT_ONCE
    SHORT: ClassVar[str] = "messages"

    def __str__(self) -> str:
        extra = f" by {self.stream}" if self.stream else f" with `{self.error}`" if self.error else ""
        extra += f", each within {self.each_within:g} s" if self.each_within else ""
        extra += f", {self.duplicates} of them as duplicates" if self.duplicates else ""
        return f"the publishes of {quoted(self.messages)} are {self.outcome}{extra}"

    def judge(self, evidence: see.Publishes) -> Verdict:
        if not evidence.sent:
            return "could not tell", "nothing was published"
        wrong = [sent for sent in evidence.sent if not self._fine(sent)]
        slowest = max(sent.seconds for sent in evidence.sent)
        duplicates = sum(sent.duplicate for sent in evidence.sent)
        counts = Counter(_outcome(sent) for sent in evidence.sent)
        seen = ", ".join(f"{count} {what}" for what, count in counts.items()) + f"; the slowest took {slowest:.2f} s"
        if wrong or (self.duplicates and not self.duplicates.holds(duplicates)):
            return "violated", seen + (f"; {duplicates} as duplicates" if self.duplicates else "")
        return "held", seen

    def _fine(self, sent: see.Sent) -> bool:
        wanted = {"acknowledged": ("ok",), "refused": ("fail",), "not acknowledged": ("fail", "info")}[self.outcome]
        return (
            sent.outcome in wanted
            and (not self.stream or sent.stream == self.stream)
            and (not self.error or self.error in sent.error)
            and (not self.each_within or sent.seconds <= self.each_within)
        )


def _outcome(sent: see.Sent) -> str:
    if sent.outcome == "ok":
        return f"acknowledged by {sent.stream}"
    return f"{'refused' if sent.outcome == 'fail' else 'without an answer'} ({sent.error})"


@dataclass(frozen=True, kw_only=True)
class Delivered(Timed[see.Delivered]):
    """What a `consume` step got."""

    name = "delivered"
    consume: ConsumeRef
    count: Quantity | None = None
    includes: tuple[MessageRef, ...] = ()
    redelivered: Quantity | None = None

    def __str__(self) -> str:
        parts = [f"{self.count} messages"] if self.count else []
        parts += [f"those of {quoted(self.includes)}"] if self.includes else []
        parts += [f"{self.redelivered} of them again"] if self.redelivered else []
        return f"`{self.consume}` got {', '.join(parts) or 'an answer'}"

    def judge(self, evidence: see.Delivered) -> Verdict:
        if evidence.error:
            return "violated", evidence.error
        got = {origin for origin, _ in evidence.deliveries}
        again = sum(1 for _, delivery in evidence.deliveries if delivery > 1)
        absent = sorted({sent.origin for sent in evidence.sent if sent.outcome == "ok"} - got)
        seen = f"{several(len(evidence.deliveries), 'message')}, {again} of them again"
        seen += f"; without {origins(absent)}" if absent else ""
        fine = (self.count is None or self.count.holds(len(evidence.deliveries))) and not absent
        return "held" if fine and (not self.redelivered or self.redelivered.holds(again)) else "violated", seen


@dataclass(frozen=True, kw_only=True)
class Answered(Timed[see.Answer]):
    """What a `request` got: the server's error `code` (0: no error), and an answer that contains `has` and not `lacks`.
    A mapping is contained if each of its keys is, a list if each of its items is."""

    name = "answered"
    request: RequestRef
    code: int = 0
    has: dict[str, Any] = field(default_factory=dict, hash=False)
    lacks: dict[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        how = f"with error {self.code}" if self.code else "without error"
        has = f", with {json.dumps(self.has)}" if self.has else ""
        lacks = f", without {json.dumps(self.lacks)}" if self.lacks else ""
        return f"request `{self.request}` is answered {how}{has}{lacks}"

    def judge(self, evidence: see.Answer) -> Verdict:
        if evidence.code is None:
            return "could not tell", evidence.error
        seen = evidence.error or "no error"
        if evidence.code != self.code:
            return "violated", seen
        if not contains(evidence.body, self.has) or (self.lacks and contains(evidence.body, self.lacks)):
            return "violated", f"the answer is {json.dumps(evidence.body)[:600]}"
        return "held", seen


def contains(have: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(have, dict) and all(key in have and contains(have[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(have, list) and all(any(contains(item, want) for item in have) for want in wanted)
    return bool(have == wanted)


@dataclass(frozen=True, kw_only=True)
class Took(Timed[see.Times]):
    """How long it took, by the median if there are several: a request, or the creation of a consumer, until it was
    answered; publishes until they were acknowledged. With `in`, publishes from when their origin had stored them until
    the read stream of each of these regions had."""

    name = "took"
    of: TimedRef
    in_: tuple[Region, ...] = ()
    at_least: Seconds = AT_ONCE
    at_most: Seconds = AT_ONCE

    def __str__(self) -> str:
        bounds = [f"at least {in_units(self.at_least)}"] if self.at_least else []
        bounds += [f"at most {in_units(self.at_most)}"] if self.at_most else []
        return f"`{self.of}` took {' and '.join(bounds)}" + (f" to get to {join(self.in_)}" if self.in_ else "")

    def judge(self, evidence: see.Times) -> Verdict:
        seen, fine = [], True
        for where, times in evidence.took.items():
            if isinstance(times, str) or not times:
                return "could not tell", times if isinstance(times, str) else "nothing was answered"
            took = median(times)
            fine = fine and self.at_least <= took <= (self.at_most or sys.float_info.max)
            what = f"the median of {len(times)} is " if len(times) > 1 else ""
            seen.append((f"{where}: " if where else "") + what + in_units(took))
        return "held" if fine else "violated", "; ".join(seen)


def in_units(seconds: float) -> str:
    if seconds == inf:
        return "never"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


@dataclass(frozen=True, kw_only=True)
class TrafficKept(Timed[see.Publishes]):
    """Background traffic was acknowledged in each of the regions without a gap longer than `longest_gap`."""

    name = "traffic_kept"
    of: TrafficRef
    in_: tuple[Region, ...]
    longest_gap: Seconds

    def __str__(self) -> str:
        return f"traffic `{self.of}` has no gap longer than {self.longest_gap:g} s in {join(self.in_)}"

    def judge(self, evidence: see.Publishes) -> Verdict:
        seen, fine = [], True
        for region in self.in_:
            sent = [one for one in evidence.sent if one.region == region]
            ends = [one.ended for one in sent if one.outcome == "ok"]
            if len(ends) < 2:
                return (
                    "could not tell" if not sent else "violated",
                    f"{len(ends)} of {len(sent)} acknowledged in {region}",
                )
            gap = max(two - one for one, two in pairwise(sorted([sent[0].ended, *ends, sent[-1].ended])))
            fine = fine and gap <= self.longest_gap
            seen.append(f"{region}: {len(ends)} of {len(sent)} acknowledged, the longest gap {gap:.1f} s")
        return "held" if fine else "violated", "; ".join(seen)
