"""From what a user writes after ``&`` or ``-`` to a condition and its values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any, TypeVar, cast
from uuid import UUID

from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import (
    DEEPEST,
    All,
    Any_,
    Condition,
    Const,
    Equals,
    Ignored,
    InValues,
    IsNull,
    Plan,
    Query,
    Text,
    negate,
    too_deep,
)
from datajoint.algebra.text import fragment as fragments
from datajoint.backends.base import Fitting
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError, QueryError, SemanticMatchError
from datajoint.heading import moments, values as readers
from datajoint.heading.attribute import Attribute
from datajoint.heading.core_types import KINDS
from datajoint.heading.heading import Heading
from datajoint.heading.keys import Semantic
from datajoint.heading.types import INTEGERS, ZONED
from datajoint.query import misspelt, restriction
from datajoint.query.collection import is_mapping, is_record, items_of, record, values_of

__all__ = ["check_connection", "condition", "is_universal", "matched", "quick", "restrict", "unshared"]

Values = tuple[Any, ...]
Result = TypeVar("Result")
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})


def restrict(
    query: Query, operand: Any, connection: Connection, semantic: bool = True, negated: bool = False
) -> Query:
    """Return the rows of `query` that `operand` keeps (negated: drops)."""
    if isinstance(operand, restriction.Top):
        if negated:
            raise QueryError(
                "A Top cannot be subtracted.", hint="Subtract the restricted query: A - (A & dj.Top(...))."
            )
        order = restriction.read_order(operand.order_by, query.heading)
        return build.top(query, order, operand.limit, operand.offset)
    if negated and is_universal(operand):
        raise QueryError(
            "dj.U cannot be subtracted: it contains everything.",
            hint="Subtract distinct values: A - (dj.U(...) & B).",
        )
    if isinstance(operand, restriction.AndList) and not negated:
        for item in _spread(operand, restriction.AndList):
            query = restrict(query, item, connection, semantic)
        return query
    if (
        type(operand) is dict  # pyright: ignore[reportUnknownArgumentType]
        and not negated
        and (known := quick(query, cast("dict[Any, Any]", operand), connection))
    ):
        return known
    found, values = condition(query, operand, connection, semantic)
    restricted = build.restrict(query, negate(found) if negated else found, values)
    if type(operand) is str and not negated:  # pyright: ignore[reportUnknownArgumentType]
        query.plan.keep_text(operand, restricted.plan, values)
    return restricted


def is_universal(operand: Any) -> bool:
    """Whether an operand is ``dj.U`` or one of it; its class is asked: expressions explain what they lack."""
    return hasattr(operand if isinstance(operand, type) else type(operand), "is_universal")


def check_connection(operand: Any, connection: Connection) -> None:
    """Refuse an expression of another connection (LIN-9)."""
    if operand.connection is not connection:
        raise DataJointError(
            "Expressions of two connections cannot be combined.", hint="Use one dj.Instance for both."
        )


def matched(
    combine: Callable[[Query, Query, Semantic], Result],
    left: Query,
    right: Query,
    connection: Connection,
    semantic: bool = True,
) -> Result:
    """Combine two queries; where namesakes differ in origin, as the setting ``query.matching`` says."""
    try:
        return combine(left, right, semantic)
    except SemanticMatchError:
        if connection.config.query.matching != "name":
            raise
    return combine(left, right, "name")


def condition(
    query: Query, operand: Any, connection: Connection, semantic: bool = True, depth: int = 0
) -> tuple[Condition, Values]:
    """Return the condition and values that an operand stands for; `depth` lists stand around it.

    Raises
    ------
    QueryError
        When it can be none.
    """
    if isinstance(operand, str):
        return _text(query, operand, connection)
    if is_mapping(operand):
        return _mapping(query.heading, operand, connection)
    if isinstance(operand, type) and (hasattr(operand, "_query") or is_universal(operand)):
        operand = operand()
    if isinstance(other := getattr(operand, "query", None), Query):
        check_connection(operand, connection)
        return matched(build.matching, query, other, connection, semantic)
    if isinstance(operand, restriction.Not):
        positive, negated = _without_not(operand)
        found, values = condition(query, positive, connection, semantic, depth)
        return (negate(found) if negated else found), values
    if isinstance(operand, restriction.Top) or operand is restriction.Top:
        raise QueryError(
            "A Top restricts a whole expression: it cannot stand in a list, under Not or after -.",
            hint="Write A & dj.Top(...) first, and use that as the operand.",
        )
    return _other(query, operand, connection, semantic, depth)


def _without_not(operand: Any) -> tuple[Any, bool]:
    """Return what stands in any number of `Not`, and whether it is negated."""
    negated = False
    while isinstance(operand, restriction.Not):
        operand, negated = operand.restriction, not negated
    return operand, negated


def _spread(items: Iterable[Any], kind: type) -> list[Any]:
    """Return the items of a list, those of a list of the same kind inside it in its place."""
    spread: list[Any] = []
    todo = [iter(items)]
    while todo:
        for item in todo[-1]:
            if type(item) is kind:
                todo.append(iter(item))
                break
            spread.append(item)
        else:
            todo.pop()
    return spread


def _other(
    query: Query, operand: Any, connection: Connection, semantic: bool, depth: int
) -> tuple[Condition, Values]:
    if isinstance(operand, bool) or type(operand).__name__ in ("bool_", "bool"):
        return Const(bool(operand)), ()
    if is_universal(operand):
        return Const(True), ()
    if is_record(operand):
        return _mapping(query.heading, record(operand), connection)
    items = items_of(operand)
    if items is None:
        raise QueryError(
            f"Invalid restriction type {type(operand).__name__}: {readers.show(operand)}.",
            hint="Restrict by text, a dict, a list of these, an expression, dj.AndList, dj.Not or dj.Top.",
        )
    if depth >= DEEPEST:
        raise too_deep("lists of conditions within each other")
    if isinstance(operand, restriction.AndList):
        return _terms(All, query, _spread(items, restriction.AndList), connection, semantic, depth + 1)
    items = _spread(items, list) if list in {*map(type, items)} else items
    return _any(query, items, connection, semantic, depth + 1)


def _text(query: Query, text: str, connection: Connection) -> tuple[Condition, Values]:
    if not text.strip():
        raise QueryError("An empty text is no condition.", hint="Use True to keep all rows.")
    if text.strip().lower() in ("true", "false"):
        return Const(text.strip().lower() == "true"), ()
    fragment, values = fragments.parse_condition(text, query.plan.heading, connection.dialect.name)
    return Text(fragment), values


def _terms(
    kind: type[All | Any_],
    query: Query,
    items: Sequence[Any],
    connection: Connection,
    semantic: bool,
    depth: int,
) -> tuple[Condition, Values]:
    terms: list[Condition] = []
    values: list[Any] = []
    for item in items:
        found, more = condition(query, item, connection, semantic, depth)
        terms.append(found)
        values += more
    return kind(tuple(terms)), tuple(values)


# --------------------------------------------------------------------------------------- dicts and keys

_Reader = Callable[[Any], Any]


def reader(attribute: Attribute, connection: Connection) -> _Reader:
    """Return the function that reads a value compared with an attribute; raises QueryError."""
    if attribute.dtype.kind in ("codec", "blob", "json"):
        raise QueryError(
            f"Attribute `{attribute.name}` of type {attribute.type} cannot be compared with a value.",
            hint="Restrict by other attributes, or leave it out of the dict.",
        )
    read = readers.operand(attribute.dtype)

    with_zones = attribute.dtype.kind in ZONED

    def checked(value: Any) -> Any:
        if with_zones and connection.config.interop.zones == "keep":
            value = moments.without_zone(value)
        try:
            return read(value) if read else value
        except (ValueError, TypeError) as error:
            raise QueryError(f"Attribute `{attribute.name}` ({attribute.type}): {error}") from error

    return checked


def quick(query: Query, operand: str | dict[Any, Any], connection: Connection) -> Query | None:
    """Restrict by a text seen before, or a dict of plain values: one look-up finds plan and readers.

    None where more than a look-up is needed: see `restrict`.
    """
    plan = query.plan
    if isinstance(operand, str):
        known = plan.restricted_by(operand)
        return None if known is None else Query(known[0], (*query.values, *known[1]))
    key = ("dict", *operand)
    found = plan.child(key)
    if found is None:
        found = _readers(query, operand, connection)
        if found is None:
            return None
        plan.keep(key, found)
    child, readers = found
    values: list[Any] = []
    for name, plain, read in readers:
        value = operand[name]
        if type(value) is not plain:  # pyright: ignore[reportUnknownArgumentType]
            if value is None or (type(value) not in _PLAIN and hasattr(type(value), "__iter__")):  # pyright: ignore[reportUnknownArgumentType]
                return None
            value = read(value)
            if value is None:
                return None
        values.append(value)
    return Query(child, (*query.values, *values))


def _readers(
    query: Query, operand: dict[Any, Any], connection: Connection
) -> tuple[Plan, tuple[tuple[Any, type | None, _Reader], ...]] | None:
    """Return the plan of a restriction by a dict, and what reads its values; None for the long way."""
    plan, heading = query.plan, query.plan.heading
    if any(name not in heading and _path(heading, name) for name in operand):
        return None
    names = [name for name in operand if name in heading]
    if len(names) < len(operand):
        if not names or not misspelt.refuses(connection):
            return None
        if misspelt.slips(_texts(operand), heading):
            return None
        misspelt.check_names(_lacking(operand, heading), heading, connection, restricts=True)
    readers = tuple((name, _taken_as_is(heading[name]), reader(heading[name], connection)) for name in names)
    terms = tuple(Equals(name) for name in names)
    whole = build.restrict(query, All(terms) if len(terms) != 1 else terms[0], ()).plan if terms else plan
    return whole, readers


def _taken_as_is(attribute: Attribute) -> type | None:
    """Return the class whose values are compared as they are; None where all are read."""
    return int if attribute.dtype.kind in INTEGERS else None


def _mapping(
    heading: Heading, operand: Mapping[Any, Any], connection: Connection
) -> tuple[Condition, Values]:
    terms: list[Condition] = []
    lacking: list[str] = []
    values: Values = ()
    for name, given in operand.items():
        if name in heading:
            found, more = _equals(heading, name, given, connection)
        elif path := _path(heading, name):
            found, more = _at_path(heading, path, given, connection)
        else:
            lacking.append(str(name))  # QRY-12: a row of another table restricts by what they share
            continue
        terms.append(found)
        values += more
    if lacking:
        misspelt.check_names(lacking, heading, connection, restricts=bool(terms))
    if operand and not terms:
        return Ignored(True, _texts(operand)), ()
    if len(terms) < len(operand) and (slips := misspelt.slips(_texts(operand), heading)):
        terms.append(Ignored(True, slips))
    return (terms[0] if len(terms) == 1 else All(tuple(terms))), values


def _lacking(names: Iterable[Any], heading: Heading) -> list[str]:
    return [str(name) for name in names if name not in heading]


def _texts(operand: Mapping[Any, Any]) -> tuple[str, ...]:
    return tuple(map(str, operand))


def unshared(heading: Heading, operand: Any) -> tuple[str, ...]:
    """Return the names in a dict, or in one in a collection, that shares no name with a heading.

    Examples
    --------
    >>> unshared(Heading([]), [{"speces": "rat"}])
    ('speces',)
    """
    todo = [operand]
    while todo:
        operand = todo.pop()
        if is_mapping(operand):
            if operand and not any(name in heading or _path(heading, name) for name in operand):
                return _texts(operand)
        elif isinstance(operand, restriction.Not):
            todo.append(operand.restriction)
        elif isinstance(operand, (list, tuple, set)):
            todo.extend(reversed(items_of(operand) or ()))
    return ()


def _equals(heading: Heading, name: str, given: Any, connection: Connection) -> tuple[Condition, Values]:
    read = reader(heading[name], connection)
    if is_mapping(given) or isinstance(getattr(given, "query", None), Query):
        raise QueryError(
            f"Attribute `{name}` cannot be compared with {type(given).__name__}.",
            hint="Restrict by the expression itself: A & B.",
        )
    several = None if given is None else values_of(given)
    if several is not None:
        known = [(value,) for item in several if item is not None and (value := read(item)) is not None]
        found = InValues((name,))
        return (found if len(known) == len(several) else Any_((found, IsNull(name)))), (known,)
    value = None if given is None else read(given)
    return (IsNull(name), ()) if value is None else (Equals(name), (value,))


# ------------------------------------------------------------------------------------- paths within json

_PATH = re.compile(r"([a-z_][a-z0-9_]*)(?:\.\w+|\[\d+\])+\s*(?::\s*\w[\w(), ]*)?")


def _path(heading: Heading, name: Any) -> str | None:
    """Return a key such as ``attribute.a.b[0]:type`` if it leads into a json attribute (QRY-24)."""
    found = _PATH.fullmatch(name) if isinstance(name, str) else None
    return name if found and found[1] in heading and heading[found[1]].json else None


def _at_path(heading: Heading, path: str, given: Any, connection: Connection) -> tuple[Condition, Values]:
    several = None if given is None else values_of(given)
    if several is not None:
        text = f"{path} in ({', '.join(_literal(path, item) for item in several)})" if several else "false"
    else:
        text = f"{path} is null" if given is None else f"{path} = {_literal(path, given)}"
    fragment, values = fragments.parse_condition(text, heading, connection.dialect.name)
    return Text(fragment), values


def _literal(path: str, value: Any) -> str:
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, Decimal)) and abs(value) < float("inf"):
        return str(value)
    if isinstance(value, (str, UUID, date)):
        return "'" + str(value).replace("'", "''") + "'"
    raise QueryError(
        f"What is at `{path}` cannot be compared with {readers.show(value)}.",
        hint="Compare with a number or text.",
    )


# ------------------------------------------------------------------------------------------- collections

_COMPARABLE = frozenset(kind for kind, record in KINDS.items() if record.comparable)
"""Types whose values, where insert takes them unchanged, are compared as insert stores them."""


def _any(
    query: Query, items: Sequence[Any], connection: Connection, semantic: bool, depth: int
) -> tuple[Condition, Values]:
    """Return the disjunction of the items; dicts of the same attributes are one list, one parameter."""
    plain = _plain_keys(query.heading, items)
    if plain is not None:
        return plain
    alike: dict[Any, list[Any]] = {}
    for n, item in enumerate(items):
        alike.setdefault(_shape(query.heading, item) or n, []).append(item)
    terms: list[Condition] = []
    values: list[Any] = []
    for shape, group in alike.items():
        if len(group) > 1:
            found, more = _listed(query.heading, shape, group, connection)
        else:
            found, more = condition(query, group[0], connection, semantic, depth)
        terms.append(found)
        values += more
    return (terms[0] if len(terms) == 1 else Any_(tuple(terms))), tuple(values)


def _plain_keys(heading: Heading, items: Sequence[Any]) -> tuple[Condition, Values] | None:
    """Read many dicts of the same attributes and ordinary values column by column: keys as fetched."""
    if len(items) < 2 or {*map(type, items)} != {dict}:
        return None
    names = tuple(items[0])
    if not names or {*map(len, items)} != {len(names)}:
        return None
    if any(name not in heading or heading[name].dtype.kind not in _COMPARABLE for name in names):
        return None
    try:
        columns = [list(map(itemgetter(name), items)) for name in names]
    except KeyError:
        return None
    for name, column in zip(names, columns, strict=True):
        try:
            if None in column or readers.check_column(heading[name].dtype, column) is not column:
                return None
        except ValueError:  # a value that no row can hold
            return None
    rows = Fitting([heading[name].dtype for name in names], zip(*columns, strict=True))
    return InValues(names), (rows,)


def _shape(heading: Heading, item: Any) -> tuple[tuple[str, bool], ...] | None:
    """Return which attributes a dict names, and where it holds None; None: no dict of single values."""
    kind: Any = type(item)  # pyright: ignore[reportUnknownVariableType]
    if kind is not dict:
        return None
    shape: list[tuple[str, bool]] = []
    names: list[Any] = list(item)
    for name in sorted(names, key=str):
        if name not in heading:
            if _path(heading, name):
                return None
            continue
        value = item[name]
        kind = type(value)  # pyright: ignore[reportUnknownVariableType]
        if kind not in _PLAIN and hasattr(kind, "__iter__"):
            return None
        shape.append((name, _missing(value)))
    return tuple(shape)


def _missing(value: Any) -> bool:
    """Whether a value means NULL: None, or NaN and its like in frames."""
    if value is None or type(value).__name__ == "NAType":
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    try:
        return bool(value != value)  # noqa: PLR0124
    except (TypeError, ValueError, ArithmeticError, RuntimeError):  # it is refused later, by name
        return False


def _listed(
    heading: Heading, shape: tuple[tuple[str, bool], ...], rows: Sequence[Any], connection: Connection
) -> tuple[Condition, Values]:
    names = tuple(name for name, missing in shape if not missing)
    readers = [reader(heading[name], connection) for name in names]
    values = [tuple(read(row[name]) for read, name in zip(readers, names, strict=True)) for row in rows]
    terms: list[Condition] = [IsNull(name) for name, missing in shape if missing]
    terms += [InValues(names)] if names else []
    named = dict.fromkeys(name for row in rows for name in row)
    if lacking := _lacking(named, heading):
        misspelt.check_names(lacking, heading, connection, restricts=bool(shape))
    if slips := misspelt.slips(_texts(named), heading):
        terms.append(Ignored(True, slips))
    return (terms[0] if len(terms) == 1 else All(tuple(terms))), (values,) if names else ()
