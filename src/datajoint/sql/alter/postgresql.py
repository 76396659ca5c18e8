"""Changes of a PostgreSQL table: renames, one ALTER TABLE, indexes, comments."""

from __future__ import annotations

from collections.abc import Iterator

from datajoint.declare.alteration import Alteration, Retyped
from datajoint.declare.convert import family
from datajoint.heading.attribute import Attribute
from datajoint.sql.alter.native import Native
from datajoint.sql.ddl import Statement
from datajoint.sql.writers import PostgresqlWriter, enum_home, marker, tolerating

__all__ = ["alter_postgresql"]


def alter_postgresql(change: Alteration, writer: PostgresqlWriter, native: Native) -> list[Statement]:
    """Return the statements of a change, to be run as one transaction."""
    quote, table = writer.dialect.quote, writer.table
    gone, come = change.index_changes()
    former = {new: old for old, new in change.renamed.items()}
    schema = writer.spec.name.schema
    texts = [
        f"DROP INDEX IF EXISTS {quote(schema)}.{quote(name)}"
        for name in (native.index(index, former) for index in gone)
        if name
    ]
    texts += [
        f"ALTER TABLE {table} RENAME COLUMN {quote(old)} TO {quote(new)}"
        for old, new in change.renamed.items()
    ]
    clauses = list(_clauses(change, writer, native))
    if clauses:
        texts.append(f"ALTER TABLE {table} {', '.join(clauses)}")
    statements: list[Statement] = [*writer.types(), *((text, ()) for text in texts)]
    statements += writer.create_indexes(only=come, others=native.indexes.values())
    return [*statements, *_comments(change, writer), *_unused_types(change, writer)]


def _clauses(change: Alteration, writer: PostgresqlWriter, native: Native) -> Iterator[str]:
    quote = writer.dialect.quote
    gone, come = change.check_changes()
    former = {new: old for old, new in change.renamed.items()}
    for retyped in change.retyped:
        for name in native.checks.get(former.get(retyped.new.name, retyped.new.name), ()):
            yield f"DROP CONSTRAINT {quote(name)}"
    yield from (f"DROP CONSTRAINT IF EXISTS {writer.check_name(check)}" for check in gone)
    yield from (f"DROP COLUMN {quote(name)}" for name in change.dropped)
    for retyped in change.retyped:
        yield from _retype(retyped, writer)
    yield from _options(change, writer)
    yield from (f"ADD COLUMN {writer.column(a)}" for a in change.added)
    yield from (f"ADD {text}" for text in map(writer.constraint, come) if text)


def _retype(retyped: Retyped, writer: PostgresqlWriter) -> Iterator[str]:
    new = retyped.new
    name, dtype = writer.dialect.quote(new.name), writer.stored(new)
    goal = writer.dialect.column_type(dtype, enum_home(writer.spec, new) if dtype.kind == "enum" else "")
    yield f"ALTER COLUMN {name} DROP DEFAULT"
    yield f"ALTER COLUMN {name} TYPE {goal} USING {_converted(name, retyped, goal)}"
    if condition := writer.dialect.check(dtype, name):
        yield f"ADD CHECK ({condition})"


def _converted(name: str, retyped: Retyped, goal: str) -> str:
    match family(retyped.old.dtype), family(retyped.new.dtype):
        case ("int", "bool"):
            return f"({name} <> 0)"
        case ("bool", _):
            return f"{name}::int::{goal}"
        case ("enum", _) | (_, "enum") | ("float", "decimal") | (_, "text"):
            return f"{name}::text::{goal}"
        case _:
            return f"{name}::{goal}"


def _options(change: Alteration, writer: PostgresqlWriter) -> Iterator[str]:
    """Return what sets defaults, and whether NULL is allowed."""
    retyped = {r.new.name for r in change.retyped}
    changed = {c.name for c in change.changes if c.kind == "attribute_default"}
    for old, new in change.kept:
        column = f"ALTER COLUMN {writer.dialect.quote(new.name)}"
        if new.name in changed | retyped:
            default = new.default
            if default is not None and default.kind != "null":
                yield f"{column} SET DEFAULT {writer.default(default, writer.stored(new))}"
            elif new.name not in retyped:
                yield f"{column} DROP DEFAULT"
        if old.nullable != new.nullable:
            yield f"{column} {'DROP' if new.nullable else 'SET'} NOT NULL"


def _comments(change: Alteration, writer: PostgresqlWriter) -> Iterator[Statement]:
    if change.found.comment != change.wanted.comment:
        said = writer.dialect.literal(change.wanted.comment)
        yield f"COMMENT ON TABLE {writer.table} IS {said}", ()
    there = {new.name: old for old, new in change.kept}
    for new in change.wanted.columns:
        old = there.get(new.name)
        if old is None or marker(old, writer.dialect) != marker(new, writer.dialect):
            yield writer.said(new)
    yield from map(writer.mark, change.check_changes()[1])


def _unused_types(change: Alteration, writer: PostgresqlWriter) -> Iterator[Statement]:
    """Drop the enum types that no column has any more."""
    gone = [r.old for r in change.retyped] + [change.known.attribute(name) for name in change.dropped]
    harmless = "dependent_objects_still_exist OR undefined_object OR insufficient_privilege"
    for a in gone:
        if a.dtype.kind == "enum":
            yield tolerating(f"DROP TYPE {_enum(a, change, writer)}", harmless), ()


def _enum(a: Attribute, change: Alteration, writer: PostgresqlWriter) -> str:
    return writer.dialect.column_type(a.dtype, enum_home(change.known, a))
