"""Which commands get a head start, and for which lab."""

from pathlib import Path

import pytest

from lab import headstart


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a lab.yaml, which is also the checkout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(headstart, "CHECKOUT", tmp_path)
    monkeypatch.delenv("LAB_NAME", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "lab"),
    [
        ("partition central", "region-lab"),
        ("partition central --name other", "other"),
        ("cut -n other west east", "other"),
        ("heal --name=other --wait", "other"),
        ("", None),
        ("--help", None),
        ("up", None),
        ("status --name other", None),
        ("partition --help", None),
        ("kill west -h", None),
        ("partition central --dry-run", None),
        ("partition --name a --name b central", None),
        ("partition central --name Bad/Name", None),
        ("partition central --name", "region-lab"),
    ],
)
def test_a_command_that_makes_or_undoes_faults_gets_a_head_start(arguments: str, lab: str | None) -> None:
    assert headstart.which(arguments.split()) == lab


def test_the_environment_names_the_lab_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_NAME", "other")
    assert headstart.which(["heal"]) == "other"
    assert headstart.which(["heal", "--name", "third"]) == "third"


def test_a_lab_yaml_has_to_be_read_first(nowhere: Path) -> None:
    (nowhere / "lab.yaml").write_text("name: other\n")
    assert headstart.which(["heal"]) is None
    assert headstart.which(["heal", "--name", "third"]) == "third"
