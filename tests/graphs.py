"""Graphs of streams that people could bring, as topologies: for tests that want something else than `foo`."""

from typing import Any

from lab.layouts.own import File, Own, write
from lab.topology import Topology


def stream(name: str, region: str, account: str = "$G", **config: Any) -> File:
    usual = {"name": name, "num_replicas": 3, "allow_direct": True, "placement": {"cluster": region}}
    return File(f"{name}.json", account, usual | {"storage": "file", "retention": "limits"} | config)


def topology(*streams: File, **accounts: Any) -> Topology:
    return Topology(layout="own", own=write(Own(tuple(streams), accounts=accounts)))


# orders ─> near (west); ─ orders.eu.> ─> hop (central) ─┬─> far (east)
#                                               events ─┘
TWO_HOPS = topology(
    stream("orders", "west", subjects=["orders.*.>"]),
    stream("events", "central", subjects=["events.>"]),
    stream("audit", "east", subjects=["audit.*"]),
    stream("near", "west", sources=[{"name": "orders"}]),
    stream("hop", "central", sources=[{"name": "orders", "filter_subject": "orders.eu.>"}]),
    stream(
        "far",
        "east",
        sources=[{"name": "hop", "subject_transforms": [{"src": "orders.*.>", "dest": "far.>"}]}, {"name": "events"}],
    ),
)
# a, b, c ─> sum (central) ═> twin (east); a ═> near (west)
MIRRORED = topology(
    stream("a", "west", subjects=["a.>"]),
    stream("b", "central", subjects=["b.>"]),
    stream("c", "east", subjects=["c.>"]),
    stream("near", "west", mirror={"name": "a"}),
    stream("sum", "central", sources=[{"name": "a"}, {"name": "b"}, {"name": "c"}]),
    stream("twin", "east", mirror={"name": "sum"}),
)
TO_B = {"name": "in", "external": {"api": "$JS.B.API", "deliver": "deliver.a"}}
LOGIN = {"users": [{"user": "a", "password": "a"}], "jetstream": "enabled"}
# in@A (west), out@A (east) and, from another account, in@B (central) ─> all@A (central); in@B ─> copy@A (east)
FAN_IN = topology(
    stream("in", "west", "A", subjects=["in.>"]),
    stream("in", "central", "B", subjects=["in.>"]),
    stream("out", "east", "A", subjects=["out"]),
    stream("near", "west", "A", sources=[{"name": "in"}]),
    stream("all", "central", "A", sources=[{"name": "in"}, {"name": "out"}, TO_B]),
    stream("copy", "east", "A", sources=[TO_B]),
    A=LOGIN,
    B=LOGIN,
)
GRAPHS = {
    "two hops with a filter": TWO_HOPS,
    "a mirror of a sourced stream": MIRRORED,
    "fan-in of two accounts": FAN_IN,
}
