"""What the check publishes says who it is and whether it is whole."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lab.check import payload


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 2),
    st.integers(0, 2**32 - 1),
    st.sampled_from([payload.SMALL, payload.MIDDLE, payload.LARGE]),
)
def test_a_body_has_its_size_and_says_who_it_is(process: int, counter: int, size: int) -> None:
    made = payload.compose("8a61f0c2", 253, process, counter, size)
    assert len(made) == size
    assert payload.parse(made) == payload.Body(b"8a61f0c2", 253, process, counter, True)


@given(st.integers(0, 63), st.integers(1, 255))
@example(56, 32)  # a digit of the checksum as a capital letter
def test_a_body_that_was_altered_is_not_whole(place: int, change: int) -> None:
    made = bytearray(payload.compose("8a61f0c2", 0, 3, 118, 64))
    made[place] ^= change
    assert payload.parse(bytes(made)) != payload.Body(b"8a61f0c2", 0, 3, 118, True)


def test_a_body_that_was_cut_short_is_not_whole() -> None:
    assert not payload.parse(payload.compose("8a61f0c2", 0, 3, 118, 1024)[:-1]).intact


@given(st.binary(max_size=200))
def test_no_body_breaks_the_reader(content: bytes) -> None:
    assert payload.parse(content).process <= payload.NOBODY


def test_sizes_and_subjects_follow_from_the_seed() -> None:
    first, again, other = (
        [(payload.size(seed, 3, n), payload.topic(seed, 3, n)) for n in range(5000)] for seed in (7, 7, 8)
    )
    assert first == again != other
    sizes = [size for size, _ in first]
    assert sizes.count(payload.SMALL) > 4500
    assert 100 < sizes.count(payload.MIDDLE) < 400
    assert 0 < sizes.count(payload.LARGE) < 20
    assert {topic for _, topic in first} == set(range(payload.SUBJECTS))
