"""Small runs that are kept in the repository, as they are on disk: `python tests/golden_runs.py` writes them anew.

Judging them again shows that run folders of this format stay readable and that verdicts stay the same.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from fake_cluster import FakeCluster, fault

from lab.check import store
from lab.check.history import INTACT, SECOND, Array, History

FOLDER = Path(__file__).parent / "data" / "runs"
PARTITION = fault("f1", "partition central", 12, 40, links=("central-east", "central-west"))


def valid() -> History:
    history = FakeCluster(script=(PARTITION,), publish_until=46, end=120, tick=2 * SECOND).history()
    live = {key: rows for key, rows in history.live.items() if key[0] == "central"}
    probes = tuple(p for p in history.probes if p.region == "central" and 30 * SECOND < p.time < 50 * SECOND)
    return replace(history, live=live, samples=(), probes=probes)


def changed(stream: str, change: Callable[[Array], Array]) -> History:
    history = valid()
    read = history.reads[stream]
    rows = change(read.rows.copy())
    rows["sequence"] = np.arange(1, len(rows) + 1)
    return replace(history, reads={**history.reads, stream: replace(read, rows=rows, last=len(rows))}, live={})


def damaged(rows: Array) -> Array:
    rows["flags"][7] &= 0xFF & ~INTACT
    return rows


def runs() -> dict[str, History]:
    return {
        "valid": valid(),
        "lost": changed("foo-read-east", lambda rows: np.delete(rows, [40, 41, 42])),
        "duplicated": changed("foo-read-west", lambda rows: np.insert(rows, 100, rows[60:80])),
        "damaged": changed("foo-read-central", damaged),
    }


if __name__ == "__main__":
    for name, history in runs().items():
        store.save(history, FOLDER / name)
