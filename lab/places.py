"""Where the lab keeps what it writes: in the checkout, or where an installed package may write
(docs/decisions/0011-files-of-an-installed-lab.md)."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from lab import __version__
from lab.errors import LabError

_AROUND = Path(__file__).resolve().parents[1]
CHECKOUT = _AROUND if (_AROUND / "pyproject.toml").is_file() else None


def workspace() -> Path:
    """Where `lab.yaml` is looked for and `runs/` are: the checkout that this package runs from, else the current
    folder."""
    return CHECKOUT or Path.cwd()


def generated(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the generated files are: the checkout, else a folder of this version in your data folder, so that every
    command finds the files of a lab by its name. Raises `LabError`."""
    return CHECKOUT or _data(environment) / "nats-region-lab" / __version__


def _data(environment: Mapping[str, str]) -> Path:
    named = Path(environment.get("XDG_DATA_HOME", ""))
    if named.is_absolute():  # the XDG specification has others ignored
        return named
    try:
        home = Path.home()
    except RuntimeError as error:
        raise LabError("this user has no home directory", "set `XDG_DATA_HOME` or `HOME`") from error
    return home / "Library" / "Application Support" if sys.platform == "darwin" else home / ".local" / "share"
