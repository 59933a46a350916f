"""The servers' own words: which of their log lines belong to a moment, and which they said most often."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lab.check.history import SECOND

# Docker's and the server's way of writing a time, the latter in UTC inside the lab's containers.
STAMP = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?")
BEFORE, AFTER, MOST, LONGEST = 2.0, 6.0, 6, 260


@dataclass(frozen=True)
class Line:
    """`time` is in seconds since the run began."""

    time: float
    node: str
    text: str


@dataclass(frozen=True)
class Complaint:
    """Lines that differ in numbers, names and addresses only."""

    text: str  # the first one
    count: int
    nodes: tuple[str, ...]
    first: float
    last: float


def lines(logs: Mapping[str, Sequence[str]], began: str) -> tuple[Line, ...]:
    """In order of time; a line without a time takes the one before it."""
    return tuple(sorted(_lines(logs, began), key=lambda line: line.time))


def _lines(logs: Mapping[str, Sequence[str]], began: str) -> Iterator[Line]:
    zero = datetime.fromisoformat(began)
    zero = zero if zero.tzinfo else zero.replace(tzinfo=UTC)
    for node, raw in logs.items():
        time = 0.0
        for line in raw:
            stamp = STAMP.search(line)
            if stamp:
                *parts, fraction = stamp.groups()
                try:
                    moment = datetime(*map(int, parts), tzinfo=UTC)  # type: ignore[arg-type,misc]
                except ValueError:
                    continue
                time = (moment - zero).total_seconds() + float(f"0.{fraction or 0}")
            last = list(STAMP.finditer(line))
            said = line[last[-1].end() :] if last else line
            said = said.lstrip("Z ")
            yield Line(time, node, said if len(said) <= LONGEST else said[:LONGEST] + " …")


def around(said: Sequence[Line], time: int | None) -> tuple[Line, ...]:
    """What the servers said about the moment of an example, the nearest lines if there are many."""
    if time is None:
        return ()
    at = time / SECOND
    near = [line for line in said if at - BEFORE <= line.time <= at + AFTER]
    nearest = sorted(near, key=lambda line: abs(line.time - at))[:MOST]
    return tuple(sorted(nearest, key=lambda line: line.time))


def complaints(said: Sequence[Line]) -> tuple[Complaint, ...]:
    grouped: dict[str, list[Line]] = {}
    for line in said:
        grouped.setdefault(_shape(line.text), []).append(line)
    found = [
        Complaint(
            group[0].text, len(group), tuple(sorted({line.node for line in group})), group[0].time, group[-1].time
        )
        for group in grouped.values()
    ]
    return tuple(sorted(found, key=lambda complaint: -complaint.count))


def _shape(text: str) -> str:
    return re.sub(r"\b[0-9a-fA-F]{6,}\b|\d+|'[^']*'|\"[^\"]*\"|\b(?=\w*[A-Z])(?=\w*\d)\w{6,}\b", "#", text)
