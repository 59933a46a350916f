"""python-on-whales, and the only import of it: loaded when something is to be changed, its errors as `DockerError`."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lab.docker.mishaps import explain
from lab.errors import DockerError

if TYPE_CHECKING:
    from python_on_whales import DockerClient

_loading = threading.Lock()


def load() -> None:
    """One thread at a time: its modules import each other, which two threads that enter at different ends cannot do."""
    with _loading:
        import python_on_whales  # noqa: F401


def docker() -> "DockerClient":
    """The engine that the `docker` command talks to."""
    load()
    from python_on_whales import DockerClient

    return DockerClient()


def compose(file: Path, image: str) -> "DockerClient":
    """A Compose project. `image` is the file's `LAB_IMAGE`: in the environment of the `docker` process alone, so that
    labs come up side by side, and an `image:` that you wrote into the file yourself is obeyed.

    Where there is `setsid`, Ctrl-C does not reach it: the engine would finish what it was asked last behind our back.
    """
    load()
    from python_on_whales import DockerClient

    alone = ["setsid"] if shutil.which("setsid") else []
    return DockerClient(client_call=["env", f"LAB_IMAGE={image}", *alone, "docker"], compose_files=[file])


@contextmanager
def translated(doing: str, but: str = "") -> Iterator[None]:
    """python-on-whales' errors as `DockerError`; an error that says `but` means that it was so already."""
    load()
    from python_on_whales.client_config import ClientNotFoundError
    from python_on_whales.exceptions import DockerException

    try:
        yield
    except ClientNotFoundError as error:
        raise DockerError("the `docker` command was not found", "`lab doctor` shows what is missing") from error
    except DockerException as error:
        text = error.stderr or str(error)
        if not but or but not in text:
            raise explain(text, doing) from error
