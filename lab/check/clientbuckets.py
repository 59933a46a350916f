"""Key-value buckets that follow a region's copy, for clients that watch: each message under a key of its own."""

import asyncio
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import numpy as np

from lab.check import payload
from lab.check.history import CLIENT, INTACT, NOWHERE, ROW, Array
from lab.check.reads import PACK
from lab.errors import NatsError
from lab.jetstream import consumers, pull, streams
from lab.jetstream.session import Session
from lab.layouts import Stream
from lab.topology import Topology

PATIENCE_S, SILENCE_S = 10.0, 5.0


@dataclass(frozen=True)
class Bucket:
    """`subjects` is what it takes from the copy."""

    mark: str
    region: str
    copy: Stream
    subjects: str

    @property
    def name(self) -> str:
        return f"lab-check-{self.mark}-{self.region}"

    @property
    def stream(self) -> str:
        return f"KV_{self.name}"

    def config(self, topology: Topology, after: int) -> dict[str, Any]:
        """The stream behind it; it begins after a sequence of the copy."""
        turned = {"src": self.subjects, "dest": f"$KV.{self.name}.>"}
        placed = {key: self.copy.definition[key] for key in ("placement",) if key in self.copy.definition}
        return placed | {
            "name": self.stream,
            "subjects": [f"$KV.{self.name}.>"],
            "sources": [{"name": self.copy.name, "opt_start_seq": after + 1, "subject_transforms": [turned]}],
            "num_replicas": topology.replicas,
            "max_msgs_per_subject": 1,
            "discard": "new",
            "allow_direct": True,
            "allow_rollup_hdrs": True,
            "deny_delete": True,
        }


async def make(session: Session, topology: Topology, bucket: Bucket, after: int) -> None:
    await streams.define({bucket.stream: session}, {bucket.stream: bucket.config(topology, after)}, patience=PATIENCE_S)


async def remove(session: Session, bucket: Bucket) -> None:
    await session.api(f"STREAM.DELETE.{bucket.stream}")


async def contents(session: Session, bucket: Bucket, wall: int) -> Array:
    """All that it holds, as ROW rows."""
    rows, last = bytearray(), 0

    def handle(sequence: int, stored: int, _: int, __: int, ___: str, data: bytes, ____: str) -> None:
        nonlocal last
        if sequence > last:
            last, found = sequence, payload.parse(data)
            flags = CLIENT | (INTACT if found.intact else 0)
            rows.extend(PACK.pack(sequence, stored - wall, 0, found.process, found.counter, NOWHERE, flags))

    state = (await session.stream_info(bucket.stream))["state"]
    if state["messages"]:
        name = f"lab-check-read-{token_hex(4)}"
        config = {"ack_policy": "none", "mem_storage": True, "num_replicas": 1, "durable_name": "", "name": name}
        await consumers.create(session, bucket.stream, name, config | {"inactive_threshold": 60 * 10**9})
        async with asyncio.timeout(60):
            await pull.drain(session, bucket.stream, name, handle, lambda: last >= state["last_seq"], SILENCE_S)
    if len(rows) // PACK.size < state["messages"]:
        raise NatsError(f"{bucket.stream} was not read whole")
    return np.frombuffer(bytes(rows), ROW)
