"""What a make gave against what is stored, row by row, attribute by attribute."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from datajoint._value import Value, replace
from datajoint.engine.observe import unobserved
from datajoint.engine.rows import RowDecoder, storage_type
from datajoint.errors import DataJointError
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.heading.values import normaliser
from datajoint.make.value_equality import same
from datajoint.sql.select import select_rows
from datajoint.table.rows.layout import Layout, layout_of
from datajoint.table.rows.write_set import WriteSet
from datajoint.table.table import Table
from datajoint.table.written import written_with

__all__ = ["Made", "Reading", "made_rows", "stored_of", "stored_rows"]

Row = dict[str, Any]
Place = tuple[Any, ...]

_CODED = ("codec", "blob")
_FILES = ("attach",)
"""Codecs that write a file where they decode: their values are compared as they are stored."""


class Made(Value):
    """A row that a make gave.

    Attributes
    ----------
    row
        As it can be inserted, with the defaults of what the make left out.
    seen
        The same in the form of `stored_rows`; without what only the database can tell.
    """

    row: Row
    seen: Row


class Reading:
    """How values of a table are compared: those of codecs as they are stored, decoded only if that differs.

    Parameters
    ----------
    table
        Whose values they are.
    """

    def __init__(self, table: Table) -> None:
        self.heading = table.heading
        self._layout = layout_of(table.connection, table.name)
        self._config = table.connection.config

    def value(self, name: str, seen: Any) -> Any:
        """Return a value as it would be fetched; where that would write a file, what is stored."""
        attribute = self.heading[name]
        if seen is None or attribute.dtype.kind not in _CODED or attribute.dtype.codec in _FILES:
            return _canonical(attribute, seen)
        encoding = self._layout.encoding(name)
        if encoding.chain is None:
            return RowDecoder([attribute], self._layout.dialect, self._config).row([seen])[0]
        return encoding.chain.decode(seen, key=None, context=encoding.context)

    def equal(self, name: str, old: Any, new: Any) -> bool:
        """Whether two values, in the form of `stored_rows`, are the same."""
        if self.heading[name].dtype.kind in _CODED and same(old, new):
            return True
        return same(self.value(name, old), self.value(name, new))


def stored_of(table: Table, key: Mapping[str, Any]) -> dict[TableName, tuple[Table, dict[Place, Row]]]:
    """Return what is stored of a key: the table, its parts, and what the make has written elsewhere."""
    own = [
        table._sibling(name) & dict(key) for name in (table.name, *table.connection.graph.parts(table.name))
    ]
    with unobserved():
        found = {rows.name: rows for rows in own} | written_with(table & dict(key))
    return {name: (table._sibling(name), stored_rows(rows)) for name, rows in found.items()}


def stored_rows(table: Table) -> dict[Place, Row]:
    """Return rows of a table by their primary key, values of codecs as they are stored."""
    connection, heading, dialect = table.connection, table.heading, table.connection.dialect
    query = table.query
    statement = select_rows(query.plan, dialect, heading.order)
    attributes = [_stored_as(heading[name]) for name in heading.order]
    decoder = RowDecoder(attributes, dialect, connection.config)
    with unobserved():
        rows = connection.fetch_all(statement.text, statement.bind(query.values), decoder.core)
    return {_place(heading, row): row for row in decoder.dicts(rows)}


def _stored_as(attribute: Attribute) -> Attribute:
    """Return an attribute as if it had the type that its values are stored as."""
    if attribute.dtype.kind == "blob":
        return replace(attribute, dtype=parse_type("bytes"))
    return replace(attribute, dtype=storage_type(attribute.dtype))


def made_rows(writes: WriteSet, table: Table) -> dict[Place, Made]:
    """Return the rows that a make has given for a table by their primary key.

    Raises
    ------
    DataJointError
        When the database would number them, so that nothing tells which is which.
    """
    heading = table.heading
    found: dict[Place, Made] = {}
    for row, seen in _collected(writes, table):
        defaults = _defaults(heading, row)
        if lacking := [name for name in heading.key if name not in row and name not in defaults]:
            raise DataJointError(
                f"The rows of `{table.class_name}` are numbered by the database (`{lacking[0]}`): those of a "
                "new make cannot be compared with what is stored."
            )
        made = Made({**defaults, **row}, {**defaults, **seen})
        found[_place(heading, made.seen)] = made
    return found


def _collected(writes: WriteSet, table: Table) -> Iterator[tuple[Row, Row]]:
    """Yield the rows of a make, and how those of codecs are stored."""
    layout = layout_of(table.connection, table.name)
    coded = {n for n in table.heading.order if table.heading[n].dtype.kind in _CODED}
    for batch in writes.batches_of(table.name):
        for checked, part in zip(batch.checked, batch.parts, strict=True):
            columns = dict(zip(checked.names, part, strict=True))
            stored = {
                name: [_core(layout, name, v) for v in columns[name]] for name in coded & columns.keys()
            }
            for n in range(len(checked.rows)):
                row = {name: checked.columns[i][n] for i, name in enumerate(checked.names)}
                yield row, {**row, **{name: values[n] for name, values in stored.items()}}


def _core(layout: Layout, name: str, value: Any) -> Any:
    """Return what is stored, as the database gives it back."""
    encoding = layout.encoding(name)
    if value is None or encoding.to_driver is None:
        return value
    if encoding.storage.kind == "json":
        return json.loads(value)
    decode = layout.dialect.decoder(encoding.storage)
    return decode(value) if decode else value


def _place(heading: Heading, row: Mapping[str, Any]) -> Place:
    return tuple(_canonical(heading[name], row[name]) for name in heading.key)


def _canonical(attribute: Attribute, value: Any) -> Any:
    normalise = normaliser(attribute.dtype)
    return value if normalise is None or value is None else normalise(value)


def _defaults(heading: Heading, row: Mapping[str, Any]) -> Row:
    """Return the values of what a row leaves out, where these are always the same."""
    found: Row = {}
    for attribute in heading.values():
        default = attribute.default
        if attribute.name not in row and default is not None and default.kind in ("null", "literal"):
            found[attribute.name] = None if default.kind == "null" else default.value
    return found
