"""In what condition each region was, and when: derived from the faults, for the checkers of availability.

A `Window` is a stretch in which a region's condition is certain: no fault that would change it was just taking hold or
just being healed. What a client saw in between proves nothing either way.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from lab.check.checkers.outages import ELECTIONS, bound
from lab.check.history import FaultRecord, History
from lab.faults.effects import NOTHING, Effects, Side, joined, severed
from lab.faults.reachability import Reachability
from lab.topology import Topology

INTERMITTENT = ("flap", "swizzle")  # in force now and then: never certain


@dataclass(frozen=True)
class Condition:
    """`isolated`: no other region can be reached. `majority`: more than half of all nodes can, itself included.
    `parted`: some other region cannot. `quorum`: whether its streams can act, None when that depends on where their
    replicas are. `down`: nodes of its own that do not answer. `slowed`: some link of the lab is late or lossy, so
    that what crosses it may take any time."""

    isolated: bool = False
    majority: bool = True
    parted: bool = False
    quorum: bool | None = True
    down: int = 0
    nodes: int = 0
    slowed: bool = False

    @property
    def up(self) -> int:
        return self.nodes - self.down


@dataclass(frozen=True)
class Window:
    region: str
    began: int
    ended: int
    condition: Condition
    calm: bool  # no fault of the region's own nodes or streams, nor the time that elections may need after one
    settled: bool  # nor the time that its sources may need

    def after(self, grace: int) -> "Window | None":
        """The window without its beginning."""
        return replace(self, began=self.began + grace) if self.began + grace < self.ended else None


def effects(topology: Topology, fault: FaultRecord) -> Effects:
    """What a fault of a run took away."""
    links = joined(severed(topology, link) for link in fault.links) if not fault.silenced else NOTHING
    return links | Effects(
        out=frozenset(fault.nodes),
        streams=frozenset(fault.streams),
        silenced=frozenset(map(Side.read, fault.silenced)),
        slowed=frozenset(map(Side.read, fault.slowed)),
    )


def condition(topology: Topology, region: str, faults: Iterable[FaultRecord]) -> Condition:
    return condition_of(region, Reachability(topology, joined(effects(topology, fault) for fault in faults)))


def condition_of(region: str, left: Reachability) -> Condition:
    reached, nodes = left.reached(region), left.topology.nodes_per_region
    return Condition(
        isolated=not reached,
        majority=left.has_majority(region),
        parted=len(reached) < len(left.topology.regions) - 1,
        quorum=left.has_stream_quorum(region),
        down=nodes - left.up(region),
        nodes=nodes,
        slowed=bool(left.effects.slowed),
    )


class Conditions:
    """The windows of every region of a run."""

    def __init__(self, history: History) -> None:
        self.history, self.topology = history, history.run.topology
        self._left: dict[Effects, Reachability] = {}  # few sets of effects recur at many times
        ends = [phase.ended for phase in history.run.phases]
        settle = [phase.began for phase in history.run.phases if phase.name == "read"]
        self.end = min(settle) if settle else max(ends, default=0)

    def with_replicas(self, replicas: int) -> "Conditions":
        """The same for streams with so many replicas, on which depends when there is a quorum."""
        if replicas == self.topology.replicas:
            return self
        other = Conditions(self.history)
        other.topology = replace(self.topology, replicas=replicas)
        return other

    def of(self, region: str) -> list[Window]:
        return self._windows[region]

    @cached_property
    def _windows(self) -> dict[str, list[Window]]:
        return {region: list(_merged(self._certain(region))) for region in self.topology.regions}

    def _certain(self, region: str) -> Iterator[Window]:
        faults = self.history.faults
        marks = {0, self.end}
        for fault in faults:
            marks |= {t for t in (fault.began, fault.injected, fault.healing, fault.healed) if t is not None}
            marks |= {_over(fault, self.end), _over(fault, self.end, sources=True)}
        times = sorted(mark for mark in marks if 0 <= mark <= self.end)
        for began, ended in pairwise(times):
            possible = [fault for fault in faults if fault.active(began)]
            sure = [fault for fault in possible if _sure(fault, began)]
            now = self._condition(region, sure)
            if now == self._condition(region, possible):
                own = [fault for fault in self._own(region) if fault.began <= began]
                calm = all(_over(fault, self.end) <= began for fault in own)
                settled = all(_over(fault, self.end, sources=True) <= began for fault in own)
                yield Window(region, began, ended, now, calm, settled)

    def _condition(self, region: str, faults: Iterable[FaultRecord]) -> Condition:
        taken = joined(effects(self.topology, fault) for fault in faults)
        if taken not in self._left:
            self._left[taken] = Reachability(self.topology, taken)
        return condition_of(region, self._left[taken])

    def _own(self, region: str) -> list[FaultRecord]:
        """The faults of a region's own nodes and streams, and of the network between its nodes."""
        own = {node.name for node in self.topology.region_nodes(region)}
        own |= {stream.key for stream in self.history.run.layout.streams_in(region)}
        return [
            fault
            for fault in self.history.faults
            if own & {*fault.nodes, *fault.streams} or any(Side.read(side).link == region for side in fault.silenced)
        ]


def _over(fault: FaultRecord, end: int, sources: bool = False) -> int:
    """When a fault's consequences are over: elections, or the sources' timers."""
    if fault.healed is None:
        return end
    return fault.healed + (bound(fault.began, fault.healed) if sources else ELECTIONS)


def _sure(fault: FaultRecord, time: int) -> bool:
    return (
        fault.proven
        and fault.kind not in INTERMITTENT
        and fault.injected is not None
        and fault.injected <= time
        and (fault.healing is None or time < fault.healing)
    )


def _merged(windows: Iterable[Window]) -> Iterator[Window]:
    last: Window | None = None
    for window in windows:
        if last and last.ended == window.began and replace(last, began=window.began, ended=window.ended) == window:
            last = replace(last, ended=window.ended)
            continue
        if last:
            yield last
        last = window
    if last:
        yield last
