"""Update of many rows by one statement, after a preview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datajoint._value import Value
from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import Any_, Condition, IsNull, Not, Query
from datajoint.engine import observe
from datajoint.errors import (
    CheckError,
    DataJointError,
    DuplicateError,
    IntegrityError,
    MissingAttributeError,
    TransactionError,
    UnknownAttributeError,
    nearest,
)
from datajoint.heading.values import show
from datajoint.journal.events.change import change
from datajoint.journal.events.event import EventRecord
from datajoint.journal.events.scope import open_event
from datajoint.journal.events.write_event import store
from datajoint.journal.images import image_of_rows
from datajoint.logging import logger
from datajoint.query import fetch
from datajoint.query.collection import is_mapping
from datajoint.sql.statement import Statement
from datajoint.sql.update import update_rows
from datajoint.storage.staged import taken_back_if
from datajoint.table import guard
from datajoint.table.delete.cascade import RowsChanged, settled
from datajoint.table.misspelt import refuse_ignored
from datajoint.table.prompt import ask, needs_answer, refuse_conditions
from datajoint.table.rows.check_lines import unenforced, verify
from datajoint.table.rows.encode import Batch, encode
from datajoint.table.rows.explain_errors import explain
from datajoint.table.rows.layout import Layout, layout_of
from datajoint.table.rows.python_checks import inspecting
from datajoint.table.rows.row_checks import Checked, check_values, is_half_noticed, notice_half, unknown_field
from datajoint.table.rows.write_rows import LISTED_KEYS
from datajoint.table.update.update import default_of, stamps_of

if TYPE_CHECKING:
    from datajoint.table.bound import BoundTable

__all__ = ["update"]

_SHOWN = 5
"""Rows shown before and after."""


def update(
    table: BoundTable, values: Mapping[str, Any], prompt: bool | None, allow_direct_update: bool | None
) -> int:
    """Change the rows of a table; see `Changing.update`."""
    refuse_conditions(table.class_name, "update", prompt)
    refuse_ignored(table.query, table.heading, table.class_name, "updated")
    guard.check_update(table.name, allow_direct_update)
    layout = layout_of(table.connection, table.name)
    with taken_back_if(layout.in_stores):
        return _update(layout, table, values, prompt)


def _update(layout: Layout, table: BoundTable, values: Mapping[str, Any], prompt: bool | None) -> int:
    new = _prepared(layout, values)
    observe.writing(table.connection, table.name)
    asks = needs_answer(table.connection.config, prompt)
    if asks and table.connection.is_atomic:
        raise TransactionError(
            "Cannot ask for confirmation of an update within a transaction.",
            hint="Pass prompt=False, or update outside the transaction.",
        )
    count = _asked(layout, table, new) if asks else _run(layout, table, new)
    if count:
        logger.info(f"updated {_rows(count)} of {table.name}")
    return count


class _New(Value):
    """New values of some attributes.

    Attributes
    ----------
    columns
        Canonical values, a list of one each.
    batch
        The same, encoded.
    resets
        Attributes that take their default.
    """

    columns: dict[str, Sequence[Any]]
    batch: Batch
    resets: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All attributes that are set."""
        return (*self.columns, *self.resets)


def _prepared(layout: Layout, values: Any) -> _New:
    """Check and encode the values."""
    if not is_mapping(values) or not values:
        raise DataJointError(
            f"update takes a dict of attributes and their new values, not {show(values)}.",
            hint="For example: (Table & condition).update({'attribute': value}).",
        )
    given: dict[str, Any] = dict(values)
    for name, value in given.items():
        _check_attribute(layout, name, value)
    columns = check_values(layout, given)
    batch = encode(layout, Checked([None], tuple(columns), tuple(columns.values())))
    return _New(columns, batch, tuple(name for name in given if name not in columns))


def _check_attribute(layout: Layout, name: str, value: Any) -> None:
    if name not in layout.heading:
        raise UnknownAttributeError(
            unknown_field(layout, name), hint=nearest(str(name), layout.heading.order),
            table=str(layout.name), attribute=name,
        )  # fmt: skip
    if name in layout.heading.key:
        raise DataJointError(
            f"`{name}` is in the primary key of `{layout.label}`, which an update cannot change.",
            hint="Insert rows of the new key and delete the old ones.",
        )
    if value is not None and layout.encoding(name).wants_key:
        raise DataJointError(
            f"A value of `{layout.label}.{name}` is stored under the key of its row: one value cannot be "
            "given to many rows.",
            hint="Use update1 for each row.",
        )


# ------------------------------------------------------------------------------------------------- updating


@observe.unobserved()
def _run(layout: Layout, table: BoundTable, new: _New, shown: int | None = None) -> int:
    """Change the rows by one statement with one event, and return their number."""
    query = table.query
    _check_references(layout, query, new)
    pieces = settled(layout.connection, layout.name, query)
    if not pieces:
        return 0
    details = None if layout.has_event else _keys(layout, query)
    event = open_event(layout.connection, layout.name, "update", details)
    values = [*next(new.batch.rows()), *(value for _, value in stamps_of(layout, event))]
    try:
        with inspecting(table):
            return _write(layout, pieces, new, event, values, shown)
    except (CheckError, DuplicateError, IntegrityError, MissingAttributeError) as error:
        explain(error, layout, [new.batch])
        raise


def _write(
    layout: Layout, pieces: Sequence[Query], new: _New, event: EventRecord | None, values: Sequence[Any],
    shown: int | None,
) -> int:  # fmt: skip
    connection = layout.connection
    statements = [
        (text.text, [*values, *text.bind(piece.values)])
        for piece in pieces
        for text in [_statement(layout, piece, new)]
    ]
    images = [image_of_rows(connection, layout.name, piece, event) for piece in pieces]
    if len(statements) == 1 and shown is None and not unenforced(layout):
        return change(connection, event, *statements[0], image=images[0])
    with connection.whole():
        for image in images:
            if image is not None:
                connection.execute(*image)
        count = sum(connection.execute(*statement).rowcount for statement in statements)
        verify(layout, new.names)
        if shown not in (None, count):
            raise RowsChanged
        store(connection, event, count)
    return count


def _statement(layout: Layout, piece: Query, new: _New) -> Statement:
    captures = bool(layout.connection.config.provenance.capture)
    key = ("update", layout.dialect.name, tuple(new.columns), new.resets, captures)
    found = piece.plan.statements.get(key)
    if found is None:
        columns = [*new.batch.columns, *(column for column, _ in stamps_of(layout, None))]
        fixed = [(name, default_of(layout, name)) for name in new.resets]
        found = piece.plan.statements[key] = update_rows(piece.plan, columns, fixed, layout.dialect)
    return found


def _keys(layout: Layout, query: Query) -> dict[str, Any]:
    """Return the keys of the rows, where these cannot carry their event."""
    rows = fetch.dicts(build.project(query, (), {}), layout.connection)
    listed = [[str(value) for value in row.values()] for row in rows[:LISTED_KEYS]]
    return {"keys": listed, "more": len(rows) - len(listed)}


def _check_references(layout: Layout, query: Query, new: _New) -> None:
    """Say that a change leaves a reference NULL in part in some row (FK-16)."""
    for group in layout.references:
        changed = {name: new.columns[name] for name in group if name in new.columns}
        rest = tuple(name for name in group if name not in changed)
        if not changed or is_half_noticed(layout, group):
            continue
        if not rest or len({column[0] is None for column in changed.values()}) > 1:
            notice_half(layout, group, changed, [None])
            continue
        to_null = next(iter(changed.values()))[0] is None
        wrong: list[Condition] = [Not(IsNull(name)) if to_null else IsNull(name) for name in rest]
        broken = build.restrict(query, wrong[0] if len(wrong) == 1 else Any_(tuple(wrong)))
        found = fetch.dicts(build.top(broken, None, 1, 0), layout.connection)
        if found:
            row = found[0] | {name: column[0] for name, column in changed.items()}
            notice_half(layout, group, {name: [row[name]] for name in group}, [None])


# -------------------------------------------------------------------------------------------------- showing


@observe.unobserved()
def _asked(layout: Layout, table: BoundTable, new: _New) -> int:
    """Show and ask, without a transaction; ask again where others have changed the rows meanwhile."""
    while True:
        count = fetch.count(table.query, table.connection)
        if not count:
            print("Nothing to update.")  # noqa: T201 - the other half of a dialogue
            return 0
        print("\n".join(_preview(layout, table, new, count)))  # noqa: T201
        if not ask(f"Update {_rows(count)} of `{layout.label}`?"):
            return 0
        try:
            return _run(layout, table, new, count)
        except RowsChanged:
            print("The rows have changed in the meantime; nothing has been updated.")  # noqa: T201


def _preview(layout: Layout, table: BoundTable, new: _New, count: int) -> list[str]:
    """Return the number of rows, and the first ones before and after."""
    whole = "" if table.is_restricted else ", all there are: nothing is restricted"
    lines = [f"Rows to update: {count:,} of `{layout.label}`{whole}."]
    shown = tuple(name for name in new.names if not layout.heading[name].is_blob)
    first = build.project(build.top(table.query, None, _SHOWN, 0), shown, {})
    for row in fetch.dicts(first, table.connection):
        changes = (f"{name} {_before(layout, row, name)} → {_after(layout, new, name)}" for name in new.names)
        lines.append(f"  {_key(layout, row)}: {', '.join(changes)}")
    return lines if count <= _SHOWN else [*lines, f"  … and {count - _SHOWN:,} more"]


def _key(layout: Layout, row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={show(row[name])}" for name in layout.heading.key) or "the row"


def _before(layout: Layout, row: Mapping[str, Any], name: str) -> str:
    return _phrase(row[name]) if name in row else layout.heading[name].type


def _after(layout: Layout, new: _New, name: str) -> str:
    if name in new.columns:
        return _phrase(new.columns[name][0])
    default = layout.heading[name].default
    return default.text if default else "its default"


def _phrase(value: Any) -> str:
    return "NULL" if value is None else show(value)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
