"""Job queues: the keys of a computed table with their status, worker and error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datajoint import logging
from datajoint._edge import edge
from datajoint.engine.blocks import OnFailure
from datajoint.engine.connection import Connection
from datajoint.engine.define import drop_tables
from datajoint.errors import DataJointDeprecationWarning, DuplicateError, JobError
from datajoint.heading.names import TableName
from datajoint.jobs.cancelling import cancel_job
from datajoint.jobs.failures import Failure, failures_of
from datajoint.jobs.owner import owner_here, write, write_several
from datajoint.jobs.queue import Queue
from datajoint.jobs.recover import recover
from datajoint.make.key_source import all_keys, missing_keys
from datajoint.query.expression import QueryExpression
from datajoint.query.restriction import Not
from datajoint.sql.system_tables import jobs as sql
from datajoint.sql.system_tables.workers import WORKERS
from datajoint.table.bound import Binding
from datajoint.table.queues import owner_of
from datajoint.table.table import Table

__all__ = ["Jobs", "is_lost", "jobs_of"]

_LONGEST = 2047
_CUT = "...truncated"
_AT_ONCE = 50
"""Jobs changed in one statement."""
_FENCE = ("22012", "1242", 1242, "22032")
"""Codes of the errors that `sql.jobs.sole_row` provokes on servers."""


@edge
class Jobs(Queue):
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


def _source(target: Table, key: Sequence[str], restrictions: Sequence[Any] = ()) -> QueryExpression:
    source = all_keys(target, restrictions)
    if set(source.primary_key) != set(key):
        raise JobError(
            f"The jobs of `{target.class_name}` are told by {', '.join(key)}, but the keys of its "
            f"key_source by {', '.join(source.primary_key)}.",
            hint="Drop the queue (jobs.drop()) when key_source has changed, or do without reserve_jobs.",
        )
    return source
