"""A leader that resigns: over at once, and proven by another one that leads afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from lab.docker.observation import Observation
from lab.faults.arguments import Leader, Region
from lab.faults.effects import Effects
from lab.faults.verb import Draw, Verb
from lab.layouts import layout_of
from lab.topology import Topology

META = Leader("meta")
ANYWHERE = Region("")


@dataclass(frozen=True)
class StepDown(Verb):
    """Make the leader of a stream, or of `meta`, step down. With `to`, the next meta leader is in that region."""

    of: Leader
    to: Region = ANYWHERE
    name = "step-down"
    SHORT = "of"
    ALIASES = {"stream": "of"}  # noqa: RUF012
    HELP = {"to": "Region of the next meta leader; for `meta` only."}  # noqa: RUF012
    lasting = False

    @property
    def said(self) -> str:
        what = "the meta leader" if self.of == META else f"the leader of {self.of}"
        return f"step down {what}" + (f" in favour of {self.to}" if self.to else "")

    def affects(self, topology: Topology) -> Effects:
        return Effects(streams=frozenset() if self.of == META else frozenset({self.of}))

    async def strike(self, observation: Observation) -> str:
        from lab.jetstream.stepdown import depose

        return await depose(observation, self.of, self.to)

    def problems(self, topology: Topology, seconds: float) -> Iterator[str]:
        names = streams(topology)
        if self.of not in (META, *names):
            known = ", ".join(f"`{name}`" for name in names)
            yield f"unknown stream `{self.of}` (known streams: {known})"
        if self.to and self.to not in topology.regions:
            yield f"unknown region `{self.to}`"

    @classmethod
    def draws(cls) -> tuple[Draw, ...]:
        def stream(topology: Topology, random: Random) -> Verb:
            return cls(Leader(random.choice(streams(topology))))

        return Draw(cls.name, False, stream), Draw("meta-step-down", False, lambda *_: cls(META))


def streams(topology: Topology) -> tuple[str, ...]:
    """All that the layout has, the origins first."""
    return tuple(stream.key for stream in layout_of(topology).streams)
