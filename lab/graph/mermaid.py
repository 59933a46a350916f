"""A drawing for Markdown, in Mermaid (https://mermaid.js.org)."""

from lab.graph.graph import RUNNING, Edge, Graph, Vertex


def mermaid(graph: Graph) -> str:
    lines = ["---", f'title: "{graph.title}"', "---", "flowchart LR"]
    for region, nodes in graph.regions.items():
        lines.append(f'  subgraph {_id(region)}["{region}"]')
        lines += [f"    {_node(node)}" for node in nodes]
        lines.append("  end")
    lines += [f"  {_link(edge)}" for edge in graph.edges]
    lines.append("  classDef away stroke-dasharray:4 3,opacity:0.6")
    return "\n".join(lines) + "\n"


def _id(name: str) -> str:
    """Mermaid has reserved words, such as `end`, and reads hyphens as lines."""
    return "n_" + name.replace("-", "_")


def _node(node: Vertex) -> str:
    if node.state == RUNNING:
        return f'{_id(node.name)}["{node.name}"]'
    return f'{_id(node.name)}["{node.name} ({node.state})"]:::away'


def _link(edge: Edge) -> str:
    one, other = map(_id, edge.regions)
    line = f'-. "{edge.words}" .-' if edge.words else "==="
    return f"{one} {line} {other}"
