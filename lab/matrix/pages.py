"""A matrix of versions as text, Markdown and HTML; pure."""

from lab.html.document import document, section
from lab.html.markup import escape, tag
from lab.html.table import Cell, Table
from lab.html.table import html as html_table
from lab.html.table import markdown as markdown_table
from lab.matrix.values import Matrix, Outcome
from lab.verdict import VALIDITY

HOW = (
    "One row a test, one column a version of nats-server, each on a lab of its own. ✓ all was as the test expects "
    "of that version; a finding is a broken promise that the test knows of; ✗ something was violated; ? cannot be told."
)


def short(outcome: Outcome) -> str:
    """A cell in a word or two."""
    if outcome.verdict != "held":
        return outcome.verdict
    return f"{outcome.findings} finding{'s' if outcome.findings > 1 else ''}" if outcome.findings else "held"


def heading(matrix: Matrix) -> str:
    broken = [outcome for outcome in matrix.outcomes if outcome.verdict == "violated"]
    unsure = [outcome for outcome in matrix.outcomes if outcome.verdict == "could not tell"]
    over = f"{len(matrix.tests)} test{'s' * (len(matrix.tests) > 1)} on {len(matrix.versions)} versions"
    if broken:
        versions = ", ".join(dict.fromkeys(outcome.version for outcome in broken))
        return f"{over}: violated on {versions}"
    return f"{over}: {len(unsure)} could not be told" if unsure else f"{over}: all as expected"


def text(matrix: Matrix) -> str:
    """For a terminal: the table, then each outcome with what was seen."""
    rows = [("", *matrix.versions)]
    rows += [(test, *(short(matrix.outcome(test, version)) for version in matrix.versions)) for test in matrix.tests]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *(_told(outcome) for outcome in matrix.outcomes)])


def _told(outcome: Outcome) -> str:
    figures = ", ".join(f"{name} {value}" for name, value in outcome.figures)
    run = f"\n    {outcome.run}" if outcome.run else ""
    return (
        f"{outcome.test} on {outcome.version}: {short(outcome)} ({outcome.seconds:.0f} s"
        f"{'; ' + figures if figures else ''})\n    {outcome.sentence}{run}"
    )


def markdown(matrix: Matrix) -> str:
    return f"## {heading(matrix)}\n\n{HOW}\n\n{markdown_table(_overview(matrix))}\n{markdown_table(_details(matrix))}"


def html(matrix: Matrix) -> str:
    """One page that needs nothing but itself."""
    top = tag("header", tag("h1", escape(heading(matrix))))
    overview = section("matrix", "Versions", HOW, html_table(_overview(matrix)))
    details = section("details", "What was seen", "", html_table(_details(matrix)))
    return document(heading(matrix), top + overview + details)


def _overview(matrix: Matrix) -> Table:
    rows: list[tuple[Cell | str, ...]] = [
        (test, *(_cell(matrix.outcome(test, version)) for version in matrix.versions)) for test in matrix.tests
    ]
    return Table(("test", *matrix.versions), tuple(rows), left=tuple(range(len(matrix.versions) + 1)))


def _cell(outcome: Outcome) -> Cell:
    return Cell(short(outcome), VALIDITY[outcome.verdict], note=outcome.sentence)


def _details(matrix: Matrix) -> Table:
    rows: list[tuple[Cell | str, ...]] = [
        (
            outcome.test,
            outcome.version,
            _cell(outcome),
            outcome.sentence,
            ", ".join(f"{name} {value}" for name, value in outcome.figures),
            f"{outcome.seconds:.0f} s",
        )
        for outcome in matrix.outcomes
    ]
    return Table(("test", "version", "verdict", "what was seen", "figures", "took"), tuple(rows), left=(0, 1, 2, 3, 4))
