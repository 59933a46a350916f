"""What all made-up histories share: the run around them, final reads that lack nothing, readers who saw it all.

The makers differ in what they are for: `small_histories` has lists that a test changes, `fake_cluster` simulates
servers with bugs, `synthetic` draws many messages at once. `benchmarks/` makes its own, which stays as it is: its
figures are compared over years.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from lab.check.history import ACKED, LIVE, SECOND, Array, Phase, Process, Read, Run, kind_of
from lab.layouts import layout_of
from lab.topology import Topology


def run(regions: Iterable[str], topology: Topology | None = None, **changes: Any) -> Run:
    """A run whose process n publishes in the n-th of the regions."""
    topology = topology or Topology()
    layout = layout_of(topology)
    made = Run(
        id="made",
        began="2030-01-01T00:00:00+00:00",
        seed=1,
        topology=topology,
        nats=topology.nats,
        image="",
        mark="made-run",
        processes=tuple(Process(number, region) for number, region in enumerate(regions)),
        streams=tuple(stream.key for stream in layout.streams),
        errors=("",),
        phases=(),
        schedule={},
        ended="complete",
    )
    return replace(made, **changes)


def phases(*edges: float) -> tuple[Phase, ...]:
    """The phases of a run that begin and end at these seconds."""
    names = ("warm-up", "main", "settle", "read")
    times = [round(edge * SECOND) for edge in edges]
    return tuple(Phase(name, *times[place : place + 2]) for place, name in enumerate(names))


def read(of: Run, key: str, rows: Array, **changes: Any) -> Read:
    """The final read of a stream; its bounds are the rows' own, and what is missing in between was deleted."""
    stream = of.layout.stream(key)
    first, last = (int(rows["sequence"][0]), int(rows["sequence"][-1])) if len(rows) else (1, 0)
    made = Read(key, kind_of(stream), stream.region, rows, first, last, last - first + 1 - len(rows))
    return replace(made, **changes)


def seen(rows: Array, after_ns: int = 0, acked: bool = False) -> Array:
    """What a live reader got that saw a stream as it is, each message so long after it was stored."""
    live = np.zeros(len(rows), LIVE)
    live["time"], live["delivery"] = rows["stored"] + after_ns, 1
    for name in ("sequence", "process", "counter", "flags"):
        live[name] = rows[name]
    if acked:
        live["flags"] |= ACKED
    return live
