"""A small Linux under QEMU, for what this machine's kernel may not have: real netem, in seconds, without root.

It boots a kernel package with an initial file system made here: busybox, `tc`, the network probe, and two network
namespaces, west and east, joined by two links. Its clock counts the instructions that it has executed, and jumps to
the next timer when it has nothing to do (`-icount`): delays are what its kernel makes of them, also on a busy machine.
"""

import re
import shutil
import subprocess
from pathlib import Path

from vm.kernels import Kernel
from vm.machine import AGENT, Machine, MachineError

from lab import netprobe

PROBE = Path(netprobe.__file__).parent / "linux-amd64"
TOOLS = ("tc",)  # a second reader of what the probe sets up
BOOT_S = 120
WEST, EAST = "10.9.0.1", "10.9.0.2"
WEST_ASIDE, EAST_ASIDE = "10.9.1.1", "10.9.1.2"  # the other link
PORT = 4222  # open on both sides

INIT = f"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
for side in west east; do
    unshare -n sleep 999999 &
    export $side=$!
    while [ "$(readlink /proc/$!/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
    nsenter -t $! -n ip link set lo up
done
join() {{ # NAME WEST EAST
    ip link add $1 type veth # its other end is named by the kernel
    other=$(ls /sys/class/net | grep ^veth)
    ip link set $1 netns $west; ip link set $other netns $east
    nsenter -t $east -n ip link set $other name $1
    nsenter -t $west -n ip addr add $2/24 dev $1; nsenter -t $west -n ip link set $1 up
    nsenter -t $east -n ip addr add $3/24 dev $1; nsenter -t $east -n ip link set $1 up
}}
join direct {WEST} {EAST}
join aside {WEST_ASIDE} {EAST_ASIDE}
for side in $west $east; do nsenter -t $side -n httpd -p {PORT}; done # listens, and goes into the background
{AGENT}
poweroff -f
"""


class Guest(Machine):
    """`west` and `east` are the process ids of the two namespaces, as the probe wants them; scripts know them as
    `$west` and `$east`."""

    def __init__(self, kernel: Kernel, folder: Path) -> None:
        """Boot it, with its files in `folder`. Raises `MachineError`."""
        initial = folder / "initial.cpio"
        initial.write_bytes(archive(_files(kernel)))
        arguments = ["-accel", "tcg,thread=single", "-icount", "shift=2,sleep=off", "-rtc", "clock=vm"]
        arguments += ["-cpu", "max", "-m", "512", "-kernel", str(kernel.image), "-initrd", str(initial)]
        arguments += ["-append", "console=ttyS0 quiet panic=-1 mitigations=off net.ifnames=0"]
        super().__init__(arguments, folder / "console.log", BOOT_S)
        self.west, self.east = map(int, self.run("echo $west $east").split())

    def ask(self, *plan: str) -> list[str]:
        """The probe's answers to a plan, in which `NS west` and `NS east` stand for the namespaces."""
        lines = [re.sub(r"\b(west|east)\b", lambda name: str(getattr(self, name[1])), line) for line in plan]
        asked = sum(not line.startswith("NS ") for line in lines)
        said = self.run("\n".join(("/probe <<'PLAN'", *lines, "GO 5000", "PLAN"))).splitlines()
        assert len(said) == asked + 1 and said[-1] == "END", said  # noqa: PT018
        return said[:-1]

    def tc(self, side: str, arguments: str) -> str:
        """`tc` in one of the namespaces."""
        return self.run(f"nsenter -t ${side} -n /tools/tc {arguments}")


def boot(kernel: Kernel, folder: Path) -> Guest:
    """A guest, after a second attempt if the first did not boot."""
    try:
        return Guest(kernel, folder)
    except MachineError:
        return Guest(kernel, folder)


def missing() -> list[str]:
    """Programs that a guest needs and that are not here."""
    return [name for name in ("qemu-system-x86_64", "busybox", *TOOLS) if not _found(name)]


def _found(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _files(kernel: Kernel) -> dict[str, bytes]:
    """Path -> content of the initial file system."""
    found = {"init": INIT.encode(), "probe": PROBE.read_bytes()}
    found["modules/order"] = "\n".join(module.name for module in kernel.modules).encode()
    found |= {f"modules/{module.name}": module.read_bytes() for module in kernel.modules}
    for program, place in (("busybox", "bin/busybox"), *((tool, f"tools/{tool}") for tool in TOOLS)):
        path = _found(program) or program
        found[place] = Path(path).read_bytes()
        needed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
        found |= {library[1:]: Path(library).read_bytes() for library in re.findall(r"(/\S+) \(0x", needed)}
    return found


def archive(files: dict[str, bytes]) -> bytes:
    """The files, all executable, and the folders above them, in the form that kernels unpack (cpio, `newc`)."""
    folders = {str(parent) for path in files for parent in Path(path).parents} - {"."}
    folders |= {"proc", "sys", "dev", "tmp"}
    entries = [(path, 0o040755, b"") for path in sorted(folders)]
    entries += [(path, 0o100755, content) for path, content in files.items()]
    parts = []
    for number, (path, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        name = path.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        header = b"070701" + "".join(f"{field:08x}" for field in fields).encode() + name
        parts += [header, bytes(-len(header) % 4), content, bytes(-len(content) % 4)]
    return b"".join(parts)
