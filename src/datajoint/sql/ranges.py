"""SQL of conversions whose result may not fit: an error, where a database would cut it or make it NULL."""

from __future__ import annotations

from datajoint.algebra.expr.types import digits, family
from datajoint.heading.types import INTEGER_RANGES, AttributeType

__all__ = [
    "decimal_fits",
    "my_decimal",
    "my_float",
    "my_signed",
    "my_text",
    "pg_text",
    "within_years",
]

_LEAST, _MOST = INTEGER_RANGES["int64"]
_MOST_DIGITS = 65
_LARGEST = "1.7976931348623157e308"
_FIRST, _LAST = "'0001-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'"


def decimal_fits(source: AttributeType, target: AttributeType) -> bool:
    """Whether every number of a type is one of a decimal.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> decimal_fits(parse_type("int8"), parse_type("decimal(5,2)"))
    True
    >>> decimal_fits(parse_type("decimal(5,2)"), parse_type("decimal(4,1)"))  # 999.96 is rounded to 1000.0
    False
    """
    if family(source) not in ("bool", "int", "decimal"):
        return False
    (length, scale), (goal, places) = digits(source), digits(target)
    return length - scale < goal - places or (length - scale == goal - places and scale <= places)


# -------------------------------------------------------------------------------------------------- MySQL


def _flag(condition: str) -> str:
    """Return a whole number, or an error where a condition holds; the condition must depend on the row."""
    return f"({_MOST} + ({condition}))"


def my_signed(sql: str, kind: str = "float") -> str:
    """Return a number as a whole one on MySQL; the addition makes an error of what a cast would cut.

    Examples
    --------
    >>> my_signed("x", "decimal")
    '(cast(x AS signed) + (x >= 9223372036854775807.5) - (x <= -9223372036854775808.5))'
    """
    above, below = (
        (f"{_MOST + 1}e0", f"< {_LEAST}e0") if kind == "float" else (f"{_MOST}.5", f"<= {_LEAST}.5")
    )
    return f"(cast({sql} AS signed) + ({sql} >= {above}) - ({sql} {below}))"


def my_decimal(sql: str, source: AttributeType, target: AttributeType) -> str:
    """Return a number, or a text that is one, as a decimal on MySQL."""
    length, scale = digits(target)
    goal = f"decimal({length},{scale})"
    if decimal_fits(source, target):
        return f"cast({sql} AS {goal})"
    wide = (
        f"abs(cast({sql} AS decimal({_MOST_DIGITS},{scale})))"
        if length < _MOST_DIGITS
        else f"abs({sql} + 0e0)"
    )
    over = f"{wide} >= 1{'0' * (length - scale)}{'e0' * (length == _MOST_DIGITS)}"
    return f"(CASE WHEN {over} THEN cast({_flag(over)} AS {goal}) ELSE cast({sql} AS {goal}) END)"


def my_float(sql: str) -> str:
    """Return a text as a float on MySQL."""
    over = f"abs(cast({sql} AS double)) >= {_LARGEST}"
    return f"(CASE WHEN {over} THEN cast({_flag(over)} AS double) ELSE cast({sql} AS double) END)"


def my_text(sql: str) -> str:
    """Return a float as text on MySQL, with an exponent where Python writes one."""
    text = f"cast({sql} AS char)"
    fraction = f"substring_index({text}, '.', -1)"
    kept = f"trim(LEADING '0' FROM {fraction})"
    exponent = f"lpad(char_length({fraction}) - char_length({kept}) + 1, 2, '0')"
    small = (
        f"concat(if({sql} < 0, '-', ''), left({kept}, 1), if(char_length({kept}) > 1, '.', ''), "
        f"substring({kept}, 2), 'e-', {exponent})"
    )
    large = f"trim(TRAILING '.0' FROM cast(cast({text} AS decimal(17,1)) AS char))"
    return (
        f"(CASE WHEN {sql} = 0 THEN '0' WHEN abs({sql}) >= 1e16 THEN replace({text}, 'e', 'e+') "
        f"WHEN abs({sql}) >= 1e15 THEN {large} WHEN abs({sql}) < 1e-4 AND {text} NOT LIKE '%e%' THEN {small} "
        f"ELSE {text} END)"
    )


# ------------------------------------------------------------------------------------- PostgreSQL, and both


def pg_text(sql: str) -> str:
    """Return a float as text on PostgreSQL, with an exponent where Python writes one."""
    text = f"({sql})::float8::text"
    large = f"abs({sql}) >= 1e15 AND abs({sql}) < 1e16"
    return f"(CASE WHEN {sql} = 0 THEN '0' WHEN {large} THEN {text}::numeric::text ELSE {text} END)"


def within_years(moved: str, given: list[str], kind: str, backend: str) -> str:
    """Return a shifted moment, or an error where it is before year 1 or after year 9999.

    Parameters
    ----------
    moved
        SQL of the moment after the shift.
    given
        SQL of moment and amount, as far as they may be NULL.
    kind
        ``date`` or ``datetime(n)``.
    backend
        ``mysql`` or ``postgresql``.

    Examples
    --------
    >>> print(within_years("y", ["x"], "date", "mysql"))
    (CASE WHEN (x IS NOT NULL AND coalesce(y < '0001-01-01 00:00:00', TRUE)) \
THEN cast((9223372036854775807 + (coalesce(y < '0001-01-01 00:00:00', TRUE))) AS date) ELSE y END)
    """
    if backend == "postgresql":
        outside, error = f"NOT {moved} BETWEEN {_FIRST} AND {_LAST}", f"{moved} + INTERVAL '500000 years'"
        return f"(CASE WHEN {outside} THEN {error} ELSE {moved} END){'::date' if kind == 'date' else ''}"
    outside = f"coalesce({moved} < {_FIRST}, TRUE)"
    known = " AND ".join([*(f"{sql} IS NOT NULL" for sql in given), outside])
    return f"(CASE WHEN ({known}) THEN cast({_flag(outside)} AS {kind}) ELSE {moved} END)"
