"""Whether a port on 127.0.0.1 can be had, now or soon."""

import socket
import time

TIME_WAIT_S = 60  # Linux, `TCP_TIMEWAIT_LEN`
PATIENCE_S = TIME_WAIT_S + 5


def becomes_free(port: int, seconds: float) -> bool:
    """Whether the port can be had. An outgoing connection may hold one, and keep it for a minute after its end
    (TIME_WAIT); only a listener is taken at its word."""
    deadline = time.monotonic() + seconds
    while not _bindable(port):
        with socket.socket() as caller:
            caller.settimeout(1)
            if caller.connect_ex(("127.0.0.1", port)) == 0 or time.monotonic() > deadline:
                return False
        time.sleep(0.1)
    return True


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
