"""Run folders as a whole: their names, which there are, and what the servers said of themselves.

What a history needs is `lab/check/store.py`'s; here is what stands beside it:

    schedule.resolved.yaml            what was to be done, with nothing left to chance
    compose.yaml  streams/*.json      the lab that it was done to, the streams as the servers had them
    servers/<node>/nats.log, *.json   logs of the run's time, monitoring at its end
    repro.txt                         the commands that do it again
"""

import json
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.errors import DockerError, LabError, UsageError
from lab.jetstream import monitor
from lab.topology import Topology

COMPLAINT = re.compile(r"\[(WRN|ERR|FTL)\]")
# Fields of a lab that make no other run of a schedule, or are to make one.
ANYWHERE = ("name", "nats", "client_port", "monitor_port", "port_step", "subnet_pool", "subnet_prefix")
MONITORED = {
    "varz": "/varz",
    "jsz": "/jsz?accounts=true&streams=true&consumers=true&config=true",
    "gatewayz": "/gatewayz",
    "routez": "/routez",
}


@dataclass(frozen=True)
class Summary:
    """A run as a list shows it; `verdict` is "" for one that was not judged."""

    id: str
    lab: str
    began: str
    seed: int
    nats: str
    verdict: str
    ended: str


def create(root: Path, lab: str, seed: int) -> Path:
    """A new folder `runs/<time>-<lab>-s<seed>`; `runs/latest` leads to it. Raises `LabError`."""
    runs = root / "runs"
    for turn in range(100):
        stamp = time.strftime("%Y%m%dT%H%M%S")
        folder = runs / (f"{stamp}-{lab}-s{seed}" + (f"-{turn + 1}" if turn else ""))
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise LabError(f"`{folder}` cannot be made: {error.strerror}", "is the disk full, or not yours?") from error
        with suppress(OSError):
            latest = runs / "latest"
            latest.unlink(missing_ok=True)
            latest.symlink_to(folder.name)
        return folder
    raise LabError(f"`{runs}` has a hundred runs of this second")


def find(root: Path, run: str) -> Path:
    """The folder that a user means: a path, or a run's id. Raises `UsageError`."""
    for path in (Path(run), root / "runs" / run):
        if path.is_dir():
            return path.resolve()
    raise UsageError(f"there is no run `{run}`", "`lab runs` lists them; `latest` is the last one")


def differing(folder: Path, topology: Topology) -> list[str]:
    """Fields in which the lab of a run was another one than this, so that a replay is not the same; [] where the run
    does not say."""
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        was = Topology.from_label(json.dumps(run["topology"]))
    except (OSError, ValueError, LookupError, TypeError, LabError):
        return []
    return [field for field in was.differing(topology) if field not in ANYWHERE]


def summaries(root: Path) -> list[Summary]:
    """All runs, the oldest first; what is no run, or is damaged, is left out."""
    found = []
    for path in sorted((root / "runs").glob("*/run.json")):
        if path.parent.is_symlink():
            continue
        with suppress(OSError, ValueError, KeyError, TypeError):
            run = json.loads(path.read_text(encoding="utf-8"))
            verdict = path.parent / "results.json"
            text = json.loads(verdict.read_text(encoding="utf-8"))["validity"] if verdict.is_file() else ""
            lab = run["topology"]["name"]
            found.append(Summary(path.parent.name, lab, run["began"], run["seed"], run["nats"], text, run["ended"]))
    return found


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Relative path -> text. Raises `LabError` when the disk does not take it."""
    try:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise LabError(f"the run cannot be written to `{folder}`: {error.strerror}", "is the disk full?") from error


def collect(engine: Engine, observation: Observation, began: float) -> dict[str, str]:
    """Logs since `began` (seconds since 1970) and monitoring documents of every server."""
    nodes = [node for node in observation.topology.nodes if node.name in observation.containers]
    files: dict[str, str] = {}

    def one(name: str, port: int) -> None:
        with suppress(DockerError):
            files[f"servers/{name}/nats.log"] = engine.log_since(observation.topology.container(name), began)
        for document, path in MONITORED.items():
            answer = monitor.get(port, path, 2)
            if answer is not None:
                files[f"servers/{name}/{document}.json"] = json.dumps(answer, indent=1) + "\n"

    with ThreadPoolExecutor(len(nodes) or 1) as pool:
        list(pool.map(lambda node: one(node.name, node.monitor_port), nodes))
    return dict(sorted(files.items()))


def complaints(folder: Path) -> dict[str, list[str]]:
    """Node -> the warnings and errors of its log, as a run folder has them."""
    found = {}
    for path in sorted(folder.glob("servers/*/nats.log")):
        with path.open(encoding="utf-8", errors="replace") as file:
            found[path.parent.name] = [line.rstrip() for line in file if COMPLAINT.search(line)]
    return found
