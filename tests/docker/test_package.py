"""The package as people install it: from a wheel, in an environment of its own, out of reach of the checkout."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from labs import ROOT, Lab

from lab import __version__

LAB = Lab("test-package")


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel, and a home folder."""

    folder: Path

    def run(self, *command: str, cwd: str = ".") -> str:
        """stdout of a command of the environment. Its path has Docker and the shell's own commands, and no compiler."""
        (self.folder / cwd).mkdir(exist_ok=True)
        done = subprocess.run(
            [str(self.folder / "venv/bin" / command[0]), *command[1:]],
            cwd=self.folder / cwd,
            env={
                "PATH": f"{self.folder / 'path'}",
                "HOME": str(self.folder / "home"),
                "LAB_NAME": LAB.name,
                # What belongs to this machine and not to the checkout.
                "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),
                **{key: os.environ[key] for key in ("DOCKER_HOST", "TMPDIR") if key in os.environ},
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, and the wheel that is made from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], check=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    (folder / "home").mkdir()
    (folder / "path").mkdir()
    for name in ("docker", "env", "setsid"):
        found = shutil.which(name)
        assert found
        (folder / "path" / name).symlink_to(found)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, timeout=100)
    wheel, pip = next(dist.glob("*.whl")), folder / "venv/bin/pip"
    versions = ["--constraint", str(ROOT / "requirements.lock"), "--only-binary", ":all:"]
    subprocess.run([str(pip), "install", "--quiet", *versions, str(wheel)], check=True, timeout=300)
    return Installed(folder)


def test_the_package_has_its_types_its_scenarios_and_the_network_probe(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as source:
        assert {name.split("/")[1] for name in source.getnames() if "/." in name} == {".gitignore"}
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert {name.partition("/")[0] for name in names} == {"lab", f"nats_region_lab-{__version__}.dist-info"}
    assert names >= {"lab/py.typed", "lab/netprobe/linux-amd64", "lab/netprobe/linux-arm64"}
    shipped = {path.relative_to(ROOT).as_posix() for path in (ROOT / "lab").rglob("*") if path.is_file()}
    assert {name for name in shipped if "__pycache__" not in name} <= names


def test_an_installed_lab_works_in_any_folder(installed: Installed) -> None:
    assert installed.run("lab", "--version") == f"lab {__version__}\n"
    where = installed.run("python", "-c", "import lab; print(lab.__file__)")
    assert where.startswith(str(installed.folder))
    try:
        installed.run("lab", "up", cwd="one")
        assert "injected: central-1 is cut" in installed.run("lab", "partition", "central", cwd="two")
        installed.run("lab", "pub", "central", "foo.test", "written in the isolated region", cwd="two")
        installed.run("lab", "heal", "--wait", "--hasten", cwd="one")
        assert "the regions agree" in installed.run("lab", "compare", "--wait", "10", cwd="one")
    finally:
        installed.run("lab", "down", cwd="two")
    assert LAB.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}
    assert [path for name in ("one", "two") for path in (installed.folder / name).iterdir()] == []
    data = installed.folder / "home/.local/share/nats-region-lab" / __version__ / LAB.name
    assert (data / "compose/compose.yaml").is_file()
