"""A job queue as a table: its declaration, its views, and the operations of workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from datajoint._edge import edge
from datajoint._value import Value
from datajoint.algebra.plans.nodes import Query
from datajoint.backends.base import Parameters
from datajoint.codecs.blob.writer import pack
from datajoint.declare.spec import TableSpec
from datajoint.engine.define import create_table
from datajoint.errors import JobError, TransactionError
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.jobs.owner import write
from datajoint.journal.system import prepare
from datajoint.make.key_source import all_keys
from datajoint.query.collection import is_mapping
from datajoint.query.expression import QueryExpression
from datajoint.query.universal import U
from datajoint.sql.dml import Column
from datajoint.sql.system_tables import jobs as sql
from datajoint.sql.system_tables.jobs import Owner
from datajoint.sql.system_tables.workers import attempts_table, workers_table
from datajoint.table.bound import Binding
from datajoint.table.free import FreeTable
from datajoint.table.queues import Defined, queue_of
from datajoint.table.rows.layout import Layout, layout_of
from datajoint.table.table import Table

__all__ = ["Queue"]

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
class Queue(Defined, Table):
    """Queue of a table, without the operations of users, which `Jobs` adds.

    Parameters
    ----------
    target
        Table whose keys the queue holds.
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
