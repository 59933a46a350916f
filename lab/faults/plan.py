"""From the faults in force to those wanted, and what was done; pure."""

from dataclasses import dataclass
from typing import Self

from lab.faults.fault import Fault
from lab.faults.proof import Evidence
from lab.faults.registry import ordered


@dataclass(frozen=True)
class Plan:
    """What has to be done, by key: a fault that is in force with another parameter is replaced, not healed."""

    add: tuple[Fault, ...]
    replace: tuple[tuple[Fault, Fault], ...]  # the one in force, and the one that is wanted instead
    remove: tuple[Fault, ...]

    @property
    def injections(self) -> tuple[Fault, ...]:
        return self.add + tuple(new for _, new in self.replace)

    @property
    def touched(self) -> tuple[Fault, ...]:
        return self.injections + self.remove

    def part(self, *, in_kernel: bool) -> "Plan":
        """What is to be done in the kernel, or what by Docker."""
        return Plan(
            tuple(fault for fault in self.add if fault.in_kernel is in_kernel),
            tuple(pair for pair in self.replace if pair[0].in_kernel is in_kernel),
            tuple(fault for fault in self.remove if fault.in_kernel is in_kernel),
        )


def plan(now: frozenset[Fault], wanted: frozenset[Fault]) -> Plan:
    """From the faults in force to those wanted. Pure."""
    present_by_key, wanted_keys = {fault.key: fault for fault in now}, {fault.key for fault in wanted}
    changed = ordered(fault for fault in wanted if fault not in now)
    return Plan(
        add=tuple(fault for fault in changed if fault.key not in present_by_key),
        replace=tuple((present_by_key[fault.key], fault) for fault in changed if fault.key in present_by_key),
        remove=ordered(fault for fault in now if fault.key not in wanted_keys),
    )


@dataclass(frozen=True)
class Change:
    """What was done, or would be: faults healed, injected and replaced; no evidence when nothing was done.

    `took_hold_s` is how long it took, from first to last, until all that takes hold at one instant was in effect.
    `ends_in_s` is after how long it is undone by itself, if it is.
    """

    healed: tuple[Fault, ...]
    injected: tuple[Fault, ...]
    in_force: tuple[Fault, ...]
    evidence: Evidence | None
    took_hold_s: float | None = None
    ends_in_s: float | None = None
    replaced: tuple[tuple[Fault, Fault], ...] = ()

    @classmethod
    def planned(cls, todo: Plan, wanted: frozenset[Fault]) -> Self:
        """What a plan comes to, when it is carried out."""
        return cls(todo.remove, todo.add, ordered(wanted), None, replaced=todo.replace)

    @property
    def keys(self) -> frozenset[tuple[str, ...]]:
        """Of all faults that it changes."""
        return frozenset(fault.key for fault in (*self.injected, *self.healed, *(new for _, new in self.replaced)))

    @property
    def nothing(self) -> bool:
        return not (self.healed or self.injected or self.replaced)

    def undone(self, now: frozenset[Fault]) -> frozenset[Fault]:
        """What is to be in force when this change is taken back where `now` is in force."""
        before = {*self.healed, *(old for old, _ in self.replaced)}
        return frozenset(fault for fault in now if fault.key not in self.keys) | before
