"""Kinds of links by name: what is between two places on Earth, with where each figure is from. Pure.

Round trips are halved: a shape delays one direction, and both directions of a link are shaped alike.
"""

from dataclasses import dataclass

from lab.errors import unknown
from lab.shape import Shape, given


@dataclass(frozen=True)
class Profile:
    """`round_trip` in milliseconds; `source` says where it is from."""

    round_trip: float
    source: str
    shape: Shape


def _wan(round_trip: float, source: str, jitter: float = 0, loss: float = 0) -> Profile:
    half = round_trip / 2
    return Profile(round_trip, source, Shape(delay=half, jitter=jitter, loss=loss).settled())


CAIUS = "measured between AWS regions: gist.github.com/caius"
CLOUDPING = "measured between AWS regions: cloudping.co"
PROFILES: dict[str, Profile] = {
    "metro": _wan(2, "availability zones are 0.25 to 3.4 ms apart: xkyle.com, AWS latency"),
    "us-coast-to-coast": _wan(71, f"us-east-1 to us-west-2, {CAIUS}", jitter=1),
    "transatlantic": _wan(67, f"us-east-1 to eu-west-1, {CAIUS}", jitter=1),
    "us-asia": _wan(202, f"us-east-1 to ap-east-1, {CLOUDPING}", jitter=3),
    "europe-africa": _wan(157, f"eu-west-1 to af-south-1, {CLOUDPING}", jitter=3),
    "east-asia": _wan(53, f"ap-northeast-1 to ap-east-1, {CLOUDPING}", jitter=1),
    "bad": Profile(
        400,
        "made up, to be bad on purpose: 200 ± 80 ms each way, 2 % lost in bursts of 5",
        Shape(delay=200, jitter=80, loss=2, burst=5).settled(),
    ),
}


def shape(profile: str = "", **options: str) -> Shape:
    """The shape of each direction: a profile's, as far as the options do not say otherwise. Raises `UsageError`."""
    if profile and profile not in PROFILES:
        raise unknown("profile", profile, PROFILES)
    return Shape.of(**(given(PROFILES[profile].shape) if profile else {}) | options)
