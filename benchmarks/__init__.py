"""Benchmarks against the bare commands, in the same run."""
