"""What the report of a failed test says of its lab."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from lab import view
from lab.errors import DockerError, LabError
from lab.testing.recorded import Moment, RecordedLab

LINES = 200


def sections(lab: RecordedLab) -> list[tuple[str, str]]:
    """(heading, text) of the faults, the status and the servers' logs. What cannot be had says why."""
    named = (("faults", _faults), ("status", _status), ("server logs", _logs))
    found = []
    for name, tell in named:
        try:
            text = tell(lab)
        except LabError as error:
            text = f"not available: {error.message}"
        found.append((f"Lab {lab.name}: {name}", text))
    return found


def _faults(lab: RecordedLab) -> str:
    done = [_moment(lab, moment) for moment in lab.moments] or ["the test changed no faults"]
    return "\n".join([*done, "in force now:", view.faults(lab.faults())])


def _moment(lab: RecordedLab, moment: Moment) -> str:
    text = moment.what if isinstance(moment.what, str) else view.change(moment.what, dry_run=False)
    return f"after {moment.time - lab.began:.1f} s:\n" + "\n".join(f"  {line}" for line in text.splitlines())


def _status(lab: RecordedLab) -> str:
    return view.unstyled(view.status(lab.status()))


def _logs(lab: RecordedLab) -> str:
    """The lines of all servers since the test began, in the order of time; the last ones where there are many."""
    observation = lab.observe()
    lines: list[tuple[str, str]] = []

    def read(node: str) -> None:
        with suppress(DockerError):
            log = lab.engine.log_since(observation.containers[node].name, lab.began)
            parts = (line.partition(" ") for line in log.splitlines())
            lines.extend((stamp, f"{node} | {words}") for stamp, _, words in parts)

    with ThreadPoolExecutor(len(observation.containers)) as pool:
        list(pool.map(read, observation.containers))
    told = [words for _, words in sorted(lines)]
    left_out = [f"… {len(told) - LINES} earlier lines are left out"] if len(told) > LINES else []
    return "\n".join([*left_out, *told[-LINES:]]) or "the servers wrote nothing"
