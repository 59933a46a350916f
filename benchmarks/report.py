"""How long a report takes to write, and how much memory: `python -m benchmarks.report [--messages 1000000]`.

Makes the same run as `benchmarks.judge`, then writes its report in a process of its own. Needs no Docker, but Linux:
memory is read from /proc.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.judge import history
from lab.check import store

WRITE = """
import json, re, sys, time
from pathlib import Path
from lab.check import store
from lab.check.report import documents
from lab.check.findings import Verdict
# Not getrusage: a process begins with its parent's maximum.
peak_kb = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
whole = store.load(Path(sys.argv[1]))
idle, verdict, began = peak_kb(), Verdict("valid", ()), time.perf_counter()
made = documents(whole, verdict, {})
seconds = time.perf_counter() - began
sizes = {name: len(text.encode()) for name, text in made.items()}
print(json.dumps({"seconds": seconds, "peak": peak_kb() / 1024, "idle": idle / 1024, "sizes": sizes}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-report-") as folder:
        store.save(history(arguments.messages, readers=False), Path(folder))
        done = subprocess.run([sys.executable, "-c", WRITE, folder], check=True, capture_output=True, text=True)
    result = json.loads(done.stdout)
    print(
        f"{arguments.messages:,} messages: written in {result['seconds']:.2f} s, peak {result['peak']:.0f} MB "
        f"({result['idle']:.0f} MB before it began), page {result['sizes']['report.html'] / 1000:.0f} kB"
    )


if __name__ == "__main__":
    main()
