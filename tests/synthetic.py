"""Histories that could have been: publishers in every region, partitions that hold messages back, switchable damage.

For tests of what reads histories. Everything is drawn from the seed.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import histories
import numpy as np

from lab.check.history import (
    FAIL,
    FINE,
    INFO,
    NOWHERE,
    OK,
    PUBLISH,
    ROW,
    SECOND,
    Array,
    FaultRecord,
    History,
    Probe,
    Read,
    Replica,
    Run,
    Sample,
)
from lab.layouts import layout_of
from lab.topology import Topology

OPERATIONS = (
    "publish",
    "see-own-publish",
    "get",
    "direct-get",
    "existing-consumer",
    "new-consumer",
    "new-stream",
    "meta-leader",
)
META = ("get", "new-consumer", "new-stream", "meta-leader")


def faults(regions: tuple[str, ...], seconds: float) -> tuple[FaultRecord, ...]:
    """A mix that fits the length of the run; every partition isolates one region."""
    topology = Topology(regions=regions)
    kinds = (
        ("partition", "partition {}", 0.14),
        ("kill", "kill {}-1", 0.08),
        ("step-down", "step down the leader of foo-read-{}", 0.0),
        ("partition", "partition {}", 0.1),
        ("pause", "pause {}-2", 0.07),
        ("kill-region", "kill region {}", 0.1),
    )
    result = []
    for number, (kind, what, share) in enumerate(kinds):
        region = regions[number % len(regions)]
        nodes = tuple(node.name for node in topology.region_nodes(region))
        began = int(seconds * (0.08 + 0.15 * number) * SECOND)
        healing = began + max(int(seconds * share * SECOND), SECOND // 5)
        result.append(
            FaultRecord(
                f"f{number + 1}",
                kind,
                what.format(region),
                {"region": region},
                began,
                began + SECOND // 5,
                healing,
                healing + SECOND // 4,
                True,
                "36 connects across are dead, 108 others alive",
                nodes={"kill": nodes[:1], "pause": nodes[1:2], "kill-region": nodes}.get(kind, ()),
                links=tuple(li.name for li in topology.links if region in li.regions) if kind == "partition" else (),
                streams=(layout_of(topology).copy(region).key,) if kind == "step-down" else (),
            )
        )
    return tuple(result)


def history(
    messages: int = 3000,
    seconds: float = 60.0,
    regions: tuple[str, ...] = ("west", "central", "east"),
    seed: int = 1,
    mix: Iterable[FaultRecord] | None = None,
    processes: int = 4,
) -> History:
    """A valid one."""
    dice = np.random.default_rng(seed)
    topology = Topology(regions=regions)
    injected = tuple(faults(regions, seconds) if mix is None else mix)
    count = len(regions) * processes
    publishes = _publishes(dice, messages, seconds, count, injected, regions, processes)
    run = histories.run(
        (regions[number // processes] for number in range(count)),
        topology,
        id="20261124T055650-default-s1",
        began="2026-11-24T05:56:50.000000+00:00",
        seed=seed,
        image="nats:2.15.1",
        mark="a1b2c3d4",
        errors=("", "no responders", "timeout"),
        phases=histories.phases(*(seconds * share for share in (0, 0.06, 0.98, 1.15, 1.3))),
        schedule={"seed": seed, "faults": [fault.what for fault in injected]},
    )
    reads = _reads(dice, publishes, run, processes, injected)
    whole = History(run, publishes, reads, {}, injected, _probes(run, injected, seconds), (), _replicas(run, reads))
    return replace(whole, samples=_samples(whole, seconds), live=_live(whole))


def _publishes(
    dice: np.random.Generator,
    messages: int,
    seconds: float,
    count: int,
    injected: tuple[FaultRecord, ...],
    regions: tuple[str, ...],
    processes: int,
) -> Array:
    rows = np.zeros(messages, PUBLISH)
    rows["process"] = np.arange(messages) % count
    rows["counter"] = np.arange(messages) // count
    rows["intended"] = np.linspace(0, seconds * SECOND, messages, endpoint=False).astype(np.int64)
    rows["invoked"] = rows["intended"] + dice.integers(20_000, 90_000, messages)
    latency = (dice.lognormal(0.4, 0.35, messages) * 1e6).astype(np.int64)
    region = rows["process"] // processes
    for fault in injected:
        troubled = (rows["invoked"] >= fault.began) & (rows["invoked"] < fault.healed)
        if fault.kind in ("pause", "kill"):  # a stall of a few seconds in one region
            stalled = troubled & (region == regions.index(fault.args["region"]))
            until = fault.began + 3 * SECOND
            latency[stalled] = np.maximum(latency[stalled], until - rows["invoked"][stalled])
        if fault.kind == "kill-region":
            down = np.flatnonzero(troubled & (region == regions.index(fault.args["region"])))
            rows["outcome"][down] = FAIL
            rows["error"][down] = 1
            unknown = down[: max(1, len(down) // 20)]
            rows["outcome"][unknown] = INFO
            rows["error"][unknown] = 2
            latency[unknown] = 2 * SECOND
    rows["completed"] = rows["invoked"] + latency
    rows["stream"] = np.where(rows["outcome"] == OK, region, NOWHERE)
    return rows


def _reads(
    dice: np.random.Generator, publishes: Array, run: Run, processes: int, injected: tuple[FaultRecord, ...]
) -> dict[str, Read]:
    regions = run.topology.regions
    reads, written = {}, []
    landed = (publishes["outcome"] == OK) | (publishes["outcome"] == INFO) & (publishes["counter"] % 2 == 0)
    for number, region in enumerate(regions):
        mine = np.flatnonzero(landed & (publishes["process"] // processes == number))
        mine = mine[np.argsort(publishes["invoked"][mine], kind="stable")]
        acked = publishes["outcome"][mine] == OK
        publishes["sequence"][mine[acked]] = np.arange(1, len(mine) + 1)[acked]
        rows = _rows(publishes, mine, number, np.arange(1, len(mine) + 1))
        rows["stored"] = np.maximum.accumulate(publishes["completed"][mine] - 300_000)
        written.append(rows)
        name = run.layout.origin(region).key
        reads[name] = histories.read(run, name, rows)
    for reader, region in enumerate(regions):
        copies = [_arrive(dice, rows, origin, reader, regions, injected) for origin, rows in enumerate(written)]
        rows = np.concatenate(copies)
        rows = rows[np.argsort(rows["stored"], kind="stable")]
        rows["sequence"] = np.arange(1, len(rows) + 1)
        name = run.layout.copy(region).key
        reads[name] = histories.read(run, name, rows)
    return reads


def _rows(publishes: Array, which: Array, origin: int, sequences: Array) -> Array:
    rows = np.zeros(len(which), ROW)
    rows["sequence"] = rows["origin_sequence"] = sequences
    rows["process"], rows["counter"] = publishes["process"][which], publishes["counter"][which]
    rows["origin"], rows["flags"] = origin, FINE
    return rows


def _arrive(
    dice: np.random.Generator,
    rows: Array,
    origin: int,
    reader: int,
    regions: tuple[str, ...],
    injected: tuple[FaultRecord, ...],
) -> Array:
    """A write stream's rows as a read stream gets them: in order, and held back while a fault is between the two."""
    copy = rows.copy()
    scale = 2e6 if origin == reader else 6e6
    stored = rows["stored"] + (dice.lognormal(0, 0.5, len(rows)) * scale).astype(np.int64)
    for fault in injected:
        between = origin != reader and fault.args["region"] in (regions[origin], regions[reader])
        if fault.kind in ("partition", "kill-region") and between:
            healed = fault.healed or 0
            held = (stored >= fault.began) & (stored < healed + 4 * SECOND)
            back = healed + int((4 + origin + reader / 2) * SECOND)
            stored[held] = np.maximum(stored[held], back + (stored[held] - fault.began) // 40)
    copy["stored"] = np.maximum.accumulate(stored) if len(stored) else stored
    return copy


def _probes(run: Run, injected: tuple[FaultRecord, ...], seconds: float) -> tuple[Probe, ...]:
    result = []
    for second in range(int(seconds)):
        for region in run.topology.regions:
            for operation in OPERATIONS:
                time = second * SECOND + 1000
                mine = [f for f in injected if f.active(time) and f.args["region"] == region]
                dead = any(f.kind == "kill-region" for f in mine)
                alone = any(f.kind == "partition" and time > f.began + 2 * SECOND for f in mine)
                failed = dead or (alone and operation in META)
                outcome: Any = "fail" if failed else "ok"
                error = "no responders" if dead else "10008 JetStream system temporarily unavailable" if failed else ""
                result.append(Probe(region, operation, time, 0.002, outcome, error))
    return tuple(result)


def _samples(whole: History, seconds: float) -> tuple[Sample, ...]:
    topology = whole.run.topology
    stored = {stream: np.sort(read.rows["stored"]) for stream, read in whole.reads.items()}
    by_origin = {
        (reader, writer): np.sort(read.rows["stored"][read.rows["origin"] == origin])
        for reader, read in whole.reads.items()
        if read.kind == "read"
        for origin, writer in enumerate(layout_of(topology).origin(region).key for region in topology.regions)
    }
    result = []
    for time in range(0, int(seconds * 1.1) * SECOND, SECOND):
        last = {stream: int(np.searchsorted(times, time)) for stream, times in stored.items()}
        arrived: dict[str, dict[str, int | None]] = {}
        for (reader, writer), times in by_origin.items():
            arrived.setdefault(reader, {})[writer] = int(np.searchsorted(times, time))
        leaders = {stream: f"{whole.reads[stream].region}-1" for stream in stored}
        result.append(Sample(time, last, arrived, leaders, {node.name: "west-1" for node in topology.nodes}))
    return tuple(result)


def _replicas(run: Run, reads: dict[str, Read]) -> tuple[Replica, ...]:
    return tuple(
        Replica(stream, node.name, node.number == 1, len(read.rows), 120 * len(read.rows), 1, read.last, 0)
        for stream, read in reads.items()
        for node in run.topology.region_nodes(read.region)
    )


def _live(whole: History) -> dict[tuple[str, str], Array]:
    live = {}
    for region in whole.run.topology.regions:
        read = whole.reads.get(whole.run.layout.copy(region).key)
        rows = np.empty(0, ROW) if read is None else read.rows
        live[region, "durable"] = live[region, "ordered"] = histories.seen(rows, after_ns=1_000_000)
    return live


# --- damage: each takes a valid history and returns one that is not ---


def with_rows(whole: History, stream: str, rows: Array) -> History:
    rows = rows.copy()
    rows["sequence"] = np.arange(1, len(rows) + 1)
    reads = dict(whole.reads) | {stream: replace(whole.reads[stream], rows=rows, last=len(rows))}
    other = replace(whole, reads=reads, replicas=_replicas(whole.run, reads))
    return replace(other, live=_live(other))


def lossy(whole: History, stream: str, count: int = 12) -> History:
    """Messages in the middle of one read stream are not there."""
    rows = whole.reads[stream].rows
    middle = len(rows) // 2
    return with_rows(whole, stream, np.delete(rows, slice(middle, middle + count)))


def duplicated(whole: History, stream: str, count: int = 40) -> History:
    """The beginning of one origin is sourced a second time, as the layout `seed` does."""
    rows = whole.reads[stream].rows
    again = rows[rows["origin"] == 0][:count].copy()
    again["stored"] = rows["stored"][-1]
    return with_rows(whole, stream, np.concatenate([rows, again]))


def never_converging(whole: History, stream: str) -> History:
    """One origin stops being sourced half-way and never comes back."""
    rows = whole.reads[stream].rows
    late = (rows["origin"] == 0) & (rows["stored"] > rows["stored"][len(rows) // 2])
    return with_rows(whole, stream, rows[~late])


def expired(whole: History, stream: str, first: int) -> History:
    """The write stream forgot everything below `first`, and what one read stream had not got by then is gone."""
    read = whole.reads[stream]
    run = replace(whole.run, topology=replace(whole.run.topology, max_age="20s"))
    short = replace(
        whole, run=run, reads=dict(whole.reads) | {stream: replace(read, rows=read.rows[first - 1 :], first=first)}
    )
    origin = whole.run.streams.index(stream)
    reader = next(name for name, other in whole.reads.items() if other.kind == "read" and other.region != read.region)
    rows = whole.reads[reader].rows
    gone = (rows["origin"] == origin) & (rows["origin_sequence"] < first) & (rows["origin_sequence"] >= first - 50)
    return with_rows(short, reader, rows[~gone])


def interrupted(whole: History) -> History:
    """Ctrl-C in the first second: nothing was published, nothing read."""
    run = replace(whole.run, ended="interrupted", phases=whole.run.phases[:1])
    return History(run, np.empty(0, PUBLISH), {}, {})
