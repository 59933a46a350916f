"""Tables as values, and their two forms: HTML and Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.html.markup import escape
from lab.verdict import SYMBOLS, Validity


@dataclass(frozen=True)
class Cell:
    """`validity` gives it a symbol and a colour; `note` is shown on hovering; `link` leads elsewhere in the page;
    `more` is a second, quieter line of a page."""

    text: str
    validity: Validity | None = None
    note: str = ""
    link: str = ""
    more: str = ""


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    caption: str = ""
    left: tuple[int, ...] = (0,)  # columns of words; the others hold numbers and are aligned to the right


def html(table: Table, kind: str = "") -> str:
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    head = "".join(
        f'<th scope="col"{_side(table, column)}>{escape(text)}</th>' for column, text in enumerate(table.head)
    )
    body = "".join(_row(table, row) for row in table.rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(table.caption or table.head[0])}">'
        f'<table class="{kind}">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _side(table: Table, column: int) -> str:
    return "" if column in table.left else ' class="number"'


def _row(table: Table, row: Sequence[Cell | str]) -> str:
    cells = [cell if isinstance(cell, Cell) else Cell(cell) for cell in row]
    others = "".join(_cell(cell, column not in table.left) for column, cell in enumerate(cells[1:], 1))
    return f'<tr><th scope="row">{_inside(cells[0])}</th>{others}</tr>'


def _cell(cell: Cell, number: bool) -> str:
    names = " ".join(filter(None, (cell.validity, "number" if number else "")))
    classes = f' class="{names}"' if names else ""
    title = f' title="{escape(cell.note)}"' if cell.note else ""
    return f"<td{classes}{title}>{_inside(cell)}</td>"


def _inside(cell: Cell) -> str:
    text = escape(cell.text)
    if cell.validity:
        mark = f'<span class="mark" role="img" aria-label="{cell.validity}">{SYMBOLS[cell.validity]}</span>'
        text = f"{mark} {text}" if text else mark
    text = f'<a href="#{escape(cell.link)}">{text}</a>' if cell.link else text
    return f"{text}<small>{escape(cell.more)}</small>" if cell.more else text


def markdown(table: Table) -> str:
    aligned = ["---" if column in table.left else "---:" for column in range(len(table.head))]
    lines = [table.head, tuple(aligned), *(tuple(_plain(cell) for cell in row) for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _plain(cell: Cell | str) -> str:
    if isinstance(cell, str):
        return literal(cell)
    return " ".join(filter(None, (SYMBOLS[cell.validity] if cell.validity else "", literal(cell.text))))


def literal(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    flat = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|~$@#&" else letter for letter in flat)
