"""What a scenario is, and what came of one: values only. Durations and counts are resolved already (short or long)."""

from dataclasses import dataclass, field
from typing import Any, Literal, NewType

from lab.scenario.actions import Action
from lab.scenario.expectations.phrases import Timed
from lab.topology import LayoutName, Topology
from lab.verdict import EXIT_CODES, VALIDITY, WORDS, Judged, Word, worst

Length = Literal["short", "long"]
Feature = NewType("Feature", str)  # what some kernels have and some have not: `lab.faults.verb.OFFERS`


@dataclass(frozen=True)
class When:
    """The condition of a step or an expectation; what is left out does not matter. `versions` such as `>=2.12.3 <2.15`,
    alternatives after a comma. It is the version of the servers at that moment; with several, of the oldest."""

    versions: str = ""
    layout: tuple[LayoutName, ...] = ()
    variants: tuple[str, ...] = ()
    length: Literal["", "short", "long"] = ""

    def __str__(self) -> str:
        parts = [
            f"servers {self.versions}" if self.versions else "",
            f"layout {' or '.join(self.layout)}" if self.layout else "",
        ]
        parts += [f"variant {' or '.join(self.variants)}" if self.variants else "", self.length]
        return ", ".join(part for part in parts if part)


ALWAYS = When()


@dataclass(frozen=True)
class Expected:
    """An expectation in its place. With `finding` it is expected to be violated, and the text says what that shows."""

    expectation: Timed[Any]
    when: When = ALWAYS
    finding: str = ""

    def __str__(self) -> str:
        condition = f" [{self.when}]" if self.when != ALWAYS else ""
        if self.finding:
            return f"NOT: {self.expectation}{condition} ({self.finding})"
        return f"{self.expectation}{condition}"


@dataclass(frozen=True)
class Step:
    """`line` is where it stands in the file."""

    line: int
    say: str = ""
    action: Action | None = None
    expect: tuple[Expected, ...] = ()
    when: When = ALWAYS


@dataclass(frozen=True)
class Variant:
    """One lab that the scenario runs on. `own`: the file asks for something special, so it is a lab of its own."""

    name: str
    topology: Topology
    own: bool


@dataclass(frozen=True)
class Scenario:
    """`needs` is what the kernel must offer; without it the scenario is not played. `layouts` are those on which it may
    be played besides its lab's own."""

    name: str
    title: str
    about: str
    variants: tuple[Variant, ...]
    steps: tuple[Step, ...]
    length: Length = "short"
    needs: tuple[Feature, ...] = ()
    layouts: tuple[LayoutName, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """What came of one expectation: what was expected, and what was seen instead or as proof."""

    judged: Judged
    expected: str
    seen: str
    seconds: float = 0
    finding: str = ""


@dataclass(frozen=True)
class StepResult:
    """`output` is what the step printed; `error` says why it could not be carried out."""

    number: int
    say: str
    action: str
    output: str
    judgements: tuple[Judgement, ...]
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class Result:
    """One scenario on one lab. `broken` says why it ended early, "" when it was played to its end.
    `lacking` is what the kernel lacks of what the scenario needs; then nothing was played."""

    scenario: str
    variant: str
    lab: str
    versions: tuple[str, ...]
    length: Length
    steps: tuple[StepResult, ...]
    seconds: float
    broken: str = ""
    title: str = field(default="", compare=False)
    lacking: tuple[Feature, ...] = ()

    @property
    def verdict(self) -> Word:
        judged = worst(VALIDITY[judgement.judged] for step in self.steps for judgement in step.judgements)
        return WORDS[worst([judged, "unknown"]) if self.broken else judged]


def not_played(scenario: Scenario, variant: Variant, lacking: tuple[Feature, ...]) -> Result:
    """The result where the kernel lacks what the scenario needs."""
    what = " and no ".join(f"`{feature}`" for feature in lacking)
    why = f"this kernel has no {what}, which the scenario needs; `lab doctor` shows what it offers"
    return Result(scenario.name, variant.name, "none", (), scenario.length, (), 0, why, scenario.title, lacking)


def exit_code(results: tuple[Result, ...]) -> int:
    return EXIT_CODES[worst(VALIDITY[result.verdict] for result in results)]
