"""Make of one key: the run of `make`, its collected writes, and the transaction that stores them."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import partial
from types import GeneratorType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from datajoint import logging
from datajoint._value import Value
from datajoint.backends.base import Parameters
from datajoint.engine.connection import Connection
from datajoint.errors import (
    ComputeError,
    ContractError,
    DataJointDeprecationWarning,
    DataJointError,
    LostConnectionError,
    TransactionError,
)
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.heading.values import normaliser
from datajoint.journal.events.code_version import code_version
from datajoint.journal.events.event import Origin
from datajoint.journal.events.origin import Recording, origin_of, ran_as
from datajoint.journal.ran import Observation, observe
from datajoint.journal.reads.recording import ReadLog, ReadsChanged, keeps_reads
from datajoint.make.contract.reads import check_contract, contract_of, strange_reads, watching
from datajoint.make.fork_guard import alone
from datajoint.make.methods import PARTS, Making, check_values, what_to_write
from datajoint.make.reuse import reuse
from datajoint.make.task import Notice
from datajoint.make.value_equality import same
from datajoint.provenance.staleness.stale_inputs import StaleInputs
from datajoint.storage.staged import taken_back
from datajoint.table.declared import writes_of
from datajoint.table.guard import writable
from datajoint.table.insert.with_parts import check_complete, wanted_of
from datajoint.table.rows.check import CheckOutcome
from datajoint.table.rows.encode import Batch
from datajoint.table.rows.metadata import Run
from datajoint.table.rows.mode import Mode
from datajoint.table.rows.python_checks import inspect_make, record
from datajoint.table.rows.write_set import WriteSet
from datajoint.table.table import Table
from datajoint.table.written import makers_of

if TYPE_CHECKING:
    from datajoint.provenance.reuse import Candidate

__all__ = ["Attempts", "KeyedWrites", "Made", "Renewal", "check_parts", "make", "run_make", "running_key"]

T = TypeVar("T")
W = TypeVar("W", bound="KeyedWrites")

_END = object()
_UNDONE = ("serialize", "rolled_back", "unknown")
"""Reasons after which a transaction may run again; an *unknown* result has been resolved by then."""

Key = Mapping[str, Any]
Closing = Callable[[], Sequence[tuple[str, Parameters]]]
Renewal = Callable[["KeyedWrites", Sequence[tuple[str, Parameters]]], None]


class _Running(Value):
    """Running make of this context."""

    name: TableName
    key: Key


class Made(Value):
    """Result of a make.

    Attributes
    ----------
    reused
        Whether an earlier result was restored instead of computing.
    skipped
        Event of its reads, if the make inserted nothing; otherwise None.
    notices
        Advice on the code of the make.
    beside
        Computed tables that the make read and that its definition neither references nor declares.
    """

    reused: bool = False
    skipped: int | None = None
    notices: tuple[Notice, ...] = ()
    beside: frozenset[TableName] = frozenset()


_RUNNING: ContextVar[tuple[_Running, ...]] = ContextVar("datajoint_makes", default=())


def running_key(table: Table) -> Key | None:
    """Return the key of the running make of a table in this context, or None.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> running_key(Subject()) is None
    True
    """
    return next((make.key for make in reversed(_RUNNING.get()) if make.name == table.name), None)


def make(
    table: Table, key: Key, make_kwargs: Mapping[str, Any], closing: Closing | None = None,
    renewal: Renewal | None = None, earlier: Sequence[Candidate] = (),
) -> Made:  # fmt: skip
    """Compute one key: store all rows that its make inserts, or none.

    The make runs again, up to ``jobs.conflict_retries`` times, if its inputs changed during the run, if the
    database aborted the transaction because of a conflict, or if it was lost with the connection.

    Parameters
    ----------
    closing
        Function that returns further statements for the transaction of the results.
    renewal
        Function that stores the results, with these statements, in place of existing rows of the key.
    earlier
        Earlier makes of the key, as candidates for reuse.

    Returns
    -------
    Made
        Whether an earlier result was reused, and whether the make inserted nothing.

    Raises
    ------
    ContractError
        If the make inserted rows of another key, or breaks a strict contract.
    """
    attempts = Attempts(table, key)
    while True:
        with attempts:
            if earlier and not make_kwargs and reuse(table, key, earlier, closing):
                return Made(reused=True)
            writes = KeyedWrites(table, key)
            writes.must_not_pin = renewal is not None
            writes.beside += ["arguments"] if make_kwargs else []
            with taken_back(), writes:
                outcomes = run_make(table, key, make_kwargs, writes, _inspect)
                skipped = _finish(writes, closing, renewal)
            for name, group in outcomes.items():
                record(table.connection, name, group, writes.event)
            return Made(skipped=skipped, notices=tuple(writes.notices), beside=writes.beside_tables)


class Attempts:
    """Block that repeats until its inputs stay unchanged; inside, `running_key` returns the key.

    The block ends the loop around it by returning: ``while True: with attempts: return ...``.

    Parameters
    ----------
    table, key
        Table and key to compute.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> with Attempts(Subject(), {"subject_id": 1}):
    ...     running_key(Subject())
    {'subject_id': 1}
    """

    def __init__(self, table: Table, key: Key) -> None:
        self._table, self._key = table, key
        self._left = int(table.connection.config.jobs.conflict_retries)
        self._before: tuple[_Running, ...] = ()

    def __enter__(self) -> None:
        self._before = _RUNNING.get()
        _RUNNING.set((*self._before, _Running(self._table.name, self._key)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        _RUNNING.set(self._before)
        if isinstance(error, (_FetchedDataChanged, ReadsChanged)):
            self._give_up_after_last(error)
        elif not self._left or not _was_undone(error):
            return False
        self._left -= 1
        return True

    def _give_up_after_last(self, error: _FetchedDataChanged | ReadsChanged) -> None:
        if self._left:
            return
        if isinstance(error, ReadsChanged):
            raise _conflict(self._table, self._key, error) from error.__cause__
        raise ComputeError(str(error), hint="Populate when nobody changes its inputs.") from None


def _conflict(table: Table, key: Key, error: ReadsChanged) -> ComputeError:
    said = (
        "Referential integrity failed! The make_fetch data has changed"
        if _method(table) is None
        else "Conflict"
    )
    return ComputeError(
        f"{said}: while `{table.class_name}` was made for the key {dict(key)}, "
        f"the fetched data has changed each time. {error}",
        hint="Populate when nobody changes its inputs.",
        row=error.changed.row, attribute=error.changed.attribute,
    )  # fmt: skip


def _was_undone(error: BaseException | None) -> bool:
    """Whether the database has rolled back a transaction that may run again."""
    is_lost = isinstance(error, (TransactionError, LostConnectionError))
    return is_lost and error.context.get("reason") in _UNDONE


def _finish(writes: KeyedWrites, closing: Closing | None, renewal: Renewal | None) -> int | None:
    """Store the rows of a make; return the event of its reads if it inserted no row for its key."""
    if not writes.is_empty:
        statements = closing() if closing else ()
        if renewal is None:
            writes.finish(statements)
        else:
            renewal(writes, statements)
        return None
    if renewal is None and writes.has_writes:  # rows of other tables are stored (POP-13)
        writes.finish()
    else:
        writes.abort()
        writes.record_reads()
    return writes.event


def _inspect(table: Table, key: Key, writes: KeyedWrites) -> dict[TableName, list[CheckOutcome]]:
    """Check the rows of a make before they are stored."""
    writes.check()
    if writes.is_empty:
        return {}
    if not writes.must_not_pin:
        check_parts(writes, table, key)
    return inspect_make(writes, key, table)


def run_make(
    table: Table,
    key: Key,
    make_kwargs: Mapping[str, Any],
    writes: W,
    inspect: Callable[[Table, Key, W], T],
) -> T:
    """Run the methods of the user, inspect the writes, and return the result of the inspection."""
    try:
        with writes.running():
            with alone(), watching(table) as audit, writes.listening() as ran:
                method = _method(table)
                if method is None:
                    _three_parts(table, key, make_kwargs, writes)
                else:
                    with writable([table.name, *writes.also]):
                        steps = method(dict(key), **make_kwargs)
                        if isinstance(steps, GeneratorType):
                            again = partial(method, dict(key), **make_kwargs)
                            _generator(cast("Generator[Any]", steps), again, table, key, writes)
            writes.watching = False
            found = inspect(table, key, writes)
            writes.notices += check_contract(table, key, writes, audit, writes.strange)
        writes.has_run(ran)
    except _FetchedDataChanged:
        raise
    except Exception as error:
        _look_for_conflict(writes, error)
        raise
    return found


def _look_for_conflict(writes: WriteSet, error: Exception) -> None:
    """Raise a conflict instead of an error if the data that the make has read has changed."""
    try:
        writes.confirm()
    except ReadsChanged as changed:
        raise changed from error
    except DataJointError:  # the connection is lost
        return


def check_parts(writes: WriteSet, table: Table, key: Key) -> None:
    """Check the number of parts that the class requires (TXN-5)."""
    if wanted := wanted_of(table):
        writes.pin()
        made = [tuple(row.values()) for row in (table & dict(key)).keys()]  # noqa: SIM118 - no dict
        check_complete(table.connection, table.name, made, wanted)


# ------------------------------------------------------------------------------------ the forms of make


class _FetchedDataChanged(Exception):  # noqa: N818 - no error yet
    """Raised if the repeated fetch returned other data."""

    def __init__(self, table: Table, key: Key) -> None:
        super().__init__(
            "Referential integrity failed! The make_fetch data has changed: when "
            f"`{table.class_name}` was to be inserted for the key {dict(key)}, "
            "the fetched data has changed since it was computed with."
        )


def _method(table: Table) -> Any:
    """Return the single make method; None if the class has three parts."""
    own: Any = table
    if type(table).make is not Making.make:  # type: ignore[attr-defined] - computed tables have it
        return own.make
    return own._make_tuples if hasattr(table, "_make_tuples") else None


def _three_parts(table: Table, key: Key, make_kwargs: Mapping[str, Any], writes: KeyedWrites) -> None:
    if not all(callable(getattr(table, part, None)) for part in PARTS):
        raise NotImplementedError(what_to_write(type(table)))
    own: Any = table
    fetched = own.make_fetch(dict(key), **make_kwargs)
    given = _arguments(fetched)
    check_values(own, "make_fetch", "make_compute", given)
    computed = own.make_compute(dict(key), *given)
    check_values(own, "make_compute", "make_insert", _arguments(computed))
    writes.hold()
    if not same(fetched, own.make_fetch(dict(key), **make_kwargs)):
        raise _FetchedDataChanged(table, key)
    with writable([table.name, *writes.also]):
        own.make_insert(dict(key), *_arguments(computed))


def _generator(steps: Generator[Any], again: Any, table: Table, key: Key, writes: KeyedWrites) -> None:
    """Run a make that yields its fetched data, then its computed data, then inserts (POP-17)."""
    fetched = next(steps, _END)
    if fetched is _END:
        return
    if fetched is None:
        logging.warn(
            f"`{table.class_name}.make` yields nothing at first: write `yield fetched`, so that a change of "
            "its inputs is noticed.",
            DataJointDeprecationWarning,
        )
    next(steps, None)
    writes.hold()
    repeated: Generator[Any] = again()
    if not same(fetched, next(repeated, _END)):
        raise _FetchedDataChanged(table, key)
    repeated.close()
    for _ in steps:
        pass


def _arguments(returned: Any) -> tuple[Any, ...]:
    """Return the arguments for the next part: the items of a tuple, or the single value."""
    if returned is None:
        return ()
    return tuple(returned) if type(returned) in (tuple, list) else (returned,)


# ---------------------------------------------------------------------------------------- the contract


class KeyedWrites(WriteSet):
    """Write set of a make, which refuses rows of other keys.

    Attributes
    ----------
    is_empty
        Whether the make ended without a row for its key.
    strange
        Tables read that the definition neither references nor declares, with file and line of the read.
    notices
        Advice on the make.
    """

    def __init__(self, table: Table, key: Key) -> None:
        connection, cls = table.connection, type(table)
        run = Run(table.name, key, code_version(connection.config, cls.__module__))
        super().__init__(connection, table.name, self._find_origin(table), run)
        self.also = writes_of(table)
        self._table = table
        self._key = key
        self._seen: set[TableName] = set()
        self.is_empty = False
        self.strange: dict[TableName, tuple[str, int]] = {}
        self.notices: list[Notice] = []
        self._ran: Recording | None = None
        self.reads = self._new_log()
        self._inputs = self._watch_inputs(table, key)

    def _find_origin(self, table: Table) -> Origin | None:
        return origin_of(table.connection, table.name, type(table))

    def listening(self) -> AbstractContextManager[Observation | None]:
        """Observe the functions that run, if the schema records the code of makes."""
        return nullcontext() if self.origin is None else observe(type(self._table), self._stores)

    def _stores(self) -> Sequence[str]:
        """Return the folders of stores, whose files belong to rows."""
        described: list[Any] = [
            store for store in self.connection.config.stores.values() if isinstance(store, Mapping)
        ]
        found = [str(store["location"]) for store in described if store.get("protocol") == "file"]
        return [os.path.realpath(place) for place in found]

    def has_run(self, ran: Observation | None) -> None:
        """Record the functions that the make has run, if they are new."""
        if self.origin is not None and ran is not None:
            self._ran = ran_as(self.connection, self.name, type(self._table), self.origin, ran)
            self.origin = self._ran.origin

    def finish(self, statements: Sequence[tuple[str, Parameters]] = ()) -> None:
        """Write the set and the event of the make, and commit."""
        super().finish(statements)
        if self._ran is not None:
            self._ran.keep()

    def _recorded(self) -> list[tuple[str, Parameters]]:
        """Return the statements that record the reads and the code that ran."""
        return [*(self._ran.statements if self._ran else ()), *super()._recorded()]

    def _new_log(self) -> ReadLog | None:
        kept = keeps_reads(self.connection, self.name.schema)
        return ReadLog(self.connection, self.name, self._key) if kept else None

    def _watch_inputs(self, table: Table, key: Key) -> StaleInputs | None:
        mode = str(table.connection.config.provenance.stale)
        if mode == "ignore" or self.reads is None:
            return None
        inputs = StaleInputs(table, key, mode)
        self.reads.on_read = inputs.look
        return inputs

    @property
    def beside_tables(self) -> frozenset[TableName]:
        """Computed tables read that the definition neither references nor declares."""
        read = {name.master or name for name in self.strange}
        written = [name for name in read if name.tier not in (COMPUTED, IMPORTED)]
        makers = {maker.name for name in written for maker in makers_of(self.connection, name)}
        return frozenset(makers | read.difference(written))

    def before_read(self, connection: Connection, tables: frozenset[TableName]) -> ReadLog | None:
        """Record tables read that the definition neither references nor declares."""
        if self.watching and connection is self.connection and not tables <= self._seen:
            new = tables - self._seen
            self._seen |= new
            self.strange.update(strange_reads(self._table, new))
        return super().before_read(connection, tables)

    def pin(self) -> None:
        """Write the collected rows into an open transaction."""
        if self.must_not_pin:
            raise ContractError(
                f"`{self._table.class_name}` cannot be made again in place for the key {dict(self._key)}: "
                "its make reads what it has inserted, or writes elsewhere.",
                hint="Delete its rows and populate.",
            )
        super().pin()

    def add(self, name: TableName, batches: Sequence[Batch], mode: Mode) -> None:
        """Collect the rows of an insert."""
        if self.is_own(name):
            self._refuse_others(name, batches)
        super().add(name, batches, mode)

    def count(self, name: TableName, batches: Sequence[Batch]) -> None:
        """Count the rows of an insert that is written immediately."""
        if self.is_own(name):
            self._refuse_others(name, batches)
        super().count(name, batches)

    def check(self) -> None:
        """Check for refused stale inputs, and for a row of the key (POP-13).

        Raises
        ------
        StaleInputError
            If a stale input was refused and the make has caught the error.
        ContractError
            If the key has no row and the contract is strict.
        """
        if self._inputs is not None:
            self._inputs.check()
        self.is_empty = not (bool(self._table & dict(self._key)) if self.pinned else self._has_rows())
        if self.is_empty and contract_of(self._table) == "error":
            raise ContractError(
                f"make of `{self._table.class_name}` inserted nothing for the key {dict(self._key)}.",
                hint="Let it insert a row for every key that it gets, or leave the key out by `key_source`.",
            )

    def _has_rows(self) -> bool:
        return any(insert.name == self.name and insert.rows for insert in self._inserts)

    def _refuse_others(self, name: TableName, batches: Sequence[Batch]) -> None:
        for batch in batches:
            for checked in batch.checked:
                for attribute, values in zip(checked.names, checked.columns, strict=True):
                    if attribute in self._key:
                        self._refuse_other(name, attribute, values)

    def _refuse_other(self, name: TableName, attribute: str, values: Sequence[Any]) -> None:
        mine = self._key[attribute]
        for value in values:
            if value != mine and not self._is_mine(name, attribute, value):
                raise ContractError(
                    f"make of `{self._table.class_name}` for the key {dict(self._key)} inserts a row of "
                    f"another key into `{name.class_name}`: `{attribute}` is {value!r}.",
                    hint="A make inserts rows of its own key only; other keys get a make of their own.",
                )

    def _is_mine(self, name: TableName, attribute: str, value: Any) -> bool:
        """Compare values as the column stores them: 1.0 equals 1, and a number may be rounded."""
        normalise = normaliser(self.connection.catalog.spec(name).attribute(attribute).dtype)
        mine = self._key[attribute]
        return normalise is not None and bool(normalise(value) == normalise(mine))
