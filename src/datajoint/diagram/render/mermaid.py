"""A picture as Mermaid text, which GitHub, GitLab and most notebooks draw."""

from __future__ import annotations

from datajoint.diagram.picture import Edge, Node, Picture
from datajoint.diagram.theme import LIGHT, Theme, theme as theme_named

__all__ = ["MEDIA_TYPE", "render"]

MEDIA_TYPE = "text/vnd.mermaid"

_SHAPES = {"imported": ('(["', '"])'), "computed": ('(["', '"])'), "schema": ('[["', '"]]')}
_ESCAPES = str.maketrans({
    "#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "%": "#37;", "$": "#36;",
    "\\": "#92;",
})  # fmt: skip


def render(picture: Picture, theme: str = "auto") -> str:
    """Write `picture` as a Mermaid flowchart; equal pictures give equal text.

    Parameters
    ----------
    picture
        What to draw.
    theme
        ``light``, ``dark`` or ``auto`` (as ``light``: Mermaid cannot ask the viewer).

    Examples
    --------
    >>> nodes = Node("a", "Image", "manual"), Node("b", "Scan", "imported")
    >>> edge = Edge("b", "a", primary=True, multi=False, renamed=False)
    >>> print(render(Picture(nodes, (edge,))))
    flowchart LR
      n0["Image"]:::manual
      n1(["Scan"]):::imported
      n0 === n1
      classDef manual fill:#dcfce7,stroke:#15803d,color:#14532d
      classDef imported fill:#dbeafe,stroke:#2563eb,color:#1e3a8a
    <BLANKLINE>
    """
    colours = theme_named(theme)
    names = {node.id: f"n{i}" for i, node in enumerate(picture.nodes)}
    lines = [f"flowchart {picture.direction}"]
    for number, group in enumerate(picture.groups):
        inside = [node for node in picture.nodes if node.group == group.id]
        if inside:
            lines.append(f'  subgraph g{number}["{_escape(group.label)}"]')
            lines += ["  " + _node(node, names[node.id]) for node in inside]
            lines.append("  end")
    known = {group.id for group in picture.groups}
    lines += [_node(node, names[node.id]) for node in picture.nodes if node.group not in known]
    lines += [_edge(edge, names) for edge in picture.edges]
    lines += [
        f'  click {names[node.id]} href "{_link(node.href)}"' for node in picture.nodes if _web(node.href)
    ]
    lines += _styles(picture, colours)
    return "\n".join(lines) + "\n"


def _node(node: Node, name: str) -> str:
    opening, closing = _SHAPES.get(node.tier, ('["', '"]'))
    label = _escape(node.label)
    label = f"<u>{label}</u>" if node.underlined else label
    label += f"<br/>{_escape(node.badge)}" if node.badge else ""
    return f"  {name}{opening}{label}{closing}:::{_tier(node)}"


def _edge(edge: Edge, names: dict[str, str]) -> str:
    line = "-.-" if not edge.primary else "---" if edge.multi else "==="
    notes = [edge.tooltip] if edge.renamed and edge.tooltip else ["renamed"] if edge.renamed else []
    notes += [word for word in ("nullable", "unique") if getattr(edge, word)]
    label = f'|"{_escape(", ".join(notes))}"|' if notes else ""
    return f"  {names[edge.parent]} {line}{label} {names[edge.child]}"


def _styles(picture: Picture, colours: Theme) -> list[str]:
    used = {_tier(node) for node in picture.nodes}
    lines = [
        f"  classDef {tier} fill:{paint.fill},stroke:{paint.stroke},color:{paint.text}"
        for tier, paint in colours.tiers.items()
        if tier in used
    ]
    renamed = [str(i) for i, edge in enumerate(picture.edges) if edge.renamed]
    thick = [str(i) for i, edge in enumerate(picture.edges) if not edge.primary and not edge.multi]
    flagged = [f"n{i}" for i, node in enumerate(picture.nodes) if node.flagged]
    if flagged:
        lines.append(f"  classDef flagged stroke:{colours.warning},stroke-width:3px")
        lines.append(f"  class {','.join(flagged)} flagged")
    if renamed:
        lines.append(f"  linkStyle {','.join(renamed)} stroke:{colours.renamed}")
    if thick:
        lines.append(f"  linkStyle {','.join(thick)} stroke-width:3.5px")
    return lines


def _tier(node: Node) -> str:
    return node.tier if node.tier in LIGHT.tiers else "unknown"


def _web(href: str) -> bool:
    return href.lower().startswith(("http://", "https://"))


def _link(href: str) -> str:
    """Address with everything that could end the string percent-encoded."""
    return "".join(c if c.isalnum() or c in "-._~:/?#[]@!$&()*+,;=%" else _percent(c) for c in href)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def _escape(text: str) -> str:
    """One line of text without any character that means something to Mermaid."""
    clean = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    return clean.translate(_ESCAPES)
