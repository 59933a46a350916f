"""The actions and workflows: each command in them is a make target or a command of the lab, and what they and their
page say of inputs is true. `make lint` has actionlint look at the rest."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTIONS = {"nats-region-lab": ROOT / "action.yml", "nats-region-lab/results": ROOT / "results/action.yml"}
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
COMMAND = re.compile(r"(sudo )?make |(\.venv/bin/)?lab |echo |cat ")


def steps(path: Path) -> list[dict[str, Any]]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "runs" in content:
        return list(content["runs"]["steps"])
    return [step for job in content["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", [*ACTIONS.values(), *WORKFLOWS], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_command_is_a_make_target_or_one_of_the_lab(path: Path) -> None:
    scripts = [step["run"] for step in steps(path) if "run" in step]
    lines = [line for script in scripts for line in script.splitlines()]
    assert [line for line in lines if not COMMAND.match(line.partition("] || ")[2] or line)] == []


@pytest.mark.parametrize("path", ACTIONS.values(), ids=lambda path: path.parent.name)
def test_every_input_of_an_action_is_used_and_explained(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    inputs = yaml.safe_load(text)["inputs"]
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(inputs)
    page = (ROOT / "docs/github-actions.md").read_text(encoding="utf-8")
    assert [name for name in inputs if f"| `{name}` |" not in page] == []


def test_whoever_uses_an_action_gives_it_inputs_that_it_has() -> None:
    page = (ROOT / "docs/github-actions.md").read_text(encoding="utf-8")
    examples = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)]
    jobs = [example.get("jobs", {"one": example}) for example in examples]
    used = [step for each in jobs for job in each.values() for step in job["steps"]]
    used += [step for path in WORKFLOWS for step in steps(path)]
    ours = [(_action(step["uses"]), step.get("with", {})) for step in used if _action(step.get("uses", ""))]
    assert len(ours) > 6
    declared = {name: yaml.safe_load(path.read_text(encoding="utf-8"))["inputs"] for name, path in ACTIONS.items()}
    assert [(name, key) for name, given in ours for key in given if key not in declared[name]] == []


def _action(uses: str) -> str:
    """The name of one of this repository's actions, or ""."""
    name = uses.partition("@")[0].removeprefix("OWNER/")
    return {"./": "nats-region-lab", "./results": "nats-region-lab/results"}.get(name, name if name in ACTIONS else "")
