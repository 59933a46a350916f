"""Versions side by side, and halving, on outcomes as values."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenarios import find

from lab.errors import UsageError
from lab.matrix import pages
from lab.matrix.bisect import bisect
from lab.matrix.trials import moving
from lab.matrix.values import Matrix, Outcome, between, versions_of, worst

RELEASES = ("2.9.9", "2.10.26", "2.12.2", "2.12.3", "2.12.10", "2.15.1")
HELD = Outcome("split-brain", "2.12.2", "held", "all was as expected", 31.4)
BROKEN = Outcome("split-brain", "2.15.1", "violated", "nothing is <twice>: 20 | are", 30, figures=(("lost", "3"),))
FOUND = Outcome("seed", "2.12.2", "held", "nothing is twice: 20 are", 12, findings=2)
UNSURE = Outcome("seed", "2.15.1", "could not tell", "no meta leader within 90 s", 90)
MATRIX = Matrix(("split-brain", "seed"), ("2.12.2", "2.15.1"), (HELD, BROKEN, FOUND, UNSURE))


@given(st.integers(2, 40), st.data())
def test_halving_finds_the_first_that_changed(count: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, count - 1))
    asked: list[str] = []

    async def changed(version: str) -> bool:
        asked.append(version)
        return int(version) >= first

    versions = [str(number) for number in range(count)]
    assert asyncio.run(bisect(versions, changed)) == (str(first - 1), str(first))
    assert len(asked) <= count.bit_length()
    assert not {versions[0], versions[-1]} & set(asked), "the ends are known"


def test_releases_are_compared_as_numbers_and_in_either_direction() -> None:
    assert between(RELEASES, "2.10.26", "2.12.10") == ("2.10.26", "2.12.2", "2.12.3", "2.12.10")
    assert between(RELEASES, "2.12.3", "2.10.26") == ("2.12.3", "2.12.2", "2.10.26")


@pytest.mark.parametrize(("good", "bad", "says"), [("2.12.2", "2.12.2", "same version"), ("2.1", "2.12.2", "`2.1` is")])
def test_ends_that_cannot_be_halved_are_refused(good: str, bad: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        between(RELEASES, good, bad)


@pytest.mark.parametrize("text", ["", ",", "2.12.2,2.12.2"])
def test_a_list_of_versions_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a list of different versions"):
        versions_of(text)
    assert versions_of("2.12.2, 2.15.1") == ("2.12.2", "2.15.1")


def test_the_worst_outcome_counts() -> None:
    assert worst([HELD, UNSURE, FOUND]) == UNSURE
    assert worst([UNSURE, BROKEN]) == BROKEN
    assert MATRIX.exit_code == 3
    assert Matrix(("seed",), ("2.12.2",), (FOUND,)).exit_code == 0
    assert Matrix(("seed",), ("2.15.1",), (UNSURE,)).exit_code == 4


def test_a_terminal_shows_the_table_and_what_was_seen() -> None:
    lines = pages.text(MATRIX).splitlines()
    assert lines[:3] == [
        "             2.12.2      2.15.1",
        "split-brain  held        violated",
        "seed         2 findings  could not tell",
    ]
    assert "split-brain on 2.15.1: violated (30 s; lost 3)" in lines


def test_pages_say_it_all_and_let_nothing_through() -> None:
    page, markdown = pages.html(MATRIX), pages.markdown(MATRIX)
    assert "2 tests on 2 versions: violated on 2.15.1" in page
    assert "&lt;twice&gt;" in page
    assert "<twice>" not in page
    assert "20 \\| are" in markdown
    assert all(len(line.split(" | ")) == 3 for line in markdown.splitlines() if line.startswith("| seed | 2 f"))


def test_a_scenario_that_fixes_its_versions_is_not_for_a_matrix() -> None:
    with pytest.raises(UsageError, match="says itself which versions"):
        moving(find("rolling-upgrade"))


def test_variants_that_differ_in_the_version_alone_are_one() -> None:
    assert [variant.topology.layout for variant in moving(find("original-definitions"))] == ["seed", "mapped"]
