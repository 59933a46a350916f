"""The fate of every publish in every region, as numbers for a picture. The findings say the same in words."""

import numpy as np
from numpy.typing import NDArray

from lab.check.checkers.delivery import LOSSES, losses
from lab.check.checkers.index import ACKED, FAILED, NONE, Index, Stored, chunks
from lab.check.history import History

# `recovered`: nobody knew, and it is there. `absent`: not acknowledged and not there. `phantom`: refused, yet there.
# `pending`: the run did not wait long enough to call it lost. The losses are those of P2a.
FATES = (
    "arrived",
    "duplicated",
    "recovered",
    "absent",
    "phantom",
    "prefix",
    "middle",
    "postfix",
    "whole",
    "expired",
    "pending",
)


def fates(history: History) -> dict[str, NDArray[np.uint8]]:
    """Read stream -> the fate (its place in `FATES`) of each publish, in the order of `history.publishes`."""
    index = Index(history)
    return {stored.name: fates_in(index, stored) for stored in index.reads}


def fates_in(index: Index, stored: Stored) -> NDArray[np.uint8]:
    """The same for one read stream."""
    messages = index.messages
    there = stored.first != NONE
    of = np.full(messages.count, FATES.index("absent"), np.uint8)
    of[there] = FATES.index("recovered")
    of[there & (messages.fate == ACKED)] = FATES.index("arrived")
    of[stored.numbers[stored.repeats()]] = FATES.index("duplicated")
    of[there & (messages.fate == FAILED)] = FATES.index("phantom")
    lost, kinds = losses(index, stored)
    of[lost] = np.array([FATES.index(kind) for kind in LOSSES], np.uint8)[kinds]
    result = np.empty(len(index.history.publishes), np.uint8)
    for start, rows in chunks(index.history.publishes):
        result[start : start + len(rows)] = of[messages.numbers(rows)]
    return result
