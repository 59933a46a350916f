"""`--explain` of the fault commands: what is predicted, then what is measured, and where they differ."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from lab.cli.app import print_json, run, say

if TYPE_CHECKING:
    from lab.docker.engine import Engine
    from lab.docker.observation import Observation
    from lab.faults import Fault
    from lab.faults.change import Change
    from lab.faults.prediction import Prediction
    from lab.observe.operations import Matrix

PATIENCE_S = 45.0  # a node needs up to 20 s to know that a leader is gone, and as long again to help elect another
POLL_S = 1.0


def announce(before: "Observation", faults: "Iterable[Fault]", dry_run: bool, as_json: bool) -> "Prediction":
    """Print the prediction, and make the durables that must exist before the fault."""
    from lab import view
    from lab.faults import prediction
    from lab.observe import availability

    expected = prediction.predict(before.topology, faults)
    if not as_json:
        view.show(view.prediction(expected))
    if not dry_run:
        run(availability.prepare_all(before))
    return expected


def measure(engine: "Engine", lab: str, expected: "Prediction", change: "Change", dry_run: bool, as_json: bool) -> None:
    """Measure until the servers have made up their minds; exit code 3 where they differ from the prediction."""
    from lab import view
    from lab.faults import prediction

    if dry_run:
        if as_json:
            print_json({"prediction": expected, "change": change, "measured": None, "differences": []})
        return
    say("measuring; servers need 4 to 20 s to know that a leader is gone")
    began = time.monotonic()
    matrix = _last_word(engine, lab, expected, began)
    seconds = time.monotonic() - began
    found = prediction.differences(expected, matrix)
    if as_json:
        print_json({"prediction": expected, "change": change, "measured": matrix, "differences": found})
    else:
        view.show(view.availability(matrix, [one.cell for one in found]))
        typer.echo(view.differences(found) or f"as predicted, {seconds:.0f} s after the fault")
    if found:
        raise typer.Exit(3)


def _last_word(engine: "Engine", lab: str, expected: "Prediction", began: float) -> "Matrix":
    from lab.faults import prediction
    from lab.observe import availability

    while True:
        matrix = run(availability.matrix(engine.observe(lab), prepared=True))
        if prediction.settled(expected, matrix) or time.monotonic() - began > PATIENCE_S:
            return matrix
        time.sleep(POLL_S)
