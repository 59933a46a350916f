"""The command `lab`."""

import io
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

    have_streams()
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


def have_streams() -> None:
    """Standard output may be closed, or have too few letters for what is printed: no reason to fail. The number of one
    that is closed must not go to the next file that is opened."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _leave(code: int) -> None:
    """Without tidying up thousands of objects one by one (docs/decisions/0004-start-up.md)."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = 141
    except OSError:  # a full disk, which was said already if anything failed for it
        code = code or 1
    os._exit(code)


if __name__ == "__main__":
    main()
