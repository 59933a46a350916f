"""What a fault is: a frozen value, the smallest thing that can change, read from Docker and never remembered."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Protocol, Self

from lab.docker.observation import Observation
from lab.faults.effects import Effects
from lab.topology import Topology


class Runtime(Protocol):
    """What faults need of an engine. Each call may be repeated without harm, unless it says otherwise."""

    def stop(self, container: str) -> None: ...
    def kill(self, container: str) -> None: ...
    def start(self, container: str) -> None: ...
    def pause(self, container: str) -> None:
        """An error for one that is paused already."""

    def unpause(self, container: str) -> None:
        """An error for one that is not paused."""

    def attach(self, container: str, network: str, address: str) -> None: ...
    def detach(self, container: str, network: str) -> None: ...

    def tell(self, node: str, line: str) -> None:
        """A line for the network probe in the node's namespace; all of a change take hold at one instant."""


class Fault(ABC):
    """One fault at one node.

    `key` says what it acts on. Two faults with one key are never in force together: injecting one replaces the other,
    which is how a parameter changes. A kind that
    `heals_first` is healed before anything is injected, the others afterwards. One that is `in_kernel` is made in the
    node's network namespace, and vanishes with the interface or the process, so that it can be no part of a condition
    together with `ends_with`.
    """

    node: str
    kind: ClassVar[str]
    heals_first: ClassVar[bool] = False
    in_kernel: ClassVar[bool] = False

    @property
    @abstractmethod
    def key(self) -> tuple[str, ...]:
        """Its kind and what it acts on, without its parameters."""

    @classmethod
    @abstractmethod
    def observe(cls, observation: Observation) -> Iterator[Self]:
        """Those in force."""

    @abstractmethod
    def inject(self, runtime: Runtime, topology: Topology) -> None:
        """Bring it into force, also in place of another one with the same key."""

    @abstractmethod
    def heal(self, runtime: Runtime, topology: Topology) -> None: ...

    @abstractmethod
    def affects(self, topology: Topology) -> Effects:
        """What it takes away while it is in force."""

    @property
    def ends_with(self) -> frozenset[tuple[str, ...]]:
        """The keys of faults with which it vanishes."""
        return frozenset()

    def interface(self, topology: Topology) -> str | None:
        """The address of the interface that goes down with it: all of a change go down at one instant."""
        return None
