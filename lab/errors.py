"""Every error that a user can see.

    LabError                 exit code 1: the lab could not do it
    ├── UsageError           exit code 2: the command or lab.yaml asks for something that makes no sense
    ├── DockerError          Docker is missing, does not answer, or refused
    │   └── PortTaken        something on the host, no container, has a port that a node publishes
    ├── NatsError            a server did not answer, or refused
    ├── NotRunning           the lab, or the part that is needed, is not up
    ├── NotReady             waited until the deadline; the message says what is still missing
    ├── Died                 a node that should run has ended; the message has its last words
    ├── FaultNotProven       a fault was injected but the probes see that it did not take hold
    ├── Untold               exit code 4: what was asked cannot be told
    ├── Interrupted          exit code 130: Ctrl-C
    └── Terminated           exit code 143: SIGTERM came

A message is one sentence without a final period; values stand in backticks. A hint says what to do next.
"""

from collections.abc import Iterable


class LabError(Exception):
    """Something a user can cause or meet; printed as `error: message` and `hint: …`, never as a traceback."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LabError):
    exit_code = 2


class DockerError(LabError):
    pass


class PortTaken(DockerError):  # noqa: N818
    def __init__(self, message: str, hint: str = "", port: int = 0) -> None:
        super().__init__(message, hint)
        self.port = port


class NatsError(LabError):
    pass


class NoAnswer(NatsError):  # noqa: N818 (a state, not a mishap)
    """Nobody answered in time: it may have been done, or be done later."""


class NotRunning(LabError):  # noqa: N818
    pass


class NotReady(LabError):  # noqa: N818
    pass


class Died(LabError):  # noqa: N818
    def __init__(self, message: str, hint: str = "", node: str = "") -> None:
        super().__init__(message, hint)
        self.node = node


class FaultNotProven(LabError):  # noqa: N818
    pass


class Untold(LabError):  # noqa: N818
    exit_code = 4


class Interrupted(LabError):  # noqa: N818
    exit_code = 130


class Terminated(LabError):  # noqa: N818
    exit_code = 143


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that does not exist; it lists the ones that do."""
    return UsageError(f"unknown {kind} `{name}`", f"known {kind}s: {', '.join(f'`{k}`' for k in known)}")
