"""Run folders that are kept in the repository load, and their verdicts stay the same."""

from pathlib import Path

import pytest
from golden_runs import FOLDER

from lab.check import store
from lab.check.checkers import judge
from lab.errors import UsageError

VIOLATED = {
    "valid": {},
    "lost": {("P2a", "foo-read-east"): 3, ("P5c", "foo-read-east"): 3, ("P6", "foo-read-east"): 3},
    "duplicated": {("P2b", "foo-read-west"): 20, ("P4", "foo-read-west"): 20, ("P6", "foo-read-west"): 20},
    "damaged": {("P3", "foo-read-central"): 1},
}


def test_every_run_is_in_the_table() -> None:
    assert {path.name for path in FOLDER.iterdir()} == VIOLATED.keys()


@pytest.mark.parametrize("name", VIOLATED)
def test_the_verdict_on_a_run_that_is_kept(name: str) -> None:
    verdict = judge(store.load(FOLDER / name))
    found = {(each.property, each.place): each.violations for each in verdict.findings if each.violations}
    assert found == VIOLATED[name]
    assert verdict.validity == ("violated" if found else "valid")


def test_a_truncated_run_is_refused_with_a_sentence(tmp_path: Path) -> None:
    import shutil

    run = tmp_path / "run"
    shutil.copytree(FOLDER / "valid", run)
    rows = (run / "reads" / "foo-read-east.bin").read_bytes()
    (run / "reads" / "foo-read-east.bin").write_bytes(rows[:-5])
    with pytest.raises(UsageError, match=r"foo-read-east.bin ends in the middle of a row"):
        store.load(run)
