"""The labs of one run of the tests: a lab for each topology that tests ask for, ports and subnets apart from those of
other runs and workers."""

import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TextIO

from lab import lock
from lab.docker.conflicts import check_free
from lab.docker.engine import Engine
from lab.errors import LabError, NotRunning, UsageError
from lab.faults.registry import present
from lab.labfile import load
from lab.progress import Say
from lab.scenario.labs import remove
from lab.testing.recorded import RecordedLab
from lab.topology import Topology
from lab.validate import problems

ATTEMPTS = 40
NAME_LENGTH = 27  # leaves room for a number
UP_S, READY_S = 120.0, 60.0


def described(file: Path | None, nats: str | None, folder: Path) -> Topology:
    """What `lab.yaml` says, and the version that was asked for. Raises `UsageError`."""
    path = file or folder / "lab.yaml"
    topology = load(path) if file or path.is_file() else Topology()
    return replace(topology, nats=nats) if nats else topology


def with_fields(base: Topology, changed: Mapping[str, Any]) -> Topology:
    """The base with what a marker says instead. Raises `UsageError`."""
    known = {field.name for field in fields(Topology)} - {"name", "sizes", "folder"}
    wrong = sorted(set(changed) - known)
    if wrong:
        raise UsageError(
            f"the marker `lab` does not take `{wrong[0]}`", f"it takes fields of lab.yaml: {', '.join(sorted(known))}"
        )
    regions = changed.get("regions", base.regions)
    values = {**changed, "regions": tuple(regions)}
    if "regions" in changed:
        values["sizes"] = regions if isinstance(regions, dict) else {}
    for name, value in values.items():
        if type(value) is not type(getattr(base, name)):
            raise UsageError(f"the marker `lab` has {value!r} for `{name}`", f"such as {getattr(base, name)!r}")
    topology = replace(base, **values)
    for field, sentence in problems(topology):
        raise UsageError(f"the marker `lab` asks for something impossible: `{field}`: {sentence}")
    return topology


@dataclass(frozen=True)
class _Place:
    """A name whose ports and subnets are this run's until the lock is closed."""

    topology: Topology
    lock: TextIO


class Pool:
    """`project` becomes part of the labs' names. With `keep` they stay, and labs that were kept are used again."""

    def __init__(self, project: str, base: Topology, keep: bool, say: Say) -> None:
        self._base, self._keep, self._say = base, keep, say
        plain = re.sub("[^a-z0-9]+", "-", project.lower()).strip("-")
        self._name = f"pytest-{plain}"[:NAME_LENGTH].rstrip("-")
        self._engine = Engine()
        self._labs: dict[Topology, RecordedLab] = {}
        self._places: dict[Topology, _Place] = {}
        self._failed: dict[Topology, LabError] = {}

    def ready(self, changed: Mapping[str, Any]) -> RecordedLab:
        """The lab with these fields, started if need be, without faults and healthy. Raises `LabError`."""
        wanted = with_fields(self._base, changed)
        if wanted in self._failed:  # it takes minutes to fail, and would for each test
            raise self._failed[wanted]
        try:
            return self._ready(wanted)
        except LabError as error:
            self._failed[wanted] = error
            raise

    def _ready(self, wanted: Topology) -> RecordedLab:
        if wanted not in self._places:
            self._places[wanted] = self._reserved(wanted)
        topology, lab = self._places[wanted].topology, self._labs.get(wanted)
        if lab is None:
            lab = self._started(topology, anew=not self._keep)
        elif lab.worn or not self._healthy(lab):
            lab = self._started(topology, anew=True)
        self._labs[wanted] = lab
        lab.forget()
        return lab

    def _healthy(self, lab: RecordedLab) -> bool:
        """Heal it, and wait until its servers have converged. Mostly there is nothing to heal, so the waiting begins
        while Docker and the kernel are asked."""
        try:
            with ThreadPoolExecutor(1) as pool:
                hastened = pool.submit(lab.hasten, READY_S)
                observation = lab.condition()
                observation.require_whole()
                if present(observation):
                    lab.heal()
                    hastened.result()
                    hastened = pool.submit(lab.hasten, READY_S)
                hastened.result()
        except LabError as error:
            self._say(f"{lab.name} does not become healthy, so it is started anew: {error.message}")
            return False
        return True

    def _started(self, topology: Topology, anew: bool) -> RecordedLab:
        """A lab that is up and healthy; `anew` without what a test, or a run that was killed, has left."""
        if anew:
            remove(RecordedLab(topology.name, engine=self._engine), topology)
        image = os.environ.get("LAB_IMAGE")
        lab = RecordedLab.up(topology, image=image, timeout=UP_S, engine=self._engine, say=self._say)
        if not anew and not self._healthy(lab):
            return self._started(topology, anew=True)
        return lab

    def _reserved(self, wanted: Topology) -> _Place:
        """A place that no other run of tests has, and nobody else. Raises `LabError` when there is none."""
        problem = LabError("no place is free for a lab of these tests", "`lab list` shows the labs that run")
        for attempt in range(ATTEMPTS):
            topology = wanted.named(self._name + (f"-{attempt + 1}" if attempt else ""))
            held = lock.opened(f"tests-in-place-{topology.slot}")
            if lock.taken(held):
                try:
                    if self._free(topology):
                        return _Place(topology, held)
                except LabError as error:
                    problem = error
            held.close()
        raise problem

    def _free(self, topology: Topology) -> bool:
        """Whether the place may be used: nothing is there, a lab to be used again, or one that a killed run left."""
        try:
            running = self._engine.observe(topology.name).topology
        except NotRunning:
            check_free(self._engine, topology)
            return True
        return not self._keep or running == topology

    def close(self) -> None:
        """Heal or remove every lab. Raises the first `LabError` when all has been tried."""
        errors = []
        for wanted, lab in self._labs.items():
            place = self._places[wanted]
            try:
                if self._keep and not lab.worn:
                    lab.heal()
                else:
                    remove(lab, place.topology)
            except LabError as error:
                errors.append(error)
            place.lock.close()
        if errors:
            raise errors[0]
