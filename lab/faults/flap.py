"""A link that is cut and joined again and again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from lab.faults.arguments import Path, Seconds
from lab.faults.cut import draw_link, link_cuts
from lab.faults.fault import Fault
from lab.faults.path import ARROW, OnPath
from lab.faults.verb import Draw
from lab.topology import Topology

PERIOD_S = Seconds(4.0)
SHORTEST_S = 1.0  # Docker needs about that long to cut and join


@dataclass(frozen=True)
class Flap(OnPath):
    """Cut and join a link in turn, until Ctrl-C or for the time of `--for`; then the link is joined."""

    link: Path
    period: Seconds = PERIOD_S
    duty: float = 0.5
    name = "flap"
    turning = True
    HELP: ClassVar[Mapping[str, str]] = {
        "period": "Seconds of one cut and one join together.",
        "duty": "The part of the period in which the link is cut: 0 to 1.",
    }

    @property
    def said(self) -> str:
        return f"flap {self.link}"

    def faults(self, topology: Topology) -> frozenset[Fault]:
        return frozenset(link_cuts(topology, topology.link(self.link)))

    def faults_at(self, topology: Topology, elapsed: float, seconds: float) -> frozenset[Fault]:
        cut = round(elapsed / self.period % 1, 6) % 1 < self.duty
        return self.faults(topology) if cut else frozenset()

    def turns(self, seconds: float) -> Sequence[float]:
        """The last turn is a moment before the end."""
        cut, whole = self.period * self.duty, round(seconds / self.period) + 1
        every = [at for turn in range(whole) for at in (turn * self.period, turn * self.period + cut)]
        return [at for at in every if 0 < at < seconds - min(cut, self.period - cut) / 2]

    def problems(self, topology: Topology, seconds: float) -> Iterator[str]:
        if ARROW in self.link:
            yield "a link flaps in both directions: give its regions, such as `west east`"
            return
        yield from super().problems(topology, seconds)
        if not SHORTEST_S <= self.period <= seconds:
            limits = f"{SHORTEST_S:g} s or more, and at most the {seconds:g} s for which it lasts"
            yield f"its period of {self.period:g} s (`--period`) must be {limits}"
        if not 0 < self.duty < 1:
            yield f"its duty of {self.duty:g} must be between 0 and 1"

    @classmethod
    def draws(cls) -> tuple[Draw, ...]:
        return (Draw(cls.name, True, lambda topology, random: cls(draw_link(topology, random))),)
