"""The servers' HTTP monitoring, on the published ports: works on both sides of a cut.

A server that does not answer is a value (`None`), never an exception.
"""

import asyncio
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from lab.topology import Node

TIMEOUT_S = 0.8
PATHS = {"varz": "/varz", "jsz": "/jsz?accounts=true&streams=true&config=true", "gatewayz": "/gatewayz"}
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy


@dataclass(frozen=True)
class Reading:
    """What one server says of itself; a part is `None` when it did not answer within the time-out."""

    node: str
    varz: dict[str, Any] | None = field(hash=False)
    jsz: dict[str, Any] | None = field(hash=False)
    gatewayz: dict[str, Any] | None = field(hash=False)


def get(port: int, path: str, timeout: float = TIMEOUT_S) -> dict[str, Any] | None:
    """One monitoring document; `timeout` in seconds."""
    try:
        with _OPENER.open(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
            document: dict[str, Any] = json.load(answer)
            return document
    except (OSError, ValueError, HTTPException):
        return None


async def read(nodes: list[Node], timeout: float = TIMEOUT_S) -> dict[str, Reading]:
    """A reading of each node, all at once."""
    if not nodes:
        return {}
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(len(nodes)) as pool:

        def one(node: Node) -> Reading:
            documents: dict[str, dict[str, Any] | None] = dict.fromkeys(PATHS)
            for name, path in PATHS.items():
                documents[name] = get(node.monitor_port, path, timeout)
                if documents[name] is None:
                    break
            return Reading(node.name, documents["varz"], documents["jsz"], documents["gatewayz"])

        readings = await asyncio.gather(*(loop.run_in_executor(pool, one, node) for node in nodes))
    return {reading.node: reading for reading in readings}
