"""Contexts of the `nats` command: the lab's own are written and removed, everybody else's stay byte for byte."""

import json
import os
import resource
from pathlib import Path

import pytest

from lab.contexts import Changes, contexts, default_folder, install, remove
from lab.errors import LabError
from lab.topology import Topology

NAMES = ("sc-west", "sc-west-sys", "sc-central", "sc-central-sys", "sc-east", "sc-east-sys")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "nats" / "context"


def listing(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def test_each_region_has_a_client_and_a_system_context() -> None:
    found = contexts(Topology())
    assert tuple(found) == NAMES
    assert found["sc-central"] == {
        "description": "Region central (nats-region-lab region-lab)",
        "url": "nats://127.0.0.1:17222,nats://127.0.0.1:17223,nats://127.0.0.1:17224",
    }
    system = found["sc-central-sys"]
    assert system["url"] == found["sc-central"]["url"]
    assert (system["user"], system["password"], system["color_scheme"]) == ("admin", "s3cr3t!", "red")


def test_another_lab_has_names_and_ports_of_its_own() -> None:
    topology = Topology(name="other", regions=("north", "south"))
    found = contexts(topology)
    assert tuple(found) == ("sc-other-north", "sc-other-north-sys", "sc-other-south", "sc-other-south-sys")
    assert found["sc-other-north"]["url"].startswith(f"nats://127.0.0.1:{topology.node('north-1').client_port},")


def test_the_folder_is_where_nats_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder({}) == tmp_path / ".config/nats/context"
    assert default_folder({"XDG_CONFIG_HOME": "/elsewhere"}) == Path("/elsewhere/nats/context")


def test_install_writes_private_files_and_nothing_the_second_time(folder: Path) -> None:
    assert install(Topology(), folder) == Changes(written=NAMES)
    assert {name: json.loads((folder / f"{name}.json").read_text()) for name in NAMES} == contexts(Topology())
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert len(listing(folder)) == len(NAMES)
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    assert install(Topology(), folder) == Changes(unchanged=NAMES)
    assert {path.name: path.stat().st_ino for path in folder.iterdir()} == before


def test_install_mends_its_own_that_differ_and_leaves_what_nats_rewrote(folder: Path) -> None:
    install(Topology(), folder)
    rewritten = {"name": "sc-west", **contexts(Topology())["sc-west"], "token": "", "tls_first": False}
    (folder / "sc-west.json").write_text(json.dumps(rewritten))
    changed = {**contexts(Topology())["sc-east"], "url": "nats://elsewhere"}
    (folder / "sc-east.json").write_text(json.dumps(changed))
    changes = install(Topology(), folder)
    assert changes.written == ("sc-east",)
    assert json.loads((folder / "sc-east.json").read_text()) == contexts(Topology())["sc-east"]
    assert json.loads((folder / "sc-west.json").read_text()) == rewritten


FOREIGN = {
    "another": b'{"description": "production", "url": "nats://prod"}',
    "another lab": b'{"description": "Region east (nats-region-lab second)"}',
    "no description": b'{"url": "nats://prod"}',
    "marker not at the end": b'{"description": "(nats-region-lab region-lab) copied and changed"}',
    "broken": b'{"description": "(nats-region-lab region-lab)"',
    "not text": b"\xff\xfe\x00",
    "empty": b"",
    "null": b"null",
    "zero": b"0",
    "a list": b'["(nats-region-lab region-lab)"]',
    "too deep": b"[" * 200_000,
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_file_of_somebody_else_stops_install_before_anything_is_written(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "sc-east.json").write_bytes(content)
    for dry_run in (True, False):
        with pytest.raises(LabError, match=r"sc-east\.json` is not this lab's") as caught:
            install(Topology(), folder, dry_run)
        assert caught.value.hint
    assert listing(folder) == {"sc-east.json": content}
    assert remove(Topology(), folder) == Changes()
    assert listing(folder) == {"sc-east.json": content}


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "pipe"])
def test_what_is_not_a_regular_file_is_somebody_elses(folder: Path, tmp_path: Path, kind: str) -> None:
    folder.mkdir(parents=True)
    target = folder / "sc-west-sys.json"
    mine = tmp_path / "mine.json"
    if kind == "link":
        mine.write_text(json.dumps(contexts(Topology())["sc-west-sys"]))
    if kind == "folder":
        target.mkdir()
    elif kind == "pipe":
        os.mkfifo(target)
    else:
        target.symlink_to(mine)
    with pytest.raises(LabError, match="sc-west-sys"):
        install(Topology(), folder)
    assert remove(Topology(), folder) == Changes()
    assert [path.name for path in folder.iterdir()] == ["sc-west-sys.json"]


def test_remove_deletes_the_labs_own_only(folder: Path) -> None:
    other = Topology(name="second")
    install(Topology(), folder)
    install(other, folder)
    (folder / "mine.json").write_text('{"description": "copied from (nats-region-lab region-lab)"}')
    assert remove(Topology(), folder) == Changes(removed=NAMES)
    assert set(listing(folder)) == {"mine.json", *(f"{name}.json" for name in contexts(other))}
    assert remove(Topology(), folder) == Changes()


def test_remove_where_nothing_is(folder: Path, tmp_path: Path) -> None:
    assert remove(Topology(), folder) == Changes()
    (tmp_path / "nats").write_text("a file where the folder should be")
    assert remove(Topology(), folder) == Changes()


def test_remove_names_the_selected_context_and_leaves_the_selection(folder: Path) -> None:
    install(Topology(), folder)
    selection = folder.parent / "context.txt"
    selection.write_text("sc-east\n")
    assert remove(Topology(), folder).selected == "sc-east"
    assert selection.read_text() == "sc-east\n"
    install(Topology(), folder)
    selection.write_text("production")
    assert remove(Topology(), folder).selected == ""


def test_a_dry_run_says_the_same_and_changes_nothing(folder: Path) -> None:
    assert install(Topology(), folder, dry_run=True) == Changes(written=NAMES)
    assert not folder.exists()
    install(Topology(), folder)
    before = listing(folder)
    assert remove(Topology(), folder, dry_run=True) == Changes(removed=NAMES)
    assert listing(folder) == before


def test_a_folder_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "nats").write_text("a file where the folder should be")
    with pytest.raises(LabError, match="cannot be written") as caught:
        install(Topology(), folder)
    assert caught.value.hint
    assert (tmp_path / "nats").read_text() == "a file where the folder should be"


def test_a_write_that_fails_half_way_leaves_what_was_there(folder: Path) -> None:
    install(Topology(), folder)
    (folder / "sc-west-sys.json").unlink()
    changed = {**contexts(Topology())["sc-west"], "url": "x"}
    (folder / "sc-west.json").write_text(json.dumps(changed))
    before = listing(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    small = len(json.dumps(contexts(Topology())["sc-west"], indent=2)) + 10  # room for sc-west, not for sc-west-sys
    resource.setrlimit(resource.RLIMIT_FSIZE, (small, limits[1]))
    try:
        with pytest.raises(LabError, match="File too large"):
            install(Topology(), folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert listing(folder) == before
