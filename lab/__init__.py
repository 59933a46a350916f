"""NATS Region Lab: a real three-region JetStream super-cluster in containers, and the faults to learn from it."""
