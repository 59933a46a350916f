"""Progress of what takes longer: sentences, told to whoever wants to hear them."""

from collections.abc import Callable

Say = Callable[[str], None]


def silently(text: str) -> None:
    """Nobody wants to hear it."""
