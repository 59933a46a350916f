"""The client protocol: what the lab asks a program to do, and what the program answers, one JSON object a line.

docs/client-protocol.md says what each line means. Requests have ids; an answer names the request's, so a client may
take several at once or one after the other. Every optional field that is empty is left out of a line.
"""

import json
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Literal

from lab.errors import LabError
from lab.printable import printable

VERSION = 1
Kind = Literal["pull", "push", "ordered", "watch"]
KINDS: tuple[Kind, ...] = ("pull", "push", "ordered", "watch")
ACKNOWLEDGING: tuple[Kind, ...] = ("pull", "push")
LONGEST_LINE = 1 << 20
SHOWN = 200
LAST_SEQUENCE, LAST_DELIVERY = 1 << 64, 1 << 32


class Breach(LabError):  # noqa: N818
    """A client that does not keep to the protocol, or has ended."""


# --- what the lab asks for ---


@dataclass(frozen=True)
class Connect:
    """Connect to the first of the servers that answers, within `timeout` milliseconds. When the connection is lost
    later, connect to any of them again, and go on trying."""

    id: int
    servers: list[str]
    name: str
    timeout: int
    user: str = ""
    password: str = ""
    credentials: str = ""  # a file
    do: Literal["connect"] = "connect"


@dataclass(frozen=True)
class Publish:
    """Publish and wait for the acknowledgement, `timeout` milliseconds at most. `message_id` is for `Nats-Msg-Id`."""

    id: int
    subject: str
    body: str
    message_id: str
    timeout: int
    do: Literal["publish"] = "publish"


@dataclass(frozen=True)
class Consume:
    """Make a consumer of a kind for what is stored from now on, and pass on each message. `consumer` is the name for a
    durable one (`pull`, `push`), `ack_wait` its time in milliseconds; `watch` has a `bucket` instead of a stream."""

    id: int
    kind: Kind
    stream: str = ""
    subject: str = ""
    consumer: str = ""
    ack_wait: int = 0
    bucket: str = ""
    do: Literal["consume"] = "consume"


@dataclass(frozen=True)
class Ack:
    """Acknowledge a delivery, and wait until the server has confirmed that, `timeout` milliseconds at most. `consumer`
    is the id of the request that began it."""

    id: int
    consumer: int
    sequence: int
    delivery: int
    timeout: int
    do: Literal["ack"] = "ack"


@dataclass(frozen=True)
class Disconnect:
    """Stop consuming, and close the connection."""

    id: int
    do: Literal["disconnect"] = "disconnect"


Request = Connect | Publish | Consume | Ack | Disconnect


# --- what the client writes ---


@dataclass(frozen=True)
class Hello:
    """The first line: a name and version to be shown, and the kinds of consumers it can make."""

    client: str
    protocol: int
    consumers: list[Kind]


@dataclass(frozen=True)
class Answer:
    """What became of a request. `stream`, `sequence` and `duplicate` are the server's acknowledgement of a publish."""

    id: int
    outcome: Literal["ok", "fail", "unknown"]
    error: str = ""
    stream: str = ""
    sequence: int = 0
    duplicate: bool = False


@dataclass(frozen=True)
class Message:
    """A message that was delivered: its sequence in the stream, and which delivery of it this is, from 1."""

    consumer: int
    sequence: int
    subject: str
    body: str
    delivery: int = 1


Line = Hello | Answer | Message


def encode(request: Request) -> bytes:
    """One line, without spaces."""
    values = {"id": request.id, "do": request.do}
    values |= {field.name: value for field in fields(request) if (value := getattr(request, field.name))}
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Line:
    """What a client wrote. Raises `Breach`."""
    try:
        value = json.loads(line)
        if b"\\u" in line:
            json.dumps(value, ensure_ascii=False).encode()  # half a character is no text
    except (ValueError, RecursionError):
        raise _breach(line, "is not JSON", "write what is for people to stderr") from None
    kind = next((kind for key, kind in BY_KEY.items() if isinstance(value, dict) and key in value), None)
    if kind is None:
        raise _breach(line, "has none of the keys `client`, `id` and `consumer`")
    found, wrong = _types().validate(kind, value, _reading())
    if wrong:
        first = wrong[0]
        raise _breach(line, f"is wrong: {first.sentence or f'`{first.loc[0]}` should be {first.expected}'}")
    line_: Line = found
    return _within_limits(line, line_)


def _within_limits(line: bytes, said: Line) -> Line:
    """With what is shown in a terminal made fit for one. Raises `Breach` for numbers that no server counts."""
    if isinstance(said, Hello):
        return replace(said, client=printable(said.client))
    if not 0 <= said.sequence < LAST_SEQUENCE:
        raise _breach(line, "is wrong: `sequence` is none of a stream")
    if isinstance(said, Answer):
        return replace(said, error=printable(said.error)) if said.error else said
    if not 1 <= said.delivery < LAST_DELIVERY:
        raise _breach(line, "is wrong: `delivery` counts from 1")
    return said


BY_KEY: dict[str, type[Line]] = {"client": Hello, "id": Answer, "consumer": Message}


def _breach(line: bytes, what: str, hint: str = "") -> Breach:
    shown = printable(line[:SHOWN].decode(errors="backslashreplace").strip()) + ("…" if len(line) > SHOWN else "")
    return Breach(f"the client's line `{shown}` {what}", hint or "docs/client-protocol.md has each line")


@cache
def _types() -> Any:
    from lab.yamltypes import Types

    return Types({})


@cache
def _reading() -> Any:
    from lab.yamltypes import Reading

    return Reading()


def schema() -> dict[str, Any]:
    """The JSON Schema of a line, in either direction."""
    schema: dict[str, Any] = _types().schema("A line of the client protocol", Request | Line)
    for each in schema["$defs"].values():
        each["required"] += ["do"] if "do" in each["properties"] else []
    return schema
