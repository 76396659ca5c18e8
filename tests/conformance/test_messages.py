"""What users read when they go wrong: table, attribute, value or row, and what to do; the same everywhere."""

import copy
import csv
import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import datajoint as dj
from datajoint.errors import (
    DataJointError,
    DataJointWarning,
    DeclarationError,
    MissingAttributeError,
    QueryError,
    UnknownAttributeError,
)

pytestmark = pytest.mark.filterwarnings("ignore:Positional rows")


@pytest.fixture
def tables(declare):
    """A master with a part, a child, a computed table."""
    thing = declare(
        "Thing", "id : int32\n---\nname : varchar(10)\nx=null : float64\nday=null : date\nstamp=null : timestamp",
        Part=declare.part("Part", "-> master\np : int16"),
    )  # fmt: skip
    child = declare("Child", "-> Thing\nn : int32\n---\nreq : int16")
    calc = declare("Calc", "-> Thing\n---\nz : float64", dj.Computed, make=lambda *_: None)
    thing.insert1({"id": 1, "name": "one"})
    return {"Thing": thing, "Child": child, "Calc": calc}


def told(use, kind, *words):
    """Run what must be refused and see that the message has all words."""
    with pytest.raises(kind) as caught:
        use()
    text = str(caught.value)
    assert type(caught.value).__module__.startswith("datajoint"), text
    assert not [word for word in words if word not in text], (words, text)


# ------------------------------------------------------------------------------------------------- rows

ROW = {"id": 2, "name": "two"}
WRONG_ROWS = {
    "None": (None, QueryError, "`Thing`: None (NoneType) is no row", "dict"),
    "a number": (5, QueryError, "`Thing`: 5 (int) is no row"),
    "a text": ("two", QueryError, "`Thing`: 'two' (str) is no row"),
    "a set": ({2}, QueryError, "`Thing`: {2} (set) is no row"),
    "a class": (dj.Manual, QueryError, "`Thing`: the class `Manual` is no row"),
    "a frame": (pd.DataFrame([ROW]), QueryError, "`Thing`: an object of type DataFrame is no row", "insert a list"),
    "too short": ((2,), QueryError, "`Thing`", "1 given; 5 expected (id, name, x, day, stamp)", "dicts"),
    "empty": ({}, MissingAttributeError, "`Thing`: required attributes `id`, `name` are missing"),
    "without name": ({"id": 2}, MissingAttributeError, "`Thing`: required attribute `name` is missing"),
    "NULL": ({"id": 2, "name": None}, MissingAttributeError, "`Thing`: NULL is no value", "`name`"),
    "misspelt": ({"id": 2, "nane": "x"}, UnknownAttributeError, "`Thing` has no attribute `nane`", "`name`?"),
    "upper case": ({"ID": 2, "name": "x"}, UnknownAttributeError, "no attribute `ID`", "Did you mean `id`?"),
    "of the platform": ({**ROW, "_event": 1}, UnknownAttributeError, "`_event` of `Thing`", "platform"),
    "NaN": ({"id": np.nan, "name": "x"}, QueryError, "`Thing`", "`id`", "NaN"),
    "a date": ({**ROW, "day": "2024-02-30"}, QueryError, "`day`", "'2024-02-30' does not read as a date: write 2024"),
    "a moment": ({**ROW, "stamp": "noon"}, QueryError, "`stamp`", "'noon' does not read as a time: write 2024"),
}  # fmt: skip


@pytest.mark.statement("ERR-5", "ERR-2", "ERR-6", "INS-8", "INS-9", "INS-10")
def test_a_row_that_is_none(tables):
    thing = tables["Thing"]
    for row, kind, *words in WRONG_ROWS.values():
        told(lambda row=row: thing.insert1(row), kind, *words)
    told(lambda: thing.insert1(thing), QueryError, "`Thing`: the class `Thing` is no row")
    told(lambda: thing.insert1(thing()), QueryError, "`Thing`: an object of type Thing is no row")
    assert [{"id": 1}] == thing.keys()
    thing.insert1(pd.Series(ROW))  # as `frame.iterrows()` gives it
    assert "two" == (thing & {"id": 2}).fetch1("name")


WRONG_LISTS = {
    "None": (None, QueryError, "`Thing`: rows cannot be read from None", "list of dicts", "insert1"),
    "a dict": (ROW, QueryError, "`Thing`: rows cannot be read from {'id': 2, 'name': 'two'} (dict)", "insert1"),
    "a text": ("a.csv", QueryError, "`Thing`: rows cannot be read from 'a.csv'", "pathlib.Path"),
    "numbers": ([1, 2], QueryError, "`Thing`, row 0: 1 (int) is no row"),
    "one number": ([ROW, 5], QueryError, "`Thing`, row 1: 5 (int) is no row"),
    "lengths": ([(2, "b", None, None, None), (3,)], QueryError, "`Thing`, row 1", "1 given; 5 expected"),
    "too long": ([ROW, {"id": 3, "name": "three and more"}], QueryError, "`Thing`, row 1", "`name` (varchar(10))"),
    "missing": ([ROW, {"id": 3}], MissingAttributeError, "`Thing`, row 1", "`name`"),
    "misspelt": ([ROW, {"id": 3, "nane": "x"}], UnknownAttributeError, "`Thing`, row 1", "`nane`", "`name`?"),
    "frame": (pd.DataFrame([{"id": 2, "nam": "x"}]), UnknownAttributeError, "`Thing` has no attribute `nam`"),
    "two columns": (
        pd.DataFrame([[2, "b", "c"]], columns=["id", "name", "name"]), QueryError, "`Thing`", "two columns `name`"
    ),
    "NA": (pd.DataFrame({"id": [2, None], "name": "x"}), QueryError, "`Thing`, row 1", "`id`", "NaN"),
    "polars": (pl.DataFrame({"id": [2, 3], "name": ["x", None]}), MissingAttributeError, "`Thing`, row 1", "`name`"),
    "arrow": (pa.table({"id": [2], "nam": ["x"]}), UnknownAttributeError, "`Thing` has no attribute `nam`"),
    "array": (np.arange(3), QueryError, "`Thing`, row 0", "is no row"),
}  # fmt: skip


@pytest.mark.statement("ERR-5", "ERR-2", "INS-1", "INS-2")
def test_rows_that_are_none(tables, tmp_path):
    thing = tables["Thing"]
    for rows, kind, *words in WRONG_LISTS.values():
        told(lambda rows=rows: thing.insert(rows), kind, *words)
    for size in (0, -1, "x", 1.5):
        told(lambda size=size: thing.insert([ROW], chunk_size=size), DataJointError, "chunk_size", repr(size))
    told(lambda: thing.insert(tables["Child"]), UnknownAttributeError, "`Thing` has no attribute `n`")
    assert [{"id": 1}] == thing.keys()


FILES = {
    "id,nam\n2,x\n": ("`Thing` has no attribute `nam`", "`name`?"),
    "id,name\nx,two\n": ("`Thing`, row 0", "`id` (int32)", "'x'"),
    "id,name\n2\n": ("`Thing`, row 0", "`name`"),
    "id,name\n2,x,y\n": ("more fields than its header", "['y']"),
    "": ("no line with the names",),
    b"id,name\n2,\xff\n": ("no text in UTF-8",),
    'id,name\n2,"' + "x" * (csv.field_size_limit() + 1): ("no CSV file",),
}


@pytest.mark.statement("INS-1", "ERR-5", "ERR-2")
def test_files_that_hold_no_rows(tables, tmp_path):
    thing = tables["Thing"]
    for content, words in FILES.items():
        path = tmp_path / "rows.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        told(lambda path=path: thing.insert(path), DataJointError, *words)
    told(lambda: thing.insert(Path("missing.csv")), DataJointError, "missing.csv", "No such file")
    told(lambda: thing.insert(tmp_path), DataJointError, str(tmp_path))
    assert [{"id": 1}] == thing.keys()


@pytest.mark.statement("TYP-9", "ERR-5", "INS-15")
def test_moments_that_the_database_cannot_hold(tables, backend):
    thing = tables["Thing"]
    row = {**ROW, "stamp": dt.datetime(1950, 1, 1)}  # noqa: DTZ001
    if backend.name == "mysql":
        words = ("`stamp` (timestamp)", "1950-01-01", "from 1970-01-01", "datetime")
        told(lambda: thing.insert1(row), QueryError, "`Thing`", *words)
        told(lambda: thing.update1({"id": 1, "stamp": row["stamp"]}), QueryError, "`Thing`", *words)
        assert "from 1970-01-01" in thing.validate([row]).errors[0][2]
        row["stamp"] = dt.datetime(1970, 1, 1, 0, 0, 1)  # noqa: DTZ001
    assert thing.validate([row])
    thing.insert1(row)
    assert row["stamp"] == (thing & {"id": 2}).fetch1("stamp")


# ------------------------------------------------------------------------------------------------- classes


@pytest.mark.statement("TAB-16", "ERR-3")
def test_a_class_without_a_table(tables):
    class Loose(dj.Manual):
        definition = "a : int32"

    for cls in (Loose, dj.Manual):
        name = f"`{cls.__name__}` is not attached"
        told(lambda cls=cls: cls.insert1({"a": 1}), DataJointError, name, "@schema")
        told(lambda cls=cls: cls.insert([{"a": 1}]), DataJointError, name, "@schema")
        told(lambda cls=cls: cls.delete(), DataJointError, name)
        told(lambda cls=cls: cls & {"a": 1}, DataJointError, name)
        told(lambda cls=cls: len(cls()), DataJointError, name)
        told(lambda cls=cls: tables["Thing"] * cls, DataJointError, name)


@pytest.mark.statement("TAB-6", "DEF-1", "ERR-3")
def test_members_of_a_class_that_are_something_else(declare, schema):
    for contents in (5, "abc", {"a": "b"}):
        told(
            lambda contents=contents: declare("Kind", "a : varchar(3)", dj.Lookup, contents=contents),
            DataJointError, "The contents of `Kind`", repr(contents), "list of rows",
        )  # fmt: skip
    told(
        lambda: declare("Kind", "a : varchar(3)", dj.Lookup, contents=[(1, 2)]),
        DataJointError,
        "`Kind`",
        "2 values",
    )
    for definition, word in (
        (None, "no definition"),
        (b"a : int8", "b'a : int8'"),
        (["a : int8"], "['a : int8']"),
    ):
        told(
            lambda definition=definition: declare("Odd", definition), DeclarationError, "`Odd`", word, "text"
        )
    assert "odd" not in schema.list_tables()


WRONG_LINES = {
    "a int32": ("line 1 of `Odd`", "name : type"), "a : int24": ("`int24`", "Core types"),
    "a : int32;": ("`int32;`", "without `;`"), "a : int32,": ("without `,`",), "A : int32": ("lower case: `a`",),
    "a-b : int32": ("`a-b` is no attribute name",), "a : varchar": ("a length is needed",),
    "a : int32 = 5": ("`a = 5 : int32`",), "a : int32 not null": ("never null",), "a=null : int32": ("Primary key",),
    "a : int32\nindex b": ("line 2 of `Odd`", "index (a, b)"), "a : int32\nunique(a)": ("unique index (a, b)",),
    "a : int32\ncheck a > 1": ("check name (condition)",), "a : int32\nindex (b)": ("`b`, which is no attribute",),
    "a : int32\n---\nb=300 : int8": ("`300`", "-128 to 127"), "a : int32\n---\nb='2024-02-30' : date": ("2026-01-31",),
    "a : int32\n---\nb : <blub>": ("<blub>", "`blob`?", "`b` of `Odd`"), "-> Sesion": ("`Sesion`", "resolved"),
    "-> [nulable] Thing": ("`nulable`", "`nullable`?"), "-> Thing.proj(x='nope')": ("`nope`", "`Thing`: id"),
    "a : int32\na : int16": ("`a` is declared already, in line 1",), "": ("`Odd` is empty",),
}  # fmt: skip


@pytest.mark.statement(
    "DEF-18", "DEF-19", "DEF-6", "DEF-7", "DEF-9", "DEF-10", "DEF-20", "DEF-21", "FK-4", "FK-9", "IDX-3"
)
def test_definitions_that_cannot_be_read(declare, tables, inventory):
    before = inventory()
    for text, words in WRONG_LINES.items():
        told(lambda text=text: declare("Odd", text), DataJointError, *words)
    assert before == inventory()


@pytest.mark.statement("TYP-7", "DEF-19", "ERR-2")
def test_long_values_of_an_enum(declare, backend, inventory):
    text = f"a : int32\n---\nkind : enum('{'x' * 80}', 'y')"
    if backend.name == "postgresql":
        before = inventory()
        told(lambda: declare("Odd", text), DeclarationError, "`kind`", "80 bytes", "allows 63", "varchar")
        assert before == inventory()
    else:
        declare("Odd", text).insert1({"a": 1, "kind": "x" * 80})


@pytest.mark.statement("TAB-1", "DEF-27")
def test_a_class_under_two_tiers_is_noticed(declare, tables, schema):
    told(
        lambda: declare("Calc", "a : int32"),
        DeclarationError,
        "`Calc`",
        "of tier computed",
        "declare.same_name",
    )
    schema.connection.config.declare.same_name = "warn"
    with pytest.warns(DataJointWarning, match=r"Another table of class `Calc`.*__calc`, of tier computed"):
        declare("Calc", "a : int32")
    declare("Calc", "a : int32")


# ------------------------------------------------------------------------------------------------- queries


@pytest.mark.statement("QRY-1")
def test_expressions_can_be_copied(tables):
    thing = tables["Thing"]
    for query in (thing(), thing & "id = 1", thing.proj(), thing * tables["Child"]):
        for copied in (copy.copy(query), copy.deepcopy({"a": [query]})["a"][0]):
            assert query.to_dicts() == copied.to_dicts()
            assert type(query) is type(copied)


WRONG_TEXTS = {
    "nope = 1": ("no attribute `nope`", "Attributes: id, name"),
    "nam = 'a'": ("no attribute `nam`", "`name`?"),
    "Thing.id = 1": ("`Thing`", "Attributes: id, name"),
    "id =": ("character 5", "a value is missing"),
    "id = 'x'": ("character 6", "'x' cannot be compared with `id`", "int32"),
    "name = 'ab": ("character 8", "no end"),
    "name > 5": ("character 8", "5 cannot be compared with `name`", "quote"),
    "id in ()": ("the list after `in` is empty",),
    "id between 1": ("`and` is missing",),
    "day = 'soon'": ("'soon' cannot be compared with `day`", "2024-05-01"),
    "day > '2024-13-01'": ("'2024-13-01'", "`day`", "month"),
    "day + 1 > '2024-01-01'": ("date", "interval 1 day"),
    "x < 1e400": ("character 5", "more digits"),
    "sum(x) > 1": ("the aggregate function `sum` cannot stand here", "aggr"),
    "upper(name, 2) = 'A'": ("`upper` takes 1 argument, not 2",),
    "median(x) > 1": ("the function `median` is not known",),
    "id in (select id from child)": ("a query inside a text", "`A & B`"),
    "id = 1; drop table x": ("character 7", "only one expression"),
    "id = %s": ("character 6",),
    "id = {id}": ("`{`", "f-string"),
    "id = \u201c1\u201d": ("typographic quotes", "'text'"),
    "name regexp '('": ("the regular expression cannot be read", "unterminated"),
    "'a'": ("neither true nor false",),
    "": ("An empty text is no condition", "True"),
}


@pytest.mark.statement("QRY-10", "QRY-11", "QRY-64", "ERR-2", "ERR-5", "ERR-3")
def test_conditions_that_cannot_be_read(tables):
    thing = tables["Thing"]
    for text, words in WRONG_TEXTS.items():
        told(lambda text=text: thing & text, QueryError, *words)
    assert 1 == len(thing & pd.Series({"id": 1}))
    assert 0 == len(thing & pd.Series({"id": 2}))


WRONG_OPERANDS = {
    "None": (None, "NoneType"), "5": (5, "int: 5"), "bytes": (b"id=1", "bytes"), "list": ([1], "int: 1"),
    "Not": (dj.Not(None), "NoneType"), "AndList": (dj.AndList([5]), "int: 5"), "Top": ([dj.Top()], "A & dj.Top"),
    "a type": (int, "type"), "a function": (len, "len"), "value": ({"id": "x"}, "`id` (int32)", "'x'"),
    "date": ({"day": "2024-02-30"}, "`day` (date)", "does not read as a date"),
    "a dict": ({"id": {"a": 1}}, "`id`", "dict"),
}  # fmt: skip


@pytest.mark.statement("QRY-7", "QRY-13", "QRY-23", "ERR-2", "ERR-3")
def test_operands_that_are_none(tables):
    thing = tables["Thing"]
    for operand, *words in WRONG_OPERANDS.values():
        told(lambda operand=operand: len(thing & operand), QueryError, *words)
    for query in (tables["Child"], tables["Child"]()):
        told(lambda query=query: thing & {"id": query}, QueryError, "`id`", "A & B")
    for other in (None, 5, "Child", {"id": 1}, [thing]):
        kind = type(other).__name__
        told(lambda other=other: thing * other, QueryError, "joined with", kind, "table")
        told(lambda other=other: thing + other, QueryError, "united with", kind)
        told(lambda other=other: thing.extend(other), QueryError, "extended by", kind)
        told(lambda other=other: thing.aggr(other, n="count(*)"), QueryError, "aggregated over", kind)
        told(lambda other=other: dj.U("id") & other, QueryError, "U", kind)


@pytest.mark.statement("TYP-24", "QRY-13", "QRY-15")
def test_infinities_are_compared_everywhere(tables):
    thing = tables["Thing"]
    thing.insert([{"id": 2, "name": "two", "x": 2.0}, {"id": 3, "name": "three", "x": -1e308}])
    infinite = float("inf")
    assert [0, 0, 0] == [len(thing & {"x": value}) for value in (infinite, -infinite, [infinite, -infinite])]
    assert 1 == len(thing & [{"x": infinite}, {"x": 2}])
    assert 0 == len(thing & {"id": infinite})
    assert [2, 2, 0] == [len(thing & text) for text in ("x < 'inf'", "x > '-inf'", "x = 'inf'")]


@pytest.mark.statement("FET-1", "FET-5", "QRY-27", "QRY-54", "QRY-56", "QRY-60", "ERR-2", "ERR-3")
def test_attributes_that_are_none(tables):
    thing = tables["Thing"]
    uses = [
        thing.proj, thing.fetch1, thing.to_arrays, lambda name: thing.to_dicts(order_by=name),
        lambda name: thing.proj(a=name), lambda name: thing & dj.Top(1, name), lambda name: dj.U(name) & thing,
        lambda name: thing.to_pandas(order_by=[name]), lambda name: thing.keys(order_by=name),
    ]  # fmt: skip
    for use in uses:
        told(lambda use=use: use("nam"), UnknownAttributeError, "`nam`", "`name`?")
    for wrong in (5, ["name"]):
        for use in uses[1:3]:
            told(
                lambda use=use, wrong=wrong: use(wrong),
                UnknownAttributeError,
                "by text",
                repr(wrong),
                "id, name",
            )
        told(lambda wrong=wrong: thing.proj(wrong), QueryError, "text", repr(wrong))
        told(lambda wrong=wrong: dj.U(wrong), QueryError, "names of attributes", repr(wrong))
    told(lambda: thing.proj("-id"), QueryError, "primary key attribute `id`", "rename")
    told(lambda: thing.proj(id="name"), QueryError, "`id` exists already")
    told(lambda: thing.proj(a=None), QueryError, "`a`", "None")


@pytest.mark.statement("FET-2", "FET-5", "FET-6", "QRY-60", "ERR-3")
def test_numbers_of_rows_that_are_none(tables):
    thing = tables["Thing"]
    for use in (
        dj.Top,
        thing.head,
        thing.tail,
        lambda n: thing.to_dicts(limit=n),
        lambda n: thing.keys(offset=n),
    ):
        with pytest.raises(ValueError, match="must not be negative: -1"):
            use(-1)
        for wrong in ("a", 1.5):
            with pytest.raises(TypeError, match=f"must be a whole number, not {wrong!r}"):
                use(wrong)
    for wrong in (5, [None]):
        with pytest.raises(TypeError, match="order_by must be text or a list of texts"):
            thing.to_dicts(order_by=wrong)
    told(lambda: thing.to_dicts(order_by="name up"), QueryError, "'name up'", "DESC")
    thing.insert1({"id": 2, "name": "two"})
    told(thing.fetch1, DataJointError, "2 tuples found", "id")
    told(lambda: (thing & "id = 7").fetch1("name"), DataJointError, "0 tuples found")


# ------------------------------------------------------------------------------------------------- changes


@pytest.mark.statement("DEL-1", "DEL-9", "UPD-4", "SCH-5", "ERR-3")
def test_a_condition_where_none_is_taken_changes_nothing(tables, schema):
    thing = tables["Thing"]
    for wrong in ("id = 1", {"id": 1}, [], thing):
        for method in ("delete", "delete_quick", "drop"):
            told(
                lambda m=method, w=wrong: getattr(thing, m)(w),
                DataJointError,
                f"{method}() takes no condition",
                "&",
            )
        told(
            lambda w=wrong: thing.update({"name": "x"}, w), DataJointError, "update() takes no condition", "&"
        )
        told(lambda w=wrong: schema.drop(w), DataJointError, "drop() takes no condition")
    assert ["one"] == thing.to_arrays("name").tolist()


@pytest.mark.statement("UPD-2", "UPD-3", "ERR-5", "ERR-3")
def test_updates_that_are_none(tables):
    thing = tables["Thing"]
    cases = [
        (None, DataJointError, "must be a dict", "NoneType"), ([{"id": 1}], DataJointError, "dict", "list"),
        ({"name": "x"}, DataJointError, "must supply all primary key values; missing: id"),
        ({"id": 7, "name": "x"}, DataJointError, "`Thing` has none with {'id': 7}"),
        ({"id": 1, "nam": "x"}, UnknownAttributeError, "`Thing` has no attribute `nam`", "`name`?"),
        ({"id": 1, "name": None}, MissingAttributeError, "`Thing`", "`name`"),
        ({"id": 1, "name": "x" * 11}, QueryError, "`Thing`", "`name` (varchar(10))", "11 characters"),
        ({"id": "one", "name": "x"}, QueryError, "`Thing`", "`id` (int32)", "'one'"),
    ]  # fmt: skip
    for row, kind, *words in cases:
        told(lambda row=row: thing.update1(row), kind, *words)
    with pytest.raises(UnknownAttributeError) as caught:
        thing.update1({"id": 1, "nam": "x"})
    assert "ignore_extra_fields" not in str(caught.value)
    told(lambda: (thing & "id = 1").update1({"id": 1}), DataJointError, "restricted table", "update1({**key")
    for values in (None, {}, "name"):
        told(lambda values=values: thing.update(values), DataJointError, "a dict of attributes", "&")
    told(
        lambda: thing.update({"id": 5}, prompt=False), DataJointError, "`id` is in the primary key of `Thing`"
    )
    assert ["one"] == thing.to_arrays("name").tolist()


@pytest.mark.statement("TAB-5", "DEL-9", "POP-1", "ERR-3")
def test_methods_of_tables_asked_of_queries(tables):
    thing, child = tables["Thing"], tables["Child"]
    for query in (
        thing.proj(),
        thing * child.proj(),
        thing.aggr(child.proj(), n="count(n)"),
        dj.U("id") & thing,
    ):
        for method, word in (
            ("delete", "(Table & this).delete()"),
            ("update", "(Table & this)"),
            ("drop", "Table.drop"),
        ):
            assert not hasattr(query, method)
            with pytest.raises(AttributeError, match="is for tables") as caught:
                getattr(query, method)
            assert word in str(caught.value)
    for name in ("populate", "jobs", "progress"):
        with pytest.raises(AttributeError, match="`Thing` is not computed"):
            getattr(thing, name)
    with pytest.raises(AttributeError, match="no attribute 'fech'"):
        _ = thing().fech


@pytest.mark.statement("CFG-12", "ERR-2", "ERR-5")
def test_queries_of_the_users_own_that_are_none(schema):
    query = schema.connection.query
    told(lambda: query(5), QueryError, "5, no text")
    told(lambda: query("SELECT %s, %s", [1]), QueryError, "wants 2 arguments", "1 were given")
    told(lambda: query("SELECT %s", [1, 2]), QueryError, "wants 1 arguments", "2 were given")
    for wrong in (5, "x", {"a": 1}, {1}):
        told(lambda wrong=wrong: query("SELECT %s", wrong), QueryError, repr(wrong), "list of values")
    told(lambda: query("SELECT * FROM nope"), dj.errors.MissingTableError)
    assert 1 == query("SELECT 1").fetchone()[0]


@pytest.mark.statement("SCH-1", "TXN-1", "ERR-3")
def test_a_schema_is_not_made_inside_a_transaction(instance, schema_name, tables):
    connection, name = tables["Thing"].connection, schema_name("late")
    with connection.transaction:
        tables["Thing"].insert1(ROW)
        told(lambda: instance.Schema(name), dj.errors.TransactionError, f"`{name}`", "before or after")
        assert connection.in_transaction
    assert name not in instance.list_schemas()
    assert 2 == len(tables["Thing"]())


@pytest.mark.statement("POP-1", "JOB-4", "JOB-8", "ERR-3")
def test_arguments_of_populate_that_are_none(tables):
    calc = tables["Calc"]
    told(lambda: calc.populate(processes="two"), DataJointError, "processes", "'two'")
    told(lambda: calc.populate(processes=0), DataJointError, "processes", "0")
    told(lambda: calc.jobs.ignore(None), DataJointError, "`Calc`", "None")
    told(lambda: calc.jobs.ignore({"idd": 1}), DataJointError, "`id`")
    told(lambda: calc.jobs.refresh(delay="soon"), DataJointError, "'soon'", "seconds")
    told(lambda: calc.populate(5), QueryError, "int: 5")
    assert 0 == len(calc())


# ------------------------------------------------------------------------------------------------- databases


@pytest.mark.statement("ERR-4", "ERR-5", "ERR-6", "ERR-2")
def test_a_table_that_others_have_dropped_or_altered(declare, tables, schema, connect):
    gone, changed = (
        declare("Gone", "g : int32\n---\nv : int32"),
        declare("Changed", "g : int32\n---\nv : int32"),
    )
    changed.insert1({"g": 1, "v": 1})
    row, other = {"g": 2, "v": 1}, connect().connection
    whole, part = gone(), gone & {"g": 1}
    other.query(f"DROP TABLE {gone.full_table_name}")
    other.query(f"ALTER TABLE {changed.full_table_name} DROP COLUMN v")
    told(
        changed.to_dicts,
        UnknownAttributeError,
        "Column `v` does not exist in the database",
        "altered",
        "read anew",
    )
    assert [{"g": 1}] == changed.to_dicts()
    told(lambda: changed.insert1(row), UnknownAttributeError, "`Changed` has no attribute `v`")
    uses = [
        whole.to_dicts, lambda: whole.insert1(row), lambda: whole.insert([row] * 300), lambda: whole.update1(row),
        part.delete, lambda: len(whole * tables["Thing"]), lambda: len(part),
    ]  # fmt: skip
    for use in uses:
        told(
            use, dj.errors.MissingTableError, f"Table `{schema.database}.gone` does not exist in the database"
        )
    missing = lambda name: schema.connection.query(f"SELECT * FROM {name}")  # noqa: E731
    told(lambda: missing(gone.full_table_name), dj.errors.MissingTableError, f"`{schema.database}.gone`")
    assert 1 == len(tables["Thing"]())
    again = declare("Gone", "g : int32\n---\nv : int32")
    again.insert1(row)
    assert [row] == again.to_dicts()


@pytest.mark.statement("SCH-1", "SCH-3", "TAB-14", "ERR-3")
def test_schemas_and_tables_by_wrong_names(schema, instance, tables):
    for wrong in (5, b"lab", ["lab"]):
        told(lambda wrong=wrong: instance.Schema(wrong), DataJointError, "named by text", repr(wrong))
    for system in ("information_schema", "mysql", "pg_catalog"):
        told(lambda system=system: instance.Schema(system), DataJointError, f"`{system}`", "database itself")
    told(lambda: instance.Schema(""), DataJointError, "provide a schema_name")
    told(lambda: instance.Schema("x" * 65), DataJointError, "x" * 65, "longer than")
    assert not [name for name in instance.list_schemas() if name.startswith("xxxxx")]
    told(lambda: dj.Schema("lab", connection="here"), DataJointError, "'here' is no connection", "dj.conn()")
    told(lambda: dj.list_schemas("here"), DataJointError, "'here' is no connection")
    told(lambda: schema["Thin"], dj.errors.MissingTableError, "`Thin`", "`Thing`")
    told(lambda: schema[5], dj.errors.MissingTableError, "`5`")
    for arguments in ((schema.connection, None), (schema.connection, tables["Thing"]), ("x", "a.b")):
        told(
            lambda a=arguments: dj.FreeTable(*a),
            DataJointError,
            "FreeTable takes a connection",
            "'schema.table'",
        )
    told(lambda: dj.FreeTable(schema.connection, "thing"), DataJointError, "`thing`", "schema.table")
    name = f"{schema.database}.thin"
    told(lambda: len(dj.FreeTable(schema.connection, name)), dj.errors.MissingTableError, name, "`thing`")
    with pytest.raises(AttributeError, match="<attach>"):
        _ = dj.AttachFileType


@pytest.mark.statement("TYP-22", "ERR-3")
def test_checks_that_are_none(declare):
    for number, wrong in enumerate((5, ["a > 1"], "a > 1", [dj.Check("x", "a > 1"), None])):
        table = declare(f"Odd{number}", "a : int8", checks=wrong)
        told(
            lambda table=table: table.insert1({"a": 1}), DataJointError, f"`Odd{number}.checks`", "dj.Check("
        )
        assert 0 == len(table())
    declare("Fine", "a : int8", checks=lambda self: 1).insert1({"a": 1})
