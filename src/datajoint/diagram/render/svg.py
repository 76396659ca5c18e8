"""A picture as SVG: self-contained, with tooltips, readable by screen readers, light or dark by itself."""

from __future__ import annotations

import re

from datajoint.diagram.layout import Box, Layout, Route, arrange
from datajoint.diagram.layout.metrics import BADGE_SIZE, FONT_SIZE, LABEL_SIZE, PART_SIZE
from datajoint.diagram.picture import Edge, Group, Node, Picture
from datajoint.diagram.theme import DARK, LIGHT, Theme, theme as theme_named

__all__ = ["MEDIA_TYPE", "render"]

MEDIA_TYPE = "image/svg+xml"

_FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FONT = "Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif"


def render(picture: Picture, theme: str = "auto") -> str:
    """Draw `picture` as an SVG document.

    Parameters
    ----------
    picture
        What to draw.
    theme
        ``light``, ``dark``, or ``auto``: as the viewer prefers.

    Examples
    --------
    >>> svg = render(Picture((Node("a", "Scan", "imported", tooltip="scan : int"),)))
    >>> svg.startswith("<svg"), "<title>scan : int</title>" in svg
    (True, True)
    """
    places = arrange(picture)
    width, height = _number(places.width), _number(places.height)
    size = f'width="{width}" height="{height}"'
    names = (
        f'class="dj-diagram dj-{theme}" role="graphics-document document" aria-label="{_summary(picture)}"'
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}" {names}>',
        f"<style>{_style(theme)}{_flags(theme) if any(n.flagged for n in picture.nodes) else ''}</style>",
        f'<rect class="paper" {size} rx="6"/>',
    ]
    parts.extend(_frame(g, box) for g, box in zip(picture.groups, places.groups, strict=True) if box)
    parts.extend(_edges(picture, places))
    parts.extend(_label(g, box) for g, box in zip(picture.groups, places.groups, strict=True) if box)
    parts.extend(_node(n, box) for n, box in zip(picture.nodes, places.nodes, strict=True))
    parts.append("</svg>\n")
    return "\n".join(parts)


def _summary(picture: Picture) -> str:
    collapsed = sum(node.tier == "schema" for node in picture.nodes)
    tables = len(picture.nodes) - collapsed
    text = f"Diagram of {tables} table{'' if tables == 1 else 's'}"
    return f"{text} and {collapsed} collapsed schema{'' if collapsed == 1 else 's'}" if collapsed else text


# ------------------------------------------------------------------------------------------- style


def _style(theme: str) -> str:
    common = (
        f".dj-diagram text{{font-family:{_FONT};font-size:{FONT_SIZE:g}px}}"
        f".dj-diagram .part text{{font-size:{PART_SIZE:g}px}}"
        f".dj-diagram text.label{{font-size:{LABEL_SIZE:g}px;font-weight:bold;"
        "paint-order:stroke;stroke-width:4;stroke-linejoin:round}"
        f".dj-diagram text.badge{{font-size:{BADGE_SIZE:g}px}}"
        ".dj-diagram .key{text-decoration:underline}"
        ".dj-diagram .edge path{fill:none;stroke-width:1.2}"
        ".dj-diagram .one path{stroke-width:2.8}"
        ".dj-diagram .secondary path{stroke-dasharray:5 3}"
        ".dj-diagram .edge path.touch{stroke:none;stroke-width:9;stroke-dasharray:none;pointer-events:stroke}"
        ".dj-diagram .edge:hover path{stroke-width:3.4}"
        ".dj-diagram .node rect,.dj-diagram .node ellipse{stroke-width:1.4}"
        ".dj-diagram .part rect{stroke-width:.8}"
        ".dj-diagram .unknown rect{stroke-dasharray:3 2}"
        ".dj-diagram .node:hover rect,.dj-diagram .node:hover ellipse{stroke-width:2.6}"
    )
    if theme == "auto":
        dark = _colours(DARK, ".dj-auto")
        return f"{common}{_colours(LIGHT, '.dj-auto')}@media(prefers-color-scheme:dark){{{dark}}}"
    chosen = theme_named(theme)
    return common + _colours(chosen, f".dj-{chosen.name}")


def _colours(theme: Theme, scope: str) -> str:
    rules = [
        f"{scope} .paper{{fill:{theme.background}}}",
        f"{scope} .frame{{fill:{theme.frame};stroke:{theme.frame_stroke}}}",
        f"{scope} text.label{{fill:{theme.muted};stroke:{theme.frame}}}",
        f"{scope} .edge path{{stroke:{theme.edge}}}",
        f"{scope} .edge circle{{fill:{theme.background};stroke:{theme.edge}}}",
        f"{scope} .renamed path,{scope} .renamed circle{{stroke:{theme.renamed}}}",
    ]
    for tier, paint in theme.tiers.items():
        rules.append(
            f"{scope} .{tier} rect,{scope} .{tier} ellipse{{fill:{paint.fill};stroke:{paint.stroke}}}"
            f"{scope} .{tier} text{{fill:{paint.text}}}"
        )
    return "".join(rules)


def _flags(theme: str) -> str:
    """Style of the nodes that deserve a second look."""

    def rules(theme: Theme, scope: str) -> str:
        shapes = f"{scope} .flagged rect,{scope} .flagged ellipse"
        return f"{shapes}{{stroke:{theme.warning};stroke-width:3}}{scope} .flagged .badge{{font-weight:bold}}"

    if theme == "auto":
        dark = rules(DARK, ".dj-auto")
        return f"{rules(LIGHT, '.dj-auto')}@media(prefers-color-scheme:dark){{{dark}}}"
    return rules(theme_named(theme), f".dj-{theme}")


# ------------------------------------------------------------------------------------------- parts


def _frame(group: Group, box: Box) -> str:
    return (
        f'<g class="group" role="graphics-object group" aria-label="{_attribute(group.label)}">'
        f'<rect class="frame" x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" '
        f'height="{_number(box.height)}" rx="8"/></g>'
    )


def _label(group: Group, box: Box) -> str:
    """Name of a frame, above the edges."""
    return (
        f'<text class="label" aria-hidden="true" x="{_number(box.x + 10)}" y="{_number(box.y + 16)}">'
        f"{_escape(group.label)}</text>"
    )


def _node(node: Node, box: Box) -> str:
    x, y = box.centre
    description = f"{node.label}, {_spoken(node.tier)}"
    inside = [f"<title>{_escape(node.tooltip)}</title>" if node.tooltip else "", _shape(node.tier, box)]
    size = PART_SIZE if node.tier == "part" else FONT_SIZE
    baseline = y + size * 0.35 - (5.5 if node.badge else 0)
    key = ' class="key"' if node.underlined else ""
    at = f'x="{_number(x)}" y="{_number(baseline)}"'
    inside.append(f'<text{key} {at} text-anchor="middle">{_escape(node.label)}</text>')
    if node.badge:
        description += f", {node.badge}"
        inside.append(
            f'<text class="badge" x="{_number(x)}" y="{_number(baseline + 12)}" text-anchor="middle">'
            f"{_escape(node.badge)}</text>"
        )
    content = (
        f'<g class="node {_tier(node.tier)}{" flagged" if node.flagged else ""}" role="graphics-symbol img" '
        f'aria-label="{_attribute(description)}" data-node="{_attribute(node.id)}">{"".join(inside)}</g>'
    )
    if _harmless(node.href):
        return f'<a href="{_attribute(node.href)}">{content}</a>'
    return content


def _shape(tier: str, box: Box) -> str:
    if tier in ("imported", "computed"):
        x, y = box.centre
        return (
            f'<ellipse cx="{_number(x)}" cy="{_number(y)}" rx="{_number(box.width / 2)}" '
            f'ry="{_number(box.height / 2)}"/>'
        )
    size = f'width="{_number(box.width)}" height="{_number(box.height)}"'
    radius = ' rx="3"' if tier in ("manual", "part", "unknown") else ""
    if tier == "schema":  # a stack of sheets
        size = f'width="{_number(box.width - 4)}" height="{_number(box.height - 4)}"'
        back = f'<rect x="{_number(box.x + 4)}" y="{_number(box.y)}" {size} rx="4"/>'
        return f'{back}<rect x="{_number(box.x)}" y="{_number(box.y + 4)}" {size} rx="4"/>'
    return f'<rect x="{_number(box.x)}" y="{_number(box.y)}" {size}{radius}/>'


def _edges(picture: Picture, places: Layout) -> list[str]:
    names = {node.id: node.label for node in picture.nodes}
    against = set(places.against)
    order = sorted(range(len(picture.edges)), key=lambda e: picture.edges[e].renamed)  # amber on top
    return [_edge(picture.edges[e], places.edges[e], names, cyclic=e in against) for e in order]


def _edge(edge: Edge, route: Route, names: dict[str, str], *, cyclic: bool) -> str:
    path = _path(route)
    kinds = ["edge"]
    kinds += ["secondary"] if not edge.primary else []
    kinds += ["one"] if not edge.multi else []
    kinds += ["renamed"] if edge.renamed else []
    text = _meaning(edge, names, cyclic=cyclic)
    marks = ""
    if edge.nullable or edge.unique:
        marks = _marks(edge, route)
    return (
        f'<g class="{" ".join(kinds)}" role="graphics-symbol img" aria-label="{_attribute(text)}" '
        f'data-child="{_attribute(edge.child)}" data-parent="{_attribute(edge.parent)}">'
        f'<title>{_escape(text)}</title><path class="touch" d="{path}"/><path d="{path}"/>{marks}</g>'
    )


def _meaning(edge: Edge, names: dict[str, str], *, cyclic: bool) -> str:
    """Say in words what an edge means."""
    kinds = ["" if edge.primary else "secondary", "" if edge.multi else "one-to-one"]
    kinds += ["nullable" if edge.nullable else "", "unique" if edge.unique else ""]
    itself = edge.child == edge.parent
    kinds += ["to itself" if itself else "closes a cycle" if cyclic else ""]
    notes = ", ".join(kind for kind in kinds if kind)
    text = f"{names[edge.child]} → {names[edge.parent]}"
    text += f" ({notes})" if notes else ""
    return f"{text}\n{edge.tooltip}" if edge.tooltip else text


def _marks(edge: Edge, route: Route) -> str:
    """Near the child: a ring if it may have no parent, a bar across the edge if it is unique."""
    (x, y), (dx, dy) = route.end, _arrival(route)
    marks = ""
    if edge.nullable:
        marks += f'<circle cx="{_number(x - 5 * dx)}" cy="{_number(y - 5 * dy)}" r="3.4"/>'
    if edge.unique:
        bx, by = x - 12 * dx, y - 12 * dy
        marks += (
            f'<path style="stroke-dasharray:none" d="M{_number(bx - 5 * dy)} {_number(by - 5 * dx)}'
            f'L{_number(bx + 5 * dy)} {_number(by + 5 * dx)}"/>'
        )
    return marks


def _arrival(route: Route) -> tuple[float, float]:
    """Direction, of length one along an axis, in which a route reaches its end."""
    last = route.segments[-1]
    if len(last) == 6:
        x, y = last[2], last[3]
    else:
        x, y = route.segments[-2][-2:] if len(route.segments) > 1 else route.start
    dx, dy = route.end[0] - x, route.end[1] - y
    if abs(dx) >= abs(dy):
        return (1.0 if dx >= 0 else -1.0), 0.0
    return 0.0, (1.0 if dy >= 0 else -1.0)


def _path(route: Route) -> str:
    steps = [f"M{_number(route.start[0])} {_number(route.start[1])}"]
    steps += [("C" if len(s) == 6 else "L") + " ".join(map(_number, s)) for s in route.segments]
    return "".join(steps)


# ------------------------------------------------------------------------------------------- texts


def _tier(tier: str) -> str:
    return tier if tier in LIGHT.tiers else "unknown"


def _spoken(tier: str) -> str:
    match tier:
        case "schema":
            return "collapsed schema"
        case "unknown":
            return "table"
        case _:
            return f"{tier} table"


def _harmless(href: str) -> bool:
    """Whether a link is a page address or a relative one; scripts are never linked."""
    scheme, colon, _ = href.partition(":")
    relative = not colon or "/" in scheme or "#" in scheme or "?" in scheme
    return bool(href) and (relative or scheme.lower() in ("http", "https"))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _escape(text: str) -> str:
    """Text for XML; characters that XML cannot hold become a question mark."""
    clean = text if text.isprintable() else _FORBIDDEN.sub("?", text.replace("\r", ""))
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _attribute(text: str) -> str:
    return _escape(text).replace('"', "&quot;").replace("'", "&#39;").replace("\n", "&#10;")
