"""Two hundred commands of a user who tries everything; `make random-user` plays more, each night a thousand."""

from pathlib import Path

from random_user import play


def test_the_lab_tells_the_truth_about_itself_whatever_is_done_to_it(tmp_path: Path) -> None:
    play(seed=7, commands=200, folder=tmp_path)
