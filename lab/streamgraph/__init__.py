"""Which stream gets which messages from where, read off the streams' definitions alone: a value, its problems, what
reaches what, and its notations (`formats.py`). All of it pure; it knows of no lab."""

from lab.streamgraph.graph import Defined, Edge, StreamGraph, Vertex, graph

__all__ = ["Defined", "Edge", "StreamGraph", "Vertex", "graph"]
