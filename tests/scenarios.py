"""Scenarios that tests write to play them on a lab."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from labs import Lab, docker

from lab import api
from lab.scenario import labs
from lab.scenario.shipped import find as read
from lab.scenario.shipped import shipped

find = cache(read)
# What they need, some kernels lack.
NEEDING = tuple(name for name in shipped() if find(name).needs)
# Played on a lab that is in use.
SHORT = ("hello-world", "split-brain", "wrong-stream")
# Played by `make test`: on labs of their own where they ask for such, and on any lab. `make scenarios` plays all.
OWN = ("outage-longer-than-max-age", "promote-mirror")
SHARED = ("region-loss", "walkthrough")
NIGHTLY = tuple(name for name in shipped() if name not in (*NEEDING, *SHORT, *OWN, *SHARED))
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
    told = json.loads(lab.run("scenario", "run", *scenarios, "--jobs", str(jobs), "--json", timeout=1800))
    assert {result["scenario"]: result["verdict"] for result in told["results"]} == dict.fromkeys(scenarios, "held")
    assert [it for it in docker("ps", "-a", "--format", "{{.Names}}").split() if it.startswith(f"{name}-")] == []
