"""Progress of long work: a sentence for each step, passed to a function."""

from collections.abc import Callable

Say = Callable[[str], None]


def silently(text: str) -> None:
    """Nobody wants to hear it."""
