"""The check beside bare nats-py loops that do the same: `python -m benchmarks.check` (needs Docker, four minutes).

Publishing: the same publishes on as many connections, without a pause, by a bare loop and by the check's publishers.
Reading: the same six streams, drained by a bare loop in one process, and read and judged by the check. Everything is
measured in this run, in turns; nothing is judged. docs/results.md keeps a run.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median

import nats
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig

from benchmarks.__main__ import lab
from lab.api import Lab
from lab.check import payload, store, workload
from lab.check.checkers import judge
from lab.check.clock import Clock
from lab.check.gathered import Options
from lab.check.history import OK, SECOND
from lab.check.load import feeds
from lab.check.report import documents
from lab.check.run import run_check
from lab.check.schedule import Schedule
from lab.faults.step_down import streams
from lab.layouts import layout_of
from lab.topology import Topology

TOPOLOGY = Topology(name="bench")
SECONDS, TURNS, PROCESSES = 8, 3, 6


async def bare_publishes(seconds: float) -> float:
    """Acknowledged publishes a second of a loop that does nothing else."""
    plan = workload.slots(feeds(layout_of(TOPOLOGY)), 1000, PROCESSES)
    clients = [await nats.connect(f"nats://127.0.0.1:{_port(slot.region, n)}") for n, slot in enumerate(plan)]
    bodies = [payload.compose("bare0000", 0, 0, n, payload.size(1, 0, n)) for n in range(1000)]
    topics = payload.subjects(layout_of(TOPOLOGY))
    subjects = [topics[payload.topic(1, 0, number)] for number in range(1000)]
    deadline, done = time.monotonic() + seconds, 0

    async def loop(client: Client) -> None:
        nonlocal done
        js, turn = client.jetstream(), 0
        while time.monotonic() < deadline:
            await js.publish(subjects[turn % 1000], bodies[turn % 1000], timeout=5)
            turn, done = turn + 1, done + 1

    await asyncio.gather(*map(loop, clients))
    for client in clients:
        await client.close()
    return done / seconds


def _port(region: str, turn: int) -> int:
    nodes = TOPOLOGY.region_nodes(region)
    return nodes[turn // len(TOPOLOGY.regions) % len(nodes)].client_port


async def our_publishes(seconds: float) -> float:
    """The same by the check's publishers, records and all."""
    clock = Clock.start()
    ledger = workload.Ledger(TOPOLOGY, streams(TOPOLOGY), "ours0000", 1, clock)
    plan = workload.slots(feeds(layout_of(TOPOLOGY)), 1000, PROCESSES)
    async with workload.connected(plan, TOPOLOGY) as sessions:
        began, stop = clock.now(), asyncio.Event()
        pairs = zip(sessions, plan, strict=True)
        asyncio.get_running_loop().call_later(seconds, stop.set)
        await asyncio.gather(
            *(workload.publish(session, slot, ledger, began, stop, open_loop=False) for session, slot in pairs)
        )
    return sum(count for (_, outcome), count in ledger.counts.items() if outcome == OK) / seconds


async def bare_drain() -> tuple[int, float]:
    """Messages and seconds of reading all streams to the end by `fetch`, keeping nothing."""
    count, began = 0, time.monotonic()
    for name in streams(TOPOLOGY):
        client = await nats.connect(f"nats://127.0.0.1:{_port(name.rpartition('-')[2], 0)}")
        js = client.jetstream()
        left = (await js.stream_info(name)).state.messages
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True, num_replicas=1)
        subscription = await js.pull_subscribe(f"{TOPOLOGY.stream}.>", stream=name, config=config)
        while left > 0:
            got = len(await subscription.fetch(min(1000, left), timeout=10))
            left, count = left - got, count + got
        await client.close()
    return count, time.monotonic() - began


async def run_once(folder: Path) -> tuple[Path, float]:
    """A run without faults; its folder, and how long its final read took."""
    schedule = Schedule(1, rate=2000, processes=PROCESSES, duration=40, warmup=2, settle=2)
    made = await run_check(Lab(TOPOLOGY.name), schedule, Options(folder=folder))
    phases = {phase.name: phase for phase in store.load(made).run.phases}
    return made, (phases["read"].ended - phases["read"].began) / SECOND


async def in_turns(*acts: Callable[[float], Awaitable[float]]) -> list[float]:
    """The median of each, measured alternately."""
    found: Sequence[list[float]] = [[] for _ in acts]
    for _ in range(TURNS):
        for results, act in zip(found, acts, strict=True):
            results.append(await act(SECONDS))
    return [median(results) for results in found]


async def main() -> None:
    bare, ours = await in_turns(bare_publishes, our_publishes)
    print(
        f"publishing, 18 connections    bare {bare:7.0f} /s   check {ours:7.0f} /s   {ours / bare:5.2f} ×", flush=True
    )
    lab("streams", "clean")
    lab("streams", "define")
    with tempfile.TemporaryDirectory() as folder:
        made, read_s = await run_once(Path(folder))
        count, drained_s = await bare_drain()
        began = time.monotonic()
        history = store.load(made)
        verdict = judge(history)
        judged_s = time.monotonic() - began
        began = time.monotonic()
        documents(history, verdict, {})
        report_s = time.monotonic() - began
    total, what = read_s + judged_s, f"read and judged ({verdict.validity})"
    print(f"{f'reading {count:,} messages':<30}bare {drained_s:7.1f} s    check {read_s:7.1f} s")
    print(f"{what:<30}bare {drained_s:7.1f} s    check {total:7.1f} s    {total / drained_s:5.2f} ×")
    print(f"the report on top of that: {report_s:.1f} s")


if __name__ == "__main__":
    lab("down")
    lab("up")
    try:
        asyncio.run(main())
    finally:
        lab("down")
