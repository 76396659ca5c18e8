"""What a make runs as: code and environment, kept once a schema under their digests (provenance §2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from types import CodeType
from typing import Any

from datajoint._value import replace
from datajoint.codecs.blob.writer import pack
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.engine.rows import storage_type
from datajoint.heading.names import TableName
from datajoint.heading.values import json_text
from datajoint.journal.code import Fingerprint, digest_of, fingerprint
from datajoint.journal.events.environment import Environment, environment_of
from datajoint.journal.events.event import Origin, enabled
from datajoint.journal.ran import Observation, forget
from datajoint.journal.ran.pieces import piece_of
from datajoint.journal.ran.present import recordable
from datajoint.journal.system import prepare
from datajoint.sql.dml import insert_once
from datajoint.sql.system import CODE, ENVIRONMENTS, EVENTS, column

FORM, STATIC, RAN = "~form", "~static", "~ran"
"""Keys in the source of a code: how it was searched for, digest of what names reach, functions that ran."""

NAMES_ONLY, NAMES_AND_RAN = "3", "4"
"""Forms of records: of what names reach, and of that with the functions that ran. Records of another form
were made when less was followed, so that another digest does not tell that the code has changed."""

_MOST_SETS = 100
"""Different sets of functions that are recorded of the makes of one table; further makes take all of them."""

__all__ = [
    "FORM", "NAMES_AND_RAN", "NAMES_ONLY", "RAN", "STATIC", "code_table", "environments_table",
    "fingerprint_of", "origin_of", "ran_as", "record_names", "renew",
]  # fmt: skip


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
    prepare(connection, code_table(table.schema))
    _record_environment(connection, table.schema, environment)
    source = _source(connection, table.schema)
    source.keep((Fingerprint, cls), code)
    forget(cls)
    return source.keep((Origin, cls), Origin(code.digest, environment.digest, code.complete))


def record_names(connection: Connection, table: TableName, cls: type) -> Origin | None:
    """Look at the code again, and record what names of it reach, though nothing has run."""
    origin = renew(connection, table, cls)
    if origin is not None:
        _record_code(connection, table.schema, fingerprint_of(connection, table, cls), {FORM: NAMES_ONLY})
    return origin


def fingerprint_of(connection: Connection, table: TableName, cls: type) -> Fingerprint:
    """Return the code that names of a class reach, as it was looked at last.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> fingerprint_of(schema.connection, TableName("lab", "__fit"), Origin).complete
    True
    """
    kept: Fingerprint | None = _source(connection, table.schema).child((Fingerprint, cls))
    return kept or fingerprint(cls)


class _Sets:
    """The different sets of functions that makes of a class ran, each with what is recorded of it."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.origins: dict[Any, tuple[Origin, Sequence[Any]]] = {}
        self.codes: dict[int, tuple[CodeType, str]] = {}


def ran_as(
    connection: Connection, table: TableName, cls: type, origin: Origin, ran: Observation
) -> Origin:  # fmt: skip
    """Return what a make has run as, with the functions that really ran, and record that where it is new.

    Where the class says by `make_version` what matters, these do not.
    """
    source = _source(connection, table.schema)
    kept: _Sets | None = source.child((_Sets, cls))
    sets = kept or _Sets(origin.code)
    if sets.code != origin.code:
        sets = _Sets(origin.code)
    source.keep((_Sets, cls), sets)
    codes = ran.codes
    mark = frozenset(codes), tuple(ran.notes)
    found = sets.origins.get(mark)
    if found is None:
        if len(sets.origins) >= _MOST_SETS:
            codes = {**sets.codes, **codes}
        found = _record_ran(connection, table, cls, origin, codes, ran.notes), tuple(codes.values())
        if not connection.in_transaction:  # else it may be undone
            sets.origins[mark] = found
            sets.codes.update(codes)
    return found[0]


def _record_ran(
    connection: Connection, table: TableName, cls: type, origin: Origin,
    codes: Mapping[int, tuple[CodeType, str]], notes: Iterable[str],
) -> Origin:  # fmt: skip
    code = fingerprint_of(connection, table, cls)
    if getattr(cls, "make_version", None) is not None:
        _record_code(connection, table.schema, code, {FORM: NAMES_ONLY})
        return origin
    pieces = sorted({piece_of(*one) for one in codes.values()}, key=lambda piece: piece.told)
    told = [(piece, recordable(*piece.told)) for piece in pieces]
    lost = [f"no name leads to `{piece.label}`" for piece, found in told if found is None]
    unresolved = tuple(dict.fromkeys((*code.unresolved, *sorted(notes), *lost)))
    ran = json_text([[one.module, one.name, one.digest, one.how] for _, one in told if one is not None])
    digest = digest_of("ran", code.digest, ran, *unresolved)
    texts = {piece.label: piece.text for piece in pieces if piece.text}
    whole = replace(
        code, digest=digest, complete=not unresolved, unresolved=unresolved, source={**texts, **code.source}
    )
    _record_code(connection, table.schema, whole, {FORM: NAMES_AND_RAN, STATIC: code.digest, RAN: ran})
    return replace(origin, code=digest, complete=whole.complete)


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


def _record_code(
    connection: Connection, schema: str, code: Fingerprint, about: Mapping[str, str]
) -> None:  # fmt: skip
    unresolved = json_text(list(code.unresolved)) if code.unresolved else None
    source = pack({**code.source, **about})
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
    if not connection.in_transaction:
        source.keep((spec.name, digest), True)
