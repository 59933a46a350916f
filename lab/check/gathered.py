"""What a run is asked for, and what it has gathered so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.check.clientload import ClientLoad
from lab.check.clock import Clock
from lab.check.history import FaultRecord, Phase, Replica
from lab.check.load import Wish
from lab.check.nemesis import Nemesis
from lab.check.observers import Observed
from lab.check.outside import Watch, with_outside
from lab.check.reads import Bounds, Done
from lab.check.schedule import Schedule
from lab.check.workload import Ledger
from lab.docker.observation import Observation


@dataclass(frozen=True)
class Options:
    """`deep`: read each replica too. `clean`: delete the streams and define them anew first. `folder`: where `runs/`
    is, by default beside what you work on. `wishes`: what lab.yaml says of the load, by stream. `client`: how to start
    a client that is judged too."""

    deep: bool = False
    clean: bool = False
    folder: Path | None = None
    wishes: Mapping[str, Wish] = field(default_factory=dict, hash=False)
    client: str = ""


@dataclass
class Gathered:
    """What a run has gathered so far, and what it is about."""

    observation: Observation
    nats: str
    definitions: dict[str, Any]
    schedule: Schedule
    folder: Path
    clock: Clock
    ledger: Ledger
    before: dict[str, int]
    nemesis: Nemesis
    watch: Watch
    client: ClientLoad | None = None
    observed: Observed = field(default_factory=Observed)
    phases: list[Phase] = field(default_factory=list)
    bounds: list[Bounds] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    replicas: list[Replica] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: str = "complete"

    @property
    def faults(self) -> tuple[FaultRecord, ...]:
        """The check's own, and what happened besides."""
        return with_outside(self.watch.events, self.nemesis.records)
