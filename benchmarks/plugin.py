"""What the pytest plugin takes before a test: `python -m benchmarks.plugin` (needs Docker, two minutes).

The same tests as somebody would write: some that do nothing to their lab, some after one that left a partition of ten
seconds. The setup of each is pytest's own figure. Nothing is judged; docs/results.md keeps a run.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

QUIET, PARTITIONS = 8, 3
TESTS = f"""
import time
import pytest

@pytest.mark.parametrize("turn", range({QUIET}))
def test_quiet(lab, turn):
    pass

@pytest.mark.parametrize("turn", range({PARTITIONS} + 1))
def test_partition(lab, turn):
    lab.partition("central")
    time.sleep(10)
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-plugin") as folder:
        (Path(folder) / "test_bench.py").write_text(TESTS, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "--durations=0", "--durations-min=0", "--rootdir", folder]
        out = subprocess.run([*command, folder], capture_output=True, text=True, check=True, timeout=900).stdout
    for name, left in (("quiet", "nothing to heal"), ("partition", "a partition of 10 s")):
        found = re.findall(rf"([\d.]+)s setup .*test_{name}\[(\d+)\]", out)
        seconds = sorted(
            float(taken) for taken, turn in found if turn != "0"
        )  # the first starts the lab, or is after it
        print(f"| left {left} ({len(seconds)} tests) | {seconds[0]:.2f}–{seconds[-1]:.2f} |")


if __name__ == "__main__":
    main()
