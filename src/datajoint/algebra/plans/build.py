"""Smart constructors of the algebra: each checks its operands, computes the heading and interns the plan."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datajoint._value import Value, replace
from datajoint.algebra.plans import aggregates as grouping
from datajoint.algebra.plans.nodes import (
    DEEPEST,
    Aggregate,
    All,
    Condition,
    Const,
    Distinct,
    GroupBy,
    Join,
    Matches,
    Plan,
    Project,
    Query,
    Restrict,
    Top,
    Union,
    deepest,
    shallow,
)
from datajoint.algebra.text import fragment as fragments
from datajoint.errors import QueryError, SemanticMatchError
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.keys import Semantic, determines, join_heading, match, union_heading

if TYPE_CHECKING:
    from datajoint.algebra.text.fragment import Fragment

__all__ = [
    "Computed",
    "aggregate",
    "aggregated",
    "distinct",
    "group_by",
    "grouped",
    "join",
    "matching",
    "project",
    "projected",
    "restrict",
    "top",
    "union",
]

_TERMS = 256
"""Number of conditions in one conjunction, beyond which the next restriction is a plan of its own."""

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_CONSTANTS = frozenset({"null", "true", "false", "current_timestamp", "current_date", "current_time"})
_DUPLICATE = re.compile(r"\(\s*([a-z_][a-z0-9_]*)\s*\)")


class Computed:
    """Origin of attributes whose values come about in a plan: computed, or NULL for lack of a partner."""

    __slots__ = ("node",)

    def __init__(self, node: Plan) -> None:
        self.node = node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Computed) and self.node is other.node

    def __hash__(self) -> int:
        return id(self.node)


def restrict(query: Query, condition: Condition, values: tuple[Any, ...] = ()) -> Query:
    """Return the rows of `query` that fulfil `condition`."""
    if type(condition) is Const and condition.value:
        return query
    plan = query.plan
    child = plan.child(condition) or plan.keep(condition, _restricted(plan, condition))
    return Query(child, query.values + values)


def _restricted(plan: Plan, condition: Condition) -> Plan:
    # Chains of restrictions become one conjunction, so that T & a & b and T & AndList([a, b]) share a plan.
    if isinstance(plan, Restrict):
        terms = plan.condition.terms if isinstance(plan.condition, All) else (plan.condition,)
        more = condition.terms if isinstance(condition, All) else (condition,)
        if len(terms) + len(more) <= _TERMS:
            node = Restrict(plan.operand, All((*terms, *more)))
            node.depth = max(plan.depth, 1 + deepest(condition))
            return shallow(node)
    node = Restrict(plan, condition)
    node.depth = 1 + max(plan.depth, deepest(condition))
    return shallow(node)


def matching(query: Query, other: Query, semantic: Semantic = True) -> tuple[Condition, tuple[Any, ...]]:
    """Return the condition that a row of `other` matches (semijoin; negated: antijoin)."""
    key = ("matches", other.plan, semantic)
    found = query.plan.child(key)
    if found is None:
        matched = match(query.heading, other.heading, semantic)
        found = query.plan.keep(key, (Matches(other.plan, matched.on), matched.same))
    condition, same = found
    _check_same(query, other, same)
    return condition, other.values


def _check_same(left: Query, right: Query, same: Sequence[str]) -> None:
    """Refuse a shared computed attribute whose two computations took different values."""
    for name in same:
        for source, _, _ in left.heading[name].origins & right.heading[name].origins:
            if isinstance(source, Computed) and source.node.arity:
                one, other = (_values_of(query, source.node) for query in (left, right))
                if one != other:
                    raise QueryError(
                        f"Attribute `{name}` is computed from different data in the two operands.",
                        hint="Use .proj() to rename one of them.",
                    )


def _values_of(query: Query, node: Plan) -> tuple[Any, ...] | None:
    offset = _find(query.plan, node, 0)
    return None if offset is None else query.values[offset : offset + node.arity]


def _find(plan: Plan, node: Plan, offset: int) -> int | None:
    if plan is node:
        return offset
    for child, shift in operands(plan):
        found = _find(child, node, offset + shift)
        if found is not None:
            return found
    return None


def operands(plan: Plan) -> list[tuple[Plan, int]]:
    """Return the operands of a plan, each with the offset of its values."""
    match plan:
        case Restrict() | Project() | GroupBy() | Distinct() | Top():
            return [(plan.operand, 0)]
        case Join() | Union():
            return [(plan.left, 0), (plan.right, plan.left.arity)]
        case Aggregate():
            return [(plan.operand, 0), (plan.group, plan.operand.arity)]
        case _:
            return []


# ------------------------------------------------------------------------------------------------------
# projection


def project(query: Query, names: tuple[Any, ...], named: Mapping[str, Any], backend: str = "") -> Query:
    """Choose, rename and compute attributes (QRY-27 … 29).

    Parameters
    ----------
    names
        Attribute names, ``...`` for all, ``"-name"`` to leave one out.
    named
        ``new="old"`` renames, ``new="(old)"`` duplicates, ``new="expression"`` computes.
    backend
        Whose own functions an expression may use.
    """
    plan = query.plan
    key: Hashable = ("project", names, tuple(named.items()), backend)
    try:
        child = plan.child(key)
    except TypeError:
        raise QueryError(f"Attributes of a projection are given as text, not {named or names!r}.") from None
    if child is None:
        columns = _columns(plan.heading, names, named, backend)
        shape = ("columns", columns)
        child = plan.child(shape) or plan.keep(shape, shallow(_fused(plan, columns)))
        plan.keep(key, child)
    return Query(child, query.values)


def _columns(
    heading: Heading, names: tuple[Any, ...], named: Mapping[str, Any], backend: str
) -> tuple[tuple[str, str | Fragment], ...]:
    renamed: dict[str, str] = {}
    computed: dict[str, Any] = {}
    for new, text in named.items():
        if old := _renamed(heading, new, text):
            renamed[new] = old
        else:
            computed[new] = text
    kept = _kept(heading, names, set(renamed.values()))
    columns: dict[str, str | Fragment]
    if renamed:
        columns = _with_renamed(heading, kept, renamed)
    else:
        columns = {name: name for name in heading.order if name in kept}
    for new, text in computed.items():
        if new in columns:
            raise _taken(new)
        columns[new] = _computed(heading, new, text, backend)
    return tuple(columns.items())


def _with_renamed(heading: Heading, kept: set[str], renamed: dict[str, str]) -> dict[str, str | Fragment]:
    for new in renamed.keys() & kept:
        raise _taken(new)
    back = {old: new for new, old in renamed.items()}
    kept |= back.keys()
    columns: dict[str, str | Fragment] = {back.get(old, old): old for old in heading.order if old in kept}
    for new, old in renamed.items():  # one attribute renamed twice
        columns.setdefault(new, old)
    return columns


def _taken(name: str) -> QueryError:
    return QueryError(
        f"Attribute `{name}` exists already.", hint=f"Leave it out by '-{name}' or choose another name."
    )


def _renamed(heading: Heading, new: str, text: Any) -> str | None:
    if not _NAME.fullmatch(new):
        raise QueryError(f"`{new}` is not an attribute name: use lower-case letters, digits and underscores.")
    if not isinstance(text, str):
        return None
    old = text.strip()
    if not _NAME.fullmatch(old):
        return None
    if old not in heading and old not in _CONSTANTS:
        raise heading.unknown(old)
    return old if old in heading else None


def _kept(heading: Heading, names: tuple[Any, ...], renamed: set[str]) -> set[str]:
    if not names:
        return set(heading.key) - renamed
    wanted, dropped = set(heading.key), set[str]()
    for name in names:
        if name is Ellipsis or name == "...":
            wanted |= set(heading.order)
            continue
        if not isinstance(name, str):
            raise QueryError(f"Attributes of a projection are given as text, not {name!r}.")
        bare = name.removeprefix("-").strip() if name.startswith("-") else name
        if bare not in heading:
            raise heading.unknown(bare)
        if name.startswith("-"):
            if bare in heading.key:
                raise QueryError(
                    f"Cannot remove primary key attribute `{bare}` from the expression.",
                    hint="A projection always keeps the key; rename it by new_name='" + bare + "'.",
                )
            dropped.add(bare)
        else:
            wanted.add(bare)
    return wanted - dropped - renamed


def _computed(heading: Heading, new: str, text: Any, backend: str) -> str | Fragment:
    if isinstance(text, (bool, int, float)):
        text = str(text)
    if not isinstance(text, str):
        raise QueryError(f"Attribute `{new}` is computed by an expression given as text, not {text!r}.")
    if duplicate := _DUPLICATE.fullmatch(text.strip()):
        if duplicate[1] in heading:
            return duplicate[1]
        if duplicate[1] not in heading.hidden:
            raise heading.unknown(duplicate[1])
    return fragments.parse_column(text, heading, backend)


def _derived(node: Plan, name: str, fragment: Fragment, key: tuple[str, ...]) -> Attribute:
    """Return an attribute that `node` computes; its value is determined by the key of that node (LIN-3)."""
    origin = frozenset([(Computed(node), name, key)])
    return Attribute(name, fragment.dtype, False, fragment.nullable, None, "", None, origin)


def _marked(attribute: Attribute, node: Plan, key: tuple[str, ...]) -> Attribute:
    """Return a key attribute that tells that it is part of the key of a computing node."""
    return replace(attribute, origins=attribute.origins | {(node, attribute.name, key)})


def _own(node: Plan, names: set[str]) -> Plan:
    """Note that `node` puts NULL into some attributes: their former key no longer tells their values."""
    heading, key = node.heading, node.heading.key
    attributes: list[Attribute] = []
    for a in heading.values():
        if a.in_key:
            attributes.append(_marked(a, node, key))
        elif a.name in names:
            attributes.append(replace(a, origins=frozenset([(Computed(node), a.name, key)])))
        else:
            attributes.append(a)
    node.heading = Heading(attributes, nullable_key=heading.nullable_key)
    return node


def _fused(plan: Plan, columns: tuple[tuple[str, str | Fragment], ...]) -> Plan:
    """Return the projection of a plan; one that only chooses and renames takes in the one below it."""
    if isinstance(plan, Project):
        below = {new: old for new, old in plan.columns if isinstance(old, str)}
        names = [old for _, old in columns if isinstance(old, str)]
        plain = len(below) == len(plan.columns) == len({*below.values()}) and {*below.values()} <= {
            *plan.operand.heading  # a hidden attribute has a meaning of its own above
        }
        if plain and len(names) == len(columns) == len({*names}):
            fused = tuple((new, below[str(old)]) for new, old in columns)
            shape = ("columns", fused)
            return plan.operand.child(shape) or plan.operand.keep(shape, projected(plan.operand, fused))
    return projected(plan, columns)


def projected(plan: Plan, columns: tuple[tuple[str, str | Fragment], ...]) -> Plan:
    """Return the projection to some columns, with its heading; hidden columns may be among them, if named."""
    node = Project(plan, columns)
    heading = plan.heading
    found = {old: _shown(heading, old) for _, old in columns if isinstance(old, str)}
    key = tuple([new for new, old in columns if isinstance(old, str) and found[old].in_key])
    keys: list[Attribute] = []
    rest: list[Attribute] = []
    seen: list[str] = []
    computes = {type(old) for _, old in columns} != {str}
    for new, old in columns:
        if not isinstance(old, str):
            rest.append(_derived(node, new, old, key))
            continue
        # A duplicate of a key attribute is determined by the original and stays outside the key.
        attribute = found[old]
        in_key = attribute.in_key and old not in seen
        if new != old or in_key != attribute.in_key:
            attribute = replace(attribute, name=new, in_key=in_key)
        if in_key:
            seen.append(old)
        if in_key:
            keys.append(_marked(attribute, node, key) if computes else attribute)
        else:
            rest.append(attribute)
    node.heading = Heading([*keys, *rest], nullable_key=heading.nullable_key)
    return node


def _shown(heading: Heading, name: str) -> Attribute:
    """Return an attribute; a hidden column as what `hidden.named` makes of it."""
    hidden = None if name in heading else heading.hidden.get(name)
    return heading[name] if hidden is None else replace(hidden, in_key=False, lineage=None)


# ------------------------------------------------------------------------------------------------------
# join, union


def join(
    left: Query, right: Query, kind: str = "inner", semantic: Semantic = True, nullable_key: bool = False
) -> Query:
    """Pair the rows equal on all shared homologous attributes (QRY-30 … 38).

    Parameters
    ----------
    kind
        ``inner``, ``left`` (keeps every row of the left operand) or ``outer`` (every row of both; the key is
        the union).
    nullable_key
        Allows a left join whose left operand does not determine the right one; the key is the union.
    """
    key = ("join", right.plan, kind, semantic, nullable_key)
    found = left.plan.child(key)
    if found is None:
        matched = match(left.heading, right.heading, semantic)
        missing = determines(left.heading, right.heading)
        if kind == "left" and missing and not nullable_key:
            raise QueryError(
                "Left join requires the left operand to determine the right operand (A → B): "
                f"the left operand lacks {', '.join(f'`{n}`' for n in missing)} of the right primary key.",
                hint="Swap the operands, use * for an inner join, or pass allow_nullable_pk=True.",
            )
        heading = join_heading(left.heading, right.heading, matched, kind)
        node = shallow(Join(left.plan, right.plan, matched.on, kind, heading))
        if kind == "left":
            _own(node, {*right.heading} - {*left.heading})
        if kind == "outer":
            _check_kinds(left.heading, right.heading, (*matched.on, *matched.same))
            _own(node, {*left.heading} ^ {*right.heading})
        found = left.plan.keep(key, (node, matched.same))
    plan, same = found
    _check_same(left, right, same)
    return Query(plan, left.values + right.values)


def _check_kinds(left: Heading, right: Heading, names: Sequence[str]) -> None:
    """Refuse to put values of two types into one attribute."""
    for name in names:
        one, other = left[name], right[name]
        if one.dtype.kind != other.dtype.kind:
            raise QueryError(
                f"Attribute `{name}` is {one.type} on one side and {other.type} on the other: an outer join "
                "takes it from both.",
                hint=f"Convert one of them: .proj({name}='cast(... as ...)').",
            )


def _united(left: Plan, right: Plan, semantic: Semantic) -> Plan:
    """Return the union; a chain of unions of the same attributes becomes a tree of few levels.

    As a counter does: operands of the same number of unions are united first.
    """
    whole = _union_of(left, right, semantic)
    names = {*left.heading}
    appends = left.depth >= right.depth
    try:
        while names == {*right.heading}:
            if appends and isinstance(left, Union) and _width(left.right, names) <= _width(right, names):
                left, right = left.left, _union_of(left.right, right, semantic)
            elif (
                not appends and isinstance(right, Union) and _width(right.left, names) <= _width(left, names)
            ):
                left, right = _union_of(left, right.left, semantic), right.right
            else:
                break
            whole = _union_of(left, right, semantic)
    except SemanticMatchError:  # namesakes may mean the same as those of the whole, but not as each other's
        pass
    return whole


def _width(plan: Plan, names: set[str]) -> int:
    """Return the number of levels of a union of operands with some attributes."""
    if not isinstance(plan, Union):
        return 0
    return plan.depth if names == {*plan.left.heading} == {*plan.right.heading} else DEEPEST


def _union_of(left: Plan, right: Plan, semantic: Semantic) -> Plan:
    heading = union_heading(left.heading, right.heading, semantic)
    return _own(Union(left, right, heading), {*left.heading} ^ {*right.heading})


def union(left: Query, right: Query, semantic: Semantic = True) -> Query:
    """Unite rows, each key once; the left side's values win (QRY-46 … 49)."""
    key = ("union", right.plan, semantic)
    plan = left.plan.child(key)
    if plan is None:
        plan = left.plan.keep(key, shallow(_united(left.plan, right.plan, semantic)))
    _check_same(left, right, [name for name in left.heading if name in right.heading])
    return Query(plan, left.values + right.values)


# ------------------------------------------------------------------------------------------------------
# aggregation and the universal set


class _Grouping(Value):
    kept: tuple[tuple[str, str], ...]
    aggregates: tuple[tuple[str, Fragment], ...]


def aggregate(
    query: Query, group: Query, names: tuple[Any, ...], named: Mapping[str, Any],
    keep_unmatched: bool = True, backend: str = "", semantic: Semantic = True,
) -> Query:  # fmt: skip
    """Aggregate the rows of `group` per row of `query` (QRY-39 … 42)."""
    key = ("aggregate", group.plan, names, tuple(named.items()), keep_unmatched, backend, semantic)
    found = query.plan.child(key)
    if found is None:
        missing = determines(group.heading, query.heading)
        if missing:
            raise QueryError(
                "Aggregation requires the group expression to contain all primary key attributes of the "
                f"grouping expression. Missing: {', '.join(missing)}.",
                hint="Join the group expression with what holds these attributes.",
            )
        matched = match(query.heading, group.heading, semantic)
        columns = _grouping(query.heading, group.heading, names, named, backend)
        aggregates = tuple((new, grouping.qualified(fragment)) for new, fragment in columns.aggregates)
        node = aggregated(
            shallow(Aggregate(query.plan, group.plan, matched.on, columns.kept, aggregates, keep_unmatched))
        )
        found = query.plan.keep(key, (node, matched.same))
    plan, same = found
    _check_same(query, group, same)
    return Query(plan, query.values + group.values)


def _grouping(
    heading: Heading, group: Heading, names: tuple[Any, ...], named: Mapping[str, Any], backend: str
) -> _Grouping:
    renamed = {
        new: text.strip() for new, text in named.items() if isinstance(text, str) and text.strip() in heading
    }
    kept = _columns(heading, names, renamed, backend)
    aggregates: dict[str, Fragment] = {}
    # An aggregate may use attributes of both sides; those of the group come first.
    scope = Heading([*group.values(), *(a for a in heading.values() if a.name not in group)])
    for new, text in named.items():
        if new in renamed:
            continue
        if any(new == column for column, _ in kept) or not _NAME.fullmatch(new):
            raise QueryError(f"Attribute `{new}` exists already or is not a name; choose another name.")
        if not isinstance(text, str):
            raise QueryError(f"Attribute `{new}` is computed by an expression given as text, not {text!r}.")
        fragment = aggregates[new] = fragments.parse_column(text, scope, backend, aggregate=True)
        _check_bare(new, fragment, heading)
    return _Grouping(tuple((new, str(old)) for new, old in kept), tuple(aggregates.items()))


def _check_bare(new: str, fragment: Fragment, heading: Heading) -> None:
    """Refuse an attribute of the group outside an aggregate function: a group has many values of it."""
    for name in grouping.bare_names(fragment):
        if name not in heading:
            raise QueryError(
                f"Attribute `{new}` uses `{name}` outside an aggregate function: a group has many of it.",
                hint=f"Write min({name}), sum({name}) …, or group by it: dj.U('{name}', ...).aggr(...).",
            )


def aggregated(node: Aggregate) -> Aggregate:
    """Give an aggregation its heading."""
    node.heading = _aggregate_heading(node, node.operand.heading, _Grouping(node.kept, node.aggregates))
    return node


def grouped(node: GroupBy) -> GroupBy:
    """Give a grouping its heading."""
    kept = tuple((name, name) for name in node.names)
    heading = _universal_heading(node.operand.heading, node.names)
    node.heading = _aggregate_heading(node, heading, _Grouping(kept, node.aggregates))
    return node


def _aggregate_heading(node: Aggregate | GroupBy, heading: Heading, columns: _Grouping) -> Heading:
    key = tuple(new for new, old in columns.kept if heading[old].in_key)
    attributes = [replace(heading[old], name=new) for new, old in columns.kept]
    attributes = [_marked(a, node, key) if a.in_key else a for a in attributes]
    attributes += [_derived(node, new, fragment, key) for new, fragment in columns.aggregates]
    return Heading(
        [*(a for a in attributes if a.in_key), *(a for a in attributes if not a.in_key)],
        nullable_key=heading.nullable_key,
    )


def group_by(query: Query, keys: tuple[str, ...], named: Mapping[str, Any], backend: str = "") -> Query:
    """Aggregate per distinct combination of the named attributes: ``U(…).aggr(…)`` (QRY-51, QRY-55)."""
    key = ("group", keys, tuple(named.items()), backend)
    plan = query.plan.child(key)
    if plan is None:
        keyed = _universal_heading(query.heading, keys)
        columns = _grouping(keyed, query.heading, (), named, backend)
        plan = query.plan.keep(key, grouped(shallow(GroupBy(query.plan, keys, columns.aggregates))))
    return Query(plan, query.values)


def distinct(query: Query, keys: tuple[str, ...]) -> Query:
    """Return the distinct combinations of the named attributes: ``U(…) & query`` (QRY-50, QRY-52)."""
    key = ("distinct", keys)
    plan = query.plan.child(key) or query.plan.keep(
        key, shallow(Distinct(query.plan, keys, _universal_heading(query.heading, keys)))
    )
    return Query(plan, query.values)


def _universal_heading(heading: Heading, keys: tuple[str, ...]) -> Heading:
    for name in keys:
        if name not in heading:
            raise heading.unknown(name)
    attributes = [replace(heading[name], in_key=True) for name in keys]
    return Heading(attributes, nullable_key=any(a.nullable for a in attributes))


# ------------------------------------------------------------------------------------------------------
# order and limit


def top(query: Query, order: tuple[tuple[str, bool], ...] | None, limit: int | None, offset: int) -> Query:
    """Keep the first rows in an order; merges with a Top of the same order below (QRY-56, QRY-57)."""
    plan, values = query.plan, query.values
    if isinstance(plan, Top) and (order is None or order == plan.order):
        order = plan.order
        limit, offset = _merged(plan, values, limit, offset)
        plan, values = plan.operand, values[: plan.operand.arity]
    order = tuple((name, False) for name in plan.heading.key) if order is None else order
    for name, _ in order:
        if name not in plan.heading and name not in plan.heading.hidden:
            raise plan.heading.unknown(name)
    key = ("top", order, limit is not None, bool(offset))
    child = plan.child(key) or plan.keep(key, shallow(Top(plan, order, limit is not None, bool(offset))))
    return Query(child, values + ((limit,) if limit is not None else ()) + ((offset,) if offset else ()))


def _merged(plan: Top, values: tuple[Any, ...], limit: int | None, offset: int) -> tuple[int | None, int]:
    rest = list(values[plan.operand.arity :])
    inner_limit = rest.pop(0) if plan.limited else None
    inner_offset = rest.pop(0) if plan.shifted else 0
    if inner_limit is not None:
        left = max(inner_limit - offset, 0)
        limit = left if limit is None else min(limit, left)
    return limit, inner_offset + offset
