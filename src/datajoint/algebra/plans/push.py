"""Pushing conditions into inner blocks: what a join equates may be restricted on both sides.

A SELECT inside FROM that groups, limits or unites is computed whole by most databases before the join
sees it. A condition on attributes that the join equates with columns of the inner block holds there, too;
written inside, it leaves fewer rows to group. The condition outside stays, so this never changes the rows.
"""

from __future__ import annotations

from collections.abc import Callable

from datajoint._value import replace
from datajoint.algebra.plans.blocks import Block, Item, P_Same, Predicate, Ref, UnionBlock
from datajoint.algebra.plans.nodes import All, Any_, Condition, Matches, Not
from datajoint.heading.names import TableName

__all__ = ["push"]

Make = Callable[[Block, Condition, int], Predicate]
Takes = Callable[[Block, "frozenset[str] | None"], bool]


def push(
    block: Block, condition: Condition, names: frozenset[str], offset: int, make: Make, takes: Takes
) -> Block:
    """Return the block with a condition written into every inner block that it restricts.

    Parameters
    ----------
    names
        Attributes of the condition.
    make
        Lowers the condition over the columns of a block.
    takes
        Whether a condition on some columns may stand in the WHERE of a block.
    """
    if not names or _has_query(condition):
        return block
    if any(item.kind not in ("inner", "left") for item in block.sources):
        return block
    sources = tuple(_pushed(block, item, condition, names, offset, make, takes) for item in block.sources)
    return block if sources == block.sources else replace(block, sources=sources)


def _pushed(
    block: Block, item: Item, condition: Condition, names: frozenset[str], offset: int, make: Make,
    takes: Takes,
) -> Item:  # fmt: skip
    if isinstance(item.relation, TableName):
        return item
    columns = {name: _inner_name(block, item, name) for name in names}
    found = {name: column for name, column in columns.items() if column is not None}
    if len(found) < len(names):
        return item

    def restricted(inner: Block) -> Block:
        if not takes(inner, frozenset(found.values())):
            return inner
        named = {name: inner.columns[column] for name, column in found.items()}
        view = replace(inner, columns=named, hidden={})
        deeper = push(view, condition, names, offset, make, takes)
        return replace(inner, where=(*inner.where, make(view, condition, offset)), sources=deeper.sources)

    if isinstance(item.relation, UnionBlock):
        keys = item.relation.keys
        if keys is not None and not {*found.values()} <= {*keys}:
            return item  # a row left out would let the row of a later branch appear
        branches = tuple(restricted(branch) for branch in item.relation.branches)
        return replace(item, relation=UnionBlock(branches, keys))
    return replace(item, relation=restricted(item.relation))


def _inner_name(block: Block, item: Item, name: str) -> str | None:
    """Column of the inner block that always equals an attribute of the outer one."""
    expr = block.columns.get(name)
    if isinstance(expr, Ref) and expr.alias == item.alias:
        return expr.name if item.kind == "inner" else None
    for pair in (*item.on, *(term for term in block.where if isinstance(term, P_Same))):
        for one, other in ((pair.left, pair.right), (pair.right, pair.left)):
            if one == expr and isinstance(other, Ref) and other.alias == item.alias:
                return other.name
    return None


def _has_query(condition: Condition) -> bool:
    match condition:
        case Matches():
            return True
        case All(terms) | Any_(terms):
            return any(_has_query(term) for term in terms)
        case Not(term):
            return _has_query(term)
        case _:
            return False
