"""Search for rows that a table could not hold after it was altered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from datajoint.declare import renames
from datajoint.declare.alteration import Alteration, Retyped
from datajoint.declare.convert import losing
from datajoint.declare.spec import Check, Index
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.heading.values import show
from datajoint.query.expression import QueryExpression
from datajoint.query.universal import U
from datajoint.table.alter.whole import all_rows

__all__ = ["is_lossless", "refuse_loss"]

_SHOWN = 5
_COUNTED = "dj_rows"


def refuse_loss(connection: Connection, change: Alteration) -> None:
    """Refuse an alteration of which some rows would not survive; nothing was changed yet.

    Raises
    ------
    DataJointError
        With the first of these rows.
    """
    for found in _problems(connection, change):
        raise found


def is_lossless(connection: Connection, name: TableName, retyped: Retyped) -> bool:
    """Whether all values of an attribute are values of another type, too."""
    return not _lost(all_rows(connection, name), retyped.old.name, retyped)


def _problems(connection: Connection, change: Alteration) -> Iterator[DataJointError]:
    table, label = all_rows(connection, change.found.name), change.found.name.class_name
    former = {new: old for old, new in change.renamed.items()}
    for retyped in change.retyped:
        name = former.get(retyped.new.name, retyped.new.name)
        if rows := _lost(table, name, retyped):
            yield _refusal(
                label, f"of `{name}`, which are {retyped.old.type}, {retyped.new.type} cannot hold all", rows
            )
    for new in change.required:
        name = former.get(new, new)
        if rows := _first(table & f"`{name}` is null", name):
            yield _refusal(label, f"of `{name}` are NULL, and it shall be required; not all", rows)
    yield from _unfilled(table, change)
    for index in change.index_changes()[1]:
        if index.unique and (rows := _repeated(table, index, former)):
            names = ", ".join(index.columns)
            yield _refusal(label, f"of ({names}) occur more than once and shall be unique; not all", rows)
    for check in change.check_changes()[1]:
        if rows := _breaking(table, check, change):
            yield _refusal(label, f"break the check `{check.name}` ({check.condition}); not all", rows)


def _refusal(label: str, what: str, rows: list[str]) -> DataJointError:
    more = " …" if len(rows) > _SHOWN else ""
    return DataJointError(
        f"`{label}` stays as it is: values {what}. The first: {'; '.join(rows[:_SHOWN])}{more}.",
        hint="Correct these rows with update() or delete them, then alter the table.",
    )


def _unfilled(table: QueryExpression, change: Alteration) -> Iterator[DataJointError]:
    """Yield the refusal of attributes for which existing rows have no value."""
    names = [a.name for a in change.added if not a.nullable and a.default is None]
    if names and (count := len(table)):
        yield DataJointError(
            f"`{change.found.name.class_name}` stays as it is: `{'`, `'.join(names)}` has neither a default "
            f"nor null, and the {count} rows of the table need a value.",
            hint=f"Give it a default, as in `{names[0]}=0 : …`; or make it nullable, `{names[0]}=null : …`, "
            "fill it with update(), and make it required by another alter().",
        )


# ------------------------------------------------------------------------------------------- looking at rows


def _lost(table: QueryExpression, name: str, retyped: Retyped) -> list[str]:
    """Return the first rows whose values the new type cannot hold."""
    told = losing(f"`{name}`", retyped.old.dtype, retyped.new.dtype)
    if told is None:
        return []
    if isinstance(told, str):
        return _first(table & told, name)
    found: list[str] = []
    for row in (table & f"`{name}` is not null").proj(name):
        if not _fits(told, row[name]):
            found.append(_shown(row))
            if len(found) > _SHOWN:
                break
    return found


def _fits(convert: Callable[[Any], Any], value: Any) -> bool:
    try:
        convert(value)
    except (ValueError, ArithmeticError):
        return False
    return True


def _first(rows: Any, *names: str) -> list[str]:
    shown = rows.proj(*names).to_dicts(limit=_SHOWN + 1, order_by="KEY" if rows.primary_key else None)
    return list(map(_shown, shown))


def _shown(row: dict[str, Any]) -> str:
    return ", ".join(f"{name}={show(value)}" for name, value in row.items())


def _repeated(table: QueryExpression, index: Index, former: dict[str, str]) -> list[str]:
    names = [former.get(name, name) for name in index.columns]
    if any(name not in table.heading for name in names):
        return []
    present = table & " and ".join(f"`{name}` is not null" for name in names)
    groups = U(*names).aggr(present, **{_COUNTED: "count(*)"}) & f"{_COUNTED} > 1"
    return [_shown({n: row[n] for n in names}) for row in groups.to_dicts(limit=_SHOWN + 1)]


def _breaking(table: QueryExpression, check: Check, change: Alteration) -> list[str]:
    """Return the first rows that break a check, where it speaks of what the table has already."""
    new = {a.name for a in change.added} | {r.new.name for r in change.retyped} | set(change.renamed.values())
    words = renames.mentioned(check)
    if new & words:
        return []  # the database looks at it when it is made
    names = [name for name in table.heading.secondary_attributes if name in words]
    return _first(table & f"not ({check.condition})", *names)
