"""The objects a restriction may be built from: `AndList`, `Not`, `Top`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datajoint._edge import edge
from datajoint.errors import QueryError

if TYPE_CHECKING:
    from datajoint.heading.heading import Heading

__all__ = ["AndList", "Not", "OrList", "Top", "read_order"]


class AndList(list[Any]):
    """A list of conditions that must all hold; empty, it keeps every row (QRY-16).

    Examples
    --------
    >>> AndList(["a > 1", {"b": 2}])
    AndList(['a > 1', {'b': 2}])
    """

    def append(self, item: Any) -> None:
        """Add a condition; the items of another `AndList` are added one by one."""
        if isinstance(item, AndList):
            self.extend(item)
        else:
            super().append(item)

    def __repr__(self) -> str:
        return f"AndList({super().__repr__()})"


class OrList(list[Any]):
    """A list of conditions of which one must hold, as in any list; older code names it (QRY-13).

    Examples
    --------
    >>> OrList(["a > 1", {"b": 2}])
    ['a > 1', {'b': 2}]
    """


class Not:
    """The negation of a condition (QRY-16).

    Examples
    --------
    >>> Not("a > 1")
    Not('a > 1')
    """

    def __init__(self, restriction: Any) -> None:
        self.restriction = restriction

    def __repr__(self) -> str:
        return f"Not({self.restriction!r})"


@edge
class Top:
    """The first rows of an expression in some order (QRY-56).

    Parameters
    ----------
    limit
        Number of rows; None only orders.
    order_by
        An attribute, ``"attribute DESC"``, ``"KEY"``, ``"KEY DESC"`` or a list of these; None keeps the order
        of a `Top` that it follows, else means ``"KEY"``.
    offset
        Number of rows to skip.

    Examples
    --------
    >>> Top(5, "score DESC")
    Top(limit=5, order_by='score DESC', offset=0)
    """

    def __init__(self, limit: int | None = 1, order_by: Any = "KEY", offset: int = 0) -> None:
        for name, value in (("limit", limit), ("offset", offset)):
            if value is None and name == "limit":
                continue
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise TypeError(f"{name} must be a whole number, not {value!r}.")
            if int(value) < 0:  # type: ignore[arg-type]
                raise ValueError(f"{name} must not be negative: {value}.")
        if order_by is not None and not isinstance(order_by, str):
            given: Any = order_by
            terms: list[Any] = list(given) if hasattr(given, "__iter__") else [given]
            if not all(isinstance(term, str) for term in terms):
                raise TypeError(f"order_by must be text or a list of texts, not {order_by!r}.")
            order_by = terms
        self.limit = None if limit is None else int(limit)
        self.order_by = order_by
        self.offset = int(offset)

    def __repr__(self) -> str:
        return f"Top(limit={self.limit}, order_by={self.order_by!r}, offset={self.offset})"


def read_order(order_by: str | Sequence[str] | None, heading: Heading) -> tuple[tuple[str, bool], ...] | None:
    """Return ``((attribute, descending), …)`` for the text of an order; None for None.

    Raises
    ------
    QueryError
        When a term is not ``attribute [ASC|DESC]``.
    """
    if order_by is None:
        return None
    terms: dict[str, bool] = {}
    for text in [order_by] if isinstance(order_by, str) else order_by:
        for part in str(text).split(","):
            words = part.replace("`", "").split()
            direction = words[1].upper() if len(words) == 2 else "ASC"
            if not 1 <= len(words) <= 2 or direction not in ("ASC", "DESC"):
                raise QueryError(
                    f"Cannot order by {part.strip()!r}.", hint="Write 'attribute', 'attribute DESC' or 'KEY'."
                )
            for name in _ordered(words[0], heading):
                terms.setdefault(name, direction == "DESC")
    return tuple(terms.items())


def _ordered(word: str, heading: Heading) -> Sequence[str]:
    """Return the attributes that a word of an order stands for; an attribute may be called `key`."""
    if word.upper() != "KEY" or (word != "KEY" and word in heading):
        return [word]
    return heading.key
