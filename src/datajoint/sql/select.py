"""SELECT statements, written from fused blocks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter, is_not
from typing import TYPE_CHECKING

from datajoint._value import replace
from datajoint.algebra.plans.blocks import (
    Block,
    Derived,
    Expr,
    Item,
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
    Scope,
    UnionBlock,
)
from datajoint.algebra.plans.nodes import Plan, Project
from datajoint.algebra.plans.rewrite import lower
from datajoint.backends.base import Dialect
from datajoint.heading.names import TableName
from datajoint.heading.types import TEXTS, AttributeType, parse_type
from datajoint.sql.statement import MOST_CHARACTERS, Pieces, Slot, Statement, assemble, bounded, too_long
from datajoint.sql.text import fragment as fragments

if TYPE_CHECKING:
    from datajoint.algebra.text.fragment import Fragment

__all__ = [
    "count_each", "count_rows", "exists_row", "select_keys", "select_rows", "write_condition", "write_tail",
]  # fmt: skip

_FLAT = 100
_MAX_TEXTS = 500
_parts = attrgetter("sources", "where", "groups", "order", "limit", "offset")
"""What projections leave alone."""

_SAME = {"sqlite": "IS", "postgresql": "IS NOT DISTINCT FROM", "mysql": "<=>"}
_LIMIT_TYPE = parse_type("int64")


def select_rows(plan: Plan, dialect: Dialect, names: Sequence[str] = ()) -> Statement:
    """Return ``SELECT`` of all attributes of a plan, in the order of its heading, or of some attributes.

    Those that nobody asks for follow the others where they tell rows apart.
    """
    if isinstance(plan, Project) and plan.columns and (flat := _flat(plan.operand, dialect)):
        return flat.projection(plan, names)
    block = lower(plan)
    if names:
        columns = {name: block.columns[name] for name in names}
        block = replace(block, columns=columns | block.columns if block.distinct else columns)
    writer = _Writer(dialect)
    tail = _tail(plan, block, dialect)
    if tail is None:
        return assemble(writer.select(block, outermost=True), dialect)
    return Statement(dialect.escape(writer.head(block, outermost=True)) + tail.text, tail.bind)


def _tail(plan: Plan, block: Block, dialect: Dialect) -> Statement | None:
    """Return what follows the select list, written once for a plan and all projections of it.

    None where it depends on the list: of a block inside it only those columns are read that are asked for.
    """
    for item in block.sources:
        if not isinstance(item.relation, TableName):
            return None
    while isinstance(plan, Project):
        plan = plan.operand
    base = lower(plan)
    if any(map(is_not, _parts(base), _parts(block))):
        return None
    key = ("tail", dialect.name)
    found: Statement | None = plan.statements.get(key)
    if found is None:
        found = plan.statements[key] = assemble(_Writer(dialect).tail(base), dialect)
    return found


class _Flat:
    """Tables as they are, joined and restricted: their projections differ in the select list only."""

    __slots__ = ("_dialect", "_scope", "_tail", "_texts")

    def __init__(self, block: Block, tail: Statement, dialect: Dialect) -> None:
        self._scope: Scope = {**block.hidden, **block.columns}
        self._tail = tail
        self._dialect = dialect
        self._texts: dict[str | Fragment, str] = {}

    def projection(self, plan: Project, names: Sequence[str]) -> Statement:
        """Return the SELECT of a projection, or of some attributes of it."""
        quote, columns = self._dialect.quote, dict(plan.columns)
        listed = [_labelled(self._text(columns[name]), quote(name)) for name in names or plan.heading.order]
        head = self._dialect.escape("SELECT " + ", ".join(listed))
        return Statement(head + self._tail.text, self._tail.bind)

    def _text(self, column: str | Fragment) -> str:
        """Return a column as it is read, whatever its name becomes; written once."""
        text = self._texts.get(column)
        if text is None:
            if len(self._texts) >= _MAX_TEXTS:
                self._texts.clear()
            text = self._texts[column] = self._written(column)
        return text

    def _written(self, column: str | Fragment) -> str:
        scope = self._scope
        if isinstance(column, str):
            expr = scope[column]
        else:
            expr = Derived(column, {name: scope[name] for name in column.names})
        return self._dialect.read(expr.dtype, _Writer(self._dialect).expr(expr))


def _flat(plan: Plan, dialect: Dialect) -> _Flat | None:
    """Return a plan as what projections are written from; None where they need a SELECT of their own."""
    key = ("flat", dialect.name)
    if key not in plan.statements:
        block = lower(plan)
        simple = block.groups is None and not block.distinct
        simple = simple and all(isinstance(expr, Ref) for expr in block.columns.values())
        tail = _tail(plan, block, dialect) if simple else None
        plan.statements[key] = tail and _Flat(block, tail, dialect)
    found: _Flat | None = plan.statements[key]
    return found


def _labelled(column: str, label: str) -> str:
    return column if column.endswith("." + label) else f"{column} AS {label}"


def select_keys(plan: Plan, names: Sequence[str], dialect: Dialect) -> Pieces:
    """Return the pieces of a SELECT of some attributes, for use inside another statement."""
    block = lower(plan)
    columns = {name: block.columns[name] for name in names}
    return _Writer(dialect).select(replace(block, columns=columns))


def select_equal(plan: Plan, numbers: Sequence[tuple[str, Slot]], dialect: Dialect) -> Pieces:
    """Return the pieces of a SELECT of whether the one row of a plan has some numbers, NULL being 0."""
    block, writer = lower(plan), _Writer(dialect)
    pieces: Pieces = ["SELECT "]
    for n, (name, number) in enumerate(numbers):
        pieces += [f"{' AND ' * bool(n)}coalesce({writer.expr(block.columns[name])}, 0) = ", number]
    return [*pieces, *writer.tail(block)]


def count_rows(plan: Plan, dialect: Dialect) -> Statement:
    """Return the statement that counts the rows of a plan."""
    return assemble(_count(plan, dialect), dialect)


def count_each(plans: Sequence[Plan], dialect: Dialect) -> Statement:
    """Return one statement that counts the rows of several plans; its values are theirs, in order."""
    pieces: Pieces = []
    taken = 0
    for plan in plans:
        pieces.append(", (" if pieces else "SELECT (")
        pieces += (
            replace(p, index=p.index + taken) if isinstance(p, Slot) else p for p in _count(plan, dialect)
        )
        pieces.append(")")
        taken += plan.arity
    return assemble(pieces, dialect)


def _count(plan: Plan, dialect: Dialect) -> Pieces:
    block, writer = lower(plan), _Writer(dialect)
    if block.plain:
        return ["SELECT count(*)", *writer.tail(replace(block, order=()))]
    return ["SELECT count(*) FROM (", *writer.select(block), ") AS n"]


def exists_row(plan: Plan, dialect: Dialect) -> Statement:
    """Return the statement that gives a row iff the plan has one."""
    block, writer = lower(plan), _Writer(dialect)
    if block.plain:
        if not block.order and (tail := _tail(plan, block, dialect)):
            return Statement(f"SELECT 1{tail.text} LIMIT 1", tail.bind)
        pieces: Pieces = ["SELECT 1", *writer.tail(replace(block, order=())), " LIMIT 1"]
    else:
        pieces = ["SELECT 1 FROM (", *writer.select(block), ") AS n LIMIT 1"]
    return assemble(pieces, dialect)


def write_tail(plan: Plan, dialect: Dialect, first: str) -> Pieces:
    """Return FROM and WHERE of a plan; `first` is the alias of its first table, or its own name, quoted."""
    return _Writer(dialect).tail(lower(plan, first))


def write_condition(plan: Plan, dialect: Dialect, first: str) -> Pieces:
    """Return WHERE of a table, or of rows of it told by their own attributes; `first` as for `write_tail`."""
    return _Writer(dialect).conditions(lower(plan, first))


class _Writer:
    """Writes blocks for one dialect.

    Attributes
    ----------
    used
        By alias of an inner block, the columns that are used, so that no other is read; and how often each
        stands in the statement once the planner has replaced it by its expression.
    times
        How often the column that is being written stands in the statement in this sense.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.used: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.times = 1

    # ------------------------------------------------------------------------------------------- blocks

    def select(
        self,
        block: Block,
        outermost: bool = False,
        united: bool = False,
        used: Mapping[str, int] | None = None,
    ) -> Pieces:
        return [self.head(block, outermost, united, used), *self.tail(block)]

    def head(
        self,
        block: Block,
        outermost: bool = False,
        united: bool = False,
        used: Mapping[str, int] | None = None,
    ) -> str:
        dialect, write = self.dialect, self.exact if block.distinct else self.expr
        columns: list[str] = []
        stays = block.distinct or block.groups is not None or block.limited  # then it is computed once a row
        for name, expr in block.columns.items():
            self.times = used.get(name, 1) if used and not stays else 1
            column = dialect.read(expr.dtype, write(expr)) if outermost else write(expr)
            if united and expr.dtype.kind == "enum":  # a type of its own for each list of labels
                column = dialect.comparable(expr.dtype, column)
            columns.append(_labelled(column, dialect.quote(name)))
        self.times = 1
        if not columns:
            columns.append(("count(*)" if block.groups == () else "1") + " AS " + dialect.quote("_"))
        return ("SELECT DISTINCT " if block.distinct else "SELECT ") + ", ".join(columns)

    def tail(self, block: Block) -> Pieces:
        """Everything after the select list; FROM is written last, when all uses of its columns are known."""
        rest = self.conditions(block)
        if block.groups:
            rest.append(" GROUP BY " + ", ".join(self.groups(block)))
        if block.occupied:
            rest.append(" HAVING count(*) > 0")
        if block.order:
            rest.append(" ORDER BY " + ", ".join(self.order(*term) for term in block.order))
        if block.limited:
            rest += self.limit(block)
        ons = [self.on(item) for item in block.sources]
        sources: Pieces = []
        for n, item in enumerate(block.sources):
            sources += [self.joiner(n, item), *self.relation(item), ons[n]]
        return sources + rest

    def conditions(self, block: Block) -> Pieces:
        if len(block.where) > _FLAT:
            return [" WHERE ", *self.terms(block.where, " AND ")]
        pieces: Pieces = []
        for n, term in enumerate(block.where):
            pieces += [" AND " if n else " WHERE ", *self.predicate(term)]
        return pieces

    def groups(self, block: Block) -> Iterator[str]:
        """Write what is grouped by; a column itself, too, or it could not be selected."""
        along = "+" if block.sorts and self.dialect.name == "sqlite" else ""  # uses no index, is the same
        for expr in block.groups or ():
            yield from dict.fromkeys((along + self.expr(expr), along + self.exact(expr)))

    @staticmethod
    def joiner(n: int, item: Item) -> str:
        if n == 0:
            return " FROM "
        if item.kind == "left":
            return " LEFT JOIN "
        return " JOIN " if item.on else " CROSS JOIN "

    def on(self, item: Item) -> str:
        if not item.on:
            return " ON 1 = 1" if item.kind == "left" else ""
        return " ON " + " AND ".join(map(self.same, item.on))

    def relation(self, item: Item) -> Pieces:
        if isinstance(item.relation, TableName):
            table = self.dialect.table(item.relation)
            return [table if table.endswith(item.alias) else f"{table} AS {item.alias}"]
        needed = self.used[item.alias]
        if isinstance(item.relation, UnionBlock):
            return [*self.union(item.relation, needed), f" AS {item.alias}"]
        return ["(", *self.select(_prune(item.relation, needed), used=needed), f") AS {item.alias}"]

    def union(self, union: UnionBlock, used: Mapping[str, int]) -> Pieces:
        first, needed = union.branches[0].columns, set(used)
        if union.keys is not None:
            needed |= {*union.keys, union.NUMBER}
        if any(branch.distinct for branch in union.branches):
            needed = set(first)
        pieces: Pieces = ["("]
        for n, branch in enumerate(union.branches):
            pieces += [
                " UNION ALL " if n else "",
                *self.select(_prune(branch, needed), united=True, used=used),
            ]
        pieces.append(")")
        if union.keys is None:
            return pieces
        quote, exact = self.dialect.quote, self.dialect.exact
        listed = ", ".join(quote(name) for name in first if name in needed)
        by = ", ".join(exact(first[name].dtype, quote(name)) for name in union.keys)
        number = quote(union.NUMBER)
        window = f"min({number}) OVER ({f'PARTITION BY {by}' if by else ''}) AS {quote('_first')}"
        return [
            f"(SELECT {listed} FROM (SELECT {listed}, {window} FROM ", *pieces,
            f" AS u) AS v WHERE {number} = {quote('_first')})",
        ]  # fmt: skip

    def order(self, expr: Expr, descending: bool, nullable: bool) -> str:
        text = self.sort_key(expr) + (" DESC" if descending else "")
        if nullable and not self.dialect.features.nulls_smallest:
            text += " NULLS LAST" if descending else " NULLS FIRST"
        return text

    def sort_key(self, expr: Expr) -> str:
        """Texts sort by code point on every database, an enum by the places of its values (QRY-61)."""
        text = self.exact(expr)
        if expr.dtype.kind == "enum":
            places = (f"WHEN {self.dialect.literal(x)} THEN {n}" for n, x in enumerate(expr.dtype.labels))
            return f"CASE {self.dialect.comparable(expr.dtype, text)} {' '.join(places)} END"
        if self.dialect.name == "postgresql" and expr.dtype.kind in TEXTS:
            return f'{text} COLLATE "C"'
        return text

    def limit(self, block: Block) -> Pieces:
        if block.limit is not None:
            pieces: Pieces = [" LIMIT ", Slot(block.limit, (_LIMIT_TYPE,))]
        else:
            pieces = [
                {"sqlite": " LIMIT -1", "mysql": " LIMIT 18446744073709551615"}.get(self.dialect.name, "")
            ]
        if block.offset is not None:
            pieces += [" OFFSET ", Slot(block.offset, (_LIMIT_TYPE,))]
        return pieces

    # -------------------------------------------------------------------------------------- expressions

    def expr(self, expr: Expr) -> str:
        if isinstance(expr, Ref):
            self.use(expr)
            return f"{expr.alias}.{self.dialect.quote(expr.name)}"
        if isinstance(expr, Derived):
            return self.derived(expr.fragment, expr.scope)
        # NULL takes the type of the other branch of its union, but for one fault of MariaDB.
        unsigned = self.dialect.name == "mysql" and expr.dtype.kind.startswith("uint")
        return "CAST(NULL AS UNSIGNED)" if unsigned else "NULL"

    def use(self, column: Ref) -> None:
        """Count a use of a column; refuse expressions upon expressions that would exhaust a planner."""
        used = self.used[column.alias]
        used[column.name] += self.times
        if used[column.name] > MOST_CHARACTERS:
            raise too_long()

    def exact(self, expr: Expr) -> str:
        """Write an expression so that equal is only what is the same (TYP-20)."""
        return self.dialect.exact(expr.dtype, self.expr(expr))

    def derived(self, fragment: Fragment, scope: Scope) -> str:
        """Put the columns of this block into the template of a computed attribute."""
        dtypes = tuple([scope[name].dtype for name in fragment.names])
        parts = _template(fragment, self.dialect.name, dtypes)
        column, times, written = _Columns(self, scope), self.times, dict[str, str]()
        for name, count in Counter(parts[1::2]).items():
            self.times = times * count
            written[name] = column(name)[0]
        self.times = times
        return bounded("".join([written[part] if n % 2 else part for n, part in enumerate(parts)]))

    # --------------------------------------------------------------------------------------- conditions

    def predicate(self, predicate: Predicate) -> Pieces:
        match predicate:
            case P_Const(value):
                return ["1 = 1" if value else "1 = 0"]
            case P_Equals(expr, index):
                return self.equal(expr, Slot(index, (expr.dtype,)))
            case P_Same():
                return [self.same(predicate)]
            case P_IsNull(expr):
                return [f"{self.expr(expr)} IS NULL"]
            case P_In(exprs, index):
                return self.in_list(exprs, index)
            case P_Exists():
                return self.exists(predicate)
            case P_Text():
                return self.text(predicate)
            case P_All(terms) | P_Any(terms):
                return self.terms(terms, " AND " if isinstance(predicate, P_All) else " OR ")
            case P_Not(term):
                return self.negation(term)

    def negation(self, term: Predicate) -> Pieces:
        if isinstance(term, P_Exists):
            return self.exists(term, negated=True)
        return ["NOT (", *self.predicate(term), ")"]

    def equal(self, expr: Expr, slot: Slot) -> Pieces:
        text = self.expr(expr)
        exact = self.dialect.exact(expr.dtype, text)
        if text == exact:
            return [f"{text} = ", slot]
        return [f"({text} = ", slot, f" AND {exact} = ", slot, ")"]  # the first finds them by the index

    def in_list(self, exprs: Sequence[Expr], index: int) -> Pieces:
        dtypes = tuple(expr.dtype for expr in exprs)
        sides = [self.dialect.comparable(expr.dtype, self.expr(expr)) for expr in exprs]
        listed: Pieces = [f"{_row(sides)} IN (", Slot(index, dtypes, is_list=True), ")"]
        if not any(dtype.collation for dtype in dtypes):
            return listed
        exact = Slot(index, tuple(replace(dtype, collation=None) for dtype in dtypes), is_list=True)
        return ["(", *listed, f" AND {_row([self.exact(expr) for expr in exprs])} IN (", exact, "))"]

    def same(self, pair: P_Same) -> str:
        left, right = self.expr(pair.left), self.expr(pair.right)
        collations = {pair.left.dtype.collation, pair.right.dtype.collation}
        if collations != {None}:
            operator = _SAME[self.dialect.name] if pair.nulls else "="
            exact = f"{self.exact(pair.left)} {operator} {self.exact(pair.right)}"
            return exact if len(collations) > 1 else f"({left} {operator} {right} AND {exact})"
        if pair.left.dtype != pair.right.dtype:  # labels of two types, or a label and a text
            left = self.dialect.comparable(pair.left.dtype, left)
            right = self.dialect.comparable(pair.right.dtype, right)
        return f"{left} {_SAME[self.dialect.name] if pair.nulls else '='} {right}"

    def terms(self, terms: Sequence[Predicate], operator: str) -> Pieces:
        if not terms:
            return ["1 = 1" if operator == " AND " else "1 = 0"]
        if len(terms) > _FLAT:  # SQLite refuses a chain of a thousand terms, but not a tree of them
            half = len(terms) // 2
            return [
                "(",
                *self.terms(terms[:half], operator),
                operator,
                *self.terms(terms[half:], operator),
                ")",
            ]
        pieces: Pieces = ["("]
        for n, term in enumerate(terms):
            pieces += [operator if n else "", *self.predicate(term)]
        return [*pieces, ")"]

    def row(self, exprs: Iterable[Expr]) -> str:
        return _row([self.exact(expr) for expr in exprs])

    def exists(self, predicate: P_Exists, negated: bool = False) -> Pieces:
        if predicate.whole and predicate.pairs and not any(pair.nulls for pair in predicate.pairs):
            return self.listed(predicate, negated)
        word = "NOT EXISTS (SELECT 1" if negated else "EXISTS (SELECT 1"
        block = replace(predicate.block, where=(*predicate.block.where, *predicate.pairs), order=())
        return [word, *self.tail(block), ")"]

    def listed(self, predicate: P_Exists, negated: bool) -> Pieces:
        """Compare with a list made once, where the inner rows cannot be looked up one by one."""
        inner = {f"c{n}": pair.left for n, pair in enumerate(predicate.pairs)}
        outer = [pair.right for pair in predicate.pairs]
        block = replace(predicate.block, columns=inner)
        if not negated:
            return [f"{self.row(outer)} IN (", *self.select(block), ")"]
        # NULL on either side matches nothing, so such rows of ours stay and such rows of theirs do not count.
        known = tuple(P_Not(P_IsNull(expr)) for expr in inner.values())
        block = replace(block, where=(*block.where, *known))
        empty = " OR ".join(f"{self.expr(expr)} IS NULL" for expr in outer)
        return [f"({empty} OR {self.row(outer)} NOT IN (", *self.select(block), "))"]

    def text(self, predicate: P_Text) -> Pieces:
        slots: dict[str, Slot] = {}

        def parameter(n: int, dtype: AttributeType) -> str:
            mark = f"\0{len(slots)}\0"
            slots[mark] = Slot(predicate.offset + n, (dtype,))
            return mark

        columns = _Columns(self, predicate.scope)
        text = fragments.render(
            predicate.fragment.expression, self.dialect.name, columns, parameter, columns.indexed
        )
        pieces: Pieces = ["("]
        for n, part in enumerate(text.split("\0")):
            pieces.append(slots[f"\0{part}\0"] if n % 2 else part)
        return [*pieces, ")"]


class _Columns:
    """Finds the SQL and the type of a name of a fragment."""

    def __init__(self, writer: _Writer, scope: Scope) -> None:
        self.writer = writer
        self.scope = scope

    def __call__(self, name: str) -> tuple[str, AttributeType]:
        expr = self.scope[name]
        text = self.writer.exact(expr)
        return (text if isinstance(expr, Ref) else f"({text})"), expr.dtype

    def indexed(self, name: str) -> str | None:
        """Return the column itself where it is written as something else."""
        expr = self.scope[name]
        if not isinstance(expr, Ref) or expr.dtype.collation is None:
            return None
        return self.writer.expr(expr)


def _row(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


@lru_cache(4096)
def _template(fragment: Fragment, backend: str, dtypes: tuple[AttributeType, ...]) -> tuple[str, ...]:
    """Return the text of a computed attribute, in turns with the names of the columns in it."""
    types = dict(zip(fragment.names, dtypes, strict=True))

    def column(name: str) -> tuple[str, AttributeType]:
        return f"\0{name}\0", types[name]

    return tuple(fragments.render(fragment.expression, backend, column, _no_parameters).split("\0"))


def _no_parameters(n: int, dtype: AttributeType) -> str:
    raise AssertionError("a computed attribute holds its literals as text")


def _prune(block: Block, needed: Collection[str]) -> Block:
    """Leave out of an inner block what nobody asks for."""
    if block.distinct:
        return block
    return replace(block, columns={name: expr for name, expr in block.columns.items() if name in needed})
