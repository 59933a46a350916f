"""A port that is taken, and one that only looks so for a moment."""

import socket
import threading
import time

from lab.claims import _becomes_free


def test_a_listener_is_taken_at_its_word_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        assert not _becomes_free(server.getsockname()[1])
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
        assert _becomes_free(port)
        thread.join()
