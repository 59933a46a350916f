"""What shapes come to on a lab that runs: asked for, proven, measured, and what clients see of the link. Run where the
lab is, `python tests/vm/links.py west east '{"delay": {"delay": "80ms"}}'`; prints a line of JSON for each shape.

One process for all of them, since on an emulated processor it takes longer to start one than to measure.
"""

import asyncio
import json
import sys
import time
from statistics import median
from typing import Any

import nats

from lab.api import Lab
from lab.plain import plain

DATAGRAMS = 500
MESSAGES, ARRIVES_S = 15, 30


async def seen_by_clients(lab: Lab, here: str, there: str) -> dict[str, float]:
    """Medians in milliseconds: until a publish `here` is acknowledged, and until it is `there` as well."""
    writer, reader = [await nats.connect(lab.url(region).split(",")) for region in (here, there)]
    write, read = writer.jetstream(timeout=ARRIVES_S), reader.jetstream(timeout=ARRIVES_S)
    acknowledged, arrived = [], []
    for number in range(MESSAGES):
        before = (await read.stream_info(f"foo-read-{there}")).state.messages
        began = time.perf_counter()
        await write.publish("foo.test", f"message {number}".encode())
        acknowledged.append(time.perf_counter() - began)
        while (await read.stream_info(f"foo-read-{there}")).state.messages == before:
            if time.perf_counter() > began + ARRIVES_S:
                raise TimeoutError(f"message {number} did not arrive in {there}")
            await asyncio.sleep(0.002)
        arrived.append(time.perf_counter() - began)
    await writer.close()
    await reader.close()
    figures = {"acknowledged_ms": acknowledged, "arrived_ms": arrived}
    return {name: round(1000 * median(times), 1) for name, times in figures.items()}


def measured(lab: Lab, here: str, there: str, options: dict[str, str]) -> dict[str, Any]:
    """With this shape in force, or none; healed afterwards."""
    change = lab.shape(here, there, **options).change if options else None  # type: ignore[arg-type]
    trips = plain(lab.rtt(DATAGRAMS))["regions"]
    clients = asyncio.run(seen_by_clients(lab, here, there))
    lab.heal()
    return {"asked": options, "proof": plain(change and change.evidence), "rtt": trips, "clients": clients}


def main(here: str, there: str, shapes: str) -> None:
    lab = Lab.attach()
    for name, options in json.loads(shapes).items():
        print(json.dumps({"name": name} | measured(lab, here, there, options)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
