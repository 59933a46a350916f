"""Builds the network probe for both architectures: `python -m lab.netprobe.build [--check]`.

The programs are committed, since a user has no compiler; `--check` builds them anew and compares them byte for byte.
The compiler is pinned and comes as a wheel: `pip install ziglang==0.15.1`.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
COMPILER = "0.15.1"
FLAGS = ("-static", "-Os", "-s", "-g0", "-Wall", "-Werror")
SOURCES = ("probe.c", "shared.c", "interfaces.c", "netlink.c", "qdisc.c", "rules.c", "flow.c")
TARGETS = {"linux-amd64": "x86_64-linux-musl", "linux-arm64": "aarch64-linux-musl"}


def build(name: str, output: Path) -> None:
    """Compile one program; the same source gives the same bytes wherever it is built."""
    command = [sys.executable, "-m", "ziglang", "cc", "-target", TARGETS[name], *FLAGS, *SOURCES, "-o", str(output)]
    subprocess.run(command, cwd=HERE, check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the network probe for both architectures.")
    parser.add_argument("--check", action="store_true", help="only compare the committed programs with a new build")
    check: bool = parser.parse_args().check
    version = subprocess.run([sys.executable, "-m", "ziglang", "version"], capture_output=True, text=True, check=False)
    if version.stdout.strip() != COMPILER:
        sys.exit(f"error: the compiler is missing or another one\n\nhint: pip install ziglang=={COMPILER}")
    if not check:
        for name in TARGETS:
            build(name, HERE / name)
        return 0
    stale = []
    with tempfile.TemporaryDirectory() as folder:
        for name in TARGETS:
            build(name, Path(folder) / name)
            if (Path(folder) / name).read_bytes() != (HERE / name).read_bytes():
                stale.append(name)
    if stale:
        print(f"{', '.join(stale)}: not what the sources give; run `python -m lab.netprobe.build`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
