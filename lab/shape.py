"""What a link does to the packets of one direction: late, lost, doubled, damaged, overtaken, held back. Pure.

The fields are those of Chaos Mesh's `NetworkChaos` (`delay`, `loss`, `duplicate`, `corrupt`, `reorder`, `bandwidth`),
by the same names, so that one can be written as the other. `burst` is added: netem's `loss gemodel`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from lab.errors import UsageError

ALWAYS = 2**32 - 1  # a probability of 1 in the kernel
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
BITS = {"bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9}
BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "kib": 2**10, "mib": 2**20}
LONGEST_MS, FASTEST = 60_000, 100 * 10**9
QUEUE_S, BUFFER_S = 0.2, 0.01  # what waits, and what may go at once, unless said otherwise
LEAST_LIMIT, LEAST_BUFFER = 64_000, 16_000
MOST_BYTES, MOST_BUFFER_S = 2**32 - 1, 240  # what the kernel can count, the latter in ticks of 64 ns
PERCENTAGES = ("loss", "duplicate", "corrupt", "reorder")
NETEM = ("delay", "loss", "duplicate", "corrupt", "reorder")  # what `tbf` cannot do


@dataclass(frozen=True)
class Shape:
    """`delay` and `jitter` in milliseconds, one way; probabilities and correlations in percent; `burst` in packets that
    are lost in a row on average; `rate` in bit/s; `limit` (what may wait) and `buffer` (what may go at once) in bytes.
    A field is 0 for what is left alone."""

    delay: float = 0
    jitter: float = 0
    delay_correlation: float = 0
    loss: float = 0
    loss_correlation: float = 0
    burst: float = 0
    duplicate: float = 0
    duplicate_correlation: float = 0
    corrupt: float = 0
    corrupt_correlation: float = 0
    reorder: float = 0
    reorder_correlation: float = 0
    gap: int = 0
    rate: int = 0
    limit: int = 0
    buffer: int = 0

    def __str__(self) -> str:
        parts = []
        if self.delay:
            parts.append(f"{self.delay:g} ms" + (f" ± {self.jitter:g} ms" if self.jitter else ""))
        if self.loss:
            parts.append(f"{self.loss:g} % lost" + (f" in bursts of {self.burst:g}" if self.burst else ""))
        names = {"duplicate": "doubled", "corrupt": "damaged", "reorder": "overtaking"}
        parts += [f"{value:g} % {word}" for name, word in names.items() if (value := getattr(self, name))]
        if self.rate:
            parts.append(f"{_rate(self.rate)}")
        return ", ".join(parts) or "as fast as it can"

    @classmethod
    def of(cls, **given: Any) -> Self:
        """From what people write: `delay="80ms"`, `loss="1%"`, `rate="20mbit"`, `limit="64kb"`. Raises `UsageError`."""
        values: dict[str, Any] = {n: _READ[n](n, value) for n, value in given.items() if value not in ("", None)}
        shape = cls(**values)
        refuse([*shape._problems()])
        return shape.settled()

    def settled(self) -> Self:
        """As the kernel keeps it: what follows from the rest is filled in, and nothing is finer than what it keeps."""
        rate = self.rate // 8 * 8
        buffer = self.buffer or max(LEAST_BUFFER, round(rate / 8 * BUFFER_S)) if rate else 0
        values: dict[str, Any] = (
            asdict(self)
            | {name: round(getattr(self, name), 4) for name in _NAMES if name not in ("gap", "rate", "limit", "buffer")}
            | {"loss": round(self.loss, 3 if self.burst else 4), "burst": round(self.burst, 2)}
            | {"delay": round(self.delay, 3), "jitter": round(self.jitter, 3)}
            | {"gap": max(self.gap, 1) if self.reorder else 0, "rate": rate, "buffer": _three_digits(buffer)}
            | {"limit": self.limit or max(LEAST_LIMIT, round(rate / 8 * QUEUE_S)) if rate else 0}
        )
        return type(self)(**values)

    @property
    def nothing(self) -> bool:
        return self == type(self)()

    @property
    def needs_netem(self) -> bool:
        return any(getattr(self, name) for name in NETEM)

    @property
    def lost(self) -> float:
        """The part of all packets that does not arrive whole, 0 to 1."""
        return 1 - (1 - self.loss / 100) * (1 - self.corrupt / 100)

    def _problems(self) -> list[str]:
        wrong = []
        for name in ("jitter", "delay_correlation"):
            if getattr(self, name) and not self.delay:
                wrong.append(f"`{_option(name)}` needs `--delay`")
        if self.jitter > self.delay > 0:
            wrong.append(f"`--jitter` is {self.jitter:g} ms, more than the delay of {self.delay:g} ms")
        if self.delay > LONGEST_MS:
            wrong.append(f"`--delay` is {self.delay / 1000:g} s; {LONGEST_MS // 1000} s is the most")
        if (self.reorder or self.gap) and not self.delay:
            wrong.append("`--reorder` needs `--delay`: packets overtake those that are delayed")
        if self.gap and not self.reorder:
            wrong.append("`--gap` needs `--reorder`")
        for name in PERCENTAGES:
            if getattr(self, f"{name}_correlation", 0) and not getattr(self, name):
                wrong.append(f"`{_option(f'{name}_correlation')}` needs `--{name}`")
        if self.burst and not 0 < self.loss < 100:
            wrong.append("`--burst` needs a `--loss` between 0 and 100 %")
        if self.burst and self.loss_correlation:
            wrong.append("`--burst` and `--loss-correlation` are two models of the same; give one")
        if self.burst and self.burst < 1:
            wrong.append(f"`--burst` is {self.burst:g} packets; 1 is the least")
        if (self.limit or self.buffer) and not self.rate:
            wrong.append("`--limit` and `--buffer` need `--rate`")
        if self.rate and not 8_000 <= self.rate <= FASTEST:
            wrong.append(f"`--rate` is {_rate(self.rate)}; it must be 8 kbit/s to {_rate(FASTEST)}")
        elif self.rate:
            for name, most in (
                ("limit", MOST_BYTES),
                ("buffer", min(MOST_BYTES, round(self.rate / 8 * MOST_BUFFER_S))),
            ):
                if getattr(self, name) > most:
                    wrong.append(f"`--{name}` is {getattr(self, name):,} bytes; {most:,} is the most at this rate")
        return wrong

    # --- as the network probe says it: `lab/netprobe/qdisc.c` ---

    def words(self) -> str:
        """The keys for the kernel: nanoseconds, bytes, parts of 2^32 - 1."""
        good_to_bad = bad_to_good = 0.0
        if self.burst:
            bad_to_good = 100 / self.burst
            good_to_bad = self.loss * bad_to_good / (100 - self.loss)
        kernel = {
            "delay": round(self.delay * 1e6),
            "jitter": round(self.jitter * 1e6),
            "delay-correlation": _part(self.delay_correlation),
            "loss": 0 if self.burst else _part(self.loss),
            "loss-correlation": _part(self.loss_correlation),
            "good-to-bad": _part(good_to_bad),
            "bad-to-good": _part(bad_to_good),
            "duplicate": _part(self.duplicate),
            "duplicate-correlation": _part(self.duplicate_correlation),
            "corrupt": _part(self.corrupt),
            "corrupt-correlation": _part(self.corrupt_correlation),
            "reorder": _part(self.reorder),
            "reorder-correlation": _part(self.reorder_correlation),
            "gap": self.gap,
            "rate": self.rate // 8,
            "limit": self.limit,
            "buffer": self.buffer,
        }
        return " ".join(f"{key}={value}" for key, value in kernel.items() if value)

    @classmethod
    def from_words(cls, kernel: Mapping[str, int]) -> Self:
        """What the kernel keeps, read back."""
        percent = {name: kernel.get(name.replace("_", "-"), 0) / ALWAYS * 100 for name in _PERCENT}
        burst = 0.0
        if kernel.get("good-to-bad"):
            enter, leave = kernel["good-to-bad"], kernel.get("bad-to-good", ALWAYS)
            burst, percent["loss"] = ALWAYS / leave, 100 * enter / (enter + leave)
        return cls(
            delay=kernel.get("delay", 0) / 1e6,
            jitter=kernel.get("jitter", 0) / 1e6,
            burst=burst,
            gap=kernel.get("gap", 0),
            rate=kernel.get("rate", 0) * 8,
            limit=kernel.get("limit", 0),
            buffer=kernel.get("buffer", 0),
            **percent,
        ).settled()


def numbers(words: Iterable[str]) -> dict[str, int]:
    """What the network probe says as `KEY=N`."""
    return {key: int(number) for key, _, number in (word.partition("=") for word in words)}


def refuse(problems: list[str]) -> None:
    """Raises `UsageError` with all of them, if there are any."""
    if problems:
        raise UsageError("; ".join(problems), "`lab shape --help` has the options")


def given(shape: Shape) -> dict[str, str]:
    """As options have it: only what is not left alone."""
    units = {"delay": "ms", "jitter": "ms", "rate": "bit", "limit": "b", "buffer": "b", "gap": "", "burst": ""}
    values = {name: getattr(shape, name) for name in _NAMES}
    plain = {name: str(value) if isinstance(value, int) else f"{value:.10g}" for name, value in values.items() if value}
    return {name: f"{value}{units.get(name, '%')}" for name, value in plain.items()}


def _rate(bits: int) -> str:
    for unit, size in (("Gbit/s", 10**9), ("Mbit/s", 10**6), ("kbit/s", 10**3)):
        if bits >= size:
            return f"{bits / size:g} {unit}"
    return f"{bits} bit/s"


def _part(percent: float) -> int:
    return round(percent / 100 * ALWAYS)


def _three_digits(value: float) -> int:
    return int(float(f"{value:.3g}"))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _quantity(name: str, value: Any, units: Mapping[str, float], example: str) -> float:
    match = re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*([a-z%]*)", str(value).strip().lower())
    if not match or match[2] not in units:
        raise UsageError(f"`{_option(name)}` is `{value}`, and must be such as `{example}`")
    if match[1].startswith("-"):
        raise UsageError(f"`{_option(name)}` is `{value}`; it cannot be below zero")
    return float(match[1]) * units[match[2]]


def _milliseconds(name: str, value: Any) -> float:
    return round(_quantity(name, value, SECONDS, "80ms") * 1000, 3)


def _percent(name: str, value: Any) -> float:
    percent = _quantity(name, value, {"%": 1.0, "": 1.0}, "1%")
    if percent > 100:
        raise UsageError(f"`{_option(name)}` is `{value}`; 100 % is the most")
    return percent


def _bits(name: str, value: Any) -> int:
    return round(_quantity(name, value, BITS, "20mbit"))


def _bytes(name: str, value: Any) -> int:
    return round(_quantity(name, value, BYTES, "64kb"))


def _packets(name: str, value: Any) -> float:
    return _quantity(name, value, {"": 1.0}, "5")


_NAMES = tuple(field.name for field in fields(Shape))
_PERCENT = tuple(name for name in _NAMES if name.split("_")[0] in PERCENTAGES or name.endswith("_correlation"))
_READ: dict[str, Callable[[str, Any], float]] = (
    dict.fromkeys(_PERCENT, _percent)
    | {"delay": _milliseconds, "jitter": _milliseconds, "rate": _bits, "limit": _bytes, "buffer": _bytes}
    | {"burst": _packets, "gap": lambda name, value: round(_packets(name, value))}
)
