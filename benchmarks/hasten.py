"""How long healing takes with step-downs and without: `python -m benchmarks.hasten --runs 20 [--plain]` (needs Docker).

Each run makes one fault on a lab of its own, for 5 to 130 s (short ones more often: the logarithm is evenly drawn),
publishes in every region meanwhile, and times `lab heal --wait --hasten`, or `lab heal --wait` with `--plain`: from
the start, as the command says, and from the moment when Docker had joined or started the last node. Then a message from
each region has to arrive in every other, so that nobody takes the command's word for it. One line of JSON for each run;
the distribution at the end. docs/results.md keeps some runs.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from lab.errors import NatsError
from lab.jetstream import monitor
from lab.jetstream.session import connect
from lab.layouts import layout_of
from lab.topology import Topology

LAB = Path(sys.executable).parent / "lab"
SHORTEST_S, LONGEST_S, GOAL_S = 5, 130, 12
SETTLE_S, ARRIVAL_S = 6.0, 60
FAULTS = (
    "partition central",
    "partition west central east",
    "cut central west",
    "kill central",
    "kill east",
    "kill central-1",
    "stop central",
    "stop central-2",
)


def lab(topology: Topology, command: str) -> str:
    done = subprocess.run(
        [str(LAB), *command.split(), "--name", topology.name], capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        raise RuntimeError(f"lab {command}: {done.stderr}")
    return done.stdout


async def publish(topology: Topology, what: str) -> None:
    """A message in each region that takes one: what is killed, or has less than two nodes, does not."""

    layout = layout_of(topology)

    async def one(region: str) -> None:
        with suppress(NatsError):
            async with connect(region, topology.region_nodes(region), layout.credentials(region)) as session:
                await session.publish(layout.subject("bench"), what.encode(), timeout=3)

    await asyncio.gather(*map(one, topology.regions))


def heal(topology: Topology, hasten: bool) -> tuple[dict[str, Any], list[str]]:
    """What the command printed, and what it said on the way, each line after so many seconds."""
    command = [str(LAB), "heal", "--wait", "--json", "--name", topology.name] + ["--hasten"] * hasten
    began, said = time.monotonic(), list[str]()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        said.extend(f"{time.monotonic() - began:.1f} {line.strip()}" for line in process.stderr)
        printed = process.stdout.read()
    return json.loads(printed) if printed else {}, said  # an error is the last thing that was said


def over(topology: Topology, since: float) -> float:
    """When the last node was started, or joined to a network, by the engine's own events; seconds since the epoch."""
    command = ["docker", "events", "--since", f"{since:.9f}", "--until", f"{time.time():.9f}", "--format", "{{json .}}"]
    wanted = ["--filter", "event=connect", "--filter", "event=start"]
    out = subprocess.run([*command, *wanted], capture_output=True, text=True, check=True, timeout=60).stdout
    events = [json.loads(line) for line in out.splitlines()]
    ours = [e["timeNano"] / 1e9 for e in events if e["Actor"]["Attributes"]["name"].startswith(f"{topology.name}-")]
    return max(ours, default=since)


def arrival_s(topology: Topology) -> float:
    """Seconds until a message of each region was in every read stream; asked of the servers' monitoring. Raises
    `RuntimeError` after a minute."""
    began, layout = time.monotonic(), layout_of(topology)
    asyncio.run(publish(topology, "after"))
    while time.monotonic() - began < ARRIVAL_S:
        counts: dict[str, int] = {}
        for node, reading in asyncio.run(monitor.read(list(topology.nodes))).items():
            for account, detail in reading.streams():
                stream = layout.find(account, detail["name"])
                if stream and detail["cluster"].get("leader") == node:
                    counts[stream.key] = detail["state"]["messages"]
        written = sum(counts.get(stream.key, 0) for stream in layout.origins)
        if all(counts.get(stream.key) == written for stream in layout.copies):
            return time.monotonic() - began
        time.sleep(0.2)
    raise RuntimeError(f"after {ARRIVAL_S} s the read streams still differ: {counts}")


def one_run(topology: Topology, fault: str, length: float, hasten: bool) -> dict[str, Any]:
    lab(topology, fault)
    began = time.monotonic()
    asyncio.run(publish(topology, "apart"))
    time.sleep(max(0.0, length - (time.monotonic() - began)))
    load, healing = os.getloadavg()[0], time.time()
    result, said = heal(topology, hasten)
    ended = time.time()
    if not result:  # counts as a run that took for ever; the next one needs a healthy lab
        lab(topology, "heal --wait")
    return {
        "fault": fault,
        "length": round(length),
        "hasten": hasten,
        "seconds": result.get("seconds"),
        "since_over": round(ended - over(topology, healing), 1) if result else None,
        "step_downs": len(result.get("step_downs", [])),
        "arrival": round(arrival_s(topology), 1),
        "load": round(load, 1),
        "said": said,
    }


def summary(results: list[dict[str, Any]], what: str) -> str:
    seconds = sorted(float("inf") if result[what] is None else result[what] for result in results)
    within = sum(1 for value in seconds if value <= GOAL_S)
    p95 = seconds[min(len(seconds) - 1, int(len(seconds) * 0.95))]
    return (
        f"{what}: median {median(seconds):.1f} s, p95 {p95:.1f} s, max {seconds[-1]:.1f} s, "
        f"{within} of {len(seconds)} within {GOAL_S} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--plain", action="store_true", help="without step-downs, as servers do on their own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="hasten")
    parser.add_argument("--keep", action="store_true", help="leave the lab as it was found, up or not")
    arguments = parser.parse_args()
    rng, topology = random.Random(arguments.seed), Topology(name=arguments.name)
    results: list[dict[str, Any]] = []
    lab(topology, "up")
    try:
        for turn in range(arguments.runs):
            fault = FAULTS[turn % len(FAULTS)]
            length = SHORTEST_S * (LONGEST_S / SHORTEST_S) ** rng.random()
            results.append(one_run(topology, fault, length, not arguments.plain))
            print(json.dumps(results[-1]), flush=True)
            time.sleep(SETTLE_S)
    finally:
        if not arguments.keep:
            lab(topology, "down")
    for what in ("seconds", "since_over"):
        print(summary(results, what))


if __name__ == "__main__":
    main()
