"""The generated files of a lab whose description changes."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab import files
from lab.render import files as render
from lab.topology import Topology

BEFORE = Topology(name="another", server_options={"banana": "it's"})
NOW = replace(BEFORE, regions=("west", "east"), server_options={})


def test_what_was_rendered_for_another_description_is_outdated_unless_it_was_edited(tmp_path: Path) -> None:
    files.write(BEFORE, tmp_path)
    assert files.outdated(BEFORE, tmp_path) == []
    place = files.folder(NOW, tmp_path)
    (place / "configs/west-1.conf").write_text("edited: yes")
    found = files.outdated(NOW, tmp_path)
    assert {"compose/compose.yaml", "configs/west-2.conf", "configs/central-1.conf"} <= {*found}
    assert "configs/west-1.conf" not in found
    files.remove(NOW, tmp_path, found)
    files.write(NOW, tmp_path, only_missing=True)
    assert [difference.path for difference in files.differences(NOW, tmp_path)] == ["configs/west-1.conf"]
    assert not (place / "configs/central-1.conf").exists()


def test_what_another_version_rendered_is_outdated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = render(BEFORE)
    with monkeypatch.context() as patch:
        patch.setattr("lab.files.render", lambda _: {**now, "compose/compose.yaml": "services: {}", "gone.conf": "x"})
        files.write(BEFORE, tmp_path)
    assert files.outdated(BEFORE, tmp_path) == ["compose/compose.yaml", "gone.conf"]


def test_files_of_which_nobody_knows_who_wrote_them_are_left_alone(tmp_path: Path) -> None:
    files.write(BEFORE, tmp_path)
    (files.folder(BEFORE, tmp_path) / files.RECORD).unlink()
    assert files.outdated(NOW, tmp_path) == []


def test_what_is_as_it_would_be_written_counts_as_written(tmp_path: Path) -> None:
    files.write(BEFORE, tmp_path)
    (files.folder(BEFORE, tmp_path) / files.RECORD).unlink()
    assert files.write(BEFORE, tmp_path) == []
    assert "compose/compose.yaml" in files.outdated(NOW, tmp_path)


def test_a_folder_that_takes_no_record_is_used_all_the_same(tmp_path: Path) -> None:
    (files.folder(BEFORE, tmp_path) / files.RECORD).mkdir(parents=True)
    assert "compose/compose.yaml" in files.write(BEFORE, tmp_path)
    assert files.write(BEFORE, tmp_path) == []


def test_all_that_was_written_is_removed(tmp_path: Path) -> None:
    files.remove(NOW, tmp_path, files.write(NOW, tmp_path))
    assert not files.folder(NOW, tmp_path).exists()
