"""Outages and how long their healing may take, by the timers in the server's code.

A source that lost its origin is looked at every 10 s. A request for its consumer that gets no answer is given up after
30 s; then the server waits 10 s longer than the time before, at most 120 s. So the worst case after an outage of `d`
seconds is the gateway's reconnect, one request that was sent just before the heal, and the pause after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lab.check.history import SECOND, FaultRecord, History
from lab.topology import Topology
from lab.units import duration_ns

RECONNECT, GIVE_UP, STEP, LONGEST, HEALTH = 5, 30, 10, 120, 10
NEVER = 2**63 - 1
SLACK = 15 * SECOND
QUIET = 10 * SECOND  # that a run sees the lab unchanged and healthy before it reads
ELECTIONS = 20 * SECOND  # they take 4 to 9 s; a quorum is given up for lost after 10 s


@dataclass(frozen=True)
class Outage:
    """A stretch in which some fault was, or may have been, in force; `until` is when the next one begins."""

    began: int
    healed: int
    until: int | None
    faults: tuple[FaultRecord, ...]

    @property
    def outside(self) -> bool:
        """Whether something that was not the check's doing has a part in it: its end is not known exactly."""
        return any(fault.outside for fault in self.faults)


def recovery(seconds: float) -> float:
    """T(d): seconds within which every source has caught up after an outage of `d` seconds."""
    failures, spent = 0, 0
    while spent + GIVE_UP + STEP * (failures + 1) <= seconds - HEALTH:
        failures += 1
        spent += GIVE_UP + STEP * failures
        if failures * STEP >= LONGEST:
            break
    return RECONNECT + GIVE_UP + min(LONGEST, STEP * (failures + 1))


def noticing(topology: Topology) -> int:
    """Within how many nanoseconds servers notice that a server of another region is gone: a ping at each interval, and
    the connection is given up at the one after the last that may be unanswered (`ping_max`)."""
    longest = 30 if topology.stretched else 15  # whatever the option says: a route, a gateway
    options = topology.server_options
    asked = options.get("ping_interval", "2m")
    interval = duration_ns(asked) if isinstance(asked, str) else int(asked) * SECOND
    return (int(options.get("ping_max", 2)) + 1) * min(interval, longest * SECOND)


def bound(began: int, healed: int) -> int:
    """T(d) + 15 s, in nanoseconds."""
    return round(recovery((healed - began) / SECOND) * SECOND) + SLACK


def outages(history: History) -> Iterator[Outage]:
    """Stretches of overlapping faults, each healed whole; the last is left out when something never was."""
    faults = sorted(history.faults, key=lambda fault: fault.began)
    group: list[FaultRecord] = []
    healed = 0
    for fault in faults:
        if group and fault.began > healed:
            yield Outage(group[0].began, healed, fault.began, tuple(group))
            group = []
        if fault.healed is None:
            return
        healed = max(healed, fault.healed) if group else fault.healed
        group.append(fault)
    if group:
        yield Outage(group[0].began, healed, None, tuple(group))


def disturbance(history: History, region: str) -> str:
    """Which nodes of a region were out, not by the check, when its streams were read, or only just back; "" if none.

    Their copies may hold what the others lack, and the others may not have been able to elect a leader.
    """
    began = next((phase.began for phase in history.run.phases if phase.name == "read"), NEVER)
    own = {node.name for node in history.run.topology.region_nodes(region)}
    late = (fault for fault in history.faults if fault.healing is None or fault.healing + QUIET > began)
    nodes = sorted({node for fault in late if fault.outside for node in fault.nodes} & own)
    return f"{' and '.join(nodes)} {'was' if len(nodes) == 1 else 'were'} out, not by the check," if nodes else ""


def deadline(history: History, last: int) -> int:
    """When the last source must have caught up; `last` is when the last publish ended.

    An outage that begins before the one before was over prolongs it.
    """
    began, end = 0, 0
    for outage in outages(history):
        if outage.began > end:
            began = outage.began
        end = outage.healed + bound(began, outage.healed)
    if any(fault.healed is None for fault in history.faults):
        return NEVER
    return max(end, last + SLACK)
