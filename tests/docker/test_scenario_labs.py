"""Scenarios on labs of their own, which are removed again."""

import signal
import subprocess
from pathlib import Path

import pytest
from labs import ROOT, Lab, wait_for
from scenarios import HEAD, NEEDING, NIGHTLY, OWN, hold_on_labs_of_their_own, skip_where_the_kernel_lacks, written

from lab import api


def test_shipped_scenarios_hold_on_labs_of_their_own() -> None:
    hold_on_labs_of_their_own("test-set", OWN, jobs=2)


@pytest.mark.nightly
def test_the_other_shipped_scenarios_hold_on_labs_of_their_own() -> None:
    hold_on_labs_of_their_own("test-nightly-44", NIGHTLY, jobs=3)


def test_shipped_scenarios_that_need_much_of_the_kernel_hold_on_labs_of_their_own() -> None:
    skip_where_the_kernel_lacks(NEEDING)
    hold_on_labs_of_their_own("test-kernel", NEEDING, jobs=1)


def test_what_the_kernel_lacks_is_told_and_no_lab_is_started(tmp_path: Path) -> None:
    lab = Lab("test-own")
    lacking = {"netem", "tbf", "blocks"} - api.Lab(lab.name).offers()
    if not lacking:
        pytest.skip("this kernel has everything")
    file = written(tmp_path, "  - wait: 300s\n", HEAD.replace("steps", f"needs: [{', '.join(lacking)}]\nsteps"))
    said = lab.run("scenario", "run", file, code=4)
    assert said.startswith("some-test: not played: this kernel has no ")
    assert lab.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}


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
