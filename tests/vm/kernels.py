"""Kernels of the distribution, as packages: the oldest and the newest generation that apt has, unpacked into a cache.

They have what the lab's faults on links need (`sch_netem`, `nf_tables`), whatever this machine's kernel has.
"""

import lzma
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

MODULES = ("veth", "sch_netem", "sch_tbf", "nf_tables", "nft_reject_ipv4")
# Debian: the small kernel for virtual machines, in one package; Ubuntu: the generic one, with modules in two others.
PACKAGE = re.compile(r"linux-image-(\d+)\.(\d+)\.\d+\S*-(?:cloud-amd64|generic)")
DEBIAN = "cloud-amd64"
DOWNLOAD_S = 300


class KernelError(Exception):
    """There is no kernel to be had; the text says why."""


@dataclass(frozen=True)
class Kernel:
    """`modules` in the order in which they can be loaded."""

    release: str
    image: Path
    modules: tuple[Path, ...]


def cache() -> Path:
    """A folder of this project, outside the checkout, that tests may fill and you may delete."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nats-region-lab"


def kernel(generation: int) -> Kernel:
    """The oldest (0) or the newest (1) that apt has here. Raises `KernelError`."""
    packages = _packages()
    if generation and packages[0] == packages[1]:
        raise KernelError("apt has kernels of one generation only")
    release = packages[generation].removeprefix("linux-image-")
    folder = cache() / "kernels" / "-".join((release, *MODULES))
    if not folder.is_dir():
        _obtain(release, folder)
    modules = (folder / "order").read_text().split()
    return Kernel(release, folder / "vmlinuz", tuple(folder / name for name in modules))


def _packages() -> tuple[str, str]:
    """The newest of the oldest generation, and the newest of all."""
    if not shutil.which("apt-cache"):
        raise KernelError("kernels come as packages of Debian or Ubuntu, and there is no apt here")
    names = subprocess.run(["apt-cache", "pkgnames", "linux-image-"], capture_output=True, text=True, check=True).stdout
    found: dict[tuple[int, int], list[str]] = {}
    for name in names.split():
        if match := PACKAGE.fullmatch(name):
            found.setdefault((int(match[1]), int(match[2])), []).append(name)
    if not found:
        raise KernelError("apt knows no kernel for x86-64; `apt-get update` reads its lists")
    oldest, newest = (max(found[generation], key=_numbers) for generation in (min(found), max(found)))
    return oldest, newest


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def _obtain(release: str, folder: Path) -> None:
    """Download and unpack; the folder is there whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        there, tree = Path(scratch), Path(scratch) / "tree"
        packages = [f"linux-image-{release}"]
        if not release.endswith(DEBIAN):
            packages += [f"linux-modules-{release}", f"linux-modules-extra-{release}"]
        for package in packages:
            _run("apt-get", "-q", "-o", "APT::Sandbox::User=", "download", package, at=there)
        for archive in there.glob("*.deb"):
            _run("dpkg-deb", "-x", str(archive), str(tree), at=there)
        ready = there / "ready"
        ready.mkdir()
        shutil.copy(next(tree.glob("boot/vmlinuz-*")), ready / "vmlinuz")
        (ready / "order").write_text("\n".join(_extract(tree, ready)))
        if not folder.is_dir():  # unless somebody else was quicker
            ready.rename(folder)


def _run(*command: str, at: Path) -> None:
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, timeout=DOWNLOAD_S, check=False)
    if done.returncode:
        raise KernelError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")


def _extract(tree: Path, into: Path) -> list[str]:
    """Write MODULES and what they depend on, uncompressed; returns their names in the order of loading."""
    files = {path.name.partition(".")[0].replace("-", "_"): path for path in tree.rglob("*.ko*")}
    order: list[str] = []

    def add(name: str) -> None:
        path = files.get(name)
        if name in order or path is None:  # built in, or it will be missed when the probe asks for it
            return
        content = _uncompressed(path)
        needed = re.search(rb"\0depends=([^\0]*)\0", content)
        for other in needed[1].decode().split(",") if needed else ():
            add(other.replace("-", "_"))
        order.append(name)
        (into / name).write_bytes(content)

    for module in MODULES:
        add(module)
    return order


def _uncompressed(path: Path) -> bytes:
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-qdc", str(path)], capture_output=True, check=True).stdout
    return path.read_bytes()
