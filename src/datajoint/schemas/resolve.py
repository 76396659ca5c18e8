"""From the text of a reference in a definition to the table it names (FK-2 … FK-4)."""

from __future__ import annotations

import sys
from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, cast

from datajoint.declare.resolve import SELF, SelfReference
from datajoint.declare.spec import TableSpec
from datajoint.declare.syntax import Reference
from datajoint.engine.connection import Connection
from datajoint.errors import ForeignKeyTargetError, nearest
from datajoint.heading.names import TableName
from datajoint.table.binding import Binding
from datajoint.table.table import Table

__all__ = ["Scope", "caller_scope", "finder"]

Scope = tuple[Mapping[str, Any], ...]
"""Namespaces in which a name is looked up, nearest first."""


def caller_scope(depth: int = 2) -> Scope:
    """Return the namespaces of the function or module `depth` frames up: its locals, then its globals."""
    frame = sys._getframe(depth)
    # At module level both are the module's own dict, which grows as the module runs.
    scope = (
        (frame.f_locals,) if frame.f_locals is frame.f_globals else (dict(frame.f_locals), frame.f_globals)
    )
    del frame
    return scope


def finder(
    cls: type[Table], name: TableName, connection: Connection, scope: Scope,
    pending: MutableMapping[TableName, TableSpec],
) -> Callable[[Reference], Any]:  # fmt: skip
    """Return the function that finds the table of a reference in the definition of `cls`.

    Parameters
    ----------
    pending
        Tables that are declared together with it and not made yet.
    """

    def find(reference: Reference) -> TableSpec | SelfReference:
        if reference.path == cls.__name__ or (
            reference.path.endswith(f".{cls.__name__}") and _is_self(reference, cls, scope)
        ):
            return SELF
        target = _look_up(reference, cls, scope)
        if target is None:
            return _in_schema(reference, name, ChainMap(pending, connection.catalog.tables(name.schema)))
        binding = _binding_of(reference, target, cls)
        if binding.connection is not connection:
            raise ForeignKeyTargetError(
                f"`{reference.path}` belongs to another connection than `{cls.__name__}`."
            )
        if binding.name == name:
            return SELF
        return pending.get(binding.name) or binding.spec

    return find


def _binding_of(reference: Reference, target: Any, cls: type[Table]) -> Binding:
    """Return what ties the class or table that a reference names to the database."""
    if isinstance(target, type) and issubclass(target, Table) and target._binding is not None:
        return target._binding
    if not isinstance(target, Table):
        raise _refusal(reference, target, cls)
    if target.is_restricted:
        raise ForeignKeyTargetError(
            f"Dependency `{reference.text or reference.path}` is not supported: it is restricted.",
            hint="Use a base table or its projection, as in -> Parent.proj(new='old').",
        )
    return target.binding


def _is_self(reference: Reference, cls: type[Table], scope: Scope) -> bool:
    return _look_up(reference, cls, scope) is cls


def _refusal(reference: Reference, target: Any, cls: type[Table]) -> ForeignKeyTargetError:
    if isinstance(target, type) and issubclass(target, Table):
        return ForeignKeyTargetError(
            f"Foreign key reference `{reference.path}` could not be resolved: it is not declared yet.",
            hint=f"Decorate `{target.__name__}` before `{cls.__name__}`, and activate its schema first.",
        )
    found = cast("object", target)
    return ForeignKeyTargetError(
        f"Dependency `{reference.text or reference.path}` is not supported: it is no table but "
        f"{type(found).__name__}.",
        hint="Use a base table or its projection, as in -> Parent.proj(new='old').",
    )


def _look_up(reference: Reference, cls: type[Table], scope: Scope) -> Any:
    first, *rest = reference.path.replace("()", "").split(".")
    if first == "self":
        target: Any = cls()
    else:
        found = [namespace[first] for namespace in scope if first in namespace]
        if not found:
            return None
        target = found[0]
    for attribute in rest:
        target = getattr(target, attribute, None)
        if target is None:
            return None
    return target


def _in_schema(reference: Reference, name: TableName, known: Mapping[TableName, TableSpec]) -> TableSpec:
    """Find a table of the same schema by its class name, as the class may have been defined elsewhere."""
    tables = {t.class_name: t for t in known if t.tier}
    path = reference.path.replace("_", "")  # as in the names of tables
    found = tables.get(path)
    if found is None and "." not in path and name.master:
        found = tables.get(f"{name.master.class_name}.{path}")
    if found is None:
        raise ForeignKeyTargetError(
            f"Foreign key reference `{reference.text or reference.path}` could not be resolved.",
            hint=nearest(reference.path, tables)
            or "Import the class or module it names before decorating, or check the spelling.",
        )
    return known[found]
