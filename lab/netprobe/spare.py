"""A network probe between two uses: Docker needs 0.2 s to start one, and a program that looks again soon needs none."""

import threading
from typing import Self

from lab.docker.engine import Engine
from lab.netprobe.session import Probe

KEPT_S = 5.0


class Spare:
    """The probe of one lab. Who takes it has it alone until it is given back, or closed; who asks meanwhile is given
    another one. It ends some seconds after it was given back, with this, or with the program.

    Only for looks: a change needs a probe that was started with the lab's lock (`Engine.holding`).
    """

    def __init__(self, engine: Engine, lab: str) -> None:
        self.engine, self.lab = engine, lab
        self._probe: Probe | None = None
        self._ending: threading.Timer | None = None
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self) -> Probe:
        """One that runs, or is being started."""
        probe = self._put(None)
        if probe and probe.running:
            return probe
        return Probe(self.engine, self.lab)

    def give(self, probe: Probe) -> None:
        """Keep it for the next use."""
        before = self._put(probe)
        if before:
            before.close(wait=False)

    def close(self) -> None:
        """End what is kept."""
        probe = self._put(None)
        if probe:
            probe.close(wait=False)

    def _put(self, probe: Probe | None) -> Probe | None:
        """Keep this one, until its time is over; returns what was kept before."""
        with self._one_at_a_time:
            before, self._probe = self._probe, probe
            if self._ending:
                self._ending.cancel()
            self._ending = threading.Timer(KEPT_S, self.close) if probe else None
            if self._ending:
                self._ending.daemon = True
                self._ending.start()
        return before
