"""Strategies for Hypothesis: values, tables with rows, and queries as Python code over these tables.

A query is drawn as code, for example ``(A & {'x': 1}).aggr(B, n='count(y)')``, so that a failing one can be
read, run on any backend and kept as an example. While it is drawn it is evaluated over tables without a
database, which tells the attributes that the next step may use.
"""

from __future__ import annotations

import datetime  # noqa: ICN001 - the name in the code that is drawn
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from datajoint.algebra.plans.nodes import Query, Source
from datajoint.declare.parse import parse
from datajoint.declare.resolve import resolve
from datajoint.declare.spec import ForeignKey, TableSpec
from datajoint.engine.catalog import Catalog
from datajoint.errors import DataJointError
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName, to_camel_case
from datajoint.heading.types import INTEGERS, TEXTS, AttributeType
from datajoint.query.expression import QueryExpression
from datajoint.query.restriction import AndList, Not, Top
from datajoint.query.universal import U
from datajoint.testing.reference import rows_of

__all__ = ["definitions", "evaluate_code", "offline", "programs", "resolved", "rows", "values"]

Draw = Callable[[st.SearchStrategy[Any]], Any]
Row = dict[str, Any]
Tables = Mapping[str, Any]
Content = Mapping[TableName, Sequence[Row]]

_TEXTS = (
    "",
    "a",
    "A",
    "á",
    " a ",
    "it's",
    'say "x"',
    "back\\slash",
    "100%",
    "_",
    "犬🐁",
    "a\nb",
    "NULL",
    "{}?:x$1",
)
_POOLS: dict[str, tuple[Any, ...]] = {
    "float64": (0.0, 0.5, -1.25, 2.0, 3.0, -0.0),
    "float32": (0.0, 0.5, -1.25, 2.0),
    "bool": (True, False),
    "date": (*tuple(datetime.date(2024, 2, day) for day in (1, 28, 29)), datetime.date(1970, 1, 1)),
    "datetime": tuple(datetime.datetime(2024, 2, 29, 23, 59, s) for s in (0, 59)),  # noqa: DTZ001 - naive by convention
    "timestamp": tuple(datetime.datetime(2024, 7, 1, h) for h in (0, 12)),  # noqa: DTZ001 - naive by convention
    "uuid": tuple(UUID(int=n) for n in (0, 5, 2**127 + 1)),
    "bytes": (b"", b"\x00\xff", b"'\\%"),
}
_WILD = {
    "float64": (1e300, -1e300, 5e-324, 0.1, 1e16 + 2),
    "int64": (2**63 - 1, -(2**63), 0),
    "uint64": (2**64 - 1, 2**63, 0),
}
"""Extremes, for attributes whose name begins with ``wild``: compared and carried along, never summed."""


def values(dtype: AttributeType, wild: bool = False) -> st.SearchStrategy[Any]:
    """Return a strategy of canonical values of a type, few enough that two of them are often equal.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> values(parse_type("bool"))
    sampled_from((True, False))
    """
    return st.sampled_from(_pool(dtype, wild))


def _pool(dtype: AttributeType, wild: bool = False) -> tuple[Any, ...]:
    kind = dtype.kind
    if kind == "decimal" and wild:
        digits = "9" * ((dtype.length or 10) - (dtype.scale or 0)) + "." + "9" * (dtype.scale or 0)
        return (Decimal(digits), Decimal("-" + digits), Decimal(1).scaleb(-(dtype.scale or 0)))
    if wild and kind in _WILD:
        return _WILD[kind]
    if kind in INTEGERS:
        return (0, 1, 2, 3, 7)
    if kind == "decimal":
        return tuple(Decimal(text) for text in ("0.000", "1.500", "-2.250", "3.000"))
    if kind == "enum":
        return dtype.labels
    if kind in TEXTS:
        fitting = tuple(text for text in _TEXTS if len(text) <= (dtype.length or 100))
        return tuple(text.rstrip(" ") for text in fitting) if kind == "char" else fitting
    return _POOLS[kind]


# ------------------------------------------------------------------------------------------------------
# tables and rows

_KEY_TYPES = ("int32", "int16", "varchar(8)", "date", "uuid", "enum('a','b','it''s')")
_TYPES = (*_KEY_TYPES, "float64", "decimal(8,3)", "bool", "datetime(3)", "int64")


@st.composite
def definitions(draw: Draw, count: int = 4) -> dict[str, str]:
    """Return a strategy of definitions of tables ``t0``, ``t1`` … that refer to earlier ones.

    Examples
    --------
    >>> definitions(2)
    definitions(count=2)
    """
    texts: dict[str, str] = {}
    for n in range(count):
        lines = [f"k{n} : {draw(st.sampled_from(_KEY_TYPES))}"] * draw(st.integers(0, 1))
        parents: list[int] = []
        if n:
            parents = draw(st.lists(st.sampled_from(range(n)), max_size=2, unique=True))
        lines += [f"-> T{parent}" for parent in parents]
        lines = lines or [f"k{n} : int32"]
        lines.append("---")
        for name in draw(st.lists(st.sampled_from("xyz"), max_size=2, unique=True)):
            null = draw(st.sampled_from(["=null", ""]))
            lines.append(f"{name}{null} : {draw(st.sampled_from(_TYPES))}")
        if n and draw(st.booleans()):
            lines.append(f"-> [nullable] T{draw(st.integers(0, n - 1))}")
        texts[f"t{n}"] = "\n".join(lines)
    return texts


def resolved(texts: Mapping[str, str], schema: str = "lab") -> dict[str, TableSpec]:
    """Return the tables of some definitions by class name, without a database.

    Examples
    --------
    >>> resolved({"t0": "a : int32", "t1": "-> T0"})["T1"].primary_key
    ('a',)
    """
    known: dict[str, TableSpec] = {}
    for name, text in texts.items():
        spec = resolve(parse(text, name), TableName(schema, name), lambda reference: known[reference.path])
        known[to_camel_case(name)] = spec
    return known


@st.composite
def rows(draw: Draw, specs: Sequence[TableSpec], most: int = 5, least: int = 0) -> dict[TableName, list[Row]]:
    """Return a strategy of rows for tables, parents before children, that fulfil keys and references.

    Examples
    --------
    >>> specs = list(resolved({"t0": "a : int32"}).values())
    >>> isinstance(rows(specs), st.SearchStrategy)
    True
    """
    found: dict[TableName, list[Row]] = {}
    for spec in specs:
        by_key: dict[tuple[Any, ...], Row] = {}
        for _ in range(draw(st.integers(least, most))):
            row = _row(draw, spec, found)
            if row is not None:
                by_key.setdefault(tuple(row[name] for name in spec.primary_key), row)
        found[spec.name] = list(by_key.values())
    return found


def _row(draw: Draw, spec: TableSpec, known: Mapping[TableName, list[Row]]) -> Row | None:
    row: Row = {}
    for key in spec.foreign_keys:
        if not _refer(draw, row, key, known[key.parent]):
            return None
    for attribute in spec.attributes:
        if attribute.name not in row:
            row[attribute.name] = _value(draw, attribute)
    return {attribute.name: row[attribute.name] for attribute in spec.attributes}


def _value(draw: Draw, attribute: Attribute) -> Any:
    if attribute.nullable and draw(st.integers(0, 3)) == 0:
        return None
    return draw(values(attribute.dtype, attribute.name.startswith("wild")))


def _refer(draw: Draw, row: Row, key: ForeignKey, parents: list[Row]) -> bool:
    """Fill in a reference; columns that another reference has filled must agree."""
    pairs = list(zip(key.columns, key.parent_columns, strict=True))
    fitting = [
        p for p in parents if all(column not in row or row[column] == p[parent] for column, parent in pairs)
    ]
    if key.nullable and (not fitting or draw(st.integers(0, 2)) == 0):
        for column, _ in pairs:
            row.setdefault(column, None)
        return all(row[column] is None for column, _ in pairs) or any(
            row[column] is None for column, _ in pairs
        )
    if not fitting:
        return False
    parent_row = draw(st.sampled_from(fitting))
    row.update({column: parent_row[parent] for column, parent in pairs})
    return True


# ------------------------------------------------------------------------------------------------------
# queries as code


class _Tables(dict[str, QueryExpression]):
    def __repr__(self) -> str:
        return f"<tables {', '.join(self)}>"


def offline(specs: Mapping[str, TableSpec]) -> dict[str, QueryExpression]:
    """Return tables as expressions that have a heading but no database.

    Examples
    --------
    >>> offline(resolved({"t0": "a : int32"}))["T0"].primary_key
    ['a']
    """
    settings = SimpleNamespace(
        interop=SimpleNamespace(zones="utc"),
        query=SimpleNamespace(unknown_names="ignore", matching="lineage"),
    )
    nowhere: Any = SimpleNamespace(
        backend=SimpleNamespace(name=""), dialect=SimpleNamespace(name=""), config=settings
    )
    nowhere.catalog = Catalog(nowhere)
    return _Tables(
        (name, QueryExpression._of(Query(Source(spec.name, spec.heading())), nowhere))
        for name, spec in specs.items()
    )


_NAMES = {
    "datetime": datetime,
    "Decimal": Decimal,
    "UUID": UUID,
    "dj": SimpleNamespace(U=U, Top=Top, Not=Not, AndList=AndList),
}


def evaluate_code(code: str, tables: Tables) -> QueryExpression:
    """Return the expression that a piece of code stands for.

    Examples
    --------
    >>> tables = offline(resolved({"t0": "a : int32"}))
    >>> evaluate_code("dj.U('a') & T0", tables).primary_key
    ['a']
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of count(*), which is meant here
        return eval(code, {**_NAMES, **tables})  # noqa: S307 - our own code


class _Writer:
    """Draws code; `at` is what has been written so far, as an expression."""

    def __init__(self, draw: Draw, tables: Tables, content: Content | None) -> None:
        self.draw = draw
        self.tables = tables
        self.content = content

    def choose(self, items: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(list(items)))

    def some(self, items: Sequence[Any], least: int = 0, most: int = 3) -> list[Any]:
        items = list(items)
        if not items:
            return []
        return self.draw(
            st.lists(st.sampled_from(items), min_size=min(least, len(items)), max_size=most, unique=True)
        )

    def program(self, depth: int) -> str:
        code = self.choose(list(self.tables))
        for _ in range(self.draw(st.integers(0 if depth < 3 else 1, depth))):
            code = self.step(code, depth)
        return code

    def step(self, code: str, depth: int) -> str:
        """Apply one operator; where it is refused, what was there stays."""
        expression = evaluate_code(code, self.tables)
        write = self.choose(
            [
                self.restrict,
                self.match,
                self.project,
                self.join,
                self.aggregate,
                self.universal,
                self.union,
                self.top,
            ]
        )
        longer = write(code, expression, depth - 1)
        try:
            result = evaluate_code(longer, self.tables)
            if self.content is None or rows_of(result.query, self.content):
                return longer
        except (DataJointError, OverflowError):  # refused, or a sum that does not fit its type
            return code
        return longer if self.draw(st.integers(0, 4)) == 0 else code

    # -------------------------------------------------------------------------------------- restriction

    def restrict(self, code: str, expression: QueryExpression, depth: int) -> str:
        return f"({code} {self.choose('&&-')} {self.condition(expression)})"

    def condition(self, expression: QueryExpression, depth: int = 2) -> str:
        attributes = _comparable(expression.heading.values())
        kinds = ["dict", "dict", "text", "text"] + (["list", "and", "not", "bool"] if depth else [])
        kind = self.choose(kinds) if attributes else "bool"
        if kind == "dict":
            return repr({a.name: self.given(a) for a in self.some(attributes, 1, 2)})
        if kind == "text":
            return repr(self.text(attributes))
        if kind == "bool":
            return self.choose(["True", "False"])
        if kind == "not":
            return f"dj.Not({self.condition(expression, depth - 1)})"
        items = [self.condition(expression, depth - 1) for _ in range(self.draw(st.integers(0, 3)))]
        return f"dj.AndList([{', '.join(items)}])" if kind == "and" else f"[{', '.join(items)}]"

    def given(self, attribute: Attribute) -> Any:
        pool = values(attribute.dtype, attribute.name.startswith("wild"))
        return self.draw(st.one_of(pool, pool, st.none(), st.lists(st.one_of(pool, st.none()), max_size=3)))

    def text(self, attributes: Sequence[Attribute]) -> str:
        terms = [self.term(self.choose(attributes)) for _ in range(self.draw(st.integers(1, 2)))]
        return self.choose([" and ", " or "]).join(terms)

    def term(self, attribute: Attribute) -> str:
        name, pool = attribute.name, values(attribute.dtype, attribute.name.startswith("wild"))
        if self.draw(st.integers(0, 3)) == 0:
            return f"{name} is {self.choose(['null', 'not null'])}"
        if attribute.dtype.kind == "bool":
            return self.choose([name, f"not {name}"])
        if self.draw(st.integers(0, 3)) == 0:
            items = self.draw(st.lists(pool, min_size=1, max_size=3))
            return f"{name} {self.choose(['in', 'not in'])} ({', '.join(map(_literal, items))})"
        return f"{name} {self.choose(['=', '<>', '<', '>='])} {_literal(self.draw(pool))}"

    def match(self, code: str, expression: QueryExpression, depth: int) -> str:
        other = self.program(depth) if depth > 0 else self.choose(list(self.tables))
        operand = self.choose(
            [other, other, f"[{other}]", f"dj.Not({other})", f"[{other}, {self.condition(expression, 1)}]"]
        )
        return f"({code} {self.choose('&-')} {operand})"

    # ------------------------------------------------------------------------------- projection and join

    def project(self, code: str, expression: QueryExpression, depth: int) -> str:
        heading = expression.heading
        names = [repr(name) for name in self.some(heading.secondary_attributes)]
        if self.draw(st.booleans()):
            names = ["...", *(repr("-" + name) for name in self.some(heading.secondary_attributes, 0, 1))]
        named = {self.new(): self.choose([old, old, f"({old})"]) for old in self.some(heading.names, 0, 2)}
        if self.draw(st.booleans()):
            named[self.new()] = self.computed(list(heading.values()))
        return f"{code}.proj({_arguments(names, named)})"

    def new(self) -> str:
        return self.choose("abcdxyz") + str(self.draw(st.integers(0, 3)))

    def computed(self, attributes: Sequence[Attribute]) -> str:
        attribute = self.choose(attributes) if attributes else None
        forms = ["5", "'text'", "null"]
        if attribute is not None and not attribute.name.startswith("wild"):
            name = attribute.name
            if attribute.numeric and attribute.dtype.kind != "bool":
                forms += [
                    f"{name} + 1",
                    f"{name} * 2",
                    f"{name} / 2",
                    f"-{name}",
                    f"{name} > 1",
                    f"coalesce({name}, 0)",
                ]
            if attribute.dtype.kind in TEXTS:
                forms += [f"concat({name}, '!')", f"length({name})", f"upper({name})", f"{name} = 'a'"]
            forms += [f"{name} is null", f"case when {name} is null then 0 else 1 end"]
        return self.choose(forms)

    def join(self, code: str, expression: QueryExpression, depth: int) -> str:
        other = self.program(depth) if depth > 0 else self.choose(list(self.tables))
        other = self.choose([other, other, f"{other}.proj()"])
        return self.choose([
            f"({code} * {other})", f"({code} * {other})", f"({other} * {code})", f"{code}.extend({other})",
            f"{code}.join({other}, left=True, allow_nullable_pk=True)", f"{code}.join({other}, outer=True)",
            f"({code} * ({code} & {self.condition(expression)}))",
        ])  # fmt: skip

    # ------------------------------------------------------------------- aggregation, union, universal set

    def aggregates(self, attributes: Sequence[Attribute]) -> dict[str, str]:
        found: dict[str, str] = {}
        for attribute in self.some(_comparable(attributes), 1, 2):
            name, forms = attribute.name, [f"count({attribute.name})", f"count(distinct {attribute.name})"]
            if attribute.dtype.kind != "bool":
                forms += [f"min({name})", f"max({name})"]
                if attribute.numeric and not name.startswith("wild"):
                    forms += [f"sum({name})", f"avg({name})", f"sum({name} + 1)"]
            found[self.new()] = self.choose(forms)
        return {**found, "n": "count(*)"} if self.draw(st.integers(0, 3)) == 0 else found

    def aggregate(self, code: str, expression: QueryExpression, depth: int) -> str:
        other = self.program(depth) if depth > 0 else self.choose(list(self.tables))
        kept = self.choose(
            [[], ["..."], [repr(name) for name in self.some(expression.heading.secondary_attributes)]]
        )
        named = self.aggregates(list(evaluate_code(other, self.tables).heading.values()))
        drop = ", exclude_nonmatching=True" * self.draw(st.integers(0, 1))
        return f"{code}.aggr({_arguments([other, *kept], named)}{drop})"

    def universal(self, code: str, expression: QueryExpression, depth: int) -> str:
        attributes = list(expression.heading.values())
        quoted = ", ".join(repr(a.name) for a in self.some(_comparable(attributes)))
        if self.draw(st.booleans()):
            return f"(dj.U({quoted}) & {code})"
        return f"dj.U({quoted}).aggr({_arguments([code], self.aggregates(attributes))})"

    def union(self, code: str, expression: QueryExpression, depth: int) -> str:
        first, second = self.condition(expression), self.condition(expression)
        names = ", ".join(map(repr, self.some(expression.heading.secondary_attributes)))
        return self.choose([
            f"(({code} & {first}) + ({code} & {second}))", f"(({code} & {first}) + {code}.proj({names}))",
            f"({code}.proj({names}) + ({code} & {second}))", f"({code} + {self.choose(list(self.tables))})",
        ])  # fmt: skip

    def top(self, code: str, expression: QueryExpression, depth: int) -> str:
        """Cut off in a total order: by all attributes that can be ordered, the key among them."""
        names = [a.name for a in _comparable(expression.heading.values())]
        if not set(expression.primary_key) <= set(names):
            return code
        order = [
            f"{name} DESC" if self.draw(st.booleans()) else name for name in self.draw(st.permutations(names))
        ]
        limit, offset = (
            self.draw(st.sampled_from([None, 0, 1, 2, 3])),
            self.draw(st.sampled_from([0, 0, 1, 2])),
        )
        return f"({code} & dj.Top({limit}, {order!r}, {offset}))"


def _comparable(attributes: Iterable[Attribute]) -> list[Attribute]:
    return [a for a in attributes if a.dtype.kind not in ("bytes", "json", "codec")]


def _arguments(positional: Sequence[str], named: Mapping[str, str]) -> str:
    return ", ".join([*positional, *(f"{name}={text!r}" for name, text in named.items())])


def _literal(value: Any) -> str:
    if isinstance(value, (bool, int, float, Decimal)):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


@st.composite
def programs(draw: Draw, tables: Tables, content: Content | None = None, depth: int = 4) -> str:
    """Return a strategy of queries as Python code over tables by name; with `content`, few without rows.

    Examples
    --------
    >>> tables = offline(resolved({"t0": "a : int32"}))
    >>> isinstance(programs(tables), st.SearchStrategy)
    True
    """
    return _Writer(draw, tables, content).program(depth)
