"""The command `lab`."""

import gc
import os
import sys


def main() -> None:
    gc.set_threshold(100_000)  # what is imported stays: looking through it again and again is a third of the start
    try:
        from lab import headstart

        headstart.begin(sys.argv[1:])
        from lab import cli  # after that: it takes a while

        cli.main()
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else 0)
    except KeyboardInterrupt:  # while all that was loading
        sys.stderr.write("error: interrupted before anything was done\n")
        _leave(130)


def _leave(code: int) -> None:
    """Without tidying up thousands of objects one by one, which takes as long as a `docker` process."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = 141
    os._exit(code)


if __name__ == "__main__":
    main()
