"""The command `lab`."""

import os
import sys


def main() -> None:
    try:
        from lab import headstart

        begun = headstart.begin(sys.argv[1:])
        from lab import cli  # after that: it takes a while

        cli.main(begun)
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else 0)
    except KeyboardInterrupt:  # while all that was loading
        sys.stderr.write("error: interrupted before anything was done\n")
        _leave(130)


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
