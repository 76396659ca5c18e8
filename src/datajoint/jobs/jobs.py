"""Job queues: the keys of a computed table with their status, worker and error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from datajoint import logging
from datajoint._edge import edge
from datajoint._value import Value
from datajoint.algebra.plans.nodes import Query
from datajoint.backends.base import Parameters
from datajoint.codecs.blob.writer import pack
from datajoint.declare.spec import TableSpec
from datajoint.engine.blocks import OnFailure
from datajoint.engine.connection import Connection
from datajoint.engine.define import create_table, drop_tables
from datajoint.errors import DataJointDeprecationWarning, DuplicateError, JobError, TransactionError
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.jobs.cancelling import cancel_job
from datajoint.jobs.failures import Failure, failures_of
from datajoint.jobs.owner import owner_here, write, write_several
from datajoint.jobs.recover import recover
from datajoint.journal.system import prepare
from datajoint.make.key_source import all_keys, missing_keys
from datajoint.query.collection import is_mapping
from datajoint.query.expression import QueryExpression
from datajoint.query.restriction import Not
from datajoint.query.universal import U
from datajoint.sql.dml import Column
from datajoint.sql.system_tables import jobs as sql
from datajoint.sql.system_tables.jobs import Owner
from datajoint.sql.system_tables.workers import WORKERS, attempts_table, workers_table
from datajoint.table.bound import Binding
from datajoint.table.free import FreeTable
from datajoint.table.queues import Defined, owner_of, queue_of
from datajoint.table.rows.layout import Layout, layout_of
from datajoint.table.table import Table

__all__ = ["Jobs", "is_lost", "jobs_of"]

_LONGEST = 2047
_CUT = "...truncated"
_AT_ONCE = 50
"""Jobs changed in one statement."""
_FENCE = ("22012", "1242", 1242, "22032")
"""Codes of the errors that `sql.jobs.sole_row` provokes on servers."""


class _Finish(Value):
    """Statement that finishes a job, the checks that it took effect, and the encoders of its values."""

    text: str
    checks: tuple[tuple[str, Parameters], ...]
    encoders: tuple[tuple[str, Callable[[Any], Any] | None], ...]


@edge
class Jobs(Defined, Table):
    """Job queue of a table: one row for each key that is pending, reserved, failed, ignored or kept.

    The first use declares the queue, in the format that workers of DataJoint 2.x share.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Lookup):
    ...     definition = "subject_id : int32"
    ...     contents = [(1,), (2,)]
    >>> @schema
    ... class Square(dj.Computed):
    ...     definition = "-> Subject"
    ...
    ...     def make(self, key):
    ...         self.insert1(key)
    >>> Square.jobs.refresh()
    {'added': 2, 'removed': 0, 'orphaned': 0, 're_pended': 0}
    >>> Square.jobs.ignore({"subject_id": 2})
    >>> Square.populate(reserve_jobs=True)
    {'success_count': 1, 'error_list': []}
    >>> Square.jobs.progress()
    {'pending': 0, 'reserved': 0, 'success': 0, 'error': 0, 'ignore': 1, 'total': 1}
    """

    _target: Table
    holder: Owner | None = None
    """Worker that holds jobs through this object; None if there is none."""

    def __init__(self, target: Table) -> None:
        self._target = target
        self._binding = Binding(target.connection, queue_of(target.connection, target.name))

    # ----------------------------------------------------------------------------------------- declaration

    @property
    def target(self) -> Table:
        """Table whose keys the queue holds."""
        return self._target

    @property
    def query(self) -> Query:
        """Plan and values; declares the queue first if it is missing."""
        self._ensure()
        return super().query

    def _ensure(self) -> None:
        if self._binding is None or not self.is_declared:
            self._binding = Binding(self._target.connection, _declare(self._target))

    @property
    def _layout(self) -> Layout:
        self._ensure()
        return layout_of(self.connection, self.name)

    def __repr__(self) -> str:
        return f"Jobs of {self._target.name}\n{super().__repr__()}"

    # --------------------------------------------------------------------------------------------- looking

    @property
    def pending(self) -> Self:
        """Jobs that wait for a worker."""
        return self & {"status": sql.PENDING}

    @property
    def reserved(self) -> Self:
        """Jobs that a worker computes now."""
        return self & {"status": sql.RESERVED}

    @property
    def errors(self) -> Self:
        """Jobs that have failed; delete them to compute their keys again."""
        return self & {"status": sql.ERROR}

    @property
    def completed(self) -> Self:
        """Completed jobs; the queue keeps them only with the setting ``jobs.keep_completed``."""
        return self & {"status": sql.SUCCESS}

    @property
    def ignored(self) -> Self:
        """Jobs that workers never compute."""
        return self & {"status": sql.IGNORE}

    @property
    def attempts(self) -> QueryExpression:
        """Attempts that failed, were cancelled, or wrote a log, with the end of the log.

        The columns ``key_digest`` and ``attempt`` identify an attempt; ``key`` holds the key as JSON.
        """
        return self._system(attempts_table) & {"table_name": self._target.table_name[:64]}

    @property
    def workers(self) -> QueryExpression:
        """Workers of this schema, their ``tables``, and the key that each computes now (``current_key``).

        A worker past its ``expires`` has died or lost the database; other workers take over its jobs.
        """
        return self._system(workers_table)

    def _system(self, described: Callable[[str], TableSpec]) -> FreeTable:
        spec = described(self._target.database)
        prepare(self.connection, spec)
        return FreeTable(self.connection, spec.name)

    def progress(self) -> dict[str, int]:
        """Return the number of jobs by status, and their total; read permission is enough."""
        there = self.connection.catalog.look(self.name) is not None
        counted = U("status").aggr(self, n="count(*)").to_dicts() if there else ()
        found = {row["status"]: int(row["n"]) for row in counted}
        return {**{status: found.get(status, 0) for status in sql.STATUSES}, "total": sum(found.values())}

    def failures(self, *restrictions: Any) -> list[Failure]:
        """Return the errors grouped by kind, the most frequent first.

        Parameters
        ----------
        *restrictions
            Conditions on the jobs; all must hold.
        """
        return failures_of(self, restrictions)

    # ------------------------------------------------------------------------------------------ refreshing

    def refresh(
        self, *restrictions: Any, delay: float = 0, priority: int | None = None,
        stale_timeout: float | None = None, orphan_timeout: float | None = None,
    ) -> dict[str, int]:  # fmt: skip
        """Update the queue from the key source, with a fixed number of statements.

        Parameters
        ----------
        *restrictions
            Conditions on the keys to add; all must hold.
        delay
            Seconds from now until workers may reserve the new jobs, by the clock of the server.
        priority
            Priority of new jobs; lower is sooner. Default is the setting ``jobs.default_priority``.
        stale_timeout
            Age in seconds after which the refresh removes a job whose key has left the key source; 0 turns
            this off. Default is the setting ``jobs.stale_timeout``.
        orphan_timeout
            Release jobs that workers without a lease have held for more than this number of seconds.

        Returns
        -------
        dict
            Counts of jobs ``added``, ``removed``, ``orphaned`` (released from dead workers) and
            ``re_pended`` (kept successes whose row has been deleted).
        """
        for seconds in (delay, stale_timeout, orphan_timeout):
            _check_seconds(seconds)
        self._ensure()
        connection, dialect, name = self.connection, self.connection.dialect, self.name
        jobs = connection.config.jobs
        stale = jobs.stale_timeout if stale_timeout is None else stale_timeout
        key = tuple(self.primary_key)
        source = _source(self._target, key)
        keys = source if not restrictions else _source(self._target, key, restrictions)
        missing = missing_keys(self._target, keys)
        orphaned = recover(self)
        listed = connection.catalog.look(TableName(self.database, WORKERS))
        workers = listed.name if listed is not None else None
        if orphan_timeout is not None:
            orphaned += write(connection, sql.repend_old(name, orphan_timeout, dialect, workers))
        new = _number(priority, jobs.default_priority)
        queued = QueryExpression._of(super().query, connection).proj()
        absent = missing.restrict(Not(queued), semantic_check=False)
        made = self._target.proj(*(n for n in key if n not in self._target.primary_key))
        first, total = len(source.query.values), (*source.query.values, *made.query.values)
        repend = sql.repend_successes(name, key, missing.query.plan, priority, delay, dialect)
        remove = sql.remove_vanished(
            name, key, source.query.plan, first, made.query.plan, stale, dialect, workers
        )
        look = sql.look_for_vanished(name, stale, dialect)
        looks = [(look, ())] if look else []

        def write_all(alone: bool) -> list[int]:
            add = sql.add_missing(name, key, absent.query.plan, new, delay, dialect, alone=alone)
            batch = [(repend, missing.query.values), (remove, total), (add, absent.query.values)]
            writes = [(st.text, st.bind(values)) for st, values in batch]  # updates skip the new jobs
            return write_several(connection, [*looks, *writes])[len(looks) :]

        try:
            counts = write_all(alone=not connection.in_transaction)
        except DuplicateError:  # another process refreshes, too
            counts = write_all(alone=False)
        return {"added": counts[2], "removed": counts[1], "orphaned": orphaned, "re_pended": counts[0]}

    def update(  # pyright: ignore[reportIncompatibleMethodOverride] - it was here first
        self, *restrictions: Any, **options: Any
    ) -> dict[str, int]:
        """Older name of `refresh`."""
        logging.warn("jobs.update() is now jobs.refresh().", DataJointDeprecationWarning)
        return self.refresh(*restrictions, **options)

    # ------------------------------------------------------------------------------------------ one by one

    def reserve(self, key: Mapping[str, Any]) -> bool:
        """Reserve a pending job for this process; return False if it is not available."""
        own, owner = self._own(key), owner_here(self.connection)
        with OnFailure(self.connection, self._releasing([own], owner)):
            return bool(self.reserve_some([own], owner))

    def complete(self, key: Mapping[str, Any], duration: float | None = None) -> None:
        """Complete a job: delete it, or keep it as a success (``jobs.keep_completed``)."""
        layout, own = self._layout, self._own(key)
        columns = layout.columns(tuple(own))
        if not self.connection.config.jobs.keep_completed:
            (self & own).delete()
            return
        told = layout.columns(("duration",))
        text = sql.set_status(self.name, columns, sql.SUCCESS, layout.dialect, told=told)
        write(self.connection, text, [duration, *self._encoded(own)])

    def error(self, key: Mapping[str, Any], error_message: str, error_stack: str | None = None) -> None:
        """Record that a job has failed, with the message and the traceback."""
        self.fail(self._own(key), error_message, error_stack)

    def ignore(self, key: Mapping[str, Any]) -> None:
        """Exclude a key from computation, whether it is queued or not."""
        layout, own = self._layout, self._own(key)
        text = sql.set_status(self.name, layout.columns(tuple(own)), sql.IGNORE, layout.dialect)
        if not write(self.connection, text, self._encoded(own)):
            priority = self.connection.config.jobs.default_priority
            self.insert1({**own, "status": sql.IGNORE, "priority": priority}, skip_duplicates=True)

    def cancel(self, key: Mapping[str, Any], reason: str = "") -> bool:
        """Stop the running make of a key, in any process; return False if none runs.

        The database refuses its results immediately. The job becomes an error that names the user, and stays
        one until you delete it. The worker reads the cancellation within seconds and continues with the next
        key. It kills a make in a child process (`processes`, ``jobs.timeout``). A make in the process of
        `populate` receives an exception, as from Ctrl-C, when it next runs Python code. Workers of other
        clients do not read cancellations.

        Parameters
        ----------
        key
            Key of the job.
        reason
            Text that the worker and the attempt report.
        """
        return cancel_job(self, key, reason)

    def retry(self, *restrictions: Any) -> int:
        """Queue failed jobs again, and return their number.

        Parameters
        ----------
        *restrictions
            Conditions on the jobs; all must hold.
        """
        failed: QueryExpression = self.errors
        for restriction in restrictions:
            failed = failed & restriction
        keys, layout, count = failed.keys(), self._layout, 0
        columns = layout.columns(tuple(self.primary_key))
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            text = sql.set_status(
                self.name, columns, sql.PENDING, layout.dialect, count=len(some), was=sql.ERROR
            )
            count += write(self.connection, text, [value for key in some for value in self._encoded(key)])
        return count

    def delete(self, *arguments: Any, **options: Any) -> int:  # type: ignore[override]
        """Delete the jobs without a prompt; return their number."""
        self._ensure()
        return int(self.delete_quick(get_count=True) or 0)

    def drop(self, *arguments: Any, **options: Any) -> None:
        """Drop the queue without a prompt."""
        if self._query is not None and self.is_restricted:
            raise JobError(
                "A restricted queue cannot be dropped.", hint="Call jobs.drop(), or delete() the jobs."
            )
        if self.is_declared:
            drop_tables(self.connection, [self.name])

    # ---------------------------------------------------------------------------------------- for populate

    def _own(self, key: Mapping[str, Any]) -> dict[str, Any]:
        names = self.primary_key
        if not is_mapping(key):
            raise JobError(
                f"A job of `{self._target.class_name}` is told by a dict of its key, not by {key!r}."
            )
        lacking = [name for name in names if name not in key]
        if lacking:
            raise JobError(
                f"The key {dict(key)} lacks {', '.join(f'`{name}`' for name in lacking)} of the jobs of "
                f"`{self._target.class_name}`.",
                hint=f"A job is told by {', '.join(f'`{name}`' for name in names)}.",
            )
        return {name: key[name] for name in names}

    def _encoded(self, key: Mapping[str, Any]) -> list[Any]:
        layout = self._layout
        encoders = [(value, layout.encoding(name).to_driver) for name, value in key.items()]
        return [encode(value) if encode and value is not None else value for value, encode in encoders]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the key, with their storage types."""
        return self._layout.columns(tuple(self.primary_key))

    def decoded(self, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """Decode rows of the driver into keys."""
        layout, names = self._layout, self.primary_key
        decoders = [layout.dialect.decoder(layout.encoding(name).storage) for name in names]
        return [
            {n: d(v) if d and v is not None else v for n, d, v in zip(names, decoders, row, strict=True)}
            for row in rows
        ]

    def next_keys(
        self, limit: int, priority: int | None = None, among: QueryExpression | None = None, *,
        lock: bool = False,
    ) -> list[tuple[int, dict[str, Any]]]:  # fmt: skip
        """Return priority and key of the next pending jobs; `lock` as for `sql.jobs.find_pending`."""
        layout = self._layout
        plan = among.query.plan if among is not None else None
        statement = sql.find_pending(
            self.name, self.columns, limit, layout.dialect, priority, plan, lock=lock
        )
        values = statement.bind(among.query.values if among is not None else ())
        rows = self.connection.fetch_all(statement.text, values)
        return [(row[0], key) for row, key in zip(rows, self.decoded([r[1:] for r in rows]), strict=True)]

    def add(self, keys: Sequence[Mapping[str, Any]], priority: int) -> None:
        """Queue computed keys again: add a pending job for each, or reset the one that is kept."""
        layout = self._layout
        rows = [{**key, "status": sql.PENDING, "priority": priority} for key in map(self._own, keys)]
        self.insert(rows, skip_duplicates=True)
        if self.connection.config.jobs.keep_completed:
            columns = layout.columns(tuple(self.primary_key))
            text = sql.set_status(
                self.name, columns, sql.PENDING, layout.dialect, count=len(rows), was=sql.SUCCESS
            )
            write(self.connection, text, [v for key in keys for v in self._encoded(self._own(key))])

    def reserve_some(self, keys: Sequence[dict[str, Any]], owner: Owner) -> list[dict[str, Any]]:
        """Reserve those of the keys that are still pending, and return them."""
        layout, connection = self._layout, self.connection
        columns = layout.columns(tuple(self.primary_key))
        values = [value for key in keys for value in self._encoded(key)]
        text = sql.reserve(self.name, columns, len(keys), owner, layout.dialect)
        losses = connection.losses
        if layout.dialect.features.returning:
            rows = write(connection, text, values, fetch=True)
        else:
            count, rows = write(connection, text, values), None
            if count == len(keys):
                return list(keys)
            if not count and connection.losses == losses:
                return []
        if rows is None or connection.losses != losses:  # the first reply may have been lost
            mine = sql.find_mine(self.name, columns, len(keys), owner, layout.dialect)
            rows = connection.fetch_all(mine, values)
        taken = {tuple(key.values()) for key in self.decoded(rows)}
        return [key for key in keys if tuple(key.values()) in taken]

    def finishing(self, key: Mapping[str, Any], owner: Owner, seconds: float) -> list[tuple[str, Parameters]]:
        """Return the statements that complete a job, and fail unless `owner` holds it."""
        self._ensure()
        keep = bool(self.connection.config.jobs.keep_completed)
        source, known = self.connection.catalog.source(self.name), (sql.finish, owner, keep)
        finish: _Finish = source.child(known) or source.keep(known, self._finish(owner, keep))
        values = [encode(key[n]) if encode else key[n] for n, encode in finish.encoders]
        return [(finish.text, [seconds, *values] if keep else values), *finish.checks]

    def _finish(self, owner: Owner, keep: bool) -> _Finish:
        layout, names = self._layout, tuple(self.primary_key)
        text, *checks = sql.finish(self.name, layout.columns(names), owner, layout.dialect, keep=keep)
        encoders = tuple((name, layout.encoding(name).to_driver) for name in names)
        return _Finish(text, tuple((check, ()) for check in checks), encoders)

    def fail(
        self, key: Mapping[str, Any], message: str, stack: str | None, owner: Owner | None = None
    ) -> bool:
        """Record an error; with `owner`, only if that worker holds the job."""
        layout, own = self._layout, self._own(key)
        if len(message) > _LONGEST:
            message = message[: _LONGEST - len(_CUT)] + _CUT
        told = layout.columns(("error_message", "error_stack"))
        packed = pack(stack) if stack else None
        encode = layout.encoding("error_stack").to_driver
        packed = encode(packed) if encode and packed else packed
        text = sql.set_status(
            self.name, layout.columns(tuple(own)), sql.ERROR, layout.dialect, owner=owner, told=told
        )
        return bool(write(self.connection, text, [message, packed, *self._encoded(own)]))

    def release(
        self, keys: Sequence[Mapping[str, Any]], owner: Owner, delay: float = 0, message: str = ""
    ) -> int:
        """Release reserved jobs and return their number; `message` is the reason for their `delay`."""
        some = (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))
        statements = (self._releasing(part, owner, delay=delay, message=message) for part in some)
        return sum(int(write(self.connection, text, values)) for text, values in statements)

    def _releasing(self, keys: Sequence[Any], owner: Owner, **how: Any) -> tuple[str, list[Any]]:
        dialect, count = self._layout.dialect, len(keys)
        text = sql.set_status(self.name, self.columns, sql.PENDING, dialect, count=count, owner=owner, **how)
        return text, [value for key in keys for value in self._encoded(self._own(key))]

    def unskip(self, key: Mapping[str, Any]) -> None:
        """Make a skipped job (its make inserted nothing) available immediately."""
        text = sql.unskip(self.name, self.columns, 1, self.connection.dialect)
        write(self.connection, text, self._encoded(self._own(key)))

    def held(self, key: Mapping[str, Any]) -> tuple[Owner, dict[str, Any]] | None:
        """Return the worker that holds a key, and the key as stored; None if no worker does."""
        layout, own = self._layout, self._own(key)
        text = sql.find_holder(self.name, layout.columns(tuple(own)), layout.dialect)
        rows = self.connection.fetch_all(text, self._encoded(own))
        if not rows:
            return None
        host, pid, number, *stored = rows[0]
        return Owner(host, int(pid), int(number)), self.decoded([stored])[0]

    def release_all(self, owner: Owner) -> int:
        """Release every job of a worker, including reservations whose reply was lost."""
        return int(write(self.connection, sql.repend_lost(self.name, owner, self.connection.dialect)))

    def holds(self, key: Mapping[str, Any], owner: Owner) -> bool:
        """Whether a worker holds the job of a key."""
        layout, own = self._layout, self._own(key)
        text = sql.find_mine(self.name, layout.columns(tuple(own)), 1, owner, layout.dialect)
        return bool(self.connection.fetch_all(text, self._encoded(own)))


def jobs_of(queue: TableName, connection: Connection) -> Jobs | None:
    """Return an existing queue, or None if its table no longer exists.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> jobs_of(TableName("lab", "~~fit"), connection) is None
    True
    """
    spec = connection.catalog.find(queue)
    schema, _, name = (owner_of(spec.comment) or "").partition(".") if spec is not None else ("", "", "")
    target = TableName(schema, name)
    if not name or connection.catalog.find(target) is None:
        return None
    table = Table()
    table._binding = Binding(connection, target)
    return Jobs(table)


def is_lost(error: BaseException) -> bool:
    """Whether the database refused a transaction because the worker no longer holds its job.

    Examples
    --------
    >>> is_lost(ValueError())
    False
    """
    context = getattr(error, "context", {})
    return context.get("native") in _FENCE or "malformed JSON" in str(error)


def _check_seconds(value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise JobError(f"A delay or timeout is a number of seconds, not {value!r}.")


def _number(priority: int | None, default: int) -> int:
    value: Any = default if priority is None else priority
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        raise JobError(f"A priority is a whole number from 0, the most urgent, to 255, not {value!r}.")
    return value


# ---------------------------------------------------------------------------------------------- declaration


def _key_of(target: Table) -> tuple[Attribute, ...]:
    """Return the key of the queue: the primary-key attributes that are foreign keys.

    If a custom key source has other attributes, the queue uses those.
    """
    spec = target.spec
    referring = {c for key in spec.foreign_keys if key.in_key for c in key.columns}
    names = [name for name in spec.primary_key if name in referring]
    wanted = all_keys(target).primary_key
    if set(names) != set(wanted):
        names = [name for name in target.heading.order if name in wanted]
    return tuple(spec.attribute(name) for name in names)


def _declare(target: Table) -> TableName:
    """Create the queue of a table unless another process has done so, and return its name."""
    connection, catalog = target.connection, target.connection.catalog
    if connection.is_atomic and catalog.find(queue_of(connection, target.name)) is None:
        raise TransactionError(
            f"The job queue of `{target.class_name}` cannot be made inside a transaction or a make.",
            hint="Use it once before.",
        )
    catalog.forget(target.database)
    name = queue_of(connection, target.name)
    found = catalog.find(name)
    if found is None:
        if not connection.config.database.create_tables:
            raise JobError(
                f"`{target.class_name}` has no job queue and none may be made (database.create_tables).",
                hint="Let somebody make it who may: populate(reserve_jobs=True).",
            )
        create_table(
            connection, sql.queue_table(name, _key_of(target), connection.dialect.table(target.name))
        )
        found = catalog.spec(name)
    _check(target, found)
    return name


def _check(target: Table, queue: TableSpec) -> None:
    lacking = [name for name in sql.COLUMNS if name not in {a.name for a in queue.attributes}]
    if lacking:
        raise JobError(
            f"The job queue `{queue.name}` lacks {', '.join(f'`{name}`' for name in lacking)}.",
            hint=f"Drop it: it is made anew at the next use of `{target.class_name}.jobs`.",
        )


def _source(target: Table, key: Sequence[str], restrictions: Sequence[Any] = ()) -> QueryExpression:
    source = all_keys(target, restrictions)
    if set(source.primary_key) != set(key):
        raise JobError(
            f"The jobs of `{target.class_name}` are told by {', '.join(key)}, but the keys of its "
            f"key_source by {', '.join(source.primary_key)}.",
            hint="Drop the queue (jobs.drop()) when key_source has changed, or do without reserve_jobs.",
        )
    return source
