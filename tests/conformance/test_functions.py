"""Every example of a portable function has the same value and type on every database, and in the oracle."""

import math
import sqlite3
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal

import pytest

from datajoint.algebra.expr.functions import FUNCTIONS
from datajoint.algebra.expr.types import family
from datajoint.algebra.text.fragment import parse_column
from datajoint.backends.sqlite import functions, types
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.types import parse_type
from datajoint.sql.text.casts import literal
from datajoint.sql.text.fragment import render
from datajoint.testing.expressions import aggregate, evaluate
from datajoint.testing.function_examples import AGGREGATE_EXAMPLES, EXAMPLES, ROW_TYPES, ROWS
from plugins.servers import EXACT_NAMES

pytestmark = pytest.mark.statement("QRY-43", "QRY-44", "QRY-62", "QRY-63", "QRY-67")

TYPES = {name: parse_type(text) for name, text in ROW_TYPES.items()}
HEADING = Heading(
    [Attribute(name, dtype, in_key=name == "k", nullable=True) for name, dtype in TYPES.items()]
)
NO_HEADING = Heading([])


@pytest.fixture(scope="module")
def ask(backend):
    """A function that runs one SELECT of one value on a plain connection."""
    if backend.name == "sqlite":
        connection = sqlite3.connect(":memory:")
        functions.register(connection)
    else:
        connection = backend.connect()
    with closing(connection):

        def ask(statement):
            with closing(connection.cursor()) as cursor:
                if backend.name == "mysql":
                    cursor.execute(EXACT_NAMES)
                cursor.execute(statement)
                return cursor.fetchone()[0]

        yield ask


def decode(value, dtype, backend):
    if value is None:
        return None
    if backend == "sqlite":
        decoder = types.decoder(dtype)
        return decoder(value) if decoder else value
    return bool(value) if dtype.kind == "bool" else value


def same(expected, actual):
    if isinstance(expected, float) and isinstance(actual, float):
        return math.isclose(expected, actual, rel_tol=1e-12, abs_tol=1e-15)
    return expected == actual


PYTHON_TYPES = {
    "bool": bool,
    "int": int,
    "float": float,
    "decimal": Decimal,
    "text": str,
    "date": date,
    "datetime": datetime,
}


@pytest.mark.parametrize(("text", "expected"), [pair for pairs in EXAMPLES.values() for pair in pairs])
def test_scalar_examples(backend, ask, text, expected):
    fragment = parse_column(text, NO_HEADING, backend.name)
    kind = PYTHON_TYPES[family(fragment.dtype)]
    sql = render(fragment.expression, backend.name, None, None)
    actual = decode(ask(f"SELECT {sql}"), fragment.dtype, backend.name)
    assert same(expected, actual), (expected, actual, sql)
    assert actual is None or type(actual) is kind, (fragment.dtype.text, actual)
    assert same(expected, evaluate(fragment.expression, {}))


@pytest.mark.parametrize(
    ("text", "expected"), [pair for pairs in AGGREGATE_EXAMPLES.values() for pair in pairs]
)
def test_aggregate_examples(backend, ask, text, expected):
    name = backend.name
    quote = "`{}`" if name == "mysql" else '"{}"'

    def column(attribute):
        return quote.format(attribute), TYPES[attribute]

    selects = (
        ", ".join(_typed(row, key, name) + f" AS {quote.format(key)}" for key in TYPES) for row in ROWS
    )
    rows = " UNION ALL ".join(f"SELECT {select}" for select in selects)
    fragment = parse_column(text, HEADING, name, aggregate=True)
    sql = render(fragment.expression, name, column, None)
    actual = decode(ask(f"SELECT {sql} FROM ({rows}) AS t"), fragment.dtype, name)
    assert same(expected, actual), (expected, actual, sql)
    assert actual is None or type(actual) is PYTHON_TYPES[family(fragment.dtype)]
    assert same(expected, aggregate(fragment.expression, ROWS, types=TYPES))


def _typed(row, key, backend):
    dtype = TYPES[key]
    sql = literal(row[key], dtype, backend)
    casts = {
        "uint64": "unsigned",
        "int32": "signed",
        "int16": "signed",
        "int64": "signed",
        "float64": "double",
        "varchar": "char",
        "date": "date",
        "bool": "signed",
        "decimal": dtype.text,
    }
    return f"cast({sql} AS {casts[dtype.kind]})" if backend == "mysql" else sql


def test_every_function_has_examples():
    assert set(FUNCTIONS) - set(EXAMPLES) - set(AGGREGATE_EXAMPLES) == {"curdate", "now"}


@pytest.mark.parametrize(
    ("text", "kind"), [("now()", datetime), ("current_timestamp", datetime), ("curdate()", date)]
)
def test_the_present(backend, ask, text, kind):
    fragment = parse_column(text, NO_HEADING, backend.name)
    actual = decode(
        ask(f"SELECT {render(fragment.expression, backend.name, None, None)}"), fragment.dtype, backend.name
    )
    assert type(actual) is kind


@pytest.mark.statement("QRY-63")
def test_a_sum_that_does_not_fit_is_an_error(backend, ask):
    fragment = parse_column("sum(n)", HEADING, backend.name, aggregate=True)
    cast = "cast(9223372036854775807 AS signed)" if backend.name == "mysql" else "9223372036854775807"
    sql = render(fragment.expression, backend.name, lambda name: (name, TYPES[name]), None)
    with pytest.raises(Exception, match=r"(?i)out of range|too big"):  # the latter from SQLite's driver
        ask(f"SELECT {sql} FROM (SELECT {cast} AS n UNION ALL SELECT 1) AS t")
