"""Scenarios on labs of their own, which are removed again."""

import json
import signal
import subprocess
from pathlib import Path

from labs import ROOT, Lab, docker, wait_for
from scenarios import HEAD, written


def test_every_shipped_scenario_holds_on_labs_of_their_own(tmp_path: Path) -> None:
    """As the continuous integration plays them."""
    lab = Lab("test-set")
    told = json.loads(lab.run("scenario", "run", "--all", "--jobs", "3", "--json", timeout=1200))
    assert {result["scenario"]: result["verdict"] for result in told["results"]} == {
        result["scenario"]: "held" for result in told["results"]
    }
    assert len({result["scenario"] for result in told["results"]}) == len(
        list((ROOT / "lab/scenario/files").glob("*.yaml"))
    )
    assert [name for name in docker("ps", "-a", "--format", "{{.Names}}").split() if name.startswith("test-set")] == []


def test_a_lab_of_its_own_is_removed_even_when_interrupted(tmp_path: Path) -> None:
    file = written(tmp_path, "  - kill: east-1\n  - wait: 300s\n", HEAD.replace("steps", "lab: {max_age: 30m}\nsteps"))
    lab = Lab("test-own")
    own = Lab("test-own-some-test")
    with subprocess.Popen(lab.command("scenario", "run", file), stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        wait_for(running, "sleep 300", 120)
        assert own.left_behind()["containers"] == 9
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
    assert own.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}
    assert not (ROOT / ".lab" / own.name).exists()
