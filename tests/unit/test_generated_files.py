"""The generated files of a lab whose description changes."""

from dataclasses import replace
from pathlib import Path

from lab import files
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


def test_files_that_say_nothing_of_their_description_are_left_alone(tmp_path: Path) -> None:
    files.write(BEFORE, tmp_path)
    files.compose_path(BEFORE, tmp_path).write_text("services: {}")
    assert files.outdated(NOW, tmp_path) == []


def test_all_that_was_written_is_removed(tmp_path: Path) -> None:
    files.remove(NOW, tmp_path, files.write(NOW, tmp_path))
    assert not files.folder(NOW, tmp_path).exists()
