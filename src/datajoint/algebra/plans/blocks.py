"""SQL-shaped values: what one SELECT holds, after neighbouring operators have been fused into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datajoint._value import Value
from datajoint.heading.names import TableName
from datajoint.heading.types import AttributeType

if TYPE_CHECKING:
    from datajoint.algebra.text.fragment import Fragment

__all__ = [
    "Block", "Derived", "Expr", "Item", "Null", "P_All", "P_Any", "P_Const", "P_Equals", "P_Exists", "P_In",
    "P_IsNull", "P_Not", "P_Same", "P_Text", "Predicate", "Ref", "Scope", "UnionBlock",
]  # fmt: skip


class Ref(Value):
    """A column of a source of the block."""

    alias: str
    name: str
    dtype: AttributeType


class Derived(Value):
    """An expression over other columns."""

    fragment: Fragment
    scope: Scope

    @property
    def dtype(self) -> AttributeType:
        """Type of the result."""
        return self.fragment.dtype


class Null(Value):
    """NULL of a type."""

    dtype: AttributeType


Expr = Ref | Derived | Null
Scope = dict[str, Expr]


class P_Const(Value):  # noqa: N801
    """True or false."""

    value: bool


class P_Equals(Value):  # noqa: N801
    """Expression equals value number `index`."""

    expr: Expr
    index: int


class P_Same(Value):  # noqa: N801
    """Two expressions are equal; with `nulls`, NULL equals NULL."""

    left: Expr
    right: Expr
    nulls: bool = False


class P_IsNull(Value):  # noqa: N801
    """Expression is NULL."""

    expr: Expr


class P_In(Value):  # noqa: N801
    """Expressions equal one tuple of the list that is value number `index`."""

    exprs: tuple[Expr, ...]
    index: int


class P_Exists(Value):  # noqa: N801
    """A row of the block exists for which all pairs are the same, ``inner = outer``.

    Where the block cannot take further conditions (`whole`), it is compared as a list.
    """

    block: Block
    pairs: tuple[P_Same, ...]
    whole: bool


class P_Text(Value):  # noqa: N801
    """Text of the user; its values begin at number `offset`."""

    fragment: Fragment
    scope: Scope
    offset: int


class P_All(Value):  # noqa: N801
    """Conjunction."""

    terms: tuple[Predicate, ...]


class P_Any(Value):  # noqa: N801
    """Disjunction."""

    terms: tuple[Predicate, ...]


class P_Not(Value):  # noqa: N801
    """Negation."""

    term: Predicate


Predicate = P_Const | P_Equals | P_Same | P_IsNull | P_In | P_Exists | P_Text | P_All | P_Any | P_Not


class Item(Value):
    """A source of rows and how it is joined to those before it: ``inner`` (the first, too) or ``left``."""

    kind: str
    relation: TableName | Block | UnionBlock
    alias: str
    on: tuple[P_Same, ...] = ()


class UnionBlock(Value):
    """Rows of all branches, one after the other; all have the same columns.

    With `keys`, of equal keys only those of the branch whose column `NUMBER` is lowest.
    """

    NUMBER = "_number"

    branches: tuple[Block, ...]
    keys: tuple[str, ...] | None = None


class Block(Value):
    """One SELECT.

    Attributes
    ----------
    columns
        The select list, in order.
    hidden
        Columns of the platform that conditions may name.
    groups
        What rows are grouped by; () is one group of everything, None is no grouping.
    sorts
        Whether rows are better sorted into groups than looked up one by one along an index.
    occupied
        Whether the one group of everything must have a row to be there.
    order
        ``(expression, descending, may be NULL)``.
    limit, offset
        Numbers of the values, or None.
    """

    sources: tuple[Item, ...]
    columns: Scope
    hidden: Scope
    where: tuple[Predicate, ...] = ()
    groups: tuple[Expr, ...] | None = None
    grouped: frozenset[str] = frozenset()
    sorts: bool = False
    occupied: bool = False
    distinct: bool = False
    order: tuple[tuple[Expr, bool, bool], ...] = ()
    limit: int | None = None
    offset: int | None = None

    @property
    def limited(self) -> bool:
        """Whether rows are cut off."""
        return self.limit is not None or self.offset is not None

    @property
    def plain(self) -> bool:
        """Whether further joins and conditions may be added as they are."""
        return self.groups is None and not self.distinct and not self.limited
