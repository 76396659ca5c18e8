"""Statements of job queues: what is to be made, who makes it, what became of it (interop §2.2)."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint._value import Value, replace
from datajoint.algebra.plans.nodes import Plan
from datajoint.backends.base import Dialect
from datajoint.declare.default import NULL
from datajoint.declare.spec import Index, TableSpec
from datajoint.heading.attribute import Attribute, Default, Origin
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.sql.dml import Column
from datajoint.sql.select import select_keys
from datajoint.sql.statement import Pieces, Statement, assemble
from datajoint.sql.together import CHECK, SOLE

__all__ = [
    "COLUMNS", "ERROR", "IGNORE", "PENDING", "RESERVED", "SKIPPED", "STATUSES", "SUCCESS", "Owner",
    "add_missing",
    "claim", "find_all_mine", "find_holder", "find_mine", "find_pending", "find_skipped",
    "finish", "later", "look_for_vanished", "queue_table", "remove_vanished", "repend_lost",
    "repend_old", "repend_successes", "reserve", "set_status", "sole_row",
    "unskip",
]  # fmt: skip

PENDING, RESERVED, SUCCESS, ERROR, IGNORE = STATUSES = ("pending", "reserved", "success", "error", "ignore")

SKIPPED = "skipped"
"""Message of a pending job whose make has inserted nothing."""

_SOME = "@dj_some"
_NOW = Default("now", 3, "CURRENT_TIMESTAMP(3)")
_EMPTY = Default("literal", "", '""')
_ZERO = Default("literal", 0, "0")
_COLUMNS: Sequence[tuple[str, str, Default | None]] = (
    ("status", f"enum({', '.join(map(repr, STATUSES))})", None),
    ("priority", "int16", None),
    ("created_time", "datetime(3)", _NOW),
    ("scheduled_time", "datetime(3)", _NOW),
    ("reserved_time", "datetime(3)", NULL),
    ("completed_time", "datetime(3)", NULL),
    ("duration", "float64", NULL),
    ("error_message", "varchar(2047)", _EMPTY),
    ("error_stack", "<blob>", NULL),
    ("user", "varchar(255)", _EMPTY),
    ("host", "varchar(255)", _EMPTY),
    ("pid", "int32", _ZERO),
    ("connection_id", "int64", _ZERO),
    ("version", "varchar(64)", _EMPTY),
)
COLUMNS = tuple(name for name, _, _ in _COLUMNS)


class Owner(Value):
    """Who holds a reservation."""

    host: str
    pid: int
    connection_id: int
    user: str = ""
    version: str = ""


def queue_table(name: TableName, key: Sequence[Attribute], target: str) -> TableSpec:
    """Return the queue of a table whose quoted full name is `target`.

    Examples
    --------
    >>> key = [Attribute("id", parse_type("int32"), in_key=True)]
    >>> queue_table(TableName("lab", "~~fit"), key, '"lab"."__fit"').comment
    'Job queue for "lab"."__fit"'
    """
    columns = [
        Attribute(column, parse_type(dtype), nullable=default is NULL, default=default)
        for column, dtype, default in _COLUMNS
    ]
    nowhere: frozenset[Origin] = frozenset()
    keys = [replace(a, in_key=True, nullable=False, default=None, origins=nowhere) for a in key]
    return TableSpec(
        name,
        (*keys, *columns),
        tuple(a.name for a in key),
        indexes=(Index(("status", "priority", "scheduled_time")),),
        comment=f"Job queue for {target}",
    )


def later(seconds: float, dialect: Dialect, digits: int = 3, *, utc: bool = False) -> str:
    """Return the time of the server some seconds from now.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> later(-1, get_backend("postgresql").dialect)
    "(CURRENT_TIMESTAMP(3) + interval '-1.000000 seconds')"
    """
    if dialect.name == "sqlite":
        zeros = "0" * (digits - 3)
        return f"strftime('%Y-%m-%d %H:%M:%f{zeros}', 'now', '{seconds:+.6f} seconds')"
    now = (dialect.now_utc if utc else dialect.now)(digits)
    if not seconds:
        return now
    if dialect.name == "postgresql":
        return f"({now} + interval '{seconds:.6f} seconds')"
    return f"({now} + INTERVAL {round(seconds * 1e6)} MICROSECOND)"


# ------------------------------------------------------------------------------------------------ refreshing


def _names(key: Sequence[str], dialect: Dialect, prefix: str = "") -> str:
    return ", ".join(prefix + dialect.quote(name) for name in key)


def whole_key(key: Sequence[Column], dialect: Dialect, prefix: str = "") -> list[str]:
    """Return what a SELECT asks for so that the values of a key arrive whole.

    Examples
    --------
    >>> from datajoint.backends.postgresql.dialect import PostgresqlDialect
    >>> from datajoint.heading.types import parse_type
    >>> whole_key([("depth", parse_type("float32"))], PostgresqlDialect())
    ['("depth")::float8']
    """
    return [dialect.read(dtype, prefix + dialect.quote(name)) for name, dtype in key]


def _same(left: str, right: str, key: Sequence[str], dialect: Dialect) -> str:
    quoted = [dialect.quote(name) for name in key]
    return " AND ".join(f"{left}.{name} = {right}.{name}" for name in quoted) or "1 = 1"


def _shifted(pieces: Pieces, by: int) -> Pieces:
    return [p if isinstance(p, str) else replace(p, index=p.index + by) for p in pieces]


def _among(plan: Plan, queue: TableName, key: Sequence[str], dialect: Dialect, *, by: int = 0) -> Pieces:
    """Return the condition that a plan has the key of a job."""
    same = _same("s", dialect.table(queue), key, dialect)
    select = _shifted(select_keys(plan, key, dialect), by)
    return ["EXISTS (SELECT 1 FROM (", *select, f") AS s WHERE {same})"]


def add_missing(
    queue: TableName, key: Sequence[str], missing: Plan, priority: int, delay: float, dialect: Dialect,
    *, alone: bool = False,
) -> Statement:  # fmt: skip
    """Return the INSERT of jobs for keys that lack one; values: those of `missing`.

    Parameters
    ----------
    alone
        Fail where others add the same jobs now, rather than be ready for it with each of them.
    """
    names = _names(key, dialect)
    columns = f"{names}, " + ", ".join(map(dialect.quote, ("status", "priority", "scheduled_time")))
    ignore, ending = (" IGNORE", "") if dialect.name == "mysql" else ("", " ON CONFLICT DO NOTHING")
    ending = "" if alone else ending
    head = f"INSERT{ignore} INTO {dialect.table(queue)} ({columns}) "
    new = f"'{PENDING}', {priority}, {later(delay, dialect)}"
    taken = _names(key, dialect, "s.")
    pieces: Pieces = [f"{head}SELECT {taken}, {new} FROM (", *select_keys(missing, key, dialect)]
    return assemble([*pieces, f") AS s WHERE 1 = 1{ending}"], dialect)


def repend_successes(
    queue: TableName, key: Sequence[str], missing: Plan, priority: int | None, delay: float, dialect: Dialect
) -> Statement:
    """Return the UPDATE of kept successes whose row is gone; values: those of `missing`."""
    changed = _freed(dialect, delay)
    if priority is not None:
        changed += f", {dialect.quote('priority')} = {priority}"
    start = f"UPDATE {dialect.table(queue)} SET {changed} WHERE {dialect.quote('status')} = '{SUCCESS}' AND "
    return assemble([start, *_among(missing, queue, key, dialect)], dialect)


def _ended_or_old(stale: float, dialect: Dialect) -> tuple[str, str]:
    """Return the conditions that a job is over, and that it is old; 0 means that none is."""
    q = dialect.quote
    old = f"{q('status')} <> '{IGNORE}' AND {q('created_time')} <= {later(-stale, dialect)}"
    return f"{q('status')} IN ('{SUCCESS}', '{ERROR}')", old if stale else "1 = 0"


def _not_alive(queue: TableName, workers: TableName | None, dialect: Dialect) -> str:
    """Return the condition that no worker with a lease that is alive has reserved a job (JOB-6)."""
    if workers is None:
        return "1 = 1"
    q, table = dialect.quote, dialect.table(queue)
    same = " AND ".join(f"w.{q(name)} = {table}.{q(name)}" for name in ("host", "pid", "connection_id"))
    if dialect.features.server:
        same += f" AND w.{q('expires')} > {later(0, dialect, 6, utc=True)}"
    return f"NOT EXISTS (SELECT 1 FROM {dialect.table(workers)} AS w WHERE {same})"


def look_for_vanished(queue: TableName, stale: float, dialect: Dialect) -> str | None:
    """Return what tells `remove_vanished` whether it need look, where that locks all jobs (MySQL).

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> look_for_vanished(TableName("lab", "~~fit"), 3600, get_backend("mysql").dialect)[:54]
    'SET @dj_some = EXISTS (SELECT 1 FROM `lab`.`~~fit` WHE'
    >>> look_for_vanished(TableName("lab", "~~fit"), 3600, get_backend("sqlite").dialect)
    """
    if dialect.name != "mysql":
        return None
    ended, old = _ended_or_old(stale, dialect)
    return dialect.escape(
        f"SET {_SOME} = EXISTS (SELECT 1 FROM {dialect.table(queue)} WHERE {ended} OR ({old}))"
    )


def remove_vanished(
    queue: TableName, key: Sequence[str], source: Plan, values: int, made: Plan, stale: float,
    dialect: Dialect, workers: TableName | None = None,
) -> Statement:  # fmt: skip
    """Return the DELETE of jobs whose key is no longer in the key source (JOB-5); `look_for_vanished` first.

    Parameters
    ----------
    source, values
        The unrestricted key source, and how many values it has; those of `made` follow.
    workers
        The table of workers, whose jobs stay while their lease is alive.
    """
    ended, old = _ended_or_old(stale, dialect)
    free = f"({dialect.quote('status')} <> '{RESERVED}' OR {_not_alive(queue, workers, dialect)})"
    some = f"{_SOME} AND " if dialect.name == "mysql" else ""
    return assemble(
        [
            # What is neither old nor at its end, most jobs of most queues, need not be looked up elsewhere.
            f"DELETE FROM {dialect.table(queue)} WHERE {some}({ended} OR ({old})) AND NOT ",
            *_among(source, queue, key, dialect),
            f" AND (({old} AND {dialect.escape(free)}) OR ({ended} AND NOT ",
            *_among(made, queue, key, dialect, by=values),
            "))",
        ],
        dialect,
    )


def _freed(dialect: Dialect, delay: float = 0, message: str = "") -> str:
    """Return the assignments that make a job pending, as if nobody had ever taken it."""
    q = dialect.quote
    values = {
        "status": f"'{PENDING}'", "scheduled_time": later(delay, dialect), "reserved_time": "NULL",
        "completed_time": "NULL", "duration": "NULL", "error_message": dialect.literal(message),
        "error_stack": "NULL",
        "user": "''", "host": "''", "pid": "0", "connection_id": "0",
    }  # fmt: skip
    return ", ".join(f"{q(name)} = {value}" for name, value in values.items())


def repend_old(queue: TableName, timeout: float, dialect: Dialect, workers: TableName | None = None) -> str:
    """Return the UPDATE of jobs that are reserved for so long that their worker must be gone (JOB-6).

    Parameters
    ----------
    workers
        The table of workers, whose jobs stay while their lease is alive.
    """
    q = dialect.quote
    return dialect.escape(
        f"UPDATE {dialect.table(queue)} SET {_freed(dialect)} WHERE {q('status')} = '{RESERVED}' "
        f"AND {q('reserved_time')} <= {later(-timeout, dialect)} AND {_not_alive(queue, workers, dialect)}"
    )


def find_skipped(queue: TableName, key: Sequence[Column], limit: int, dialect: Dialect) -> str:
    """Return the SELECT of the keys of jobs that wait because their make has inserted nothing."""
    names = ", ".join(whole_key(key, dialect)) or "1"
    return dialect.escape(f"SELECT {names} FROM {dialect.table(queue)} WHERE {_waits(dialect)} LIMIT {limit}")


def unskip(queue: TableName, key: Sequence[Column], count: int, dialect: Dialect) -> str:
    """Return the UPDATE that lets such jobs be taken now; parameters: the keys, none for all."""
    text = dialect.escape(f"UPDATE {dialect.table(queue)} SET {_freed(dialect)} WHERE {_waits(dialect)}")
    return f"{text} AND {_keys(key, count, dialect)}" if count else text


def _waits(dialect: Dialect) -> str:
    q = dialect.quote
    return f"{q('status')} = '{PENDING}' AND {q('error_message')} = '{SKIPPED}'"


def _mine(owner: Owner, dialect: Dialect) -> str:
    """Return the condition that a worker holds a job."""
    return f"{dialect.quote('status')} = '{RESERVED}' AND {_held_by(owner, dialect)}"


def _held_by(owner: Owner, dialect: Dialect) -> str:
    q, literal = dialect.quote, dialect.literal
    parts = {"host": owner.host, "pid": owner.pid, "connection_id": owner.connection_id}
    return " AND ".join(f"{q(name)} = {literal(value)}" for name, value in parts.items())


def repend_lost(queue: TableName, owner: Owner, dialect: Dialect) -> str:
    """Return the UPDATE of all jobs that a worker holds, which is known to be gone."""
    return dialect.escape(
        f"UPDATE {dialect.table(queue)} SET {_freed(dialect)} WHERE {_mine(owner, dialect)}"
    )


# ------------------------------------------------------------------------------------------------ one by one


def _keys(key: Sequence[Column], count: int, dialect: Dialect, first: int = 1) -> str:
    """Return the condition that a row has one of some keys; their values are parameters, key by key."""
    rows: list[str] = []
    for _ in range(count):
        terms: list[str] = []
        for name, dtype in key:
            mark = dialect.write(dtype, dialect.parameter(first, dtype))
            if dtype.kind == "float32" and dialect.features.server:  # equal after the same rounding
                mark = f"CAST({mark} AS {dialect.column_type(dtype)})"
            terms.append(f"{dialect.escape(dialect.quote(name))} = {mark}")
            first += 1
        rows.append(" AND ".join(terms) or "1 = 1")
    return rows[0] if count == 1 else "(" + " OR ".join(f"({row})" for row in rows) + ")"


def _is_now(status: str, dialect: Dialect) -> str:
    """Return the condition that a job told by its key has a status.

    It is written so that the index on the status is not used: that leads to all jobs that have it, and on
    PostgreSQL to all that had it of late.
    """
    return f"({dialect.quote('status')} = '{status}') IS TRUE"


def _is_mine(owner: Owner, dialect: Dialect) -> str:
    """Return the condition that a worker holds a job told by its key."""
    return f"{_is_now(RESERVED, dialect)} AND {_held_by(owner, dialect)}"


def _next(
    queue: TableName, names: str, limit: int, dialect: Dialect, priority: int | None, among: Plan | None,
    key: Sequence[str],
) -> Pieces:  # fmt: skip
    q = dialect.quote
    due = f"{q('status')} = '{PENDING}' AND {q('scheduled_time')} <= {dialect.now(3)}"
    pieces: Pieces = [f"SELECT {names} FROM {dialect.table(queue)} WHERE {due}"]
    if priority is not None:
        pieces += [f" AND {q('priority')} <= {priority}"]
    if among is not None:
        pieces += [" AND ", *_among(among, queue, key, dialect)]
    return [*pieces, f" ORDER BY {q('priority')}, {q('scheduled_time')} LIMIT {limit}"]


_UNCLAIMED = " FOR UPDATE SKIP LOCKED"


def find_pending(
    queue: TableName, key: Sequence[Column], limit: int, dialect: Dialect, priority: int | None = None,
    among: Plan | None = None, *, lock: bool = False,
) -> Statement:  # fmt: skip
    """Return the SELECT of priority and key of the next jobs (JOB-10); values: those of `among`.

    Parameters
    ----------
    lock
        Lock them, and leave out those that others have locked.
    """
    shown = ", ".join([dialect.quote("priority"), *whole_key(key, dialect)])
    names = [name for name, _ in key]
    pieces = _next(queue, shown, limit, dialect, priority, among, names)
    return assemble([*pieces, _UNCLAIMED] if lock else pieces, dialect)


def claim(
    queue: TableName, key: Sequence[str], limit: int, owner: Owner, dialect: Dialect,
    priority: int | None = None, among: Plan | None = None,
) -> Statement:  # fmt: skip
    """Return the UPDATE that reserves the next jobs, and gives their priority, time and key.

    Jobs that somebody else is about to reserve are left out (for databases with RETURNING); values: those of
    `among`.
    """
    names = _names(key, dialect) or "1"
    free = _UNCLAIMED if dialect.features.server else ""
    table = dialect.table(queue)
    shown = ", ".join(f"{table}.{dialect.quote(name)}" for name in ("priority", "scheduled_time", *key))
    return assemble(
        [
            "WITH s AS MATERIALIZED (",
            *_next(queue, names, limit, dialect, priority, among, key),
            f"{free}) UPDATE {table} SET {_reserved(owner, dialect)} FROM s ",
            f"WHERE {_same('s', table, key, dialect)} RETURNING {shown}",
        ],
        dialect,
    )


def _reserved(owner: Owner, dialect: Dialect) -> str:
    """Return the assignments that reserve a job."""
    q, literal = dialect.quote, dialect.literal
    values = {
        "status": literal(RESERVED), "host": literal(owner.host), "pid": literal(owner.pid),
        "connection_id": literal(owner.connection_id), "user": literal(owner.user),
        "version": literal(owner.version), "reserved_time": dialect.now(3),
    }  # fmt: skip
    return ", ".join(f"{q(name)} = {value}" for name, value in values.items())


def reserve(queue: TableName, key: Sequence[Column], count: int, owner: Owner, dialect: Dialect) -> str:
    """Return the UPDATE that reserves those of some keys still to be had; it tells which if it can."""
    q = dialect.quote
    start = dialect.escape(f"UPDATE {dialect.table(queue)} SET {_reserved(owner, dialect)} WHERE ")
    due = f" AND {_is_now(PENDING, dialect)} AND {q('scheduled_time')} <= {dialect.now(3)}"
    shown = f" RETURNING {_names([name for name, _ in key], dialect)}" if dialect.features.returning else ""
    return f"{start}{_keys(key, count, dialect)}{dialect.escape(due + shown)}"


def find_mine(queue: TableName, key: Sequence[Column], count: int, owner: Owner, dialect: Dialect) -> str:
    """Return the SELECT of those of some keys that a worker holds."""
    start = f"SELECT {', '.join(whole_key(key, dialect))} FROM {dialect.table(queue)} WHERE "
    mine = dialect.escape(f" AND {_is_mine(owner, dialect)}")
    return f"{dialect.escape(start)}{_keys(key, count, dialect)}{mine}"


def find_all_mine(queue: TableName, key: Sequence[Column], owner: Owner, dialect: Dialect) -> str:
    """Return the SELECT of priority, time and key of all jobs that a worker holds."""
    names = ", ".join([_names(("priority", "scheduled_time"), dialect), *whole_key(key, dialect)])
    return dialect.escape(f"SELECT {names} FROM {dialect.table(queue)} WHERE {_mine(owner, dialect)}")


def find_holder(queue: TableName, key: Sequence[Column], dialect: Dialect) -> str:
    """Return the SELECT of host, pid and connection that hold the job of a key, and of the key."""
    names = ", ".join([_names(("host", "pid", "connection_id"), dialect), *whole_key(key, dialect)])
    start = dialect.escape(f"SELECT {names} FROM {dialect.table(queue)} WHERE ")
    reserved = dialect.escape(f" AND {_is_now(RESERVED, dialect)}")
    return f"{start}{_keys(key, 1, dialect)}{reserved}"


def finish(
    queue: TableName, key: Sequence[Column], owner: Owner, dialect: Dialect, *, keep: bool
) -> tuple[str, ...]:
    """Return the statements that end a job with success and fail unless a worker holds it.

    They belong into the transaction of the results, so that these are stored by the holder only. The first
    takes the duration if the job is kept, then the key.
    """
    q, table = dialect.quote, dialect.table(queue)
    mine = dialect.escape(f" AND {_is_mine(owner, dialect)}")
    if keep:
        changed = f"{q('status')} = '{SUCCESS}', {q('completed_time')} = {dialect.now(3)}, {q('duration')} = "
        double = parse_type("float64")
        mark = dialect.write(double, dialect.parameter(1, double))
        text = (
            f"{dialect.escape(f'UPDATE {table} SET {changed}')}{mark} WHERE {_keys(key, 1, dialect, 2)}{mine}"
        )
    else:
        text = f"{dialect.escape(f'DELETE FROM {table} WHERE ')}{_keys(key, 1, dialect)}{mine}"
    return sole_row(text, dialect)


def sole_row(change: str, dialect: Dialect) -> tuple[str, ...]:
    """Return statements that fail unless a change touches exactly one row.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> sole_row("DELETE FROM t", get_backend("postgresql").dialect)
    ('WITH done AS (DELETE FROM t RETURNING 1) SELECT 1 / count(*) FROM done',)
    """
    if dialect.name == "postgresql":
        return (change.join(SOLE),)
    if dialect.name == "mysql":
        return change, "ROW_COUNT() = 1".join(CHECK)
    return change, "SELECT json(CASE WHEN changes() = 1 THEN '1' ELSE 'lost' END)"


def set_status(
    queue: TableName, key: Sequence[Column], status: str, dialect: Dialect, *, count: int = 1,
    owner: Owner | None = None, told: Sequence[Column] = (), delay: float | None = None,
    was: str | None = None, message: str = "",
) -> str:  # fmt: skip
    """Return the UPDATE of jobs to another status; parameters: those of `told`, then the keys.

    Parameters
    ----------
    owner
        Only if this worker holds them.
    told
        Further columns that take a parameter.
    delay
        Seconds until a pending job may be taken.
    was
        Only if this is still their status.
    message
        Why a pending job waits.
    """
    q = dialect.quote
    if status == PENDING:
        changed = _freed(dialect, delay or 0, message)
    else:
        changed = f"{q('status')} = '{status}'"
        if status in (ERROR, SUCCESS):
            changed += f", {q('completed_time')} = {dialect.now(3)}"
    text = dialect.escape(f"UPDATE {dialect.table(queue)} SET {changed}")
    for n, (name, dtype) in enumerate(told, 1):
        text += f", {dialect.escape(q(name))} = {dialect.write(dtype, dialect.parameter(n, dtype))}"
    text += f" WHERE {_keys(key, count, dialect, len(told) + 1)}"
    text += dialect.escape(f" AND {_is_now(was, dialect)}") if was else ""
    return text + (dialect.escape(f" AND {_is_mine(owner, dialect)}") if owner else "")
