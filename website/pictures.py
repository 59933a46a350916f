"""Takes the pictures of terminals and of the report in docs/images/ from real runs: `make pictures`. It starts a lab of
its own and removes it. The page of the report is drawn by Chromium, where there is one."""

import os
import pty
import re
import shutil
import subprocess
import sys
import termios
import time
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs/images"
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"LAB_NAME": "pictures", "TERM": "xterm-256color", "PATH": f"{BIN}:{os.environ['PATH']}"}
COLUMNS, LARGEST = 100, 200_000
# Without fonts from elsewhere: the reader's own monospaced one will do, since each text has its width.
FORMAT = re.sub(r"@font-face {{.*?}}\n?", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
TALK = """\
lab partition central
lab pub central foo.test 'Written in the isolated region'
lab pub west foo.test 'Written while central is away'
lab compare
lab heal --wait --hasten
lab compare"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHECK = "lab check --clean --schedule website/pictures.yaml"


def main() -> None:
    run("lab up")
    try:
        run("lab pub west foo.test 'Hello world from the west region'")
        write("partition", TALK)
        run("lab probe")  # its durable consumer is there before the fault
        run("lab partition central")
        time.sleep(20)  # until every node has noticed that the meta leader is gone
        write("probe", "lab probe", columns=80)
        write("status", "lab status", columns=80)
        run("lab heal --wait --hasten")
        report()
    finally:
        run("lab down")


def run(command: str, columns: int = COLUMNS) -> str:
    """What a terminal of this width shows of a command. What it prints to stdout and stderr stays in its order."""
    print(f"$ {command}", flush=True)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, columns))
    with subprocess.Popen(command, shell=True, cwd=ROOT, env=ENVIRONMENT, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    text = shown.decode().replace("\r\n", "\n")
    print(text, flush=True)
    if running.returncode not in (0, 3):  # 3: regions that differ, which is to be shown
        raise SystemExit(f"`{command}` ended with {running.returncode}")
    return text


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the command has ended
        return b""


def write(name: str, commands: str, columns: int = COLUMNS) -> None:
    """The picture of a terminal in which these commands were typed, one a line."""
    console = Console(record=True, width=columns, file=StringIO(), force_terminal=True)
    for command in commands.splitlines():
        console.print(Text(f"$ {command}", style="bold"))
        console.print(Text.from_ansi(run(command, columns).rstrip()))
    console.print()
    svg = console.export_svg(title=" ", theme=MONOKAI, code_format=FORMAT, unique_id=f"terminal-{name}")
    save(IMAGES / f"terminal-{name}.svg", re.sub(r" +$", "", svg, flags=re.MULTILINE).encode())


def report() -> None:
    run(CHECK)
    folder = (ROOT / "runs/latest").resolve()
    for plot in (folder / "plots").glob("*.svg"):
        if (IMAGES / plot.name).exists():
            save(IMAGES / plot.name, plot.read_bytes())
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if not browser:
        print(f"docs/images/report.png stays as it is: there is none of {', '.join(BROWSERS)}")
        return
    size, picture = "--window-size=1180,900", ROOT / "runs/report.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size, f"--screenshot={picture}"]
    subprocess.run([browser, *options, (folder / "report.html").as_uri()], check=True, capture_output=True, timeout=120)
    save(IMAGES / "report.png", picture.read_bytes())
    picture.unlink()


def save(path: Path, content: bytes) -> None:
    if len(content) > LARGEST:
        raise SystemExit(f"{path.name} would have {len(content):,} bytes, more than {LARGEST:,}")
    path.write_bytes(content)
    print(f"{path.relative_to(ROOT)}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
