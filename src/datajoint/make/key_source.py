"""Key sources of tables, and their missing keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from datajoint.declare.spec import ForeignKey
from datajoint.errors import DataJointError
from datajoint.query.expression import QueryExpression
from datajoint.query.restriction import Not
from datajoint.table.table import Table

__all__ = ["all_keys", "default_key_source", "key_source_of", "missing_keys"]


def default_key_source(table: Table) -> QueryExpression:
    """Return the join of the parents referenced by the primary key, projected to the key.

    Raises
    ------
    DataJointError
        If the primary key references no parent.
    """
    keys = [key for key in table.spec.foreign_keys if key.in_key and key.parent != table.name]
    parents = [_parent(table, key) for key in keys]
    if not parents:
        raise DataJointError(
            f"`{table.class_name}` has no parent in its primary key, so its keys come from nowhere.",
            hint="Define the property `key_source`, or reference a parent above the line ---.",
        )
    source = parents[0]
    for parent in parents[1:]:
        source = source.join(parent, semantic_check=False)  # equal names of one table have the same meaning
    return source.proj()


def _parent(table: Table, key: ForeignKey) -> QueryExpression:
    return table._sibling(key.parent).proj(**key.renames)


def all_keys(table: Table, restrictions: Sequence[Any] = ()) -> QueryExpression:
    """Return all keys of the key source, including the computed ones.

    Raises
    ------
    DataJointError
        If the key source is not an expression, or has key attributes that the table lacks.
    """
    source = key_source_of(table)
    for restriction in restrictions:
        source = source & restriction
    source = source.proj()
    lacking = [name for name in source.primary_key if name not in table.heading]
    if lacking:
        listed = ", ".join(f"`{name}`" for name in lacking)
        raise DataJointError(
            f"`{table.class_name}` lacks {listed} of the key of its key_source.",
            hint="Rename or leave them out, for example by .proj(new='old') or dj.U('a', 'b') & source.",
        )
    return source


def missing_keys(table: Table, keys: QueryExpression) -> QueryExpression:
    """Return the keys without a row in the table."""
    made = table.proj(*(name for name in keys.primary_key if name not in table.primary_key))
    # Keys are inserted by name, so they are found by name.
    return keys.restrict(Not(made), semantic_check=False)


def key_source_of(table: Table) -> QueryExpression:
    """Return the key source of a table as an expression.

    Raises
    ------
    DataJointError
        If the value of `key_source` cannot become an expression.
    """
    return _as_expression(table, table.key_source)  # type: ignore[attr-defined] - computed tables have it


def _as_expression(table: Table, source: Any) -> QueryExpression:
    if isinstance(source, QueryExpression):
        return source
    if isinstance(source, type):
        source = cast("Any", source)()  # a table class
        return _as_expression(table, source)
    if isinstance(source, (list, tuple, set)) or hasattr(source, "dtype"):
        return default_key_source(table) & source
    raise DataJointError(
        f"The key_source of `{table.class_name}` is {type(source).__name__}, not a query expression.",
        hint="Give a table, an expression or a list of keys; as a method it needs @property.",
    )
