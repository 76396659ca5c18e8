"""From the text of a reference in a definition to the table it names (FK-2 … FK-4)."""

from __future__ import annotations

import sys
from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping
from types import FrameType
from typing import Any, cast

from datajoint._edge import is_edge
from datajoint.declare.resolve import SELF, SelfReference
from datajoint.declare.spec import TableSpec
from datajoint.declare.syntax import Reference
from datajoint.engine.connection import Connection
from datajoint.errors import ForeignKeyTargetError, nearest
from datajoint.heading.names import TableName
from datajoint.table.bound import Binding
from datajoint.table.table import Table

__all__ = ["Scope", "caller_scope", "finder"]

Scope = tuple[Mapping[str, Any], ...]
"""Namespaces in which a name is looked up, nearest first."""


def caller_scope(depth: int = 2, beyond: object = None) -> Scope:
    """Return the namespaces of the function or module `depth` frames up: its locals, then its globals.

    Parameters
    ----------
    beyond
        An object whose own methods do not count as callers: a subclass may override the one that is called.
    """
    frame = sys._getframe(depth)
    while frame.f_back and (is_edge(frame) or (beyond is not None and _is_method_of(beyond, frame))):
        frame = frame.f_back
    # At module level both are the module's own dict, which grows as the module runs.
    scope = (
        (frame.f_locals,) if frame.f_locals is frame.f_globals else (dict(frame.f_locals), frame.f_globals)
    )
    del frame
    return scope


def _is_method_of(owner: object, frame: FrameType) -> bool:
    code = frame.f_code
    if not code.co_argcount or frame.f_locals.get(code.co_varnames[0]) is not owner:
        return False  # a function that is given the schema first is a caller
    named = (vars(cls).get(code.co_name) for cls in type(owner).__mro__)
    return any(getattr(method, "__code__", None) is code for method in named)


def finder(
    cls: type[Table], name: TableName, connection: Connection, scope: Scope,
    pending: MutableMapping[TableName, TableSpec], siblings: Mapping[str, Any] | None = None,
) -> Callable[[Reference], Any]:  # fmt: skip
    """Return the function that finds the table of a reference in the definition of `cls`.

    Parameters
    ----------
    pending
        Tables that are declared together with it and not made yet.
    siblings
        Part classes of the same master, for a part: their bare names serve where nothing else has the name.
    """

    def find(reference: Reference) -> TableSpec | SelfReference:
        if siblings is None and reference.path == cls.__name__:
            return SELF
        target = _look_up(reference, cls, scope)
        if target is None:
            known = ChainMap(pending, connection.catalog.tables(name.schema))
            if found := _in_schema(reference, known):
                return found
            target = _look_up(reference, cls, (siblings or {},))
            if target is None:
                return _part_in_schema(reference, name, known)
        if target is cls:
            return SELF
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


def _in_schema(reference: Reference, known: Mapping[TableName, TableSpec]) -> TableSpec | None:
    """Find a table of the same schema by its class name, as the class may have been defined elsewhere."""
    path = _as_in_names(reference)
    return next((known[table] for table in known if table.tier and table.class_name == path), None)


def _part_in_schema(reference: Reference, name: TableName, known: Mapping[TableName, TableSpec]) -> TableSpec:
    """Find a part of the same master by its bare name, or refuse the reference."""
    tables = {table.class_name: table for table in known if table.tier}
    found = tables.get(f"{name.master.class_name}.{_as_in_names(reference)}") if name.master else None
    if found is None:
        raise ForeignKeyTargetError(
            f"Foreign key reference `{reference.text or reference.path}` could not be resolved.",
            hint=nearest(reference.path, tables)
            or "Import the class or module it names before decorating, or check the spelling.",
        )
    return known[found]


def _as_in_names(reference: Reference) -> str:
    return reference.path.replace("_", "")
