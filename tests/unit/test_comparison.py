"""Do the regions agree? The judgement on copies written by hand."""

import pytest

from lab import view
from lab.observe.comparison import Comparison, Copy, Origin, RegionView, compare

ONE, TWO, THREE = ("foo-write-west", 1), ("foo-write-west", 2), ("foo-write-east", 1)


def copy(origin: Origin, digest: bytes = b"same") -> Copy:
    return Copy(origin, "foo.test", f"body of {origin}", digest)


def copies(*origins: Origin) -> list[Copy]:
    return [copy(origin) for origin in origins]


def region(result: Comparison, name: str) -> RegionView:
    return next(row for row in result.regions if row.region == name)


def test_regions_with_the_same_messages_agree() -> None:
    result = compare({"west": copies(ONE, TWO), "east": copies(ONE, TWO)}, copies(ONE))
    assert (result.verdict, result.messages) == ("agree", 2)
    assert result.regions == (RegionView("west", 2), RegionView("east", 2))
    assert (result.altered, result.out_of_order) == ((), {"west": 0, "east": 0})


def test_empty_regions_agree() -> None:
    assert compare({"west": [], "east": []}).verdict == "agree"


def test_a_message_that_another_region_holds_is_missing() -> None:
    result = compare({"west": copies(ONE, TWO), "east": copies(ONE)})
    assert result.verdict == "differ"
    assert region(result, "east").missing == (TWO,)
    assert region(result, "west").missing == ()
    assert result.known[TWO].preview == f"body of {TWO}"


def test_a_message_that_only_its_write_stream_holds_is_missing_everywhere() -> None:
    result = compare({"west": copies(ONE), "east": copies(ONE)}, copies(ONE, THREE))
    assert (result.verdict, result.messages) == ("differ", 2)
    assert {row.missing for row in result.regions} == {(THREE,)}


def test_a_write_stream_that_has_let_go_of_old_messages_does_not_matter() -> None:
    assert compare({"west": copies(ONE, TWO), "east": copies(ONE, TWO)}, []).verdict == "agree"


def test_a_message_that_is_there_more_than_once_is_duplicated() -> None:
    result = compare({"west": copies(ONE, TWO), "east": copies(ONE, TWO, ONE, ONE)})
    assert result.verdict == "differ"
    assert region(result, "east") == RegionView("east", 4, duplicated=(ONE,))
    assert result.messages == 2


def test_a_message_whose_copies_are_not_alike_is_altered() -> None:
    result = compare({"west": [copy(ONE), copy(TWO)], "east": [copy(ONE), copy(TWO, b"other")]}, [copy(ONE, b"")])
    assert (result.verdict, result.altered) == ("differ", (TWO,))


def test_another_order_is_counted_but_the_regions_agree() -> None:
    result = compare({"west": copies(ONE, TWO, THREE), "east": copies(THREE, ONE, TWO)})
    assert result.verdict == "agree"
    assert result.out_of_order == {"west": 0, "east": 1}


def test_nothing_is_concluded_about_a_region_that_could_not_be_read() -> None:
    result = compare({"west": copies(ONE), "east": "nobody answers"})
    assert result.verdict == "unknown"
    assert region(result, "east") == RegionView("east", 0, error="nobody answers")
    assert "east" not in result.out_of_order


def test_the_first_region_need_not_be_one_that_could_be_read() -> None:
    result = compare({"west": "nobody answers", "central": copies(ONE, TWO), "east": copies(TWO, ONE)})
    assert result.verdict == "unknown"
    assert result.out_of_order == {"central": 0, "east": 1}


def test_when_no_region_could_be_read_it_is_unknown() -> None:
    result = compare({"west": "no", "east": "no"})
    assert (result.verdict, result.messages, result.out_of_order) == ("unknown", 0, {})


@pytest.mark.parametrize("east", [copies(ONE, TWO, TWO), copies(ONE), [copy(ONE), copy(TWO, b"other")]])
def test_a_difference_that_was_seen_counts_more_than_a_region_that_was_not(east: list[Copy]) -> None:
    assert compare({"west": copies(ONE, TWO), "central": "nobody answers", "east": east}).verdict == "differ"


@pytest.mark.parametrize(
    ("east", "places"),
    [
        ([TWO, THREE, ONE], 1),  # ONE is a latecomer
        ([TWO, ("foo-write-east", 9), ONE], 1),  # what only one region holds does not hide a turn
        ([ONE, TWO, ONE, THREE], 0),  # a second copy is no disorder
    ],
)
def test_order_is_that_of_the_first_copies_of_common_messages(east: list[Origin], places: int) -> None:
    result = compare({"west": copies(ONE, TWO, THREE), "east": copies(*east)})
    assert result.out_of_order == {"west": 0, "east": places}


def test_one_message_is_printed_as_one() -> None:
    printed = view.comparison(compare({"west": copies(ONE), "east": copies(ONE)})).splitlines()
    assert printed[0] == "west: 1 message, none missing, none duplicated, same order"
    assert printed[-1] == "the regions agree: the same 1 message everywhere"
