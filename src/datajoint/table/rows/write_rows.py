"""Writes of encoded rows: one statement for few rows, the fastest path of the database for many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from types import TracebackType
from typing import Any

from datajoint._value import replace
from datajoint.algebra.plans.nodes import Query
from datajoint.backends.base import Parameters
from datajoint.errors import (
    AccessError,
    CheckError,
    DataJointError,
    DeadlockError,
    DuplicateError,
    IntegrityError,
    MissingAttributeError,
)
from datajoint.journal.events.change import change
from datajoint.journal.events.event import EventRecord, is_clash
from datajoint.journal.events.scope import Scope, open_event
from datajoint.journal.events.write_event import store
from datajoint.journal.images import image_of_keys, image_of_rows
from datajoint.sql.dml import (
    Column,
    Conflict,
    create_staging,
    drop_staging,
    forget_event,
    insert_absent,
    insert_rows,
    insert_selected,
    select_staged,
    staging,
    update_existing,
    update_row,
)
from datajoint.table.rows.encode import Batch
from datajoint.table.rows.explain_errors import explain
from datajoint.table.rows.layout import EVENT, Layout
from datajoint.table.rows.mode import Mode, Stamps

__all__ = [
    "any_index",
    "conflict_of",
    "is_small",
    "statements_for",
    "with_key",
    "write_batches",
    "write_many",
]

FEW = 20
"""Up to so many rows go as one statement."""

ATTEMPTS = 4
"""How often a write that others got in the way of is tried."""

ROWS_PER_STATEMENT = 50
FEW_BYTES = 1 << 20
LISTED_KEYS = 1000


def with_key(layout: Layout, batch: Batch) -> Batch:
    """Return rows with what their key takes by default, by which those that are there are found."""
    given = {name for name, _ in batch.columns}
    defaults = {
        name: layout.heading[name].default for name in layout.heading.key if name not in given and batch.size
    }
    values = {name: d.value for name, d in defaults.items() if d is not None and d.kind == "literal"}
    if not values:
        return batch
    encoders = [layout.encoding(name).to_driver for name in values]
    own = [encode(v) if encode else v for v, encode in zip(values.values(), encoders, strict=True)]
    sizes = [len(part[0]) if part else batch.size for part in batch.parts]
    parts = tuple(
        (*part, *([value] * size for value in own)) for part, size in zip(batch.parts, sizes, strict=True)
    )
    return Batch(batch.columns + layout.columns(tuple(values)), batch.size, parts, batch.checked)


def _mode_of(layout: Layout, batch: Batch, mode: Mode) -> Mode:
    """Return how rows are written: a key that the database makes is that of no other row.

    So is one that it makes by its clock on MySQL, where what is to be skipped is looked for by its key.
    """
    if not (mode.skip or mode.replace):
        return mode
    given = {name for name, _ in batch.columns}
    left = [layout.heading[name] for name in layout.heading.key if name not in given]
    made = any(attribute.autoincrement for attribute in left) or not layout.dialect.features.conflict_by_key
    if not (left and made):
        return mode
    if mode.skip and layout.uniques:  # a row without its key is told by these
        return replace(mode, of_any=True)
    return replace(mode, skip=False, replace=False)


class _Tries:
    """Block of one try of a write, ``while True: with tries: return ...``, which adds no frame.

    Ends the loop with an explained error, unless the database may accept the same write in the next try.
    """

    def __init__(self, layout: Layout, batches: Sequence[Batch], mode: Mode) -> None:
        self._layout, self._batches, self._mode = layout, batches, mode
        self._inside = layout.connection.in_transaction
        self._left = ATTEMPTS - 1

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            return False
        if self._left and isinstance(error, (DeadlockError, DuplicateError)):
            self._left -= 1
            if is_clash(error) or (not self._inside and _may_pass(error, self._mode)):
                return True
        if isinstance(error, (CheckError, DuplicateError, IntegrityError, MissingAttributeError)):
            explain(error, self._layout, self._batches)
        return False


def _may_pass(error: DataJointError, mode: Mode) -> bool:
    """Whether a write that is a transaction of its own was refused for what others did at the same moment."""
    return isinstance(error, DeadlockError) or mode.skip


def write_batches(layout: Layout, batches: Sequence[Batch], mode: Mode, within: Scope | None = None) -> int:
    """Write encoded rows with their event and return how many; a refusal is explained by row and name."""
    tries = _Tries(layout, batches, mode)
    while True:
        with tries:
            if len(batches) == 1 and batches[0].size == 1 and not mode.replace:
                event = _event_of(layout, batches, mode, within)
                [(text, values)] = statements_for(layout, batches[0], mode, event)
                return change(layout.connection, event, text, values, None if mode.skip else 1)
            return _write_many(layout, batches, mode, within)


def _event_of(
    layout: Layout, batches: Sequence[Batch], mode: Mode, within: Scope | None
) -> EventRecord | None:
    details = None if layout.has_event else _details(layout, batches)
    return open_event(layout.connection, layout.name, mode.kind, details, within)


def _write_many(layout: Layout, batches: Sequence[Batch], mode: Mode, within: Scope | None) -> int:
    connection = layout.connection
    event = _event_of(layout, batches, mode, within)
    count = sum(batch.size for batch in batches)
    few = count <= FEW and all(map(is_small, batches))
    # Rows that this event, or the make that it is a part of, may have written before.
    again = [mode.replace and (n > 0 or (event is not None and event.written)) for n in range(len(batches))]
    pairs = list(zip(batches, again, strict=True))
    statements = (
        [s for batch, a in pairs for s in statements_for(layout, batch, mode, event, a)] if few else []
    )
    images = list(_images(layout, batches, event)) if mode.replace else []
    if len(statements) == 1 and len(images) <= 1:
        rows = None if mode.skip else count
        return change(connection, event, *statements[0], rows, next(iter(images), None))
    with connection.whole():
        if images:
            connection.execute_batch(images)
        if few:
            changed = sum(connection.execute_batch(statements))
        else:
            changed = sum(write_many(layout, batch, mode, event, a) for batch, a in pairs)
        written = changed if mode.skip else count
        store(connection, event, written)
    return written


def _images(
    layout: Layout, batches: Sequence[Batch], event: EventRecord | None
) -> Iterator[tuple[str, Parameters]]:
    """Yield the statements that keep the rows that others are about to replace."""
    connection, name = layout.connection, layout.name
    if not layout.heading.key:
        image = image_of_rows(connection, name, Query(connection.catalog.source(name)), event)
        yield from [image] if image is not None else []
        return
    for batch in batches:
        if not _mode_of(layout, batch, Mode(replace=True)).replace:
            continue
        key = [column for column in batch.columns if column[0] in layout.key]
        rows = iter({row[0]: None for row in _keyed(layout, batch)})
        while some := list(islice(rows, ROWS_PER_STATEMENT)):
            image = image_of_keys(connection, name, key, some, event)
            yield from [image] if image is not None else []


def _details(layout: Layout, batches: Sequence[Batch]) -> dict[str, Any]:
    """Return the keys written, for rows that cannot carry their event."""
    keys: Iterator[Any] = chain.from_iterable(_keys(layout, batch) for batch in batches)
    listed = list(islice(keys, LISTED_KEYS))
    return {"keys": listed, "more": sum(1 for _ in keys)}


def _keys(layout: Layout, batch: Batch) -> Iterator[list[Any]]:
    for checked in batch.checked:
        given = dict(zip(checked.names, checked.columns, strict=True))
        columns = [given[name] for name in layout.heading.key if name in given]
        for values in zip(*columns, strict=True):
            yield [value if isinstance(value, (int, float, str)) else str(value) for value in values]


def conflict_of(layout: Layout, mode: Mode) -> Conflict | None:
    """Return what is to happen to rows whose key is taken."""
    if mode.replace:
        return Conflict(layout.key, _assigned(layout, mode), replace=True)
    return Conflict(layout.key, of_any=mode.of_any) if mode.skip else None


def any_index(layout: Layout, mode: Mode) -> Mode:
    """Return how rows are inserted, after the setting that says what a duplicate is."""
    if not mode.skip or not layout.uniques or layout.connection.config.interop.skip_duplicates != "any":
        return mode
    return replace(mode, of_any=True)


def _assigned(layout: Layout, mode: Mode) -> tuple[str, ...]:
    """Columns that a replaced row takes anew: all but the key."""
    stamped = [EVENT[0]] if layout.has_event else []
    return (*layout.heading.secondary_attributes, *stamped, *(column[0] for column, _ in mode.stamps))


def stamps_of(layout: Layout, mode: Mode, event: EventRecord | None) -> Stamps:
    """Return the hidden columns that all rows take: their event, by replace without event, too (G7)."""
    if layout.has_event and (event is not None or mode.replace):
        return (*mode.stamps, (EVENT, event.id if event else None))
    return mode.stamps


# --------------------------------------------------------------------------------------- a few rows


def statements_for(
    layout: Layout, batch: Batch, mode: Mode, event: EventRecord | None, again: bool = False
) -> list[tuple[str, Parameters]]:
    """Return the statements for a batch of few rows.

    Parameters
    ----------
    again
        Whether the same event may have written the rows that these replace.
    """
    mode = _mode_of(layout, batch, mode)
    if again and mode.replace:
        return [*_forgotten(layout, batch, event), *statements_for(layout, batch, mode, event)]
    columns = batch.columns
    rows = list(_last_of_each_key(layout, batch) if mode.replace and batch.size > 1 else batch.rows())
    if stamps := stamps_of(layout, mode, event):
        added, mark = zip(*stamps, strict=True)
        columns += added
        rows = [row + mark for row in rows]
    if not layout.dialect.features.conflict_by_key and (
        (mode.skip and not mode.of_any) or (mode.replace and layout.uniques)
    ):
        return list(_row_by_row(layout, columns, rows, mode))
    if not columns:
        return [(_insert_text(layout, columns, 1, mode), ())] * len(rows)
    return [(_insert_text(layout, columns, len(rows), mode), list(chain.from_iterable(rows)))]


def _forgotten(layout: Layout, batch: Batch, event: EventRecord | None) -> Iterator[tuple[str, Parameters]]:
    """Yield the statements by which rows forget an event before they are written again under it."""
    if event is None or not layout.has_event:
        return
    key = [column for column in batch.columns if column[0] in layout.key]
    rows = iter({row[0]: None for row in _keyed(layout, batch)})
    while some := list(islice(rows, ROWS_PER_STATEMENT)):
        text = forget_event(layout.name, key, len(some), layout.dialect)
        yield text, [event.id, *chain.from_iterable(some)]


def is_small(batch: Batch) -> bool:
    """Return whether the rows of a batch go as one statement."""
    return batch.size == 1 or (batch.size <= FEW and batch.byte_count <= FEW_BYTES)


def _insert_text(layout: Layout, columns: tuple[Column, ...], count: int, mode: Mode) -> str:
    source = layout.source
    key = ("insert", tuple([name for name, _ in columns]), count, mode.replace, mode.skip, mode.of_any)
    found = source.child(key)
    if found is None:
        text = insert_rows(layout.name, columns, count, layout.dialect, conflict_of(layout, mode))
        found = source.keep(key, text)
    return found


def _row_by_row(
    layout: Layout, columns: tuple[Column, ...], rows: Sequence[tuple[Any, ...]], mode: Mode
) -> Iterator[tuple[str, Parameters]]:
    """Statements of MySQL, whose ON DUPLICATE KEY would hide clashes on other unique indexes (INS-5)."""
    place = {name: n for n, (name, _) in enumerate(columns)}
    key = [columns[place[name]] for name in layout.key if name in place]
    assigned = [column for column in columns if column[0] not in layout.key]
    absent = insert_absent(layout.name, columns, key, layout.dialect)
    reset = [(name, "DEFAULT") for name in _left_out(layout, columns)]
    update = update_row(layout.name, assigned, key, layout.dialect, reset)
    for row in rows:
        values = [row[place[name]] for name, _ in key]
        if mode.replace and (assigned or reset):
            yield update, [*(row[place[name]] for name, _ in assigned), *values]
        yield absent, [*row, *values]


def _left_out(layout: Layout, columns: Sequence[Column]) -> list[str]:
    """Columns that a replaced row takes the defaults of, because the new one does not give them."""
    given = {name for name, _ in columns}
    return [name for name in layout.heading.secondary_attributes if name not in given]


# ---------------------------------------------------------------------------------------- many rows


def write_many(
    layout: Layout, batch: Batch, mode: Mode, event: EventRecord | None, again: bool = False
) -> int:
    """Write a batch inside the open transaction and return the number of rows; `again` as above."""
    mode = _mode_of(layout, batch, mode)
    if again and mode.replace:
        for statement in _forgotten(layout, batch, event):
            layout.connection.execute(*statement)
    connection, dialect = layout.connection, layout.dialect
    if not batch.columns:
        return sum(
            connection.execute(_insert_text(layout, (), 1, mode), ()).rowcount for _ in range(batch.size)
        )
    stamps = stamps_of(layout, mode, event)
    constants = {name: value for (name, _), value in stamps}
    names = [name for name, _ in batch.columns]
    dtypes = [dtype for _, dtype in batch.columns]
    if not (mode.skip or mode.replace):
        if mode.stamps:
            return _load_stamped(layout, batch, stamps)
        return connection.load_rows(dialect.table(layout.name), names, dtypes, batch.parts, constants)
    if not dialect.features.server:
        return _in_groups(layout, batch, mode, stamps)
    rows = list(_last_of_each_key(layout, batch) if mode.replace else _to_add(layout, batch, mode))
    try:
        for text in create_staging(layout.name, batch.columns, dialect):
            connection.execute(text)
    except AccessError:
        if dialect.features.cte_insert:
            return _in_groups(layout, batch, mode, stamps)
        columns = (*batch.columns, *(column for column, _ in stamps))
        marked = [row + tuple(constants.values()) for row in rows]
        return sum(connection.execute_batch(list(_row_by_row(layout, columns, marked, mode))))
    connection.load_rows(staging(layout.name, dialect), names, dtypes, [list(zip(*rows, strict=True))])
    changed = _from_staged(layout, batch.columns, mode, list(constants.items()))
    connection.execute(drop_staging(layout.name, dialect))
    return changed


def _load_stamped(layout: Layout, batch: Batch, stamps: Stamps) -> int:
    """Load rows whose hidden columns are of other types than numbers."""
    columns = (*batch.columns, *(column for column, _ in stamps))
    names, dtypes = [name for name, _ in columns], [dtype for _, dtype in columns]
    chunks = [(*part, *([value] * len(part[0]) for _, value in stamps)) for part in batch.parts]
    return layout.connection.load_rows(layout.dialect.table(layout.name), names, dtypes, chunks)


def _in_groups(layout: Layout, batch: Batch, mode: Mode, stamps: Stamps) -> int:
    columns = (*batch.columns, *(column for column, _ in stamps))
    mark = tuple([value for _, value in stamps])
    size = max(1, min(ROWS_PER_STATEMENT, 30_000 // len(columns)))
    changed = 0
    remaining = iter(_last_of_each_key(layout, batch) if mode.replace else batch.rows())
    while rows := list(islice(remaining, size)):
        values = list(chain.from_iterable([row + mark for row in rows]))
        text = _insert_text(layout, columns, len(rows), mode)
        changed += layout.connection.execute(text, values).rowcount
    return changed


def _from_staged(
    layout: Layout, columns: tuple[Column, ...], mode: Mode, constants: list[tuple[str, Any]]
) -> int:
    """Insert the rows of the staging table."""
    dialect, execute = layout.dialect, layout.connection.execute
    select = select_staged(layout.name, dialect)
    conflict = conflict_of(layout, mode)
    changed = 0
    if mode.replace and not dialect.features.conflict_by_key:
        names = [name for name, _ in columns]
        assigned = [name for name in names if name not in layout.key]
        key = [name for name in names if name in layout.key]
        update = update_existing(layout.name, assigned, key, constants, _left_out(layout, columns), dialect)
        changed = execute(update).rowcount if update else 0
        conflict = Conflict(layout.key)
    text = insert_selected(layout.name, columns, select, constants, dialect, conflict)
    return changed + execute(text).rowcount


def _to_add(layout: Layout, batch: Batch, mode: Mode) -> Iterable[tuple[Any, ...]]:
    """Rows to be written unless they are there; the database leaves out those repeated in any index."""
    return batch.rows() if mode.of_any else _first_of_each_key(layout, batch)


def _first_of_each_key(layout: Layout, batch: Batch) -> Iterable[tuple[Any, ...]]:
    """Rows of which none repeats a key: the first one stays."""
    return dict(reversed(list(_keyed(layout, batch)))).values()


def _last_of_each_key(layout: Layout, batch: Batch) -> Iterable[tuple[Any, ...]]:
    return dict(_keyed(layout, batch)).values()


def _keyed(layout: Layout, batch: Batch) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    places = [n for n, (name, _) in enumerate(batch.columns) if name in layout.key]
    for part in batch.parts:
        keys = zip(*[part[n] for n in places], strict=True) if places else repeat(())
        yield from zip(keys, zip(*part, strict=True), strict=False)
