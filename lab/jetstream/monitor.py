"""The servers' HTTP monitoring, on the published ports: works on both sides of a cut.

A server that does not answer is a value (`None`), never an exception.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any

from lab.topology import Node

TIMEOUT_S = 0.8
VARZ, JSZ, GATEWAYZ, ROUTEZ = "/varz", "/jsz?accounts=true&streams=true&config=true", "/gatewayz", "/routez"
# Closes at once: else the port that the connection had is kept for a minute, and it may be one that a lab wants.
RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Reading:
    """What one server says of itself; a part is `None` when it did not answer within the time-out."""

    node: str
    varz: dict[str, Any] | None = field(hash=False)
    jsz: dict[str, Any] | None = field(hash=False)
    links: dict[str, Any] | None = field(hash=False)  # its gateways, or its routes where regions are one cluster

    def streams(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Account and detail of each stream that this server has a copy of."""
        for account in (self.jsz or {}).get("account_details") or []:
            for detail in account.get("stream_detail") or []:
                yield account["name"], detail


def get(port: int, path: str, timeout: float = TIMEOUT_S) -> dict[str, Any] | None:
    """One monitoring document; `timeout` in seconds."""
    return _get(port, [path], timeout)[0]


def _get(port: int, paths: Sequence[str], timeout: float) -> list[dict[str, Any] | None]:
    """Documents over one connection. After one that does not come, none is asked for."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    documents: list[dict[str, Any] | None] = [None] * len(paths)
    try:
        for number, path in enumerate(paths):
            connection.request("GET", path)
            answer = connection.getresponse()
            if answer.status != HTTPStatus.OK:
                break
            documents[number] = json.load(answer)
    except (OSError, ValueError, HTTPException):
        pass
    finally:
        if connection.sock:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.close()
    return documents


async def read(nodes: list[Node], timeout: float = TIMEOUT_S, stretched: bool = False) -> dict[str, Reading]:
    """A reading of each node, all at once; of its routes instead of its gateways if the cluster is `stretched`."""
    if not nodes:
        return {}
    loop, paths = asyncio.get_running_loop(), (VARZ, JSZ, ROUTEZ if stretched else GATEWAYZ)
    with ThreadPoolExecutor(len(nodes)) as pool:

        def one(node: Node) -> Reading:
            return Reading(node.name, *_get(node.monitor_port, paths, timeout))

        readings = await asyncio.gather(*(loop.run_in_executor(pool, one, node) for node in nodes))
    return {reading.node: reading for reading in readings}
