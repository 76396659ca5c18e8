"""The backends by themselves: what is declared is read back, what is stored is fetched, errors are ours."""

# ruff: noqa: DTZ001 - naive UTC by convention

import math
import random
from contextlib import suppress
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from datajoint._value import replace
from datajoint.backends.registry import get_backend
from datajoint.declare.parse import parse
from datajoint.declare.resolve import SELF, resolve, with_event
from datajoint.declare.spec import Check, TableSpec
from datajoint.errors import (
    DuplicateError,
    IntegrityError,
    MissingAttributeError,
    MissingTableError,
    QueryError,
    QuerySyntaxError,
    UnknownAttributeError,
)
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.heading.values import normaliser
from datajoint.settings.backend import ConnectionSettings
from datajoint.sql.ddl import (
    create_schema,
    create_table,
    delete_lineage,
    drop_schema,
    drop_table,
    write_lineage,
)
from datajoint.sql.system import events_table, lineage_table

SUBJECT = """
# subjects: "100%" of \\ them, it's all
subject : int32                    # the "id" 50% \\ of 'it'
sex="it's" : enum('it''s','F','a,b','c:d','50%')
---
born=null : date                   # {braces} ünïcode #2
made=CURRENT_TIMESTAMP : datetime(3)
seen=CURRENT_TIMESTAMP_UTC : datetime(6)
plain=CURRENT_TIMESTAMP : datetime
stamp=CURRENT_TIMESTAMP : timestamp
price=-1.50 : decimal(6,2)
large=null : decimal(30,4)
size=-1e-300 : float64
part=0.1 : float32
good=true : bool
token="12345678-1234-5678-1234-567812345678" : uuid
n8=-128 : int8
u8=255 : uint8
u16=65535 : uint16
u32=4294967295 : uint32
u64=18446744073709551615 : uint64
i64=-9223372036854775808 : int64
name="a # b % 'q' \\ \\\\" : varchar(30)
empty="" : varchar(5)
code="ab" : char(4)
day="2024-02-29" : date
moment="2024-02-29 23:59:59.123" : datetime(3)
doc=null : json
raw=null : bytes
trace=null : <blob>
file=null : <attach@main>
index (born, name)
unique index (size)
"""
SESSION = """
-> Subject
session : int16
---
-> [nullable] Subject.proj(other='subject', other_sex='sex')
-> [nullable] Session.proj(before_subject='subject', before_sex='sex', before='session')
"""
FAR = """
-> Session
---
-> [unique] Subject.proj(twin='subject', twin_sex='sex')
value : float64
"""
STORAGE = {"trace": parse_type("bytes"), "file": parse_type("json")}


@pytest.fixture
def session(backend, tmp_path):
    where = ConnectionSettings(
        backend.name, host=backend.host or None, port=backend.port or None, user=backend.user,
        password=backend.password, name=str(tmp_path / "test.db") if backend.name == "sqlite" else None,
    )  # fmt: skip
    opened = get_backend(backend.name).session.open(where)
    yield opened
    opened.close()


@pytest.fixture
def catalog(session):
    return get_backend(session.dialect.name).catalog(session)


@pytest.fixture
def schemas(session, schema_name):
    """Two new schemas, dropped with their tables afterwards."""
    names = [schema_name("a"), schema_name("b")]
    for name in names:
        run(session, create_schema(name, session.dialect))
        run(session, create_table(lineage_table(name), {}, session.dialect))
    return names


def run(session, statements):
    for text, parameters in statements:
        session.execute(text, parameters)


def declare(session, *specs):
    for spec in specs:
        run(session, create_table(spec, STORAGE, session.dialect))
        run(session, write_lineage(spec, session.dialect))


def specify(text, name, **parents):
    def find(reference):
        word = reference.path
        return parents.get(word, SELF)

    return with_event(resolve(parse(text), name, find))


def subject_in(schema):
    return specify(SUBJECT, TableName(schema, "#subject"))


def forgetful(spec: TableSpec) -> TableSpec:
    """The specification without spelling of defaults, order of indexes and the rows they leave out, lineage nobody recorded."""

    def plain(a) -> Attribute:
        default = replace(a.default, text="") if a.default else None
        return replace(a, default=default, lineage=a.lineage or None)

    return replace(
        spec, attributes=tuple(map(plain, spec.attributes)), hidden=tuple(map(plain, spec.hidden)),
        indexes=tuple(sorted((replace(i, sparse=False) for i in spec.indexes), key=lambda index: index.columns)),
    )  # fmt: skip


def difference(expected, actual):
    """Attributes and other parts that differ, for a short message."""
    expected, actual = forgetful(expected), forgetful(actual)
    pairs = zip(expected.columns, actual.columns, strict=True)
    other = [n for n in TableSpec.__match_args__ if n not in ("attributes", "hidden")]
    return [(e, a) for e, a in pairs if e != a] + [
        (n, getattr(expected, n), getattr(actual, n))
        for n in other
        if getattr(expected, n) != getattr(actual, n)
    ]


@pytest.mark.statement(
    "DEF-25", "DEF-13", "DEF-14", "DEF-16", "TYP-7", "FK-10", "FK-12", "FK-13", "FK-15", "LIN-6"
)
def test_tables_are_read_back_as_declared(session, catalog, schemas):
    subject = subject_in(schemas[0])
    ses = specify(SESSION, TableName(schemas[0], "session"), Subject=subject)
    far = specify(FAR, TableName(schemas[1], "__far"), Subject=subject, Session=ses)
    system = [lineage_table(schemas[1]), events_table(schemas[1])]
    declare(session, subject, ses, far, system[1])
    found = catalog.read(schemas)
    for spec in (subject, ses, far, *system):
        assert [] == difference(spec, found[spec.name])


@pytest.mark.statement("TYP-22")
def test_checks_are_enforced_and_found_by_name(session, catalog, schemas):
    spec = specify("x : int8\n---\ny : int8", TableName(schemas[0], "t"))
    spec = replace(spec, checks=(Check("small", "x < 10"), Check("ordered", "(x < y) or (y > 90)")))
    declare(session, spec)
    table = session.dialect.table(spec.name)
    session.execute(f"INSERT INTO {table} (x, y) VALUES (1, 2)")
    for values in ("11, 12", "5, 4"):
        with pytest.raises(QueryError) as caught:
            session.execute(f"INSERT INTO {table} (x, y) VALUES ({values})")
        assert "check" == caught.value.context["reason"]
        assert caught.value.context["constraint"] in {"t_ck_small", "t_ck_ordered"}
    assert set(spec.checks) == set(catalog.read(schemas)[spec.name].checks)


@pytest.mark.statement("DEF-22")
def test_a_singleton_keeps_its_hidden_key(session, catalog, schemas):
    spec = specify("---\nx=null : int32", TableName(schemas[0], "only"))
    declare(session, spec)
    assert [] == difference(spec, catalog.read(schemas)[spec.name])


@pytest.mark.statement("SCH-6", "SCH-10", "DEL-10")
def test_schemas_come_and_go(session, catalog, schemas):
    assert set(schemas) <= set(catalog.list_schemas())
    assert catalog.schema_exists(schemas[0])
    spec = subject_in(schemas[0])
    declare(session, spec)
    run(session, delete_lineage(spec.name, session.dialect))
    for table in (spec, lineage_table(schemas[0])):
        run(session, drop_table(table, session.dialect))
    run(session, drop_schema(schemas[0], session.dialect))
    assert not catalog.schema_exists(schemas[0])


VALUES = {
    "int8": [-128, 127, 0], "int16": [-32768, 32767], "int32": [-(2**31), 2**31 - 1], "int64": [-(2**63),
    2**63 - 1],
    "uint8": [0, 255], "uint16": [65535], "uint32": [2**32 - 1], "uint64": [0, 2**63, 2**64 - 1],
    "float64": [0.1, -1e308, 5e-324, 1 / 3, 1e22, -0.5], "float32": [0.1, 16777217.0, 3.4e38, 1e-40, 1 / 3],
    "bool": [True, False], "decimal(5,2)": ["0.00", "-999.99", "1.5"],
    "decimal(30,5)": ["-1234567890123.12345", "7"],
    "decimal(65,30)": ["-" + "9" * 35 + "." + "9" * 30],
    "char(3)": ["", "abc", "ü日€"],
    "varchar(20)": ["", " a ", "it's", "a\\b", "%s %%", '"x"', "日本語", "\n\t"],
    "varchar(2000)": ["x" * 2000], "enum('a','b,c','d''e','f%')": ["a", "b,c", "d'e", "f%"],
    "date": [date(1000, 1, 1), date(9999, 12, 31), date(2024, 2, 29)],
    "datetime": [datetime(1000, 1, 1), datetime(2024, 2, 29, 23, 59, 59)],
    "datetime(1)": [datetime(2024, 1, 1, 0, 0, 0, 900000)], "datetime(3)": [datetime(2024, 1, 1, 0, 0, 0,
    1000)],
    "datetime(6)": [datetime(9999, 12, 31, 23, 59, 59, 999999)], "timestamp(6)": [datetime(2024, 7, 1, 1, 2,
    3, 456789)],
    "timestamp": [datetime(2024, 1, 1)], "uuid": [UUID(int=0), UUID(int=2**128 - 1), UUID(int=0x5C22)],
    "json": [{"a": [1, 2.5, None, True, "ü\\\"'%"]}, [], "text", 0, False], "bytes": [b"",
    bytes(range(256)) * 3, b"%s'\\", bytes(range(256)) * 300],
    "time": [timedelta(hours=23, minutes=59, seconds=59), timedelta(0)], "year": [1901, 2155],
    "longtext": ["x" * 70000], "longblob": [b"\0\xff%"],
}  # fmt: skip


def canonical(dtype, value):
    normalise = normaliser(dtype)
    return normalise(value) if normalise else value


@pytest.fixture
def extremes(session, schemas):
    """A table with a column of every type, and its rows of canonical values."""
    types = [parse_type(text) for text in VALUES]
    names = [f"c{n}" for n in range(len(types))]
    spec = TableSpec(
        TableName(schemas[0], "extremes"),
        (Attribute("id", parse_type("int32"), in_key=True),
         *(Attribute(n, t, nullable=True) for n, t in zip(names, types, strict=True))),
        ("id",),
    )  # fmt: skip
    run(session, create_table(spec, {}, session.dialect))
    longest = max(map(len, VALUES.values()))
    columns = [[canonical(t, v) for v in values] for t, values in zip(types, VALUES.values(), strict=True)]
    rows = [(n, *(c[n] if n < len(c) else None for c in columns)) for n in range(longest)]
    return spec, rows


def encoded(dialect, dtypes, row):
    return [
        value if value is None or not (encode := dialect.encoder(dtype)) else encode(value)
        for value, dtype in zip(row, dtypes, strict=True)
    ]


def fetch(session, spec):
    dialect = session.dialect
    columns = ", ".join(dialect.read(a.dtype, dialect.quote(a.name)) for a in spec.attributes)
    text = f"SELECT {columns} FROM {dialect.table(spec.name)} ORDER BY 1"
    rows = session.execute(dialect.escape(text)).fetchall()
    decoded = [
        decode(column) if (decode := dialect.decode_column(a.dtype)) else list(column)
        for a, column in zip(spec.attributes, zip(*rows, strict=True), strict=True)
    ]
    return [tuple(row) for row in zip(*decoded, strict=True)]


def same(expected, actual):
    """Equal, and of the same class."""
    return [
        (dtype, e, a)
        for pair in zip(expected, actual, strict=True)
        for dtype, e, a in zip(["int32", *VALUES], *pair, strict=True)
        if e != a or type(e) is not type(a)
    ]


@pytest.mark.statement("TYP-1", "TYP-2", "TYP-3", "TYP-5", "TYP-6", "TYP-7", "TYP-8", "TYP-9", "TYP-10",
                       "TYP-11",
                       "TYP-12", "TYP-13", "TYP-15", "TYP-16", "TYP-21", "TYP-23")  # fmt: skip
@pytest.mark.parametrize("way", ["one by one", "many", "load", "load in a transaction", "batch"])
def test_extreme_values_come_back(session, extremes, way):
    spec, rows = extremes
    dialect, dtypes = session.dialect, [a.dtype for a in spec.attributes]
    names = ", ".join(dialect.quote(a.name) for a in spec.attributes)
    marks = ", ".join(dialect.write(t, dialect.parameter(n, t)) for n, t in enumerate(dtypes, 1))
    text = f"INSERT INTO {dialect.table(spec.name)} ({names}) VALUES ({marks})"
    sent = [encoded(dialect, dtypes, row) for row in rows]
    if way == "one by one":
        for row in sent:
            assert 1 == session.execute(text, row).rowcount
    elif way == "many":
        assert len(rows) == session.execute_many(text, sent)
    elif way == "batch":
        assert [1] * len(rows) == session.execute_batch([(text, row) for row in sent])
    else:
        columns = [a.name for a in spec.attributes]
        if way == "load in a transaction":
            session.begin()
        assert len(rows) == session.load_rows(
            dialect.table(spec.name), columns, dtypes, [list(zip(*sent, strict=True))]
        )
        if way == "load in a transaction":
            session.commit()
    assert [] == same(rows, fetch(session, spec))


LISTED = [text for text in VALUES if text not in ("json", "longtext", "longblob")]


@pytest.mark.statement("QRY-13", "QRY-15", "TYP-20")
@pytest.mark.parametrize("text", LISTED)
def test_a_list_matches_exactly_its_values(session, extremes, text):
    spec, rows = extremes
    dialect, dtype = session.dialect, parse_type(text)
    attribute = next(a for a in spec.attributes[1:] if a.dtype == dtype)
    session.load_rows(
        dialect.table(spec.name), [a.name for a in spec.attributes], [a.dtype for a in spec.attributes],
        [list(zip(*[encoded(dialect, [a.dtype for a in spec.attributes], row) for row in rows], strict=True))],
    )  # fmt: skip
    values = [canonical(dtype, value) for value in VALUES[text]]
    column = dialect.comparable(dtype, dialect.quote(attribute.name))
    for wanted in (values, values[:1], []):
        marks = [dialect.parameter(n + 1) for n in range(dialect.list_parameters([dtype]))]
        source = dialect.list_source([dtype], marks)
        sql = f"SELECT id FROM {dialect.table(spec.name)} WHERE {column} IN ({source}) ORDER BY id"
        found = session.execute(sql, dialect.encode_list([dtype], [(value,) for value in wanted])).fetchall()
        assert [n for n, value in enumerate(values) if value in wanted] == [row[0] for row in found]
    both = [parse_type("int32"), dtype]
    marks = [dialect.parameter(n + 1) for n in range(dialect.list_parameters(both))]
    sql = (f"SELECT id FROM {dialect.table(spec.name)} WHERE (id, {column}) IN "
           f"({dialect.list_source(both, marks)}) ORDER BY id")  # fmt: skip
    pairs = [(0, values[0]), (1, values[0]), (2**40, values[0])]
    assert [(0,)] == [tuple(row) for row in session.execute(sql, dialect.encode_list(both, pairs)).fetchall()]


@pytest.mark.statement("TYP-3")
def test_any_float_matches_itself_in_a_list(session, schemas):
    random.seed(7)
    dialect, dtype = session.dialect, parse_type("float64")
    values = [math.ldexp(random.random(), random.randint(-300, 300)) for _ in range(2000)]
    name = TableName(schemas[0], "floats")
    spec = TableSpec(name, (Attribute("x", dtype, in_key=True),), ("x",))
    run(session, create_table(spec, {}, dialect))
    assert len(values) == session.load_rows(dialect.table(name), ["x"], [dtype], [[values]])
    source = dialect.list_source(
        [dtype], [dialect.parameter(n + 1) for n in range(dialect.list_parameters([dtype]))]
    )
    text = f"SELECT count(*) FROM {dialect.table(name)} WHERE x IN ({source})"
    found = session.execute(text, dialect.encode_list([dtype], [(v,) for v in values])).fetchone()
    assert len(values) == found[0]
    assert sorted(values) == sorted(row[0] for row in fetch(session, spec))


# -------------------------------------------------------------------------------------------------- sessions


@pytest.fixture
def pair(session, schemas):
    """A parent table `a` and its child `b`."""
    a = specify("x : int8\n---\ny=null : int32\nunique index (y)", TableName(schemas[0], "a"))
    b = specify("n : int32\n---\n-> A\nz : varchar(3)", TableName(schemas[0], "b"), A=a)
    declare(session, a, b)
    return session.dialect.table(a.name), session.dialect.table(b.name)


@pytest.mark.statement("ERR-2", "ERR-4", "ERR-6", "FK-5", "IDX-2", "INS-4", "INS-9", "TYP-1", "TYP-6")
def test_errors_are_ours_and_the_session_goes_on(session, pair):
    a, b = pair
    session.execute(f"INSERT INTO {a} (x, y) VALUES (1, 5)")
    session.execute(f"INSERT INTO {b} (n, x, z) VALUES (1, 1, 'abc')")
    cases = [
        (f"INSERT INTO {a} (x) VALUES (1)", DuplicateError, "unique", ("x",)),
        (f"INSERT INTO {a} (x, y) VALUES (2, 5)", DuplicateError, "unique", ("y",)),
        (f"INSERT INTO {b} (n, x, z) VALUES (2, 9, '')", IntegrityError, "missing_parent", None),
        (f"DELETE FROM {a}", IntegrityError, "has_children", None),
        (f"INSERT INTO {b} (n, x) VALUES (3, 1)", MissingAttributeError, "not_null", ("z",)),
        (f"INSERT INTO {b} (n, x, z) VALUES (3, 1, NULL)", MissingAttributeError, "not_null", ("z",)),
        (f"INSERT INTO {b} (n, x, z) VALUES (3, 1, 'abcd')", QueryError, None, None),
        (f"INSERT INTO {a} (x) VALUES (128)", QueryError, None, None),
        (f"SELECT missing FROM {a}", UnknownAttributeError, "column", None),
        (f"SELECT * FROM {a[:-1]}x{a[-1]}", MissingTableError, "table", None),
        (f"SELECT * FROM {a} WHERE AND", QuerySyntaxError, "syntax", None),
    ]
    for text, kind, reason, columns in cases:
        with pytest.raises(kind) as caught:
            session.execute(text)
        context = caught.value.context
        assert kind is QueryError or type(caught.value) is kind
        assert caught.value.__cause__ is not None
        assert text == context["statement"]
        assert reason in (None, context["reason"])
        assert columns in (None, context.get("columns"))
    assert [(1,)] == [tuple(row) for row in session.execute(f"SELECT count(*) FROM {a}").fetchall()]


@pytest.mark.statement("TXN-1", "TXN-4", "TXN-6")
def test_transactions_and_savepoints(session, pair):
    a, _ = pair

    def count():
        return session.execute(f"SELECT count(*) FROM {a}").fetchone()[0]

    session.begin()
    assert session.in_transaction
    session.execute(f"INSERT INTO {a} (x) VALUES (1)")
    session.savepoint("s")
    session.execute(f"INSERT INTO {a} (x) VALUES (2)")
    with pytest.raises(DuplicateError):
        session.execute(f"INSERT INTO {a} (x) VALUES (1)")
    session.rollback_to("s")
    session.execute(f"INSERT INTO {a} (x) VALUES (3)")
    session.release("s")
    session.commit()
    assert not session.in_transaction
    assert 2 == count()
    session.begin()
    session.execute(f"DELETE FROM {a}")
    session.rollback()
    session.rollback()
    assert 2 == count()


@pytest.mark.statement("FET-1")
def test_a_stream_leaves_the_session_free(session, pair):
    a, b = pair
    session.load_rows(a, ["x"], [parse_type("int8")], [[range(60)], [range(60, 100)]])
    seen, chunks = [], 0
    for rows in session.stream(f"SELECT x FROM {a} ORDER BY x", (), 30):
        seen += [row[0] for row in rows]
        chunks += 1
        session.execute(f"INSERT INTO {b} (n, x, z) VALUES ({len(seen)}, 1, '')")
    assert list(range(100)) == seen
    assert chunks > 1
    half = session.stream(f"SELECT x FROM {a}", (), 1)
    next(half)
    half.close()
    assert (chunks,) == tuple(session.execute(f"SELECT count(*) FROM {b}").fetchone())


@pytest.mark.statement("FK-16")
def test_half_a_reference_refers_to_nothing(session, schemas):
    a = specify("x : int8\ny : int8", TableName(schemas[0], "a"))
    b = specify("n : int32\n---\n-> [nullable] A", TableName(schemas[0], "b"), A=a)
    declare(session, a, b)
    table = session.dialect.table(b.name)
    session.execute(f"INSERT INTO {table} (n) VALUES (1)")
    session.execute(f"INSERT INTO {table} (n, x) VALUES (2, 77)")
    with pytest.raises(IntegrityError):
        session.execute(f"INSERT INTO {table} (n, x, y) VALUES (3, 77, 1)")


@pytest.mark.statement("CFG-11")
def test_a_session_tells_about_itself(session):
    assert session.alive
    session.ping()
    assert session.connection_id > 0
    assert session.user
    assert session.server_version.split()[1][0].isdigit()
    session.close()
    assert not session.alive


@pytest.mark.statement("QRY-26")
def test_a_percent_sign_in_a_text_stays_one(session, pair):
    escape, mark = session.dialect.escape, session.dialect.parameter(1)
    text = escape("SELECT '%s', 7 % 4, ") + session.dialect.write(parse_type("int32"), mark)
    with suppress(AttributeError):
        assert ("%s", 3, 5) == tuple(session.execute(text, (5,)).fetchone())
