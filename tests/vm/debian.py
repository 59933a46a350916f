"""A stock Debian under QEMU: systemd, its Docker and its Python, and an ordinary user in the group `docker`.

Its disk is made once and kept, in the cache of `kernels.py`; delete it there to begin anew. Its mirror, certificates
and settings of pip are those of this machine.
"""

import os
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from vm.kernels import cache
from vm.machine import AGENT, Machine, MachineError

SUITE = "trixie"
PACKAGES = (
    "linux-image-cloud-amd64",
    *("systemd-sysv", "dbus", "udev", "initramfs-tools", "ifupdown", "netbase", "iproute2", "procps", "kmod"),
    *("ca-certificates", "docker.io", "docker-cli", "docker-compose", "python3", "python3-venv", "make"),
)
PROGRAMS = ("qemu-system-x86_64", "mmdebstrap", "mke2fs")
USER, HOME = "someone", "/home/someone"
ERROR = "stderr: "  # before its lines
VIRTUAL = ("-accel", "kvm", "-cpu", "max")
EMULATED = ("-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max")
DIRTY = "in-use"  # a file beside the disk while it is not in a good state
BOOT_S, MAKE_S = 600, 1200
MEMORY_MB, DISK = 4096, "12G"

CUSTOMIZE = f"""#!/bin/sh
set -eu
root=$1
echo debian > "$root/etc/hostname"
echo '127.0.0.1 localhost debian' > "$root/etc/hosts"
echo '/dev/vda / ext4 noatime,discard 0 1' > "$root/etc/fstab"
rm -f "$root/etc/resolv.conf"; echo 'nameserver 10.0.2.3' > "$root/etc/resolv.conf"
printf '[Match]\\nDriver=virtio_net\\n[Network]\\nDHCP=ipv4\\n' > "$root/etc/systemd/network/outside.network"
cat > "$root/usr/local/sbin/agent" <<'AGENT'
#!/bin/bash
{AGENT}
AGENT
chmod 755 "$root/usr/local/sbin/agent"
cat > "$root/etc/systemd/system/agent.service" <<'UNIT'
[Unit]
After=docker.service systemd-networkd.service
Wants=docker.service
[Service]
ExecStart=/usr/local/sbin/agent
[Install]
WantedBy=multi-user.target
UNIT
chroot "$root" systemctl enable systemd-networkd agent
chroot "$root" systemctl mask apt-daily.timer apt-daily-upgrade.timer fstrim.timer e2scrub_all.timer \\
    systemd-networkd-wait-online.service serial-getty@ttyS0.service
chroot "$root" useradd --create-home --shell /bin/bash --groups docker {USER}
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
if [ -e /etc/pip.conf ]; then cp /etc/pip.conf "$root/etc/pip.conf"; fi
"""


class Debian(Machine):
    """Booted from `folder`, with a file that the guest finds as /dev/vdb."""

    def __init__(self, folder: Path, given: Path, processor: Sequence[str]) -> None:
        """Raises `MachineError` if it does not boot."""
        arguments = [*processor, "-smp", str(os.cpu_count() or 1), "-m", str(MEMORY_MB)]
        arguments += ["-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd.img")]
        quick = "quiet loglevel=3 mitigations=off net.ifnames=0"
        patient = "panic=-1 systemd.default_timeout_start_sec=900"  # of an emulated processor that is not alone
        arguments += ["-append", f"root=/dev/vda rw console=ttyS0 {quick} {patient}"]
        disk = "format=raw,if=virtio,cache=unsafe"
        arguments += ["-drive", f"file={folder / 'disk'},{disk},discard=unmap"]
        arguments += ["-drive", f"file={given},format=raw,if=virtio,readonly=on"]
        arguments += ["-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci"]
        self._dirty = folder / DIRTY
        self._dirty.touch()
        super().__init__(arguments, folder / "console.log", BOOT_S)

    def user(self, command: str, timeout: float, say: Callable[[str], None]) -> tuple[str, str]:
        """stdout and stderr of a command of the ordinary user, run in the copy of the checkout; `say` gets the lines of
        stderr as they come. Raises `MachineError` if it failed."""
        inside = f"cd {HOME}/checkout && . {HOME}/environment && {command}"
        marked = f"set -o pipefail; {{ {{ {inside}; }} 2>&1 >&9 | sed -u 's/^/{ERROR}/'; }} 9>&1"

        def tell(line: str) -> None:
            if line.startswith(ERROR):
                say(line.removeprefix(ERROR))

        lines = self.run(f"runuser -u {USER} -- bash -c {shlex.quote(marked)}", timeout, tell).splitlines()
        errors = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
        return "\n".join(line for line in lines if not line.startswith(ERROR)), "\n".join(errors)

    def receive(self) -> None:
        """Unpack /dev/vdb as the checkout; its `.venv` is kept from the time before."""
        self.run(f"""set -e
mkdir -p {HOME}/checkout && cd {HOME}/checkout
find . -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {{}} +
tar -xf /dev/vdb
printf 'export HOME={HOME} NO_COLOR=1 PATH=$PWD/.venv/bin:$PATH\\n' > {HOME}/environment
chown -R {USER}: {HOME}""")

    def shut_down(self) -> None:
        """So that the disk can be used again. A machine that is busy is switched off as it is, and its disk is given
        up."""
        with suppress(MachineError):
            self.run("systemctl stop docker.socket docker; sync; mount -o remount,ro / || sync")
            self._dirty.unlink()


def boot(folder: Path, given: Path) -> Debian:
    """Booted, after a second attempt if the first failed: QEMU's emulation of several processors may, when a kernel
    changes its own code as it starts."""
    processor = VIRTUAL if _virtualises() else EMULATED
    try:
        return Debian(folder, given, processor)
    except MachineError:
        return Debian(folder, given, EMULATED)


def _virtualises() -> bool:
    """Whether the processor itself can run it, which is ten times as fast. Some machines have `/dev/kvm` without that,
    and stop in the middle of a boot."""
    flags = Path("/proc/cpuinfo").read_text().split()
    return ("vmx" in flags or "svm" in flags) and os.access("/dev/kvm", os.R_OK | os.W_OK)


def missing() -> list[str]:
    """Programs that making and booting it needs and that are not here."""
    return [name for name in PROGRAMS if not (shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin"))]


def made(say: Callable[[str], None]) -> Path:
    """The folder with its disk, kernel and initial file system, made if it is not there; needs root."""
    folder = cache() / f"debian-{SUITE}"
    if (folder / DIRTY).exists():
        say(f"{folder} was not shut down, so it is made anew")
        shutil.rmtree(folder)
    if not folder.is_dir():
        say(f"making a Debian `{SUITE}` in {folder}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            ready = Path(scratch) / "ready"
            ready.mkdir()
            _make(Path(scratch), ready)
            ready.rename(folder)
    return folder


def _make(scratch: Path, ready: Path) -> None:
    tree, hook = scratch / "tree", scratch / "customize"
    hook.write_text(CUSTOMIZE)
    hook.chmod(0o755)
    mirrors = {"": _mirror("/debian"), "-security": _mirror("/debian-security")}
    sources = [f"deb {mirror} {SUITE}{part} main" for part, mirror in mirrors.items() if mirror]
    options = [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("man", "doc", "locale")]
    options += ["--variant=minbase", f"--include={','.join(PACKAGES)}", f"--customize-hook={hook}"]
    _run("mmdebstrap", *options, SUITE, str(tree), *sources)
    for name in ("vmlinuz", "initrd.img"):
        shutil.copy(next((tree / "boot").glob(f"{name}-*")), ready / name)
    with (ready / "disk").open("wb") as disk:
        disk.truncate(int(DISK.removesuffix("G")) << 30)
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(ready / "disk"))


def _mirror(path: str) -> str:
    """The mirror that this machine's apt uses; "" if it has none: mmdebstrap then takes Debian's own."""
    known = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True)
    found = {uri.rstrip("/") for uri in known.stdout.split()}
    return next((uri for uri in sorted(found) if uri.endswith(path)), "")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=MAKE_S, check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def packed(checkout: Path, into: Path) -> Path:
    """A tar archive of the files that git knows, as they are now."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout
    with tarfile.open(into, "w") as archive:
        for name in names.split("\0"):
            if name and (checkout / name).exists():
                archive.add(checkout / name, name)
    return into
