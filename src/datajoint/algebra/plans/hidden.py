"""The hidden columns of a table as ordinary attributes (TAB-20)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from datajoint._value import replace
from datajoint.algebra.plans.nodes import Project, Query
from datajoint.heading.heading import Heading

__all__ = ["WRITTEN", "dated", "named", "reveal"]

WRITTEN = "dj_event"
"""What the event that wrote a row is called beside its key, in which an attribute may be called `event`."""

_NEVER = "_singleton"


def reveal(query: Query, origins: Mapping[str, str] = MappingProxyType({})) -> Query:
    """Return the rows of a table with its hidden columns as attributes, named without the underscore.

    One whose name an attribute has already keeps its own. The key of a table of one row stays hidden.

    Parameters
    ----------
    origins
        Lineage of hidden columns, by which they join with others.

    Examples
    --------
    >>> from datajoint.algebra.plans.nodes import Source
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.names import TableName
    >>> from datajoint.heading.types import parse_type
    >>> key, event = (Attribute(name, parse_type("int64"), in_key=name == "a") for name in ("a", "_event"))
    >>> source = Source(TableName("lab", "subject"), Heading([key], hidden=[event]))
    >>> reveal(Query(source)).plan.heading.names
    ['a', 'event']
    """
    heading = query.plan.heading
    names: dict[str, str] = {}
    for hidden in heading.hidden:
        shown = hidden.removeprefix("_")
        if hidden != _NEVER:
            names[hidden if shown in heading else shown] = hidden
    return named(query, names, origins)


def named(query: Query, names: Mapping[str, str], origins: Mapping[str, str] = MappingProxyType({})) -> Query:
    """Return the rows of a table with some of its hidden columns as attributes of given names.

    Examples
    --------
    >>> from datajoint.algebra.plans.nodes import Source
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.names import TableName
    >>> from datajoint.heading.types import parse_type
    >>> key, event = (Attribute(name, parse_type("int64"), in_key=name == "a") for name in ("a", "_event"))
    >>> source = Source(TableName("lab", "subject"), Heading([key], hidden=[event]))
    >>> named(Query(source), {"written": "_event"}).plan.heading.names
    ['a', 'written']
    """
    plan = query.plan
    mark = ("metadata", tuple(names.items()))
    child = plan.child(mark)
    if child is None:
        heading = plan.heading
        node = Project(plan, (*((name, name) for name in heading.order), *names.items()))
        shown_now = [
            replace(heading.hidden[old], name=new, in_key=False, lineage=origins.get(old))
            for new, old in names.items()
        ]
        node.heading = Heading([*heading.values(), *shown_now], nullable_key=heading.nullable_key)
        child = plan.keep(mark, node)
    return Query(child, query.values)


def dated(query: Query, lineage: str) -> Query:
    """Return the key of the rows of a table, and as `WRITTEN` the event that wrote each.

    Parameters
    ----------
    lineage
        By which the event joins with others.

    Examples
    --------
    >>> from datajoint.algebra.plans.nodes import Source
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.names import TableName
    >>> from datajoint.heading.types import parse_type
    >>> a, event, hidden = (
    ...     Attribute(name, parse_type("int64"), in_key=name == "a") for name in ("a", "event", "_event")
    ... )
    >>> source = Source(TableName("lab", "subject"), Heading([a, event], hidden=[hidden]))
    >>> dated(Query(source), "").plan.columns
    (('a', 'a'), ('dj_event', '_event'))
    """
    plan = query.plan
    key, event = plan.heading.key, plan.heading.hidden.get("_event")
    if event is None:
        return reveal(query, {"_event": lineage})
    child = plan.child("dated")
    if child is None:
        node = Project(plan, (*((name, name) for name in key), (WRITTEN, "_event")))
        shown = [
            *(plan.heading[name] for name in key),
            replace(event, name=WRITTEN, in_key=False, lineage=lineage),
        ]
        node.heading = Heading(shown, nullable_key=plan.heading.nullable_key)
        child = plan.keep("dated", node)
    return Query(child, query.values)
