"""What a terminal shows."""

import pytest

from lab import view
from lab.cli.app import show


def test_columns_stand_below_each_other_whatever_is_styled() -> None:
    rows = [("west", view._styled(view.RED, "fails"), "x"), ("central", "works", "y")]
    _, header, first, second = view.unstyled(view._table("Title", ("", "state", "then"), rows)).splitlines()
    assert header.index("then") == first.index("x") == second.index("y")


def test_a_cell_with_nothing_to_its_right_widens_no_column_and_a_row_may_be_empty() -> None:
    rows = [("a much longer cell",), ("a", "b"), ("", "")]
    assert view.unstyled(view._table("Title", ("one", "two"), rows)).split("\n")[1:] == [
        "one  two",
        "a much longer cell",
        "a    b",
        "",
    ]


@pytest.mark.parametrize(
    ("terminal", "variables", "styled"),
    [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False), (True, {"TERM": "dumb"}, False)],
)
def test_only_a_terminal_that_wants_them_is_given_styles(
    terminal: bool,
    variables: dict[str, str],
    styled: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    show(view._styled(view.RED, "fails"))
    printed = capsys.readouterr().out
    assert ("\x1b" in printed) is styled
    assert "fails" in printed
