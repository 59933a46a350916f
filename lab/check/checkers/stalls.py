"""When the check itself stood still. A machine on which it does is too slow for its servers as well, so whatever was
late then is no evidence against them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lab.check.checkers.stored import Mask
from lab.check.history import SECOND, Probe, Stall

Times = NDArray[np.int64]


class Stalls:
    def __init__(self, stalls: Sequence[Stall]) -> None:
        self._began = np.array([stall.began for stall in stalls], np.int64)
        self._ended = np.array([stall.ended for stall in stalls], np.int64)

    def during(self, began: int | Times, ended: int | Times) -> Mask:
        """Whether the check stood still at some time between; for each pair of times, as numpy broadcasts them."""
        next_ = np.searchsorted(self._ended, began, "right")
        return np.asarray(np.append(self._began, np.iinfo(np.int64).max)[next_] < ended)

    def certain(self, probes: Sequence[Probe]) -> list[Probe]:
        """Those in whose time it did not."""
        return [p for p in probes if not self.during(p.time, p.time + round(p.seconds * SECOND))]
