"""A connection to a system that is not a lab, to ask how it is defined.

There is no way here to read or to write a message: `ASKED` has every subject that is ever requested.
"""

import asyncio
import json
import logging
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.errors import Error as ClientError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as ClientTimeout

from lab.credentials import require_nkeys
from lab.errors import NatsError, NoAnswer, UsageError
from lab.jetstream.session import API_LEADERLESS, ApiError
from lab.layouts.layout import API
from lab.printable import printable

PING = "$SYS.REQ.SERVER.PING"
# With the prefix of the API in front of all but the last, which only the system account may ask.
ASKED = ("INFO", "STREAM.LIST", "CONSUMER.LIST.*", PING)
PORT = 4222
CLOSING_S = 0.5
SILENT = "it says nothing"
QUIET_S = 0.7  # so long after the last server nobody else answers
PAGE = 256  # of the API, where it does not say
GREETING = b"INFO "
HINTS = {
    "Authorization": "check user and password, or the credentials",
    "CERTIFICATE": "`ca` in the context names a file with your own authority's certificate",
    SILENT: "is it a NATS server? One that wants TLS first needs `tls_first` in the context",
}
OTHERWISE = "is the address right, and in reach from here?"
LONGEST_GREETING = 2**18


@dataclass(frozen=True)
class Access:
    """How to get into a system. `called` is what people call it, the rest is nobody else's business."""

    called: str
    urls: tuple[str, ...] = field(repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    creds: str = field(default="", repr=False)
    nkey: str = field(default="", repr=False)
    cert: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)
    tls_first: bool = False
    inbox_prefix: str = field(default="", repr=False)
    api: str = API

    @property
    def wants_tls(self) -> bool:
        return self.tls_first or bool(self.cert or self.ca) or any(url.startswith("tls:") for url in self.urls)


class Foreign:
    """What one may ask a system. `greeting` is what the server says to whoever connects."""

    def __init__(self, client: Client, access: Access, timeout: float, refusals: "asyncio.Queue[str]") -> None:
        self.greeting: Mapping[str, Any] = client._server_info  # no public accessor in nats-py 2.16
        self._client, self._access, self._timeout, self._refusals = client, access, timeout, refusals

    async def account(self) -> dict[str, Any]:
        return await self._ask("INFO")

    async def streams(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Every stream, and the names of those that the servers do not describe."""
        return await self._pages("STREAM.LIST", "streams")

    async def consumers(self, stream: str) -> list[dict[str, Any]]:
        return (await self._pages(f"CONSUMER.LIST.{stream}", "consumers"))[0]

    async def servers(self) -> list[dict[str, Any]]:
        """What every server says of itself. Raises `NatsError` where this is not the system account."""
        found: list[dict[str, Any]] = []
        inbox = self._client.new_inbox()
        subscription = await self._client.subscribe(inbox)
        await self._client.publish(PING, b"", reply=inbox)
        with suppress(ClientTimeout):
            while True:
                message = await subscription.next_msg(QUIET_S if found else self._timeout)
                if message.data:  # else nobody listens
                    found.append(dict(json.loads(message.data).get("server") or {}))
                elif not found:
                    break
        with suppress(ClientError):
            await subscription.unsubscribe()
        if not found:
            raise NatsError(
                f"no server answers `{PING}` to {self._access.called}",
                "only users of the system account may ask this: give `--system` a context or URL of one",
            )
        return found

    async def _pages(self, call: str, what: str) -> tuple[list[dict[str, Any]], list[str]]:
        found, missing, offset = list[dict[str, Any]](), list[str](), 0
        while True:
            page = await self._ask(call, {"offset": offset})
            found += [self._entry(each, call) for each in page.get(what) or []]
            missing += [str(name) for name in (*(page.get("missing") or []), *(page.get("offline") or {}))]
            offset += max(1, int(page.get("limit") or PAGE))
            if offset >= int(page.get("total") or 0):
                return found, missing

    def _entry(self, entry: Any, call: str) -> dict[str, Any]:
        """One that can be a stream or a consumer."""
        config = entry.get("config") if isinstance(entry, dict) else None
        if not isinstance(config, dict) or not isinstance(config.get("name") or config.get("durable_name") or "", str):
            raise NatsError(f"{self._access.called} answers `{printable(call)}` with what is not a definition")
        made: dict[str, Any] = entry
        return made

    async def _ask(self, call: str, body: object = None) -> dict[str, Any]:
        subject, called = f"{self._access.api}.{call}", self._access.called
        shown = printable(subject)
        payload = b"" if body is None else json.dumps(body).encode()
        request = asyncio.ensure_future(self._client.request(subject, payload, timeout=self._timeout))
        refusal = asyncio.ensure_future(self._refusals.get())
        try:
            await asyncio.wait({request, refusal}, return_when=asyncio.FIRST_COMPLETED)
            if refusal.done():
                raise NatsError(
                    f"{called} refuses `{shown}`: {printable(refusal.result())}", "is this user allowed to?"
                )
            answer: dict[str, Any] = json.loads((await request).data)
        except NoRespondersError:
            raise NatsError(
                f"{called} refuses `{shown}`: nobody answers it (503 no responders)",
                "is JetStream on, for this account, and is its API reached by a domain or another prefix?",
            ) from None
        except ClientTimeout:
            raise NoAnswer(
                f"{called} does not answer `{shown}` within {self._timeout:g} s", "`--timeout` waits longer"
            ) from None
        except ClientError as error:
            raise NatsError(f"the request `{shown}` to {called} failed: {printable(str(error))}") from error
        except ValueError:
            raise NatsError(f"the answer of {called} to `{shown}` is not JSON") from None
        finally:
            request.cancel()
            refusal.cancel()
        if "error" in answer:
            code, text = answer["error"].get("err_code", 0), printable(str(answer["error"].get("description")))
            hint = "does the system have a meta leader, and is it in reach?" if code == API_LEADERLESS else ""
            raise ApiError(f"{called} refuses `{shown}`: {text} ({code})", code, hint)
        return answer


@asynccontextmanager
async def connect(access: Access, timeout: float) -> AsyncIterator[Foreign]:
    """A connection to the first of the servers that lets one in. Raises `LabError`."""
    # Python 3.11 warns of how nats-py ends a connection with TLS.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    options, why = _options(access), list[str]()
    for url in access.urls:
        refusals: asyncio.Queue[str] = asyncio.Queue()
        try:
            client = await asyncio.wait_for(_client(url, access, options, refusals, timeout), timeout + 1)
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            why.append(f"{place(url)}: {_reason(error)}")
            continue
        try:
            yield Foreign(client, access, timeout, refusals)
        finally:
            await client.close()
        return
    hint = next((hint for word, hint in HINTS.items() if any(word in each for each in why)), OTHERWISE)
    raise NatsError(f"no server of {access.called} lets a client in:\n" + "\n".join(f"  {each}" for each in why), hint)


async def _client(
    url: str, access: Access, options: dict[str, Any], refusals: "asyncio.Queue[str]", timeout: float
) -> Client:
    connected = False

    async def hear(error: Exception) -> None:
        """While it connects, nats-py would try the same server for ever (2.16); later, servers say what they refuse."""
        if not connected:
            raise error
        refusals.put_nowait(str(error).removeprefix("nats: "))

    if access.wants_tls and not access.tls_first:
        said = await greeting(url, timeout)
        if said and not said.get("tls_required") and not said.get("tls_available"):
            raise ClientError("it has no TLS, so that nothing was sent to it")  # nats-py would send the password
    client = Client()
    try:
        await client.connect(
            [url],
            name="lab twin",
            error_cb=hear,
            allow_reconnect=False,
            connect_timeout=timeout,  # type: ignore[arg-type] # it waits for any number of seconds
            **options,
        )
    except BaseException:
        with suppress(Exception):  # nats-py leaves the connection open, and after a failed handshake waits for it
            await asyncio.wait_for(client.close(), CLOSING_S)
        raise
    connected = True
    return client


def _options(access: Access) -> dict[str, Any]:
    if access.creds or access.nkey:
        require_nkeys("credentials and nkeys need")
    for path in filter(None, (access.creds, access.nkey, access.cert, access.key, access.ca)):
        if not Path(path).is_file():
            raise UsageError(f"{access.called}: `{path}` is not there, or is not a file")
    options: dict[str, Any] = {
        "user": access.user,
        "password": access.password,
        "token": access.token,
        "user_credentials": access.creds,
        "nkeys_seed": access.nkey,
        "inbox_prefix": access.inbox_prefix,
        "tls_handshake_first": access.tls_first,
    }
    if access.wants_tls:
        try:
            options["tls"] = ssl.create_default_context(cafile=access.ca or None)
            if access.cert:
                options["tls"].load_cert_chain(access.cert, access.key or None)
        except OSError as error:
            raise UsageError(f"{access.called}: its certificates cannot be used: {error}") from error
    return {name: value for name, value in options.items() if value}


async def greeting(url: str, timeout: float) -> dict[str, Any] | None:
    """What a server says to whoever connects, before it is told who that is; None if there is none."""
    try:
        parts = urlsplit(url)
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or PORT, limit=LONGEST_GREETING)
            try:
                line = await reader.readline()
            finally:
                writer.close()
        said = json.loads(line.removeprefix(GREETING)) if line.startswith(GREETING) else None
    except (OSError, TimeoutError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def place(url: str) -> str:
    """Where a URL leads, without who goes there."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return printable(f"{host}:{parts.port or PORT}")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    if isinstance(error, TimeoutError):
        return SILENT
    return printable(str(error).removeprefix("nats: ").strip("'"))
