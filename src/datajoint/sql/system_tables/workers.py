"""Statements about workers and what they have tried: `~workers`, `~attempts` (provenance §2)."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.backends.base import Dialect
from datajoint.declare.spec import Index, TableSpec
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.sql.dml import Column
from datajoint.sql.system import column
from datajoint.sql.system_tables.jobs import RESERVED, SKIPPED, Owner, later, whole_key

__all__ = [
    "ATTEMPTS", "CANCELLED", "WORKERS", "add_attempt", "add_worker", "attempts_table", "end_cancelled",
    "find_abandoned", "find_attempts", "find_cancels", "find_lapsed", "find_living", "find_skip",
    "find_skips", "find_worker", "forget_skip", "forget_worker", "renew_worker", "set_current_key",
    "workers_table",
]  # fmt: skip

WORKERS = "~workers"
ATTEMPTS = "~attempts"
CANCELLED = "cancelled"

_DIGITS = 6
_IDENTITY = ("host", "pid", "connection_id")


def workers_table(schema: str) -> TableSpec:
    """Return the table of those who hold jobs of a schema.

    Examples
    --------
    >>> workers_table("lab").primary_key
    ('worker',)
    """
    return TableSpec(
        TableName(schema, WORKERS),
        (
            column("worker", "uuid", key=True),
            column("host", "varchar(255)"),
            column("pid", "int32"),
            column("connection_id", "int64"),
            column("user", "varchar(128)"),
            column("started", "datetime(6)"),
            column("expires", "datetime(6)"),
            column("tables", "json"),
            column("current_key", "json", nullable=True),
        ),
        ("worker",),
    )


def attempts_table(schema: str) -> TableSpec:
    """Return the table of attempts to make keys: those that failed, and those that said something.

    Examples
    --------
    >>> attempts_table("lab").primary_key
    ('table_name', 'key_digest', 'attempt')
    """
    return TableSpec(
        TableName(schema, ATTEMPTS),
        (
            column("table_name", "varchar(64)", key=True),
            column("key_digest", "char(26)", key=True),
            column("attempt", "int16", key=True),
            column("key", "json"),
            column("worker", "uuid"),
            column("started", "datetime(6)"),
            column("ended", "datetime(6)", nullable=True),
            column("outcome", "varchar(16)", nullable=True),
            column("error", "varchar(2047)", nullable=True),
            column("error_class", "varchar(255)", nullable=True),
            column("signature", "char(26)", nullable=True),
            column("log", "<blob>", nullable=True),
        ),
        ("table_name", "key_digest", "attempt"),
        indexes=(Index(("worker",)),),
    )


def _parameter(spec: TableSpec, name: str, n: int, dialect: Dialect) -> str:
    dtype = spec.attribute(name).dtype
    dtype = parse_type("bytes") if dtype.kind == "codec" else dtype
    return dialect.write(dtype, dialect.parameter(n, dtype))


def add_worker(schema: str, seconds: float, dialect: Dialect) -> str:
    """Return the INSERT of a worker; parameters: worker, host, pid, connection, user, tables."""
    spec = workers_table(schema)
    given = ("worker", *_IDENTITY, "user", "tables")
    marks = ", ".join(_parameter(spec, name, n, dialect) for n, name in enumerate(given, 1))
    names = ", ".join(map(dialect.quote, (*given, "started", "expires")))
    started = later(0, dialect, _DIGITS, utc=True)
    expires = later(seconds, dialect, _DIGITS, utc=True)
    start = dialect.escape(f"INSERT INTO {dialect.table(spec.name)} ({names}) SELECT ")
    return f"{start}{marks}{dialect.escape(f', {started}, {expires}')}"


def renew_worker(schema: str, seconds: float, dialect: Dialect, *, longer: bool = False) -> str:
    """Return the UPDATE of a worker's lease, on servers; parameter: worker.

    Parameters
    ----------
    longer
        Whether one that lasts longer is left as it is.
    """
    spec, q = workers_table(schema), dialect.quote
    expires = later(seconds, dialect, _DIGITS, utc=True)
    if longer:
        expires = f"GREATEST({q('expires')}, {expires})"
    text = f"UPDATE {dialect.table(spec.name)} SET {q('expires')} = {expires} WHERE {q('worker')} = "
    return dialect.escape(text) + _parameter(spec, "worker", 1, dialect)


def forget_worker(schema: str, dialect: Dialect) -> str:
    """Return the DELETE of a worker; parameter: worker."""
    spec = workers_table(schema)
    text = f"DELETE FROM {dialect.table(spec.name)} WHERE {dialect.quote('worker')} = "
    return dialect.escape(text) + _parameter(spec, "worker", 1, dialect)


def find_lapsed(schema: str, seconds: float, dialect: Dialect) -> str:
    """Return the SELECT of workers whose lease is over for so long: worker, host, pid, connection, tables."""
    names = ", ".join(map(dialect.quote, ("worker", *_IDENTITY, "tables")))
    ago = later(-seconds, dialect, _DIGITS, utc=True)
    table = dialect.table(TableName(schema, WORKERS))
    return dialect.escape(f"SELECT {names} FROM {table} WHERE {dialect.quote('expires')} <= {ago}")


def find_abandoned(queue: TableName, key: Sequence[Column], dialect: Dialect) -> str:
    """Return the SELECT of reserved jobs with their workers: worker, its host, pid and connection, the key.

    On servers only those whose lease is over.
    """
    q = dialect.quote
    names = [f"w.{q(name)}" for name in ("worker", *_IDENTITY)] + whole_key(key, dialect, "j.")
    same = " AND ".join(f"w.{q(name)} = j.{q(name)}" for name in _IDENTITY)
    workers = dialect.table(TableName(queue.schema, WORKERS))
    text = (
        f"SELECT {', '.join(names)} FROM {dialect.table(queue)} AS j JOIN {workers} AS w ON {same} "
        f"WHERE j.{q('status')} = '{RESERVED}'"
    )
    if dialect.features.server:
        text += f" AND w.{q('expires')} <= {later(0, dialect, _DIGITS, utc=True)}"
    return dialect.escape(text)


def find_living(schema: str, dialect: Dialect) -> str:
    """Return the SELECT of the workers of a schema; on servers only those whose lease is not over."""
    q = dialect.quote
    text = f"SELECT {q('worker')} FROM {dialect.table(TableName(schema, WORKERS))}"
    if dialect.features.server:
        text += f" WHERE {q('expires')} > {later(0, dialect, _DIGITS, utc=True)}"
    return dialect.escape(text)


def add_attempt(schema: str, seconds: float, dialect: Dialect, *, ended: bool = True) -> str:
    """Return the INSERT of an attempt that has just ended and took some seconds, or has not ended.

    Parameters: table, digest, key, worker, outcome, error, class, signature, log; table, digest.
    """
    spec, q, table = attempts_table(schema), dialect.quote, dialect.table(TableName(schema, ATTEMPTS))
    given = (
        "table_name", "key_digest", "key", "worker", "outcome", "error", "error_class", "signature", "log",
    )  # fmt: skip
    marks = ", ".join(_parameter(spec, name, n, dialect) for n, name in enumerate(given, 1))
    names = ", ".join(map(q, (*given, "attempt", "started", "ended")))
    end = later(0, dialect, _DIGITS, utc=True) if ended else "NULL"
    times = f"{later(-seconds, dialect, _DIGITS, utc=True)}, {end}"
    number = f"COALESCE(max({q('attempt')}), 0) + 1"
    start = dialect.escape(f"INSERT INTO {table} ({names}) SELECT ")
    middle = dialect.escape(f", {number}, {times} FROM {table}")
    return f"{start}{marks}{middle}{_of_key(spec, len(given) + 1, dialect)}"


def _of_key(spec: TableSpec, first: int, dialect: Dialect) -> str:
    names = ("table_name", "key_digest")
    terms = [
        f"{dialect.escape(dialect.quote(name))} = {_parameter(spec, name, n, dialect)}"
        for n, name in enumerate(names, first)
    ]
    return " WHERE " + " AND ".join(terms)


def find_cancels(schema: str, dialect: Dialect) -> str:
    """Return the SELECT of what was cancelled of a worker and runs still; parameter: worker."""
    spec, q = attempts_table(schema), dialect.quote
    names = ", ".join(map(q, ("table_name", "key_digest", "attempt", "error")))
    text = f"SELECT {names} FROM {dialect.table(spec.name)} WHERE {_open(dialect)} AND {q('worker')} = "
    return dialect.escape(text) + _parameter(spec, "worker", 1, dialect)


def end_cancelled(schema: str, seconds: float, dialect: Dialect) -> str:
    """Return the UPDATE of a cancelled attempt that ends now; parameters: log, worker, table, digest."""
    spec, q = attempts_table(schema), dialect.quote
    times = {
        "started": later(-seconds, dialect, _DIGITS, utc=True), "ended": later(0, dialect, _DIGITS, utc=True),
    }  # fmt: skip
    changed = ", ".join(f"{q(name)} = {value}" for name, value in times.items())
    start = dialect.escape(f"UPDATE {dialect.table(spec.name)} SET {changed}, {q('log')} = ")
    middle = dialect.escape(f" WHERE {_open(dialect)} AND {q('worker')} = ")
    log, worker = (_parameter(spec, name, n, dialect) for n, name in enumerate(("log", "worker"), 1))
    return f"{start}{log}{middle}{worker} AND {_of_key(spec, 3, dialect).removeprefix(' WHERE ')}"


def _open(dialect: Dialect) -> str:
    q = dialect.quote
    return f"{q('outcome')} = {dialect.literal(CANCELLED)} AND {q('ended')} IS NULL"


def find_worker(schema: str, owner: Owner, dialect: Dialect) -> str:
    """Return the SELECT of the worker that reserves jobs as `owner`."""
    q, values = dialect.quote, (owner.host, owner.pid, owner.connection_id)
    same = " AND ".join(
        f"{q(name)} = {dialect.literal(v)}" for name, v in zip(_IDENTITY, values, strict=True)
    )
    return dialect.escape(
        f"SELECT {q('worker')} FROM {dialect.table(TableName(schema, WORKERS))} WHERE {same}"
    )


def set_current_key(schema: str, dialect: Dialect) -> str:
    """Return the UPDATE of what a worker makes; parameters: key, worker."""
    spec, q = workers_table(schema), dialect.quote
    key, worker = (_parameter(spec, name, n, dialect) for n, name in enumerate(("current_key", "worker"), 1))
    start = dialect.escape(f"UPDATE {dialect.table(spec.name)} SET {q('current_key')} = ")
    middle = dialect.escape(f" WHERE {q('worker')} = ")
    return f"{start}{key}{middle}{worker}"


def find_skips(schema: str, dialect: Dialect) -> str:
    """Return the SELECT of digest and event of the keys whose make inserted nothing; parameter: table."""
    spec, q = attempts_table(schema), dialect.quote
    names = ", ".join(map(q, ("key_digest", "signature")))
    text = (
        f"SELECT {names} FROM {dialect.table(spec.name)} WHERE {_skipped(dialect)} AND {q('table_name')} = "
    )
    return dialect.escape(text) + _parameter(spec, "table_name", 1, dialect)


def find_skip(schema: str, dialect: Dialect) -> str:
    """Return the SELECT of the event of such a key; parameters: table, digest."""
    spec, q = attempts_table(schema), dialect.quote
    start = dialect.escape(f"SELECT {q('signature')} FROM {dialect.table(spec.name)}")
    return f"{start}{_of_key(spec, 1, dialect)}{dialect.escape(f' AND {_skipped(dialect)}')}"


def forget_skip(schema: str, dialect: Dialect) -> str:
    """Return the DELETE of such attempts of a key; parameters: table, digest."""
    spec = attempts_table(schema)
    start = dialect.escape(f"DELETE FROM {dialect.table(spec.name)}")
    return f"{start}{_of_key(spec, 1, dialect)}{dialect.escape(f' AND {_skipped(dialect)}')}"


def _skipped(dialect: Dialect) -> str:
    return f"{dialect.quote('outcome')} = '{SKIPPED}'"


def find_attempts(schema: str, most: int, dialect: Dialect) -> str:
    """Return the SELECT of the outcomes of the last attempts at a key; parameters: table, digest."""
    spec, q = attempts_table(schema), dialect.quote
    start = dialect.escape(f"SELECT {q('outcome')} FROM {dialect.table(spec.name)}")
    return f"{start}{_of_key(spec, 1, dialect)} ORDER BY {q('attempt')} DESC LIMIT {most}"
