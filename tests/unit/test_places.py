"""Where files are: in the checkout, or without one where every command finds them."""

from pathlib import Path

import pytest

from lab import __version__, files, places
from lab.topology import Topology


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home folder, and no checkout; you are elsewhere."""
    home = tmp_path / "home"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(places, "CHECKOUT", None)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return home


@pytest.mark.parametrize("name", ["region-lab", "second"])
def test_an_installed_lab_has_its_files_in_your_data_folder_by_name_and_version(installed: Path, name: str) -> None:
    folder = files.folder(Topology(name=name), places.generated())
    assert folder == installed / ".local/share/nats-region-lab" / __version__ / name


def test_a_data_folder_of_your_own_is_used(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(installed / "data"))
    assert places.generated().is_relative_to(installed / "data")
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    assert places.generated().is_relative_to(installed / ".local")


def test_macos_has_a_place_of_its_own(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert places.generated().is_relative_to(installed / "Library/Application Support")


def test_what_is_yours_is_in_the_current_folder(installed: Path) -> None:
    assert places.workspace() == Path.cwd()


def test_in_the_checkout_the_default_labs_files_are_the_committed_ones() -> None:
    assert places.CHECKOUT
    assert places.workspace() == places.generated() == places.CHECKOUT
    assert (files.folder(Topology(), places.CHECKOUT) / "compose/compose.yaml").is_file()
    assert files.folder(Topology(name="second"), places.CHECKOUT) == places.CHECKOUT / ".lab/second"


def test_a_folder_that_you_name_has_each_lab_in_a_folder_of_its_own(tmp_path: Path) -> None:
    for topology in (Topology(), Topology(name="second")):
        files.write(topology, tmp_path)
        assert files.differences(topology, tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == {"region-lab", "second"}
