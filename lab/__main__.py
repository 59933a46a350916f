"""The command `lab`."""

import io
import os
import signal
import stat
import sys

INTERRUPTED = 130


def main() -> None:
    ended_by = signal.SIGINT

    def stop(number: int, _: object) -> None:
        nonlocal ended_by
        ended_by = signal.Signals(number)
        if ended_by == signal.SIGHUP:
            let_go_of_terminal()
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what a script runs in the background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

    have_streams()
    signal.signal(signal.SIGTERM, stop)  # as Ctrl-C: nothing half-made is left
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under `nohup`
        signal.signal(signal.SIGHUP, stop)
    try:
        from lab import headstart

        begun = headstart.begin(sys.argv[1:])
        from lab.cli.app import main  # after that: it takes a while
        from lab.cli.commands import load

        load(*sys.argv[1:2])
        main(begun)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
        _leave(128 + ended_by if code == INTERRUPTED else code)
    except KeyboardInterrupt:  # while all that was loading
        sys.stderr.write("error: interrupted before anything was done\n")
        _leave(128 + ended_by)


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


def let_go_of_terminal() -> None:
    """One that was closed takes nothing more, and what is left to be done is done without it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        if stat.S_ISCHR(os.fstat(number).st_mode):  # `isatty` says no of a closed one
            os.dup2(nowhere, number)


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
