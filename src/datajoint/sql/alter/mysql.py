"""Changes of a MySQL or MariaDB table: one ALTER TABLE for all of them, which takes place or does not."""

from __future__ import annotations

from collections.abc import Iterator

from datajoint.declare.alteration import Alteration
from datajoint.sql.alter.native import Native
from datajoint.sql.ddl import Statement
from datajoint.sql.writers import MysqlWriter

__all__ = ["alter_mysql"]


def alter_mysql(change: Alteration, writer: MysqlWriter, native: Native) -> list[Statement]:
    """Return the statement of a change; none where nothing changes."""
    clauses = list(_clauses(change, writer, native))
    return [(f"ALTER TABLE {writer.table} {', '.join(clauses)}", ())] if clauses else []


def _clauses(change: Alteration, writer: MysqlWriter, native: Native) -> Iterator[str]:
    quote = writer.dialect.quote
    former = {new: old for old, new in change.renamed.items()}
    gone, come = change.index_changes()
    lost, wanted = change.check_changes()
    names = [native.index(index, former) for index in gone]
    yield from (f"DROP INDEX {quote(name)}" for name in names if name)
    yield from (f"DROP CONSTRAINT {writer.check_name(check)}" for check in lost)
    yield from (f"DROP COLUMN {quote(name)}" for name in change.dropped)
    yield from _changed(change, writer)
    yield from _added(change, writer)
    yield from (f"ADD {'UNIQUE ' if i.unique else ''}INDEX {writer.items(i)}" for i in come)
    yield from (f"ADD {text}" for text in map(writer.constraint, wanted) if text)
    if change.found.comment != change.wanted.comment:
        yield f"COMMENT = {writer.dialect.literal(change.wanted.comment)}"


def _changed(change: Alteration, writer: MysqlWriter) -> Iterator[str]:
    quote = writer.dialect.quote
    former = {new: old for old, new in change.renamed.items()}
    told = {c.name for c in change.changes if c.kind.startswith("attribute_")}
    retyped = {r.new.name for r in change.retyped}
    for old, new in change.kept:
        if new.name in former:
            yield f"CHANGE COLUMN {quote(former[new.name])} {writer.commented(new)}"
        elif new.name in told | retyped or old.nullable != new.nullable:
            yield f"MODIFY COLUMN {writer.commented(new)}"


def _added(change: Alteration, writer: MysqlWriter) -> Iterator[str]:
    """Return the new columns, each behind the attribute that it follows in the definition."""
    quote = writer.dialect.quote
    new = {a.name for a in change.added}
    before: str | None = None
    for a in change.wanted.attributes:
        if a.name in new:
            place = f" AFTER {quote(before)}" if before else ""
            yield f"ADD COLUMN {writer.commented(a)}{place}"
        before = a.name
    for a in change.wanted.hidden:
        if a.name in new:
            yield f"ADD COLUMN {writer.commented(a)}"
