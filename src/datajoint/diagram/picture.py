"""What a diagram shows, as plain values: the one input of layout and of every renderer."""

from __future__ import annotations

from datajoint._value import Value

__all__ = ["TIERS", "Edge", "Group", "Node", "Picture"]

TIERS = ("manual", "lookup", "imported", "computed", "part", "schema", "unknown")
"""Kinds of node; ``schema`` is a collapsed schema, ``unknown`` a table whose class is not known."""


class Node(Value):
    """One table, or one collapsed schema.

    Parameters
    ----------
    id
        Unique within the picture.
    label
        What is written in the node; names may repeat.
    tier
        One of `TIERS`.
    group
        Id of the group (schema) that holds the node, if any.
    tooltip
        Shown when the pointer rests on the node: the definition.
    underlined
        Whether the table introduces attributes of its primary key.
    badge
        A short second line, such as a number of rows.
    href
        Where a click leads.
    flagged
        Whether it deserves a second look; the badge says why.

    Examples
    --------
    >>> Node("lab.session", "Session", "manual", "lab").label
    'Session'
    """

    id: str
    label: str
    tier: str
    group: str | None = None
    tooltip: str = ""
    underlined: bool = False
    badge: str = ""
    href: str = ""
    flagged: bool = False


class Edge(Value):
    """One foreign key, from a child to its parent.

    Parameters
    ----------
    child, parent
        Ids of nodes.
    primary
        Whether the foreign key lies in the primary key of the child.
    multi
        True when a parent may have many children, False when it has one at most.
    renamed
        Whether an attribute has another name in the child.
    tooltip
        Shown when the pointer rests on the edge: the renaming.
    nullable
        Whether the child may have no parent.
    unique
        Whether the foreign key was declared unique.

    Examples
    --------
    >>> Edge("scan", "session", primary=True, multi=True, renamed=False).nullable
    False
    """

    child: str
    parent: str
    primary: bool
    multi: bool
    renamed: bool
    tooltip: str = ""
    nullable: bool = False
    unique: bool = False


class Group(Value):
    """A frame around the nodes of one schema.

    Examples
    --------
    >>> Group("lab_db", "lab").label
    'lab'
    """

    id: str
    label: str


class Picture(Value):
    """Nodes, edges and groups in the order in which they are to be named.

    Parameters
    ----------
    nodes, edges, groups
        Edges name nodes of the picture, nodes name groups of the picture.
    direction
        ``LR`` (parents left of their children) or ``TB`` (parents above).

    Examples
    --------
    >>> picture = Picture(
    ...     (Node("a", "A", "manual"), Node("b", "B", "computed")),
    ...     (Edge("b", "a", primary=True, multi=False, renamed=False),),
    ... )
    >>> len(picture.nodes), picture.direction
    (2, 'LR')
    """

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    groups: tuple[Group, ...] = ()
    direction: str = "LR"
