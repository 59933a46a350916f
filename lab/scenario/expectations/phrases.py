"""What all expectations share: time, quantities, and how names and examples are put into sentences; pure."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from lab.faults.arguments import Seconds
from lab.observe.comparison import Origin
from lab.scenario.actions import Count
from lab.verdict import Word

E = TypeVar("E")
Verdict = tuple[Word, str]
SHOWN = 3
AT_ONCE = Seconds(0)


@dataclass(frozen=True)
class Quantity:
    """A number: `40` is exactly that."""

    exactly: Count | None = None
    at_least: Count | None = None
    at_most: Count | None = None
    SHORT: ClassVar[str] = "exactly"

    def __str__(self) -> str:
        parts = [str(self.exactly)] if self.exactly is not None else []
        parts += [f"at least {self.at_least}"] if self.at_least is not None else []
        parts += [f"at most {self.at_most}"] if self.at_most is not None else []
        return " and ".join(parts) or "any number of"

    def holds(self, number: int) -> bool:
        return (
            (self.exactly is None or number == self.exactly)
            and (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
        )


NONE = Quantity(exactly=Count(0))
SOME = Quantity(at_least=Count(1))


@dataclass(frozen=True, kw_only=True)
class Timed(ABC, Generic[E]):
    """An expectation that is judged by evidence of one kind. `within`: looked at again until it holds or the time is
    over. `throughout`: must hold all that time. A file calls it by its `name`; the field `SHORT` may stand alone."""

    within: Seconds = AT_ONCE
    throughout: Seconds = AT_ONCE
    name: ClassVar[str]
    SHORT: ClassVar[str] = ""

    @abstractmethod
    def judge(self, evidence: E) -> Verdict:
        """Whether it holds, and what was seen."""

    @property
    def time(self) -> str:
        if self.throughout:
            return f" for {self.throughout:g} s"
        return f" within {self.within:g} s" if self.within else ""


def join(names: Iterable[str], otherwise: str = "all regions") -> str:
    *rest, last = [*names] or [otherwise]
    return f"{', '.join(rest)} and {last}" if rest else last


def by_number(names: tuple[str, ...], one: str, several: str) -> str:
    """The verb for so many."""
    return one if len(names) == 1 else several


def quoted(names: Iterable[str]) -> str:
    return join(f"`{name}`" for name in names)


def examples(items: Iterable[str], total: int) -> str:
    shown = [item for item, _ in zip(items, range(SHOWN), strict=False)]
    return ", ".join(shown) + (f" and {total - len(shown)} more" if total > len(shown) else "")


def origins(origins: Sequence[Origin]) -> str:
    return examples((f"{stream}:{sequence}" for stream, sequence in origins), len(origins))
