"""A lab of the shape of a running system: its definitions are read, never its messages, and mapped to a lab.

`reading.py` reads, `mapping.py` maps (pure), `folder.py` writes what `lab up --file` starts.
"""
