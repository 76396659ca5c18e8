"""Conditions of ``check`` lines, read in the portable language and written for one database (TYP-22)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from datajoint._value import Value, replace
from datajoint.algebra.expr.expressions import (
    Call,
    Case,
    Cast,
    Expression,
    Interval,
    JsonPath,
    Literal,
    Operator,
    Param,
    walk,
)
from datajoint.algebra.expr.types import TEXT
from datajoint.algebra.text.fragment import parse_condition
from datajoint.backends.base import Dialect
from datajoint.declare.spec import Check, TableSpec
from datajoint.errors import DeclarationError, QueryError
from datajoint.heading.heading import Heading
from datajoint.heading.types import AttributeType
from datajoint.sql.text.fragment import render

__all__ = ["Condition", "find_broken", "read_check", "write_check"]

_OF_THE_MOMENT = {"now", "curdate"}
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_OURS = re.compile(r"\bdj_\w+\(|\bREGEXP\b")


class Condition(Value):
    """The condition of a check as a tree without parameters.

    Attributes
    ----------
    names
        Attributes it uses.
    """

    check: Check
    expression: Expression
    names: tuple[str, ...]


def read_check(check: Check, heading: Heading, label: str) -> Condition:
    """Read the condition of a check.

    Parameters
    ----------
    label
        Name of the table in messages.

    Raises
    ------
    DeclarationError
        When it cannot be read, names no attribute, or depends on more than the row.

    Examples
    --------
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.types import parse_type
    >>> heading = Heading([Attribute("age", parse_type("int16"), in_key=True)])
    >>> read_check(Check("adult", "age >= 18"), heading, "Subject").names
    ('age',)
    """
    return _read(check, heading, label)


@lru_cache(1024)
def _read(check: Check, heading: Heading, label: str) -> Condition:
    try:
        fragment, values = parse_condition(check.condition, heading)
    except QueryError as error:
        raise DeclarationError(
            f"The check `{check.name}` of `{label}` cannot be used: {error.message}", hint=error.hint
        ) from error
    expression = _bound(fragment.expression, values)
    moving = next((n for n in walk(expression) if isinstance(n, Call) and n.function in _OF_THE_MOMENT), None)
    if moving is not None:
        raise DeclarationError(
            f"The check `{check.name}` of `{label}` depends on the time, by `{moving.function}`.",
            hint="A check is a condition on the values of one row.",
        )
    return Condition(check, expression, fragment.names)


def write_check(condition: Condition, spec: TableSpec, dialect: Dialect) -> str | None:
    """Return the condition of a CHECK constraint; None where the database cannot hold it.

    SQLite files are read and written by other programs, so that a CHECK may only use what every SQLite has:
    regular expressions, for one, are left to us (`datajoint.table.rows.check_lines`).

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.names import TableName
    >>> from datajoint.heading.types import parse_type
    >>> name = Attribute("name", parse_type("varchar(9)"), in_key=True)
    >>> spec = TableSpec(TableName("lab", "rig"), (name,), ("name",))
    >>> for text in ("name like 'a%'", "name regexp '^a'"):
    ...     condition = read_check(Check("x", text), spec.heading(), "Rig")
    ...     print(write_check(condition, spec, get_backend("sqlite").dialect))
    ("name" GLOB 'a*')
    None
    """
    text = _written(condition.expression, spec, dialect)
    if dialect.name == "sqlite" and _OURS.search(_QUOTED.sub("", text)):
        return None
    return text


def find_broken(condition: Condition, spec: TableSpec, key: Sequence[str], dialect: Dialect) -> str:
    """Return the SELECT of the attributes of a condition in a row that breaks it, among those with some key.

    Parameters
    ----------
    key
        Columns given as parameters.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.names import TableName
    >>> from datajoint.heading.types import parse_type
    >>> age = Attribute("age", parse_type("int16"), in_key=True)
    >>> spec = TableSpec(TableName("lab", "subject"), (age,), ("age",))
    >>> condition = read_check(Check("adult", "age >= 18"), spec.heading(), "Subject")
    >>> find_broken(condition, spec, ["age"], get_backend("postgresql").dialect)
    'SELECT "age" FROM "lab"."subject" WHERE "age" = $1 AND NOT ("age" >= 18) LIMIT 1'
    """
    quote = dialect.quote
    shown = ", ".join(map(quote, condition.names)) or "1"
    terms = [f"{dialect.escape(quote(name))} = {dialect.parameter(n)}" for n, name in enumerate(key, 1)]
    terms.append(dialect.escape(f"NOT {_written(condition.expression, spec, dialect)}"))
    table = dialect.escape(dialect.table(spec.name))
    return f"SELECT {dialect.escape(shown)} FROM {table} WHERE {' AND '.join(terms)} LIMIT 1"


def _written(expression: Expression, spec: TableSpec, dialect: Dialect) -> str:
    def column(name: str) -> tuple[str, AttributeType]:
        return dialect.quote(name), spec.attribute(name).dtype

    def parameter(index: int, dtype: AttributeType) -> str:
        raise AssertionError("a check has no parameters")

    if dialect.name == "sqlite":
        expression = _globbed(expression)
    return render(expression, dialect.name, column, parameter)


def _bound(node: Expression, values: Sequence[Any]) -> Expression:
    """Put the values of parameters into a tree."""

    def bound(child: Expression) -> Expression:
        return _bound(child, values)

    if isinstance(node, Param):
        return Literal(values[node.index], node.dtype)
    return _rebuilt(node, bound)


def _globbed(node: Expression) -> Expression:
    """Write LIKE with a pattern that is known as GLOB, which every SQLite compares exactly."""
    if not isinstance(node, Operator) or node.op != "like":
        return _rebuilt(node, _globbed)
    text, pattern, *rest = node.args
    escape = rest[0] if rest else Literal("\\", TEXT)
    if not isinstance(pattern, Literal) or not isinstance(escape, Literal):
        return _rebuilt(node, _globbed)
    globbed = Literal(_glob(str(pattern.value), str(escape.value)), pattern.dtype)
    return Operator("glob", (_globbed(text), globbed), node.dtype)


def _glob(pattern: str, escape: str) -> str:
    text = ""
    letters = iter(pattern)
    for letter in letters:
        if letter in "%_" and letter != escape:
            text += "*" if letter == "%" else "?"
            continue
        meant = next(letters, escape) if letter == escape else letter
        text += f"[{meant}]" if meant in "*?[" else meant
    return text


def _rebuilt(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    match node:
        case Operator() | Call():
            return replace(node, args=tuple([change(child) for child in node.args]))
        case Case():
            pairs = tuple([(change(when), change(then)) for when, then in node.branches])
            last = None if node.otherwise is None else change(node.otherwise)
            return replace(node, branches=pairs, otherwise=last)
        case Cast() | JsonPath():
            return replace(node, argument=change(node.argument))
        case Interval():
            return replace(node, amount=change(node.amount))
        case _:
            return node
