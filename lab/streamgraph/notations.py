"""A graph of streams for a terminal, in Mermaid and for Graphviz; pure."""

from lab.printable import printable
from lab.streamgraph.graph import Edge, StreamGraph, Vertex
from lab.units import several

NOWHERE = "?"  # the region of a stream that no server says it has


def title(graph: StreamGraph) -> str:
    accounts = {vertex.account for vertex in graph.vertices}
    told = f"{several(len(graph.vertices), 'stream')}, {several(len(graph.edges), 'edge')}"
    return told + (f", {several(len(accounts), 'account')}" if len(accounts) > 1 else "")


def regions(graph: StreamGraph) -> dict[str, list[Vertex]]:
    found: dict[str, list[Vertex]] = {}
    for vertex in graph.vertices:
        found.setdefault(vertex.region or NOWHERE, []).append(vertex)
    return found


def keeps(vertex: Vertex) -> str:
    """What a stream listens to and how it keeps it."""
    parts = [f"R{vertex.replicas}", ", ".join(vertex.subjects)]
    parts += [vertex.retention] if vertex.retention != "limits" else []
    parts += [f"stores {vertex.transform}"] if vertex.transform else []
    return "  ".join(part for part in parts if part)


def taken(edge: Edge) -> str:
    missing = "" if edge.upstream else " (there is no such stream)"
    return f"{edge.upstream or edge.name}: {edge}{missing}"


def text(graph: StreamGraph) -> str:
    width = max((len(vertex.key) for vertex in graph.vertices), default=0)
    lines = [title(graph)]
    for region, vertices in regions(graph).items():
        lines += ["", region]
        for vertex in vertices:
            lines.append(f"  {vertex.key:<{width}}  {keeps(vertex)}")
            lines += [f"  {'':<{width}}  ← {taken(edge)}" for edge in graph.into(vertex.key)]
    return "\n".join(map(printable, lines)) + "\n"


def mermaid(graph: StreamGraph) -> str:
    lines = ["---", f'title: "{title(graph)}"', "---", "flowchart LR"]
    ids = {vertex.key: f"s{number}" for number, vertex in enumerate(graph.vertices)}
    for number, (region, vertices) in enumerate(regions(graph).items()):
        lines.append(f'  subgraph r{number}["{region}"]')
        lines += [f'    {ids[v.key]}["{_quoted(v.key)}<br/>{_quoted(keeps(v))}"]' for v in vertices]
        lines.append("  end")
    for number, edge in enumerate(graph.edges):
        source = ids.get(edge.upstream, f"m{number}")
        if not edge.upstream:
            lines.append(f'  m{number}["{_quoted(edge.name)} is not there"]:::away')
        line = "==>" if edge.mirror else "-->"
        lines.append(f'  {source} {line}|"{_quoted(str(edge))}"| {ids[edge.stream]}')
    lines.append("  classDef away stroke-dasharray:4 3,opacity:0.6")
    return "\n".join(lines) + "\n"


def dot(graph: StreamGraph) -> str:
    lines = ["digraph streams {", f'  label="{title(graph)}"', "  rankdir=LR", "  node [shape=box]"]
    for region, vertices in regions(graph).items():
        lines += [f'  subgraph "cluster_{region}" {{', f'    label="{region}"']
        lines += [f'    "{_escaped(v.key)}" [label="{_escaped(v.key)}\\n{_escaped(keeps(v))}"]' for v in vertices]
        lines.append("  }")
    for edge in graph.edges:
        look = " style=bold" if edge.mirror else ""
        ends = f'"{_escaped(edge.upstream or edge.name)}" -> "{_escaped(edge.stream)}"'
        lines.append(f'  {ends} [label="{_escaped(str(edge))}"{look}]')
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(words: str) -> str:
    """Text of others as Mermaid may have it between quotes."""
    return printable(words).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _escaped(words: str) -> str:
    return printable(words).replace("\\", "\\\\").replace('"', '\\"')
