"""How each database writes the portable functions.

A rendering is a template, whose ``{0}`` … are the arguments, or a function of the written arguments and the
call. On SQLite a function without a rendering is one of ours, see `datajoint.backends.sqlite.functions`.
Signatures are in `datajoint.algebra.expr.functions`, meanings in `datajoint.algebra.expr.meaning`.
"""

from __future__ import annotations

from collections.abc import Callable

from datajoint.algebra.expr.expressions import Call, Literal
from datajoint.algebra.ranges import LONGEST_TEXT
from datajoint.heading.types import INTEGER_RANGES, AttributeType

__all__ = ["RENDERINGS", "Rendering", "quote_text"]

Rendering = str | Callable[[list[str], Call], str]


def quote_text(text: str, backend: str) -> str:
    """Return a text as a literal.

    Examples
    --------
    >>> print(quote_text("it's", "sqlite"))
    'it''s'
    """
    if backend == "mysql":
        text = text.replace("\\", "\\\\")
    return "'" + text.replace("'", "''") + "'"


def _same(name: str) -> str:
    return name + "({0})"


def _joined(template: str, separator: str = ", ") -> Callable[[list[str], Call], str]:
    return lambda args, _: template.format(separator.join(args))


# --------------------------------------------------------------------------------------------- PostgreSQL

_PG_FORMATS = {
    "Y": "YYYY",
    "y": "YY",
    "m": "MM",
    "c": "FMMM",
    "d": "DD",
    "e": "FMDD",
    "H": "HH24",
    "k": "FMHH24",
    "i": "MI",
    "s": "SS",
    "S": "SS",
    "f": "US",
    "h": "HH12",
    "I": "HH12",
    "l": "FMHH12",
    "p": "AM",
    "j": "DDD",
    "a": "Dy",
    "W": "FMDay",
    "b": "Mon",
    "M": "FMMonth",
    "T": "HH24:MI:SS",
    "r": "HH12:MI:SS AM",
}


def _pg_format(args: list[str], call: Call) -> str:
    form = call.args[1].value if isinstance(call.args[1], Literal) else ""
    parts: list[str] = []
    plain = ""
    letters = iter(str(form))
    for char in letters:
        if char != "%":
            plain += char
            continue
        letter = next(letters, "%")
        if letter in _PG_FORMATS:
            parts += [_pg_plain(plain), _PG_FORMATS[letter]]
            plain = ""
        else:
            plain += letter
    return f"to_char({args[0]}, {quote_text(''.join(parts) + _pg_plain(plain), 'postgresql')})"


def _pg_plain(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if text else ""


def _pg_extremes(name: str) -> Callable[[list[str], Call], str]:
    def write(args: list[str], call: Call) -> str:
        if len(args) == 1:
            return args[0]
        if call.dtype.kind in ("char", "varchar", "text"):
            args = [f'{arg} COLLATE "C"' for arg in args]
        missing = " OR ".join(f"{arg} IS NULL" for arg in args)
        return f"CASE WHEN {missing} THEN NULL ELSE {name}({', '.join(args)}) END"

    return write


def _pg_int(sql: str, least: int = -(2**30)) -> str:
    """Return a number of characters, brought into the range of `integer`."""
    if sql.isdigit() and int(sql) <= 2**30:
        return sql
    return f"(CASE WHEN {sql} < {least} THEN {least} WHEN {sql} > {2**30} THEN {2**30} ELSE {sql} END)::int"


def _pg_substring(args: list[str], call: Call) -> str:
    text, start = args[0], _pg_int(args[1])
    length = f", {_pg_int(args[2], 0)}" if len(args) > 2 else ""
    if isinstance(call.args[1], Literal) and isinstance(call.args[1].value, int) and call.args[1].value > 0:
        return f"substr({text}, {args[1]}{length})"
    unknown = " OR ".join(f"({arg}) IS NULL" for arg in args)
    return (
        f"CASE WHEN {unknown} THEN NULL WHEN {start} > 0 THEN substr({text}, {start}{length}) "
        f"WHEN {start} < 0 AND char_length({text}) + {start} >= 0 "
        f"THEN substr({text}, char_length({text}) + {start} + 1{length}) ELSE '' END"
    )


_PG_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def _unit(call: Call) -> str:
    return str(call.args[0].value) if isinstance(call.args[0], Literal) else ""


def _pg_difference(args: list[str], call: Call) -> str:
    unit, (_, a, b) = _unit(call), args
    if unit == "microsecond":
        return f"(extract(epoch FROM ({b} - {a}))::numeric * 1000000)::bigint"
    if unit in _PG_SECONDS:
        return f"trunc(extract(epoch FROM ({b} - {a}))::numeric / {_PG_SECONDS[unit]})::bigint"
    rest_a, rest_b = (f"({x} - date_trunc('month', {x}))" for x in (a, b))
    years = f"extract(year FROM {b}) - extract(year FROM {a})"
    begun = f"({years}) * 12 + extract(month FROM {b}) - extract(month FROM {a})"
    unfinished = (
        f"CASE WHEN {b} >= {a} AND {rest_b} < {rest_a} THEN -1"
        f" WHEN {b} < {a} AND {rest_b} > {rest_a} THEN 1 ELSE 0 END"
    )
    months = f"({begun} + {unfinished})"
    divisor = {"month": 1, "quarter": 3, "year": 12}[unit]
    return f"trunc({months}::numeric / {divisor})::bigint" if divisor > 1 else f"{months}::bigint"


def _pg_round(args: list[str], call: Call) -> str:
    if len(args) == 1:
        return f"round({args[0]})"
    places = call.args[1].value if isinstance(call.args[1], Literal) else None
    unit = f"{10 ** abs(places)}::float8" if isinstance(places, int) else f"power(10::float8, {args[1]})"
    if isinstance(places, int) and places < 0:
        tiny = f"abs({args[0]}) < 1e-250::float8"
        return f"CASE WHEN {tiny} THEN 0 ELSE round({args[0]} / {unit}) * {unit} END"
    if isinstance(places, int):
        whole = f"abs({args[0]}) > 1e{307 - places}::float8"
        return f"CASE WHEN {whole} THEN {args[0]} ELSE round({args[0]} * {unit}) / {unit} END"
    return f"(round({args[0]} * {unit}) / {unit})"


def _pg_min_max(name: str) -> Callable[[list[str], Call], str]:
    def write(args: list[str], call: Call) -> str:
        kind = call.dtype.kind
        if kind == "bool":
            return f"{'bool_and' if name == 'min' else 'bool_or'}({args[0]})"
        if kind == "uuid":
            return f"{name}(({args[0]})::text)::uuid"
        if kind in ("char", "varchar", "text"):
            return f'{name}({args[0]} COLLATE "C")'
        return f"{name}({args[0]})"

    return write


def _pg_sum(args: list[str], call: Call) -> str:
    distinct = "DISTINCT " if call.distinct else ""
    if call.dtype.kind == "int64":
        return f"sum({distinct}{args[0]})::bigint"
    return f"sum({distinct}{args[0]})"


def _decimal(dtype: AttributeType) -> str:
    return f"({dtype.length},{dtype.scale})"


def _pg_avg(args: list[str], call: Call) -> str:
    distinct = "DISTINCT " if call.distinct else ""
    if call.dtype.kind == "decimal":
        scale = (call.dtype.scale or 0) + 8
        return f"round(avg({distinct}({args[0]})::numeric(100,{scale})), {call.dtype.scale})"
    return f"avg({distinct}({args[0]})::float8)"


def _pg_whole(name: str) -> Callable[[list[str], Call], str]:
    return lambda args, call: f"{name}({args[0]})" + ("::bigint" if call.dtype.kind == "int64" else "")


def _pg_pad(name: str) -> Callable[[list[str], Call], str]:
    return lambda args, _: f"{name}({args[0]}, {_pg_size(args[1])}{''.join(', ' + arg for arg in args[2:])})"


def _pg_size(sql: str, unit: str = "1") -> str:
    """Return a number of characters or repetitions; one that makes a text too long is beyond `integer`."""
    if unit == "1" and sql.isdigit() and int(sql) <= LONGEST_TEXT:
        return sql
    over, most = f"{sql} * {unit}::numeric > {LONGEST_TEXT}", LONGEST_TEXT
    inside = f"WHEN {sql} < 0 THEN 0 WHEN {sql} > {most} THEN {most} ELSE {sql}"
    return f"(CASE WHEN {over} THEN {2**32} + {sql} {inside} END)::int"


def _guarded(name: str, condition: str) -> str:
    return f"CASE WHEN {condition} THEN {name}({{0}}) END"


_TRIG = ("sin", "cos", "tan", "atan", "degrees", "radians", "exp")
_PLAIN = ("abs", "floor", "upper", "lower", "reverse", "char_length", "ltrim", "rtrim")

_POSTGRESQL: dict[str, Rendering] = {
    **{name: _same(name) for name in (*_TRIG, *_PLAIN)},
    "floor": _pg_whole("floor"),
    "ceil": _pg_whole("ceil"),
    "sign": "sign({0})::bigint",
    "round": _pg_round,
    "sqrt": _guarded("sqrt", "{0} >= 0"),
    "ln": _guarded("ln", "{0} > 0"),
    "log10": _guarded("log", "{0} > 0"),
    "log2": "CASE WHEN {0} > 0 THEN log(2, ({0})::numeric)::float8 END",
    "power": "CASE WHEN ({0} <> 0 OR {1} >= 0) AND ({0} >= 0 OR {1} = floor({1})) THEN power({0}, {1}) END",
    "asin": _guarded("asin", "{0} BETWEEN -1 AND 1"),
    "acos": _guarded("acos", "{0} BETWEEN -1 AND 1"),
    "atan2": "atan2({0}, {1})",
    "pi": "pi()",
    "exp": "CASE WHEN {0} < -745.13 THEN 0 ELSE exp({0}) END",
    "degrees": "({0} * 57.29577951308232::float8)",
    "radians": "({0} * 0.017453292519943295::float8)",
    "greatest": _pg_extremes("greatest"),
    "least": _pg_extremes("least"),
    "concat": _joined("{}", " || "),
    "concat_ws": _joined("concat_ws({})"),
    "substring": _pg_substring,
    "left": lambda args, _: f"left({args[0]}, {_pg_int(args[1], 0)})",
    "right": lambda args, _: f"right({args[0]}, {_pg_int(args[1], 0)})",
    "trim": _joined("btrim({})"),
    "ltrim": _joined("ltrim({})"),
    "rtrim": _joined("rtrim({})"),
    "replace": "replace({0}, {1}, {2})",
    "instr": "strpos({0}, {1})::bigint",
    "lpad": _pg_pad("lpad"),
    "rpad": _pg_pad("rpad"),
    "repeat": lambda args, _: f"repeat({args[0]}, {_pg_size(args[1], f'char_length({args[0]})')})",
    "coalesce": _joined("coalesce({})"),
    "nullif": "nullif({0}, {1})",
    **{
        part: f"extract({part} FROM {{0}})::bigint"
        for part in ("year", "month", "day", "quarter", "hour", "minute")
    },
    "second": "floor(extract(second FROM {0}))::bigint",
    "dayofweek": "(extract(dow FROM {0})::bigint + 1)",
    "weekday": "(extract(isodow FROM {0})::bigint - 1)",
    "dayofyear": "extract(doy FROM {0})::bigint",
    "date": "({0})::date",
    "datediff": "(({0})::date - ({1})::date)::bigint",
    "timestampdiff": _pg_difference,
    "date_format": _pg_format,
    "curdate": "localtimestamp::date",
    "now": "date_trunc('second', localtimestamp)",
    "sum": _pg_sum,
    "avg": _pg_avg,
    "min": _pg_min_max("min"),
    "max": _pg_min_max("max"),
}


# -------------------------------------------------------------------------------------------------- MySQL


def _my_sum(args: list[str], call: Call) -> str:
    total = f"sum({'DISTINCT ' if call.distinct else ''}{args[0]})"
    if call.dtype.kind == "int64":  # a cast would cut a sum that is too large, the addition makes it an error
        high, low = INTEGER_RANGES["int64"][1], INTEGER_RANGES["int64"][0]
        over = f"CASE WHEN {total} > {high} THEN 1 WHEN {total} < {low} THEN -1 ELSE 0 END"
        return f"(cast({total} AS signed) + {over})"
    return f"cast({total} AS decimal{_decimal(call.dtype)})" if call.dtype.kind == "decimal" else total


def _my_avg(args: list[str], call: Call) -> str:
    distinct = "DISTINCT " if call.distinct else ""
    if call.dtype.kind == "decimal":
        scale = call.dtype.scale or 0
        exact = f"cast({args[0]} AS decimal(65,{min(scale, 30)}))"
        return f"cast(avg({distinct}{exact}) AS decimal{_decimal(call.dtype)})"
    return f"avg({distinct}cast({args[0]} AS double))"


def _my_whole(name: str) -> Callable[[list[str], Call], str]:
    def write(args: list[str], call: Call) -> str:
        if call.dtype.kind == "decimal":
            return f"cast({name}({args[0]}) AS decimal{_decimal(call.dtype)})"
        return f"{name}({args[0]})"

    return write


def _my_trim(name: str, side: str) -> Callable[[list[str], Call], str]:
    return lambda args, _: f"trim({side} {args[1]} FROM {args[0]})" if len(args) > 1 else f"{name}({args[0]})"


def _my_pad(name: str) -> Callable[[list[str], Call], str]:
    blank = quote_text(" ", "mysql")
    return lambda args, _: f"{name}({args[0]}, {_my_size(args[1])}, {args[2] if len(args) > 2 else blank})"


def _my_size(sql: str, unit: str = "1") -> str:
    """Return a number of characters or repetitions, an error where a text would be too long."""
    if unit == "1" and sql.isdigit() and int(sql) <= LONGEST_TEXT:
        return sql
    over = f"{sql} * cast({unit} AS decimal(40)) > {LONGEST_TEXT}"
    return f"if({over}, {INTEGER_RANGES['int64'][1]} + ({over}), greatest({sql}, 0))"


_MYSQL: dict[str, Rendering] = {
    **{
        name: _same(name)
        for name in (
            *_TRIG,
            *_PLAIN,
            "year",
            "month",
            "day",
            "quarter",
            "hour",
            "minute",
            "second",
            "dayofweek",
            "weekday",
            "dayofyear",
            "date",
            "sign",
            "sqrt",
            "asin",
            "acos",
        )
    },
    "floor": _my_whole("floor"),
    "ceil": _my_whole("ceil"),
    "round": _joined("round({})"),
    "ln": _guarded("ln", "{0} > 0"),
    "log10": _guarded("log10", "{0} > 0"),
    "log2": _guarded("log2", "{0} > 0"),
    "power": "CASE WHEN ({0} <> 0 OR {1} >= 0) AND ({0} >= 0 OR {1} = floor({1})) THEN power({0}, {1}) END",
    "atan2": "atan2({0}, {1})",
    "pi": "(pi() + 0e0)",
    "greatest": lambda args, _: f"greatest({', '.join(args)})" if len(args) > 1 else args[0],
    "least": lambda args, _: f"least({', '.join(args)})" if len(args) > 1 else args[0],
    "concat": _joined("concat({})"),
    "concat_ws": _joined("concat_ws({})"),
    "substring": _joined("substring({})"),
    "left": "left({0}, {1})",
    "right": "right({0}, {1})",
    "trim": _my_trim("trim", "BOTH"),
    "ltrim": _my_trim("ltrim", "LEADING"),
    "rtrim": _my_trim("rtrim", "TRAILING"),
    "replace": "replace({0}, {1}, {2})",
    "instr": "instr({0}, {1})",
    "lpad": _my_pad("lpad"),
    "rpad": _my_pad("rpad"),
    "repeat": lambda args, _: f"repeat({args[0]}, {_my_size(args[1], f'char_length({args[0]})')})",
    "coalesce": _joined("coalesce({})"),
    "nullif": "nullif({0}, {1})",
    "datediff": "datediff({0}, {1})",
    "timestampdiff": lambda args, call: f"timestampdiff({_unit(call)}, {args[1]}, {args[2]})",
    "date_format": "date_format({0}, {1})",
    "curdate": "curdate()",
    "now": "now()",
    "sum": _my_sum,
    "avg": _my_avg,
    "min": "min({0})",
    "max": "max({0})",
}


# ------------------------------------------------------------------------------------------------- SQLite


def _lite_extremes(name: str) -> Callable[[list[str], Call], str]:
    return lambda args, _: f"{name}({', '.join(args)})" if len(args) > 1 else args[0]


def _digits(start: int, size: int) -> str:
    return f"cast(substr({{0}}, {start}, {size}) AS INTEGER)"


_SQLITE: dict[str, Rendering] = {
    "greatest": _lite_extremes("max"), "least": _lite_extremes("min"), "concat": _joined("{}", " || "),
    "char_length": "length({0})", "replace": "replace({0}, {1}, {2})", "instr": "instr({0}, {1})",
    "coalesce": lambda args, _: f"coalesce({', '.join(args)})" if len(args) > 1 else args[0],
    "nullif": "nullif({0}, {1})", "year": _digits(1, 4), "month": _digits(6, 2), "day": _digits(9, 2),
    "date": "substr({0}, 1, 10)", "curdate": "date('now')", "now": "datetime('now')",
    "min": "min({0})", "max": "max({0})", "pi": "dj_pi()",
}  # fmt: skip

RENDERINGS: dict[str, dict[str, Rendering]] = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL, "mysql": _MYSQL}
"""Renderings by backend and function."""
