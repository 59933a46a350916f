"""The notations of a graph of streams, by name."""

from collections.abc import Callable, Mapping

from lab.streamgraph.drawing import svg
from lab.streamgraph.graph import StreamGraph
from lab.streamgraph.notations import dot, mermaid, text

FORMATS: Mapping[str, Callable[[StreamGraph], str]] = {"text": text, "mermaid": mermaid, "dot": dot, "svg": svg}
