"""What is a line of the client protocol, and what is said of one that is not."""

import json
import re
from typing import Any

import pytest
from generated_docs import DOCS

from lab.clients.protocol import (
    Ack,
    Answer,
    Breach,
    Connect,
    Consume,
    Disconnect,
    Hello,
    Message,
    Publish,
    decode,
    encode,
)

REQUESTS: tuple[Any, ...] = (Connect, Publish, Consume, Ack, Disconnect)
PAGE = (DOCS / "client-protocol.md").read_text(encoding="utf-8")


def test_a_request_is_one_line_that_a_regular_expression_can_take_apart() -> None:
    line = encode(Consume(3, "pull", "foo-read-west", "foo.>", "c", 10_000))
    assert line == (
        b'{"id":3,"do":"consume","kind":"pull","stream":"foo-read-west","subject":"foo.>","consumer":"c",'
        b'"ack_wait":10000}\n'
    )


def test_what_is_empty_is_left_out() -> None:
    assert encode(Disconnect(9)) == b'{"id":9,"do":"disconnect"}\n'
    assert b"user" not in encode(Connect(1, ["nats://127.0.0.1:1"], "x", 5))
    assert encode(Ack(1, 2, 3, 1, 5)) == b'{"id":1,"do":"ack","consumer":2,"sequence":3,"delivery":1,"timeout":5}\n'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"client":"x","protocol":1,"consumers":[]}', Hello("x", 1, [])),
        ('{"id":1,"outcome":"unknown","error":"timeout"}', Answer(1, "unknown", "timeout")),
        ('{"id":2,"outcome":"ok","stream":"s","sequence":4,"duplicate":true}', Answer(2, "ok", "", "s", 4, True)),
        ('{"consumer":3,"sequence":4,"subject":"a","body":"b"}', Message(3, 4, "a", "b", 1)),
    ],
)
def test_a_line_of_a_client_is_understood(line: str, said: object) -> None:
    assert decode(line.encode()) == said


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("connected!", "is not JSON"),
        ("[1]", "has none of the keys"),
        ('{"id":1}', "`outcome` is missing"),
        ('{"id":1,"outcome":"okay"}', "`outcome` should be one of `ok`, `fail`, `unknown`"),
        ('{"id":"1","outcome":"ok"}', "`id` should be a whole number"),
        ('{"id":1,"outcome":"ok","strem":"s"}', "did you mean `stream`?"),
        ('{"client":"x","protocol":1,"consumers":["stream"]}', "should be one of `pull`"),
    ],
)
def test_a_wrong_line_is_shown_with_what_is_wrong(line: str, complaint: str) -> None:
    with pytest.raises(Breach) as caught:
        decode(line.encode())
    assert complaint in caught.value.message
    assert line in caught.value.message


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"[" * 200_000, "is not JSON"),
        (b'{"id":1,"outcome":"fail","error":"\\ud800"}', "is not JSON"),
        (b'{"\\ud800":1,"id":1,"outcome":"ok"}', "is not JSON"),
        (b'{"id":1,"outcome":"ok","sequence":-1}', "`sequence` is none of a stream"),
        (b'{"consumer":1,"sequence":%d,"subject":"a","body":"b"}' % 2**64, "`sequence` is none of a stream"),
        (b'{"consumer":1,"sequence":1,"subject":"a","body":"b","delivery":0}', "`delivery` counts from 1"),
        (b"\x1b[2J", "`\\x1b[2J` is not JSON"),
    ],
)
def test_a_hostile_line_is_a_breach_and_nothing_else(line: bytes, complaint: str) -> None:
    with pytest.raises(Breach) as caught:
        decode(line)
    assert complaint in caught.value.message
    assert caught.value.message.isprintable()


def test_what_a_client_says_does_not_drive_the_terminal() -> None:
    assert decode(b'{"client":"\\u001b[2J","protocol":1,"consumers":[]}') == Hello("\\x1b[2J", 1, [])
    assert decode(b'{"id":1,"outcome":"fail","error":"a\\nb"}') == Answer(1, "fail", "a\\nb")


def test_the_lines_on_the_page_are_those_of_the_protocol() -> None:
    lines = [line for block in re.findall(r"```json\n(.*?)```", PAGE, re.S) for line in block.splitlines()]
    for line in lines:
        value = json.loads(line)
        if "do" not in value:
            decode(line.encode())
            continue
        kind = next(kind for kind in REQUESTS if kind.__dataclass_fields__["do"].default == value["do"])
        assert encode(kind(**value)).decode().rstrip() == line
    assert len(lines) > 10
