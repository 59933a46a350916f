"""What the checkers say: values only."""

from dataclasses import dataclass

from lab.verdict import EXIT_CODES, Validity

EXAMPLES = 8


@dataclass(frozen=True)
class Example:
    """One case of a violation, as a person wants it told. `time` (ns since the run began) is when it began to matter,
    None when it is not known; `faults` are the ids of those in force then."""

    message: str  # the id, `west/3:118`; "" when it is about no single message
    story: str
    time: int | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What one checker says of one place. `checked` counts what was looked at: a valid finding with 0 checked says
    nothing, and is unknown instead."""

    property: str  # "P2a", "L3", "P0"
    place: str  # a region, a stream, or "" for the whole lab
    validity: Validity
    checked: int
    violations: int
    sentence: str
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class Verdict:
    validity: Validity
    findings: tuple[Finding, ...]
    not_tested: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.validity]
