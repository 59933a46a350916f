"""How long it takes to judge a run on disk, and how much memory: `python -m benchmarks.judge [--messages 1000000]`.

Makes a run of that many acknowledged messages over six streams, with one partition, then judges it in a process of its
own that does nothing else. `--own` makes it over sixty streams that people could bring: twenty origins, of each a copy
that selects half, and a mirror of that. Needs no Docker, but Linux: memory is read from /proc.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from lab.check import payload, store
from lab.check.history import (
    FINE,
    LIVE,
    PUBLISH,
    ROW,
    SECOND,
    Array,
    FaultRecord,
    History,
    Phase,
    Process,
    Read,
    Run,
    kind_of,
)
from lab.check.load import feeds, subjects
from lab.layouts import layout_of
from lab.layouts.own import File, Own, write
from lab.topology import Topology

PROCESSES, RATE, OWN = 18, 2000, 20
PARTITION = FaultRecord(
    "f1", "partition", "partition central", {}, 20 * SECOND, 21 * SECOND, 50 * SECOND, 51 * SECOND, True, "seen",
    links=("central-east", "central-west"),
)  # fmt: skip
JUDGE = """
import json, re, sys, time
from pathlib import Path
from lab.check import checkers, store
# Not getrusage: a process begins with its parent's maximum.
peak_kb = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
idle = peak_kb()
began = time.perf_counter()
verdict = checkers.judge(store.load(Path(sys.argv[1])))
seconds = time.perf_counter() - began
peak = peak_kb()
red = [f"{f.property} {f.place}: {f.sentence}" for f in verdict.findings if f.validity != "valid"]
result = {"seconds": seconds, "peak": peak / 1024, "idle": idle / 1024, "verdict": verdict.validity, "red": red}
print(json.dumps(result))
"""


def publishes(messages: int) -> Array:
    rows = np.zeros(messages, PUBLISH)
    number = np.arange(messages)
    rows["process"], rows["counter"] = number % PROCESSES, number // PROCESSES
    rows["intended"] = rows["invoked"] = number * (SECOND // RATE)
    rows["completed"] = rows["invoked"] + 2_000_000
    rows["stream"] = number % 3
    rows["sequence"] = number // 3 + 1
    return rows


def stored(sent: Array, order: Array, delay: Array) -> Array:
    rows = np.zeros(len(order), ROW)
    rows["sequence"] = np.arange(1, len(order) + 1)
    rows["stored"] = sent["invoked"][order] + 1_000_000 + delay
    rows["origin"], rows["origin_sequence"] = sent["stream"][order], sent["sequence"][order]
    rows["process"], rows["counter"], rows["flags"] = sent["process"][order], sent["counter"][order], FINE
    return rows


def phases_until(end: int) -> tuple[Phase, ...]:
    return (
        Phase("warm-up", 0, 10 * SECOND),
        Phase("main", 10 * SECOND, end),
        Phase("settle", end, end + 120 * SECOND),
        Phase("read", end + 120 * SECOND, end + 180 * SECOND),
    )


def history(messages: int, readers: bool) -> History:
    topology = Topology()
    streams = tuple(f"foo-{kind}-{region}" for kind in ("write", "read") for region in topology.regions)
    sent = publishes(messages)
    end = int(sent["completed"][-1])
    reads, live = {}, {}
    for place, region in enumerate(topology.regions):
        rows = stored(sent, np.flatnonzero(sent["stream"] == place), np.zeros(1, np.int64))
        reads[streams[place]] = Read(streams[place], "write", region, rows, 1, len(rows))
        # Across the partition everything arrives ten seconds after the heal.
        cut = (sent["stream"] != place) & ((sent["stream"] == 1) | (region == "central"))
        cut &= (sent["invoked"] > 21 * SECOND) & (sent["invoked"] < 61 * SECOND)
        delay = np.where(cut, 61 * SECOND - sent["invoked"], 5_000_000)
        order = np.argsort(sent["invoked"] + delay, kind="stable")
        rows = stored(sent, order, delay[order])
        reads[streams[place + 3]] = Read(streams[place + 3], "read", region, rows, 1, len(rows))
        if readers:
            for reader in ("durable", "ordered"):
                seen = np.zeros(len(rows), LIVE)
                seen["time"] = rows["stored"] + 1_000_000
                for name in ("sequence", "process", "counter", "flags"):
                    seen[name] = rows[name]
                live[region, reader] = seen
    phases = phases_until(end)
    processes = tuple(Process(number, topology.regions[number % 3]) for number in range(PROCESSES))
    began = "2030-01-01T00:00:00+00:00"
    run = Run(
        "bench", began, 0, topology, topology.nats, "", "benchmrk", processes, streams, ("",), phases, {}, "complete"
    )
    return History(run, sent, reads, live, (PARTITION,))


def brought() -> Topology:
    """Sixty streams in three regions, in chains of three."""
    regions, files = Topology().regions, []
    for number in range(OWN):
        near, far, last = (regions[(number + step) % 3] for step in range(3))
        shared = {"num_replicas": 3, "max_age": 3600 * SECOND}
        source = {"name": f"in-{number}", "filter_subject": f"in.{number}.a.>"}
        for region, config in (
            (near, {"name": f"in-{number}", "subjects": [f"in.{number}.*.>"]}),
            (far, {"name": f"half-{number}", "sources": [source]}),
            (last, {"name": f"twin-{number}", "mirror": {"name": f"half-{number}"}}),
        ):
            files.append(File(f"{config['name']}.json", "$G", {**config, **shared, "placement": {"cluster": region}}))
    return Topology(layout="own", own=write(Own(tuple(files))))


def own_history(messages: int) -> History:
    """The messages one after the other over all origins; each copy has what it selects 5 ms later."""
    topology = brought()
    layout = layout_of(topology)
    filled = feeds(layout)
    streams = tuple(stream.key for stream in layout.streams)
    sent = np.zeros(messages, PUBLISH)
    number = np.arange(messages)
    sent["process"], sent["counter"] = number % OWN, number // OWN
    sent["intended"] = sent["invoked"] = number * (SECOND // RATE)
    sent["completed"] = sent["invoked"] + 2_000_000
    places = np.array([streams.index(feed.origin) for feed in filled])
    sent["stream"], sent["sequence"] = places[sent["process"]], sent["counter"] + 1
    reads = {}
    for process, feed in enumerate(filled):
        mine = np.flatnonzero(sent["process"] == process)
        topics = [payload.topic(0, process, counter, len(feed.stored)) for counter in range(len(mine))]
        kept = mine[[".a." in feed.stored[topic] for topic in topics]]
        name = feed.origin.removeprefix("in-")
        for key, rows in (
            (feed.origin, stored(sent, mine, np.zeros(1, np.int64))),
            (f"half-{name}", stored(sent, kept, np.full(len(kept), 5_000_000))),
            (f"twin-{name}", stored(sent, kept, np.full(len(kept), 10_000_000))),
        ):
            if key == f"twin-{name}":
                rows["origin"], rows["origin_sequence"] = streams.index(f"half-{name}"), rows["sequence"]
            stream = layout.stream(key)
            reads[key] = Read(key, kind_of(stream), stream.region, rows, 1, len(rows))
    end = int(sent["completed"][-1])
    processes = tuple(Process(at, feed.region, feed.origin) for at, feed in enumerate(filled))
    began, phases = "2030-01-01T00:00:00+00:00", phases_until(end)
    run = Run(
        "bench", began, 0, topology, topology.nats, "", "benchmrk", processes, streams, ("",), phases, {}, "complete",
        definitions={stream.key: stream.definition for stream in layout.streams}, subjects=subjects(filled),
    )  # fmt: skip
    return History(run, sent, reads, {}, (PARTITION,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--readers", action="store_true", help="two live readers in each region as well")
    parser.add_argument("--own", action="store_true", help="over sixty streams, each a part of a chain")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-judge-") as folder:
        made = own_history(arguments.messages) if arguments.own else history(arguments.messages, arguments.readers)
        store.save(made, Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        done = subprocess.run([sys.executable, "-c", JUDGE, folder], check=True, capture_output=True, text=True)
    result = json.loads(done.stdout)
    print(
        f"{arguments.messages:,} messages ({size / 1e6:.0f} MB on disk): {result['verdict']} "
        f"in {result['seconds']:.2f} s, peak {result['peak']:.0f} MB ({result['idle']:.0f} MB before it began)"
    )
    for line in result["red"]:
        print(f"  {line}")


if __name__ == "__main__":
    main()
