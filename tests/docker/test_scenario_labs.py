"""Scenarios on labs of their own, which are removed again; `test_scenario_set.py` has the rest of those shipped."""

import signal
import subprocess
from pathlib import Path

from labs import ROOT, Lab, wait_for
from scenarios import HEAD, LASTING, hold_on_labs_of_their_own, written


def test_shipped_scenarios_that_last_hold_on_labs_of_their_own() -> None:
    hold_on_labs_of_their_own("test-minutes", LASTING)


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
