"""How long it takes to judge a run on disk, and how much memory: `python -m benchmarks.judge [--messages 1000000]`.

Makes a run of that many acknowledged messages over six streams, with one partition, then judges it in a process of its
own that does nothing else. Needs no Docker, but Linux: memory is read from /proc.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from lab.check import store
from lab.check.history import FINE, LIVE, PUBLISH, ROW, SECOND, Array, FaultRecord, History, Phase, Process, Read, Run
from lab.topology import Topology

PROCESSES, RATE = 18, 2000
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
    phases = (
        Phase("warm-up", 0, 10 * SECOND),
        Phase("main", 10 * SECOND, end),
        Phase("settle", end, end + 120 * SECOND),
        Phase("read", end + 120 * SECOND, end + 180 * SECOND),
    )
    processes = tuple(Process(number, topology.regions[number % 3]) for number in range(PROCESSES))
    began = "2030-01-01T00:00:00+00:00"
    run = Run(
        "bench", began, 0, topology, topology.nats, "", "benchmrk", processes, streams, ("",), phases, {}, "complete"
    )
    return History(run, sent, reads, live, (PARTITION,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--readers", action="store_true", help="two live readers in each region as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-judge-") as folder:
        store.save(history(arguments.messages, arguments.readers), Path(folder))
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
