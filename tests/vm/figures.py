"""What shapes come to on real kernels, as the table of docs/results.md: `PYTHONPATH=tests python -m vm.figures`."""

import tempfile
from pathlib import Path

from vm import guest, kernels
from vm.guest import EAST, WEST, Guest

from lab.faults.flows import LARGE, SMALL, Figures, Flow
from lab.profiles import PROFILES
from lab.shape import Shape

SHAPES = {
    "`--delay 80ms`": Shape.of(delay="80ms"),
    "`--delay 80ms --jitter 10ms`": Shape.of(delay="80ms", jitter="10ms"),
    "`--loss 1%`": Shape.of(loss="1%"),
    "`--loss 5% --burst 5`": Shape.of(loss="5%", burst="5"),
    "`--rate 20mbit`": Shape.of(rate="20mbit"),
    "`--delay 80ms --jitter 10ms --loss 1% --rate 20mbit`": Shape.of(
        delay="80ms", jitter="10ms", loss="1%", rate="20mbit"
    ),
    **{f"`--profile {name}`": profile.shape for name, profile in PROFILES.items()},
}
PACKETS, GAP_US = 5_000, 2_000


def row(vm: Guest, shape: Shape) -> str:
    """What was measured: out of the shaped end, and back."""
    (answer,) = vm.ask("NS west", f"SHAPE {WEST} handle=1 {shape.words()}")
    assert answer.startswith("shaped "), answer
    # First the way back, which asks for addresses.
    back = measured(vm, "east", Flow("east", "west", "", WEST, shape, 100, SMALL, GAP_US), vm.west)
    there = measured(vm, "west", Flow("west", "east", "", EAST, shape, PACKETS, SMALL, GAP_US), vm.east)
    rate = "–"
    if shape.rate:
        packets, gap = shape.rate // 40_000, LARGE * 4_000_000 // shape.rate  # for a third of a second, twice as fast
        full = measured(vm, "west", Flow("west", "east", "", EAST, shape, packets, LARGE, gap), vm.east)
        rate = f"{full.rate / 1e6:.1f} Mbit/s"
    spread = f"{there.min:.1f} / {there.median:.1f} / {there.max:.1f} ms, ± {there.deviation:.1f}"
    return f"{spread} | {100 * there.lost:.2f} % | {rate} | {back.median:.2f} ms, {100 * back.lost:g} %"


def measured(vm: Guest, side: str, flow: Flow, target: int) -> Figures:
    (answer,) = vm.ask(f"NS {side}", flow.line(target))
    found = Figures.read(answer)
    assert found, answer
    return found


def main() -> None:
    for generation in (0, 1):
        kernel = kernels.kernel(generation)
        print(f"\nKernel {kernel.release}:\n\n| shape | min / median / max, deviation | lost | rate | the way back |")
        print("|---|---|---|---|---|")
        with tempfile.TemporaryDirectory() as folder, guest.boot(kernel, Path(folder)) as vm:
            for name, shape in SHAPES.items():
                print(f"| {name} | {row(vm, shape)} |", flush=True)


if __name__ == "__main__":
    main()
