"""The expectations of a scenario, as values that judge evidence; pure. `str()` is the sentence that people read.

A new one is a class in one of these modules, its place in `KINDS`, and in `lab/scenario/observations.py` the evidence
that it judges.
"""

from typing import Any

from lab.scenario.expectations import contents, outcomes, servers
from lab.scenario.expectations.phrases import Quantity, Timed
from lab.scenario.expectations.servers import Operation

# In the order in which the reference lists them.
KINDS: tuple[type[Timed[Any]], ...] = (
    outcomes.Published,
    servers.Works,
    servers.Fails,
    contents.Visible,
    contents.NotVisible,
    contents.NothingLost,
    contents.Lost,
    contents.NothingDuplicated,
    contents.Duplicated,
    contents.Agree,
    contents.OrderKept,
    contents.OrderDiffers,
    servers.Stored,
    servers.Holds,
    servers.Leader,
    servers.Healthy,
    outcomes.Answered,
    outcomes.Delivered,
    servers.Version,
    outcomes.TrafficKept,
    outcomes.Took,
)
EXPECTATIONS: dict[str, type[Timed[Any]]] = {kind.name: kind for kind in KINDS}

__all__ = ["EXPECTATIONS", "KINDS", "Operation", "Quantity", "Timed"]
