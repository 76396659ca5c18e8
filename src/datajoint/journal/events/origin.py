"""What a make runs as: code and environment, kept once a schema under their digests (provenance §2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from types import CodeType
from typing import Any

from datajoint._value import Value, replace
from datajoint.backends.base import Parameters
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
from datajoint.journal.ran.present import FILE, Present, recordable
from datajoint.journal.ran.values import BesideCode, values_of
from datajoint.journal.system import prepare
from datajoint.sql.dml import insert_once
from datajoint.sql.system import CODE, ENVIRONMENTS, EVENTS, column

FORM, STATIC, SOURCES, RAN, VALUES = "~form", "~static", "~sources", "~ran", "~values"
"""Keys in the source of a code: how it was searched for; digests of what names reach, with values and
without; functions that ran, and values that they read."""

NAMES_ONLY, NAMES_AND_RAN = "3", "4"
"""Forms of records: of what names reach, and of that with the functions that ran. Records of another form
were made when less was followed, so that another digest does not tell that the code has changed."""

_MOST_SETS = 100
"""Different sets of functions that are recorded of the makes of one table; further makes take all of them."""

__all__ = [
    "FORM",
    "NAMES_AND_RAN",
    "NAMES_ONLY",
    "RAN",
    "SOURCES",
    "STATIC",
    "VALUES",
    "Recording",
    "code_table",
    "environments_table",
    "fingerprint_of",
    "origin_of",
    "ran_as",
    "record_names",
    "renew",
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
        code = fingerprint_of(connection, table, cls)
        statement = _code_statement(connection, table.schema, code, {FORM: NAMES_ONLY, SOURCES: code.sources})
        if statement is not None:
            _execute(connection, statement)
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
        self._numbers: dict[BesideCode, int] = {}
        self._last: tuple[BesideCode | None, int] = (None, 0)

    def number_of(self, beside: BesideCode) -> int:
        """Return a number of the values that go with functions, equal for equal ones."""
        if self._last[0] is not beside:
            self._last = beside, self._numbers.setdefault(beside, len(self._numbers))
        return self._last[1]


class Recording(Value):
    """What a make has run as, on its way to the database.

    Attributes
    ----------
    origin
        What its event points at.
    statements
        What records that where it is new: in the transaction of the make if one is open, as it may be undone.
    keep
        Called once it is stored.
    """

    origin: Origin
    statements: Sequence[tuple[str, Parameters]] = ()
    keep: Callable[[], object] = tuple


def ran_as(
    connection: Connection, table: TableName, cls: type, origin: Origin, ran: Observation
) -> Recording:  # fmt: skip
    """Return what a make has run as, with the functions that really ran; record that where it is new.

    Where the class says by `make_version` what matters, these do not.
    """
    source = _source(connection, table.schema)
    kept: _Sets | None = source.child((_Sets, cls))
    sets = kept if kept is not None and kept.code == origin.code else _Sets(origin.code)
    source.keep((_Sets, cls), sets)
    codes, functions = ran.codes, frozenset(ran.codes)
    ignored = connection.config.provenance.ignored_values
    beside = values_of().beside(cls, functions, codes.values(), ignored) if _counts(cls) else BesideCode()
    mark = functions, tuple(ran.notes), frozenset(ran.files.items()), sets.number_of(beside)
    found = sets.origins.get(mark)
    if found is not None:
        return Recording(found[0])
    if len(sets.origins) >= _MOST_SETS:
        codes = {**sets.codes, **codes}
    told, statement = _of_ran(connection, table, cls, origin, codes, ran, beside)

    def keep() -> None:
        sets.origins[mark] = told, tuple(codes.values())
        sets.codes.update(codes)

    if statement is None:
        return Recording(told)
    if connection.in_transaction:
        return Recording(told, [statement], keep)
    _execute(connection, statement)
    keep()
    return Recording(told)


def _counts(cls: type) -> bool:
    """Whether what really ran counts for a class."""
    return getattr(cls, "make_version", None) is None


def _of_ran(
    connection: Connection, table: TableName, cls: type, origin: Origin,
    codes: Mapping[int, tuple[CodeType, str]], ran: Observation, beside: BesideCode,
) -> tuple[Origin, tuple[str, Parameters] | None]:  # fmt: skip
    """Return what a make has run as, and what records it."""
    code = fingerprint_of(connection, table, cls)
    if not _counts(cls):
        return origin, _code_statement(
            connection, table.schema, code, {FORM: NAMES_ONLY, SOURCES: code.sources}
        )
    pieces = sorted({piece_of(*one) for one in codes.values()}, key=lambda piece: piece.told)
    told = [(piece, recordable(*piece.told)) for piece in pieces]
    lost = [f"no name leads to `{piece.label}`" for piece, found in told if found is None]
    unresolved = tuple(dict.fromkeys((*code.unresolved, *sorted(ran.notes), *lost, *beside.notes)))
    found = [one for _, one in told if one is not None]
    found += [Present(*place, digest, FILE) for place, digest in sorted(ran.files.items())]
    text = json_text([[one.module, one.name, one.digest, one.how] for one in found])
    values = json_text([[one.module, one.path, one.digest, one.source] for one in beside.values])
    told_values = (values,) if beside.values else ()
    digest = digest_of("ran", code.digest, text, *told_values, *unresolved)
    texts = {piece.label: piece.text for piece in pieces if piece.text}
    whole = replace(
        code, digest=digest, complete=not unresolved, unresolved=unresolved, source={**texts, **code.source}
    )
    about = {FORM: NAMES_AND_RAN, STATIC: code.digest, SOURCES: code.sources, RAN: text}
    about |= dict.fromkeys((VALUES,) * bool(told_values), values)
    statement = _code_statement(connection, table.schema, whole, about)
    return replace(origin, code=digest, complete=whole.complete), statement


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


def _code_statement(
    connection: Connection, schema: str, code: Fingerprint, about: Mapping[str, str]
) -> tuple[str, Parameters] | None:
    """Return the statement that records code, None where it cannot be."""
    spec = code_table(schema)
    if not prepare(connection, spec):
        return None
    unresolved = json_text(list(code.unresolved)) if code.unresolved else None
    source = pack({**code.source, **about})
    return _once(connection, spec, [code.digest, code.class_name[:255], code.complete, unresolved, source])


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
    if not source.child((spec.name, digest)) and prepare(connection, spec):
        _execute(connection, _once(connection, spec, row))
        source.keep((spec.name, digest), True)


def _once(connection: Connection, spec: TableSpec, row: list[Any]) -> tuple[str, Parameters]:
    """Return the statement that writes a row unless it is there."""
    columns, dialect = [(a.name, storage_type(a.dtype)) for a in spec.attributes], connection.dialect
    encoders = [None if dtype.text == "json" else dialect.encoder(dtype) for _, dtype in columns]
    values = [e(v) if e and v is not None else v for e, v in zip(encoders, row, strict=True)]
    return insert_once(spec.name, columns, spec.primary_key, dialect), values


def _execute(connection: Connection, statement: tuple[str, Parameters]) -> None:
    # SQLite has a queue of writers; to a server it may be sent again when the answer is lost.
    with nullcontext() if connection.dialect.features.server else connection.whole():
        connection.execute(*statement)
