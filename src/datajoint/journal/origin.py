"""What a make runs as: code and environment, kept once a schema under their digests (provenance §2)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from datajoint.codecs.blob.writer import pack
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.engine.rows import storage_type
from datajoint.heading.names import TableName
from datajoint.heading.values import json_text
from datajoint.journal.code import Fingerprint, fingerprint
from datajoint.journal.environment import Environment, environment_of
from datajoint.journal.event import Origin, enabled
from datajoint.journal.system import prepare
from datajoint.sql.dml import insert_once
from datajoint.sql.system import CODE, ENVIRONMENTS, EVENTS, column

FORM, _FORM = "~form", "3"
"""Key and value in the source of a code: how it was searched for. Records of another form were made when less
was followed, so that another digest does not tell that the code has changed."""

__all__ = ["FORM", "code_table", "environments_table", "is_of_this_form", "origin_of", "renew"]


def code_table(schema: str) -> TableSpec:
    """Return the table of the code that makes ran.

    Examples
    --------
    >>> code_table("lab").primary_key
    ('code',)
    """
    return TableSpec(
        TableName(schema, CODE),
        (
            column("code", "char(26)", key=True),
            column("class_name", "varchar(255)"),
            column("complete", "bool"),
            column("unresolved", "json", nullable=True),
            column("source", "<blob>"),
        ),
        ("code",),
    )


def environments_table(schema: str) -> TableSpec:
    """Return the table of the environments that makes ran in.

    Examples
    --------
    >>> environments_table("lab").primary_key
    ('environment',)
    """
    return TableSpec(
        TableName(schema, ENVIRONMENTS),
        (
            column("environment", "char(26)", key=True),
            column("python", "varchar(32)"),
            column("platform", "varchar(128)"),
            column("packages", "json"),
            column("repository", "varchar(255)", nullable=True),
            column("commit", "char(40)", nullable=True),
            column("branch", "varchar(255)", nullable=True),
            column("remote", "varchar(255)", nullable=True),
            column("dirty", "bool", nullable=True),
            column("diff", "<blob>", nullable=True),
        ),
        ("environment",),
    )


def origin_of(connection: Connection, table: TableName, cls: type) -> Origin | None:
    """Return what the make of a table runs as in this process, None where events are off.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> len(origin_of(schema.connection, TableName("lab", "__fit"), Origin).code)
    26
    """
    if not enabled(connection, table.schema):
        return None
    kept: Origin | None = _source(connection, table.schema).child((Origin, cls))
    return kept or renew(connection, table, cls)


def renew(connection: Connection, table: TableName, cls: type) -> Origin | None:
    """Look at the code again, which may have been edited and reloaded, and record it where it is new.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> name = TableName("lab", "__fit")
    >>> renew(schema.connection, name, Origin) == origin_of(schema.connection, name, Origin)
    True
    """
    if not enabled(connection, table.schema) or connection.is_atomic:
        return None
    code = fingerprint(cls)
    environment = _environment(connection, table.schema, cls)
    _record_code(connection, table.schema, code)
    _record_environment(connection, table.schema, environment)
    return _source(connection, table.schema).keep(
        (Origin, cls), Origin(code.digest, environment.digest, code.complete)
    )


def is_of_this_form(source: Mapping[str, str]) -> bool:
    """Whether a code was recorded by a version that followed as much as this one.

    Examples
    --------
    >>> is_of_this_form({FORM: "2"}), is_of_this_form({})
    (False, False)
    """
    return source.get(FORM) == _FORM


def _environment(connection: Connection, schema: str, cls: type) -> Environment:
    """Return the environment; it is looked at once a process, as what runs was loaded once."""
    source, mark = _source(connection, schema), (Environment, cls.__module__)
    kept: Environment | None = source.child(mark)
    if kept is not None:
        return kept
    found = environment_of(cls, keep_diff=bool(connection.config.provenance.keep_diff))
    source.keep(mark, found)
    return found


def _source(connection: Connection, schema: str) -> Any:
    return connection.catalog.source(TableName(schema, EVENTS))


def _record_code(connection: Connection, schema: str, code: Fingerprint) -> None:
    unresolved = json_text(list(code.unresolved)) if code.unresolved else None
    source = pack({**code.source, FORM: _FORM})
    row = [code.digest, code.class_name[:255], code.complete, unresolved, source]
    _record(connection, code_table(schema), code.digest, row)


def _record_environment(connection: Connection, schema: str, environment: Environment) -> None:
    found = environment.repository
    packages = json_text(dict(environment.packages))
    row = [environment.digest, environment.python, environment.platform, packages]
    if found is None:
        row += [None] * 6
    else:
        diff = pack(found.diff) if found.diff else None
        row += [found.root, found.commit, found.branch, found.remote, found.dirty, diff]
    _record(connection, environments_table(schema), environment.digest, row)


def _record(connection: Connection, spec: TableSpec, digest: str, row: list[Any]) -> None:
    """Write a row unless it is there; known ones cost nothing."""
    source = _source(connection, spec.name.schema)
    if source.child((spec.name, digest)) or not prepare(connection, spec):
        return
    columns, dialect = [(a.name, storage_type(a.dtype)) for a in spec.attributes], connection.dialect
    encoders = [None if dtype.text == "json" else dialect.encoder(dtype) for _, dtype in columns]
    values = [e(v) if e and v is not None else v for e, v in zip(encoders, row, strict=True)]
    # SQLite has a queue of writers; to a server it may be sent again when the answer is lost.
    with nullcontext() if dialect.features.server else connection.whole():
        connection.execute(insert_once(spec.name, columns, spec.primary_key, dialect), values)
    source.keep((spec.name, digest), True)
