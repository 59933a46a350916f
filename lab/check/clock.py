"""The run's clock: nanoseconds since it began, and where its zero is on the wall clock, which servers stamp by."""

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

    def jump(self) -> float:
        """By how many seconds the wall clock went another way since then, because it was set or the machine slept; 0
        for what is less than a second: a clock that is only corrected goes 0.5 ms in a second another way."""
        seconds = (time.time_ns() - self.wall - self.now()) / 1e9
        return seconds if abs(seconds) >= 1 else 0.0

    @property
    def began(self) -> str:
        """ISO 8601, UTC."""
        return (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.wall // 10**9)) + f".{self.wall % 10**9 // 1000:06d}Z"
        )
