"""What is tried and what came of it, as values; pure. `run.py` tries, `pages.py` words the outcome."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self

from lab.layouts import Layout

NATS_PY, NATS_JS = "nats-py", "nats.js"
CLIENTS = (NATS_PY, NATS_JS)
# Of calls, in the order in which they are shown.
STREAM, MESSAGES, PUBLISH = "Stream", "Single messages", "Publish"
PULL, PUSH, MANAGE, ACK = "Pull consumers", "Push consumers", "Managing consumers", "Acknowledging"
BUCKET, OBJECTS = "Key-value bucket of its own", "Object store of its own"
GROUPS = (STREAM, MESSAGES, PUBLISH, PULL, PUSH, MANAGE, ACK, BUCKET, OBJECTS)
State = Literal["works", "fails", "wrong stream", "not tried"]


@dataclass(frozen=True)
class Bench:
    """What a client needs to know to try its calls in one region. The stream that it calls `virtual` is `stream` to
    the server, and what it publishes is stored in `origin`. `seeds` are subjects of one message each, one published in
    every region. What is made begins with `mark` or has it as its description; what is published is below `prefix`."""

    region: str
    virtual: str
    stream: str
    origin: str
    mark: str
    prefix: str
    seeds: tuple[str, ...]

    @property
    def every_seed(self) -> str:
        """A filter for them."""
        return f"{self.prefix}.seed.>"


@dataclass(frozen=True)
class Answer:
    """What a client says of a call: which `stream` it worked on, as the server calls it, "" where that is no question;
    the `error` with the server's `code` if it sent one; or why it was `skipped`. One that `writes` should reach the
    origin, others what the region reads."""

    group: str
    call: str
    writes: bool = False
    stream: str = ""
    error: str = ""
    code: int | None = None
    skipped: str = ""


@dataclass(frozen=True)
class Outcome:
    """`detail`: the error's own words, which stream it was, or why it was not tried. `code` is the server's
    `err_code`."""

    group: str
    call: str
    state: State
    detail: str = ""
    code: int | None = None


@dataclass(frozen=True)
class Tried:
    """All calls of one client."""

    client: str
    version: str
    outcomes: tuple[Outcome, ...]

    def count(self, state: State) -> int:
        return sum(outcome.state == state for outcome in self.outcomes)


@dataclass(frozen=True)
class Compatibility:
    """On one layout, from one region. `missing` says why a client was not tried, "" when all were."""

    layout: str
    region: str
    virtual: str
    server: str
    nodes: int
    clients: tuple[Tried, ...]
    missing: str = ""

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """What `lab compat --json` printed."""
        clients = (
            Tried(**{**tried, "outcomes": tuple(Outcome(**outcome) for outcome in tried["outcomes"])})
            for tried in raw["clients"]
        )
        return cls(**{**raw, "clients": tuple(clients)})


def judged(answer: Answer, bench: Bench, layout: Layout) -> Outcome:
    """What its answer means in a layout."""
    expected = bench.origin if answer.writes else bench.stream
    if answer.skipped:
        state, detail = "not tried", answer.skipped
    elif answer.error:
        state, detail = "fails", answer.error
    elif answer.stream and answer.stream != expected:
        state, detail = "wrong stream", _whose(layout, layout.account(bench.region).name, answer.stream)
    else:
        state, detail = "works", ""
    return Outcome(answer.group, answer.call, state, detail, answer.code)  # type: ignore[arg-type]


def _whose(layout: Layout, account: str, name: str) -> str:
    """A stream, and what it is for."""
    stream = layout.find(account, name)
    if stream is None:
        return f"`{name}`, which is none of the layout's"
    if stream.is_origin and not stream.is_copy:
        writing = [region for region in layout.regions if layout.origin(region) is stream]
        whose = "all regions publish" if writing == [*layout.regions] else f"only {_joined(writing)} publishes"
        return f"`{name}`, which stores what {whose}"
    return f"`{name}`, which {_joined(r for r in layout.regions if layout.copy(r) is stream)} reads"


def _joined(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
