"""NATS Region Lab: a real three-region JetStream super-cluster in containers, and the faults to learn from it."""

__version__ = "0.1.0"
