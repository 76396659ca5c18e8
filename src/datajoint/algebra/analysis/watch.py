"""Watched plans: the same rows, with columns that tell which versions of which base rows took part.

A *mark* is what a plan carries along for one table that it reads: of single rows the event that wrote them,
of groups of rows the sums of a signature (`provenance.md` §3). Only columns are added, never parameters and
never rows, so a watched plan takes the values of the plan that it stands for.

Where a row of the result can be exchanged for another one that the same event wrote without any other trace,
events alone do not suffice: the first rows of an order, an antijoin, a condition on an aggregate. There a
mark tells the identity of the row, too (ADR 9), and so nothing else that such a plan reads need be signed:
equal rows in equal versions are all that a result is made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datajoint._value import Value, replace
from datajoint.algebra.expr.expressions import Call, Cast, Expression, Literal, Name, Operator, walk
from datajoint.algebra.expr.types import BOOL, INT64, NULL
from datajoint.algebra.plans.nodes import (
    Aggregate,
    All,
    Any_,
    Condition,
    Distinct,
    GroupBy,
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
)
from datajoint.algebra.text.fragment import Fragment
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName

__all__ = ["EVENT", "ROWS", "SUMS", "Mark", "Unmarked", "Watched", "summary", "watch"]

EVENT = "_event"
ROWS = "~rows"
"""Column of a summary: the number of rows of the plan."""

SUMS = ("n", "known", "low", "high", "total", "q1", "q2")
"""What a signature adds up: rows, those whose event is known, least and greatest event, three sums."""

_LETTERS = "nklhtqr"


class Mark(Value):
    """What a watched plan carries along for one table that it reads.

    Attributes
    ----------
    table
        The table.
    present
        Column that is NULL where no row of the table took part.
    event, identity
        Columns of the event that wrote the row and, where events do not suffice, of a number for its key.
    sums
        Instead of these, the columns of a signature: names as in `SUMS`.
    optional
        Whether a row of the result may lack a row of the table.
    """

    table: TableName
    present: str = ""
    event: str = ""
    identity: str = ""
    sums: tuple[str, ...] = ()
    optional: bool = False

    @property
    def asked(self) -> tuple[str, ...]:
        """Columns that tell all: presence is known where every row of the result has one of the table."""
        return self.columns if self.optional or self.sums else self.columns[:-1]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the mark."""
        return self.sums or tuple(name for name in (self.event, self.identity, self.present) if name)


class Watched(Value):
    """A plan with its marks, in the order in which a walk of the plan meets the tables.

    Attributes
    ----------
    identified
        Whether its marks tell the identity of rows, because events do not suffice.
    """

    plan: Plan
    marks: tuple[Mark, ...]
    identified: bool = False


class Unmarked(Distinct):
    """Combinations that rows are only matched with: as those of a semijoin, they leave no marks."""

    __slots__ = ()


def watch(plan: Plan, identify: bool = False) -> Watched:
    """Return a plan that gives the same rows, and marks beside them.

    Parameters
    ----------
    identify
        Tell the identity of rows even where events suffice.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> key = Attribute("a", parse_type("int32"), in_key=True)
    >>> table = Source(TableName("lab", "t"), Heading([key], [Attribute(EVENT, INT64, nullable=True)]))
    >>> watched = watch(table)
    >>> watched.plan.heading.names, watched.marks[0].event
    (['a', '_event', '~e1', '~p1'], '~e1')
    """
    key = "identified" if identify else "watched"
    found: Watched | None = plan.statements.get(key)
    if found is None:
        identify = identify or not _events_suffice(plan)
        watched = _Watcher(identify).watch(plan)
        found = plan.statements[key] = replace(watched, identified=identify)
    return found


def summary(plan: Plan, names: tuple[str, ...] = (), identify: bool = False) -> Watched:
    """Return a plan of one row, or of one per combination of some attributes: number of rows and signatures.

    Examples
    --------
    >>> table = Source(TableName("lab", "t"), Heading([], [Attribute(EVENT, INT64, nullable=True)]))
    >>> summary(table).plan.heading.names[:3]
    ['~rows', '~n1', '~k1']
    """
    key = ("summary", names, identify)
    found: Watched | None = plan.statements.get(key)
    if found is None:
        watched = watch(plan, identify)
        sums, marks = _gathered(watched.marks)
        counted = _fragment(Call("count", (), INT64))
        node = _grouped(watched.plan, names, ((ROWS, counted), *sums))
        found = plan.statements[key] = Watched(node, marks, watched.identified)
    return found


# ------------------------------------------------------------------------------------ what is needed


def _events_suffice(plan: Plan) -> bool:
    """Whether equal events mean equal rows: nothing is decided by what is absent, or by a group."""
    match plan:
        case Project():
            return _events_suffice(plan.operand)
        case Join() if plan.kind == "left":
            return _is_monotone(plan.left) and _is_monotone(plan.right)
        case Aggregate():
            return _is_monotone(plan.operand) and _is_monotone(plan.group)
        case GroupBy() | Distinct():
            return _is_monotone(plan.operand)
        case _:
            return _is_monotone(plan)


def _is_monotone(plan: Plan) -> bool:
    """Whether more rows in the tables never mean fewer or other rows in the result."""
    match plan:
        case Source():
            return True
        case Restrict():
            return _is_monotone(plan.operand) and not _asks(plan.condition)
        case Project():
            return _is_monotone(plan.operand)
        case Top():  # an order alone
            return not plan.limited and not plan.shifted and _is_monotone(plan.operand)
        case Join() if plan.kind == "inner":
            return _is_monotone(plan.left) and _is_monotone(plan.right)
        case _:
            return False


def _asks(condition: Condition) -> bool:
    """Whether a condition reads other rows."""
    match condition:
        case Matches():
            return True
        case All(terms) | Any_(terms):
            return any(map(_asks, terms))
        case Not(term):
            return _asks(term)
        case _:
            return False


# ------------------------------------------------------------------------------------------- the walk


class _Watcher:
    """Numbers the marks of one plan."""

    def __init__(self, identify: bool) -> None:
        self._identify = identify
        self._count = 0

    def watch(self, plan: Plan) -> Watched:
        match plan:
            case Source():
                return self._source(plan)
            case Restrict():
                inner = self.watch(plan.operand)
                return Watched(Restrict(inner.plan, plan.condition), inner.marks)
            case Project():
                inner = self.watch(plan.operand)
                columns = (*plan.columns, *((name, name) for name in _columns(inner.marks)))
                return Watched(_headed(Project(inner.plan, columns), plan, inner), inner.marks)
            case Join():
                return self._join(plan)
            case Aggregate():
                return self._aggregate(plan)
            case GroupBy():
                inner = self.watch(plan.operand)
                sums, marks = _gathered(inner.marks)
                return Watched(_grouped(inner.plan, plan.names, (*plan.aggregates, *sums), plan), marks)
            case Distinct():
                return Watched(plan, ()) if isinstance(plan, Unmarked) else self._distinct(plan)
            case Union():
                return self._union(plan)
            case Top():
                inner = self.watch(plan.operand)
                return Watched(Top(inner.plan, plan.order, plan.limited, plan.shifted), inner.marks)
            case _:
                raise TypeError(f"no such plan: {plan!r}")

    def _source(self, plan: Source) -> Watched:
        self._count += 1
        heading, n = plan.heading, self._count
        hidden = {a.name: (a.name, a.name) for a in heading.hidden.values()}
        event: str | Fragment = EVENT if EVENT in hidden else _fragment(Cast(Literal(None, NULL), INT64))
        present: str | Fragment = heading.key[0] if heading.key else _fragment(Literal(1, INT64))
        added: dict[str, str | Fragment] = {f"~e{n}": event, f"~p{n}": present}
        if self._identify:
            added[f"~i{n}"] = _fragment(Call("~identity", tuple(map(Name, heading.key)), INT64))
        columns = (*((name, name) for name in heading.order), *hidden.values(), *added.items())
        node = Project(plan, columns)
        shown = [*heading.values(), *heading.hidden.values()]
        marks = [replace(_INTEGER, name=name) for name in added]
        if heading.key:
            marks[1] = replace(heading[heading.key[0]], name=f"~p{n}", in_key=False)
        node.heading = Heading([*shown, *marks], nullable_key=heading.nullable_key)
        identity = f"~i{n}" if self._identify else ""
        return Watched(node, (Mark(plan.name, f"~p{n}", f"~e{n}", identity),))

    def _join(self, plan: Join) -> Watched:
        left, right = self.watch(plan.left), self.watch(plan.right)
        marks = (
            *(_optional(mark) if plan.kind == "outer" else mark for mark in left.marks),
            *(_optional(mark) if plan.kind != "inner" else mark for mark in right.marks),
        )
        heading = _heading(plan.heading, [*_added(left), *_added(right)])
        return Watched(Join(left.plan, right.plan, plan.on, plan.kind, heading), marks)

    def _aggregate(self, plan: Aggregate) -> Watched:
        left, group = self.watch(plan.operand), self.watch(plan.group)
        sums, marks = _gathered(group.marks)
        kept = (*plan.kept, *((name, name) for name in _columns(left.marks)))
        aggregates = (*plan.aggregates, *sums)
        node = Aggregate(left.plan, group.plan, plan.on, kept, aggregates, plan.keep_unmatched)
        node.heading = _heading(plan.heading, [*_added(left), *(replace(_INTEGER, name=n) for n, _ in sums)])
        return Watched(node, (*left.marks, *marks))

    def _distinct(self, plan: Distinct) -> Watched:
        inner = self.watch(plan.operand)
        sums, marks = _gathered(inner.marks)
        if plan.names:
            return Watched(_grouped(inner.plan, plan.names, sums, plan), marks)
        # No attributes: one row where there is any, and a group of everything is always there.
        counted = _fragment(Call("count", (), INT64))
        node = _grouped(inner.plan, (), ((ROWS, counted), *sums), plan)
        some = _fragment(Operator(">", (Name(ROWS), Literal(0, INT64)), BOOL))
        return Watched(Restrict(node, Text(some)), marks)

    def _union(self, plan: Union) -> Watched:
        left, right = self.watch(plan.left), self.watch(plan.right)
        heading = _heading(plan.heading, [*_added(left), *_added(right)])
        marks = tuple(map(_optional, (*left.marks, *right.marks)))
        return Watched(Union(left.plan, right.plan, heading), marks)


# ---------------------------------------------------------------------------------------- small parts

_INTEGER = Attribute("", INT64, nullable=True)


def _optional(mark: Mark) -> Mark:
    return replace(mark, optional=True)


def _columns(marks: Sequence[Mark]) -> Iterator[str]:
    for mark in marks:
        yield from mark.columns


def _added(watched: Watched) -> list[Attribute]:
    return [watched.plan.heading[name] for name in _columns(watched.marks)]


def _heading(heading: Heading, added: Sequence[Attribute]) -> Heading:
    nullable = [replace(attribute, in_key=False, nullable=True) for attribute in added]
    return Heading([*heading.values(), *nullable], nullable_key=heading.nullable_key)


def _headed(node: Project, plan: Plan, inner: Watched) -> Project:
    node.heading = _heading(plan.heading, _added(inner))
    return node


def _grouped(
    operand: Plan,
    names: tuple[str, ...],
    aggregates: Sequence[tuple[str, Fragment]],
    plan: Plan | None = None,
) -> GroupBy:
    """Return a grouping; with the attributes of the plan that it stands for, if any."""
    node = GroupBy(operand, names, tuple(aggregates))
    own = plan.heading if plan else Heading([replace(operand.heading[n], in_key=True) for n in names])
    further = [replace(_INTEGER, name=name) for name, _ in aggregates if name not in own]
    node.heading = _heading(own, further)
    return node


def _gathered(marks: Sequence[Mark]) -> tuple[tuple[tuple[str, Fragment], ...], tuple[Mark, ...]]:
    """Return aggregates that add up the marks of a group, and the marks of these."""
    aggregates: list[tuple[str, Fragment]] = []
    gathered: list[Mark] = []
    for mark in marks:
        number = mark.columns[0][2:]
        names = tuple(f"~{letter}{number}" for letter in _LETTERS)
        sums = map(_fragment, _further(mark) if mark.sums else _first(mark))
        aggregates += zip(names, sums, strict=True)
        gathered.append(Mark(mark.table, sums=names, optional=mark.optional))
    return tuple(aggregates), tuple(gathered)


def _first(mark: Mark) -> Iterator[Expression]:
    """Yield the sums of rows."""
    event = Name(mark.event)
    token = (event, Name(mark.identity)) if mark.identity else (event,)
    yield Call("count", (Name(mark.present),), INT64)
    yield Call("count", (event,), INT64)
    yield Call("min", (event,), INT64)
    yield Call("max", (event,), INT64)
    yield Call("~total", token, INT64)
    yield Call("~q1", token, INT64)
    yield Call("~q2", token, INT64)


def _further(mark: Mark) -> Iterator[Expression]:
    """Yield the sums of sums."""
    for letter, name in zip(_LETTERS, mark.sums, strict=True):
        yield Call({"l": "min", "h": "max"}.get(letter, "~sum"), (Name(name),), INT64)


def _fragment(expression: Expression) -> Fragment:
    names = tuple(dict.fromkeys(_names(expression)))
    aggregate = isinstance(expression, Call) and expression.function != "~identity"
    # A mark is told by what it is made of: equal texts are equal fragments.
    text = f"~{expression!r}"
    dtype = BOOL if isinstance(expression, Operator) else INT64
    return Fragment(expression, (), names, dtype, True, aggregate, text)


def _names(expression: Expression) -> Iterator[str]:
    for node in walk(expression):
        if isinstance(node, Name):
            yield node.name
