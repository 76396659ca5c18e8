"""Statements: SQL text of one structure, and how its values become the parameters of the driver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from datajoint._value import Value
from datajoint.backends.base import Dialect
from datajoint.errors import QueryError
from datajoint.heading.types import AttributeType

__all__ = ["MOST_CHARACTERS", "Slot", "Statement", "assemble", "bounded", "too_long"]


MOST_CHARACTERS = 200_000
"""Characters of an expression: conversions and functions repeat their arguments, and that multiplies."""


def bounded(sql: str) -> str:
    """Return SQL, if it has not become too long by the repetition of its parts.

    Examples
    --------
    >>> bounded("ln(x)")
    'ln(x)'
    """
    if len(sql) > MOST_CHARACTERS:
        raise too_long()
    return sql


def too_long() -> QueryError:
    """Return the error of an expression that repetition makes too long.

    Examples
    --------
    >>> too_long().code
    'DJ300'
    """
    return QueryError(
        "The expression is too long when it is written for the database, as its functions are nested.",
        hint="Nest fewer of them, or compute the value in Python.",
    )


class Slot(Value):
    """A place for value number `index`; a list of rows where `dtypes` are several types."""

    index: int
    dtypes: tuple[AttributeType, ...]
    is_list: bool = False


class Statement:
    """SQL text with its parameters.

    Attributes
    ----------
    text
        As the driver takes it.
    bind
        Function from the values of a query to the parameters of the driver.
    """

    __slots__ = ("bind", "text")

    def __init__(self, text: str, bind: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        self.text = text
        self.bind = bind


Pieces = list[str | Slot]


def assemble(pieces: Sequence[str | Slot], dialect: Dialect, count: int = 0) -> Statement:
    """Number the parameters, after `count` that come before them, and return the statement."""
    text: list[str] = []
    plain: list[str] = []  # what follows the last parameter
    slots: list[Slot] = []
    for piece in pieces:
        if isinstance(piece, str):
            plain.append(piece)
            continue
        text.append(dialect.escape("".join(plain)))
        plain.clear()
        slots.append(piece)
        if piece.is_list:
            n = dialect.list_parameters(piece.dtypes)
            marks = [dialect.parameter(count + i + 1) for i in range(n)]
            text.append(dialect.list_source(piece.dtypes, marks))
            count += n
        else:
            count += 1
            (dtype,) = piece.dtypes
            text.append(dialect.write(dtype, dialect.parameter(count, dtype)))
    text.append(dialect.escape("".join(plain)))
    return Statement("".join(text), _binder(slots, dialect))


def _binder(slots: Sequence[Slot], dialect: Dialect) -> Callable[[Sequence[Any]], Sequence[Any]]:
    order = [slot.index for slot in slots]
    if [slot for slot in slots if slot.is_list]:
        return _list_binder(slots, dialect)
    # Values of a query are only compared: one that its type could not hold matches nothing and is no error.
    encoders = [
        (n, encoder) for n, slot in enumerate(slots) if (encoder := dialect.operand_encoder(slot.dtypes[0]))
    ]
    straight = order == [*range(len(order))]
    if not encoders:
        return _same if straight else lambda values: [values[i] for i in order]
    if straight and len(order) == 1:
        ((_, encode),) = encoders
        return lambda values: (encode(values[0]),)

    def bind(values: Sequence[Any]) -> Sequence[Any]:
        parameters = [values[i] for i in order]
        for n, encode in encoders:
            parameters[n] = encode(parameters[n])
        return parameters

    return bind


def _same(values: Sequence[Any]) -> Sequence[Any]:
    return values


def _list_binder(slots: Sequence[Slot], dialect: Dialect) -> Callable[[Sequence[Any]], Sequence[Any]]:
    encoders = [None if slot.is_list else dialect.operand_encoder(slot.dtypes[0]) for slot in slots]

    def bind(values: Sequence[Any]) -> Sequence[Any]:
        parameters: list[Any] = []
        for slot, encode in zip(slots, encoders, strict=True):
            value = values[slot.index]
            if slot.is_list:
                parameters.extend(dialect.encode_list(slot.dtypes, value))
            else:
                parameters.append(encode(value) if encode else value)
        return parameters

    return bind
