"""The command `lab` where its streams or its machine are not as they should be: a sentence, and no traceback."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from labs import LAB

from lab import __version__
from lab.cli.app import write
from lab.errors import LabError
from lab.jetstream.session import Entry
from lab.observe.comparison import Copy, compare
from lab.printable import printable
from lab.scenario import show
from lab.scenario.evidence import Answer, Held
from lab.view import comparison, entries

HOSTILE = "a\nfoo-write-west:99  fake\x1b[2J\u202e"
ORIGIN = ("foo-write-west", 1)


def shell(command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        ["/bin/sh", "-c", f"{LAB} {command}"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_full_disk_behind_stdout_is_told() -> None:
    done = shell("scenario list > /dev/full")
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    done = shell(f"--version; cd {tmp_path} && rmdir {tmp_path} && {LAB} collect")
    assert done.stderr.endswith("error: the folder in which you are was removed\n")


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "1e9"])
@pytest.mark.parametrize("command", ["up --timeout", "heal --wait --timeout", "compare --wait", "probe --timeout"])
def test_a_time_that_does_not_end_is_refused(command: str, seconds: str) -> None:
    """By itself, before anything is done: there is no Docker here."""
    done = shell(f"{command} {seconds} --name x", DOCKER_HOST="unix:///nowhere")
    assert (done.returncode, "Invalid value for" in done.stderr) == (2, True)


def test_a_file_that_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "drawing").write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(LabError, match="cannot be written: File too large"):
            write(tmp_path / "drawing", "x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("drawing", "before")]
    (tmp_path / "drawing").chmod(0o600)
    (tmp_path / "link").symlink_to("drawing")
    write(tmp_path / "link", "after")
    assert (tmp_path / "link").is_symlink()
    assert ((tmp_path / "drawing").read_text(), (tmp_path / "drawing").stat().st_mode & 0o777) == ("after", 0o600)
    write(Path("/dev/null"), "x")
    assert Path("/dev/null").is_char_device()


def test_the_version_is_printed() -> None:
    assert shell("--version").stdout == f"lab {__version__}\n"


def test_options_come_from_the_environment_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nregions: [north, south]\n")
    assert [it["name"] for it in json.loads(shell("scenario list", LAB_JSON="1").stdout)]
    assert json.loads(shell("render --check --json", LAB_FILE=str(file)).stdout)[0]["state"] == "missing"


def test_a_closed_stdout_is_no_reason_to_fail() -> None:
    assert shell("scenario list >&-").returncode == 0


def test_a_terminal_with_few_letters_gets_a_question_mark_for_others() -> None:
    program = "from lab import __main__; from lab.cli.app import show; __main__.have_streams(); show('west ═ east')"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "west ? east\n"


def test_a_message_cannot_come_from_a_closed_stdin() -> None:
    done = shell("pub west foo.x - <&-")
    assert done.returncode == 2
    assert "there is no stdin" in done.stderr


@pytest.mark.parametrize("command", ["partition central", "pub west foo.x hello", "heal"])
def test_a_machine_without_docker_is_told(command: str, tmp_path: Path) -> None:
    done = shell(command, PATH=str(tmp_path))
    assert done.returncode == 1
    assert "the `docker` command was not found" in done.stderr


def test_what_others_wrote_neither_forges_rows_nor_drives_the_terminal() -> None:
    entry = Entry(1, f"foo.{HOSTILE}", "", HOSTILE.encode(), ORIGIN, {})
    copy = Copy(ORIGIN, f"foo.{HOSTILE}", HOSTILE, b"")
    told = [
        entries([entry]),
        show.delivered([entry]),
        show.side_by_side(Held({"west": (copy,)}), 10),
        comparison(compare({"west": [copy], "east": []})),
        show.answer(Answer(1, {}, HOSTILE)),
    ]
    for text in told:
        assert "a\\nfoo-write-west:99  fake" in text
        assert not {"\x1b", "\u202e"} & set(text)
        assert not any(line.startswith("foo-write-west:99") for line in text.splitlines())


def test_ordinary_text_stays_as_it_is() -> None:
    assert printable("naïve — 日本 ✓ a\tb") == "naïve — 日本 ✓ a\tb"
    assert printable("\udcff") == "\\udcff"
