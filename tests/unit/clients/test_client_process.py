"""A client process: what it says is heard, and what it does wrong is told."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from lab.clients import process
from lab.clients.process import ClientProcess, started
from lab.clients.protocol import Breach, Disconnect, Message
from lab.errors import NoAnswer, UsageError

T = TypeVar("T")
HELLO = """
import json, sys
def write(**line): print(json.dumps(line), flush=True)
write(client="test 1", protocol=1, consumers=[])
"""


def client(folder: Path, program: str, then: Callable[[ClientProcess], Awaitable[T]]) -> T:
    path = folder / "client.py"
    path.write_text(program, encoding="utf-8")

    async def run() -> T:
        async with started(f"{sys.executable} {path}", folder / "log") as one:
            return await then(one)

    return asyncio.run(run())


async def ask(one: ClientProcess) -> str:
    await one.greeted()
    return (await one.ask(Disconnect(one.number()), 1)).outcome


def test_an_answer_comes_back_to_who_asked(tmp_path: Path) -> None:
    program = HELLO + "lines = [json.loads(next(sys.stdin)) for _ in range(2)]\n"
    program += "for line in reversed(lines): write(id=line['id'], outcome='ok', sequence=line['id'])\n"

    async def both(one: ClientProcess) -> list[int]:
        await one.greeted()
        found = await asyncio.gather(*(one.ask(Disconnect(one.number()), 5) for _ in range(2)))
        return [answer.sequence for answer in found]

    assert client(tmp_path, program, both) == [1, 2]


def test_messages_are_handed_over_in_their_order(tmp_path: Path) -> None:
    program = HELLO + "line = json.loads(next(sys.stdin))\n"
    program += "for n in (1, 2, 3): write(consumer=7, sequence=n, subject='a', body='b')\n"
    program += "write(id=line['id'], outcome='ok')\n"
    heard: list[Message] = []

    async def listen(one: ClientProcess) -> str:
        one.heard = heard.append
        return await ask(one)

    assert client(tmp_path, program, listen) == "ok"
    assert [message.sequence for message in heard] == [1, 2, 3]


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("print('connected')", "is not JSON"),
        ("import sys; sys.exit('no such module: nuts')", "ended with status 1:\n  no such module: nuts"),
        ('print(\'{"client":"x","protocol":2,"consumers":[]}\')', "speaks protocol 2"),
        ('print(\'{"id":1,"outcome":"ok"}\')', "first line does not say who it is"),
        (HELLO + HELLO, "said twice who it is"),
        (HELLO + "next(sys.stdin); print('x' * 2_000_000)", "a line of more than"),
        (HELLO + "next(sys.stdin); import os; os.kill(os.getpid(), 9)", "ended by SIGKILL"),
    ],
)
def test_a_client_that_breaks_the_protocol_is_told_how(program: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(Breach) as caught:
        client(tmp_path, program, ask)
    assert complaint in caught.value.message


def test_a_request_without_an_answer_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LATE_S", 0.1)
    with pytest.raises(NoAnswer, match="did not answer `disconnect`"):
        client(tmp_path, HELLO + "sys.stdin.read()", ask)


def test_a_client_that_does_not_end_is_killed_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "END_S", 0.2)
    program = HELLO + "import subprocess, time\nchild = subprocess.Popen(['sleep', '60'])\n"
    program += (
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\nwrite(id=1, outcome='ok')\ntime.sleep(60)"
    )

    async def end(one: ClientProcess) -> str:
        await one.greeted()
        await one.ask(Disconnect(one.number()), 5)
        return await one.end()

    assert "still ran" in client(tmp_path, program, end)
    child = Path("/proc") / (tmp_path / "child").read_text() / "stat"
    deadline = time.monotonic() + 5  # a signal takes effect when the process is next run
    while child.exists() and child.read_text().split()[2] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_program_that_is_not_there_is_an_error_of_usage(tmp_path: Path) -> None:
    async def start(command: str) -> None:
        async with started(command, tmp_path / "log"):
            pass

    for command, complaint in (("/nowhere/client", "cannot be started"), ("", "is empty"), ("'x", "cannot be read")):
        with pytest.raises(UsageError, match=complaint):
            asyncio.run(start(command))
