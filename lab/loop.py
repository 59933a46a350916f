"""Coroutines, called from where there is no event loop, and what Ctrl-C does to them."""

import asyncio
import signal
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Its result; where an event loop runs already, from a loop in a thread of its own.

    Ctrl-C cancels it, once, also where a shell had it ignored in the background and it stands for SIGTERM. What it then
    does to leave nothing behind is not interrupted by more of them, which people press when that takes some seconds.
    Raises `KeyboardInterrupt` afterwards.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        in_main = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGINT) if in_main else None
        if before not in (signal.default_int_handler, signal.SIG_IGN):
            return asyncio.run(work)
        try:
            return asyncio.run(_interrupted_once(work))
        finally:
            signal.signal(signal.SIGINT, before)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _interrupted_once(work: Coroutine[Any, Any, T]) -> T:
    task, interrupted = asyncio.ensure_future(work), False

    def interrupt() -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            task.cancel()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        if interrupted:
            raise KeyboardInterrupt from None
        raise
