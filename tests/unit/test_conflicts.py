"""A port that is taken, and one that only looks so for a moment."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lab.docker.ports import becomes_free
from lab.faults import proof
from lab.jetstream import monitor


def test_a_listener_is_taken_at_its_word_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        assert not becomes_free(server.getsockname()[1], 10)
        assert time.monotonic() - began < 1


def test_the_local_port_of_an_outgoing_connection_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        port = client.getsockname()[1]

        def end() -> None:
            time.sleep(0.5)
            accepted.close()  # first, so that the client's port is not left in TIME_WAIT
            time.sleep(0.1)
            client.close()

        thread = threading.Thread(target=end)
        thread.start()
        assert becomes_free(port, 10)
        thread.join()


TCP = Path("/proc/net/tcp")
TIME_WAIT = "06"
linux = pytest.mark.skipif(not TCP.exists(), reason="reads Linux's table of connections")


def kept(local: int, remote: int) -> bool:
    """Whether the kernel keeps the caller's end of a connection that has ended."""
    rows = (line.split() for line in TCP.read_text().splitlines()[1:])
    ends = {(row[1].partition(":")[2], row[2].partition(":")[2]) for row in rows if row[3] == TIME_WAIT}
    return (f"{local:04X}", f"{remote:04X}") in ends


@linux
def test_asking_a_server_leaves_no_port_that_must_be_waited_for() -> None:
    callers: list[int] = []

    class Monitoring(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            callers.append(self.client_address[1])
            self.send_response(200)
            self.send_header("Content-Length", "9")
            self.end_headers()
            self.wfile.write(b'{"a": 42}')

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Monitoring) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert monitor.get(server.server_port, "/varz") == {"a": 42}
        server.shutdown()
    assert not kept(callers[0], server.server_port)


@linux
def test_a_greeting_leaves_no_port_that_must_be_waited_for() -> None:
    callers: list[int] = []

    def greet() -> None:
        connection, address = server.accept()
        callers.append(address[1])
        connection.sendall(b"INFO {}\r\n")
        time.sleep(0.3)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=greet)
        thread.start()
        port = server.getsockname()[1]
        assert proof.greeting(port, 1) == "greets"
        thread.join()
    assert not kept(callers[0], port)
