"""What clients see of a link: how long a publish in one region takes until it is acknowledged, and until another region
has it. Prints medians in milliseconds as JSON. Run where the lab is: `python tests/vm/clients.py west east`.
"""

import asyncio
import json
import sys
import time
from statistics import median

import nats

from lab.api import Lab

MESSAGES, ARRIVES_S = 15, 30


async def measured(here: str, there: str) -> dict[str, float]:
    lab = Lab.attach()
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


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measured(*sys.argv[1:3]))))
