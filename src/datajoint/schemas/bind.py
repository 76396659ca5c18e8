"""Attaching classes to a schema: declares what is missing, compares what is there."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from datajoint.declare.diff import diff
from datajoint.declare.parse import parse
from datajoint.declare.portable import native_type_notes
from datajoint.declare.resolve import check_key_origin, check_names, resolve, with_event
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.engine.define import create_table
from datajoint.engine.lineage import complete_lineage
from datajoint.errors import DataJointError, DeclarationError, TransactionError
from datajoint.heading.names import PREFIXES, TableName, from_camel_case
from datajoint.logging import warn
from datajoint.schemas.lookup import fill_contents
from datajoint.schemas.resolve import Scope, finder
from datajoint.table.binding import Binding
from datajoint.tiers import Computed, Imported, Lookup, Part, UserTable

if TYPE_CHECKING:
    from datajoint.schemas.schema import Schema

__all__ = ["attach"]


def attach(schema: Schema, cls: type[UserTable], scope: Scope) -> None:
    """Attach a class, and the part classes in it, to an activated schema; declare tables that are missing."""
    _check_class(cls)
    name = TableName(schema.database, PREFIXES[cls.tier] + from_camel_case(cls.__name__))
    _attach(schema, cls, name, scope)
    for part in _parts(cls):
        part_name = TableName(name.schema, f"{name.name}__{from_camel_case(part.__name__)}")
        part._master = cls
        siblings = {other.__name__: other for other in _parts(cls)}
        _attach(schema, part, part_name, ({"master": cls, cls.__name__: cls}, siblings, *scope))
    for table in (cls, *_parts(cls)):
        if (issubclass(table, Lookup) or hasattr(table, "contents")) and table().is_declared:
            fill_contents(table())


def _check_class(cls: Any) -> None:
    if not inspect.isclass(cls) or not issubclass(cls, UserTable):
        raise DataJointError(
            f"The schema decorator takes table classes, not {cls!r}.",
            hint="Derive the class from dj.Manual, dj.Lookup, dj.Imported or dj.Computed.",
        )
    if issubclass(cls, Part):
        raise DataJointError(
            f"The schema decorator should not be applied to Part tables such as `{cls.__name__}`.",
            hint="Define the part class inside its master class; the master is decorated.",
        )
    if not hasattr(cls, "tier"):
        raise DataJointError(
            f"`{cls.__name__}` has no tier; derive it from dj.Manual, dj.Lookup, dj.Imported or dj.Computed."
        )


def _parts(cls: type[UserTable]) -> list[type[Part]]:
    members = [m for base in reversed(cls.__mro__) for m in list(vars(base).values()) if inspect.isclass(m)]
    return [part for part in dict.fromkeys(members) if issubclass(part, Part) and part is not Part]


def _attach(schema: Schema, cls: type[UserTable], name: TableName, scope: Scope) -> None:
    connection = schema.connection
    cls._binding = Binding(connection, name)
    found = connection.catalog.find(name)
    try:
        text = cls().definition
        if found is None and not schema.create_tables:
            return
        if text is None or not isinstance(text, str):
            if found is not None:
                return
            raise DeclarationError(
                f"Class `{cls.__name__}` has no definition.", hint="Set `definition = '''…'''`."
            )
        wanted = resolve(parse(text, cls.__name__), name, finder(cls, name, connection, scope))
        _check(connection, cls, wanted, exists=found is not None)
        if found is None:
            _declare(connection, wanted)
        else:
            _compare(connection, cls, found, wanted)
            if schema.create_tables:
                complete_lineage(connection, found, wanted)
        for note in native_type_notes(wanted):
            warn(note)
    except BaseException:
        if found is None:
            cls._binding = None  # a class whose declaration failed is not attached
        raise
    _document(cls, text)


def _check(connection: Connection, cls: type[UserTable], spec: TableSpec, exists: bool) -> None:
    """Refuse what a table of this tier must not be."""
    if not exists and connection.in_transaction:
        raise TransactionError(
            f"Cannot declare new tables inside a transaction: `{cls.__name__}`.",
            hint="Decorate classes before the transaction, or outside make().",
        )
    if issubclass(cls, (Computed, Imported)):
        allowed = connection.config.jobs.allow_new_pk_fields_in_computed_tables
        check_key_origin(spec, allowed, exists)
    if not exists and issubclass(cls, Part):
        _check_part(cls, spec)


def _declare(connection: Connection, spec: TableSpec) -> None:
    check_names(spec, connection.dialect.max_identifier)
    create_table(connection, with_event(spec))


def _check_part(cls: type[Part], spec: TableSpec) -> None:
    if _parts(cls):
        raise DeclarationError(
            f"Part table `{spec.name.class_name}` has a part class of its own, `{_parts(cls)[0].__name__}`.",
            hint=f"Make it a part of the master, with the line `-> {cls.__name__}` in its definition.",
        )
    master = spec.name.master
    family = {key.parent for key in spec.foreign_keys}
    if master not in family and not any(parent.master == master for parent in family):
        raise DeclarationError(
            f"Part table `{spec.name.class_name}` must reference its master.",
            hint="Add the line `-> master` to its definition.",
        )


def _compare(connection: Connection, cls: type[UserTable], found: TableSpec, wanted: TableSpec) -> None:
    """Say when a definition and its table have drifted apart (DEF-27)."""
    changes = diff(found, wanted)
    if not changes:
        return
    text = (
        f"The definition of `{cls.__name__}` differs from its table in the database: "
        + "; ".join(change.text for change in changes) + ". The table stays as it is."
    )  # fmt: skip
    hint = f"Call {cls.__name__}.alter() to change the table, or correct the definition."
    if connection.config.declare.drift == "error":
        raise DeclarationError(text, hint=hint)
    warn(f"{text} {hint}")


def _document(cls: type[UserTable], text: Any) -> None:
    """Add the definition to the docstring of the class (TAB-17)."""
    if isinstance(text, str) and "definition" not in (cls.__doc__ or ""):
        doc = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
        cls.__doc__ = f"{doc}\n\nTable definition::\n\n{inspect.cleandoc(text)}".strip()
