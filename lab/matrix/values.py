"""What came of tests on versions, as values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.errors import UsageError
from lab.scenario.conditions import version_key
from lab.verdict import EXIT_CODES, ORDER, VALIDITY, Word


@dataclass(frozen=True)
class Outcome:
    """One test on one version. `sentence` is the most telling thing that was seen; `figures` are names and numbers as
    people read them; `run` is the run's folder, for a check. `findings` counts what the scenario expects of a server
    that breaks a promise."""

    test: str
    version: str
    verdict: Word
    sentence: str
    seconds: float
    findings: int = 0
    figures: tuple[tuple[str, str], ...] = ()
    run: str = ""


@dataclass(frozen=True)
class Matrix:
    """`outcomes` has one for each test and version; with repetitions the worst of them."""

    tests: tuple[str, ...]
    versions: tuple[str, ...]
    outcomes: tuple[Outcome, ...]

    def outcome(self, test: str, version: str) -> Outcome:
        return next(outcome for outcome in self.outcomes if (outcome.test, outcome.version) == (test, version))

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[VALIDITY[worst(self.outcomes).verdict]]


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The first of those whose verdict is the worst."""
    return max(outcomes, key=lambda outcome: ORDER.index(VALIDITY[outcome.verdict]))


def versions_of(text: str) -> tuple[str, ...]:
    """`2.10.26,2.12.2` -> both. Raises `UsageError` for none, or for one that is named twice."""
    versions = tuple(part.strip() for part in text.split(",") if part.strip())
    if not versions or len(set(versions)) < len(versions):
        raise UsageError(f"`{text}` is not a list of different versions", "write `--nats 2.10.26,2.12.2,2.15.1`")
    return versions


def between(releases: Sequence[str], good: str, bad: str) -> tuple[str, ...]:
    """The releases from `good` to `bad`, both included, in that direction. Raises `UsageError`."""
    for version in (good, bad):
        if version not in releases:
            raise UsageError(f"`{version}` is not one of the known releases", f"known: {', '.join(releases)}")
    ordered = sorted(releases, key=version_key)
    low, high = sorted((ordered.index(good), ordered.index(bad)))
    if low == high:
        raise UsageError("`--good` and `--bad` are the same version", "name two that behave differently")
    chosen = ordered[low : high + 1]
    return tuple(chosen if version_key(good) < version_key(bad) else reversed(chosen))
