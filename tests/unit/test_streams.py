"""Defining streams on servers that are not ready yet."""

import asyncio
from typing import Any

import pytest

from lab.jetstream.session import ApiError, Session
from lab.jetstream.streams import OFFLINE, define

CONFIGS: dict[str, dict[str, Any]] = {"foo-write-west": {"name": "foo-write-west"}}


class Recovering(Session):
    """A server that has just come back: a stream of which it has the only replica is offline for some `times`."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def stream_info(self, name: str, timeout: float = 5) -> dict[str, Any]:
        self.times -= 1
        if self.times >= 0:
            raise ApiError("stream is offline", OFFLINE)
        return {"config": CONFIGS[name]}


def test_a_stream_that_is_offline_for_a_moment_is_waited_for() -> None:
    assert asyncio.run(define({"foo-write-west": Recovering(times=3)}, CONFIGS, patience=5)).left == ("foo-write-west",)


def test_one_that_stays_offline_is_an_error() -> None:
    with pytest.raises(ApiError, match="stream is offline"):
        asyncio.run(define({"foo-write-west": Recovering(times=10**6)}, CONFIGS, patience=0.3))
