"""The `nats` command's contexts of a lab: `sc-west`, `sc-west-sys` and so on, in the user's own configuration folder.

Other people's contexts live in the same folder. A file is the lab's only when it is a regular file whose description
ends with the lab's marker; anything else, also what cannot be read, is somebody else's and stays as it is.
"""

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.layouts import Account, layout_of
from lab.topology import DEFAULT_NAME, Topology


@dataclass(frozen=True)
class Changes:
    """Names of contexts. `selected` is the removed one that the user had selected, else empty.

    The selection itself is the user's and stays: `nats` then fails with the missing name until another is selected,
    whereas clearing it would send the next `nats` command silently to localhost:4222.
    """

    written: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    selected: str = ""


def default_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where `nats` looks: `$XDG_CONFIG_HOME/nats/context`, or the same in `~/.config`."""
    base = environment.get("XDG_CONFIG_HOME")
    try:
        return (Path(base) if base else Path.home() / ".config") / "nats" / "context"
    except RuntimeError as error:
        raise LabError("this user has no home directory", "set `XDG_CONFIG_HOME` or `HOME`") from error


def names(folder: Path) -> list[str]:
    """Of all contexts that are there."""
    return sorted(path.stem for path in folder.glob("*.json"))


def contexts(topology: Topology) -> dict[str, dict[str, str]]:
    """Name -> content of all contexts; fields that are left out are empty to `nats`."""
    prefix = "sc-" if topology.name == DEFAULT_NAME else f"sc-{topology.name}-"
    layout = layout_of(topology)
    found: dict[str, dict[str, str]] = {}
    for region in topology.regions:
        url = ",".join(f"nats://127.0.0.1:{node.client_port}" for node in topology.region_nodes(region))
        marker = _marker(topology)
        if region in layout.regions:
            found[f"{prefix}{region}"] = {
                "description": f"Region {region} {marker}",
                "url": url,
                **_login(layout.account(region)),
            }
        found[f"{prefix}{region}-sys"] = {
            "description": f"Region {region}, system account {marker}",
            "url": url,
            **_login(layout.system),
            "color_scheme": "red",
        }
    return found


def _login(account: Account) -> dict[str, str]:
    if account.file:
        return {"creds": account.file}
    return {"user": account.user, "password": account.password} if account.user else {}


def install(topology: Topology, folder: Path, dry_run: bool = False) -> Changes:
    """Write the contexts that are missing or differ; nothing at all when one of the names is somebody else's."""
    pending: dict[str, str] = {}
    unchanged = []
    foreign = []
    for name, wanted in contexts(topology).items():
        path = _path(folder, name)
        have = _read(path)
        if have is not None and _is_ours(have, topology) and _same(have, wanted):
            unchanged.append(name)
        elif have is not None and not _is_ours(have, topology):
            foreign.append(f"`{path}`")
        else:
            pending[name] = json.dumps(wanted, indent=2) + "\n"
    if foreign:
        raise LabError(
            f"{', '.join(foreign)} {'is' if len(foreign) == 1 else 'are'} not this lab's, so nothing was written",
            "rename or delete it if you do not need it (`nats context rm NAME`), or use another lab name",
        )
    if pending and not dry_run:
        _write(folder, pending)
    return Changes(written=tuple(pending), unchanged=tuple(unchanged))


def remove(topology: Topology, folder: Path, dry_run: bool = False) -> Changes:
    """Delete the lab's contexts; what is not there, or somebody else's, is left."""
    removed = []
    for name in contexts(topology):
        path = _path(folder, name)
        have = _read(path)
        if have is None or not _is_ours(have, topology):
            continue
        if not dry_run:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise LabError(f"`{path}` cannot be deleted: {error.strerror}", "is the folder yours?") from error
        removed.append(name)
    selected = _selected(folder)
    return Changes(removed=tuple(removed), selected=selected if selected in removed else "")


def _marker(topology: Topology) -> str:
    return f"(nats-region-lab {topology.name})"


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _read(path: Path) -> Any:
    """What stands in the file: None when there is none, an empty dictionary when it cannot be read."""
    try:
        # A link, a folder or a pipe is nothing that the lab made, and reading a pipe would hang.
        return json.loads(path.read_bytes()) or {} if stat.S_ISREG(path.lstat().st_mode) else {}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError):
        return {}


def _is_ours(have: Any, topology: Topology) -> bool:
    return isinstance(have, dict) and str(have.get("description")).endswith(_marker(topology))


def _same(have: dict[str, Any], wanted: dict[str, str]) -> bool:
    """`nats context edit` adds the name and every empty field, which changes nothing."""
    return {key: value for key, value in have.items() if value and key != "name"} == wanted


def _selected(folder: Path) -> str:
    try:
        return (folder.parent / "context.txt").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _write(folder: Path, contents: dict[str, str]) -> None:
    """All of them beside their places first, then renamed: a full disk leaves the old ones."""
    staged: dict[Path, Path] = {}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in contents.items():
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")  # made with mode 0600
            staged[Path(temporary)] = _path(folder, name)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(content)
        for source, target in staged.items():
            source.replace(target)
    except OSError as error:
        raise LabError(
            f"contexts cannot be written to `{folder}`: {error.strerror}", "is the disk full, or the folder not yours?"
        ) from error
    finally:
        for source in staged:
            source.unlink(missing_ok=True)
