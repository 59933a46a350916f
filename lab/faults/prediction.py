"""What should work after a set of faults, operation by operation, from quorum arithmetic alone; pure.

Who sees whom and which groups can act is `lab/faults/reachability.py`'s. What the servers do is measured by
`lab/observe/availability.py`, whose cells these are about.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.faults.fault import Fault
from lab.faults.reachability import Reachability
from lab.layouts import Layout, layout_of
from lab.observe.operations import CONTROL_PLANE, DIRECT_GET, GET, LOCAL, META_LEADER, OPERATIONS, PUBLISH, Cell, Matrix
from lab.topology import Topology

# Whether it works (None: arithmetic does not tell) and why.
Expectation = tuple[bool | None, str]


@dataclass(frozen=True)
class Forecast:
    """One cell's prediction: `works` None when arithmetic does not tell. `reason` is a sentence for people."""

    region: str
    operation: str
    works: bool | None
    reason: str


@dataclass(frozen=True)
class Difference:
    """A cell that is not as predicted."""

    forecast: Forecast
    cell: Cell


@dataclass(frozen=True)
class Prediction:
    """`summary` has the arithmetic in sentences; `cells` one forecast for each region and operation."""

    summary: tuple[str, ...]
    cells: tuple[Forecast, ...]

    def cell(self, region: str, operation: str) -> Forecast:
        return next(cell for cell in self.cells if (cell.region, cell.operation) == (region, operation))


def predict(topology: Topology, faults: Iterable[Fault]) -> Prediction:
    """What should work in each region with these faults in force."""
    left, layout = Reachability.of(topology, faults), layout_of(topology)
    cells = [
        Forecast(region, operation, *_forecast(left, layout, region, operation))
        for region in layout.regions
        for operation in OPERATIONS
    ]
    return Prediction(tuple(_summary(left)), tuple(cells))


def differences(prediction: Prediction, measured: Matrix) -> tuple[Difference, ...]:
    """Cells that are not as predicted. What could not be told on either side is no difference; silence is a failure."""
    found = []
    for cell in measured.cells:
        forecast = prediction.cell(cell.region, cell.operation)
        works = {"works": True, "fails": False, "silent": False, "unknown": None}[cell.state]
        if None not in (works, forecast.works) and works != forecast.works:
            found.append(Difference(forecast, cell))
    return tuple(found)


def settled(prediction: Prediction, measured: Matrix) -> bool:
    """Whether the measurement is a last word: all as predicted, and by answers rather than by silence."""
    return not differences(prediction, measured) and not any(cell.state == "silent" for cell in measured.cells)


def _summary(left: Reachability) -> Iterator[str]:
    topology, nodes = left.topology, len(left.topology.nodes)
    yield f"the meta group has {nodes} peers and needs {left.needed} that see each other"
    for region in topology.regions:
        if not left.up(region):
            yield f"{region}: no server answers"
            continue
        seen = _seen(left, region)
        enough = "enough for" if seen >= left.needed else "too few for"
        yield f"{region} sees {seen} of {nodes} servers: {enough} a meta leader"
    if topology.stretched:
        yield f"the stream has a replica in each of {topology.replicas} regions and needs {left.stream_majority}"
    else:
        yield f"a stream has {topology.replicas} replicas in its region and needs {left.stream_majority}"
    leading = {topology.node(name).region for name in left.meta_leaders}
    if leading and leading != {node.region for node in left.answering.values()}:
        places = " or ".join(region for region in topology.regions if region in leading)
        yield f"only a meta leader in {places} is heard by all who can have one"


def _seen(left: Reachability, region: str) -> int:
    """How many servers the region's first one that answers can talk to."""
    return next((len(left.sees(name)) for name, node in left.answering.items() if node.region == region), 0)


def _forecast(left: Reachability, layout: Layout, region: str, operation: str) -> Expectation:
    if not left.up(region):
        return False, f"no server of {region} answers"
    leader, group = _leader(left, region), _group(left, region)
    if operation == META_LEADER:
        return leader
    if operation == DIRECT_GET:
        return _direct(layout, region, group)
    if operation in LOCAL:
        stored = _stored(left, layout, region, group)
        return stored if operation == PUBLISH or not stored[0] else group
    if operation in CONTROL_PLANE:
        return _placed(left, region, leader)
    assert operation == GET
    return group if leader[0] and not group[0] else leader


def _stored(left: Reachability, layout: Layout, region: str, group: Expectation) -> Expectation:
    """A publish in the region; what other operations read comes by way of it."""
    origin = layout.origin(region)
    if region in origin.regions:
        return group
    path = left.path(region, origin.region)
    if path:
        return _group(left, origin.region)
    return (
        path,
        f"{origin.region}, which writes, is {'in reach of some servers only' if path is None else 'out of reach'}",
    )


def _leader(left: Reachability, region: str) -> Expectation:
    own = [node.name for node in left.topology.region_nodes(region) if node.name in left.answering]
    heard = [bool(left.sees(name) & left.meta_leaders) for name in own]
    if any(heard) and not all(heard):
        return None, f"not all servers of {region} see the same"
    seen, nodes = _seen(left, region), len(left.topology.nodes)
    return all(heard), f"{region} sees {seen} of {nodes} servers, {left.needed} are needed"


def _placed(left: Reachability, region: str, leader: Expectation) -> Expectation:
    """The probe's consumer and stream have one replica each, which the meta leader places on any of the servers."""
    if leader[0] and left.up(region) < left.topology.size(region):
        return None, f"it depends on which server of {region} it is placed on"
    if leader[0] and left.topology.stretched and len(left.seen_from(region)) < len(left.topology.nodes):
        return None, "it depends on which region it is placed in"
    return leader


def _group(left: Reachability, region: str) -> Expectation:
    """A stream's or a consumer's Raft group in the region."""
    works, replicas, up = left.has_stream_quorum(region), left.topology.replicas, left.up(region)
    if left.topology.stretched:
        regions = 1 + len(left.reached(region))
        seen = f"{region} sees {regions} of {replicas} regions, {left.stream_majority} are needed"
        return works, seen if works is not None else "it depends on where the replicas and their leader are"
    if works is None:
        return None, f"it depends on which {replicas} of {left.topology.size(region)} servers hold the replicas"
    return works, f"{min(replicas, up)} of {replicas} replicas in {region}, {left.stream_majority} are needed"


def _direct(layout: Layout, region: str, group: Expectation) -> Expectation:
    if not layout.copy(region).allows_direct_get:
        return False, "the original definitions do not allow Direct Get"
    works, reason = group
    return (True, reason) if works else (None, f"a replica may answer without a leader; {reason}")
