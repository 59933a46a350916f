"""When a step or an expectation applies: versions, layout, variant, length; pure."""

import re
from collections.abc import Iterable

from lab.scenario.scenario import Length, When

BOUND = re.compile(r"(>=|<=|>|<|=)?(\d+(?:\.\d+){0,2})")


def version_key(text: str) -> tuple[int, ...]:
    """Major, minor and patch, to compare."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def readable(versions: str) -> bool:
    """Whether a text is a condition on versions, such as `>=2.12.3 <2.15, =2.10`."""
    groups = versions.split(",")
    return all(group.split() and all(BOUND.fullmatch(bound) for bound in group.split()) for group in groups)


def matches(versions: str, version: str) -> bool:
    """Whether a version fulfils the condition. `=2.12` is any 2.12."""
    return any(all(_within(bound, version) for bound in group.split()) for group in versions.split(","))


def _within(bound: str, version: str) -> bool:
    found = BOUND.fullmatch(bound)
    if not found:
        return False
    sign, limit = found[1] or "=", version_key(found[2])
    key = version_key(version)
    if sign == "=":
        return key[: len(limit)] == limit
    limit = (*limit, 0, 0)[:3]
    return {">=": key >= limit, "<=": key <= limit, ">": key > limit, "<": key < limit}[sign]


def applies(when: When, running: Iterable[str], layout: str, variant: str, length: Length) -> bool:
    oldest = min(running, key=version_key, default="")
    return (
        (not when.versions or (bool(oldest) and matches(when.versions, oldest)))
        and (not when.layout or layout in when.layout)
        and (not when.variants or variant in when.variants)
        and when.length in ("", length)
    )
