"""Expectations about the messages that the regions hold; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lab.faults.arguments import Region
from lab.observe.comparison import Copy, absent, compare, repeated, turns
from lab.scenario import evidence as see
from lab.scenario.actions import MessageRef
from lab.scenario.expectations.phrases import NONE, SOME, Quantity, Timed, Verdict, by_number, join, origins, quoted
from lab.units import several


@dataclass(frozen=True, kw_only=True)
class Visible(Timed[see.HeldAndSent]):
    """Acknowledged messages are in the regions' read streams."""

    name = "visible"
    messages: tuple[MessageRef, ...]
    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        return f"{quoted(self.messages)} {by_number(self.messages, 'is', 'are')} visible in {join(self.in_)}{self.time}"

    def judge(self, evidence: see.HeldAndSent) -> Verdict:
        return _all_present(evidence, "messages")


@dataclass(frozen=True, kw_only=True)
class NotVisible(Timed[see.HeldAndSent]):
    """None of these messages is in the regions' read streams."""

    name = "not_visible"
    messages: tuple[MessageRef, ...]
    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        be = by_number(self.messages, "is", "are")
        return f"{quoted(self.messages)} {be} not visible in {join(self.in_)}{self.time}"

    def judge(self, evidence: see.HeldAndSent) -> Verdict:
        wanted = {sent.origin for sent in evidence.sent if sent.outcome == "ok"}
        if not wanted:
            return "could not tell", "none of these messages was acknowledged"
        for region, copies in evidence.held.regions.items():
            if isinstance(copies, str):
                return _unread(region, copies)
            seen = [copy.origin for copy in copies if copy.origin in wanted]
            if seen:
                return "violated", f"{region} has {origins(seen)}"
        return "held", f"0 of {len(wanted)} there"


@dataclass(frozen=True, kw_only=True)
class NothingLost(Timed[see.HeldAndSent]):
    """Every acknowledged message of this scenario, or of the steps in `of`, is in every region."""

    name = "nothing_lost"
    of: tuple[MessageRef, ...] = ()
    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        of = f" of {quoted(self.of)}" if self.of else ""
        return f"no acknowledged message{of} is missing in {join(self.in_, 'any region')}{self.time}"

    def judge(self, evidence: see.HeldAndSent) -> Verdict:
        return _all_present(evidence, "acknowledged messages")


def _all_present(evidence: see.HeldAndSent, what: str) -> Verdict:
    wanted = {sent.origin for sent in evidence.sent if sent.outcome == "ok"}
    if not wanted:
        return "could not tell", "none of these messages was acknowledged"
    unread, lacking = [], []
    for region, copies in evidence.held.regions.items():
        if isinstance(copies, str):
            unread.append(_unread(region, copies)[1])
        elif missing := absent(copies, wanted):
            lacking.append(f"{region} lacks {len(missing)} of {len(wanted)}: {origins(missing)}")
    if lacking:
        return "violated", "; ".join(lacking + unread)
    return ("could not tell", "; ".join(unread)) if unread else ("held", f"{len(wanted)} of {len(wanted)} {what} there")


@dataclass(frozen=True, kw_only=True)
class Lost(Timed[see.HeldAndSent]):
    """This many acknowledged messages are missing in each of the regions: a loss that is understood."""

    name = "lost"
    of: tuple[MessageRef, ...]
    in_: tuple[Region, ...]
    count: Quantity = SOME

    def __str__(self) -> str:
        return f"{self.count} acknowledged messages of {quoted(self.of)} are missing in {join(self.in_)}{self.time}"

    def judge(self, evidence: see.HeldAndSent) -> Verdict:
        wanted = {sent.origin for sent in evidence.sent if sent.outcome == "ok"}
        numbers = {}
        for region, copies in evidence.held.regions.items():
            if isinstance(copies, str):
                return _unread(region, copies)
            numbers[region] = len(absent(copies, wanted))
        seen = ", ".join(f"{number} of {len(wanted)} are missing in {region}" for region, number in numbers.items())
        return "held" if all(map(self.count.holds, numbers.values())) else "violated", seen


@dataclass(frozen=True, kw_only=True)
class NothingDuplicated(Timed[see.Held]):
    """No region holds a message twice."""

    name = "nothing_duplicated"
    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        return f"nothing is there twice in {join(self.in_, 'any region')}{self.time}"

    def judge(self, evidence: see.Held) -> Verdict:
        return _duplicates(evidence, NONE)


@dataclass(frozen=True, kw_only=True)
class Duplicated(Timed[see.Held]):
    """This many stored copies are superfluous in each of the regions."""

    name = "duplicated"
    in_: tuple[Region, ...]
    count: Quantity = SOME

    def __str__(self) -> str:
        return f"{self.count} superfluous copies in {join(self.in_)}{self.time}"

    def judge(self, evidence: see.Held) -> Verdict:
        return _duplicates(evidence, self.count)


def _duplicates(held: see.Held, wanted: Quantity) -> Verdict:
    seen, fine = [], True
    for region, copies in held.regions.items():
        if isinstance(copies, str):
            return _unread(region, copies)
        twice = repeated(copies)
        superfluous = sum(twice.values())
        fine = fine and wanted.holds(superfluous)
        examples = f" ({origins([*twice])})" if twice else ""
        seen.append(f"{region}: {len(copies)} stored, {superfluous} of them superfluous{examples}")
    return "held" if fine else "violated", "; ".join(seen)


@dataclass(frozen=True, kw_only=True)
class Agree(Timed[see.Held]):
    """The regions hold the same messages, each once, as `lab compare` judges it. Order may differ."""

    name = "agree"
    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        return f"{join(self.in_)} hold the same messages{self.time}"

    def judge(self, evidence: see.Held) -> Verdict:
        comparison = compare(evidence.regions, evidence.written)
        if comparison.verdict == "unknown":
            return "could not tell", "; ".join(f"{row.region}: {row.error}" for row in comparison.regions if row.error)
        rows = [
            f"{row.region}: {several(row.messages, 'message')}, {len(row.missing)} missing, "
            f"{len(row.duplicated)} duplicated"
            for row in comparison.regions
        ]
        if comparison.verdict == "agree" and not comparison.messages:
            return "could not tell", "there are no messages to compare"
        if comparison.verdict == "agree":
            return "held", f"the same {several(comparison.messages, 'message')} in each"
        return "violated", "; ".join(rows) + (f"; {len(comparison.altered)} altered" if comparison.altered else "")


@dataclass(frozen=True, kw_only=True)
class OrderKept(Timed[see.Held]):
    """In each region, messages from the same origin are in the order in which the origin stored them."""

    name = "order_kept"
    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        return f"messages of one origin keep their order in {join(self.in_)}"

    def judge(self, evidence: see.Held) -> Verdict:
        for region, copies in evidence.regions.items():
            if isinstance(copies, str):
                return _unread(region, copies)
            first = list(dict.fromkeys(copy.origin for copy in copies))  # a second copy says nothing about order
            for stream in sorted({origin[0] for origin in first}):
                sequences = [sequence for name, sequence in first if name == stream]
                turned = [(one, two) for one, two in pairwise(sequences) if one > two]
                if turned:
                    return "violated", f"{region} has {stream}:{turned[0][0]} before {stream}:{turned[0][1]}"
        return "held", "each origin's messages are in order"


@dataclass(frozen=True, kw_only=True)
class OrderDiffers(Timed[see.Held]):
    """Regions hold the same messages in different orders, which is allowed."""

    name = "order_differs"
    in_: tuple[Region, ...]

    def __str__(self) -> str:
        return f"the order of messages differs between {join(self.in_)}{self.time}"

    def judge(self, evidence: see.Held) -> Verdict:
        read: list[Sequence[Copy]] = []
        for region, copies in evidence.regions.items():
            if isinstance(copies, str):
                return _unread(region, copies)
            read.append(copies)
        common = set.intersection(*({copy.origin for copy in copies} for copies in read))
        if any(turns(copies, read[0]) for copies in read[1:]):
            return "held", f"different orders of {len(common)}"
        return "violated", f"the same order of {len(common)}"


def _unread(region: str, why: str) -> Verdict:
    return "could not tell", f"{region} could not be read: {why}"
