"""From what a user writes after ``&`` or ``-`` to a condition and its values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence, Set as AbstractSet
from typing import Any, Protocol, runtime_checkable

from datajoint.algebra import build
from datajoint.algebra.fragment import parse_condition
from datajoint.algebra.nodes import All, Any_, Condition, Const, Equals, InValues, IsNull, Query, Text
from datajoint.errors import QueryError
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.values import operand as operand_reader
from datajoint.query import restriction

__all__ = ["AsQuery", "condition", "restrict"]

Values = tuple[Any, ...]


@runtime_checkable
class AsQuery(Protocol):
    """What has a query: expressions, tables."""

    @property
    def query(self) -> Query:
        """Plan and values."""
        ...


def restrict(query: Query, operand: Any, backend: str, semantic: bool = True, negated: bool = False) -> Query:
    """Return the rows of `query` that `operand` keeps (negated: drops)."""
    if type(operand) is dict and not negated:
        quick = _quick_dict(query, operand)
        if quick is not None:
            return quick
    if isinstance(operand, restriction.Top):
        if negated:
            raise QueryError(
                "A Top cannot be subtracted.", hint="Subtract the restricted query: A - (A & dj.Top(...))."
            )
        order = restriction.read_order(operand.order_by, query.heading.key)
        return build.top(query, order, operand.limit, operand.offset)
    if isinstance(operand, restriction.AndList) and not negated:
        for item in operand:
            query = restrict(query, item, backend, semantic)
        return query
    found, values = condition(query, operand, backend, semantic)
    return build.restrict(query, build.negate(found) if negated else found, values)


def condition(query: Query, operand: Any, backend: str, semantic: bool = True) -> tuple[Condition, Values]:
    """Return the condition and values that an operand stands for.

    Raises
    ------
    QueryError
        When it can be none.
    """
    if inspect.isclass(operand):
        operand = operand()
    if isinstance(operand, AsQuery):
        return build.matching(query, operand.query, semantic)
    if isinstance(operand, str):
        return _text(query, operand, backend)
    if isinstance(operand, restriction.Not):
        found, values = condition(query, operand.restriction, backend, semantic)
        return build.negate(found), values
    if isinstance(operand, restriction.Top):
        raise QueryError(
            "A Top restricts a whole expression: it cannot stand in a list, under Not or after -.",
            hint="Write A & dj.Top(...) first, and use that as the operand.",
        )
    if isinstance(operand, Mapping):
        return _mapping(query.heading, operand)
    return _other(query, operand, backend, semantic)


def _other(query: Query, operand: Any, backend: str, semantic: bool) -> tuple[Condition, Values]:
    if isinstance(operand, bool) or type(operand).__name__ in ("bool_", "bool"):
        return Const(bool(operand)), ()
    if getattr(operand, "is_universal", False):
        return Const(True), ()
    if _is_record(operand):
        return _mapping(query.heading, {name: operand[name] for name in operand.dtype.names})
    if hasattr(operand, "to_dict") and hasattr(operand, "columns"):
        return _frame(query, operand)
    items = _items(operand)
    if isinstance(operand, restriction.AndList):
        return _terms(All, query, items, backend, semantic)
    return _keys(query.heading, items) or _terms(Any_, query, items, backend, semantic)


def _is_record(operand: Any) -> bool:
    return type(operand).__module__ == "numpy" and type(operand).__name__ in ("void", "record")


def _items(operand: Any) -> Sequence[Any]:
    if isinstance(operand, (Sequence, AbstractSet)) and not isinstance(operand, (bytes, bytearray)):
        return list(operand)
    if inspect.isgenerator(operand) or type(operand).__name__ in (
        "ndarray",
        "recarray",
        "zip",
        "map",
        "filter",
    ):
        return list(operand)
    if isinstance(operand, Iterable) and type(operand).__name__ in ("dict_keys", "dict_values"):
        return list(operand)
    raise QueryError(
        f"Invalid restriction type {type(operand).__name__}: {operand!r:.80}.",
        hint="Restrict by text, a dict, a list of these, another expression, dj.AndList, dj.Not or dj.Top.",
    )


def _text(query: Query, text: str, backend: str) -> tuple[Condition, Values]:
    if not text.strip():
        raise QueryError("An empty text is no condition.", hint="Use True to keep all rows.")
    if text.strip().lower() in ("true", "false"):
        return Const(text.strip().lower() == "true"), ()
    key = ("text", text, backend)
    found = query.plan.child(key)
    if found is None:
        fragment, values = parse_condition(text, query.heading, backend)
        found = query.plan.keep(key, (Text(fragment), values))
    return found


def _terms(
    kind: type[All | Any_], query: Query, items: Sequence[Any], backend: str, semantic: bool
) -> tuple[Condition, Values]:
    terms: list[Condition] = []
    values: Values = ()
    for item in items:
        found, more = condition(query, item, backend, semantic)
        terms.append(found)
        values += more
    return kind(tuple(terms)), values


# --------------------------------------------------------------------------------------- dicts and keys

_Reader = Callable[[Any], Any]


def reader(attribute: Attribute) -> _Reader:
    """Return the function that reads a value compared with an attribute; raises QueryError."""
    if attribute.dtype.kind in ("codec", "blob", "json"):
        raise QueryError(
            f"Attribute `{attribute.name}` of type {attribute.type} cannot be compared with a value.",
            hint="Restrict by other attributes, or leave it out of the dict.",
        )
    read = operand_reader(attribute.dtype)

    def checked(value: Any) -> Any:
        try:
            return read(value) if read else value
        except (ValueError, TypeError) as error:
            raise QueryError(f"Attribute `{attribute.name}` ({attribute.type}): {error}") from error

    return checked


def _quick_dict(query: Query, operand: dict[Any, Any]) -> Query | None:
    """Restrict by a dict of plain values: one look-up finds plan and readers, whatever the values are."""
    plan = query.plan
    key = ("dict", *operand)
    found = plan.child(key)
    if found is None:
        heading = plan.heading
        names = [name for name in operand if name in heading]
        readers = tuple((name, reader(heading[name])) for name in names)
        terms = tuple(Equals(name) for name in names)
        whole = build.restrict(query, All(terms) if len(terms) != 1 else terms[0], ()).plan if terms else plan
        found = plan.keep(key, (whole, readers))
    child, readers = found
    values: list[Any] = []
    for name, read in readers:
        value = operand[name]
        kind = type(value)
        if value is None or kind is list or kind is tuple or kind is set:
            return None
        value = read(value)
        if value is None:
            return None
        values.append(value)
    return Query(child, query.values + tuple(values))


def _mapping(heading: Heading, operand: Mapping[Any, Any]) -> tuple[Condition, Values]:
    terms: list[Condition] = []
    values: list[Any] = []
    for name, given in operand.items():
        if name not in heading:
            continue
        if isinstance(given, (list, tuple, set, frozenset)) or type(given).__name__ == "ndarray":
            read = reader(heading[name])
            terms.append(InValues((name,)))
            values.append(
                [(value,) for item in given if item is not None and (value := read(item)) is not None]
            )
            continue
        if isinstance(given, (AsQuery, Mapping)):
            raise QueryError(
                f"Attribute `{name}` cannot be compared with {type(given).__name__}.",
                hint="Restrict by the expression itself: A & B.",
            )
        value = None if given is None else reader(heading[name])(given)
        terms.append(IsNull(name) if value is None else Equals(name))
        values += [] if value is None else [value]
    if not terms:
        return Const(True), ()
    return (terms[0] if len(terms) == 1 else All(tuple(terms))), tuple(values)


def _keys(heading: Heading, items: Sequence[Any]) -> tuple[Condition, Values] | None:
    """Many dicts of the same attributes are one list, one parameter."""
    if len(items) < 2 or not all(type(item) is dict for item in items):
        return None
    names = tuple(name for name in items[0] if name in heading)
    shared = [tuple(name for name in item if name in heading) for item in items] if names else []
    if not names or any(set(other) != set(names) for other in shared):
        return None
    readers = [reader(heading[name]) for name in names]
    rows: list[tuple[Any, ...]] = []
    for item in items:
        given = [item[name] for name in names]
        if any(value is None or isinstance(value, (list, tuple, set)) for value in given):
            return None
        row = tuple(read(value) for read, value in zip(readers, given, strict=True))
        if None in row:
            return None
        rows.append(row)
    return InValues(names), (rows,)


def _frame(query: Query, operand: Any) -> tuple[Condition, Values]:
    """A data frame is the list of its rows; a named index takes part."""
    frame = operand.reset_index() if any(getattr(operand, "index", None).names or ()) else operand  # type: ignore[union-attr]
    items = frame.to_dict("records") if hasattr(frame, "iloc") else frame.to_dicts()
    found = _keys(query.heading, items)
    if found:
        return found
    terms = [_mapping(query.heading, item) for item in items]
    return Any_(tuple(term for term, _ in terms)), tuple(value for _, more in terms for value in more)
