"""A link that is cut and joined again and again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.faults.arguments import Path, Seconds
from lab.faults.cut import draw_link, link_cuts
from lab.faults.fault import Fault
from lab.faults.path import OnPath
from lab.faults.verb import Draw
from lab.topology import Topology

PERIOD_S = Seconds(4.0)


@dataclass(frozen=True)
class Flap(OnPath):
    """Cut and join one link in turn; `period` is one cut and one join together."""

    link: Path
    period: Seconds = PERIOD_S
    name = "flap"
    by_hand = False

    @property
    def said(self) -> str:
        return f"flap {self.link}"

    def faults(self, topology: Topology) -> frozenset[Fault]:
        return frozenset(link_cuts(topology, topology.link(self.link)))

    def in_force_at(self, elapsed: float) -> bool:
        return round(elapsed * 2 / self.period, 6) % 2 < 1

    def turns(self, seconds: float) -> Sequence[float]:
        """The last turn is at least a quarter of a period before the end."""
        half = self.period / 2
        return [turn * half for turn in range(1, int(seconds / half) + 1) if turn * half < seconds - half / 2]

    def problems(self, topology: Topology, seconds: float) -> Iterator[str]:
        yield from super().problems(topology, seconds)
        if not 1 <= self.period <= seconds:
            yield f"its period of {self.period:g} s must be 1 s or more, and not above the {seconds:g} s"

    @classmethod
    def draws(cls) -> tuple[Draw, ...]:
        return (Draw(cls.name, True, lambda topology, random: cls(draw_link(topology, random))),)
