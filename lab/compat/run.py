"""Tries the calls of clients on the virtual stream of a running lab, in one region, and removes what it made.

One message of every region tells a client's right stream from others: only what a region's clients read has them all.
They stay, as those of `lab probe` do (`lab/observe/probe_messages.py`)."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import Any

from lab.compat import natspy, nodejs
from lab.compat.values import CLIENTS, NATS_JS, NATS_PY, Answer, Bench, Compatibility, Tried, judged
from lab.docker.observation import Observation
from lab.errors import NatsError, NotReady, UsageError, unknown
from lab.jetstream.clients import client
from lab.jetstream.session import Session, connect
from lab.layouts import CredentialsFile, Layout, layout_of
from lab.observe import probe_messages
from lab.progress import Say

ARRIVES_S = 20.0


async def compatibility(
    observation: Observation, region: str | None, clients: Sequence[str], folder: Path, say: Say
) -> Compatibility:
    """What the calls of each client come to; of all clients that there are, when none is named. `folder` is where
    Node.js finds its packages. Raises `UsageError` for a client that is named and not there, `LabError` when the lab is
    not fit for it."""
    for each in clients:
        if each not in CLIENTS:
            raise unknown("client", each, CLIENTS)
    layout = layout_of(observation.topology)
    region = region or layout.regions[0]
    layout.copy(region)  # says which regions there are
    program, missing = _node(clients, folder)
    async with _bench(observation, layout, region, say) as (bench, session):
        tried = []
        if NATS_PY in (clients or CLIENTS):
            tried.append(await _natspy(observation, layout, bench, say))
        if program:
            tried.append(await _nats_js(observation, layout, bench, program, folder, say))
        return Compatibility(
            layout.name,
            region,
            layout.virtual_name,
            session.version,
            len(observation.topology.nodes),
            tuple(tried),
            missing,
        )


def _node(clients: Sequence[str], folder: Path) -> tuple[str, str]:
    """Node.js, "" where it is not wanted or not there; why it is not there."""
    if clients and NATS_JS not in clients:
        return "", ""
    try:
        return nodejs.node(folder), ""
    except UsageError as error:
        if clients:
            raise
        return "", error.message


@asynccontextmanager
async def _bench(
    observation: Observation, layout: Layout, region: str, say: Say
) -> AsyncIterator[tuple[Bench, Session]]:
    """The messages that are needed, and a session of the region that removes what was made."""
    token = token_hex(4)
    prefix = probe_messages.of_calls(layout, token)
    bench = Bench(
        region,
        layout.virtual_name,
        layout.copy(region).name,
        layout.origin(region).name,
        f"lab-compat-{token}",
        prefix,
        tuple(f"{prefix}.seed.{each}" for each in layout.regions),
    )
    seeds = dict(zip(bench.seeds, layout.regions, strict=True))
    for subject, each in seeds.items():
        async with connect(each, observation.require_running(each), layout.credentials(each)) as session:
            await session.publish(subject, b"one of every region")
    nodes = observation.require_running(region)
    async with connect(region, nodes, layout.credentials(region), lasting=True) as session:
        try:
            await _until_there(session, bench, seeds)
            yield bench, session
        finally:
            try:
                await _remove(session, bench.mark)
            except NatsError as error:
                say(f"warning: not all that begins with `{bench.mark}` could be removed: {error.message}")


async def _until_there(session: Session, bench: Bench, seeds: dict[str, str]) -> None:
    deadline = time.monotonic() + ARRIVES_S
    while True:
        info = await session.api(f"STREAM.INFO.{bench.stream}", {"subjects_filter": bench.every_seed})
        missing = {*bench.seeds} - {*(info["state"].get("subjects") or {})}
        if not missing:
            return
        if time.monotonic() >= deadline:
            regions = ", ".join(sorted(seeds[subject] for subject in missing))
            raise NotReady(
                f"what {regions} published has not arrived in {bench.region} within {ARRIVES_S:g} s, so calls cannot "
                "be judged",
                "is a fault in force? `lab faults`; `lab heal --wait`",
            )
        await asyncio.sleep(0.1)


async def _natspy(observation: Observation, layout: Layout, bench: Bench, say: Say) -> Tried:
    async def quiet(_: Exception) -> None:
        """The library prints what a call makes of an error otherwise."""

    nodes = observation.require_running(bench.region)
    connection = await client(bench.region, nodes, layout.credentials(bench.region), {"error_cb": quiet})
    try:
        place, begun, outcomes = natspy.Place(connection, bench), _groups(NATS_PY, say), []
        for call in natspy.CALLS:
            begun(call.group)
            outcomes.append(judged(await natspy.tried(place, call), bench, layout))
    finally:
        await connection.close()
    return Tried(NATS_PY, version("nats-py"), tuple(outcomes))


async def _nats_js(
    observation: Observation, layout: Layout, bench: Bench, program: str, folder: Path, say: Say
) -> Tried:
    about: dict[str, Any] = asdict(bench) | {"every_seed": bench.every_seed}
    about["servers"] = [f"127.0.0.1:{node.client_port}" for node in observation.require_running(bench.region)]
    login = layout.credentials(bench.region)
    if isinstance(login, CredentialsFile):
        about["credentials"] = await asyncio.to_thread(lambda: str(Path(login.path).resolve()))
    elif login:
        about["user"], about["password"] = login
    found: list[Answer]
    which, found = await nodejs.answers(program, folder, about, _groups(NATS_JS, say))
    return Tried(NATS_JS, which, tuple(judged(answer, bench, layout) for answer in found))


def _groups(client: str, say: Say) -> Say:
    """Says each group of calls once."""
    said = set[str]()

    def begun(group: str) -> None:
        if group not in said:
            said.add(group)
            say(f"{client}: {group.lower()}")

    return begun


async def _remove(session: Session, mark: str) -> None:
    """Consumers on any stream, since some calls reach others than they should; buckets with all that is in them."""
    names: list[str] = (await session.api("STREAM.NAMES"))["streams"] or []
    ours = [name for name in names if mark in name]
    for stream in ours:
        await session.api(f"STREAM.DELETE.{stream}", timeout=15)
    for stream in set(names) - set(ours):
        found = (await session.api(f"CONSUMER.LIST.{stream}"))["consumers"] or []
        for consumer in found:
            if mark in consumer["name"] or mark in consumer["config"].get("description", ""):
                await session.api(f"CONSUMER.DELETE.{stream}.{consumer['name']}")
