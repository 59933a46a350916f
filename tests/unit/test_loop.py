"""What Ctrl-C does to a coroutine that is being finished."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from lab.loop import finished


def press(after_s: float) -> None:
    """To the process, as a terminal does: the kernel then interrupts what the main thread waits for."""
    threading.Timer(after_s, os.kill, [os.getpid(), signal.SIGINT]).start()


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["in a terminal", "in a script's background"])
def handler(request: pytest.FixtureRequest) -> Iterator[Any]:
    before = signal.signal(signal.SIGINT, request.param)
    yield request.param
    signal.signal(signal.SIGINT, before)


def test_the_first_ctrl_c_cancels_and_more_do_not_interrupt_what_is_then_undone(handler: Any) -> None:
    undone = []

    async def work() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            for _ in range(4):
                press(0)
                await asyncio.sleep(0.05)
            undone.append("whole")

    press(0.05)
    with pytest.raises(KeyboardInterrupt):
        finished(work())
    assert undone == ["whole"]
    assert signal.getsignal(signal.SIGINT) is handler


def test_results_and_errors_come_through_also_where_a_loop_runs_and_in_threads() -> None:
    async def answer() -> int:
        return 42

    async def fails() -> None:
        raise ValueError("so it is")

    async def inside() -> int:
        return finished(answer())

    assert finished(answer()) == 42
    assert finished(inside()) == 42
    with pytest.raises(ValueError, match="so it is"):
        finished(fails())
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(finished(answer())))
    thread.start()
    thread.join()
    assert results == [42]


def test_who_handles_ctrl_c_already_goes_on_doing_so() -> None:
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:

        async def work() -> str:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0)
            return "done"

        assert finished(work()) == "done"
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed == [signal.SIGINT]
