"""What came of looking: as promised, not as promised, or nobody can tell. Three values, one merge, one exit code each.

Checks say these words themselves; scenarios, matrices and comparisons have words of their own for the same three, here
and nowhere else. A violation that was seen stands, whatever else could not be told.
"""

from collections.abc import Iterable
from typing import Literal

Validity = Literal["valid", "unknown", "violated"]
ORDER: tuple[Validity, ...] = ("valid", "unknown", "violated")
EXIT_CODES: dict[Validity, int] = {"valid": 0, "violated": 3, "unknown": 4}
SYMBOLS: dict[Validity, str] = {"valid": "✓", "unknown": "?", "violated": "✗"}

# Of an expectation, and of a test as a whole.
Word = Literal["held", "could not tell", "violated"]
WORDS: dict[Validity, Word] = {"valid": "held", "unknown": "could not tell", "violated": "violated"}
# Of an expectation that a scenario turns round: `found` is a violation that it knows of and wants to see.
Judged = Word | Literal["found"]
# Of regions that should hold the same.
Agreement = Literal["agree", "unknown", "differ"]

VALIDITY: dict[Judged | Agreement, Validity] = {
    "held": "valid",
    "found": "valid",
    "could not tell": "unknown",
    "violated": "violated",
    "agree": "valid",
    "unknown": "unknown",
    "differ": "violated",
}


def worst(validities: Iterable[Validity]) -> Validity:
    """The one that counts; unknown when nothing was looked at."""
    return max(validities, key=ORDER.index, default="unknown")
