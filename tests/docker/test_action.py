"""The steps of action.yml and results/action.yml, run one after the other as the runner of GitHub does; what comes from
other actions is left out."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from labs import ROOT, Lab

LAB = Lab("test-action")
SMALL = "regions: [north, south]\nnodes_per_region: 1\nreplicas: 1\n"
EQUALS = re.compile(r"([\w.-]+) (==|!=) '(\w+)'")
FILES = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")


@dataclass
class Job:
    """A job whose workspace is `folder`; `environment` is what its steps have said so far."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def uses(self, action: Path, **given: str) -> str:
        """What the action's steps printed."""
        content = yaml.safe_load(action.read_text(encoding="utf-8"))
        values = {f"inputs.{name}": given.get(name, each["default"]) for name, each in content["inputs"].items()}
        self.environment["GITHUB_ACTION_PATH"] = str(action.parent)
        scripts = [step for step in content["runs"]["steps"] if "run" in step and _holds(step.get("if", ""), values)]
        return "".join(self._run(step, values) for step in scripts)

    def run(self, script: str) -> str:
        return self._run({"run": script}, {})

    def _run(self, step: dict[str, Any], values: dict[str, str]) -> str:
        own = {name: re.sub(r"\${{ (\S+) }}", lambda found: values[found[1]], text) for name, text in _env(step)}
        paths = {name: str(self.folder / name) for name in FILES}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env=os.environ | {"RUNNER_TEMP": str(self.folder / "temp")} | paths | self.environment | own,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{step['run']}\n{done.stdout}\n{done.stderr}"
        for line in _taken(self.folder / "GITHUB_ENV"):
            name, _, value = line.partition("=")
            self.environment[name] = value
        for line in _taken(self.folder / "GITHUB_PATH"):
            self.environment["PATH"] = f"{line}:{os.environ['PATH']}"
        return done.stdout


def _env(step: dict[str, Any]) -> list[tuple[str, str]]:
    return list(step.get("env", {}).items())


def _holds(condition: str, values: dict[str, str]) -> bool:
    """Outputs of other actions are empty, as those of a cache that has nothing."""
    found = EQUALS.fullmatch(condition)
    assert found or not condition, condition
    return not found or (values.get(found[1], "") == found[3]) == (found[2] == "==")


def _taken(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    path.write_text("", encoding="utf-8")
    return lines


def test_a_job_starts_a_lab_uses_it_and_keeps_the_results(tmp_path: Path) -> None:
    job = Job(tmp_path, {"XDG_DATA_HOME": str(tmp_path / "data")})
    (tmp_path / "temp").mkdir()
    (tmp_path / "small.yaml").write_text(SMALL, encoding="utf-8")
    try:
        job.uses(ROOT / "action.yml", name=LAB.name, file="small.yaml")
        assert job.run("command -v lab").startswith(str(tmp_path))
        assert job.run("command -v python3") == subprocess.check_output(["bash", "-c", "command -v python3"], text=True)
        job.run("lab partition north")
        job.run("lab heal --wait --hasten")
        assert "nats" in job.run('lab image --load "$RUNNER_TEMP/nats-server.tar"')
        job.uses(ROOT / "results/action.yml")
        assert (tmp_path / "lab-collected.zip").is_file()
        assert LAB.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}
    finally:
        LAB.run("down")
