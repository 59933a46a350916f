"""What expectations are judged by: observations of the real servers, as values."""

from dataclasses import dataclass, field
from typing import Any, Literal

from lab.observe.comparison import Copy, Origin
from lab.observe.operations import Cell


@dataclass(frozen=True)
class Sent:
    """One publish and its outcome (see `lab.jetstream.attempts`). `ended` is monotonic, in seconds."""

    region: str
    body: str
    outcome: Literal["ok", "fail", "info"]
    stream: str
    sequence: int
    duplicate: bool
    error: str
    seconds: float
    ended: float

    @property
    def origin(self) -> Origin:
        return (self.stream, self.sequence)


@dataclass(frozen=True)
class Held:
    """What each region's read stream holds of this scenario, in its order; a text says why a region was not read."""

    regions: dict[str, tuple[Copy, ...] | str] = field(hash=False)
    written: tuple[Copy, ...] = ()


@dataclass(frozen=True)
class Cells:
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Publishes:
    """Of one or more named steps."""

    sent: tuple[Sent, ...]


@dataclass(frozen=True)
class HeldAndSent:
    held: Held
    sent: tuple[Sent, ...]


@dataclass(frozen=True)
class LeaderViews:
    """Node -> the leader that it names; "" for none, None when it did not answer. `regions`: node -> its region."""

    views: dict[str, str | None] = field(hash=False)
    avoided: tuple[str, ...] = ()  # nodes that an expectation rules out
    regions: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Figure:
    """A number, or why there is none."""

    value: int | None
    error: str = ""


@dataclass(frozen=True)
class Lacks:
    """What a healthy lab still lacks."""

    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The answer to a request: `code` 0 when it was no error, None when there was no answer."""

    code: int | None
    body: dict[str, Any] = field(hash=False)
    error: str


@dataclass(frozen=True)
class Times:
    """What -> the seconds that each took: answers in one entry, or for each region that is looked at how long messages
    were under way; a text says why there is nothing to tell."""

    took: dict[str, tuple[float, ...] | str] = field(hash=False)


@dataclass(frozen=True)
class Delivered:
    """What a consumer handed out, with how often each message had been delivered; `error` when the fetch failed."""

    deliveries: tuple[tuple[Origin, int], ...]
    sent: tuple[Sent, ...]
    error: str = ""


@dataclass(frozen=True)
class Versions:
    """Node -> the version that its server reports, None when it does not answer."""

    versions: dict[str, str | None] = field(hash=False)
