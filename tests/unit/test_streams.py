"""Defining streams on servers that are not ready yet."""

import asyncio
from typing import Any

import pytest

from lab.errors import NoAnswer
from lab.jetstream.session import ApiError, Session
from lab.jetstream.streams import NOT_FOUND, OFFLINE, define

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


class LosesItsAnswer(Session):
    """It creates the stream, and neither that is heard nor any answer to doing it again; or it does not create it."""

    def __init__(self, creates: bool) -> None:
        self.creates, self.there = creates, False

    async def stream_info(self, name: str, timeout: float = 5) -> dict[str, Any]:
        if not self.there:
            raise ApiError("stream not found", NOT_FOUND)
        return {"config": CONFIGS[name]}

    async def api(self, request: str, body: object = None, timeout: float = 5) -> Any:
        self.there = self.creates
        raise NoAnswer(f"{request}: no answer")


def test_a_stream_whose_creation_was_not_answered_is_looked_for() -> None:
    created = asyncio.run(define({"foo-write-west": LosesItsAnswer(creates=True)}, CONFIGS)).created
    assert created == ("foo-write-west",)
    with pytest.raises(NoAnswer):
        asyncio.run(define({"foo-write-west": LosesItsAnswer(creates=False)}, CONFIGS))
