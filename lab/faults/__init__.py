"""Faults: frozen values in a set, and the verbs that change the set; one module for each kind.

A value is the smallest thing that can change. The set in force is read from Docker (`registry.present`); injecting and
healing are differences of sets (`change.py`), and `proof.py` proves what came of them. `reachability.py` and
`prediction.py` say what a set of faults takes away. A new kind is one module and one line in `registry.py`.
"""
