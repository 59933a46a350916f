"""What the lab costs over the bare commands that it drives: `make bench` (needs Docker, takes about three minutes).

Each line is measured in this run, the bare form beside the lab's. Nothing is judged; docs/results.md keeps a run.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import files, monitor
from lab.engine import Engine
from lab.image import find
from lab.jetstream import connect
from lab.render import stream_configs
from lab.streams import define
from lab.topology import Node, Topology

LAB = Path(sys.executable).parent / "lab"
ROOT = Path(__file__).resolve().parents[1]
TOPOLOGY = Topology(name="bench")
REPEAT = 5
TWO_COMMANDS = """
import typer
app = typer.Typer()
@app.command()
def one(): "The first."
@app.command()
def two(): "The second."
app()
"""


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def run(*command: str, environment: dict[str, str] | None = None) -> None:
    env = os.environ | (environment or {})
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, env=env)


def lab(*arguments: str) -> None:
    run(str(LAB), *arguments, "--name", TOPOLOGY.name)


def report(what: str, bare: float, ours: float) -> None:
    print(f"{what:<42} bare {bare:7.3f} s   lab {ours:7.3f} s   {ours / bare:5.2f} ×", flush=True)


def bare_up() -> None:
    """Compose, wait for the meta leader, six streams, a message seen in every region: by hand, without the lab."""
    image = find(Engine(), TOPOLOGY.nats, None)
    assert image, "`lab image --prepare` first"
    run(
        "docker",
        "compose",
        "-f",
        str(files.compose_path(TOPOLOGY, ROOT)),
        "up",
        "-d",
        environment={"LAB_IMAGE": image.name},
    )
    first = TOPOLOGY.nodes[0]
    while not ((monitor.get(first.monitor_port, "/jsz") or {}).get("meta_cluster") or {}).get("leader"):
        time.sleep(0.05)

    async def rest() -> None:
        async with connect(first.region, [first]) as session:
            await define(session, stream_configs(TOPOLOGY), patience=20)
            await session.publish(f"{TOPOLOGY.stream}.bench", b"x")
            for region in TOPOLOGY.regions:
                while not (  # noqa: ASYNC110
                    await session.stream_info(TOPOLOGY.read_stream(region))
                )["state"]["messages"]:
                    await asyncio.sleep(0.05)

    asyncio.run(rest())


def detaches() -> list[tuple[str, str]]:
    return [
        (TOPOLOGY.network(link), TOPOLOGY.container(f"central-{n}"))
        for n in (1, 2, 3)
        for link in ("central-west", "central-east")
    ]


def bare_partition() -> None:
    processes = [subprocess.Popen(["docker", "network", "disconnect", *pair]) for pair in detaches()]
    for process in processes:
        process.wait()


def spread(act: Callable[[], object]) -> float:
    """Seconds from the first to the last detach, by the engine's own events."""
    since = time.time()
    act()
    command = ["docker", "events", "--since", f"{since:.9f}", "--until", f"{time.time():.9f}", "--format", "{{json .}}"]
    out = subprocess.run([*command, "--filter", "event=disconnect"], capture_output=True, text=True, check=True).stdout
    times = [
        event["timeNano"]
        for event in map(json.loads, out.splitlines())
        if "-central-" in event["Actor"]["Attributes"]["name"]
    ]
    return float(max(times) - min(times)) / 1e9


def main() -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".py") as program:
        program.write(TWO_COMMANDS)
        program.flush()
        bare = [timed(lambda: run(sys.executable, program.name, "--help")) for _ in range(REPEAT)]
    ours = [timed(lambda: run(str(LAB), "--help")) for _ in range(REPEAT)]
    report("--help (bare: a two-command Typer program)", statistics.median(bare), statistics.median(ours))
    lab("down")
    files.write(TOPOLOGY, ROOT)
    try:
        by_hand, by_lab = [], []
        for _ in range(2):
            by_hand.append(timed(bare_up))
            lab("down")
            by_lab.append(timed(lambda: lab("up")))
            if len(by_lab) < 2:
                lab("down")
        report("up", min(by_hand), min(by_lab))
        with ThreadPoolExecutor(len(TOPOLOGY.nodes)) as pool:

            def ask(node: Node) -> object:
                return monitor.get(node.monitor_port, "/jsz?streams=1&accounts=1")

            bare = [timed(lambda: list(pool.map(ask, TOPOLOGY.nodes))) for _ in range(REPEAT)]
        ours = [timed(lambda: lab("status")) for _ in range(REPEAT)]
        report("status (bare: nine monitoring requests)", statistics.median(bare), statistics.median(ours))
        results: dict[str, list[float]] = {"bare": [], "lab": [], "bare spread": [], "lab spread": []}
        for _ in range(REPEAT):
            for who, act in (("bare", bare_partition), ("lab", lambda: lab("partition", "central"))):
                seconds: list[float] = []
                results[f"{who} spread"].append(spread(lambda act=act, seconds=seconds: seconds.append(timed(act))))  # type: ignore[misc]
                results[who] += seconds
                lab("heal")
        middle = {key: statistics.median(values) for key, values in results.items()}
        report("partition (bare: six disconnects at once)", middle["bare"], middle["lab"])
        report("first to last detach", middle["bare spread"], middle["lab spread"])
    finally:
        lab("down")


if __name__ == "__main__":
    main()
