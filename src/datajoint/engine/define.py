"""Making and dropping tables and schemas, and keeping catalog and lineage in step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from datajoint._value import replace
from datajoint.backends.base import Session
from datajoint.declare.default import NULL, canonical
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.engine.rows import storage_type
from datajoint.errors import (
    AccessError,
    CodecError,
    DataJointError,
    DeadlockError,
    DeclarationError,
    QueryError,
    TransactionError,
)
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.heading.types import AttributeType
from datajoint.logging import warn
from datajoint.sql import ddl, guard
from datajoint.sql.system import LINEAGE, lineage_table
from datajoint.sql.system_tables.images import EVENT

__all__ = [
    "add_columns", "create_schema", "create_table", "create_tables", "define_function", "drop_schema",
    "drop_tables", "is_guarded", "renew_guard", "run",
]  # fmt: skip

ATTEMPTS = 4


def create_schema(connection: Connection, name: str) -> None:
    """Make a schema; its text is compared exactly, unless ``interop.create_collation`` says otherwise."""
    collation = None
    exact = connection.config.interop.create_collation == "binary"
    if exact and connection.dialect.features.schema_collation:
        maria = "mariadb" in connection.server_version.lower()
        collation = "utf8mb4_nopad_bin" if maria else "utf8mb4_0900_bin"
    try:
        run(connection, ddl.create_schema(name, connection.dialect, collation))
    except DataJointError:
        if not connection.catalog.reader.schema_exists(name):  # else another process has just made it
            raise
    connection.catalog.forget(name)


def create_table(connection: Connection, spec: TableSpec) -> None:
    """Make a table, as `create_tables` does."""
    create_tables(connection, [spec])


def create_tables(connection: Connection, specs: Sequence[TableSpec]) -> None:
    """Make tables of a schema, parents first; where anything fails, nothing is left behind (DEF-19)."""
    if connection.is_atomic:
        raise TransactionError("Cannot declare new tables inside a transaction.", hint="Declare it before.")
    if connection.dialect.features.transactional_ddl:
        _make(connection, specs)
        return
    made: list[TableName] = []
    try:
        for spec in specs:
            _make(connection, [spec])
            made.append(spec.name)
    except BaseException:
        if made:
            drop_tables(connection, made[::-1])
        raise


def _make(connection: Connection, specs: Sequence[TableSpec]) -> None:
    """Make tables with their lineage and guards by one change."""
    catalog = connection.catalog
    collations = {spec.name: catalog.reader.collations(spec) for spec in specs}
    statements = [text for spec in specs for text in _statements(connection, spec, collations[spec.name])]
    guarded = [spec for spec in specs if is_guarded(connection, spec)]
    guards = [text for spec in guarded for text in guard.create_guard(spec, connection.dialect)]
    apart = not connection.dialect.features.transactional_ddl
    try:
        run(connection, statements if apart else [*statements, *guards])
    except DataJointError:
        catalog.forget(specs[0].name.schema)
        if any(catalog.find(spec.name) is None for spec in specs):
            raise
        return  # another process has made them at the same moment
    for spec in specs:
        catalog.add(_as_read(spec), collations[spec.name])
    if guards and apart:
        _guard(connection, specs[0].name, guards)


def _statements(
    connection: Connection, spec: TableSpec, collations: Mapping[str, str]
) -> list[ddl.Statement]:
    """Return the statements that make a table and record its lineage."""
    _check_indexes(connection, spec)
    storage = {a.name: _stored(spec, a) for a in spec.columns if a.dtype.kind == "codec"}
    statements = ddl.create_table(spec, storage, connection.dialect, collations)
    if spec.name.name.startswith("~") and not spec.name.name.startswith("~~"):
        return statements
    if connection.catalog.find(TableName(spec.name.schema, LINEAGE)) is None:
        create_table(connection, lineage_table(spec.name.schema))
    return [*statements, *ddl.write_lineage(spec, connection.dialect)]


def is_guarded(connection: Connection, spec: TableSpec) -> bool:
    """Whether changes of a table in place by other programs are to be noticed (provenance §10)."""
    wanted = connection.config.provenance.guard
    if wanted is None:
        wanted = not connection.dialect.features.server
    is_ours = not spec.name.name.startswith("~") and EVENT in [column.name for column in spec.hidden]
    return bool(wanted) and is_ours


def _guard(connection: Connection, name: TableName, statements: Sequence[ddl.Statement]) -> None:
    """Make the guard of a table that is there; it is done without where there is no right to it."""
    try:
        run(connection, statements)
    except AccessError:
        _tell_unguarded(name.schema)
    except QueryError as error:
        if error.context.get("reason") != "exists":  # another process has made it at the same moment
            raise


@cache  # so that it is said once a process
def _tell_unguarded(schema: str) -> None:
    warn(
        f"There is no right to make triggers in schema `{schema}`: changes of rows by other programs go "
        "unnoticed. Ask for it, or set provenance.guard to False."
    )


def _stored(spec: TableSpec, attribute: Attribute) -> AttributeType:
    try:
        return storage_type(attribute.dtype)
    except CodecError as error:
        error.suggest(f"It is the type of attribute `{attribute.name}` of `{spec.name.class_name}`.")
        raise


def _check_indexes(connection: Connection, spec: TableSpec) -> None:
    """Refuse indexes of expressions where the server has none (IDX-4)."""
    if not spec.indexes:
        return
    names = {attribute.name for attribute in spec.columns}
    found = next((item for index in spec.indexes for item in index.columns if item not in names), None)
    if found is not None and "mariadb" in connection.server_version.lower():
        raise DeclarationError(
            f"`{spec.name.class_name}` has an index of `{found}`, and MariaDB indexes attributes only.",
            hint="Keep the value in an attribute of its own, or leave the index out.",
        )


def _as_read(spec: TableSpec) -> TableSpec:
    """The table as other processes read it from the database."""

    def spelled(a: Attribute) -> Attribute:
        if a.default is None or a.default is NULL:
            return a
        default = canonical(a.default, a.dtype)
        return a if default == a.default else replace(a, default=default)

    attributes, hidden = tuple(map(spelled, spec.attributes)), tuple(map(spelled, spec.hidden))
    return replace(spec, attributes=attributes, hidden=hidden)


def add_columns(connection: Connection, name: TableName, attributes: Sequence[Attribute]) -> None:
    """Add hidden columns to a table that is there; its rows have their defaults."""
    catalog = connection.catalog
    run(connection, ddl.addition(catalog.spec(name), attributes, connection.dialect), lasting=True)
    catalog.forget(name.schema)
    if is_guarded(connection, catalog.spec(name)):
        _guard(connection, name, _anew(connection, name))


def renew_guard(connection: Connection, name: TableName, remove: bool = False) -> None:
    """Make the guard of a table as it is now, or take it away."""
    dropped = [guard.drop_guard(name, connection.dialect)]
    run(connection, dropped if remove else _anew(connection, name), lasting=True)


def _anew(connection: Connection, name: TableName) -> list[ddl.Statement]:
    dialect = connection.dialect
    return [guard.drop_guard(name, dialect), *guard.create_guard(connection.catalog.spec(name), dialect)]


def drop_tables(connection: Connection, names: Sequence[TableName]) -> None:
    """Drop tables, children first, with their lineage (DEL-10)."""
    if connection.is_atomic:
        raise TransactionError("Cannot drop tables inside a transaction.", hint="Drop them before or after.")
    catalog = connection.catalog
    statements: list[ddl.Statement] = []
    for name in names:
        statements += ddl.drop_table(catalog.spec(name), connection.dialect)
        if catalog.find(TableName(name.schema, LINEAGE)) is not None and name.name != LINEAGE:
            statements += ddl.delete_lineage(name, connection.dialect)
    run(connection, statements, lasting=True)
    for name in names:
        catalog.remove(name)


def drop_schema(connection: Connection, name: str) -> None:
    """Drop a schema whose tables are gone."""
    dialect = connection.dialect
    run(connection, [*guard.drop_function(name, dialect), *ddl.drop_schema(name, dialect)], lasting=True)
    connection.catalog.forget(name)


def run(connection: Connection, statements: Sequence[ddl.Statement], lasting: bool = False) -> None:
    """Run DDL as one change where the database can, else one statement after the other.

    Parameters
    ----------
    lasting
        Whether the disk has it when this returns, as what is taken away must not come back. Otherwise it may
        have it a little later, though before anything that is stored afterwards.
    """
    if not statements:
        return
    if connection.dialect.features.transactional_ddl:
        _patiently(connection, partial(_as_one, connection, statements, lasting))
    else:
        _patiently(connection, partial(connection.execute_batch, statements))


def _as_one(connection: Connection, statements: Sequence[ddl.Statement], lasting: bool) -> None:
    if connection.in_transaction:
        with connection.whole():
            connection.execute_batch(statements)
        return
    whole = ddl.as_one(statements, connection.dialect, lasting)
    connection.execute_batch(whole, whole=True, unhurried=not lasting)


def define_function(connection: Connection, name: str, function: Callable[[Any], Any]) -> None:
    """Let statements of a connection call a function of one value, where the database is in this process."""
    connection._guard.call(_define_function, name, function)


def _define_function(session: Session, name: str, function: Callable[[Any], Any]) -> None:
    session.define_function(name, function)


def _patiently(connection: Connection, act: Callable[[], object]) -> None:
    """Repeat what others got in the way of, who declare or write to parents at the same moment."""
    inside = connection.in_transaction
    for _ in range(ATTEMPTS - 1):
        try:
            act()
        except DeadlockError:
            if inside:
                raise
        else:
            return
    act()
