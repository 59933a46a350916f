"""What carries faults out: the engine, and the network probe, which does all that it is told at one instant."""

from collections.abc import Callable

from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.errors import DockerError, LabError
from lab.netprobe.session import Probe

NOT_THERE = {"error 2", "error 93", "error 95", "error 97"}  # ENOENT, EPROTONOSUPPORT, EOPNOTSUPP, EAFNOSUPPORT
DONE = ("shaped ", "blocked ")


class Hands:
    """A `Runtime` (`lab/faults/fault.py`). Lines for the probe wait until `flush`."""

    def __init__(self, engine: Engine) -> None:
        self.stop, self.kill, self.start = engine.stop, engine.kill, engine.start
        self.pause, self.unpause = engine.pause, engine.unpause
        self.attach, self.detach = engine.attach, engine.detach
        self._lines: list[tuple[str, str]] = []

    def tell(self, node: str, line: str) -> None:
        self._lines.append((node, line))

    def flush(self, seen: Observation, probe: Probe, undo: "Callable[[], Hands] | None" = None) -> float:
        """Have it all done; returns the seconds from the first to the last. What cannot be done is an error, after
        which `undo` has put everything back. Raises `LabError`."""
        lines = [(node, line) for node, line in self._lines if seen.containers[node].pid]
        answers = probe.ask([(seen.containers[node].pid, line) for node, line in lines])
        wrong = [(*told, answer) for told, answer in zip(lines, answers, strict=True) if not answer.startswith(DONE)]
        if wrong and undo:
            undo().flush(seen, probe)
        if wrong:
            raise _refused(*wrong[0])
        times = [int(answer.split()[1]) for answer in answers]
        return (max(times) - min(times)) / 1e9 if times else 0.0


def _refused(node: str, line: str, answer: str) -> LabError:
    verb = line.split()[0]
    if answer == "missing":
        return DockerError(
            f"{node} has no interface with {line.split()[1]}, although Docker says so", "`lab down`, `lab up`"
        )
    if answer in NOT_THERE and verb == "BLOCK":
        return LabError(
            "this kernel has no `nf_tables` with `reject`, which one-way cuts and refusals need",
            "`lab cut west east` works without; `lab doctor` shows what the kernel offers",
        )
    if answer in NOT_THERE:
        what = "netem" if "delay=" in line or "rate=" not in line else "tbf or netem"
        return LabError(
            f"this kernel has no `{what}`, which delay, loss, duplicates and reordering need",
            "`--rate` alone needs less; on Linux `modprobe sch_netem` may bring it; `lab doctor` shows what is there",
        )
    return DockerError(f"the kernel refused `{line}` at {node}: {answer}")
