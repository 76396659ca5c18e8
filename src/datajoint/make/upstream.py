"""Ancestor rows of the key of a running make."""

from __future__ import annotations

from typing import Any, cast

from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import All, Equals, Query
from datajoint.declare.spec import ForeignKey
from datajoint.errors import DataJointError, nearest
from datajoint.graph.restrict import Step, combined, trace
from datajoint.heading.names import TableName
from datajoint.query.expression import QueryExpression
from datajoint.table.table import Table

__all__ = ["Upstream"]


class Upstream:
    """Ancestors of a table, each restricted to the rows that one key is derived from.

    Parameters
    ----------
    table
        Table of the running make.
    key
        Key of the running make.

    Examples
    --------
    Inside ``make``: ``self.upstream[Subject].fetch1("species")``.
    """

    def __init__(self, table: Table, key: dict[str, Any]) -> None:
        self._table = table
        self._key = key
        self._rows: dict[TableName, Query] | None = None

    def __getitem__(self, which: Any) -> QueryExpression:
        target, name = self._find(which)
        rows = self.rows
        if name in rows:
            return target & QueryExpression._of(rows[name], self._table.connection)
        master = name.master
        if master is None or master not in rows:
            raise self._refusal(str(which) if isinstance(which, str) else name.class_name)
        return target & QueryExpression._of(rows[master], self._table.connection)

    @property
    def rows(self) -> dict[TableName, Query]:
        """Rows of each ancestor, parents first."""
        if self._rows is None:
            catalog = self._table.connection.catalog
            graph = catalog.load_family(self._table.database)
            steps: list[Step] = []
            for edge in graph.to_parents(self._table.name):
                if edge.parent != self._table.name and any(name in self._key for name in edge.key.columns):
                    start = self._parent(edge.key)
                    steps += (
                        Step(*found) for found in trace(graph, edge.parent, start, catalog.source).items()
                    )
            self._rows = combined(steps, graph, catalog.source)
        return self._rows

    def _parent(self, key: ForeignKey) -> Query:
        """Return the rows of a parent that the key identifies."""
        pairs = [
            (p, self._key[c]) for c, p in zip(key.columns, key.parent_columns, strict=True) if c in self._key
        ]
        whole = Query(self._table.connection.catalog.source(key.parent))
        condition = All(tuple(Equals(name) for name, _ in pairs))
        return build.restrict(whole, condition, tuple(value for _, value in pairs))

    def _find(self, which: Any) -> tuple[Table, TableName]:
        if isinstance(which, type) and issubclass(which, Table):
            which = which()
        if isinstance(which, Table):
            return which, which.name
        if not isinstance(which, str):
            kind = cast("Any", which).__class__.__name__
            raise DataJointError(
                f"self.upstream[…] takes a table class or a name, not {kind}.",
                hint="Write self.upstream[Subject] or self.upstream['Subject'].",
            )
        wanted = which.replace("`", "").replace('"', "")
        found = [name for name in self._names() if wanted in _spellings(name)]
        if not found:
            raise self._refusal(which)
        if len(found) > 1:
            raise DataJointError(
                f"`{which}` is ambiguous: " + ", ".join(f"`{name}`" for name in found) + ".",
                hint="Write 'schema.Table', or give the class.",
            )
        return self._table._sibling(found[0]), found[0]

    def _names(self) -> list[TableName]:
        graph = self._table.connection.catalog.load_family(self._table.database)
        return [
            *self.rows,
            *(part for name in self.rows for part in graph.parts(name) if part not in self.rows),
        ]

    def _refusal(self, which: str) -> DataJointError:
        known = [name.class_name for name in self._names()]
        return DataJointError(
            f"Table `{which}` is not in this trace's subgraph: `{self._table.class_name}` does not derive "
            "from it through its primary key.",
            hint=nearest(which, known) or f"Ancestors of this key: {', '.join(known) or 'none'}.",
        )


def _spellings(name: TableName) -> set[str]:
    return {
        str(name), name.name, name.class_name, f"{name.schema}.{name.class_name}",
        *([name.class_name.rpartition(".")[2]] if name.master else []),
    }  # fmt: skip
