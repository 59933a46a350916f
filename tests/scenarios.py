"""Scenarios that tests write to play them on a lab."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from labs import Lab, docker

from lab import api
from lab.scenario import labs
from lab.scenario.shipped import find, shipped

# They take minutes, or many labs.
NIGHTLY = ("flapping-link", "original-definitions", "rolling-restart", "rolling-upgrade")
# What they need, some kernels lack.
NEEDING = tuple(name for name in shipped() if find(name).needs)
# Played on a lab that is in use.
SHORT = ("hello-world", "split-brain", "wrong-stream")
_OTHERS = [name for name in shipped() if name not in (*NIGHTLY, *NEEDING, *SHORT)]
# Those that ask for labs of their own, and those that any lab will do for.
OWN = tuple(name for name in _OTHERS if any(variant.own for variant in find(name).variants))
SHARED = tuple(name for name in _OTHERS if name not in OWN)
HEAD = "title: A test\nabout: A test.\nsteps:\n"


def written(folder: Path, steps: str, head: str = HEAD) -> str:
    file = folder / "some-test.yaml"
    file.write_text(head + steps)
    return str(file)


def skip_where_the_kernel_lacks(scenarios: Sequence[str]) -> None:
    lacking = {feature for name in scenarios for feature in labs.lacking(api.Lab(), find(name))}
    if lacking:
        pytest.skip(f"this kernel has no {' and no '.join(sorted(lacking))}")


def hold_on_labs_of_their_own(name: str, scenarios: Sequence[str], jobs: int) -> None:
    """Play them as the continuous integration does, so many at a time."""
    lab = Lab(name)
    told = json.loads(lab.run("scenario", "run", *scenarios, "--jobs", str(jobs), "--json", timeout=1200))
    assert {result["scenario"]: result["verdict"] for result in told["results"]} == dict.fromkeys(scenarios, "held")
    assert [it for it in docker("ps", "-a", "--format", "{{.Names}}").split() if it.startswith(f"{name}-")] == []
