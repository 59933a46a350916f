"""One merge and one exit code, whoever judges."""

from typing import get_args

import pytest

from lab.verdict import EXIT_CODES, ORDER, SYMBOLS, VALIDITY, WORDS, Agreement, Judged, Validity, Word, worst


@pytest.mark.parametrize(
    ("validities", "expected"),
    [
        (["valid", "valid"], "valid"),
        (["valid", "unknown"], "unknown"),
        (["unknown", "violated", "valid"], "violated"),
        ([], "unknown"),
    ],
)
def test_a_violation_stands_and_nothing_looked_at_is_no_success(validities: list[Validity], expected: str) -> None:
    assert worst(validities) == expected


def test_every_word_means_one_of_the_three() -> None:
    assert set(get_args(Validity)) == set(ORDER) == EXIT_CODES.keys() == SYMBOLS.keys() == WORDS.keys()
    assert set(get_args(Word)) == set(WORDS.values())
    assert VALIDITY.keys() == {*get_args(Word), *get_args(Agreement), "found"}
    assert "found" in str(get_args(Judged))
    assert all(VALIDITY[word] == validity for validity, word in WORDS.items())
