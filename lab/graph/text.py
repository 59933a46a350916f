"""A drawing for a terminal."""

from lab.graph.graph import CUT, RUNNING, Edge, Graph, Vertex

LINE, BROKEN, OTHER = "═══════", "══   ══", "══ ~ ══"


def text(graph: Graph) -> str:
    width = max(map(len, graph.regions))
    cell = max(len(_node(node)) for nodes in graph.regions.values() for node in nodes)
    lines = [graph.title, ""]
    for region, nodes in graph.regions.items():
        lines.append(f"{region:>{width}}  " + "  ".join(f"{_node(node):<{cell}}" for node in nodes).rstrip())
    lines.append("")
    lines += [_link(edge, width) for edge in graph.edges]
    lines += ["", *graph.faults] if graph.faults else []
    return "\n".join(lines) + "\n"


def _node(node: Vertex) -> str:
    return node.name if node.state == RUNNING else f"{node.name} ({node.state})"


def _link(edge: Edge, width: int) -> str:
    one, other = edge.regions
    line = BROKEN if edge.state == CUT else OTHER if edge.words else LINE
    return f"{one:>{width}} {line} {other:<{width}}  {edge.words}".rstrip()
