"""A run's folder that is not as it was written makes the verdict unknown, and says which file it is."""

import asyncio
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from golden_runs import FOLDER, valid

from lab.check import judging, observers, store
from lab.check.checkers import judge
from lab.check.clock import Clock
from lab.check.history import LIVE, PUBLISH, ROW, SECOND
from lab.errors import Untold, UsageError


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid run as this version writes it."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    store.save(valid(), folder)
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def halved(path: Path) -> None:
    """At the end of a row or a line, so that the rest can be read."""
    if path.suffix == ".bin":
        size = {"reads": ROW, "live": LIVE}.get(path.parent.name, PUBLISH).itemsize
        path.write_bytes(path.read_bytes()[: path.stat().st_size // size // 2 * size])
        return
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: len(lines) // 2]))


def foreign(path: Path) -> None:
    path.write_bytes(b"\xff" * path.stat().st_size)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


FILES = ("history.jsonl", "publishes.bin", "reads/foo-read-east.bin", "live/central-durable.bin", "replicas.json")
DAMAGES: dict[str, Callable[[Path], object]] = {
    "halved": halved,
    "emptied": lambda path: path.write_bytes(b""),
    "removed": Path.unlink,
    "foreign": foreign,
    "one bit": flipped,
}


def test_a_whole_run_is_valid(run: Path) -> None:
    assert judge(store.load(run)).validity == "valid"


def test_when_the_check_stood_still_is_noted_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observers, "STALL_S", 0.3)
    observed = observers.Observed()

    async def stall() -> None:
        stop = asyncio.Event()
        noting = asyncio.create_task(observed.watch_time(Clock.start(), stop))
        await asyncio.sleep(0.05)
        time.sleep(0.6)  # noqa: ASYNC251 - the very thing
        stop.set()
        await noting

    asyncio.run(stall())
    (noted,) = observed.stalls
    assert 0.4 * SECOND < noted.ended - noted.began < 0.6 * SECOND
    history = valid()
    store.save(replace(history, run=replace(history.run, stalls=(noted,), jump=-3.5)), tmp_path)
    kept = store.load(tmp_path).run
    assert (kept.stalls, kept.jump) == ((noted,), -3.5)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_and_nothing_else_is_concluded(run: Path, name: str, damage: str) -> None:
    DAMAGES[damage](run / name)
    verdict = judge(store.load(run))
    assert verdict.exit_code == 4
    assert {(finding.property, finding.validity) for finding in verdict.findings} == {("P0", "unknown")}
    assert [finding.sentence.partition(" ")[0] for finding in verdict.findings] == [name]


@pytest.mark.parametrize("name", FILES)
def test_the_report_of_a_damaged_run_says_so(run: Path, name: str) -> None:
    halved(run / name)
    result = judging.judge(run)
    assert f"  unknown   P0   {name} has " in judging.summary(result)
    assert json.loads((run / "results.json").read_text())["validity"] == "unknown"
    assert f"It cannot be told: {name} has " in (run / "report.md").read_text()


def test_a_file_that_was_added_is_named(run: Path) -> None:
    shutil.copy(run / "live" / "central-durable.bin", run / "live" / "west-durable.bin")
    shutil.copy(run / "live" / "central-durable.bin", run / "live" / "mars-durable.bin")
    findings = judge(store.load(run)).findings
    assert [finding.sentence for finding in findings] == [
        "live/mars-durable.bin was not there when the run was written",
        "live/west-durable.bin was not there when the run was written",
    ]


def test_a_run_that_was_not_written_to_its_end_is_unknown(run: Path) -> None:
    (run / "manifest.json").unlink()
    verdict = judge(store.load(run))
    assert verdict.validity == "unknown"
    assert "not written to its end" in verdict.findings[0].sentence


@pytest.mark.parametrize("damage", ["emptied", "removed", "foreign", "halved"])
def test_a_damaged_description_leaves_nothing_to_tell(run: Path, damage: str) -> None:
    DAMAGES[damage](run / "run.json")
    with pytest.raises(Untold, match=r"is damaged: run.json ") as refused:
        store.load(run)
    assert refused.value.exit_code == 4


def test_a_description_that_was_changed_is_named(run: Path) -> None:
    path = run / "run.json"
    path.write_text(path.read_text().replace('"complete": true', '"complete": false'))
    verdict = judge(store.load(run))
    assert [finding.sentence.partition(" ")[0] for finding in verdict.findings] == ["run.json"]
    assert verdict.exit_code == 4


def test_a_run_of_before_with_publishes_of_another_is_damaged(tmp_path: Path) -> None:
    run = Path(shutil.copytree(FOLDER / "valid", tmp_path / "run"))
    foreign(run / "publishes.bin")
    with pytest.raises(UsageError, match=r"damaged.*publishes.bin"):
        judging.judge(run)


@pytest.mark.parametrize("damage", ["emptied", "halved"])
def test_a_run_of_before_that_was_cut_short_ends_in_no_traceback(tmp_path: Path, damage: str) -> None:
    run = Path(shutil.copytree(FOLDER / "valid", tmp_path / "run"))
    DAMAGES[damage](run / "publishes.bin")
    assert judging.judge(run).verdict.validity != "valid"


def test_a_property_that_holds_in_some_places_only_is_told_by_place(tmp_path: Path) -> None:
    result = judging.judge(Path(shutil.copytree(FOLDER / "lost", tmp_path / "run")))
    lines = judging.summary(result).splitlines()
    assert "  valid     P2a  only foo-read-west, foo-read-central" in lines
    everywhere = next(line for line in lines if line.startswith("  valid     L")).split()
    assert "P2b," in everywhere
    assert "P2a," not in everywhere
