"""Update of one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from datajoint.engine import observe
from datajoint.errors import CheckError, DataJointError, DuplicateError, IntegrityError, MissingAttributeError
from datajoint.journal.events.change import change
from datajoint.journal.events.event import EventRecord
from datajoint.journal.events.scope import open_event
from datajoint.journal.images import image_of_updated
from datajoint.sql.dml import Column, Moved, default_value, select_row, update_row
from datajoint.storage.staged import taken_back_if
from datajoint.table.insert.fast_row import plain_row
from datajoint.table.rows.check_lines import unenforced, verify
from datajoint.table.rows.encode import Batch, encode
from datajoint.table.rows.explain_errors import explain
from datajoint.table.rows.layout import EVENT, Layout, layout_of
from datajoint.table.rows.metadata import provenance_of
from datajoint.table.rows.python_checks import checks_of, inspecting
from datajoint.table.rows.row_checks import Checked, check_values, is_half_noticed, known_fields, notice_half

if TYPE_CHECKING:
    from datajoint.table.bound import BoundTable

__all__ = ["default_of", "stamps_of", "update_one"]


def update_one(table: BoundTable, row: Mapping[str, Any]) -> None:
    """Change the attributes of one row that has the given key.

    Raises
    ------
    DataJointError
        When the key is incomplete, an attribute unknown, a value refused, or there is no such row.
    """
    layout = layout_of(table.connection, table.name)
    values = _as_dict(row)
    batch = plain_row(layout, values, whole=False)
    if batch is None:
        known_fields(layout, values, ignore_extra=None)
    _need_key(layout, values)
    observe.writing(table.connection, table.name)
    with taken_back_if(batch is None and layout.in_stores):
        _update_one(table, layout, values, batch or _checked(layout, values))


def _update_one(table: BoundTable, layout: Layout, values: Mapping[str, Any], batch: Batch) -> None:
    checked = batch.checked[0]
    columns = dict(zip(checked.names, checked.columns, strict=True))
    encoded = dict(zip(checked.names, next(batch.rows()), strict=True))
    if layout.references:
        _check_references(layout, columns, values, encoded)
    resets = [attribute for attribute in values if attribute not in columns]
    key = {attribute: columns[attribute][0] for attribute in layout.heading.key}
    try:
        if checks_of(table):
            with inspecting(table, key):
                count = _run(layout, encoded, resets)
        else:
            count = _run(layout, encoded, resets)
    except (CheckError, DuplicateError, IntegrityError, MissingAttributeError) as error:
        explain(error, layout, [batch])
        raise
    if not count:
        raise DataJointError(
            f"Update can only be applied to one existing entry; `{layout.label}` has none with {key}."
        )


def _need_key(layout: Layout, values: Mapping[str, Any]) -> None:
    missing = [key for key in layout.heading.key if values.get(key) is None]
    if missing:
        raise DataJointError(
            f"The argument of update1 must supply all primary key values; missing: {', '.join(missing)}.",
            hint="The key itself cannot be changed by update1.",
        )


def _checked(layout: Layout, values: Mapping[str, Any]) -> Batch:
    """Return the values that do not take their default, checked and encoded."""
    given = check_values(layout, values)
    return encode(layout, Checked([None], tuple(given), tuple(given.values())))


def _as_dict(row: Any) -> dict[str, Any]:
    if type(row) is dict:
        return cast(dict[str, Any], row)
    if isinstance(row, Mapping):
        return dict(row)  # pyright: ignore[reportUnknownArgumentType]
    names = getattr(getattr(row, "dtype", None), "names", None)
    if names:
        return {name: row[name] for name in names}
    raise DataJointError(
        f"The argument of update1 must be a dict of the key and new values, not {type(row).__name__}."
    )


def _run(layout: Layout, encoded: Mapping[str, Any], resets: Sequence[str]) -> int:
    """Update the row and return the number of rows found."""
    connection, dialect = layout.connection, layout.dialect
    key = [name for name in layout.key if name in encoded]
    names = [name for name in encoded if name not in layout.key]
    if not _same_key(layout, key, encoded):
        return 0
    if not names and not resets:
        found = connection.fetch_all(_select(layout, key[:1], key), [encoded[name] for name in key])
        return len(found)
    details = None if layout.has_event else _key_details(layout, encoded)
    event = open_event(connection, layout.name, "update", details)
    stamps = stamps_of(layout, event)
    source, typed = layout.source, layout.columns(tuple(key))
    old = image_of_updated(connection, layout.name, typed, [encoded[name] for name in key], event)
    before = [column.name for column in layout.spec.columns] if isinstance(old, Moved) else []
    kept = ("update", tuple(names), tuple(resets), tuple(key), len(stamps), bool(before))
    text = source.child(kept)
    if text is None:
        columns = [*layout.columns(tuple(names)), *(column for column, _ in stamps)]
        fixed = [(name, default_of(layout, name)) for name in resets]
        text = source.keep(kept, update_row(layout.name, columns, typed, dialect, fixed, before))
    values = [
        *(encoded[name] for name in names),
        *(value for _, value in stamps),
        *(encoded[name] for name in key),
    ]
    if not unenforced(layout):
        return change(connection, event, text, values, 1, old, sure=False)
    with connection.whole():
        count = change(connection, event, text, values, 1, old, sure=False)
        verify(layout, [*names, *resets], {name: encoded[name] for name in key})
    return count


def stamps_of(layout: Layout, event: EventRecord | None) -> list[tuple[Column, Any]]:
    """Return the hidden columns that a changed row takes anew: its event, and who changed it (PRV-5)."""
    stamps = list(provenance_of(layout, None).items()) if layout.has_provenance else []
    return [*stamps, (EVENT, event.id if event else None)] if layout.has_event else stamps


def _same_key(layout: Layout, key: Sequence[str], encoded: Mapping[str, Any]) -> bool:
    """Whether the key that the database finds is the one given, where it takes others for equal (TYP-20)."""
    if not any(dtype.collation for _, dtype in layout.columns(tuple(key))):
        return True
    rows = layout.connection.fetch_all(_select(layout, key, key), [encoded[name] for name in key])
    texts = [n for n, name in enumerate(key) if isinstance(encoded[name], str)]
    return bool(rows) and all(rows[0][n] == encoded[key[n]] for n in texts)


def _key_details(layout: Layout, encoded: Mapping[str, Any]) -> dict[str, Any]:
    return {"keys": [[str(encoded[name]) for name in layout.heading.key]], "more": 0}


def default_of(layout: Layout, name: str) -> str:
    """Expression for the default of a column."""
    if layout.dialect.features.server:
        return "DEFAULT"
    return default_value(layout.heading[name].default, layout.encoding(name).storage, layout.dialect)


def _select(layout: Layout, names: Sequence[str], key: Sequence[str]) -> str:
    return select_row(layout.name, names, layout.columns(tuple(key)), layout.dialect)


@observe.unobserved()
def _check_references(
    layout: Layout, columns: Mapping[str, Sequence[Any]], given: Mapping[str, Any], encoded: Mapping[str, Any]
) -> None:
    """Say that a change leaves a reference NULL in part (FK-16)."""
    for group in layout.references:
        changed = [name for name in group if name in given]
        if not changed or is_half_noticed(layout, group):
            continue
        whole = {name: columns[name] for name in changed}
        rest = [name for name in group if name not in given]
        if rest:
            key = [name for name in layout.key if name in encoded]
            rows = layout.connection.fetch_all(_select(layout, rest, key), [encoded[name] for name in key])
            whole |= {name: [rows[0][n]] for n, name in enumerate(rest)} if rows else {}
        notice_half(layout, group, whole, [None])
