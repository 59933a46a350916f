"""Halving: between which two neighbours an outcome changed; pure but for what it asks."""

from collections.abc import Awaitable, Callable, Sequence


async def bisect(versions: Sequence[str], changed: Callable[[str], Awaitable[bool]]) -> tuple[str, str]:
    """The last version as the first one is, and the first that is as the last one.

    `versions` has at least two, and the outcome is known of its ends: not changed at the first, changed at the last.
    """
    low, high = 0, len(versions) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if await changed(versions[middle]):
            high = middle
        else:
            low = middle
    return versions[low], versions[high]
