"""One client process: started, asked, heard, and ended. What it is asked for, and why, is its caller's business."""

import asyncio
import os
import shlex
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from lab.clients.protocol import LONGEST_LINE, VERSION, Answer, Breach, Connect, Hello, Message, Request, decode, encode
from lab.errors import NoAnswer, UsageError
from lab.layouts import Credentials, CredentialsFile
from lab.printable import printable

HELLO_S, LATE_S, END_S = 20.0, 10.0, 5.0
LOG_LINES = 5


def connecting(number: int, servers: list[str], name: str, timeout: float, login: Credentials | None) -> Connect:
    """The request to connect within `timeout` seconds, with what a client logs in with."""
    milliseconds = round(timeout * 1000)
    if isinstance(login, CredentialsFile):
        return Connect(number, servers, name, milliseconds, credentials=str(Path(login.path).resolve()))
    user, password = login or ("", "")
    return Connect(number, servers, name, milliseconds, user, password)


def words(command: str) -> list[str]:
    """A command line as a shell takes it apart; no shell is started. Raises `UsageError`."""
    try:
        found = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"the client's command `{command}` cannot be read: {error}") from None
    if not found:
        raise UsageError("the client's command is empty", "such as `--client 'node client.mjs'`")
    return found


class ClientProcess:
    """A running client; make it with `started`. `failure` says how it broke the protocol, or that it ended; "" until
    then. Each message that it passes on goes to `heard`."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.failure = ""
        self.heard: Callable[[Message], None] = lambda _: None
        self._process, self._log = process, log
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._hello: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()
        self._numbers, self._ending = count(1), False
        self._reading = asyncio.create_task(self._read())

    def number(self) -> int:
        """An id for the next request."""
        return next(self._numbers)

    async def greeted(self) -> Hello:
        """Its first line. Raises `Breach`."""
        try:
            hello = await asyncio.wait_for(asyncio.shield(self._hello), HELLO_S)
        except TimeoutError:
            raise Breach(f"the client wrote no line within {HELLO_S:g} s", "its first line says who it is") from None
        if hello.protocol != VERSION:
            raise Breach(f"the client speaks protocol {hello.protocol}, and the lab {VERSION}")
        return hello

    async def ask(self, request: Request, timeout: float) -> Answer:
        """Its answer. Raises `NoAnswer` when none comes within `timeout` seconds and some, `Breach` when it fails."""
        if self.failure:
            raise Breach(self.failure)
        answer = self._waiting[request.id] = asyncio.get_running_loop().create_future()
        try:
            assert self._process.stdin
            with suppress(ConnectionError):  # its end says more, and is noticed in `_read`
                self._process.stdin.write(encode(request))
                await self._process.stdin.drain()
            return await asyncio.wait_for(answer, timeout + LATE_S)
        except TimeoutError:
            raise NoAnswer(
                f"the client did not answer `{request.do}` within {timeout + LATE_S:g} s",
                "each request needs an answer; `unknown` when the client cannot tell",
            ) from None
        finally:
            self._waiting.pop(request.id, None)

    async def _read(self) -> None:
        assert self._process.stdout
        try:
            while line := await self._process.stdout.readline():
                self._take(line)
            await self._process.wait()
            if not self._ending:
                raise Breach(f"the client ended{_status(self._process.returncode)}{self._last_words()}")
        except Breach as breach:
            self._fail(breach.message)
        except ValueError:
            self._fail(f"the client wrote a line of more than {LONGEST_LINE:,} bytes")

    def _take(self, line: bytes) -> None:
        said = decode(line)
        if isinstance(said, Hello):
            if self._hello.done():
                raise Breach("the client said twice who it is")
            self._hello.set_result(said)
        elif not self._hello.done():
            raise Breach("the client's first line does not say who it is", "docs/client-protocol.md has each line")
        elif isinstance(said, Message):
            self.heard(said)
        elif (waiting := self._waiting.get(said.id)) and not waiting.done():
            waiting.set_result(said)
        # What comes later than the lab waits for was given up already.

    def _fail(self, message: str) -> None:
        self.failure = self.failure or message
        waiting: list[asyncio.Future[Any]] = [self._hello, *self._waiting.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(Breach(self.failure))
                future.exception()  # nobody may be waiting

    def _last_words(self) -> str:
        with suppress(OSError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            if lines:
                return ":\n  " + "\n  ".join(map(printable, lines[-LOG_LINES:]))
        return ""

    async def end(self) -> str:
        """Close its stdin, upon which it must end; what was wrong with that, or ""."""
        self._ending = True
        with suppress(ConnectionError):
            assert self._process.stdin
            self._process.stdin.close()
        try:
            code = await asyncio.wait_for(self._process.wait(), END_S)
        except TimeoutError:
            await self.kill()
            return f"it still ran {END_S:g} s after its stdin was closed"
        return f"it ended{_status(code)}{self._last_words()}" if code else ""

    async def kill(self) -> None:
        """End it and what it has started, whatever it is at."""
        self._ending = True
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


def _status(code: int | None) -> str:
    if code is not None and code < 0:
        return f" by {signal.Signals(-code).name}"
    return f" with status {code}"


@asynccontextmanager
async def started(command: str, log: Path) -> AsyncIterator[ClientProcess]:
    """A client with its stderr in a file. Raises `UsageError` when there is no such program."""
    program = words(command)
    with log.open("wb") as file:
        try:
            process = await asyncio.create_subprocess_exec(
                *program,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C is the lab's, which then ends it
            )
        except OSError as error:
            raise UsageError(f"the client `{program[0]}` cannot be started: {error.strerror}") from None
    client = ClientProcess(process, log)
    try:
        yield client
    finally:
        await client.kill()
