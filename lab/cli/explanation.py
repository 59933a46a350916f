"""`--explain` of the fault commands: what is predicted, then what is measured, and where they differ."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from lab.cli.app import print_json, say, show

if TYPE_CHECKING:
    from lab.api import Lab
    from lab.docker.observation import Observation
    from lab.faults.fault import Fault
    from lab.faults.plan import Change
    from lab.faults.prediction import Prediction
    from lab.observe.operations import Matrix

PATIENCE_S = 45.0  # a node needs up to 20 s to know that a leader is gone, and as long again to help elect another
POLL_S = 1.0


@dataclass
class Explanation:
    """Of one command; `predicted` is there once it was announced."""

    lab: "Lab"
    dry_run: bool
    as_json: bool
    predicted: "Prediction | None" = None

    def announce(self, before: "Observation", wanted: "frozenset[Fault]") -> None:
        """Print the prediction, and make the durables that must exist before the fault."""
        from lab import view
        from lab.faults import prediction

        self.predicted = prediction.predict(before.topology, wanted)
        if not self.as_json:
            show(view.prediction(self.predicted))
        if not self.dry_run:
            self.lab.prepare_probe()

    def measure(self, change: "Change") -> None:
        """Measure until the servers have made up their minds; exit code 3 where they differ from the prediction."""
        from lab import view
        from lab.faults import prediction

        assert self.predicted
        if self.dry_run:
            if self.as_json:
                print_json({"prediction": self.predicted, "change": change, "measured": None, "differences": []})
            return
        say("measuring; servers take 4 to 20 s to notice that a leader is gone")
        began = time.monotonic()
        matrix = self._last_word(self.predicted, began)
        seconds = time.monotonic() - began
        found = prediction.differences(self.predicted, matrix)
        if self.as_json:
            document = {"prediction": self.predicted, "change": change, "measured": matrix, "differences": found}
            print_json(document)
        else:
            show(view.availability(matrix, [difference.cell for difference in found]))
            typer.echo(view.differences(found) or f"as predicted, {seconds:.0f} s after the fault")
        if found:
            raise typer.Exit(3)

    def _last_word(self, predicted: "Prediction", began: float) -> "Matrix":
        from lab.faults import prediction

        while True:
            matrix = self.lab.probe(prepared=True)
            if prediction.settled(predicted, matrix) or time.monotonic() - began > PATIENCE_S:
                return matrix
            time.sleep(POLL_S)
