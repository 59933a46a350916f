"""The run's clock: nanoseconds since it began, and the way from a server's wall clock to it."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """`monotonic` and `wall` are the same moment on the two clocks, in ns."""

    monotonic: int
    wall: int

    @staticmethod
    def start() -> "Clock":
        return Clock(time.monotonic_ns(), time.time_ns())

    def now(self) -> int:
        return time.monotonic_ns() - self.monotonic

    def of_wall(self, stamp: int) -> int:
        """A server's time stamp (ns since 1970) as the run's time."""
        return stamp - self.wall

    @property
    def began(self) -> str:
        """ISO 8601, UTC."""
        return (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.wall // 10**9)) + f".{self.wall % 10**9 // 1000:06d}Z"
        )
