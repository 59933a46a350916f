"""The network probe: a static Linux program that `lab/faults/proof.py` runs beside the nodes (see probe.c)."""
