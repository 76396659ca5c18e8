"""Relatives of a table in the graph of foreign keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from datajoint.heading.names import TableName
from datajoint.table.bound import BoundTable
from datajoint.table.meta import class_level

if TYPE_CHECKING:
    from datajoint.graph.dependencies import Edge

__all__ = ["Family"]


@class_level
class Family(BoundTable):
    """Parents, children, ancestors, descendants, parts."""

    def parents(
        self, primary: bool | None = None, as_objects: bool = False, foreign_key_info: bool = False
    ) -> list[Any]:
        """Return the tables that this one refers to.

        Parameters
        ----------
        primary
            True: by foreign keys within the primary key; False: by others; None: by any.
        as_objects
            Return tables rather than their full names.
        foreign_key_info
            Return pairs with ``{"attr_map": {child: parent}, "aliased": …, "multi": …, "primary": …}``.
        """
        graph = self.connection.catalog.reload_family(self.database)
        edges = graph.to_parents(self.name)
        return self._related([(edge.parent, edge) for edge in edges], primary, as_objects, foreign_key_info)

    def children(
        self, primary: bool | None = None, as_objects: bool = False, foreign_key_info: bool = False
    ) -> list[Any]:
        """Return the tables that refer to this one; arguments as for `parents`."""
        graph = self.connection.catalog.reload_family(self.database)
        edges = graph.to_children(self.name)
        return self._related([(edge.child, edge) for edge in edges], primary, as_objects, foreign_key_info)

    def ancestors(self, as_objects: bool = False) -> list[Any]:
        """Return this table and all that it depends on, this table first."""
        return self._named(
            self.connection.catalog.reload_family(self.database).ancestors(self.name), as_objects
        )

    def descendants(self, as_objects: bool = False) -> list[Any]:
        """Return this table and all that depend on it, parents first."""
        return self._named(
            self.connection.catalog.reload_family(self.database).descendants(self.name), as_objects
        )

    def parts(self, as_objects: bool = False) -> list[Any]:
        """Return the part tables of this master."""
        names = [name for name in self.connection.catalog.tables(self.database) if name.master == self.name]
        return self._named(names, as_objects)

    def _related(
        self, edges: list[tuple[TableName, Edge]], primary: bool | None, as_objects: bool, info: bool
    ) -> list[Any]:
        chosen = [(name, edge) for name, edge in edges if primary is None or edge.key.in_key == primary]
        if info:
            named = self._named([name for name, _ in chosen], as_objects)
            return [(name, self._info(edge)) for name, (_, edge) in zip(named, chosen, strict=True)]
        return self._named(dict.fromkeys(name for name, _ in chosen), as_objects)

    def _info(self, edge: Edge) -> dict[str, Any]:
        spec = self.connection.catalog.spec(edge.child)
        return {
            "attr_map": dict(zip(edge.key.columns, edge.key.parent_columns, strict=True)),
            "aliased": bool(edge.key.renames),
            "multi": set(edge.key.columns) != set(spec.primary_key) and not edge.key.unique,
            "primary": edge.key.in_key,
        }

    def _named(self, names: Iterable[TableName], as_objects: bool) -> list[Any]:
        if as_objects:
            return [self._sibling(name) for name in names]
        return [self.connection.dialect.table(name) for name in names]
