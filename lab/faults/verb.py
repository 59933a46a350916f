"""What a verb is: one definition of `partition`, `kill` …, used as a command, a method, a scenario's step, an entry of
a schedule and in random mixes alike.

A verb is a frozen dataclass. Its fields are its arguments, typed by `lab/faults/arguments.py`; its docstring is its
help.
"""

from abc import ABC
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any, ClassVar, Self, get_origin, get_type_hints

from lab.docker.observation import Observation
from lab.errors import UsageError
from lab.faults.arguments import is_role
from lab.faults.effects import Effects, joined
from lab.faults.fault import Fault
from lab.topology import Node, Topology
from lab.units import LONGEST_S

OFFERS = frozenset({"netem", "tbf", "blocks"})  # what a kernel may have, and some have not


@dataclass(frozen=True)
class Draw:
    """One way in which a random mix uses a verb. Heavy ones part regions or take a whole one away. `needs` is what the
    kernel must offer."""

    name: str
    heavy: bool
    make: "Callable[[Topology, Random], Verb]"
    needs: str = ""  # one of OFFERS


class Verb(ABC):
    """`SHORT` is the field that plain words fill: on the command line, in Python, and a plain text or list in a file.
    `undoes`: it only takes faults away. `lasting`: False for what is over at once. `turning`: its faults come and go
    while it lasts, so that somebody has to carry it on."""

    name: ClassVar[str]
    SHORT: ClassVar[str] = ""
    ALIASES: ClassVar[Mapping[str, str]] = {}  # other names that files may have for fields
    HELP: ClassVar[Mapping[str, str]] = {}  # field -> help, but for the one in `SHORT`
    undoes: ClassVar[bool] = False
    lasting: ClassVar[bool] = True
    turning: ClassVar[bool] = False
    usual_s: ClassVar[float] = LONGEST_S  # how long what is `turning` lasts unless it is said

    def __str__(self) -> str:
        """As it is typed."""
        return f"lab {' '.join([self.name, *self.words(), *self.options()])}"

    @property
    def said(self) -> str:
        """As a person would say it: `partition central`."""
        return str(self).removeprefix("lab ")

    def words(self) -> Sequence[str]:
        """The plain words."""
        value = getattr(self, self.SHORT) if self.SHORT else ()
        return (value,) if isinstance(value, str) else tuple(value)

    def options(self) -> list[str]:
        """The options that are not at their defaults."""
        values = {f.name: (getattr(self, f.name), f.default) for f in fields(self) if f.name != self.SHORT}  # type: ignore[arg-type]
        given = {name: value for name, (value, default) in values.items() if value != default}
        return [word for name, value in given.items() for word in _option(name, value)]

    def arguments(self) -> dict[str, Any]:
        """Field -> value, as a file has it; what is empty is left out."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in given.items() if value != ""
        }

    @classmethod
    def from_words(cls, *words: str, **options: Any) -> Self:
        """As on the command line. Raises `UsageError` when there are too many or too few words."""
        if not cls.SHORT:
            given: dict[str, Any] = {}
            fits = not words
        elif get_origin(get_type_hints(cls)[cls.SHORT]) is tuple:
            given, fits = {cls.SHORT: words}, bool(words)
        else:
            given, fits = dict.fromkeys([cls.SHORT], *words[:1]), len(words) == 1
        if not fits:
            wanted = f"`{cls.SHORT}`" if cls.SHORT else "no arguments"
            raise UsageError(f"`lab {cls.name}` takes {wanted}, and got `{' '.join(words)}`")
        return cls(**given, **options)

    # --- what it means ---

    def faults(self, topology: Topology) -> frozenset[Fault]:
        """The faults that it puts in force. Raises `UsageError` for names that the lab does not have."""
        return frozenset()

    def wanted(self, now: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
        """What is in force when it was done where `now` was in force before."""
        return joined_to(now, self.faults(topology))

    def affects(self, topology: Topology) -> Effects:
        """What it takes away while it is in force."""
        return joined(fault.affects(topology) for fault in self.faults(topology))

    async def strike(self, observation: Observation) -> str:
        """Do what is over at once; what was seen of it. Raises `FaultNotProven`. Only for what is not `lasting`."""
        raise NotImplementedError

    def faults_at(self, topology: Topology, elapsed: float, seconds: float) -> frozenset[Fault]:
        """Those in force so many seconds after its beginning, if it lasts for `seconds`: all of them, but for what
        comes and goes meanwhile."""
        return self.faults(topology)

    def turns(self, seconds: float) -> Sequence[float]:
        """When they change meanwhile."""
        return ()

    def problems(self, topology: Topology, seconds: float) -> Iterator[str]:
        """Why it cannot be done on this lab for so long; nothing when it can."""
        try:
            self.faults(topology)
        except UsageError as error:
            yield error.message + (f" ({error.hint})" if error.hint else "")

    # --- nodes ---

    def nodes(self, topology: Topology) -> tuple[Node, ...]:
        """The nodes that it names; roles that were not looked up yet stand for none. Raises `UsageError`."""
        roles = self.roles()
        return topology.select([target for target in getattr(self, "targets", ()) if target not in roles])

    def roles(self) -> tuple[str, ...]:
        """Targets that are to be found when it is done, such as `@meta`."""
        return tuple(target for target in getattr(self, "targets", ()) if is_role(target))

    def with_nodes(self, nodes: Mapping[str, Iterable[str]]) -> Self:
        """With nodes in place of the targets that `nodes` has."""
        if not nodes:
            return self
        targets = [name for target in getattr(self, "targets", ()) for name in nodes.get(target, (target,))]
        return replace(self, targets=tuple(dict.fromkeys(targets)))  # type: ignore[type-var]

    @classmethod
    def draws(cls) -> tuple[Draw, ...]:
        """How a random mix uses it; () for what only undoes."""
        return ()


def _option(name: str, value: Any) -> tuple[str, ...]:
    flag = f"--{name.replace('_', '-')}"
    return (flag,) if value is True else (flag, str(value))


def joined_to(now: frozenset[Fault], new: frozenset[Fault]) -> frozenset[Fault]:
    """`new` beside what is in force, in place of what has the same key; what is equal stays as it is."""
    keys = {fault.key for fault in new}
    return frozenset(fault for fault in now if fault.key not in keys or fault in new) | new
