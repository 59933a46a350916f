"""The underlying streams on the servers: define what is missing, show what differs, clean."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_fixed

from lab.errors import LabError, NatsError, NoAnswer
from lab.jetstream.session import API_LEADERLESS, ApiError, Session, connect
from lab.layouts import Layout
from lab.streamgraph.graph import entries
from lab.topology import Node

T = TypeVar("T")
Sessions = Mapping[str, Session]
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


@asynccontextmanager
async def sessions(layout: Layout, nodes: Callable[[str], Sequence[Node]], near: str) -> AsyncIterator[Sessions]:
    """The key of each stream -> a session in its account: in the region `near`, or one whose servers let clients of the
    account in. `nodes` has those of a region that run. Raises `NatsError`."""
    region_of = {account.name: account.region or near for account in layout.accounts}
    async with AsyncExitStack() as stack:
        made = {
            account.name: await stack.enter_async_context(
                connect(region_of[account.name], nodes(region_of[account.name]), account.credentials)
            )
            for account in layout.accounts
        }
        yield {stream.key: made[stream.account] for stream in layout.streams}


async def define(
    sessions: Sessions, configs: Mapping[str, dict[str, Any]], dry_run: bool = False, patience: float = 0
) -> Definitions:
    """Create what is missing, leave what is there. Raises `LabError` with the differences before it creates any.
    Sessions and definitions are by the streams' keys.

    `patience`: seconds for which a young super-cluster's "no suitable peers" and silence are waited out. A fresh meta
    leader knows the other nodes, and is known through the gateways, up to a few seconds after its election. A node that
    has just come back knows of no leader (10008), and a stream of which it has the only replica is offline (10118).
    """

    def young(error: BaseException) -> bool:
        return isinstance(error, NatsError) and (not isinstance(error, ApiError) or error.code in YOUNG)

    deadline = time.monotonic() + patience

    async def patiently(call: Callable[..., Awaitable[T]], key: str) -> T:
        stop = stop_after_delay(max(0.0, deadline - time.monotonic()))
        waiting = AsyncRetrying(stop=stop, wait=wait_fixed(0.1), retry=retry_if_exception(young), reraise=True)
        return await waiting(call, sessions[key], configs[key])

    found = dict(zip(configs, await asyncio.gather(*(patiently(_config, key) for key in configs)), strict=True))
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
        # Each after what it takes from: a source that is not there yet is retried only after 10 s.
        for group in _levels({key: configs[key] for key in absent}):
            await asyncio.gather(*(patiently(_create, key) for key in group))
    return Definitions(tuple(absent), tuple(name for name in configs if name not in absent))


def _levels(configs: Mapping[str, dict[str, Any]]) -> list[list[str]]:
    """The keys in groups, each of which can be created side by side after the ones before."""
    left, groups = dict(configs), list[list[str]]()
    while left:
        names = {config["name"] for config in left.values()}
        free = [key for key, config in left.items() if not names & {entry["name"] for _, entry in entries(config)}]
        groups.append(free or list(left))
        left = {key: config for key, config in left.items() if key not in groups[-1]}
    return groups


async def define_consumers(sessions: Sessions, layout: Layout) -> None:
    """Create the consumers that are missing. Raises `NatsError`."""

    async def one(key: str, config: Mapping[str, Any]) -> None:
        stream = layout.stream(key).name
        name = config.get("name") or config.get("durable_name") or ""
        body = {"stream_name": stream, "config": dict(config), "action": ""}
        try:
            await sessions[key].api(f"CONSUMER.CREATE.{stream}" + (f".{name}" if name else ""), body)
        except ApiError as error:
            told = f"consumer {name} of {stream} cannot be created: {error.message}"
            raise ApiError(told, error.code, error.hint) from error

    await asyncio.gather(*(one(key, config) for key, config in layout.consumers))


async def _config(session: Session, wanted: dict[str, Any]) -> dict[str, Any] | None:
    try:
        config: dict[str, Any] = (await session.stream_info(wanted["name"], timeout=2))["config"]
        return config
    except ApiError as error:
        if error.code == NOT_FOUND:
            return None
        raise


async def _create(session: Session, config: dict[str, Any]) -> None:
    try:
        await session.api(f"STREAM.CREATE.{config['name']}", config)
    except NoAnswer:  # it may be there, and 2.12.2 does not answer who creates it again (docs/findings.md)
        if await _config(session, config) is None:
            raise
    except ApiError as error:
        raise ApiError(f"stream {config['name']} cannot be created: {error.message}", error.code, error.hint) from error


async def clean(sessions: Sessions, configs: Mapping[str, dict[str, Any]], dry_run: bool = False) -> tuple[str, ...]:
    """Delete the lab's streams with their messages; returns the keys of those that were there."""
    there = [key for key, config in configs.items() if await _config(sessions[key], config) is not None]
    if not dry_run:
        for key in reversed(there):
            await sessions[key].api(f"STREAM.DELETE.{configs[key]['name']}", timeout=15)
    return tuple(there)
