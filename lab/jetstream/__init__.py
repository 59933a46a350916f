"""NATS: the only package that imports the client library. Everything here is async and bounded in time.

A `Session` is a conversation with one region. Nothing is retried here: who waits says so (`lab/observe/ready.py`), and
what goes into a history was tried once.
"""
