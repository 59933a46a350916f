"""A lab as a user has it: by its command line."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LAB = Path(sys.executable).parent / "lab"


@dataclass(frozen=True)
class Lab:
    """A lab as a user has it: by its command line."""

    name: str

    def command(self, *arguments: str) -> list[str]:
        return [str(LAB), *arguments, "--name", self.name]

    def run(self, *arguments: str, code: int = 0, timeout: float = 300) -> str:
        """stdout; fails when the exit code is another one."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=timeout, check=False, cwd=ROOT
        )
        assert done.returncode == code, (
            f"lab {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def fails(self, *arguments: str, code: int = 1) -> str:
        """stderr of a command that must fail with this exit code."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=300, check=False, cwd=ROOT
        )
        assert done.returncode == code, (
            f"lab {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        assert done.stderr.startswith("error: ") or "\nerror: " in done.stderr or "Error" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))

    def faults(self) -> set[str]:
        return {f"{f['kind']} {f['node']} {f.get('link', '')}".strip() for f in self.json("faults")}

    def left_behind(self) -> dict[str, int]:
        """How many containers, networks and volumes carry the lab's label."""
        label = f"label=lab.name={self.name}"
        commands = {"containers": ["ps", "-a"], "networks": ["network", "ls"], "volumes": ["volume", "ls"]}
        return {kind: len(docker(*command, "-q", "--filter", label).split()) for kind, command in commands.items()}


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=60).stdout
