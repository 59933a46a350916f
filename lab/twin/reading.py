"""Asks a running system for its definitions: what `lab/jetstream/foreign.py` can ask, and no more."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from lab.jetstream.foreign import Access, Foreign, connect, greeting
from lab.printable import printable
from lab.progress import Say
from lab.twin.found import Found, Server, config
from lab.units import several

MOST_GREETED = 64
AT_ONCE = 16


async def read(access: Access, system: Access | None, timeout: float, say: Say) -> Found:
    """What there is. `system` leads into the system account, where all servers can be seen. `timeout` in seconds bounds
    each request. Raises `LabError`."""
    async with connect(access, timeout) as foreign:
        say(f"connected to {printable(str(foreign.greeting.get('server_name', '?')))} of {access.called}")
        account = await foreign.account()
        streams, missing = await foreign.streams()
        say(f"{several(len(streams), 'stream')}; asking for their consumers")
        consumers = await _consumers(foreign, streams)
        first = dict(foreign.greeting)
    domain = str(account.get("domain") or "")
    if system:
        async with connect(system, timeout) as foreign:
            said = await foreign.servers()
    else:
        urls = () if access.tls_first else (*access.urls, *(first.get("connect_urls") or ()))
        said = await _greeted(first, urls, timeout)
    servers, apart = _sorted(said, domain)
    return Found(
        streams=tuple(streams),
        consumers=consumers,
        servers=tuple(servers),
        all_servers=system is not None,
        apart=tuple(apart),
        missing=tuple(missing),
        limits=account.get("limits") or {},
        domain=domain,
        max_payload=int(first.get("max_payload") or 0),
    )


async def _consumers(
    foreign: Foreign, streams: Iterable[Mapping[str, Any]]
) -> dict[str, tuple[Mapping[str, Any], ...]]:
    """By their streams, of those that have any."""
    room = asyncio.Semaphore(AT_ONCE)
    names = [config(each)["name"] for each in streams if (each.get("state") or {}).get("consumer_count", 1)]

    async def one(name: str) -> tuple[Mapping[str, Any], ...]:
        async with room:
            return tuple(await foreign.consumers(name))

    found = await asyncio.gather(*(one(name) for name in names))
    return {name: consumers for name, consumers in zip(names, found, strict=True) if consumers}


async def _greeted(first: Mapping[str, Any], urls: Iterable[str], timeout: float) -> list[dict[str, Any]]:
    """What servers say before anybody logs in: those that the system names to its clients, and that people named."""
    every = dict.fromkeys(url if "://" in url else f"nats://{url}" for url in urls)
    said = await asyncio.gather(*(greeting(url, timeout) for url in [*every][:MOST_GREETED]))
    by_id = {str(each.get("server_id")): each for each in (first, *filter(None, said))}
    return [{**each, "name": each.get("server_name"), "ver": each.get("version")} for each in by_id.values()]


def _sorted(servers: Iterable[Mapping[str, Any]], domain: str) -> tuple[list[Server], list[str]]:
    """Those that the account's streams can be on, and the names of the others."""
    mine, others = list[Server](), list[str]()
    for each in servers:
        name = str(each.get("name", ""))
        if each.get("jetstream") and str(each.get("domain") or "") == domain:
            mine.append(Server(name, str(each.get("cluster") or ""), str(each.get("ver", ""))))
        else:
            others.append(name)
    return mine, others
