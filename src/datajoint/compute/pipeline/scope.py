"""Which tables of a pipeline restrictions apply to, and which are needed for these."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from datajoint.algebra.plans.nodes import Query
from datajoint.compute.pipeline.targets import Targets
from datajoint.errors import UnknownAttributeError, nearest
from datajoint.graph.restrict import ignored
from datajoint.heading.names import TableName
from datajoint.make.key_source import key_source_of
from datajoint.query.expression import QueryExpression
from datajoint.query.operand import unshared

__all__ = ["restrictions_of"]

_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"")


def restrictions_of(targets: Targets, given: Sequence[Any]) -> dict[TableName, tuple[Any, ...]]:
    """Return the restrictions of each table to be made.

    A restriction applies to the tables whose keys have its attributes. Those they depend on are made as far
    as their own attributes tell; all others are left out.

    Raises
    ------
    UnknownAttributeError
        When a restriction applies to no table.

    Examples
    --------
    >>> restrictions_of(Targets(None, (), (), {}), ())
    {}
    """
    if not given:
        return {table.name: () for table in targets.tables}
    sources = {table.name: key_source_of(table) for table in targets.tables}
    applied = {name: tuple(r for r in given if _applies(source, r)) for name, source in sources.items()}
    idle = [r for r in given if not any(any(r is other for other in some) for some in applied.values())]
    if idle:
        raise UnknownAttributeError(
            f"No computed table of the pipeline has keys with the attributes of {idle[0]!r:.200}.",
            hint=_meant(idle[0], sources.values())
            or "Restrict by attributes of the keys to be made, or of the tables they come from.",
        )
    whole = [name for name, some in applied.items() if len(some) == len(given)] or [
        name for name, some in applied.items() if some
    ]
    needed = frozenset[TableName]().union(*(targets.ancestors[name] for name in whole))
    if targets.order is not None:
        needed = needed.union(*(targets.order.awaited(name) for name in needed))
    return {name: some for name, some in applied.items() if name in needed}


def _applies(source: QueryExpression, restriction: Any) -> bool:
    """Whether the keys have the attributes of a restriction."""
    expression: Any = restriction() if isinstance(restriction, type) else restriction
    if isinstance(getattr(expression, "query", None), Query):
        return any(name in source.heading for name in expression.heading.names)
    if unshared(source.heading, restriction):
        return False
    try:
        restricted = source & restriction
    except UnknownAttributeError:
        return False
    return bool(ignored(source.query.plan)) or not ignored(restricted.query.plan)


def _meant(restriction: Any, sources: Iterable[QueryExpression]) -> str | None:
    """Ask for the attribute of a key that is nearest to one that a restriction uses."""
    words: list[Any] = []
    if isinstance(restriction, str):
        words = re.findall(r"[A-Za-z_]\w*", _LITERAL.sub(" ", restriction))
    elif hasattr(restriction, "keys"):
        words = list(restriction)
    known = dict.fromkeys(name for source in sources for name in source.heading.names)
    return next(filter(None, (nearest(str(word), known, limit=1) for word in words)), None)
