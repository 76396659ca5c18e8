"""Reuse of earlier results with the same inputs and the same code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datajoint._value import replace
from datajoint.backends.base import Parameters
from datajoint.errors import DataJointError, DuplicateError, LostConnectionError, TransactionError
from datajoint.heading.names import COMPUTED, TableName
from datajoint.journal.events.event import EventRecord, Origin, enabled, new_id
from datajoint.journal.events.origin import origin_of
from datajoint.journal.events.packet import send, undivided
from datajoint.journal.events.write_event import event_statement
from datajoint.journal.reads.recording import ReadLog, ReadsChanged, keeps_reads
from datajoint.logging import logger
from datajoint.provenance.reuse import Candidate, Earlier, candidates, earlier_results, reuse_of
from datajoint.provenance.staleness.stale_inputs import StaleInputs
from datajoint.sql.system_tables.images import shadow_name
from datajoint.sql.system_tables.reuse import guard_written, put_back
from datajoint.table.rows.layout import layout_of
from datajoint.table.rows.write_set import WriteSet
from datajoint.table.table import Table

__all__ = ["Reuse", "is_wanted", "reuse"]

Key = Mapping[str, Any]
Statement = tuple[str, Parameters]
Closing = Callable[[], Sequence[Statement]]


def is_wanted(table: Table, reuse: bool | None = None) -> bool:
    """Whether earlier results of a table may be reused.

    The external sources of an imported table may have changed, so it is computed unless its class or the
    caller allows reuse. A class with ``reuse = False`` is always computed.

    Parameters
    ----------
    reuse
        Choice of the caller; None leaves it to the class and the setting ``provenance.reuse``.

    Raises
    ------
    DataJointError
        If `reuse` of the class is neither True nor False.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    >>> is_wanted(Fit()), is_wanted(Fit(), False)
    (True, False)
    """
    own = reuse_of(type(table))
    if own not in (None, True, False):
        raise DataJointError(
            f"reuse of `{table.class_name}` is {own!r}.",
            hint="It is True, or False for results that must be computed each time.",
        )
    if own is False or reuse is False or not enabled(table.connection, table.database):
        return False
    default = bool(table.connection.config.provenance.reuse) and (own or table.name.tier == COMPUTED)
    return reuse or default


class Reuse:
    """Search for keys with earlier results in the history.

    Parameters
    ----------
    table
        Table to compute.
    reuse
        As for `is_wanted`.
    """

    def __init__(self, table: Table, reuse: bool | None = None) -> None:
        self._table = table
        self._wanted = is_wanted(table, reuse)

    def earlier(self, keys: Sequence[Key]) -> dict[tuple[Any, ...], tuple[Candidate, ...]]:
        """Return the makes that wrote the rows in the history, by key."""
        return candidates(self._table, keys) if keys and self._wanted and _origin(self._table) else {}


def reuse(table: Table, key: Key, makes: Sequence[Candidate], closing: Closing | None) -> bool:
    """Restore an earlier result of a key with unchanged inputs and code; return False if there is none.

    The caller then computes the key.

    Parameters
    ----------
    makes
        Makes that wrote rows of the key.
    closing
        As for `make`.

    Raises
    ------
    DuplicateError
        If another process has computed the key in the meantime.
    StaleInputError
        If the settings refuse stale inputs.
    """
    connection, origin = table.connection, _origin(table)
    if origin is None:
        return False
    if not keeps_reads(connection, table.database):
        return False
    return any(
        _put_back(table, key, earlier, origin, closing)
        for earlier in earlier_results(table, key, makes, origin)
    )


def _origin(table: Table) -> Origin | None:
    """Return the origin of a make now; None if its code is only partly known, or events are off."""
    cls = type(table)
    origin = origin_of(table.connection, table.name, cls)
    return origin if origin is not None and (origin.complete or reuse_of(cls)) else None


def _put_back(table: Table, key: Key, earlier: Earlier, origin: Origin, closing: Closing | None) -> bool:
    _look_at_inputs(table, key, earlier)
    try:
        _Reused(table, key, earlier, origin).finish(closing() if closing else ())
    except ReadsChanged:
        return False
    except (LostConnectionError, TransactionError):
        raise
    except DataJointError as error:
        if isinstance(error, DuplicateError) and table & dict(key):
            raise
        logger.info("an earlier result of `%s` is not used again: %s", table.class_name, error)
        return False
    return True


def _look_at_inputs(table: Table, key: Key, earlier: Earlier) -> None:
    """Warn of stale inputs, or refuse them, as a make would."""
    mode = str(table.connection.config.provenance.stale)
    if mode != "ignore":
        inputs = StaleInputs(table, key, mode)
        for read in earlier.reads:
            inputs.look(read)


class _IncompleteError(DataJointError):
    """Raised if old versions of rows are missing."""


class _Reused(WriteSet):
    """Write set that restores the rows of an earlier make."""

    def __init__(self, table: Table, key: Key, earlier: Earlier, origin: Origin) -> None:
        told = replace(origin, code=earlier.code, environment=earlier.environment)
        super().__init__(table.connection, table.name, told, kind="reuse")
        self.reads = ReadLog(table.connection, table.name, key)
        self.reads.reads += earlier.reads
        self._earlier = earlier
        self._key = key

    def _details(self) -> dict[str, Any] | None:
        return {"reuses": self._earlier.event}

    def _flush(self, statements: Sequence[Statement]) -> None:
        connection = self.connection
        server = connection.dialect.features.server
        guards = self.reads.guards() if self.reads and server else []
        before = [*guards, *statements]
        copies: list[Statement] = []
        there: list[Statement] = []
        arrived: list[Statement] = []
        told: list[Statement] = []
        for written in self._earlier.written:
            event = self._event_of(written.table)
            names, values = self._keyed(written.table)
            copy, is_there, has_arrived = self._texts(written.table, names, len(written.events))
            copies.append((copy, [event.id, *written.events, *values]))
            there.append((is_there, [*written.events, *values, written.rows]))
            arrived.append((has_arrived, [event.id, *values, written.rows]))
            told.append(event_statement(connection, event, written.rows))
        after = [*told, *self._recorded()]
        if server:
            several = [*before, *copies, *arrived, *after]
            # All parts of one statement see the same state of the history, without the writes of the others.
            whole = [*before, *there, *copies, *after]
            combined = whole if connection.dialect.features.cte_insert else several
            send(connection, undivided(connection, combined, combine=True, batch=several))
            return
        with connection.whole():
            counts = connection.execute_batch([*before, *copies, *after])
        wanted = [written.rows for written in self._earlier.written]
        if wanted != counts[len(before) : len(before) + len(copies)]:
            raise _IncompleteError("some of its rows are not kept any more.")

    def _event_of(self, name: TableName) -> EventRecord:
        made = self._made(self.name)
        return made if name == self.name else EventRecord(new_id(), "insert", name, made.id)

    def _texts(self, name: TableName, names: tuple[str, ...], events: int) -> tuple[str, str, str]:
        """Return the statements that restore rows, and check that all are kept and restored."""
        source, dialect = self.connection.catalog.source(name), self.connection.dialect
        found: tuple[str, str, str] | None = source.child(("put back", names, events))
        if found is None:
            columns = layout_of(self.connection, name).columns(names)
            found = (
                put_back(self.connection.catalog.spec(name), columns, events, dialect),
                guard_written(shadow_name(name), columns, dialect, events),
                guard_written(name, columns, dialect),
            )
            source.keep(("put back", names, events), found)
        return found

    def _keyed(self, name: TableName) -> tuple[tuple[str, ...], list[Any]]:
        """Return the attributes shared by the keys of make and table, and their values for the driver."""
        layout = layout_of(self.connection, name)
        names = tuple(column for column in layout.heading.key if column in self._key)
        encoders = [layout.encoding(column).to_driver for column in names]
        values = [self._key[column] for column in names]
        return names, [encode(v) if encode else v for encode, v in zip(encoders, values, strict=True)]
