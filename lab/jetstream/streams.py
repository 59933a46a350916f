"""The underlying streams on the servers: define what is missing, show what differs, clean."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_fixed

from lab.errors import LabError, NatsError
from lab.jetstream.session import API_LEADERLESS, ApiError, Session

T = TypeVar("T")
NOT_FOUND, NO_SUITABLE_PEERS, OFFLINE = 10059, 10005, 10118
YOUNG = (NO_SUITABLE_PEERS, API_LEADERLESS, OFFLINE)


@dataclass(frozen=True)
class Definitions:
    """What `define` did: names of streams created and left as they were."""

    created: tuple[str, ...]
    left: tuple[str, ...]


def differing(wanted: Any, have: Any, path: str = "") -> list[str]:
    """Where an existing definition differs from the wanted one, as `path: have, wanted want`.

    Only what is wanted is compared, since the server adds fields; it leaves out fields that are false, zero or empty.
    """
    if isinstance(wanted, Mapping) and isinstance(have, Mapping):
        return [
            line
            for key, value in wanted.items()
            for line in differing(value, have.get(key), f"{path}.{key}".lstrip("."))
        ]
    if isinstance(wanted, list) and isinstance(have, list) and len(wanted) == len(have):
        return [
            line
            for index, pair in enumerate(zip(wanted, have, strict=True))
            for line in differing(*pair, f"{path}[{index}]")
        ]
    same = wanted == have or (not wanted and have is None)
    return [] if same else [f"{path}: is {have!r}, wanted {wanted!r}"]


async def define(
    session: Session, configs: Mapping[str, dict[str, Any]], dry_run: bool = False, patience: float = 0
) -> Definitions:
    """Create what is missing, leave what is there. Raises `LabError` with the differences before it creates any.

    `patience`: seconds for which a young super-cluster's "no suitable peers" and silence are waited out. A fresh meta
    leader knows the other nodes, and is known through the gateways, up to a few seconds after its election. A node that
    has just come back knows of no leader (10008), and a stream of which it has the only replica is offline (10118).
    """

    def young(error: BaseException) -> bool:
        return isinstance(error, NatsError) and (not isinstance(error, ApiError) or error.code in YOUNG)

    deadline = time.monotonic() + patience

    async def patiently(call: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        stop = stop_after_delay(max(0.0, deadline - time.monotonic()))
        waiting = AsyncRetrying(stop=stop, wait=wait_fixed(0.1), retry=retry_if_exception(young), reraise=True)
        return await waiting(call, session, *arguments)

    found = dict(zip(configs, await asyncio.gather(*(patiently(_config, name) for name in configs)), strict=True))
    lines = [
        f"  {name} {line}"
        for name, have in found.items()
        if have is not None
        for line in differing(configs[name], have)
    ]
    if lines:
        raise LabError(
            "streams of this name exist with another definition:\n" + "\n".join(lines),
            "`lab streams clean` deletes the streams with their messages; then `lab streams define`",
        )
    absent = [name for name, have in found.items() if have is None]
    if not dry_run:
        # The origins first: a source that is not there yet is retried only after 10 s.
        sourced = [name for name in absent if "sources" in configs[name]]
        for group in ([name for name in absent if name not in sourced], sourced):
            await asyncio.gather(*(patiently(_create, configs[name]) for name in group))
    return Definitions(tuple(absent), tuple(name for name in configs if name not in absent))


async def _config(session: Session, name: str) -> dict[str, Any] | None:
    try:
        config: dict[str, Any] = (await session.stream_info(name, timeout=2))["config"]
        return config
    except ApiError as error:
        if error.code == NOT_FOUND:
            return None
        raise


async def _create(session: Session, config: dict[str, Any]) -> None:
    """An ambiguous time-out is harmless here: creating the same definition again is answered as a success."""
    try:
        await session.api(f"STREAM.CREATE.{config['name']}", config)
    except ApiError as error:
        raise ApiError(f"stream {config['name']} cannot be created: {error.message}", error.code, error.hint) from error


async def clean(session: Session, configs: Mapping[str, dict[str, Any]], dry_run: bool = False) -> tuple[str, ...]:
    """Delete the lab's streams with their messages; returns the names of those that were there."""
    there = [name for name in configs if await _config(session, name) is not None]
    if not dry_run:
        for name in reversed(there):
            await session.api(f"STREAM.DELETE.{name}", timeout=15)
    return tuple(there)
