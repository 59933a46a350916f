"""Tables as values, and their two forms: HTML and Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lab.check.report.words import SYMBOLS, WORDS
from lab.check.verdict import Validity


@dataclass(frozen=True)
class Cell:
    """`validity` gives it a symbol and a colour; `note` is shown on hovering; `link` leads elsewhere in the page;
    `bar` (0 to 1) is drawn behind the text."""

    text: str
    validity: Validity | None = None
    note: str = ""
    link: str = ""
    bar: float | None = None


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    caption: str = ""
    numbers: bool = True  # columns after the first are aligned to the right


def html(table: Table, kind: str = "") -> str:
    classes = " ".join(filter(None, ("numbers" if table.numbers else "", kind)))
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in table.head)
    body = "".join(_row(row) for row in table.rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(table.caption or table.head[0])}">'
        f'<table class="{classes}">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _row(row: Sequence[Cell | str]) -> str:
    cells = [cell if isinstance(cell, Cell) else Cell(cell) for cell in row]
    return f'<tr><th scope="row">{_inside(cells[0])}</th>{"".join(_cell(cell) for cell in cells[1:])}</tr>'


def _cell(cell: Cell) -> str:
    classes = f' class="{cell.validity}"' if cell.validity else ""
    title = f' title="{escape(cell.note)}"' if cell.note else ""
    bar = f' style="--bar:{max(0.0, min(1.0, cell.bar)) * 100:.1f}%"' if cell.bar is not None else ""
    return f"<td{classes}{title}{bar}>{_inside(cell)}</td>"


def _inside(cell: Cell) -> str:
    text = escape(cell.text)
    if cell.validity:
        mark = f'<span class="mark" role="img" aria-label="{WORDS[cell.validity]}">{SYMBOLS[cell.validity]}</span>'
        text = f"{mark} {text}" if text else mark
    return f'<a href="#{escape(cell.link)}">{text}</a>' if cell.link else text


def markdown(table: Table) -> str:
    aligned = ["---", *(["---:" if table.numbers else "---"] * (len(table.head) - 1))]
    lines = [table.head, tuple(aligned), *(tuple(_plain(cell) for cell in row) for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _plain(cell: Cell | str) -> str:
    if isinstance(cell, str):
        return literal(cell)
    return " ".join(filter(None, (SYMBOLS[cell.validity] if cell.validity else "", literal(cell.text))))


def literal(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    flat = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>()#+!|~$@" else letter for letter in flat)
