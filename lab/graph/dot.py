"""A drawing for Graphviz (https://graphviz.org)."""

from lab.graph.graph import RUNNING, Edge, Graph, Vertex


def dot(graph: Graph) -> str:
    """Regions are clusters; Graphviz joins these by a line between two of their nodes, clipped at the clusters."""
    lines = ["graph lab {", f'  label="{graph.title}"', "  compound=true", "  node [shape=box]"]
    for region, nodes in graph.regions.items():
        lines += [f'  subgraph "cluster_{region}" {{', f'    label="{region}"']
        lines += [f"    {_node(node)}" for node in nodes]
        lines.append("  }")
    lines += [f"  {_link(graph, edge)}" for edge in graph.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: Vertex) -> str:
    if node.state == RUNNING:
        return f'"{node.name}"'
    return f'"{node.name}" [label="{node.name}\\n{node.state}" style=dashed]'


def _link(graph: Graph, edge: Edge) -> str:
    one, other = edge.regions
    ends = " -- ".join(f'"{graph.regions[region][len(graph.regions[region]) // 2].name}"' for region in edge.regions)
    looks = f' label="{edge.words}" style=dashed' if edge.words else " penwidth=3"
    return f'{ends} [ltail="cluster_{one}" lhead="cluster_{other}"{looks}]'
