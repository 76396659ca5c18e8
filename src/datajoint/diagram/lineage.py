"""The lineage of rows as a picture: rows of a table are a node, what they come from stands before it."""

from __future__ import annotations

from collections.abc import Iterator

from datajoint.diagram.picture import TIERS, Edge, Node, Picture
from datajoint.provenance.tracing.lineage import Lineage
from datajoint.provenance.tracing.rows import Rows
from datajoint.provenance.tracing.tree import rows_text

__all__ = ["picture_of"]


def picture_of(lineage: Lineage, direction: str = "LR") -> Picture:
    """Return a picture of a lineage; lines are solid where rows were read, dashed where they are referred to.

    Examples
    --------
    >>> fit = Rows("lab.__fit", "Fit", "computed", 1, ({"n": 1},))
    >>> scan = Rows("lab.scan", "Scan", "manual", 1, ({"n": 1},), link="read")
    >>> from datajoint._value import replace
    >>> picture = picture_of(Lineage((replace(fit, sources=(scan,)),)))
    >>> [node.label for node in picture.nodes], picture.edges[0].parent
    (['Scan', 'Fit'], "lab.scan {'n': 1}")
    """
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str], Edge] = {}
    for rows in lineage.rows:
        for child, parent in _pairs(rows):
            _join(nodes, edges, child, parent)
    for rows in lineage.downstream:
        for root in lineage.rows:
            _join(nodes, edges, rows, root)
        for parent, child in _pairs(rows):
            _join(nodes, edges, child, parent)
    for rows in lineage.rows:
        nodes.setdefault(_id(rows), _node(rows))
    return Picture(tuple(reversed(nodes.values())), tuple(edges.values()), (), direction)


def _pairs(rows: Rows) -> Iterator[tuple[Rows, Rows]]:
    for source in rows.sources:
        yield rows, source
        yield from _pairs(source)


def _join(nodes: dict[str, Node], edges: dict[tuple[str, str], Edge], child: Rows, parent: Rows) -> None:
    for rows in (child, parent):
        nodes.setdefault(_id(rows), _node(rows))
    read = parent.link == "read"
    told = f"read: {', '.join(parent.what)}" if read and parent.what else ""
    place = (_id(child), _id(parent))
    edges.setdefault(place, Edge(*place, primary=read or child.link == "used by", multi=True,
                                 renamed=False, tooltip=told))  # fmt: skip


def _id(rows: Rows) -> str:
    keys = "; ".join(str(dict(key)) for key in rows.keys)
    return f"{rows.table} {keys}{'' if rows.count == len(rows.keys) else f' ({rows.count})'}"


def _node(rows: Rows) -> Node:
    written = "\n".join(f"{writer.done}\n{writer.ran}".strip() for writer in rows.writers[:3])
    tier = rows.tier if rows.tier in TIERS else "unknown"
    return Node(
        _id(rows),
        rows.name,
        tier,
        None,
        written,
        badge=rows_text(rows)
        if rows.count == 1
        else f"{rows.count} rows"
        if rows.count is not None
        else "rows",
    )
