"""Writes expressions as SQL of one database."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from datajoint.algebra.expr.expressions import (
    Call,
    Case,
    Cast,
    Expression,
    Interval,
    JsonPath,
    Literal,
    Name,
    Operator,
    Param,
)
from datajoint.algebra.expr.functions import FUNCTIONS, NATIVE
from datajoint.algebra.expr.magnitude import SMALL, bits
from datajoint.algebra.expr.types import INT64, NULL, TEXT, decimal_type, family
from datajoint.backends.sqlite.types import SCALED_DIGITS
from datajoint.errors import PortabilityError
from datajoint.heading.types import AttributeType
from datajoint.sql.ranges import my_float, my_signed, within_years
from datajoint.sql.statement import bounded
from datajoint.sql.text.casts import cast, literal, sized, sqlite_call
from datajoint.sql.text.functions import RENDERINGS, quote_text
from datajoint.sql.text.marks import write_mark

__all__ = ["render"]

Column = Callable[[str], tuple[str, AttributeType]]
Placeholder = Callable[[int, AttributeType], str]
Indexed = Callable[[str], str | None]
Written = tuple[str, AttributeType]

_COMPARISONS = {"=", "<>", "<", "<=", ">", ">="}
_SAME = {"sqlite": "IS", "postgresql": "IS NOT DISTINCT FROM", "mysql": "<=>"}
_FLOAT_FUNCTIONS = {"+": "add", "-": "sub", "*": "mul", "/": "truediv"}
_WIDE = decimal_type(20, 0)
_MAX_TERMS = 100
_PLAIN_FAMILIES = {"bool", "int", "float", "text", "null"}


def _nothing(name: str) -> None:
    """Every column is found as it is written."""


def render(
    expression: Expression, backend: str, column: Column, param: Placeholder, indexed: Indexed = _nothing
) -> str:
    """Write an expression.

    Parameters
    ----------
    expression
        What to write.
    backend
        ``sqlite``, ``postgresql`` or ``mysql``.
    column
        Gives SQL and type of an attribute.
    param
        Gives the placeholder of a parameter; called in the order of the text, for one parameter more than
        once where the text needs it so.
    indexed
        Gives the column of an attribute that `column` converts, by which an index finds candidates.

    Returns
    -------
    str
        SQL text; `%` is not doubled.

    Raises
    ------
    PortabilityError
        When the backend lacks a function.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> node = Operator("+", (Name("a"), Literal(1, INT64)), INT64)
    >>> render(node, "sqlite", lambda name: (f'"{name}"', parse_type("int32")), lambda index, dtype: "?")
    '("a" + 1)'
    """
    text, dtype = _Writer(backend, column, param, indexed).write(expression)
    if backend == "postgresql" and isinstance(expression, Cast) and dtype.kind == "decimal":
        goal = f"::{sized('numeric', dtype)}"  # inside an expression integers stand for themselves
        return text if text.endswith((goal, " END)")) else f"({text}){goal}"
    return text


class _Writer:
    def __init__(self, backend: str, column: Column, param: Placeholder, indexed: Indexed) -> None:
        self.backend = backend
        self.column = column
        self.param = param
        self.indexed = indexed

    def write(self, node: Expression) -> Written:
        """Return text and type of an expression; the text stands by itself or in parentheses."""
        match node:
            case Name(name):
                return self.column(name)
            case Literal(value, dtype):
                return literal(value, dtype, self.backend), dtype
            case Param(index, dtype):
                return self.param(index, dtype), dtype
            case Operator():
                return self.operator(node), node.dtype
            case Call():
                return bounded(self.call(node)), node.dtype
            case Case():
                return self.case(node), node.dtype
            case Cast(argument, dtype):
                sql, source = self.write(argument)
                converted = bounded(cast(sql, source, dtype, self.backend))
                return (f"({converted})" if converted.startswith("CASE ") else converted), dtype
            case JsonPath():
                return self.json(node), node.dtype
            case Interval():
                raise PortabilityError("An interval can only be added to a date or datetime.")

    # ------------------------------------------------------------------------------------------ operators

    def operator(self, node: Operator) -> str:
        """Write an operator."""
        op = node.op
        if op in ("and", "or"):
            return _chain(f" {op.upper()} ", [self.write(arg)[0] for arg in node.args])
        if op == "not":
            return self.negation(node)
        if op == "is_null":
            return f"({self.write(node.args[0])[0]} IS NULL)"
        if op in ("+", "-") and isinstance(node.args[1], Interval):
            return bounded(self.shift(node, node.args[1]))
        args = [self.write(arg) for arg in node.args]
        if op in ("=", "in") and (found := self.candidates(op, node.args)):
            return f"({found} AND {self.equality(op, args)})"
        if op in _COMPARISONS:
            return self.comparison(op, args[0], args[1])
        if op == "<=>":
            return f"({args[0][0]} {_SAME[self.backend]} {args[1][0]})"
        if op == "in":
            return self.equality(op, args)
        if op in ("like", "ilike", "regexp", "glob"):
            return self.match(op, node, [text for text, _ in args])
        return self.arithmetic(op, args, node)

    def negation(self, node: Operator) -> str:
        inner = node.args[0]
        if isinstance(inner, Operator) and inner.op == "is_null":
            return f"({self.write(inner.args[0])[0]} IS NOT NULL)"
        return f"(NOT {self.write(inner)[0]})"

    def equality(self, op: str, args: Sequence[Written]) -> str:
        if op == "=":
            return self.comparison(op, args[0], args[1])
        return f"({args[0][0]} IN ({', '.join(text for text, _ in args[1:])}))"

    def candidates(self, op: str, args: Sequence[Expression]) -> str:
        """Write what an index answers of an equality, where it takes some texts for others (TYP-20)."""
        name, *values = sorted(args, key=lambda arg: not isinstance(arg, Name)) if op == "=" else args
        column = self.indexed(name.name) if isinstance(name, Name) else None
        if column is None or not all(isinstance(value, (Literal, Param)) for value in values):
            return ""
        return self.equality(op, [(column, TEXT), *(self.write(value) for value in values)])

    def comparison(self, op: str, a: Written, b: Written) -> str:
        left, right = a[0], b[0]
        if self.backend == "postgresql" and op not in ("=", "<>") and family(a[1]) == "text":
            left = f'{left} COLLATE "C"'
        return f"({left} {op} {right})"

    def match(self, op: str, node: Operator, args: list[str]) -> str:
        text, pattern = args[:2]
        if self.backend == "sqlite":
            return f"({text} GLOB {pattern})" if op == "glob" else f"dj_{op}({', '.join(args)})"
        if op == "glob":
            raise PortabilityError(
                f"`glob` exists on sqlite only, not on {self.backend}.", hint="Use like or regexp."
            )
        escape = self.escape(node)
        if self.backend == "postgresql":
            if op == "regexp":
                return f"({text} ~ {pattern})"
            if not isinstance(node.args[1], (Literal, Param)):
                pattern = _pg_closed(pattern, node)
            return f"({text} {op.upper()} {pattern}{escape})"
        if op == "ilike":
            text, pattern = f"lower({text})", f"lower({pattern})"
        return f"({text} {'REGEXP' if op == 'regexp' else 'LIKE'} {pattern}{escape})"

    def escape(self, node: Operator) -> str:
        if len(node.args) < 3 or not isinstance(node.args[2], Literal) or node.args[2].value == "\\":
            return ""
        return f" ESCAPE {quote_text(str(node.args[2].value), self.backend)}"

    def shift(self, node: Operator, interval: Interval) -> str:
        moment, dtype = self.write(node.args[0])
        amount, unit = self.write(interval.amount)[0], interval.unit
        if self.backend == "sqlite":
            signed = f"-({amount})" if node.op == "-" else amount
            return sqlite_call("shift", node.dtype, [(moment, dtype), (signed, INT64), (f"'{unit}'", TEXT)])
        if self.backend == "mysql":
            given = [moment] if isinstance(interval.amount, Literal) else [moment, amount]
            moved = f"({moment} {node.op} INTERVAL {amount} {unit.upper()})"
            return within_years(moved, given, sized(family(node.dtype), node.dtype), "mysql")
        step = "3 months" if unit == "quarter" else f"1 {unit}"
        moved = f"({moment} {node.op} {amount} * INTERVAL '{step}')"
        return within_years(moved, [], family(node.dtype), "postgresql")

    # ---------------------------------------------------------------------------------------- arithmetic

    def arithmetic(self, op: str, args: list[Written], node: Operator) -> str:
        """Write ``+ - * / div % neg & | << >>`` of numbers of one kind."""
        kind = family(args[0][1])
        if self.backend == "sqlite":
            return (
                self.lite_decimal(op, args, node)
                if kind == "decimal"
                else self.lite_number(op, args, node, kind)
            )
        texts = [text for text, _ in args]
        if op == "neg":  # MariaDB takes the negative of a constant expression for a decimal
            return f"({texts[0]} * -1)" if kind == "int" and self.backend == "mysql" else f"(-{texts[0]})"
        if op in ("/", "div", "%"):
            return self.division(op, texts, node, kind)
        if (
            self.backend == "postgresql"
            and kind == "int"
            and all(isinstance(arg, Literal) for arg in node.args)
        ):
            texts[0] += "::bigint"
        if op == ">>" and self.backend == "mysql":
            return f"cast(floor({texts[0]} / pow(2, {texts[1]})) AS signed)"
        if op in ("&", "|", "<<") and self.backend == "mysql":
            return f"cast({texts[0]} {op} {texts[1]} AS signed)"
        if op in ("<<", ">>"):
            texts[1] = f"({texts[1]})::int"
        return f"({texts[0]} {op} {texts[1]})"

    def division(self, op: str, texts: list[str], node: Operator, kind: str) -> str:
        a, b = texts[0], texts[1] if _is_not_zero(node.args[1]) else f"nullif({texts[1]}, 0)"
        if self.backend == "postgresql":
            return self.pg_division(op, a, b, node, kind)
        if op == "%" and kind == "float":  # the same formula everywhere: PostgreSQL has no mod of floats
            return f"({a} - {b} * truncate({a} / {b}, 0))"
        if op == "%":  # adding 0 makes 0 of a negative zero of decimals, which MariaDB would call less than 0
            return f"(mod({a}, {b}) + 0)" if kind == "decimal" else f"mod({a}, {b})"
        if op == "div":
            return my_signed(f"truncate({a} / {b}, 0)") if kind == "float" else f"({a} DIV {b})"
        if kind != "decimal":
            return f"({a} / {b})"
        scale = node.dtype.scale or 0
        return f"cast(cast({a} AS decimal(65,{scale})) / {b} AS {sized('decimal', node.dtype)})"

    @staticmethod
    def pg_division(op: str, a: str, b: str, node: Operator, kind: str) -> str:
        if op == "%":
            return f"({a} - {b} * trunc({a} / {b}))" if kind == "float" else f"mod({a}, {b})"
        if op == "div":
            if kind == "float":
                return f"trunc({a} / {b})::bigint"
            return f"div({a}, {b})::bigint" if kind == "decimal" else f"({a} / {b})"
        if kind != "decimal":
            return f"({a} / {b})"
        scale = node.dtype.scale or 0
        return f"round(({a})::numeric(120,{scale + 8}) / {b}, {scale})"

    def lite_number(self, op: str, args: list[Written], node: Operator, kind: str) -> str:
        texts = [text for text, _ in args]
        if op == "neg":
            negative = f"(-{texts[0]})"
            return f"dj_int{negative}" if kind == "int" and self.bits(node.args[0]) > 62 else negative
        if kind == "float" and op in ("%", "div"):
            return f"dj_{'mod' if op == '%' else 'div'}({', '.join(texts)})"
        if op == "div":
            return f"({texts[0]} / {texts[1]})"
        text = f"({texts[0]} {op} {texts[1]})"
        if kind == "float":
            return self.lite_float(op, text, texts, node)
        return f"dj_int{text}" if kind == "int" and op in ("+", "-", "*") and self.bits(node) > 62 else text

    def moderate(self, node: Expression) -> bool:
        """Whether a float is so far from the limits of its type that no single operator reaches them."""
        if isinstance(node, Cast):
            source = node.argument
            dtype = self.column(source.name)[1] if isinstance(source, Name) else _type_of(source)
            return family(dtype) in ("bool", "int", "decimal")
        size = _size(node)
        return size is not None and (size == 0 or 1e-60 < size < 1e60)

    def lite_float(self, op: str, text: str, texts: list[str], node: Operator) -> str:
        """Write a result that must be finite: by a function, which repeats no text."""
        if all(map(self.moderate, node.args)) or (op == "/" and (_size(node.args[1]) or 0) >= 1):
            return text
        return f"dj_{_FLOAT_FUNCTIONS[op]}({', '.join(texts)})"

    def bits(self, node: Expression) -> int:
        """Return how many bits a whole number takes at most: SQLite makes a float of more than 63."""
        return bits(node, lambda name: self.column(name)[1])

    def lite_decimal(self, op: str, args: list[Written], node: Operator) -> str:
        types = [dtype for _, dtype in args]
        small = all(
            (dtype.length or 10) <= SCALED_DIGITS for dtype in (*types, node.dtype) if dtype.kind == "decimal"
        )
        if not small or op in ("/", "div"):
            return sqlite_call(op, node.dtype, args)
        if op == "neg":
            return f"(-{args[0][0]})"
        if op == "*":
            return f"({args[0][0]} * {args[1][0]})"
        a, b = (cast(text, dtype, node.dtype, "sqlite") for text, dtype in args)
        return f"({a} {op} {b})"

    # ------------------------------------------------------------------------------------------- the rest

    def case(self, node: Case) -> str:
        """Write ``CASE``."""
        parts = [f"WHEN {self.write(when)[0]} THEN {self.write(then)[0]}" for when, then in node.branches]
        last = f" ELSE {self.write(node.otherwise)[0]}" if node.otherwise is not None else ""
        return f"(CASE {' '.join(parts)}{last} END)"

    def call(self, node: Call) -> str:
        """Write a function."""
        name = node.function
        if name == "count":
            inner = self.write(node.args[0])[0] if node.args else "*"
            return f"count({'DISTINCT ' if node.distinct else ''}{inner})"
        if name == "group_concat":
            return self.concatenation(node)
        args = [self.write(arg) for arg in node.args]
        if name.startswith("~"):
            return write_mark(name, [text for text, _ in args], self.backend)
        if name not in FUNCTIONS:
            return self.native(node, [text for text, _ in args])
        if FUNCTIONS[name].aggregate:
            return self.aggregate(node, args)
        if self.backend == "sqlite":
            return self.lite_call(node, args)
        return self.rendered(node, [text for text, _ in args])

    def native(self, node: Call, args: list[str]) -> str:
        if node.function not in NATIVE[self.backend]:
            raise PortabilityError(
                f"Function `{node.function}` does not exist on {self.backend}.",
                hint="Use one of the portable functions, or compute it in Python.",
            )
        return f"{node.function}({', '.join(args)})"

    def rendered(self, node: Call, args: list[str]) -> str:
        rendering = RENDERINGS[self.backend][node.function]
        text = rendering.format(*args) if isinstance(rendering, str) else rendering(args, node)
        return f"({text})" if "||" in text or text.startswith("CASE ") else text

    def lite_call(self, node: Call, args: list[Written]) -> str:
        texts = [text for text, _ in args]
        if node.function in RENDERINGS["sqlite"]:
            return self.rendered(node, texts)
        plain = all(family(dtype) in _PLAIN_FAMILIES and dtype.kind != "uint64" for _, dtype in args)
        if plain and family(node.dtype) in _PLAIN_FAMILIES:
            return f"dj_{node.function}({', '.join(texts)})"
        return sqlite_call(node.function, node.dtype, args)

    # ---------------------------------------------------------------------------------------- aggregates

    def aggregate(self, node: Call, args: list[Written]) -> str:
        """Write sum, avg, min, max and the measures of spread."""
        text, dtype = args[0]
        distinct = "DISTINCT " if node.distinct else ""
        if self.backend == "sqlite":
            return self.lite_aggregate(node, text, dtype, distinct)
        if node.function in ("sum", "avg", "min", "max"):
            if self.backend == "postgresql" and node.function in ("min", "max") and dtype.kind == "enum":
                return self.rendered(Call(node.function, node.args, TEXT), [f"({text})::text"])
            if (
                self.backend == "mysql"
                and node.function == "sum"
                and node.dtype.kind == "int64"
                and self.bits(node.args[0]) <= SMALL
            ):
                return f"cast(sum({distinct}{text}) AS signed)"
            if family(dtype) == "float" and node.function in ("sum", "avg"):
                return _float_sum(node.function, distinct, text, self.backend)
            return self.rendered(node, [text])
        spread = f"{node.function.replace('stddev', 'var')}({distinct}{text})"
        if self.backend == "postgresql":
            return f"{node.function}({distinct}{text})"
        finite = f"({spread} * 1e0)"  # MySQL shows an infinite result as 0, but does not compute with it
        return f"sqrt{finite}" if node.function.startswith("stddev") else finite

    def lite_aggregate(self, node: Call, text: str, dtype: AttributeType, distinct: str) -> str:
        name = node.function
        if name in ("min", "max"):
            return f"{name}({text})"
        if name not in ("sum", "avg"):
            return f"dj_{name}({distinct}{text})"
        if dtype.kind == "uint64":
            text, dtype = cast(text, dtype, _WIDE, "sqlite"), _WIDE
        kind = family(dtype)
        if kind == "float":
            return f"dj_finite({name}({distinct}{text}), min({text}), max({text}))"
        if node.dtype.kind != "decimal" and self.bits(node.args[0]) <= SMALL:
            return f"{name}({distinct}{text})"
        result, scale = quote_text(node.dtype.text, "sqlite"), dtype.scale or 0
        scaled = kind != "decimal" or (dtype.length or 10) <= SCALED_DIGITS
        count = f"count({distinct}{text})" if name == "avg" else "1"
        if scaled and not distinct:
            return f"dj_halves(sum({text} >> 32), sum({text} & 4294967295), {scale}, {count}, {result})"
        return f"dj_total(dj_sum({distinct}{text}), {scale if scaled else 0}, {count}, {result})"

    def concatenation(self, node: Call) -> str:
        """Write ``group_concat``."""
        text = self.write(node.args[0])[0]
        keys = [(self.write(key), down) for key, down in node.order]
        separator = quote_text(node.separator, self.backend)
        if self.backend == "sqlite":
            flags = "'" + "d" * node.distinct + "".join("<>"[down] for _, down in keys) + "'"
            return f"dj_group_concat({', '.join([separator, flags, text, *(sql for (sql, _), _ in keys)])})"
        distinct = "DISTINCT " if node.distinct else ""
        if self.backend == "mysql":
            order = ", ".join(f"{sql}{' DESC' if down else ''}" for (sql, _), down in keys)
            return f"group_concat({distinct}{text}{' ORDER BY ' * bool(order)}{order} SEPARATOR {separator})"
        if node.distinct:
            return self.pg_distinct(text, separator, keys[0])
        order = ", ".join(_pg_key(sql, dtype, down) for (sql, dtype), down in keys)
        return f"string_agg({text}, {separator}{' ORDER BY ' * bool(order)}{order})"

    @staticmethod
    def pg_distinct(text: str, separator: str, key: tuple[Written, bool]) -> str:
        """Write the distinct texts of a group, which PostgreSQL orders by what is distinct only."""
        (sql, dtype), down = key
        direction = " DESC" if down else ""
        if family(dtype) != "text" or dtype.kind == "enum":
            return f"array_to_string(array_agg(DISTINCT {sql} ORDER BY {sql}{direction}), {separator})"
        distinct = f'(({text})::text COLLATE "C")'
        return f"string_agg(DISTINCT {distinct}, {separator} ORDER BY {distinct}{direction})"

    # ----------------------------------------------------------------------------------------------- JSON

    def json(self, node: JsonPath) -> str:
        """Write the scalar at a path, as text, float64 or bool."""
        value = self.write(node.argument)[0]
        kind = family(node.dtype)
        if self.backend == "postgresql":
            return _pg_json(value, node, kind)
        if self.backend == "sqlite":
            return f"dj_json({value}, {_path(node.path, self.backend)}, '{kind}')"
        return _my_json(value, node.path, kind)


def _type_of(node: Expression) -> AttributeType:
    return NULL if isinstance(node, (Name, Interval)) else node.dtype


def _size(node: Expression) -> float | None:
    """Return the absolute value of a number that is written in the text."""
    return abs(node.value) if isinstance(node, Literal) and isinstance(node.value, (int, float)) else None


def _float_sum(name: str, distinct: str, text: str, backend: str) -> str:
    if backend == "mysql":  # which shows an infinite sum as 0, but does not compute with it
        return f"({name}({distinct}{text}) * 1e0)"
    total = f"sum({distinct}({text})::float8)"  # avg computes squares, too, which may be too large
    return total if name == "sum" else f"({total} / nullif(count({distinct}{text}), 0))"


def _is_not_zero(node: Expression) -> bool:
    return isinstance(node, Literal) and bool(node.value)


def _chain(operator: str, terms: list[str]) -> str:
    """Join terms; many of them as a tree, for SQLite refuses an expression deeper than 1000."""
    if len(terms) > _MAX_TERMS:
        size = -(-len(terms) // _MAX_TERMS)
        terms = [_chain(operator, terms[start : start + size]) for start in range(0, len(terms), size)]
    return terms[0] if len(terms) == 1 else f"({operator.join(terms)})"


def _pg_key(sql: str, dtype: AttributeType, down: bool) -> str:
    if dtype.kind == "enum":
        sql = f"({sql})::text"
    collate = ' COLLATE "C"' if family(dtype) == "text" else ""
    return f"{sql}{collate} {'DESC NULLS LAST' if down else 'NULLS FIRST'}"


def _pg_closed(pattern: str, node: Operator) -> str:
    """Double an escape character at the end of a pattern, which means itself; PostgreSQL refuses it."""
    char = str(node.args[2].value) if len(node.args) > 2 and isinstance(node.args[2], Literal) else "\\"
    mark, other = re.escape(char), f"[^{re.escape(char)}]"
    dangling = quote_text(f"(^|{other})({mark}{mark})*{mark}$", "postgresql")
    return (
        f"({pattern} || CASE WHEN {pattern} ~ {dangling} THEN {quote_text(char, 'postgresql')} ELSE '' END)"
    )


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    escaped = step.replace("\\", "\\\\").replace('"', '\\"')
    return f'."{escaped}"'


def _pg_json(value: str, node: JsonPath, kind: str) -> str:
    steps = ", ".join(quote_text(str(step), "postgresql") for step in node.path)
    path = f"ARRAY[{steps}]"
    found = f"jsonb_typeof({value} #> {path})"
    text = f"({value} #>> {path})"
    if kind == "float":
        return f"(CASE WHEN {found} = 'number' THEN {text}::float8 END)"
    if kind == "bool":
        return f"(CASE WHEN {found} = 'boolean' THEN {text}::bool END)"
    return f"(CASE WHEN {found} NOT IN ('object', 'array') THEN {text} END)"


def _path(steps: Sequence[str | int], backend: str) -> str:
    return quote_text("$" + "".join(map(_step, steps)), backend)


def _my_json(value: str, steps: Sequence[str | int], kind: str) -> str:
    # Texts made by JSON functions of MySQL have a collation of their own, which mixes with no other.
    inner = value
    for n, step in enumerate(steps):
        if isinstance(step, int):  # MySQL takes a scalar for the only element of an array
            above = _path(steps[:n], "mysql")
            inner = f"if(json_type(json_extract({value}, {above})) = 'ARRAY', {inner}, NULL)"
    path = _path(steps, "mysql")
    found = f"cast(json_type(json_extract({inner}, {path})) AS char)"
    scalar = f"cast(json_unquote(json_extract({inner}, {path})) AS char)"
    if kind == "float":
        numbers = "'INTEGER', 'DOUBLE', 'DECIMAL', 'UNSIGNED INTEGER'"
        return f"(CASE WHEN {found} IN ({numbers}) THEN {my_float(scalar)} END)"
    if kind == "bool":
        return f"(CASE WHEN {found} = 'BOOLEAN' THEN {scalar} = 'true' END)"
    return f"(CASE WHEN {found} NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN {scalar} END)"
