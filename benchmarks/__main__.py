"""What the lab costs over the bare commands that it drives: `make bench` (needs Docker, takes about five minutes).

Each line is measured in this run, the bare form beside the lab's. Nothing is judged; docs/results.md keeps a run.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from lab import files
from lab.docker.engine import Engine
from lab.docker.images import find
from lab.jetstream import monitor
from lab.jetstream.session import connect
from lab.jetstream.streams import define
from lab.layouts import layout_of
from lab.render import stream_configs
from lab.topology import Node, Topology

LAB = Path(sys.executable).parent / "lab"
ROOT = Path(__file__).resolve().parents[1]
TOPOLOGY = Topology(name="bench")
REPEAT = 5
PARTITION_S = 20
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
            configs = stream_configs(TOPOLOGY)
            await define(dict.fromkeys(configs, session), configs, patience=20)
            await session.publish(f"{TOPOLOGY.stream}.bench", b"x")
            for region in TOPOLOGY.regions:
                while not (  # noqa: ASYNC110
                    await session.stream_info(layout_of(TOPOLOGY).copy(region).key)
                )["state"]["messages"]:
                    await asyncio.sleep(0.05)

    asyncio.run(rest())


CUT_ENDS = [(f"central-{n}", link) for n in (1, 2, 3) for link in ("central-west", "central-east")]


def detaches() -> list[tuple[str, str]]:
    return [(TOPOLOGY.network(link), TOPOLOGY.container(node)) for node, link in CUT_ENDS]


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
        if event["Actor"]["Attributes"]["name"].startswith(f"{TOPOLOGY.name}-")
    ]
    return float(max(times) - min(times)) / 1e9


class Watch(threading.Thread):
    """When did each cut's route go, by the table of routes that each node itself has? Without
    asking whoever makes the cut. Needs root on the engine's own host."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        containers = Engine().observe(TOPOLOGY.name).containers
        self.routes = [
            (Path(f"/proc/{containers[node].pid}/net/route"), _as_in_route(TOPOLOGY.subnets[link]))
            for node, link in CUT_ENDS
        ]
        self.gone: dict[int, float] = {}
        self.start()

    def run(self) -> None:
        while len(self.gone) < len(self.routes):
            for index, (table, subnet) in enumerate(self.routes):
                if index not in self.gone and subnet not in table.read_text():
                    self.gone[index] = time.perf_counter()
            time.sleep(0.001)

    def seconds(self) -> float:
        self.join(10)
        return max(self.gone.values()) - min(self.gone.values())


def _as_in_route(subnet: IPv4Network) -> str:
    return f"\t{int.from_bytes(subnet.network_address.packed, 'little'):08X}\t00000000\t"


def all_agree() -> bool:
    """Bare: every gateway is up on every node, one meta leader, every source was heard and has nothing to catch up."""
    leaders = set()
    with ThreadPoolExecutor(len(TOPOLOGY.nodes)) as pool:
        answers = list(pool.map(lambda n: (_get(n, "/gatewayz"), _get(n, "/jsz?streams=1&accounts=1")), TOPOLOGY.nodes))
    streams: dict[str, dict[str, Any]] = {}
    for node, (gatewayz, jsz) in zip(TOPOLOGY.nodes, answers, strict=True):
        if len(gatewayz.get("outbound_gateways") or {}) != len(TOPOLOGY.regions) - 1:
            return False
        leaders.add((jsz.get("meta_cluster") or {}).get("leader"))
        for account in jsz.get("account_details") or []:
            for stream in account.get("stream_detail") or []:
                if (stream.get("cluster") or {}).get("leader") == node.name:
                    streams[stream["name"]] = stream
    if len(leaders) != 1 or not leaders.copy().pop() or len(streams) != 2 * len(TOPOLOGY.regions):
        return False
    written = sum(streams[layout_of(TOPOLOGY).origin(region).key]["state"]["messages"] for region in TOPOLOGY.regions)
    reads = [streams[layout_of(TOPOLOGY).copy(region).key] for region in TOPOLOGY.regions]
    heard = all(0 <= source.get("active", -1) <= 3e9 for read in reads for source in read.get("sources") or [])
    return heard and all(read["state"]["messages"] == written for read in reads)


def _get(node: Node, path: str) -> dict[str, Any]:
    return monitor.get(node.monitor_port, path) or {}


def heal_to_agreement() -> tuple[float, float]:
    """Seconds from the heal's first attach until a bare observer sees all agree, and until `heal --wait` returned."""
    lab("partition", "central")
    for region in TOPOLOGY.regions:
        lab("pub", region, f"{TOPOLOGY.stream}.bench", "apart")
    time.sleep(PARTITION_S)
    began = time.perf_counter()
    process = subprocess.Popen([str(LAB), "heal", "--wait", "--name", TOPOLOGY.name], stdout=subprocess.DEVNULL)
    while not all_agree():
        time.sleep(0.05)
    agreed = time.perf_counter() - began
    process.wait()
    return agreed, time.perf_counter() - began


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
        kinds = ("", " detach spread", " hold spread")
        results: dict[str, list[float]] = {f"{who}{kind}": [] for who in ("bare", "lab") for kind in kinds}
        for _ in range(REPEAT):
            for who, act in (("bare", bare_partition), ("lab", lambda: lab("partition", "central"))):
                watch = Watch()
                seconds: list[float] = []
                detached = spread(lambda act=act, seconds=seconds: seconds.append(timed(act)))  # type: ignore[misc]
                results[who] += seconds
                results[f"{who} detach spread"].append(detached)
                results[f"{who} hold spread"].append(watch.seconds())
                lab("heal")
                time.sleep(0.5)
        middle = {key: statistics.median(values) for key, values in results.items()}
        report("partition (bare: six disconnects at once)", middle["bare"], middle["lab"])
        report("first to last detach, by Docker's events", middle["bare detach spread"], middle["lab detach spread"])
        report("first to last effect, inside the nodes", middle["bare hold spread"], middle["lab hold spread"])
        for _ in range(2):
            lab("heal", "--wait")
            report(f"heal to agreement, after {PARTITION_S} s", *heal_to_agreement())
    finally:
        lab("down")


if __name__ == "__main__":
    main()
