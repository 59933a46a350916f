"""The topology with its faults as a drawing: one module for each notation, all of them pure."""

from collections.abc import Callable, Mapping

from lab.graph.dot import dot
from lab.graph.drawing import svg
from lab.graph.graph import Graph
from lab.graph.mermaid import mermaid
from lab.graph.text import text

FORMATS: Mapping[str, Callable[[Graph], str]] = {"text": text, "mermaid": mermaid, "dot": dot, "svg": svg}

__all__ = ["FORMATS", "Graph"]
