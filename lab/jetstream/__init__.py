"""NATS: the only package that imports the client library. Everything here is async and bounded in time.

A `Session` is a conversation with one region. Nothing is retried here: who waits says so (`lab/ready.py`), and what
goes into a history was tried once.
"""

from lab.jetstream.attempts import Outcome, attempt
from lab.jetstream.session import (
    API_LEADERLESS,
    NO_RESPONDERS,
    Ack,
    ApiError,
    Entry,
    Session,
    api_error,
    connect,
    last_arrivals,
    origin,
)

__all__ = [
    "API_LEADERLESS",
    "NO_RESPONDERS",
    "Ack",
    "ApiError",
    "Entry",
    "Outcome",
    "Session",
    "api_error",
    "attempt",
    "connect",
    "last_arrivals",
    "origin",
]
