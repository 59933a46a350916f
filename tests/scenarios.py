"""Scenarios that tests write to play them on a lab."""

import json
from collections.abc import Sequence
from pathlib import Path

from labs import Lab, docker

from lab.scenario.shipped import shipped

# They take minutes. Tests play them apart from the others, since a file of tests is one worker's.
LASTING = ("flapping-link", "rolling-restart", "rolling-upgrade", "walkthrough")
OTHERS = tuple(name for name in shipped() if name not in LASTING)
HEAD = "title: A test\nabout: A test.\nsteps:\n"


def written(folder: Path, steps: str, head: str = HEAD) -> str:
    file = folder / "some-test.yaml"
    file.write_text(head + steps)
    return str(file)


def hold_on_labs_of_their_own(name: str, scenarios: Sequence[str]) -> None:
    """Play them as the continuous integration does."""
    lab = Lab(name)
    told = json.loads(lab.run("scenario", "run", *scenarios, "--jobs", "3", "--json", timeout=1200))
    assert {result["scenario"]: result["verdict"] for result in told["results"]} == dict.fromkeys(scenarios, "held")
    assert [it for it in docker("ps", "-a", "--format", "{{.Names}}").split() if it.startswith(f"{name}-")] == []
