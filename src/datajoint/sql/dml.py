"""Statements that write: rows, changes of rows, and the event beside them (provenance §2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from datajoint._value import Value, replace
from datajoint.backends.base import COUNTED, Dialect, Parameters
from datajoint.heading.attribute import Default
from datajoint.heading.names import TableName
from datajoint.heading.types import AttributeType, parse_type
from datajoint.sql.system import EVENTS

__all__ = [
    "OLD",
    "Column",
    "Conflict",
    "EventText",
    "Moved",
    "Packet",
    "behind_savepoint",
    "block_event",
    "create_staging",
    "default_value",
    "drop_staging",
    "find_event",
    "find_rows",
    "forget_event",
    "in_transaction",
    "insert_absent",
    "insert_once",
    "insert_rows",
    "insert_selected",
    "moving",
    "select_filled",
    "select_row",
    "select_staged",
    "select_value",
    "staging",
    "update_existing",
    "update_row",
    "with_event",
    "write_event",
]  # fmt: skip

Column = tuple[str, AttributeType]
"""Name of a column and the type that its values are stored as."""

OLD = "old"
"""What an UPDATE calls the row as it was."""

_EVENT = parse_type("int64")
_DETAILS = parse_type("json")
_DIGITS = 6


class Conflict(Value):
    """What happens to a row whose key is taken.

    Attributes
    ----------
    key
        Columns of the primary key.
    assigned
        Columns that take the new values (``replace``); empty where the stored row stays.
    replace
        Whether the stored row takes new values.
    of_any
        Whether a row stays out, too, whose values of another unique index are there.
    """

    key: tuple[str, ...]
    assigned: tuple[str, ...] = ()
    replace: bool = False
    of_any: bool = False


class _Text:
    """SQL as the driver takes it, its parameters numbered as they are written."""

    def __init__(self, dialect: Dialect, first: int = 1) -> None:
        self.dialect = dialect
        self._parts: list[str] = []
        self._next = first

    def sql(self, text: str) -> _Text:
        self._parts.append(self.dialect.escape(text))
        return self

    def value(self, dtype: AttributeType) -> _Text:
        """Add a parameter where the column it goes to tells its type."""
        self._parts.append(self.dialect.write(dtype, self.dialect.parameter(self._next, dtype)))
        self._next += 1
        return self

    def values(self, columns: Sequence[Column], between: str = ", ") -> _Text:
        for n, (_, dtype) in enumerate(columns):
            self.sql(between if n else "").value(dtype)
        return self

    def equal(self, columns: Sequence[Column], between: str, prefix: str = "") -> _Text:
        """Add ``name = parameter`` for each column."""
        for n, (name, dtype) in enumerate(columns):
            self.sql(f"{between if n else ''}{prefix}{self.dialect.quote(name)} = ").value(dtype)
        return self

    def __str__(self) -> str:
        return "".join(self._parts)


def _names(names: Iterable[str], dialect: Dialect, prefix: str = "") -> str:
    return ", ".join(prefix + dialect.quote(name) for name in names)


# --------------------------------------------------------------------------------------------- rows


def insert_rows(
    name: TableName, columns: Sequence[Column], count: int, dialect: Dialect, conflict: Conflict | None = None
) -> str:
    """Return the INSERT of `count` rows whose values are parameters, row by row.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> dialect = get_backend("sqlite").dialect
    >>> insert_rows(TableName("lab", "a"), [("x", parse_type("int8"))], 2, dialect)
    'INSERT INTO "lab.a" ("x") VALUES (?), (?)'
    """
    text = _Text(dialect).sql(f"INSERT INTO {dialect.table(name)} ")
    if not columns:
        return str(text.sql("() VALUES ()" if dialect.name == "mysql" else "DEFAULT VALUES"))
    text.sql(f"({_names((column for column, _ in columns), dialect)}) VALUES ")
    for n in range(count):
        text.sql(", (" if n else "(").values(columns).sql(")")
    return str(text.sql(_on_conflict(conflict, dialect)))


def _on_conflict(conflict: Conflict | None, dialect: Dialect, table: str = "") -> str:
    if conflict is None:
        return ""
    quote = dialect.quote
    if dialect.name == "mysql":
        assigned = conflict.assigned or conflict.key[:1]
        new = (
            f"{quote(c)} = " + (f"VALUES({quote(c)})" if conflict.assigned else f"{table}{quote(c)}")
            for c in assigned
        )
        return " ON DUPLICATE KEY UPDATE " + ", ".join(new)
    if conflict.of_any:
        return " ON CONFLICT DO NOTHING"
    start = f" ON CONFLICT ({_names(conflict.key, dialect)}) DO "
    if not conflict.assigned:
        return start + "NOTHING"
    return start + "UPDATE SET " + ", ".join(f"{quote(c)} = excluded.{quote(c)}" for c in conflict.assigned)


def insert_once(name: TableName, columns: Sequence[Column], key: Sequence[str], dialect: Dialect) -> str:
    """Return the INSERT of one row of our own unless its key is there, whoever else writes it now.

    MySQL would want the right to update for ON DUPLICATE KEY, and MariaDB ends a transaction whose NOT EXISTS
    has not seen what another one has written since (error 1020).

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> columns = [("shape", parse_type("int8"))]
    >>> insert_once(TableName("lab", "~shapes"), columns, ["shape"], get_backend("mysql").dialect)
    'INSERT IGNORE INTO `lab`.`~shapes` (`shape`) VALUES (%s)'
    """
    if dialect.name != "mysql":
        return insert_rows(name, columns, 1, dialect, Conflict(tuple(key)))
    return insert_rows(name, columns, 1, dialect).replace("INSERT INTO", "INSERT IGNORE INTO", 1)


def insert_absent(name: TableName, columns: Sequence[Column], key: Sequence[Column], dialect: Dialect) -> str:
    """Return the INSERT of one row unless its key is taken; parameters: the row, then the key (MySQL)."""
    table = dialect.table(name)
    text = _Text(dialect).sql(f"INSERT INTO {table} ({_names((c for c, _ in columns), dialect)}) SELECT ")
    text.values(columns).sql(f" FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM {table}")
    if key:
        text.sql(" WHERE ").equal(key, " AND ")
    return str(text.sql(")"))


def update_row(name: TableName, columns: Sequence[Column], key: Sequence[Column], dialect: Dialect,
               fixed: Sequence[tuple[str, str]] = (), old: Sequence[str] = ()) -> str:  # fmt: skip
    """Return the UPDATE of one row; parameters: the new values, then the key.

    Parameters
    ----------
    fixed
        Columns that take an expression rather than a parameter.
    old
        Columns whose values before are to be had as those of `OLD`, the row being locked first (PostgreSQL).

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> number = parse_type("int8")
    >>> update_row(TableName("lab", "a"), [("x", number)], [("id", number)], get_backend("sqlite").dialect)
    'UPDATE "lab.a" SET "x" = ? WHERE "id" = ?'
    """
    text = _Text(dialect).sql(f"UPDATE {dialect.table(name)} SET ").equal(columns, ", ")
    for n, (column, expression) in enumerate(fixed):
        text.sql(f"{', ' if n or columns else ''}{dialect.quote(column)} = {expression}")
    if key and old:
        table, names = dialect.table(name), [dialect.quote(column) for column, _ in key]
        text.sql(f" FROM (SELECT {_names(old, dialect)} FROM {table} WHERE ").equal(key, " AND ")
        same = " AND ".join(f"{table}.{column} = {OLD}.{column}" for column in names)
        text.sql(f" FOR UPDATE) {OLD} WHERE {same}")
    elif key:
        text.sql(" WHERE ").equal(key, " AND ")
    return str(text)


def default_value(default: Default | None, dtype: AttributeType, dialect: Dialect) -> str:
    """Return the default of a column as an expression."""
    if default is None or default.kind == "null" or (default.kind == "literal" and default.value is None):
        return "NULL"
    if default.kind == "literal":
        encode = dialect.encoder(dtype)
        return dialect.literal(encode(default.value) if encode else default.value)
    return (dialect.now_utc if default.kind == "now_utc" else dialect.now)(default.value or 0)


def forget_event(name: TableName, key: Sequence[Column], count: int, dialect: Dialect) -> str:
    """Return the UPDATE by which rows of one event name none; parameters: the event, then `count` keys.

    What changes a row again under the same event would else look like a change by another program.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> number = parse_type("int8")
    >>> forget_event(TableName("lab", "a"), [("id", number)], 2, get_backend("mysql").dialect)
    'UPDATE `lab`.`a` SET `_event` = NULL WHERE `_event` = %s AND (`id`) IN ((%s), (%s))'
    """
    event = dialect.quote("_event")
    text = (
        _Text(dialect).sql(f"UPDATE {dialect.table(name)} SET {event} = NULL WHERE {event} = ").value(_EVENT)
    )
    if not key:
        return str(text)
    word = "VALUES " if dialect.name == "sqlite" else ""
    text.sql(f" AND ({_names((column for column, _ in key), dialect)}) IN ({word}")
    for n in range(count):
        text.sql(", (" if n else "(").values(key).sql(")")
    return str(text.sql(")"))


def select_filled(name: TableName, columns: Sequence[str], dialect: Dialect) -> str:
    """Return the statement for some columns of the rows in which one of them at least is not NULL.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> select_filled(TableName("lab", "scan"), ["raw"], get_backend("sqlite").dialect)
    'SELECT "raw" FROM "lab.scan" WHERE "raw" IS NOT NULL'
    """
    quoted = [dialect.quote(column) for column in columns]
    filled = " OR ".join(f"{column} IS NOT NULL" for column in quoted)
    return dialect.escape(f"SELECT {', '.join(quoted)} FROM {dialect.table(name)} WHERE {filled}")


def select_row(name: TableName, names: Sequence[str], key: Sequence[Column], dialect: Dialect) -> str:
    """Return the SELECT of some columns, as they are stored, of the row with a key; parameters: the key."""
    text = _Text(dialect).sql(f"SELECT {_names(names, dialect) or '1'} FROM {dialect.table(name)}")
    return str(text.sql(" WHERE ").equal(key, " AND ") if key else text)


def select_value(expression: str, dialect: Dialect) -> str:
    """Return the SELECT of one expression.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> select_value("1 + 1", get_backend("sqlite").dialect)
    'SELECT 1 + 1'
    """
    return dialect.escape(f"SELECT {expression}")


def find_rows(name: TableName, columns: Sequence[Column], dialect: Dialect) -> str:
    """Return the SELECT of those columns whose values are in a list of rows (`Dialect.encode_list`)."""
    dtypes = [replace(dtype, collation=None) for _, dtype in columns]
    marks = [dialect.parameter(n + 1) for n in range(dialect.list_parameters(dtypes))]
    shown = ", ".join(dialect.read(dtype, dialect.quote(column)) for column, dtype in columns)
    exact = [(dtype, dialect.exact(dtype, dialect.quote(column))) for column, dtype in columns]
    names = ", ".join(dialect.comparable(dtype, text) for dtype, text in exact)
    row = names if len(columns) == 1 else f"({names})"
    start = f"SELECT {shown} FROM {dialect.table(name)} WHERE {row} IN ("
    return f"{dialect.escape(start)}{dialect.list_source(dtypes, marks)})"


# --------------------------------------------------------------------------- rows from other tables


def insert_selected(
    name: TableName, columns: Sequence[Column], select: str, constants: Sequence[tuple[str, Any]],
    dialect: Dialect, conflict: Conflict | None = None,
) -> str:  # fmt: skip
    """Return the INSERT of the rows of a SELECT.

    Parameters
    ----------
    columns
        Columns that the SELECT gives under the same names.
    select
        Finished text of the SELECT with its parameters, which are the only ones.
    constants
        Further columns and their driver values.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> dialect = get_backend("sqlite").dialect
    >>> insert_selected(
    ...     TableName("lab", "a"), [("x", parse_type("int8"))], "SELECT 1 AS x", [("_event", 5)], dialect
    ... )
    'INSERT INTO "lab.a" ("x", "_event") SELECT s."x", 5 FROM (SELECT 1 AS x) AS s WHERE 1 = 1'
    """
    quote, table, escape = dialect.quote, dialect.table(name), dialect.escape
    names = _names([c for c, _ in columns] + [c for c, _ in constants], dialect)
    taken = [*(f"s.{quote(c)}" for c, _ in columns), *(dialect.literal(value) for _, value in constants)]
    head = escape(f"INSERT INTO {table} ({names}) SELECT {', '.join(taken)} FROM (")
    tail = ") AS s WHERE 1 = 1"  # SQLite needs a WHERE before ON CONFLICT
    if conflict and not (conflict.replace or conflict.of_any or dialect.features.conflict_by_key):
        given = {column for column, _ in columns}
        same = " AND ".join(f"t.{quote(c)} = s.{quote(c)}" for c in conflict.key if c in given) or "1 = 1"
        return f"{head}{select}{escape(f'{tail} AND NOT EXISTS (SELECT 1 FROM {table} AS t WHERE {same})')}"
    return f"{head}{select}{escape(tail + _on_conflict(conflict, dialect, f'{table}.'))}"


def update_existing(
    name: TableName, assigned: Sequence[str], key: Sequence[str], constants: Sequence[tuple[str, Any]],
    reset: Sequence[str], dialect: Dialect,
) -> str:  # fmt: skip
    """Return the UPDATE of the rows whose key is in the staging table (MySQL), "" for nothing to set.

    Parameters
    ----------
    assigned, constants, reset
        Columns taken from there, set to driver values, set to their defaults.
    """
    quote = dialect.quote
    new = [f"t.{quote(c)} = s.{quote(c)}" for c in assigned]
    new += [f"t.{quote(c)} = {dialect.literal(value)}" for c, value in constants]
    new += [f"t.{quote(c)} = DEFAULT" for c in reset]
    if not new:
        return ""
    same = " AND ".join(f"t.{quote(c)} = s.{quote(c)}" for c in key) or "1 = 1"
    both = f"{dialect.table(name)} AS t JOIN {staging(name, dialect)} AS s ON {same}"
    return dialect.escape(f"UPDATE {both} SET {', '.join(new)}")


def staging(name: TableName, dialect: Dialect) -> str:
    """Return the (quoted) name of the session-temporary table for rows on their way into a table.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> staging(TableName("lab", "a"), get_backend("postgresql").dialect)
    '"~dj_rows"'
    """
    copy = TableName(name.schema, "~dj_rows")
    return dialect.table(copy) if dialect.name == "mysql" else dialect.quote(copy.name)


def create_staging(name: TableName, columns: Sequence[Column], dialect: Dialect) -> list[str]:
    """Return the statements that make that table, empty, with some columns of the other.

    MySQL keeps one that a failed transaction has left.
    """
    names = _names((column for column, _ in columns), dialect)
    select = f"SELECT {names} FROM {dialect.table(name)} WHERE 1 = 0"
    create = dialect.escape(f"CREATE TEMPORARY TABLE {staging(name, dialect)} AS {select}")
    return [drop_staging(name, dialect), create] if dialect.name == "mysql" else [create]


def select_staged(name: TableName, dialect: Dialect) -> str:
    """Return the SELECT of all that is in that table."""
    return dialect.escape(f"SELECT * FROM {staging(name, dialect)}")


def drop_staging(name: TableName, dialect: Dialect) -> str:
    """Return the statement that drops it; on MySQL the word keeps it from ending the transaction."""
    word = "TEMPORARY TABLE IF EXISTS" if dialect.name == "mysql" else "TABLE"
    return dialect.escape(f"DROP {word} {staging(name, dialect)}")


# ------------------------------------------------------------------------------------------- events


def find_event(schema: str, dialect: Dialect) -> str:
    """Return the SELECT of the number of rows of an event of a process; parameters: event, pid."""
    event, pid = ("event", _EVENT), ("pid", _EVENT)
    return select_row(TableName(schema, EVENTS), ["row_count"], [event, pid], dialect)


class EventText(Value):
    """What is the same in all events of one kind for one table, from one process."""

    schema: str
    kind: str
    table: str | None
    db_user: str
    user: str
    host: str
    pid: int
    client: str
    code: str | None = None
    environment: str | None = None
    confirms: int | None = None

    def constants(self) -> dict[str, Any]:
        """Return the values that are written as text, by column."""
        given: dict[str, Any] = {
            "kind": self.kind, "table_name": self.table, "db_user": self.db_user, "user": self.user,
            "host": self.host, "pid": self.pid, "client": self.client,
        }  # fmt: skip
        if self.confirms is not None:
            given["confirms"] = self.confirms
        return given if self.code is None else {**given, "code": self.code, "environment": self.environment}


_NAMES = ("event", "row_count", "parent", "details", "started", "finished")


def write_event(event: EventText, dialect: Dialect, first: int = 1, count: str = "", source: str = "") -> str:
    """Return the INSERT of an event; parameters: event, (row count), parent, details.

    Parameters
    ----------
    first
        Number of the first parameter.
    count
        Expression for the number of rows; "" makes it a parameter.
    source
        What the values are selected from: a FROM or WHERE.
    """
    table, constants = dialect.table(TableName(event.schema, EVENTS)), event.constants()
    text = _Text(dialect, first).sql(f"INSERT INTO {table} ({_names((*_NAMES, *constants), dialect)}) ")
    text.sql("SELECT " if source else "VALUES (").value(_EVENT).sql(", ")
    text = text.sql(count) if count else text.value(_EVENT)
    text.sql(", ").value(_EVENT).sql(", ").value(_DETAILS)
    now = dialect.now_utc(_DIGITS)
    return str(
        text.sql(", ".join(["", now, now, *map(dialect.literal, constants.values())]) + (source or ")"))
    )


class Moved(Value):
    """How rows are kept as they are deleted or updated, in the same statement.

    Attributes
    ----------
    returning
        Select list of the rows as they were.
    insert
        The statement that keeps them, before and after the event that ended them.
    """

    returning: str
    insert: tuple[str, str]


def with_event(
    change: str, event: EventText, parameters: int, dialect: Dialect, counted: bool = True,
    moved: Moved | None = None,
) -> str:  # fmt: skip
    """Return one statement that changes a few rows, and writes the event if there were any (PostgreSQL).

    Parameters
    ----------
    change
        Finished text of the INSERT, UPDATE or DELETE, with its `parameters`.
    counted
        Whether it returns how many were changed; else the number of its rows is that of events, 0 or 1.
    moved
        How the rows that it deletes or updates are kept.
    """
    recorded = write_event(event, dialect, parameters + 1, "count(*)", " FROM changed HAVING count(*) > 0")
    returning, kept = "1", ""
    if moved is not None:
        returning, kept = moved.returning, f", image AS ({_kept(moved, parameters, dialect)})"
    told = f" RETURNING {dialect.quote('row_count')} AS {dialect.quote(COUNTED)}" if counted else ""
    return f"WITH changed AS ({change} RETURNING {returning}){kept} {recorded}{told}"


def moving(change: str, parameters: int, dialect: Dialect, moved: Moved) -> str:
    """Return one statement that keeps the rows that it changes; a further parameter is the event.

    Its number of rows is that of the rows kept.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> moved = Moved("a", ("INSERT INTO h (a, u) SELECT a, ", " FROM changed"))
    >>> moving("DELETE FROM t", 0, get_backend("postgresql").dialect, moved)
    'WITH changed AS (DELETE FROM t RETURNING a) INSERT INTO h (a, u) SELECT a, $1 FROM changed'
    """
    return f"WITH changed AS ({change} RETURNING {moved.returning}) {_kept(moved, parameters, dialect)}"


def _kept(moved: Moved, parameters: int, dialect: Dialect) -> str:
    before, after = moved.insert
    return f"{before}{dialect.parameter(parameters + 1, _EVENT)}{after}"


def block_event(event: EventText, dialect: Dialect) -> str:
    """Return the INSERT of the event of a block, if that wrote anything; parameters: event, parent, event."""
    quote, table = dialect.quote, dialect.table(TableName(event.schema, EVENTS))
    constants = event.constants()
    names = [*(name for name in _NAMES if name != "details"), *constants]
    text = _Text(dialect).sql(f"INSERT INTO {table} ({_names(names, dialect)}) SELECT ").value(_EVENT)
    text.sql(f", sum({quote('row_count')}), ").value(_EVENT)
    values = [f"min({quote('started')})", dialect.now_utc(_DIGITS), *map(dialect.literal, constants.values())]
    text.sql(f", {', '.join(values)} FROM {table} WHERE {quote('parent')} = ").value(_EVENT)
    return str(text.sql(" HAVING count(*) > 0"))


# ------------------------------------------------------------------------ statements that go together


Packet = list[tuple[str, Parameters]]
"""Statements sent in one round trip."""


def in_transaction(statements: Iterable[tuple[str, Parameters]]) -> Packet:
    """Return statements between the beginning and the end of a transaction.

    Examples
    --------
    >>> in_transaction([("DELETE FROM t", ())])
    [('BEGIN', ()), ('DELETE FROM t', ()), ('COMMIT', ())]
    """
    return [("BEGIN", ()), *statements, ("COMMIT", ())]


def behind_savepoint(statements: Iterable[tuple[str, Parameters]], name: str, dialect: Dialect) -> Packet:
    """Return statements with a savepoint before them, which is forgotten after them.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> behind_savepoint([], "s", get_backend("postgresql").dialect)
    [('SAVEPOINT "s"', ()), ('RELEASE SAVEPOINT "s"', ())]
    """
    quoted = dialect.quote(name)
    return [(f"SAVEPOINT {quoted}", ()), *statements, (f"RELEASE SAVEPOINT {quoted}", ())]
