"""The network probe: a static Linux program that `lab/proof.py` runs beside the nodes (see probe.c)."""
