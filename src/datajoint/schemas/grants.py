"""Who may do what: rights given by level, and explained (ACC-3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from datajoint._value import Value
from datajoint.engine.connection import Connection
from datajoint.errors import AccessError, DataJointError, QueryError, TransactionError, nearest
from datajoint.heading.names import COMPUTED, IMPORTED, MANUAL, TableName
from datajoint.sql import grants as texts
from datajoint.sql.grants import ALL, CREATE, DELETE, INSERT, SELECT, TEMPORARY, UPDATE, Rights
from datajoint.sql.system import EVENTS, LINEAGE
from datajoint.table.table import Table

if TYPE_CHECKING:
    from datajoint.schemas.base import ActivatedSchema

__all__ = ["Permissions", "can", "grant", "revoke"]

READER, WRITER, COMPUTER, ADMIN = "reader", "writer", "computer", "admin"
_OTHER_NAMES = {"read": READER, "entry": WRITER, "write": WRITER, "compute": COMPUTER, "populate": COMPUTER}
_TIERS = {READER: (), WRITER: (MANUAL,), COMPUTER: (IMPORTED, COMPUTED), ADMIN: ()}
_WRITES = (INSERT, UPDATE, DELETE)
_RIGHTS = (SELECT, *_WRITES)
_NO_SUCH_USER = (1141, 1133, "42704")
_OPERATIONS = ("read", "insert", "update", "delete", "populate", "declare")


def rights_of_level(level: str, names: Iterable[TableName]) -> dict[TableName, tuple[str, ...]]:
    """Return the rights on single tables that a level gives, beside reading everything.

    Examples
    --------
    >>> names = [
    ...     TableName("lab", name) for name in ("subject", "__fit", "__fit__cell", "~events", "~lineage")
    ... ]
    >>> [(name.name, rights) for name, rights in rights_of_level("computer", names).items()]
    [('__fit', ('INSERT', 'UPDATE', 'DELETE')), ('__fit__cell', ('INSERT', 'UPDATE', 'DELETE')), ('~events',
    ('INSERT',))]
    """
    tiers = _TIERS[level]
    if not tiers:
        return {}
    found: dict[TableName, tuple[str, ...]] = {}
    for name in names:
        if name.name.startswith("~"):
            rights = _on_hidden(level, name.name)
        else:
            rights = _WRITES if (name.master or name).tier in tiers else ()
        if rights:
            found[name] = rights
    return found


def _on_hidden(level: str, name: str) -> tuple[str, ...]:
    if name == LINEAGE:
        return ()
    if name.startswith("~~") or name in ("~workers", "~attempts"):
        return _WRITES if level == COMPUTER else ()
    return (INSERT,)


def grant(schema: ActivatedSchema, user: str, level: str) -> None:
    """Give a user the rights of a level; see `Granting.grant`."""
    level = _level(level)
    connection = _server(schema)
    _rights(
        connection, user, [schema.database]
    )  # refuses names that are not there: MariaDB would make a user
    everywhere = _everywhere(level, connection)
    single = rights_of_level(level, connection.catalog.tables(schema.database))
    statements = texts.grant(schema.database, user, everywhere, single, connection.dialect)
    if not connection.dialect.features.transactional_ddl:
        _run(connection, statements)
        return
    with connection.whole():
        _run(connection, statements)
        _check_given(connection, schema.database, user, level)


def revoke(schema: ActivatedSchema, user: str, level: str | None) -> None:
    """Take rights away; see `Granting.revoke`."""
    name, connection = schema.database, _server(schema)
    tables = list(connection.catalog.tables(name))
    rights = _rights(connection, user, [name])
    if level is None or _level(level) in (READER, ADMIN):
        everywhere = [SELECT, CREATE, TEMPORARY, ALL]
        single = dict.fromkeys(tables, _RIGHTS)
    else:
        everywhere, single = [], rights_of_level(_level(level), tables)
        if _still_writes(rights, tables, single):
            single = {
                t: r for t, r in single.items() if not t.name.startswith("~") or t.name.startswith("~~")
            }
    taken = {t: tuple(r for r in given if (t, r) in rights.tables) for t, given in single.items()}
    whole = _held(rights, name, everywhere) if connection.dialect.features.revokes_held_only else everywhere
    with connection.whole() if connection.dialect.features.transactional_ddl else nullcontext():
        _run(connection, texts.revoke(name, user, whole, taken, connection.dialect))


def _level(level: str) -> str:
    found = _OTHER_NAMES.get(level, level)
    if found not in _TIERS:
        raise DataJointError(
            f"`{level}` is no level of rights.",
            hint=nearest(level, _TIERS) or f"There are {', '.join(_TIERS)}.",
        )
    return found


def _server(schema: ActivatedSchema) -> Connection:
    connection = schema.connection
    if not connection.dialect.features.server:
        raise _no_users(schema.database)
    if connection.is_atomic:
        raise TransactionError(
            "Rights cannot be changed inside a transaction.", hint="Do it before or after."
        )
    connection.catalog.forget(schema.database)
    return connection


def _no_users(name: str) -> DataJointError:
    return DataJointError(
        f"SQLite has no users, so that there are no rights to give on `{name}`.",
        hint="Protect the file by the rights of the operating system, or use PostgreSQL or MySQL.",
    )


def _everywhere(level: str, connection: Connection) -> list[str]:
    if level == ADMIN:
        return [ALL]
    staged = level != READER and connection.dialect.features.temporary_right
    return [SELECT, TEMPORARY] if staged else [SELECT]


def _run(connection: Connection, statements: Iterable[str]) -> None:
    for text in statements:
        connection.execute(text)


def _check_given(connection: Connection, schema: str, user: str, level: str) -> None:
    """Refuse what PostgreSQL only warns about: that a right could not be given."""
    tables = list(connection.catalog.tables(schema))
    wanted = [(SELECT, table) for table in tables]
    if level == ADMIN:
        wanted = [(CREATE, TableName(schema, "")), *((r, t) for t in tables for r in _RIGHTS)]
    wanted += [(right, t) for t, rights in rights_of_level(level, tables).items() for right in rights]
    rights = _rights(connection, user, [schema])
    missing = [_phrase(right, table) for right, table in wanted if not rights.has(right, table)]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise AccessError(
            f"You may not give these rights to `{user}`: {', '.join(missing[:5])}{more}.",
            hint="The owner of a table gives rights on it; nothing was changed.",
        )


# ----------------------------------------------------------------------------------------- what is held


def _rights(connection: Connection, user: str | None, schemas: list[str]) -> Rights:
    """Return what a user holds, through roles too.

    Raises
    ------
    DataJointError
        When there is no such user.
    """
    try:
        return _read_rights(connection, user, schemas)
    except QueryError as error:
        if error.context.get("native") in _NO_SUCH_USER:
            raise DataJointError(
                f"The server has no user or role `{user}`.",
                hint="Its administrator makes one by CREATE USER.",
            ) from error
        raise


def _read_rights(connection: Connection, user: str | None, schemas: list[str]) -> Rights:
    if connection.dialect.features.rights_in_catalog:
        rows = connection.fetch_all(*cast("Any", texts.held_rights(schemas, user)))
        return Rights(frozenset((TableName(schema, table), right) for schema, table, right in rows))
    maria = "mariadb" in connection.server_version.lower()
    rights = Rights(frozenset())
    todo, seen = [user], set[str | None]()
    while todo:
        one = todo.pop()
        seen.add(one)
        lines = [row[0] for row in connection.fetch_all(texts.list_grants(one, connection.dialect))]
        found, roles, active = texts.read_grants(lines)
        rights = Rights(rights.tables | found.tables, rights.patterns | found.patterns)
        is_user = one == user
        todo += [role for role in roles if role not in seen and (not maria or not is_user or role in active)]
    return rights


def _held(rights: Rights, schema: str, wanted: Iterable[str]) -> list[str]:
    """Return the rights that are held on the schema by name, of some."""
    held = {right for pattern, right in rights.patterns if pattern == re.escape(schema)}
    return [right for right in wanted if right in held]


def _still_writes(rights: Rights, tables: Iterable[TableName], taken: Mapping[TableName, object]) -> bool:
    """Whether a user writes to tables of another level: then events remain writable."""
    return any(
        rights.has(INSERT, name) for name in tables if not name.name.startswith("~") and name not in taken
    )


# ---------------------------------------------------------------------------------------- what one may


class Permissions(Value):
    """What a user may do with a table, and what is missing.

    Attributes
    ----------
    user, table
        Who, with what.
    missing
        ``{operation: what is missing for it}``; operations are read, insert, update, delete, populate,
        declare.

    Examples
    --------
    >>> may = Permissions("ann", "Subject", {"read": (), "insert": ("INSERT on `lab.subject`",)})
    >>> may.read, may.insert
    (True, False)
    >>> print(may)
    ann, table Subject:
      read     yes
      insert   no: INSERT on `lab.subject` is missing
    """

    user: str
    table: str
    missing: Mapping[str, tuple[str, ...]]

    __hash__ = None  # type: ignore[assignment]

    def may(self, operation: str) -> bool:
        """Return whether nothing is missing for an operation.

        Examples
        --------
        >>> Permissions("ann", "Subject", {"read": ()}).may("read")
        True
        """
        if operation not in _OPERATIONS:
            raise DataJointError(
                f"`{operation}` is no operation.", hint=f"There are {', '.join(_OPERATIONS)}."
            )
        return operation in self.missing and not self.missing[operation]

    @property
    def read(self) -> bool:
        """Whether the user may query the table."""
        return self.may("read")

    @property
    def insert(self) -> bool:
        """Whether the user may insert rows."""
        return self.may("insert")

    @property
    def update(self) -> bool:
        """Whether the user may update rows."""
        return self.may("update")

    @property
    def delete(self) -> bool:
        """Whether the user may delete rows, with all that depends on them."""
        return self.may("delete")

    @property
    def populate(self) -> bool:
        """Whether the user may populate the table."""
        return self.may("populate")

    @property
    def declare(self) -> bool:
        """Whether the user may declare tables in the schema."""
        return self.may("declare")

    def __str__(self) -> str:
        lines = [f"{self.user}, table {self.table}:"]
        for operation, missing in self.missing.items():
            verb = "is" if len(missing) == 1 else "are"
            text = f"no: {', '.join(missing)} {verb} missing" if missing else "yes"
            lines.append(f"  {operation:<8} {text}")
        return "\n".join(lines)


def can(user: str | None, table: Any) -> Permissions:
    """Return what a user of the server may do with a table, and what is missing.

    Parameters
    ----------
    user
        Name of a user or role, as for `Schema.grant`; None: the one who is connected.
    table
        A table class or instance.

    Raises
    ------
    DataJointError
        On SQLite, which has no users.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> dj.can("ann", Subject)
    Traceback (most recent call last):
    ...
    datajoint.errors.DataJointError: SQLite has no users, so that there are no rights to give on `lab`.
    Protect the file by the rights of the operating system, or use PostgreSQL or MySQL.
    """
    one: Any = table() if isinstance(table, type) else table
    if not isinstance(one, Table):
        raise DataJointError(f"can takes a table, not {one!r:.60}.")
    connection, name = one.connection, one.name
    if not connection.dialect.features.server:
        raise _no_users(name.schema)
    needs = _needs(connection, name)
    schemas = sorted({place.schema for pairs in needs.values() for _, place in pairs})
    rights = _rights(connection, user, schemas)
    missing = {
        operation: tuple(dict.fromkeys(_phrase(r, place) for r, place in pairs if not rights.has(r, place)))
        for operation, pairs in needs.items()
    }
    return Permissions(user or connection.get_user(), name.class_name, missing)


def _phrase(right: str, name: TableName) -> str:
    return f"{right} on {f'`{name}`' if name.name else f'schema `{name.schema}`'}"


def _needs(connection: Connection, name: TableName) -> dict[str, list[tuple[str, TableName]]]:
    """Return the rights that each operation on a table takes."""
    graph = connection.catalog.load_family(name.schema)
    below = graph.descendants(name)
    read = [(SELECT, name)]
    needs = {
        "read": read,
        "insert": [*read, (INSERT, name), *_events(connection, [name])],
        "update": [*read, (UPDATE, name), *_events(connection, [name])],
        "delete": [*((r, t) for t in below for r in (SELECT, DELETE)), *_events(connection, below)],
    }
    if name.tier in (COMPUTED, IMPORTED):
        own = [name, *graph.parts(name)]
        sources = [(SELECT, other) for other in graph.ancestors(name)]
        writes = [(right, other) for other in own for right in (SELECT, INSERT)]
        needs["populate"] = [*sources, *writes, *_events(connection, own)]
    needs["declare"] = [(CREATE, TableName(name.schema, ""))]
    return needs


def _events(connection: Connection, names: Iterable[TableName]) -> list[tuple[str, TableName]]:
    places = [TableName(schema, EVENTS) for schema in dict.fromkeys(name.schema for name in names)]
    return [
        (right, place) for place in places if connection.catalog.find(place) for right in (SELECT, INSERT)
    ]
