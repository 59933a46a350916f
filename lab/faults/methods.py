"""The verbs as methods of a lab, typed for editors and type checkers. Only the registry says what they mean; a verb
that is registered elsewhere is a method too."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from lab.faults.arguments import Leader, Region
from lab.faults.heal import Heal
from lab.faults.registry import verbs
from lab.faults.step_down import StepDown
from lab.faults.verb import Verb

Outcome = TypeVar("Outcome")


class VerbMethods(ABC, Generic[Outcome]):
    """`do` carries a verb out; all other methods say which one. With `seconds` the fault ends by itself after that
    time, with `dry_run` nothing is done."""

    @abstractmethod
    def do(self, verb: Verb, *, seconds: float | None = None, dry_run: bool = False) -> Outcome: ...

    def partition(self, *groups: str, seconds: float | None = None, dry_run: bool = False) -> Outcome:
        """Split the network: each group of regions, joined by commas, sees only itself."""
        return self._verb("partition", groups, dry_run, seconds)

    def cut(self, *link: str, reject: bool = False, seconds: float | None = None, dry_run: bool = False) -> Outcome:
        """Cut a link (`"west", "central"`), one direction of it (`"west->central"`), or a node's part of it (`"west-1",
        "central"`), or a node from its own region. With `reject`, connections are refused instead of dropped."""
        return self._verb("cut", link, dry_run, seconds, reject=reject)

    def join(self, *link: str, dry_run: bool = False) -> Outcome:
        """Undo the cuts of a link, of one direction of it, or of a node."""
        return self._verb("join", link, dry_run)

    def shape(
        self,
        *link: str,
        profile: str = "",
        delay: str = "",
        jitter: str = "",
        delay_correlation: str = "",
        loss: str = "",
        loss_correlation: str = "",
        burst: str = "",
        duplicate: str = "",
        duplicate_correlation: str = "",
        corrupt: str = "",
        corrupt_correlation: str = "",
        reorder: str = "",
        reorder_correlation: str = "",
        gap: str = "",
        rate: str = "",
        limit: str = "",
        buffer: str = "",
        clear: bool = False,
        seconds: float | None = None,
        dry_run: bool = False,
    ) -> Outcome:
        """Make a link late, lossy or narrow: both directions (`"west", "east"`), one (`"west->east"`), or what one node
        sends (`"west-1->east"`). The options are those of the command: `delay="80ms"`, `loss="1%"`, `rate="20mbit"`."""
        given = {name: value for name, value in locals().items() if name not in ("self", "link", "seconds", "dry_run")}
        return self._verb("shape", link, dry_run, seconds, **given)

    def flap(self, *link: str, period: float = 4.0, duty: float = 0.5, seconds: float | None = None) -> Outcome:
        """Cut and join a link in turn, for `seconds` or until Ctrl-C, and return when it is joined again. `period` is
        that of one cut and one join, of which the link is cut for the part `duty`."""
        return self._verb("flap", link, False, seconds, period=period, duty=duty)

    def swizzle(self, pieces: int = 6, seed: int = 0, seconds: float | None = None) -> Outcome:
        """Cut nodes from links one by one and join them in another order; return when all are joined again."""
        return self._verb("swizzle", (), False, seconds, pieces=pieces, seed=seed)

    def stop(self, *targets: str, seconds: float | None = None, dry_run: bool = False) -> Outcome:
        """Stop nodes, regions or roles with SIGTERM."""
        return self._verb("stop", targets, dry_run, seconds)

    def kill(self, *targets: str, seconds: float | None = None, dry_run: bool = False) -> Outcome:
        """Kill nodes, regions or roles with SIGKILL."""
        return self._verb("kill", targets, dry_run, seconds)

    def start(self, *targets: str, dry_run: bool = False) -> Outcome:
        """Start nodes or regions that are stopped or killed."""
        return self._verb("start", targets, dry_run)

    def pause(self, *targets: str, seconds: float | None = None, dry_run: bool = False) -> Outcome:
        """Freeze nodes, regions or roles."""
        return self._verb("pause", targets, dry_run, seconds)

    def resume(self, *targets: str, dry_run: bool = False) -> Outcome:
        """Resume nodes or regions that are paused."""
        return self._verb("resume", targets, dry_run)

    def step_down(self, of: str, to: str = "") -> Outcome:
        """Make the leader of a stream, or of `meta`, step down. With `to`, the next meta leader is in that region."""
        return self.do(StepDown(Leader(of), Region(to)))

    def heal(self, dry_run: bool = False) -> Outcome:
        """Undo every fault, from any state. Call `until_healthy` to wait until the servers have converged."""
        return self.do(Heal(), dry_run=dry_run)

    def _verb(
        self, name: str, words: Sequence[str], dry_run: bool, seconds: float | None = None, **options: Any
    ) -> Outcome:
        return self.do(verbs()[name].from_words(*words, **options), seconds=seconds, dry_run=dry_run)

    def __getattr__(self, name: str) -> Callable[..., Outcome]:
        """Verbs that others have registered."""
        known = {verb.replace("-", "_"): verb for verb in verbs()}
        if name not in known:
            raise AttributeError(f"a lab has no `{name}`")

        def verb(*words: str, seconds: float | None = None, dry_run: bool = False, **options: Any) -> Outcome:
            return self._verb(known[name], words, dry_run, seconds, **options)

        return verb
