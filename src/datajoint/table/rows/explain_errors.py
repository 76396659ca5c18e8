"""Explanations of refused rows: row, values and parent, in the same words on every backend."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from datajoint.declare.spec import ForeignKey
from datajoint.engine.connection import Connection
from datajoint.errors import (
    CheckError,
    DataJointError,
    DuplicateError,
    IntegrityError,
    MissingAttributeError,
    UnknownAttributeError,
)
from datajoint.heading.names import TableName
from datajoint.heading.values import show
from datajoint.sql.dml import find_rows
from datajoint.table.rows.check_lines import explain_check
from datajoint.table.rows.encode import Batch
from datajoint.table.rows.layout import Layout, layout_of

if TYPE_CHECKING:
    from datajoint.table.bound import BoundTable

__all__ = ["explain", "explain_drift", "phrase_parent"]

_SEARCHED = 10_000
"""Rows looked up to find the one that was refused."""

REPEATED = "The connection was lost and the statement sent again: the row may be that of the first time."

Located = tuple[int | None, tuple[Any, ...]]
"""Number of a row, and some of its values."""

Clash = tuple[int | None, tuple[Any, ...], int | None]
"""Number of a row, its values, and the number of an earlier row that has the same."""


def explain(error: DataJointError, layout: Layout, batches: Sequence[Batch]) -> bool:
    """Put the message of a refusal in terms of the table; the error stays the same object, with its cause.

    Returns
    -------
    bool
        Whether the row that was refused is known.
    """
    reason = error.context.get("reason")
    if isinstance(error, DuplicateError):
        _duplicate(error, layout, batches)
    elif isinstance(error, IntegrityError) and reason in (None, "missing_parent", "foreign_key"):
        _missing_parent(error, layout, batches)
    elif isinstance(error, CheckError):
        explain_check(error, layout, batches)
    elif isinstance(error, MissingAttributeError):
        columns = ", ".join(f"`{c}`" for c in error.context.get("columns", ())) or "a required attribute"
        _say(error, f"`{layout.label}`: {columns} may not be NULL.", layout)
    return "values" in error.context and error.context.get("row", ()) != ()


def _say(error: DataJointError, message: str, layout: Layout, *hints: str, **context: Any) -> None:
    error.message = message
    error.args = (message,)
    error.hints = list(hints)
    error.context.update(context, table=str(layout.name))


def _phrase(names: Sequence[str], values: Sequence[Any]) -> str:
    return ", ".join(f"{name}={show(value)}" for name, value in zip(names, values, strict=True))


def _at(row: int | None) -> str:
    return "" if row is None else f", row {row}"


# --------------------------------------------------------------------------------------- duplicates


def _duplicate(error: DataJointError, layout: Layout, batches: Sequence[Batch]) -> None:
    columns = tuple(error.context.get("columns") or ())
    if not set(columns) <= set(layout.heading.order):
        columns = ()
    candidates = [columns] if columns else [tuple(layout.heading.key), *layout.uniques]
    for names in candidates:
        found = _clash(layout, names, batches)
        if found is not None or len(candidates) == 1:
            _say_duplicate(error, layout, names, found)
            return
    _say_duplicate(error, layout, (), None)


def _say_duplicate(error: DataJointError, layout: Layout, names: Sequence[str], found: Clash | None) -> None:
    row, values, first = found or (None, (), None)
    collations = {layout.heading[name].dtype.collation for name in names} - {None}
    if found is None and collations:
        _say_equal(error, layout, names, str(collations.pop()))
        return
    is_key = set(names) == set(layout.heading.key)
    what = _phrase(names, values) if found and names else ", ".join(names) or "its only row"
    how = "" if is_key else "must be unique and "
    if first is not None:
        message = (
            f"Duplicate entry in `{layout.label}`{_at(row)}: {what} {how}is twice in what is inserted, "
            f"in rows {first} and {row}, counted from 0."
        )
    else:
        message = f"Duplicate entry in `{layout.label}`{_at(row)}: {what} {how}exists already."
    if is_key:
        hint = "To ignore duplicate entries in insert, set skip_duplicates=True; to overwrite, replace=True."
    else:
        hint = (
            "skip_duplicates and replace concern the primary key only; "
            "dj.config.interop.skip_duplicates = 'any' skips such rows, too."
        )
    hints = [hint, *([REPEATED] if error.context.get("repeated") else [])]
    _say(error, message, layout, *hints, row=row, columns=tuple(names), values=tuple(values))


def _say_equal(error: DataJointError, layout: Layout, names: Sequence[str], collation: str) -> None:
    """Explain that a text which is new to us is not to the database (TYP-20)."""
    what = f"{', '.join(names)}='{error.context.get('values', '…')}'"
    message = (
        f"Duplicate entry in `{layout.label}`: {what} differs from a key that exists already only in what "
        f"the collation of the database, {collation}, takes for equal: case, accents, blanks at the end."
    )
    hint = "Choose another key, or convert the table to a collation that compares exactly."
    _say(error, message, layout, hint, columns=tuple(names))


def _clash(layout: Layout, names: tuple[str, ...], batches: Sequence[Batch]) -> Clash | None:
    """Return the first row whose values occurred before, in the call or in the table."""
    seen: dict[Any, int | None] = {}
    rows = list(_located(names, batches))
    for number, values in rows:
        if values in seen:
            return number, values, seen[values]
        seen[values] = number
    stored = _present(layout.connection, layout.name, names, [values for _, values in rows])
    return next(((number, values, None) for number, values in rows if values in stored), None)


def _located(names: tuple[str, ...], batches: Sequence[Batch]) -> Iterator[Located]:
    """Yield the rows that have values, not NULL, for all names."""
    for batch in batches:
        for checked in batch.checked:
            given = dict(zip(checked.names, checked.columns, strict=True))
            if not names or not set(names) <= set(given):
                continue
            for number, values in zip(
                checked.rows, zip(*(given[n] for n in names), strict=True), strict=True
            ):
                if None not in values:
                    yield number, values


def _present(
    connection: Connection, name: TableName, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> set[tuple[Any, ...]]:
    """Return which of some rows of canonical values a table has; none where it cannot be asked."""
    if not rows or not names:
        return set()
    dialect = connection.dialect
    try:
        columns = layout_of(connection, name).columns(names)  # the user may not see the table
        dtypes = [dtype for _, dtype in columns]
        decoders = [dialect.decoder(dtype) for dtype in dtypes]
        text = find_rows(name, columns, dialect)
        found = connection.fetch_all(text, dialect.encode_list(dtypes, list(dict.fromkeys(rows))[:_SEARCHED]))
    except (DataJointError, ValueError, TypeError):
        return set()
    return {tuple([d(v) if d else v for d, v in zip(decoders, row, strict=True)]) for row in found}


# ------------------------------------------------------------------------------------------ parents


def _missing_parent(error: DataJointError, layout: Layout, batches: Sequence[Batch]) -> None:
    keys = layout.spec.foreign_keys
    columns = error.context.get("columns")
    matching = [key for key in keys if columns and set(key.columns) == set(columns)]
    for key in matching or keys:
        orphan = _orphan(layout, key, batches)
        if orphan is not None:
            row, values = orphan
            message = f"`{layout.label}`{_at(row)}: {phrase_parent(layout.name, key, values)}"
            _say(error, message, layout, "Insert the parent first.", row=row, columns=key.columns,
                 values=values, parent=str(key.parent))  # fmt: skip
            return
    parents = " or ".join(f"`{_name(layout.name, key.parent)}`" for key in matching or keys)
    _say(error, f"`{layout.label}`: a row refers to a row of {parents} that does not exist.", layout,
         "Insert the parent first.")  # fmt: skip


def phrase_parent(child: TableName, key: ForeignKey, values: Sequence[Any]) -> str:
    """Phrase that the parent with some values does not exist."""
    wanted = _phrase([c for c in key.parent_columns if not c.startswith("_")], values)
    named = f" with {wanted}" if wanted else ""
    named += f" (here {', '.join(key.columns)})" if key.renames else ""
    return f"the parent `{_name(child, key.parent)}`{named} does not exist."


def _name(child: TableName, parent: TableName) -> str:
    return parent.class_name if parent.schema == child.schema else f"{parent.schema}.{parent.class_name}"


def _orphan(layout: Layout, key: ForeignKey, batches: Sequence[Batch]) -> Located | None:
    """Return the first row whose parent does not exist; the table itself holds rows of the same call, too."""
    rows = list(_located(key.columns, batches))
    if not rows:
        return None
    known = _present(layout.connection, key.parent, key.parent_columns, [values for _, values in rows])
    if key.parent == layout.name:
        known |= {values for _, values in _located(key.parent_columns, batches)}
    return next((located for located in rows if located[1] not in known), None)


# -------------------------------------------------------------------------------------------- drift


def explain_drift(error: UnknownAttributeError, table: BoundTable) -> None:
    """Say of a field that the class defines, and the table in the database does not have, that it is so."""
    name, text = error.context.get("attribute"), getattr(table, "definition", None)
    if not isinstance(text, str) or not re.search(rf"^\s*{re.escape(str(name))}\s*[:=]", text, re.MULTILINE):
        return
    error.message = (
        f"`{table.class_name}` has no attribute `{name}`: its class defines it, the table in the "
        f"database does not have it (yet). Attributes: {', '.join(table.heading.order)}."
    )
    error.args = (error.message,)
    error.hints = [f"Change the table by {table.class_name}.alter(), or take `{name}` out of the definition."]
