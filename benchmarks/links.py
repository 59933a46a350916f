"""What faults on links cost: `python -m benchmarks.links` (needs Docker, takes two minutes).

Interfaces are shaped, cut in one direction, made to refuse: the whole command, and how long it took from the first
effect to the last. `lab status` and `lab faults` with nothing in force, and with six shapes. docs/results.md keeps a
run.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

LAB = Path(sys.executable).parent / "lab"
NAME = "bench"
REPEAT = 7
SETTLE_S = 20  # servers are busy for a while after they have started
FAULTS = {
    "shape, six interfaces": "shape west east --rate 50mbit",
    "one-way cut, three interfaces": "cut west->east",
    "refusal, three interfaces": "cut west east --reject",
}


def lab(command: str) -> str:
    done = subprocess.run(
        [str(LAB), *command.split(), "--name", NAME], capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        raise RuntimeError(f"lab {command}: {done.stderr}")
    return done.stdout


def timed(command: str) -> tuple[float, str]:
    began = time.perf_counter()
    out = lab(command)
    return time.perf_counter() - began, out


def looks(when: str) -> None:
    for command in ("status", "faults"):
        seconds = statistics.median(timed(command)[0] for _ in range(REPEAT))
        print(f"lab {command}, {when:<24} {seconds:6.2f} s", flush=True)


def main() -> None:
    lab("up")
    try:
        time.sleep(SETTLE_S)
        looks("nothing in force")
        for what, command in FAULTS.items():
            runs = []
            for _ in range(REPEAT):
                seconds, out = timed(f"{command} --json")
                runs.append((seconds, json.loads(out)["took_hold_s"]))
                lab("heal")
            total, hold = (statistics.median(values) for values in zip(*runs, strict=True))
            most = max(took for _, took in runs)
            print(
                f"{what:<32} {total:6.2f} s   first to last {hold * 1000:5.2f} ms (at most {most * 1000:.2f} ms)",
                flush=True,
            )
        lab(FAULTS["shape, six interfaces"])
        looks("six shapes in force")
    finally:
        lab("down")


if __name__ == "__main__":
    main()
