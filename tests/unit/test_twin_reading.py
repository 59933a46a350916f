"""What is asked of a running system, and what its refusals become: against a server that speaks just enough."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError, UsageError
from lab.jetstream.foreign import ASKED, PING, Access
from lab.twin import making
from lab.twin.access import access
from lab.twin.found import Found
from lab.twin.reading import read

PASSWORD = "s3cr3t"
ACCOUNT = {"limits": {"max_streams": -1}, "domain": "hub"}


@dataclass
class System:
    """A server: what it answers by subject, with what it greets, and what it was asked."""

    answers: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    greets: dict[str, Any] = field(default_factory=dict)
    forbids: str = ""
    asked: list[str] = field(default_factory=list)
    connects: list[dict[str, Any]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        usual = {"server_id": "N1", "server_name": "n1", "version": "2.12.4", "cluster": "eu", "jetstream": True}
        said = usual | {"proto": 1, "headers": True, "max_payload": 2**20} | self.greets
        writer.write(f"INFO {json.dumps(said)}\r\n".encode())
        sid = ""
        with suppress(ConnectionError):
            while line := (await reader.readline()).decode().split():
                word = line[0].upper()
                if word == "CONNECT":
                    self.connects.append(json.loads(" ".join(line[1:])))
                    if self.greets.get("auth_required") and self.connects[-1].get("pass") != PASSWORD:
                        writer.write(b"-ERR 'Authorization Violation'\r\n")
                        break
                elif word == "PING":
                    writer.write(b"PONG\r\n")
                elif word == "SUB":
                    sid = line[-1]
                elif word == "PUB":
                    body = (await reader.readexactly(int(line[-1]) + 2)).strip()
                    self.answer(writer, line[1], line[2], sid, json.loads(body or b"{}"))
        writer.close()

    def answer(self, writer: asyncio.StreamWriter, subject: str, reply: str, sid: str, body: dict[str, Any]) -> None:
        self.asked.append(subject)
        if subject == self.forbids:
            writer.write(f"-ERR 'Permissions Violation for Publish to \"{subject}\"'\r\n".encode())
        elif subject in self.answers:
            data = json.dumps(self.answers[subject](body))
            writer.write(f"MSG {reply} {sid} {len(data)}\r\n{data}\r\n".encode())
        else:
            status = "NATS/1.0 503\r\n\r\n"
            writer.write(f"HMSG {reply} {sid} {len(status)} {len(status)}\r\n{status}\r\n".encode())


@asynccontextmanager
async def running(system: System) -> AsyncIterator[str]:
    server = await asyncio.start_server(system.serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def pages(what: str, entries: list[dict[str, Any]], limit: int) -> Callable[[dict[str, Any]], Any]:
    def page(body: dict[str, Any]) -> dict[str, Any]:
        start = body["offset"]
        return {"total": len(entries), "offset": start, "limit": limit, what: entries[start : start + limit]}

    return page


def stream(name: str, consumers: int = 0) -> dict[str, Any]:
    return {"config": {"name": name}, "state": {"consumer_count": consumers}, "cluster": {"name": "eu", "leader": "n1"}}


def jetstream(*streams: dict[str, Any], limit: int = 100) -> System:
    answers = {"$JS.API.INFO": lambda _: ACCOUNT, "$JS.API.STREAM.LIST": pages("streams", list(streams), limit)}
    consumers = pages("consumers", [{"config": {"durable_name": f"d{number}"}} for number in range(250)], limit)
    return System({**answers, "$JS.API.CONSUMER.LIST.s7": consumers})


def found(system: System, scheme: str = "nats", user: str = "", timeout: float = 2, ask_all: bool = False) -> Found:
    async def ask() -> Found:
        async with running(system) as place:
            into = Access(place, (f"{scheme}://{user}{place}",))
            return await read(into, into if ask_all else None, timeout, lambda _: None)

    return asyncio.run(ask())


def refused(system: System, **options: Any) -> LabError:
    with pytest.raises(LabError) as caught:
        found(system, **options)
    assert PASSWORD not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


def test_two_hundred_streams_and_their_consumers_are_read_page_by_page_and_nothing_else_is_asked() -> None:
    system = jetstream(*(stream(f"s{number}", consumers=250 * (number == 7)) for number in range(205)))
    told = found(system)
    assert len(told.streams) == len(told.names) == 205
    assert {name: len(each) for name, each in told.consumers.items()} == {"s7": 250}
    assert told.domain == "hub"
    assert [(server.name, server.cluster, server.version) for server in told.servers] == []  # they are of no domain
    assert sorted(set(system.asked)) == ["$JS.API.CONSUMER.LIST.s7", "$JS.API.INFO", "$JS.API.STREAM.LIST"]
    assert len(system.asked) == 1 + 3 + 3


def test_what_is_ever_asked_are_definitions() -> None:
    assert ASKED == ("INFO", "STREAM.LIST", "CONSUMER.LIST.*", PING)
    system = jetstream(stream("s7", 1))
    system.answers[PING] = lambda _: {
        "server": {"name": "n1", "cluster": "eu", "ver": "2.12.4", "jetstream": True, "domain": "hub"}
    }
    told = found(system, ask_all=True)
    assert told.all_servers
    assert [server.name for server in told.servers] == ["n1"]
    patterns = [PING, *(f"$JS.API.{each}" for each in ASKED[:-1])]
    assert all(any(fnmatch(subject, pattern) for pattern in patterns) for subject in system.asked)


def test_servers_without_jetstream_hold_no_streams() -> None:
    system = jetstream(stream("a"))
    system.answers["$JS.API.INFO"] = lambda _: {}
    assert [server.name for server in found(system).servers] == ["n1"]
    system.greets = {"jetstream": False}
    told = found(system)
    assert (told.servers, told.apart) == ((), ("n1",))


def test_refusals_have_the_servers_own_words_and_code() -> None:
    system = jetstream()
    error = {"error": {"code": 503, "err_code": 10039, "description": "JetStream not enabled for account"}}
    system.answers["$JS.API.INFO"] = lambda _: error
    assert "JetStream not enabled for account (10039)" in refused(system).message
    assert "`$JS.API.INFO`: nobody answers it (503" in refused(System()).message
    system = jetstream(stream("a"))
    system.forbids = "$JS.API.STREAM.LIST"
    assert "permissions violation" in refused(system).message
    login = System(greets={"auth_required": True})
    assert "Authorization Violation" in refused(login, user=f"me:{PASSWORD}x@").message
    assert "system account" in refused(jetstream(stream("a")), ask_all=True).hint


def test_what_is_no_definition_is_refused() -> None:
    for nonsense in ({"config": 7}, 7, {"config": {"name": 3}}):
        assert "is no definition" in refused(jetstream(nonsense)).message  # type: ignore[arg-type]


def test_answers_of_another_shape_are_a_sentence() -> None:
    async def ask(nonsense: dict[str, Any]) -> None:
        async with running(jetstream(nonsense)) as url:
            await asyncio.to_thread(making.read, url)

    for nonsense in ({"cluster": 7}, {"state": 7}, {"cluster": {"name": "eu", "replicas": 7}}):
        with pytest.raises(LabError, match="cannot read"):
            asyncio.run(ask(stream("a") | nonsense))


def test_nothing_is_sent_to_a_server_without_tls_where_tls_was_asked_for() -> None:
    system = jetstream(stream("a"))
    assert "has no TLS" in refused(system, scheme="tls", user=f"me:{PASSWORD}@").message
    assert system.connects == []


def test_a_url_of_nothing_is_a_sentence() -> None:
    with pytest.raises(LabError, match="Connection refused"):
        asyncio.run(read(access("127.0.0.1:1", Path()), None, 1, lambda _: None))


def test_a_context_is_read_as_the_cli_has_it(tmp_path: Path) -> None:
    context = {"url": "nats://a:4222, tls://b", "user": "u", "password": PASSWORD, "creds": "", "cert": "~/c.pem"}
    (tmp_path / "prod.json").write_text(json.dumps(context | {"jetstream_domain": "hub", "color_scheme": "red"}))
    made = access("prod", tmp_path)
    assert (made.urls, made.user, made.password) == (("nats://a:4222", "tls://b"), "u", PASSWORD)
    assert (made.api, made.cert, made.wants_tls) == ("$JS.hub.API", str(Path.home() / "c.pem"), True)
    assert PASSWORD not in repr(made)
    given = access("prod", tmp_path, creds="/other.creds")
    assert (given.creds, given.user, given.password) == ("/other.creds", "", "")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"url":', "is not JSON: line 1"),
        ("[1]", "is JSON, but no context"),
        ('{"url": 7}', "is JSON, but no context"),
        ("[" * 100_000, "is not JSON"),
        ('{"nsc": "nsc://a/b/c"}', "uses `nsc`"),
        ('{"url": "ws://host"}', "not with `ws://`"),
        (f'{{"url": "nats://u:{PASSWORD}@h:1:2"}}', "its host or its port makes no sense"),
    ],
)
def test_a_context_that_cannot_be_used_says_why(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "prod.json").write_text(content)
    with pytest.raises(UsageError) as caught:
        access("prod", tmp_path)
    assert sentence in caught.value.message
    assert PASSWORD not in caught.value.message


def test_an_unknown_context_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "prod.json").write_text("{}")
    with pytest.raises(UsageError) as caught:
        access("../prod", tmp_path)
    assert "`prod`" in caught.value.hint
