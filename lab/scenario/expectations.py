"""The expectations of a scenario, as values that judge evidence; pure. `str()` is the sentence that people read."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Literal, NewType

from lab.compare import compare
from lab.operations import Cell
from lab.scenario import evidence as see
from lab.scenario.actions import ConsumeRef, Count, MessageRef, Node, NodesRef, Region, RequestRef, Seconds, TrafficRef
from lab.scenario.values import Judged

Operation = NewType("Operation", str)
Verdict = tuple[Judged, str]
SHOWN = 3
AT_ONCE = Seconds(0)


@dataclass(frozen=True)
class Quantity:
    """A number: `40` is exactly that."""

    exactly: Count | None = None
    at_least: Count | None = None
    at_most: Count | None = None
    SHORT: ClassVar[str] = "exactly"

    def __str__(self) -> str:
        parts = [str(self.exactly)] if self.exactly is not None else []
        parts += [f"at least {self.at_least}"] if self.at_least is not None else []
        parts += [f"at most {self.at_most}"] if self.at_most is not None else []
        return " and ".join(parts) or "any number of"

    def holds(self, number: int) -> bool:
        return (
            (self.exactly is None or number == self.exactly)
            and (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
        )


NONE = Quantity(exactly=Count(0))
SOME = Quantity(at_least=Count(1))


@dataclass(frozen=True, kw_only=True)
class Timed:
    """`within`: looked at again until it holds or the time is over. `throughout`: must hold all that time."""

    within: Seconds = AT_ONCE
    throughout: Seconds = AT_ONCE
    SHORT: ClassVar[str] = ""

    @property
    def time(self) -> str:
        if self.throughout:
            return f" for {self.throughout:g} s"
        return f" within {self.within:g} s" if self.within else ""


def _join(names: Iterable[str], otherwise: str = "all regions") -> str:
    *rest, last = [*names] or [otherwise]
    return f"{', '.join(rest)} and {last}" if rest else last


def _quoted(names: Iterable[str]) -> str:
    return _join(f"`{name}`" for name in names)


def _examples(items: Iterable[str], total: int) -> str:
    shown = [item for item, _ in zip(items, range(SHOWN), strict=False)]
    return ", ".join(shown) + (f" and {total - len(shown)} more" if total > len(shown) else "")


def _origins(origins: list[see.Origin]) -> str:
    return _examples((f"{stream}:{sequence}" for stream, sequence in origins), len(origins))


@dataclass(frozen=True, kw_only=True)
class Published(Timed):
    """Outcomes of publishes: `acknowledged`; `refused`, with an answer that says no; `not acknowledged`, with a refusal
    or no answer. `each_within` bounds every single one, `stream` names who stored them."""

    messages: tuple[MessageRef, ...]
    outcome: Literal["acknowledged", "refused", "not acknowledged"] = "acknowledged"
    stream: str = ""
    error: str = ""
    duplicates: Quantity | None = None
    each_within: Seconds = AT_ONCE
    SHORT: ClassVar[str] = "messages"

    def __str__(self) -> str:
        extra = f" by {self.stream}" if self.stream else f" with `{self.error}`" if self.error else ""
        extra += f", each within {self.each_within:g} s" if self.each_within else ""
        extra += f", {self.duplicates} of them as duplicates" if self.duplicates else ""
        return f"the publishes of {_quoted(self.messages)} are {self.outcome}{extra}"

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
class Works(Timed):
    """Operations of `lab probe` that must work."""

    operations: tuple[Operation, ...]
    in_: tuple[Region, ...]

    def __str__(self) -> str:
        return f"{_join(self.operations)} works in {_join(self.in_)}{self.time}"

    def judge(self, evidence: see.Cells) -> Verdict:
        bad = [cell for cell in evidence.cells if cell.state != "works"]
        if not bad:
            slowest = max(evidence.cells, key=lambda cell: cell.seconds)
            return "held", f"the slowest answer took {slowest.seconds * 1000:.0f} ms ({_cell_name(slowest)})"
        unknown = all(cell.state == "unknown" for cell in bad)
        return "could not tell" if unknown else "violated", "; ".join(map(_cell, bad))


@dataclass(frozen=True, kw_only=True)
class Fails(Timed):
    """Operations of `lab probe` that the server must refuse, with its `code`. Silence is no refusal: a node needs up to
    20 s to know that the leader is gone, so give it `within`."""

    operations: tuple[Operation, ...]
    in_: tuple[Region, ...]
    code: int | None = None

    def __str__(self) -> str:
        code = f" with code {self.code}" if self.code is not None else ""
        return f"{_join(self.operations)} fails in {_join(self.in_)}{code}{self.time}"

    def judge(self, evidence: see.Cells) -> Verdict:
        seen = "; ".join(map(_cell, evidence.cells))
        if all(cell.state == "fails" and self.code in (None, cell.code) for cell in evidence.cells):
            return "held", seen
        told = any(
            cell.state == "works" or (cell.state == "fails" and self.code not in (None, cell.code))
            for cell in evidence.cells
        )
        return "violated" if told else "could not tell", seen


def _cell_name(cell: Cell) -> str:
    return f"{cell.operation} in {cell.region}"


def _cell(cell: Cell) -> str:
    states = {"works": "works", "fails": "fails", "silent": "no answer", "unknown": "not known"}
    code = f" {cell.code}" if cell.code is not None else ""
    why = f" ({cell.detail})" if cell.state in ("fails", "unknown") and cell.code is None and cell.detail else ""
    return f"{_cell_name(cell)}: {states[cell.state]}{code}{why} after {cell.seconds:.2f} s"


@dataclass(frozen=True, kw_only=True)
class Visible(Timed):
    """Acknowledged messages are in the regions' read streams."""

    messages: tuple[MessageRef, ...]
    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        return f"{_quoted(self.messages)} visible in {_join(self.in_)}{self.time}"

    def judge(self, evidence: see.HeldAndSent) -> Verdict:
        return _all_present(evidence, "messages")


@dataclass(frozen=True, kw_only=True)
class NotVisible(Timed):
    """Not one of these messages is in the regions' read streams."""

    messages: tuple[MessageRef, ...]
    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        return f"{_quoted(self.messages)} not visible in {_join(self.in_)}{self.time}"

    def judge(self, evidence: see.HeldAndSent) -> Verdict:
        wanted = {sent.origin for sent in evidence.sent if sent.outcome == "ok"}
        if not wanted:
            return "could not tell", "none of these messages was acknowledged"
        for region, copies in evidence.held.regions.items():
            if isinstance(copies, str):
                return "could not tell", f"{region} could not be read: {copies}"
            seen = [copy.origin for copy in copies if copy.origin in wanted]
            if seen:
                return "violated", f"{region} has {_origins(seen)}"
        return "held", f"0 of {len(wanted)} there"


@dataclass(frozen=True, kw_only=True)
class NothingLost(Timed):
    """Every acknowledged message of this scenario, or of the steps in `of`, is in every region."""

    of: tuple[MessageRef, ...] = ()
    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        of = f" of {_quoted(self.of)}" if self.of else ""
        return f"no acknowledged message{of} is missing in {_join(self.in_)}{self.time}"

    def judge(self, evidence: see.HeldAndSent) -> Verdict:
        return _all_present(evidence, "acknowledged messages")


def _all_present(evidence: see.HeldAndSent, what: str) -> Verdict:
    wanted = {sent.origin for sent in evidence.sent if sent.outcome == "ok"}
    if not wanted:
        return "could not tell", "none of these messages was acknowledged"
    unread, lacking = [], []
    for region, copies in evidence.held.regions.items():
        if isinstance(copies, str):
            unread.append(f"{region} could not be read: {copies}")
            continue
        absent = sorted(wanted - {copy.origin for copy in copies})
        if absent:
            lacking.append(f"{region} lacks {len(absent)} of {len(wanted)}: {_origins(absent)}")
    if lacking:
        return "violated", "; ".join(lacking + unread)
    return ("could not tell", "; ".join(unread)) if unread else ("held", f"all {len(wanted)} {what} are there")


@dataclass(frozen=True, kw_only=True)
class Lost(Timed):
    """So many acknowledged messages are missing in each of the regions: a loss that is understood."""

    of: tuple[MessageRef, ...]
    in_: tuple[Region, ...]
    count: Quantity = SOME

    def __str__(self) -> str:
        return f"{self.count} acknowledged messages of {_quoted(self.of)} are missing in {_join(self.in_)}{self.time}"

    def judge(self, evidence: see.HeldAndSent) -> Verdict:
        wanted = {sent.origin for sent in evidence.sent if sent.outcome == "ok"}
        numbers = {}
        for region, copies in evidence.held.regions.items():
            if isinstance(copies, str):
                return "could not tell", f"{region} could not be read: {copies}"
            numbers[region] = len(wanted - {copy.origin for copy in copies})
        seen = ", ".join(f"{number} of {len(wanted)} are missing in {region}" for region, number in numbers.items())
        return "held" if all(map(self.count.holds, numbers.values())) else "violated", seen


@dataclass(frozen=True, kw_only=True)
class NothingDuplicated(Timed):
    """No region holds a message twice."""

    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        return f"nothing is there twice in {_join(self.in_)}{self.time}"

    def judge(self, evidence: see.Held) -> Verdict:
        return _duplicates(evidence, NONE)


@dataclass(frozen=True, kw_only=True)
class Duplicated(Timed):
    """So many stored copies are superfluous in each of the regions."""

    in_: tuple[Region, ...]
    count: Quantity = SOME

    def __str__(self) -> str:
        return f"{self.count} superfluous copies in {_join(self.in_)}{self.time}"

    def judge(self, evidence: see.Held) -> Verdict:
        return _duplicates(evidence, self.count)


def _duplicates(held: see.Held, wanted: Quantity) -> Verdict:
    seen, fine = [], True
    for region, copies in held.regions.items():
        if isinstance(copies, str):
            return "could not tell", f"{region} could not be read: {copies}"
        counts = Counter(copy.origin for copy in copies)
        superfluous = counts.total() - len(counts)
        fine = fine and wanted.holds(superfluous)
        twice = sorted(origin for origin, count in counts.items() if count > 1)
        examples = f" ({_origins(twice)})" if twice else ""
        seen.append(f"{region}: {counts.total()} stored, {superfluous} of them superfluous{examples}")
    return "held" if fine else "violated", "; ".join(seen)


@dataclass(frozen=True, kw_only=True)
class Agree(Timed):
    """The regions hold the same messages, each once, as `lab compare` judges it. Order may differ."""

    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        return f"{_join(self.in_)} hold the same messages{self.time}"

    def judge(self, evidence: see.Held) -> Verdict:
        comparison = compare(evidence.regions, evidence.written)
        if comparison.verdict == "unknown":
            return "could not tell", "; ".join(f"{row.region}: {row.error}" for row in comparison.regions if row.error)
        rows = [
            f"{row.region}: {row.messages} messages, {len(row.missing)} missing, {len(row.duplicated)} duplicated"
            for row in comparison.regions
        ]
        if comparison.verdict == "agree" and not comparison.messages:
            return "could not tell", "there are no messages to compare"
        if comparison.verdict == "agree":
            return "held", f"the same {comparison.messages} messages in each"
        return "violated", "; ".join(rows) + (f"; {len(comparison.altered)} altered" if comparison.altered else "")


@dataclass(frozen=True, kw_only=True)
class OrderKept(Timed):
    """In each region the messages of one origin stand in the order in which they were stored there."""

    in_: tuple[Region, ...] = ()

    def __str__(self) -> str:
        return f"messages of one origin keep their order in {_join(self.in_)}"

    def judge(self, evidence: see.Held) -> Verdict:
        for region, copies in evidence.regions.items():
            if isinstance(copies, str):
                return "could not tell", f"{region} could not be read: {copies}"
            first = list(dict.fromkeys(copy.origin for copy in copies))  # a second copy says nothing about order
            for stream in sorted({origin[0] for origin in first}):
                sequences = [sequence for name, sequence in first if name == stream]
                turned = [(one, two) for one, two in pairwise(sequences) if one > two]
                if turned:
                    return "violated", f"{region} has {stream}:{turned[0][0]} before {stream}:{turned[0][1]}"
        return "held", "each origin's messages are in order"


@dataclass(frozen=True, kw_only=True)
class OrderDiffers(Timed):
    """Two regions hold common messages in different orders, which they may."""

    in_: tuple[Region, ...]

    def __str__(self) -> str:
        return f"the order of messages differs between {_join(self.in_)}{self.time}"

    def judge(self, evidence: see.Held) -> Verdict:
        orders = []
        for region, copies in evidence.regions.items():
            if isinstance(copies, str):
                return "could not tell", f"{region} could not be read: {copies}"
            orders.append(list(dict.fromkeys(copy.origin for copy in copies)))
        common = set.intersection(*map(set, orders)) if orders else set()
        projected = [[origin for origin in order if origin in common] for order in orders]
        differ = any(order != projected[0] for order in projected)
        return (
            "held" if differ else "violated",
            f"{'different orders' if differ else 'the same order'} of {len(common)}",
        )


@dataclass(frozen=True, kw_only=True)
class Stored(Timed):
    """How many messages a stream has stored since the scenario began."""

    stream: str
    messages: Quantity

    def __str__(self) -> str:
        return f"{self.stream} has stored {self.messages} messages{self.time}"

    def judge(self, evidence: see.Figure) -> Verdict:
        return _figure(evidence, self.messages)


@dataclass(frozen=True, kw_only=True)
class Holds(Timed):
    """How many messages a stream holds now, whenever they came."""

    stream: str
    messages: Quantity

    def __str__(self) -> str:
        return f"{self.stream} holds {self.messages} messages{self.time}"

    def judge(self, evidence: see.Figure) -> Verdict:
        return _figure(evidence, self.messages)


def _figure(figure: see.Figure, wanted: Quantity) -> Verdict:
    if figure.value is None:
        return "could not tell", figure.error
    return "held" if wanted.holds(figure.value) else "violated", str(figure.value)


@dataclass(frozen=True, kw_only=True)
class Leader(Timed):
    """Who leads a stream (or `meta`): a node of the regions `in`, none at all, or `not` these nodes. `seen_from` are
    the regions whose nodes are asked; all of them that run must say the same."""

    of: str
    in_: tuple[Region, ...] = ()
    none: bool = False
    not_: tuple[NodesRef, ...] = ()
    seen_from: tuple[Region, ...] = ()

    def __str__(self) -> str:
        who = "no node" if self.none else f"a node of {_join(self.in_)}" if self.in_ else "a node"
        but = f" other than {_quoted(self.not_)}" if self.not_ else ""
        seen = f", as seen from {_join(self.seen_from)}" if self.seen_from else ""
        return f"{who}{but} leads {self.of}{seen}{self.time}"

    def judge(self, evidence: see.LeaderViews) -> Verdict:
        views = {node: leader for node, leader in evidence.views.items() if leader is not None}
        if not views:
            return "could not tell", "no node answers"
        leaders = set(views.values())
        seen = ", ".join(f"{node} says {leader or 'none'}" for node, leader in views.items())
        if len(leaders) == 1:
            seen = f"{next(iter(leaders)) or 'none'}, as all {len(views)} say"
        fine = leaders == {""} if self.none else len(leaders) == 1 and all(map(self._fits, leaders, [evidence]))
        return "held" if fine else "violated", seen

    def _fits(self, leader: str, evidence: see.LeaderViews) -> bool:
        inside = not self.in_ or leader.rpartition("-")[0] in self.in_
        return bool(leader) and inside and leader not in evidence.avoided


@dataclass(frozen=True, kw_only=True)
class Healthy(Timed):
    """Nodes, gateways, meta leader, streams and sources are as `lab heal --wait` wants them; with `sources: false` it
    does not matter how far the read streams are."""

    sources: bool = True
    SHORT: ClassVar[str] = "within"

    def __str__(self) -> str:
        return f"the lab is healthy{'' if self.sources else ', sources aside,'}{self.time}"

    def judge(self, evidence: see.Lacks) -> Verdict:
        if not evidence.sentences:
            return "held", "nothing is missing"
        return "violated", _examples(evidence.sentences, len(evidence.sentences))


@dataclass(frozen=True, kw_only=True)
class Answered(Timed):
    """What a `request` got: the server's error `code` (0: no error), and an answer that contains `has` and not `lacks`.
    A mapping is contained when each of its keys is, a list when each of its items is."""

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
class Delivered(Timed):
    """What a `consume` step got."""

    consume: ConsumeRef
    count: Quantity | None = None
    includes: tuple[MessageRef, ...] = ()
    redelivered: Quantity | None = None

    def __str__(self) -> str:
        parts = [f"{self.count} messages"] if self.count else []
        parts += [f"those of {_quoted(self.includes)}"] if self.includes else []
        parts += [f"{self.redelivered} of them again"] if self.redelivered else []
        return f"`{self.consume}` got {', '.join(parts) or 'an answer'}"

    def judge(self, evidence: see.Delivered) -> Verdict:
        if evidence.error:
            return "violated", evidence.error
        got = {origin for origin, _ in evidence.deliveries}
        again = sum(1 for _, delivery in evidence.deliveries if delivery > 1)
        absent = sorted({sent.origin for sent in evidence.sent if sent.outcome == "ok"} - got)
        seen = f"{len(evidence.deliveries)} messages, {again} of them again"
        seen += f"; without {_origins(absent)}" if absent else ""
        fine = (self.count is None or self.count.holds(len(evidence.deliveries))) and not absent
        return "held" if fine and (not self.redelivered or self.redelivered.holds(again)) else "violated", seen


@dataclass(frozen=True, kw_only=True)
class Version(Timed):
    """The version that nodes report of themselves."""

    nodes: tuple[Node, ...]
    is_: str

    def __str__(self) -> str:
        return f"{_join(self.nodes)} runs {self.is_}{self.time}"

    def judge(self, evidence: see.Versions) -> Verdict:
        seen = ", ".join(
            f"{node} runs {version or 'nothing that answers'}" for node, version in evidence.versions.items()
        )
        return "held" if set(evidence.versions.values()) == {self.is_} else "violated", seen


@dataclass(frozen=True, kw_only=True)
class TrafficKept(Timed):
    """Background traffic was acknowledged in each of the regions without a gap longer than `longest_gap`."""

    of: TrafficRef
    in_: tuple[Region, ...]
    longest_gap: Seconds

    def __str__(self) -> str:
        return f"traffic `{self.of}` has no gap longer than {self.longest_gap:g} s in {_join(self.in_)}"

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


Expectation = (
    Published
    | Works
    | Fails
    | Visible
    | NotVisible
    | NothingLost
    | Lost
    | NothingDuplicated
    | Duplicated
    | Agree
    | OrderKept
    | OrderDiffers
    | Stored
    | Holds
    | Leader
    | Healthy
    | Answered
    | Delivered
    | Version
    | TrafficKept
)
EXPECTATIONS: dict[str, type] = {
    "published": Published,
    "works": Works,
    "fails": Fails,
    "visible": Visible,
    "not_visible": NotVisible,
    "nothing_lost": NothingLost,
    "lost": Lost,
    "nothing_duplicated": NothingDuplicated,
    "duplicated": Duplicated,
    "agree": Agree,
    "order_kept": OrderKept,
    "order_differs": OrderDiffers,
    "stored": Stored,
    "holds": Holds,
    "leader": Leader,
    "healthy": Healthy,
    "answered": Answered,
    "delivered": Delivered,
    "version": Version,
    "traffic_kept": TrafficKept,
}
