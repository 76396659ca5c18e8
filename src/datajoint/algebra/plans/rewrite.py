"""Lowering: from plans to fused blocks. One short rule per operator."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint._value import replace
from datajoint.algebra.expr import expressions
from datajoint.algebra.plans import aggregates, build
from datajoint.algebra.plans.blocks import (
    Block,
    Derived,
    Expr,
    Item,
    Null,
    P_All,
    P_Any,
    P_Const,
    P_Equals,
    P_Exists,
    P_In,
    P_IsNull,
    P_Not,
    P_Same,
    P_Text,
    Predicate,
    Ref,
    UnionBlock,
)
from datajoint.algebra.plans.nodes import (
    Aggregate,
    All,
    Any_,
    Condition,
    Const,
    Distinct,
    Equals,
    GroupBy,
    InValues,
    IsNull,
    Join,
    Matches,
    Not,
    Plan,
    Project,
    Restrict,
    Source,
    Text,
    Top,
    Union,
    names_in,
)
from datajoint.algebra.plans.push import push
from datajoint.algebra.text import fragment as fragments
from datajoint.heading.types import parse_type

__all__ = ["lower"]

_DEPTH = 3
_BRANCHES = 400
"""SQLite takes 500 SELECTs in one union."""
_INT64 = parse_type("int64")
_FEW = 8
"""Number of operands of a union up to which each is compared with those before it, by their indexes."""


def lower(plan: Plan, first: str | None = None) -> Block:
    """Return the block of a plan; aliases are numbered within it, so equal plans give equal blocks.

    Parameters
    ----------
    first
        Alias of the first table, instead of a numbered one.
    """
    return _Lowering(first).lower(plan, 0)


class _Lowering:
    """Counts the aliases of one compilation. `offset` is the number of the first value of a plan."""

    def __init__(self, first: str | None = None) -> None:
        self._aliases = 0
        self._first = first

    def alias(self) -> str:
        self._aliases += 1
        return self._first if self._first and self._aliases == 1 else f"t{self._aliases}"

    def lower(self, plan: Plan, offset: int) -> Block:
        kept = not (self._aliases or offset or self._first is not None)
        todo: list[Plan] = []
        block: Block | None = None
        while block is None:  # down the first operands, which are the same in all that is made of them
            found = plan.statements.get("block") if kept else None
            if found is not None:
                block, self._aliases = found
            elif isinstance(plan, Source):
                block = self.source(plan)
            elif isinstance(plan, Union) and (operands := self._alike(plan, offset)):
                block = self.united(plan, operands)
            else:
                todo.append(plan)
                plan = build.operands(plan)[0][0]
        for above in reversed(todo):
            block = self._lowered(above, block, offset)
            if kept:
                above.statements["block"] = block, self._aliases
        return block

    def _lowered(self, plan: Plan, block: Block, offset: int) -> Block:
        """Return the block of a plan, given that of its first operand."""
        match plan:
            case Restrict():
                return self.restrict(plan, block, offset)
            case Project():
                return self.project(plan, block)
            case Join():
                return self.join(plan, block, offset)
            case Aggregate():
                return self.aggregate(plan, block, offset)
            case GroupBy():
                return self.group_by(plan, block)
            case Distinct():
                block = self.plain(block)
                columns = {name: block.columns[name] for name in plan.names}
                return replace(
                    block, columns=columns, hidden={}, distinct=True, grouped=frozenset(plan.names), order=()
                )
            case Union():
                return self.union(plan, block, offset)
            case Top():
                return self.top(plan, block, offset)
            case _:
                raise TypeError(f"no such plan: {plan!r}")

    # ------------------------------------------------------------------------------------------ sources

    def source(self, plan: Source) -> Block:
        alias = self.alias()
        columns: dict[str, Expr] = {a.name: Ref(alias, a.name, a.dtype) for a in plan.heading.values()}
        hidden: dict[str, Expr] = {a.name: Ref(alias, a.name, a.dtype) for a in plan.heading.hidden.values()}
        return Block((Item("inner", plan.name, alias),), columns, hidden)

    def wrap(self, relation: Block | UnionBlock) -> Block:
        """Make a block of its own the source of another one."""
        alias = self.alias()
        inner = relation if isinstance(relation, Block) else relation.branches[0]
        columns: dict[str, Expr] = {
            name: Ref(alias, name, expr.dtype) for name, expr in inner.columns.items()
        }
        return Block((Item("inner", relation, alias),), columns, {})

    def plain(self, block: Block) -> Block:
        """Return a block that further joins and groupings may extend."""
        return replace(block, order=()) if block.plain else self.wrap(block)

    def groupable(self, block: Block, names: Sequence[str]) -> Block:
        """Return a plain block whose named columns may stand in GROUP BY.

        It takes no constants, and MariaDB does not recognise most expressions again in the select list.
        """
        block = self.plain(block)
        computed = any(not isinstance(block.columns[name], Ref) for name in names)
        return self.wrap(block) if computed else block

    def single(self, block: Block) -> Block:
        """Return a block of one source and no condition: the right side of an outer join."""
        block = self.plain(block)
        simple = all(isinstance(expr, Ref) for expr in block.columns.values())
        return block if len(block.sources) == 1 and not block.where and simple else self.wrap(block)

    # -------------------------------------------------------------------------------------- restriction

    def restrict(self, plan: Restrict, block: Block, offset: int) -> Block:
        if not self.takes(block, names_in(plan.condition)):
            block = self.wrap(block)
        return self.where(block, plan.condition, offset + plan.operand.arity)

    @staticmethod
    def takes(block: Block, names: frozenset[str] | None) -> bool:
        """Whether a condition on some attributes may stand in the WHERE of the block."""
        if block.limited:
            return False
        if block.groups is None and not block.distinct:
            return True
        # What rows are grouped by may be restricted before the grouping: fewer rows to group.
        return names is not None and names <= block.grouped and block.groups != ()

    def where(self, block: Block, condition: Condition, offset: int) -> Block:
        at = offset
        for term in condition.terms if isinstance(condition, All) else (condition,):
            block = push(block, term, names_in(term), at, self.predicate, self.takes)
            at += term.arity
        predicate = self.predicate(block, condition, offset)
        terms = predicate.terms if isinstance(predicate, P_All) else (predicate,)
        return replace(block, where=(*block.where, *terms))

    def predicate(self, block: Block, condition: Condition, offset: int) -> Predicate:
        scope = {**block.hidden, **block.columns}
        match condition:
            case Const(value):
                return P_Const(value)
            case Equals(name):
                return P_Equals(scope[name], offset)
            case IsNull(name):
                return P_IsNull(scope[name])
            case InValues(names):
                return P_In(tuple(scope[name] for name in names), offset)
            case Text(fragment):
                return P_Text(fragment, {name: scope[name] for name in fragment.names}, offset)
            case Matches(plan, on):
                return self.exists(block, plan, on, offset)
            case All(terms) | Any_(terms):
                lowered = tuple(self.terms(block, terms, offset))
                return P_All(lowered) if isinstance(condition, All) else P_Any(lowered)
            case Not(term):
                return self.negated(block, term, offset)
            case _:
                raise TypeError(f"no such condition: {condition!r}")

    def negated(self, block: Block, term: Condition, offset: int) -> Predicate:
        """Negate a condition; negation moves to the leaves, where a semijoin knows how to be NULL-safe."""
        match term:
            case Not(inner):
                return self.predicate(block, inner, offset)
            case All(terms) | Any_(terms):
                lowered = tuple(self.terms(block, tuple(Not(one) for one in terms), offset))
                return P_Any(lowered) if isinstance(term, All) else P_All(lowered)
            case _:
                return _not(self.predicate(block, term, offset))

    def terms(self, block: Block, terms: Sequence[Condition], offset: int) -> list[Predicate]:
        predicates: list[Predicate] = []
        for term in terms:
            predicates.append(self.predicate(block, term, offset))
            offset += term.arity
        return predicates

    def exists(
        self, block: Block, plan: Plan, on: tuple[str, ...], offset: int, nulls: frozenset[str] = frozenset()
    ) -> Predicate:
        if isinstance(plan, Union) and {*on} <= {*plan.heading.key} and not self._alike(plan, offset):
            # Its keys are those of either side.
            left = self.exists(block, plan.left, on, offset, nulls)
            return P_Any((left, self.exists(block, plan.right, on, offset + plan.left.arity, nulls)))
        inner = self.lower(plan, offset)
        whole = not self.takes(inner, frozenset(on))
        if whole:
            inner = self.wrap(inner)
        return P_Exists(inner, _pairs(inner, block, on, nulls), whole)

    # ------------------------------------------------------------------------------ projection and join

    def project(self, plan: Project, block: Block) -> Block:
        if [n for n in _used(plan) if n in block.columns and _depth(block.columns[n]) >= _DEPTH]:
            block = self.wrap(block)  # expressions over expressions would double with every step
        scope = {**block.hidden, **block.columns}
        columns: dict[str, Expr] = {}
        for new, old in plan.columns:
            if isinstance(old, str):
                columns[new] = scope[old]
            else:
                columns[new] = Derived(old, {name: scope[name] for name in old.names})
        grouped = block.grouped and frozenset([new for new, old in plan.columns if old in block.grouped])
        ordered = {name: columns[name] for name in plan.heading.order}
        return self.whole(replace(block, columns=ordered, hidden={}, grouped=grouped))

    def join(self, plan: Join, block: Block, offset: int) -> Block:
        if plan.kind == "outer":
            return self.outer(plan, block, offset)
        left = self.plain(block)
        right = self.lower(plan.right, offset + plan.left.arity)
        right = self.plain(right) if plan.kind == "inner" else self.single(right)
        pairs = _pairs(left, right, plan.on)
        both = {**right.columns, **left.columns}
        columns = {name: both[name] for name in plan.heading.order}
        return self.joined(left, right, pairs, plan.kind, columns)

    @staticmethod
    def joined(
        left: Block, right: Block, pairs: tuple[P_Same, ...], kind: str, columns: dict[str, Expr]
    ) -> Block:
        first, *rest = right.sources
        # ON may only name the first source of the right side; for inner joins the rest goes to WHERE.
        near = tuple(
            p for p in pairs if kind != "inner" or (isinstance(p.right, Ref) and p.right.alias == first.alias)
        )
        far = tuple(p for p in pairs if p not in near)
        sources = (*left.sources, Item(kind, first.relation, first.alias, near), *rest)
        return Block(sources, columns, {}, (*left.where, *right.where, *far))

    def outer(self, plan: Join, block: Block, offset: int) -> Block:
        """Rows of the left side with their partners, then rows of the right side without any."""
        second = offset + plan.left.arity
        left = self.plain(block)
        right = self.single(self.lower(plan.right, second))
        both = {**right.columns, **left.columns}
        columns = {name: both[name] for name in plan.heading.order}
        first = self.joined(left, right, _pairs(left, right, plan.on), "left", columns)
        return self.wrap(UnionBlock((first, self.unmatched(plan, plan.on, offset))))

    # -------------------------------------------------------------------------------------- aggregation

    def aggregate(self, plan: Aggregate, block: Block, offset: int) -> Block:
        left = self.groupable(block, [*_grouped(plan)])
        right = self.lower(plan.group, offset + plan.operand.arity)
        right = self.single(right) if plan.keep_unmatched else self.plain(right)
        pairs = _pairs(left, right, plan.on)
        outer = {aggregates.OUTER + name: expr for name, expr in left.columns.items()}
        scope = {**left.columns, **right.columns, **outer}
        columns: dict[str, Expr] = {new: left.columns[old] for new, old in plan.kept}
        groups = {**{name: left.columns[name] for name in plan.operand.heading.key}, **columns}
        for new, fragment in plan.aggregates:
            columns[new] = Derived(fragment, {name: scope[name] for name in fragment.names})
            groups |= {name: outer[name] for name in fragment.names if name in outer}
        columns = {name: columns[name] for name in plan.heading.order}
        kind = "left" if plan.keep_unmatched else "inner"
        joined = self.joined(left, right, pairs, kind, columns)
        grouped = frozenset(new for new, _ in plan.kept)
        by: list[Expr] = []
        for expr in groups.values():
            by += [] if expr in by else [expr]
        return self.whole(replace(joined, groups=tuple(by), grouped=grouped, occupied=not by))

    def group_by(self, plan: GroupBy, block: Block) -> Block:
        block = self.groupable(block, plan.names)
        columns: dict[str, Expr] = {name: block.columns[name] for name in plan.names}
        groups = tuple(columns.values())
        for new, fragment in plan.aggregates:
            columns[new] = Derived(fragment, {name: block.columns[name] for name in fragment.names})
        return self.whole(
            replace(
                block, columns=columns, hidden={}, groups=groups, grouped=frozenset(plan.names),
                sorts=_sorts(plan), order=(),
            )
        )  # fmt: skip

    def whole(self, block: Block) -> Block:
        """Put constants outside one group of everything: without aggregates it would be no group."""
        if block.groups != ():
            return block
        constants = {name: expr for name, expr in block.columns.items() if _constant(expr)}
        if not constants:
            return block
        rest = {name: expr for name, expr in block.columns.items() if name not in constants}
        inner = self.wrap(replace(block, columns=rest))
        columns = {name: constants.get(name) or inner.columns[name] for name in block.columns}
        return replace(inner, columns=columns)

    # ------------------------------------------------------------------------------------ union and top

    @staticmethod
    def _alike(plan: Union, offset: int) -> list[tuple[Plan, int]] | None:
        """Return the operands of many unions of the same attributes, with the offsets of their values."""
        names = {*plan.heading}
        operands: list[tuple[Plan, int]] = []
        todo: list[tuple[Plan, int]] = [(plan, offset)]
        while todo:
            one, at = todo.pop()
            if not isinstance(one, Union) or names != {*one.left.heading} or names != {*one.right.heading}:
                operands.append((one, at))
                continue
            todo += [(one.right, at + one.left.arity), (one.left, at)]
        return operands if len(operands) > _FEW else None

    def united(self, plan: Union, operands: Sequence[tuple[Plan, int]]) -> Block:
        """Unite many operands of the same attributes: the statement grows with their number, no faster."""
        return self._restrictions(operands) or self._first_of_each(plan, operands)

    def _restrictions(self, operands: Sequence[tuple[Plan, int]]) -> Block | None:
        """Return rows that fulfil one of the conditions, where all operands restrict the same plan."""
        first, base, _ = _taken_apart(operands[0][0])
        columns = first and first.columns
        terms: list[tuple[Sequence[Restrict], int]] = []
        for operand, at in operands:
            own, below, restrictions = _taken_apart(operand)
            if below is not base or (own and own.columns) != columns:
                return None
            terms.append((restrictions, at))
        if base.arity:
            return None
        block = self.lower(base, 0)
        if not self.takes(block, None):
            block = self.wrap(block)
        choices = tuple(
            P_All(
                tuple(
                    self.predicate(block, restriction.condition, at + restriction.operand.arity)
                    for restriction in restrictions
                )
            )
            for restrictions, at in terms
        )
        block = replace(block, where=(*block.where, P_Any(choices)), order=())
        return self.project(first, block) if first else replace(block, hidden={})

    def _first_of_each(self, plan: Union, operands: Sequence[tuple[Plan, int]]) -> Block:
        """Return the rows of all operands, of each key those of the first operand that has it."""
        branches: list[Block] = []
        for number, (operand, at) in enumerate(operands):
            block = self.lower(operand, at)
            block = replace(block, order=()) if block.plain else self.wrap(block)
            columns: dict[str, Expr] = {name: block.columns[name] for name in plan.heading.order}
            columns[UnionBlock.NUMBER] = Derived(_number(number), {})
            branches.append(replace(block, columns=columns, hidden={}))
        while len(branches) > _BRANCHES:
            branches = [
                self.wrap(UnionBlock(tuple(branches[n : n + _BRANCHES])))
                for n in range(0, len(branches), _BRANCHES)
            ]
        block = self.wrap(UnionBlock(tuple(branches), plan.heading.key))
        return replace(block, columns={name: block.columns[name] for name in plan.heading.order})

    def union(self, plan: Union, left: Block, offset: int) -> Block:
        second = offset + plan.left.arity
        key, order = plan.heading.key, plan.heading.order
        nulls = frozenset(n for n in key if plan.left.heading[n].nullable and plan.right.heading[n].nullable)
        extra = [name for name in order if name not in plan.left.heading]
        if extra:  # attributes of the right side also for keys that both sides hold
            left, right = self.plain(left), self.single(self.lower(plan.right, second))
            pairs = _pairs(left, right, key, nulls)
            both = {**right.columns, **left.columns}
            first = self.joined(left, right, pairs, "left", {name: both[name] for name in order})
        else:
            first = self.wrap(left) if left.limited else replace(left, order=())
            first = replace(first, columns={name: first.columns[name] for name in order}, hidden={})
        return self.wrap(UnionBlock((*_branches(first), self.unmatched(plan, key, offset, nulls))))

    def unmatched(
        self, plan: Union | Join, on: tuple[str, ...], offset: int, nulls: frozenset[str] = frozenset()
    ) -> Block:
        """Rows of the right side that match none of the left one, NULL for attributes of the left."""
        right = self.lower(plan.right, offset + plan.left.arity)
        # DISTINCT would give the NULLs of missing attributes a type, and the other branch has another one.
        fits = self.takes(right, frozenset(on)) and not right.distinct
        right = replace(right, order=()) if fits else self.wrap(right)
        only = _not(self.exists(right, plan.left, on, offset, nulls))
        types = {a.name: a.dtype for a in plan.heading.values()}
        columns = {name: right.columns.get(name, Null(types[name])) for name in plan.heading.order}
        return replace(right, columns=columns, hidden={}, where=(*right.where, only))

    def top(self, plan: Top, block: Block, offset: int) -> Block:
        if block.limited or block.distinct:  # DISTINCT allows no sort keys but its columns
            block = self.wrap(block)
        scope = {**block.hidden, **block.columns}
        nullable = {a.name: a.nullable for a in (*plan.heading.hidden.values(), *plan.heading.values())}
        order = tuple(
            (scope[name], descending, nullable[name])
            for name, descending in plan.order
            if not _constant(scope[name])  # a constant orders nothing, and a number would mean a column
        )
        at = offset + plan.operand.arity
        limit = at if plan.limited else None
        return replace(block, order=order, limit=limit, offset=at + plan.limited if plan.shifted else None)


def _grouped(plan: Aggregate) -> set[str]:
    """Return the attributes of the side that is kept by which an aggregation groups."""
    names = {*plan.operand.heading.key, *(old for _, old in plan.kept)}
    for _, fragment in plan.aggregates:
        names |= {
            name.removeprefix(aggregates.OUTER)
            for name in fragment.names
            if name.startswith(aggregates.OUTER)
        }
    return names


def _taken_apart(plan: Plan) -> tuple[Project | None, Plan, list[Restrict]]:
    """Return a plan as the projection of restrictions of another plan."""
    columns = plan if isinstance(plan, Project) else None
    plan = plan.operand if isinstance(plan, Project) else plan
    restrictions: list[Restrict] = []
    while isinstance(plan, Restrict):
        restrictions.append(plan)
        plan = plan.operand
    return columns, plan, restrictions


def _number(number: int) -> fragments.Fragment:
    return fragments.Fragment(expressions.Literal(number, _INT64), (), (), _INT64, False, False, str(number))


def _sorts(plan: GroupBy) -> bool:
    """Whether an index over what is grouped by lacks attributes: then every row would be looked up."""
    key, names = plan.operand.heading.key, plan.names
    used = {name for _, fragment in plan.aggregates for name in fragment.names}
    return not used <= {*key, *names} and names != key[: len(names)]


def _not(predicate: Predicate) -> Predicate:
    match predicate:
        case P_Const(value):
            return P_Const(not value)
        case P_Not(term):
            return term
        case P_All(terms):
            return P_Any(tuple(map(_not, terms)))
        case P_Any(terms):
            return P_All(tuple(map(_not, terms)))
        case _:
            return P_Not(predicate)


def _branches(block: Block) -> tuple[Block, ...]:
    """Return the branches of a union that a block hands on as it is: unions of unions are one."""
    relation, order = block.sources[0].relation, tuple(block.columns)
    if not isinstance(relation, UnionBlock) or len(block.sources) > 1 or len(relation.branches) >= _BRANCHES:
        return (block,)
    if relation.keys is not None:
        return (block,)
    same = all(isinstance(expr, Ref) and expr.name == name for name, expr in block.columns.items())
    if not same or not block.plain or block.where:
        return (block,)
    return tuple(
        replace(branch, columns={name: branch.columns[name] for name in order})
        for branch in relation.branches
    )


def _used(plan: Project) -> set[str]:
    return {name for _, old in plan.columns if not isinstance(old, str) for name in old.names}


def _depth(expr: Expr) -> int:
    return 1 + max(map(_depth, expr.scope.values()), default=0) if isinstance(expr, Derived) else 0


def _pairs(
    left: Block, right: Block, names: Sequence[str], nulls: frozenset[str] = frozenset()
) -> tuple[P_Same, ...]:
    return tuple(P_Same(left.columns[name], right.columns[name], name in nulls) for name in names)


def _constant(expr: Expr) -> bool:
    """Whether an expression uses no column."""
    match expr:
        case Ref():
            return False
        case Derived(fragment, scope):
            return not fragment.aggregate and all(_constant(inner) for inner in scope.values())
        case _:
            return True
