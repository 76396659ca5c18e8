"""A picture as DOT text for Graphviz and the many tools that read its language."""

from __future__ import annotations

from datajoint.diagram.picture import Edge, Node, Picture
from datajoint.diagram.theme import Theme, theme as theme_named

__all__ = ["MEDIA_TYPE", "render"]

MEDIA_TYPE = "text/vnd.graphviz"

_SHAPES = {"imported": "ellipse", "computed": "ellipse", "schema": "box3d"}


def render(picture: Picture, theme: str = "auto") -> str:
    """Write `picture` as a directed graph in DOT; equal pictures give equal text.

    Parameters
    ----------
    picture
        What to draw.
    theme
        ``light``, ``dark`` or ``auto`` (as ``light``).

    Examples
    --------
    >>> nodes = Node("a", "Image", "manual"), Node("b", "Scan", "imported")
    >>> edge = Edge("b", "a", primary=False, multi=True, renamed=False)
    >>> print(render(Picture(nodes, (edge,))))
    digraph datajoint {
      graph [rankdir=LR, bgcolor="#ffffff", fontname="Helvetica", fontsize=11];
      node [fontname="Helvetica", fontsize=12, style=filled];
      edge [dir=both, arrowhead=none, arrowtail=none, color="#64707d"];
      "a" [label="Image", shape=box, fillcolor="#dcfce7", color="#15803d", fontcolor="#14532d"];
      "b" [label="Scan", shape=ellipse, fillcolor="#dbeafe", color="#2563eb", fontcolor="#1e3a8a"];
      "a" -> "b" [style=dashed];
    }
    <BLANKLINE>
    """
    colours = theme_named(theme)
    paper = f'rankdir={picture.direction}, bgcolor="{colours.background}"'
    lines = [
        "digraph datajoint {",
        f'  graph [{paper}, fontname="Helvetica", fontsize=11];',
        '  node [fontname="Helvetica", fontsize=12, style=filled];',
        f'  edge [dir=both, arrowhead=none, arrowtail=none, color="{colours.edge}"];',
    ]
    for number, group in enumerate(picture.groups):
        inside = [node for node in picture.nodes if node.group == group.id]
        if inside:
            frame = f'color="{colours.frame_stroke}"; fontcolor="{colours.muted}";'
            lines.append(f'  subgraph "cluster_{number}" {{ label="{_escape(group.label)}"; {frame}')
            lines += ["  " + _node(node, colours) for node in inside]
            lines.append("  }")
    known = {group.id for group in picture.groups}
    lines += [_node(node, colours) for node in picture.nodes if node.group not in known]
    lines += [_edge(edge, colours) for edge in picture.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: Node, colours: Theme) -> str:
    paint = colours.tiers.get(node.tier) or colours.tiers["unknown"]
    options = [f"label={_label(node)}", f"shape={_SHAPES.get(node.tier, 'box')}"]
    stroke = colours.warning if node.flagged else paint.stroke
    options += [f'fillcolor="{paint.fill}"', f'color="{stroke}"', f'fontcolor="{paint.text}"']
    options += ["penwidth=3"] if node.flagged else []
    if node.tier == "part":
        options += ["fontsize=11", "height=0.3", 'margin="0.08,0.03"']
    if node.tooltip:
        options.append(f'tooltip="{_escape(node.tooltip)}"')
    if node.href.lower().startswith(("http://", "https://")):
        options.append(f'URL="{_escape(node.href)}"')
    return f'  "{_escape(node.id)}" [{", ".join(options)}];'


def _label(node: Node) -> str:
    if not node.underlined:
        return f'"{_escape(node.label)}{chr(92) + "n" + _escape(node.badge) if node.badge else ""}"'
    badge = f"<br/>{_html(node.badge)}" if node.badge else ""
    return f"<<u>{_html(node.label)}</u>{badge}>"


def _edge(edge: Edge, colours: Theme) -> str:
    options = [] if edge.primary else ["style=dashed"]
    options += [] if edge.multi else ["penwidth=2.8"]
    options += [f'color="{colours.renamed}"'] if edge.renamed else []
    head = ("odot" if edge.nullable else "") + ("tee" if edge.unique else "")
    options += [f"arrowhead={head}"] if head else []
    options += [f'edgetooltip="{_escape(edge.tooltip)}"'] if edge.tooltip else []
    text = f" [{', '.join(options)}]" if options else ""
    return f'  "{_escape(edge.parent)}" -> "{_escape(edge.child)}"{text};'


def _escape(text: str) -> str:
    """Text for a quoted string of DOT, in which ``&`` begins an entity and a backslash an escape."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;").replace("\0", "?")
    return text.replace("\r", "").replace("\n", "\\n")


def _html(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return "".join(max(c, " ") for c in text)
