"""Expectations about the servers: what works, who leads, how much is stored; pure."""

from dataclasses import dataclass
from typing import ClassVar, NewType

from lab.faults import arguments
from lab.faults.arguments import Region, Stream
from lab.observe.operations import Cell
from lab.scenario import evidence as see
from lab.scenario.actions import Node, NodesRef
from lab.scenario.expectations.phrases import Quantity, Timed, Verdict, by_number, examples, join, quoted

Operation = NewType("Operation", str)


@dataclass(frozen=True, kw_only=True)
class Works(Timed[see.Cells]):
    """Operations of `lab probe` that must work."""

    name = "works"
    operations: tuple[Operation, ...]
    in_: tuple[Region, ...]

    def __str__(self) -> str:
        return f"{join(self.operations)} {by_number(self.operations, 'works', 'work')} in {join(self.in_)}{self.time}"

    def judge(self, evidence: see.Cells) -> Verdict:
        bad = [cell for cell in evidence.cells if cell.state != "works"]
        if not bad:
            slowest = max(evidence.cells, key=lambda cell: cell.seconds)
            return "held", f"the slowest answer took {slowest.seconds * 1000:.0f} ms ({_cell_name(slowest)})"
        unknown = all(cell.state == "unknown" for cell in bad)
        return "could not tell" if unknown else "violated", "; ".join(map(_cell, bad))


@dataclass(frozen=True, kw_only=True)
class Fails(Timed[see.Cells]):
    """Operations of `lab probe` that the server must refuse, with its `code`. Silence is no refusal: a node needs up to
    20 s to notice that the leader is gone, so use `within`."""

    name = "fails"
    operations: tuple[Operation, ...]
    in_: tuple[Region, ...]
    code: int | None = None

    def __str__(self) -> str:
        code = f" with code {self.code}" if self.code is not None else ""
        fail = by_number(self.operations, "fails", "fail")
        return f"{join(self.operations)} {fail} in {join(self.in_)}{code}{self.time}"

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
class Stored(Timed[see.Figure]):
    """How many messages a stream has stored since the scenario began."""

    name = "stored"
    stream: Stream
    messages: Quantity

    def __str__(self) -> str:
        return f"{self.stream} has stored {self.messages} messages{self.time}"

    def judge(self, evidence: see.Figure) -> Verdict:
        return _figure(evidence, self.messages)


@dataclass(frozen=True, kw_only=True)
class Holds(Timed[see.Figure]):
    """How many messages a stream holds now, whenever they came."""

    name = "holds"
    stream: Stream
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
class Leader(Timed[see.LeaderViews]):
    """Who leads a stream (or `meta`): a node of the regions `in`, none at all, or `not` these nodes. `seen_from` are
    the regions whose nodes are asked; all running ones must say the same."""

    name = "leader"
    of: arguments.Leader
    in_: tuple[Region, ...] = ()
    none: bool = False
    not_: tuple[NodesRef, ...] = ()
    seen_from: tuple[Region, ...] = ()

    def __str__(self) -> str:
        who = "no node" if self.none else f"a node of {join(self.in_)}" if self.in_ else "a node"
        but = f" other than {quoted(self.not_)}" if self.not_ else ""
        seen = f", as seen from {join(self.seen_from)}" if self.seen_from else ""
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
        inside = not self.in_ or evidence.regions.get(leader) in self.in_
        return bool(leader) and inside and leader not in evidence.avoided


@dataclass(frozen=True, kw_only=True)
class Healthy(Timed[see.Lacks]):
    """Nodes, gateways, meta leader, streams and sources are as `lab heal --wait` wants them; with `sources: false`,
    read streams may still lag."""

    name = "healthy"
    sources: bool = True
    SHORT: ClassVar[str] = "within"

    def __str__(self) -> str:
        return f"the lab is healthy{'' if self.sources else ', sources aside,'}{self.time}"

    def judge(self, evidence: see.Lacks) -> Verdict:
        if not evidence.sentences:
            return "held", "nothing is missing"
        return "violated", examples(evidence.sentences, len(evidence.sentences))


@dataclass(frozen=True, kw_only=True)
class Version(Timed[see.Versions]):
    """The version that nodes report."""

    name = "version"
    nodes: tuple[Node, ...]
    is_: str

    def __str__(self) -> str:
        return f"{join(self.nodes)} {'runs' if len(self.nodes) == 1 else 'run'} {self.is_}{self.time}"

    def judge(self, evidence: see.Versions) -> Verdict:
        seen = ", ".join(
            f"{node} runs {version or 'nothing that answers'}" for node, version in evidence.versions.items()
        )
        return "held" if set(evidence.versions.values()) == {self.is_} else "violated", seen
