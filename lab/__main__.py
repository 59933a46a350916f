"""The command `lab`."""

import os
import signal
import sys

INTERRUPTED, TERMINATED = 130, 143


def main() -> None:
    terminated = False

    def terminate(*_: object) -> None:
        nonlocal terminated
        terminated = True
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, terminate)  # as Ctrl-C: nothing half-made is left
    try:
        from lab import headstart

        begun = headstart.begin(sys.argv[1:])
        from lab import cli  # after that: it takes a while

        cli.main(begun)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
        _leave(TERMINATED if terminated and code == INTERRUPTED else code)
    except KeyboardInterrupt:  # while all that was loading
        sys.stderr.write("error: interrupted before anything was done\n")
        _leave(TERMINATED if terminated else INTERRUPTED)


def _leave(code: int) -> None:
    """Without tidying up thousands of objects one by one (docs/decisions/0004-start-up.md)."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = 141
    os._exit(code)


if __name__ == "__main__":
    main()
