"""The operations that a region can be asked for, and what came of asking: values only.

`lab/observe/availability.py` asks, `lab/faults/prediction.py` says what to expect, scenarios and checks judge."""

from dataclasses import dataclass
from typing import Literal

PUBLISH = "publish"
SEE_OWN_PUBLISH = "see-own-publish"
GET = "get"
DIRECT_GET = "direct-get"
EXISTING_CONSUMER = "existing-consumer"
NEW_CONSUMER = "new-consumer"
NEW_STREAM = "new-stream"
META_LEADER = "meta-leader"
OPERATIONS = (
    PUBLISH,
    SEE_OWN_PUBLISH,
    GET,
    DIRECT_GET,
    EXISTING_CONSUMER,
    NEW_CONSUMER,
    NEW_STREAM,
    META_LEADER,
)

# Decided within the region, whatever becomes of the others.
WRITES = (PUBLISH, SEE_OWN_PUBLISH)
LOCAL_READS = (DIRECT_GET, EXISTING_CONSUMER)
LOCAL = (*WRITES, *LOCAL_READS)
# Answered by the meta leader.
CONTROL_PLANE = (NEW_CONSUMER, NEW_STREAM)
NEEDS_A_META_LEADER = (GET, *CONTROL_PLANE)

State = Literal["works", "fails", "silent", "unknown"]


@dataclass(frozen=True)
class Cell:
    """What came of one request. `silent`: no answer in time; `unknown`: it could not be tried. `seconds` is how long it
    took, `code` the server's error code (503: nobody listens), None when it sent none."""

    region: str
    operation: str
    state: State
    seconds: float
    code: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Matrix:
    """`cells` has a row of cells for each region, in the order of `operations`."""

    lab: str
    regions: tuple[str, ...]
    operations: tuple[str, ...]
    cells: tuple[Cell, ...]

    def cell(self, region: str, operation: str) -> Cell:
        return next(cell for cell in self.cells if (cell.region, cell.operation) == (region, operation))
