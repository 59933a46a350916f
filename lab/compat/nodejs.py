"""Node.js with the user's own `@nats-io/jetstream`: whether it is there, and what `calls.mjs` says of its calls."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

from lab.compat.values import Answer
from lab.errors import LabError, UsageError
from lab.progress import Say

LONGEST_S = 180.0
PACKAGES = ("@nats-io/jetstream", "@nats-io/transport-node")


def node(folder: Path) -> str:
    """The program. Raises `UsageError` where it or a package is missing."""
    program = shutil.which("node")
    if program is None:
        raise UsageError("nats.js needs Node.js, and there is no `node` on your PATH")
    for package in PACKAGES:
        if not any((place / "node_modules" / package).is_dir() for place in (folder, *folder.parents)):
            raise UsageError(
                f"nats.js needs the package `{package}`, and neither `{folder}` nor a folder above has it",
                "`--packages FOLDER` says whose `node_modules` to use",
            )
    return program


async def answers(program: str, folder: Path, about: dict[str, Any], say: Say) -> tuple[str, list[Answer]]:
    """The version of the client, and its answers. `about` is the one line that the script gets. Raises `LabError` when
    the script ends before its end."""
    script = resources.files("lab.compat").joinpath("calls.mjs").read_text(encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(program, "--input-type=module", "--eval", script),  # so that packages are those of the folder
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin
    assert process.stderr
    process.stdin.write(json.dumps(about).encode() + b"\n")
    words = asyncio.create_task(process.stderr.read())
    version, found, done = "", list[Answer](), False
    try:
        async with asyncio.timeout(LONGEST_S):
            async for line in _lines(process):
                if "version" in line:
                    version = line["version"]
                elif "done" in line:
                    done = True
                else:
                    found.append(Answer(**line))
                    say(found[-1].group)
    except TimeoutError:
        raise LabError(f"the calls of nats.js did not end within {LONGEST_S:g} s") from None
    finally:
        if not done:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)  # `process.kill` would take the exit status from asyncio
        await process.wait()
    if not done:
        last = (await words).decode(errors="replace").strip().splitlines()
        raise LabError("the calls of nats.js ended early: " + " ".join(last[-5:]), "is the package's version 3?")
    return version, found


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[dict[str, Any]]:
    assert process.stdout
    while text := await process.stdout.readline():
        with suppress(ValueError):  # what a library prints is no answer
            yield json.loads(text)
