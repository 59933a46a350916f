"""Shapes: what people write, what the kernel keeps, and what neither takes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import UsageError
from lab.profiles import PROFILES, shape
from lab.shape import Shape
from lab.shape import given as options


def kernel(shape: Shape) -> dict[str, int]:
    return {key: int(value) for key, _, value in (word.partition("=") for word in shape.words().split())}


PERCENT = st.decimals(0, 100, places=2).map(lambda value: f"{value}%")
SHAPES = st.fixed_dictionaries(
    {"delay": st.integers(1, 60_000_000).map(lambda us: f"{us}us")},
    optional={
        "loss": PERCENT,
        "duplicate": PERCENT,
        "corrupt": PERCENT,
        "reorder": PERCENT,
        "delay_correlation": PERCENT,
        "rate": st.integers(8_000, 100 * 10**9).map(lambda bits: f"{bits}bit"),
    },
)


@settings(max_examples=300, deadline=None)
@given(SHAPES)
def test_what_the_kernel_keeps_reads_as_what_was_asked(given: dict[str, str]) -> None:
    """Else a shape that is in force would never be the one that is wanted."""
    asked = Shape.of(**given)
    assert Shape.from_words(kernel(asked)) == asked
    assert Shape.of(**options(asked)) == asked


@settings(deadline=None)
@given(st.decimals("0.1", 99, places=1), st.decimals(1, 100, places=1))
def test_bursts_are_read_back_as_loss_and_length(loss: object, burst: object) -> None:
    asked = Shape.of(loss=f"{loss}%", burst=str(burst))
    read = Shape.from_words(kernel(asked))
    if kernel(asked)["good-to-bad"] <= 2**32 - 1:  # what the model can do
        assert (read.loss, read.burst) == pytest.approx((asked.loss, asked.burst), rel=1e-3, abs=1e-3)


def test_a_shape_reads_as_people_say_it() -> None:
    shape = Shape.of(delay="80ms", jitter="10ms", loss="1%", burst="5", rate="20mbit", duplicate="0.5%")
    assert str(shape) == "80 ms ± 10 ms, 1 % lost in bursts of 5, 0.5 % doubled, 20 Mbit/s"
    assert Shape().nothing
    assert str(Shape()) == "as fast as it can"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"delay": "-1ms"}, "`--delay` is `-1ms`; it cannot be below zero"),
        ({"delay": "80"}, "must be such as `80ms`"),
        ({"delay": "2m"}, "must be such as `80ms`"),
        ({"delay": "61s"}, "60 s is the most"),
        ({"loss": "101%"}, "`--loss` is `101%`; 100 % is the most"),
        ({"loss": "a lot"}, "must be such as `1%`"),
        ({"jitter": "5ms"}, "`--jitter` needs `--delay`"),
        ({"delay": "5ms", "jitter": "6ms"}, "more than the delay"),
        ({"reorder": "5%"}, "packets overtake those that are delayed"),
        ({"delay": "5ms", "gap": "5"}, "`--gap` needs `--reorder`"),
        ({"loss_correlation": "5%"}, "`--loss-correlation` needs `--loss`"),
        ({"burst": "5"}, "`--burst` needs a `--loss`"),
        ({"loss": "1%", "burst": "0.5"}, "1 is the least"),
        ({"loss": "1%", "burst": "5", "loss_correlation": "5%"}, "two models of the same"),
        ({"limit": "10kb"}, "need `--rate`"),
        (
            {"rate": "20mbit", "buffer": "601mb"},
            "is 601,000,000 bytes; 600,000,000 is the most at this rate",
        ),
        ({"rate": "20mbit", "limit": "5000mb"}, "4,294,967,295 is the most"),
        ({"rate": "20mbps"}, "must be such as `20mbit`"),
        ({"rate": "1kbit"}, "must be 8 kbit/s to 100 Gbit/s"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        Shape.of(**given)
    assert sentence in caught.value.message


def test_options_change_a_profile() -> None:
    assert shape("transatlantic").delay == PROFILES["transatlantic"].round_trip / 2
    assert shape("transatlantic", loss="1%") == Shape.of(**options(shape("transatlantic")), loss="1%")
    with pytest.raises(UsageError, match="unknown profile `moon`"):
        shape("moon")


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_has_a_source_and_half_its_round_trip_in_each_direction(name: str) -> None:
    profile = PROFILES[name]
    assert profile.source
    assert profile.shape.delay * 2 == profile.round_trip
    assert profile.shape == profile.shape.settled()
