"""Insert: reads, checks, encoding, and one atomic change with its event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from datajoint._value import replace
from datajoint.engine import observe
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.heading.values import show
from datajoint.journal.events.scope import Scope
from datajoint.storage.staged import taken_back_if
from datajoint.table.insert import duplicates
from datajoint.table.insert.fast_row import plain_row
from datajoint.table.insert.pipelined import UnevenError, flowing
from datajoint.table.insert.with_parts import completing
from datajoint.table.rows import collecting
from datajoint.table.rows.check_lines import enforce
from datajoint.table.rows.encode import Batch, encode
from datajoint.table.rows.layout import Layout, layout_of
from datajoint.table.rows.metadata import provenance_of
from datajoint.table.rows.mode import Mode
from datajoint.table.rows.python_checks import inspect_insert, record
from datajoint.table.rows.row_checks import check
from datajoint.table.rows.row_sources import Chunk, one, read
from datajoint.table.rows.write_rows import any_index, with_key, write_batches

__all__ = [
    "insert_batches",
    "insert_chunks",
    "insert_rows",
    "prepare",
    "read_groups",
    "row_batches",
    "taken_back_if",
    "with_provenance",
]


def prepare(layout: Layout, chunks: Iterable[Chunk], mode: Mode) -> list[Batch]:
    """Check and encode rows; those with the same columns make one batch."""
    batches: list[Batch] = []
    for chunk in chunks:
        for checked in check(layout, chunk, mode.ignore_extra):
            batch = encode(layout, checked)
            if batches and batches[-1].columns == batch.columns:
                batches[-1] = batches[-1].with_rows(batch)
            else:
                batches.append(batch)
    return batches


def insert_chunks(
    connection: Connection, name: TableName, chunks: Iterable[Chunk], mode: Mode, within: Scope | None = None
) -> None:
    """Insert rows as one atomic change with one event; while a make runs its own rows are collected.

    Raises
    ------
    QueryError
        Naming the row and the attribute, when anything is refused; then nothing is inserted.
    """
    layout = layout_of(connection, name)
    with taken_back_if(layout.in_stores):
        batches = prepare(layout, chunks, mode)  # all of it before the first statement: user code runs in it
        if any(batch.size for batch in batches):
            insert_batches(layout, batches, mode, within)


def insert_rows(layout: Layout, rows: Any, mode: Mode) -> None:
    """Insert what is given as one atomic change with its event."""
    batch = flowing(layout, rows, mode)
    if batch is not None:
        try:
            insert_batches(layout, [batch], mode)
        except UnevenError:  # then nothing was inserted
            pass
        else:
            return
    insert_chunks(layout.connection, layout.name, read(rows, layout.heading, layout.label), mode)


def row_batches(layout: Layout, row: Any, mode: Mode) -> list[Batch]:
    """Check and encode one row: the usual types by the short path."""
    plain = plain_row(layout, cast(dict[str, Any], row)) if type(row) is dict else None
    return [plain] if plain is not None else prepare(layout, [one(row, layout.heading, layout.label)], mode)


def insert_batches(layout: Layout, batches: list[Batch], mode: Mode, within: Scope | None = None) -> None:
    """Insert encoded rows as one atomic change with its event; while a make runs they are collected."""
    connection, name = layout.connection, layout.name
    enforce(layout, batches)
    if mode.skip or mode.replace:
        batches = [with_key(layout, batch) for batch in batches]
        mode = any_index(layout, mode)
        if mode.match:
            duplicates.refuse(layout, batches)
    mode = with_provenance(layout, mode)
    if collecting.collect(connection, name, batches, mode):
        return
    outcomes = inspect_insert(layout, batches, mode.checks)
    observe.writing(connection, name)
    if mode.wanted:
        with completing(layout, batches, mode.wanted):
            written = write_batches(layout, batches, mode, within)
    else:
        written = write_batches(layout, batches, mode, within)
    if mode.skip and written < sum(batch.size for batch in batches):
        duplicates.report(layout, batches)
    record(connection, name, outcomes)


def with_provenance(layout: Layout, mode: Mode) -> Mode:
    """Return how rows are inserted with the column that says who enters them, where the table has it."""
    if not layout.has_provenance:
        return mode
    running = collecting.current(layout.connection)
    stamps = provenance_of(layout, running.run if running else None)
    return replace(mode, stamps=tuple(stamps.items())) if stamps else mode


def read_groups(rows: Any, layout: Layout, chunk_size: int) -> Iterator[list[Chunk]]:
    """Yield what is given in groups of `chunk_size` rows, each to be an insert of its own."""
    if not hasattr(chunk_size, "__index__") or chunk_size < 1:
        raise DataJointError(f"chunk_size is a whole number of rows, 1 or more, not {show(chunk_size)}.")
    chunks = read(rows, layout.heading, layout.label)
    group: list[Chunk] = []
    size = 0
    for chunk in chunks:
        start = 0
        while start < chunk.size:
            take = min(chunk_size - size, chunk.size - start)
            columns = tuple(column[start : start + take] for column in chunk.columns)
            group.append(Chunk((chunk.first or 0) + start, chunk.names, columns, take))
            start, size = start + take, size + take
            if size == chunk_size:
                yield group
                group, size = [], 0
    if group:
        yield group
