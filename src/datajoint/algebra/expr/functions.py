"""The functions that conditions and computed attributes may use: what they take and what type they give.

Their renderings are in `datajoint.sql.text.functions`, their meaning in `datajoint.algebra.expr.meaning`,
examples in `datajoint.testing.function_examples`.
"""

from __future__ import annotations

from datajoint._value import Value

__all__ = ["ALIASES", "FUNCTIONS", "NATIVE", "UNITS", "Function"]


class Function(Value):
    """Signature of a function.

    Attributes
    ----------
    name
        Canonical name.
    takes
        Kinds of the arguments: ``text int num float bool any``, ``when`` (date, datetime, time), ``day``
        (date or datetime), ``=`` (all such arguments are brought to one type), ``word`` (a constant string);
        ``?`` after a kind that may be left out, ``*`` after one that may be repeated.
    gives
        Type of the result, or ``same`` (of the ``=`` arguments, or of the first), ``number`` (int64, float64
        or the decimal of the first), ``whole`` (its whole part), ``sum``, ``avg``.
    aggregate
        Whether it takes the rows of a group.
    nulls
        ``any``: NULL if an argument is NULL; ``all``: if all are; ``always``: may be NULL; ``never``.
    """

    name: str
    takes: tuple[str, ...]
    gives: str
    aggregate: bool = False
    nulls: str = "any"


_SIGNATURES = """
sum num -> sum | avg num -> avg | min any -> same | max any -> same | stddev_pop float -> float64
stddev_samp float -> float64 | var_pop float -> float64 | var_samp float -> float64
group_concat text -> text
;
abs num -> number | floor num -> whole | ceil num -> whole | sign num -> int64
round float int? -> float64 | sqrt float -> float64 | exp float -> float64 | ln float -> float64
log10 float -> float64 | log2 float -> float64 | power float float -> float64 | pi -> float64
sin float -> float64 | cos float -> float64 | tan float -> float64 | asin float -> float64
acos float -> float64 | atan float -> float64 | atan2 float float -> float64
degrees float -> float64 | radians float -> float64 | greatest = =* -> same | least = =* -> same
concat text text* -> text | concat_ws text text text* -> text | upper text -> text | lower text -> text
substring text int int? -> text | left text int -> text | right text int -> text
trim text text? -> text | ltrim text text? -> text | rtrim text text? -> text
char_length text -> int64 | replace text text text -> text | instr text text -> int64
lpad text int text? -> text | rpad text int text? -> text | reverse text -> text
repeat text int -> text | coalesce = =* -> same | nullif = = -> same | year day -> int64
month day -> int64 | day day -> int64 | quarter day -> int64 | hour when -> int64
minute when -> int64 | second when -> int64 | dayofweek day -> int64 | weekday day -> int64
dayofyear day -> int64 | date day -> date | datediff day day -> int64
timestampdiff word day day -> int64 | date_format day word -> text | curdate -> date
now -> datetime
"""
_NULLS = {
    "coalesce": "all",
    "concat_ws": "any",
    "nullif": "always",
    "sqrt": "always",
    "ln": "always",
    "log10": "always",
    "log2": "always",
    "power": "always",
    "asin": "always",
    "acos": "always",
}


def _signatures() -> dict[str, Function]:
    functions: dict[str, Function] = {}
    aggregates, scalars = _SIGNATURES.split(";")
    for aggregate, block in ((True, aggregates), (False, scalars)):
        for entry in block.replace("\n", "|").split("|"):
            if words := entry.split():
                nulls = "always" if aggregate else _NULLS.get(words[0], "any")
                functions[words[0]] = Function(words[0], tuple(words[1:-2]), words[-1], aggregate, nulls)
    return functions


FUNCTIONS: dict[str, Function] = _signatures()
"""Portable functions by canonical name; the parser knows some more forms (count, cast, if, mod, …)."""

ALIASES: dict[str, str] = {
    "std": "stddev_pop", "stddev": "stddev_pop", "variance": "var_pop", "ceiling": "ceil", "pow": "power",
    "substr": "substring", "mid": "substring", "ucase": "upper", "lcase": "lower", "length": "char_length",
    "character_length": "char_length", "len": "char_length", "ifnull": "coalesce", "nvl": "coalesce",
    "dayofmonth": "day", "current_date": "curdate", "current_timestamp": "now", "localtimestamp": "now",
    "localtime": "now", "string_agg": "group_concat", "btrim": "trim", "strpos": "instr",
}  # fmt: skip

UNITS = ("microsecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
"""Units of time, in the singular."""

NATIVE: dict[str, dict[str, str]] = {
    "mysql": {
        **dict.fromkeys(
            (
                "soundex",
                "elt",
                "format",
                "md5",
                "sha1",
                "sha2",
                "hex",
                "bin",
                "conv",
                "dayname",
                "monthname",
                "char",
                "substring_index",
                "regexp_replace",
                "regexp_substr",
                "insert",
                "space",
                "quote",
                "to_base64",
                "sec_to_time",
                "timediff",
                "maketime",
                "get_format",
                "uuid_to_bin",
                "inet_ntoa",
                "json_unquote",
                "json_keys",
                "json_type",
                "json_array",
                "json_object",
            ),
            "text",
        ),
        **dict.fromkeys(
            (
                "field",
                "find_in_set",
                "crc32",
                "ascii",
                "ord",
                "bit_length",
                "octet_length",
                "week",
                "yearweek",
                "weekofyear",
                "to_days",
                "to_seconds",
                "unix_timestamp",
                "time_to_sec",
                "period_diff",
                "regexp_instr",
                "json_length",
                "json_depth",
                "json_valid",
                "json_contains",
                "inet_aton",
                "bit_count",
                "microsecond",
            ),
            "int64",
        ),
        **dict.fromkeys(("rand", "truncate", "cot"), "float64"),
        **dict.fromkeys(
            ("str_to_date", "from_unixtime", "addtime", "subtime", "utc_timestamp", "sysdate"), "datetime"
        ),
        **dict.fromkeys(("from_days", "makedate", "last_day", "utc_date"), "date"),
    },
    "postgresql": {
        **dict.fromkeys(
            (
                "to_char",
                "split_part",
                "initcap",
                "regexp_replace",
                "md5",
                "translate",
                "format",
                "quote_literal",
                "chr",
                "encode",
                "to_hex",
                "jsonb_typeof",
                "array_to_string",
                "overlay",
            ),
            "text",
        ),
        **dict.fromkeys(
            ("ascii", "octet_length", "bit_length", "jsonb_array_length", "width_bucket"), "int64"
        ),
        **dict.fromkeys(("date_part", "random", "trunc", "cbrt", "to_number", "cot", "gcd"), "float64"),
        **dict.fromkeys(("date_trunc", "to_timestamp", "make_timestamp", "clock_timestamp"), "datetime"),
        **dict.fromkeys(("to_date", "make_date"), "date"),
    },
    "sqlite": {
        **dict.fromkeys(
            (
                "strftime",
                "printf",
                "format",
                "hex",
                "quote",
                "typeof",
                "char",
                "json_type",
                "time",
                "datetime",
            ),
            "text",
        ),
        **dict.fromkeys(
            ("unicode", "octet_length", "json_array_length", "json_valid", "random", "unixepoch"), "int64"
        ),
        **dict.fromkeys(("julianday", "trunc"), "float64"),
    },
}
"""Functions of one database only, with the type they give."""
