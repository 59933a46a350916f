"""Subjects and patterns as servers read them: what matches, what two share, what a transform makes of a subject.

Pure. Functions of transforms that depend on nothing but the subject are known; of others nothing can be foretold.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

ALL, ANY = ">", "*"
FUNCTION = re.compile(r"\{\{\s*([A-Za-z]+)\s*\(([^)]*)\)\s*\}\}")
POSITION = re.compile(r"\$(\d+)")
FNV_BASIS, FNV_PRIME = 0x811C9DC5, 0x01000193


def matches(pattern: str, subject: str) -> bool:
    """Whether a pattern takes a subject, or all that another pattern takes."""
    wanted, given = pattern.split("."), subject.split(".")
    for place, token in enumerate(wanted):
        if token == ALL:
            return len(given) > place
        if place >= len(given) or given[place] == ALL:
            return False
        if token not in (ANY, given[place]):
            return False
    return len(wanted) == len(given)


def shared(one: str, other: str) -> str | None:
    """The pattern of what both take; None when they have nothing in common."""
    left, right = one.split("."), other.split(".")
    found: list[str] = []
    for place in range(max(len(left), len(right))):
        if place < len(left) and left[place] == ALL:
            return ".".join(found + right[place:]) if len(right) > place else None
        if place < len(right) and right[place] == ALL:
            return ".".join(found + left[place:]) if len(left) > place else None
        if place >= len(left) or place >= len(right):
            return None
        mine, theirs = left[place], right[place]
        if mine != theirs and ANY not in (mine, theirs):
            return None
        found.append(theirs if mine == ANY else mine)
    return ".".join(found)


@dataclass(frozen=True)
class Transform:
    """What takes `source` and makes `destination` of it; "" leaves the subject as it is."""

    source: str
    destination: str = ""

    @property
    def foreseeable(self) -> bool:
        """Whether all that it does can be foretold."""
        return all(name.lower() in FUNCTIONS or name.lower() == "wildcard" for name, _ in self._functions)

    @property
    def _functions(self) -> list[tuple[str, str]]:
        return FUNCTION.findall(self.destination)

    def __str__(self) -> str:
        return f"{self.source} → {self.destination}" if self.destination else self.source

    def apply(self, subject: str) -> str | None:
        """What becomes of a subject; None for one that it does not take, or whose fate cannot be foretold."""
        if not matches(self.source, subject):
            return None
        if not self.destination or self.destination == self.source:
            return subject
        given, source = subject.split("."), self.source.split(".")
        wild = [given[place] for place, token in enumerate(source) if token == ANY]
        rest = given[source.index(ALL) :] if ALL in source else []
        try:
            tokens = [self._token(token, wild, rest) for token in self.destination.split(".")]
        except (LookupError, ValueError):
            return None
        return ".".join(token for token in tokens if token)

    @staticmethod
    def _token(token: str, wild: list[str], rest: list[str]) -> str:
        if token == ALL:
            return ".".join(rest)
        if at := POSITION.fullmatch(token):
            return _at(wild, at[1])
        call = FUNCTION.fullmatch(token)
        if not call:
            return token
        name, arguments = call[1].lower(), [part.strip() for part in call[2].split(",")]
        if name == "wildcard":
            return _at(wild, arguments[0])
        return FUNCTIONS[name](wild, arguments)

    def back(self, pattern: str) -> str | None:
        """The pattern of subjects that become some that a pattern takes; None when there are none, or none known."""
        if not self.destination:
            return shared(self.source, pattern)
        source, made = self.source.split("."), self.destination.split(".")
        common = shared(made_by(self.destination), pattern)
        if common is None:
            return None
        places = [place for place, token in enumerate(source) if token == ANY]
        got = common.split(".")
        for place, token in enumerate(made):
            if token == ALL:
                source[-1:] = got[place:]
            elif (number := _wildcard(token)) and number <= len(places) and got[place] != ANY:
                source[places[number - 1]] = got[place]
        return ".".join(source)


def made_by(destination: str) -> str:
    """The pattern of all that a transform can make."""
    return ".".join(ANY if _computed(token) else token for token in destination.split("."))


def _computed(token: str) -> bool:
    return bool(POSITION.fullmatch(token) or FUNCTION.fullmatch(token))


def _wildcard(token: str) -> int:
    """The number of the wildcard that a token stands for; 0 for another token."""
    found = POSITION.fullmatch(token)
    call = FUNCTION.fullmatch(token)
    text = found[1] if found else call[2].strip() if call and call[1].lower() == "wildcard" else ""
    return int(text) if text.isdigit() else 0


def _at(wild: list[str], number: str) -> str:
    if int(number) < 1:
        raise ValueError(number)
    return wild[int(number) - 1]


def _partition(wild: list[str], arguments: list[str]) -> str:
    """The 32-bit FNV-1a hash of the tokens, as servers take it."""
    count, *places = arguments
    value = FNV_BASIS
    for byte in "".join(_at(wild, place) for place in places).encode():
        value = (value ^ byte) * FNV_PRIME & 0xFFFFFFFF
    return str(value % int(count))


def _cut(left: bool) -> Callable[[list[str], list[str]], str]:
    def cut(wild: list[str], arguments: list[str]) -> str:
        token, size = _at(wild, arguments[0]), int(arguments[1])
        place = size if left else len(token) - size
        return f"{token[:place]}.{token[place:]}" if 0 < place < len(token) else token

    return cut


def _slice(left: bool) -> Callable[[list[str], list[str]], str]:
    def slices(wild: list[str], arguments: list[str]) -> str:
        token, size = _at(wild, arguments[0]), int(arguments[1])
        if not 0 < size < len(token):
            return token
        first = 0 if left else len(token) % size
        parts = [token[:first], *(token[at : at + size] for at in range(first, len(token), size))]
        return ".".join(part for part in parts if part)

    return slices


def _split(wild: list[str], arguments: list[str]) -> str:
    return ".".join(part for part in _at(wild, arguments[0]).split(arguments[1]) if part)


FUNCTIONS: dict[str, Callable[[list[str], list[str]], str]] = {
    "partition": _partition,
    "split": _split,
    "splitfromleft": _cut(True),
    "splitfromright": _cut(False),
    "slicefromleft": _slice(True),
    "slicefromright": _slice(False),
    "left": lambda wild, arguments: _at(wild, arguments[0])[: int(arguments[1])],
    "right": lambda wild, arguments: _at(wild, arguments[0])[-int(arguments[1]) :],
}
