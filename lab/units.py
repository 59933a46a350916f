"""Durations, sizes and counts as people write them."""

import re

from lab.errors import UsageError

DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
SIZE = re.compile(r"(\d{1,30})([bkmgt]?)i?b?", re.ASCII | re.IGNORECASE)
LONGEST_S = 24 * 3600  # that something can be asked to last, or be waited for
MAX_NS = 2**63 - 1  # what a server counts with


def duration_ns(text: str) -> int:
    """Nanoseconds of a duration such as `90s`, `1h30m` or `2d`; `0` means no limit. Raises `UsageError`."""
    if text == "0":
        return 0
    if not DURATION.fullmatch(text):
        raise UsageError(f"`{text}` is not a duration", "write a number and a unit: `500ms`, `20s`, `1h30m`, `2d`")
    unit_ns = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    nanoseconds = sum(float(number) * unit_ns[unit] for number, unit in parts)
    if nanoseconds >= MAX_NS:
        raise UsageError(f"`{shortened(text)}` is longer than NATS can count, which is 292 years", "`0` means no limit")
    return round(nanoseconds)


def shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"


def size_bytes(text: str) -> int | None:
    """Bytes of a size such as `256m` or `1GB`, units being powers of 1024; None for what is not a size."""
    match = SIZE.fullmatch(text)
    return int(match[1]) * 1024 ** " kmgt".index(match[2].lower().replace("b", "") or " ") if match else None


def several(value: int, one: str, many: str = "") -> str:
    """`1 fault`, `2 faults`, `1,200 messages`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"
