# ruff: noqa: DTZ001 - datetimes are naive, UTC by convention
"""Definition text: what is declared is what was written, on every backend."""

import datetime as dt
import logging
import re
from decimal import Decimal

import pytest

import datajoint as dj
from datajoint.declare.diff import diff
from datajoint.errors import (
    DataJointError,
    DataJointWarning,
    DeclarationError,
    DuplicateError,
    MissingAttributeError,
    UnknownTypeError,
)

ANIMAL = """

# an animal of the "colony": 100% {real} 'ünï' \\ and : so
    animal_id : int32   # number on the cage

  # a line that says nothing
-----
name='' : varchar(20)   # what it is "called": 100% {so} 'ünï' # \\ and : so
   weight = null:float64
kind="mouse" : varchar(12)#kind
born='2020-01-31':date
"""
EVERYTHING = """
# everything that can be declared
everything : int32
label : varchar(20)
day : date
---
i8=-128 : int8
i16=0 : int16
i32=-1 : int32
i64=9223372036854775807 : int64
u8=255 : uint8
u16=65535 : uint16
u32=4294967295 : uint32
u64=18446744073709551615 : uint64
f32=0.1 : float32
f64=-1.5e-300 : float64
whole=3 : float64
yes=true : bool
no=False : bool
one=1 : bool
price=-1.50 : decimal(6,2)
large=12345678901234567890.5 : decimal(30,4)
code='ab' : char(4)
word=word : varchar(30)
single='it "is" 100% \\ so' : varchar(30)
double="it's # : = {x}" : varchar(30)
doubled='it''s' : varchar(30)
empty='' : varchar(30)
null_word="null" : varchar(30)
now_word="CURRENT_TIMESTAMP" : varchar(30)
label_of="it's" : enum("it's", 'a,b', 'c d', "e#f", '50%', 'say "hi"')
born="2024-02-29" : date
moment="2024-02-29 23:59:59" : datetime
exact="2024-02-29 23:59:59.123456" : datetime(6)
made=CURRENT_TIMESTAMP : datetime
made3=current_timestamp(3) : datetime(3)
made6=CURRENT_TIMESTAMP(6) : datetime(6)
utc=CURRENT_TIMESTAMP_UTC : datetime(3)
stamp=NOW : timestamp
stamp3=CURRENT_TIMESTAMP : timestamp(3)
token="12345678-1234-5678-1234-567812345678" : uuid
opt_int=null : int16
opt_float=null : float64
opt_bool=NULL : bool
opt_decimal=null : decimal(5,1)
opt_text=null : varchar(10)
opt_enum=null : enum('x', 'y')
opt_date=null : date
opt_time=null : datetime(3)
opt_token=null : uuid
opt_doc=null : json
opt_bytes=null : bytes
opt_blob=null : <blob>
opt_file=null : <attach>
doc : json
raw : bytes
trace : <blob>   # a "trace"
index (i8, word)
unique index (f64)
unique index (word, born)
"""
CHILD = """
# a "child"
-> Everything
n : int16
---
-> [nullable] Everything.proj(other='everything', other_label='label', other_day='day')
-> [unique] Kind
-> [nullable, unique] Kind.proj(second='kind')
-> [nullable] Child.proj(before='everything', before_label='label', before_day='day', before_n='n')
x=0.5 : float64 # raw % {score}
b=null : <blob> # trace
index (x, b_time)
unique index (n, x)
b_time=CURRENT_TIMESTAMP(3) : datetime(3)
"""
KIND = "kind : enum('a', 'b, c') # of \"thing\""


def plainly(spec, other):
    """What a table is, without the name of its schema."""
    names = [(a.name, a.type, a.in_key, a.nullable, a.default, a.comment) for a in spec.columns]
    keys = {
        (k.columns, k.parent.name, k.parent_columns, k.in_key, k.nullable, k.unique)
        for k in spec.foreign_keys
    }
    return (
        names,
        spec.primary_key,
        keys,
        set(spec.indexes),
        spec.comment,
        spec.checks,
        diff(spec, spec),
        other,
    )


@pytest.mark.statement("DEF-1", "DEF-2", "DEF-4", "DEF-5", "DEF-6", "DEF-16", "DEF-25", "SCH-1")
def test_a_definition_becomes_a_table_that_any_process_reads_back(declare, connect, schema):
    animal = declare("Animal", ANIMAL)
    pair = declare("Pair", "a : int32\nb : int32")
    found = connect().FreeTable(f"{schema.database}.animal")

    assert ["animal", "pair"] == sorted(schema.list_tables())
    assert ["a", "b"] == pair.primary_key
    for heading in (animal.heading, found.heading):
        attributes = heading.attributes
        assert ["animal_id"] == heading.primary_key
        assert ["animal_id", "name", "weight", "kind", "born"] == heading.names
        assert "an animal of the \"colony\": 100% {real} 'ünï' \\ and : so" == heading.comment
        assert "what it is \"called\": 100% {so} 'ünï' # \\ and : so" == attributes["name"].comment
        assert ["number on the cage", "kind", ""] == [
            attributes[n].comment for n in ("animal_id", "kind", "born")
        ]
        assert ["int32", "varchar(20)", "float64", "varchar(12)", "date"] == [
            a.type for a in attributes.values()
        ]
        assert [False, False, True, False, False] == [a.nullable for a in attributes.values()]
    assert animal.describe() == found.describe()


@pytest.mark.statement("DEF-3", "DEF-7", "DEF-8", "DEF-10", "DEF-17", "DEF-19", "DEF-20", "ERR-3", "ERR-6")
def test_a_wrong_line_is_shown_with_its_place_and_leaves_nothing(declare, inventory):
    before = inventory()
    cases = {
        "Bad : int32": "lower case: `bad`",
        "1st : int32": "`1st`",
        "é : int32": "é",
        "_hidden : int32": "platform",
        "a int32": "expected `name : type`",
        "a = 1 int32": "expected `name = default : type`",
        "a : ": "expected a type",
        "a : int32 = 3": "Write `a = 3 : int32`",
        "a : int32 # :no": "colon",
        "a = 'x : varchar(4)": "not closed",
        "a : int32 NOT NULL": "never null unless their default is null",
        "a : int32 DEFAULT 3": "before the colon",
        "a : varchar(4) UNIQUE": "unique index",
        "a : int32 primary key": "above the line",
        "a : int32 comment 'x'": "# comment",
        "a : varchar(4) COLLATE utf8": "exactly",
        "a : varchar(4) character set latin1": "UTF-8",
        "a = 300 : int8": "out of the range",
        "a = maybe : bool": "maybe",
        "a = x : enum('a', 'b')": "`x`",
        "a = '2024-02-30' : date": "2024-02-30",
        "a = 'longer' : varchar(3)": "3",
        "a = CURRENT_TIMESTAMP : int32": "datetime",
        "index (nope)": "`nope`",
        "index (": "`)`",
        "check": "expected",
    }
    for line, words in cases.items():
        with pytest.raises(DeclarationError) as caught:
            declare("Wrong", f"key_id : enum('new', 'labels')\n---\n{line}")
        text = str(caught.value)
        assert words in text, (line, text)
        assert re.search(r"`?Wrong`?", text), (line, text)
        assert "line 3" in text, (line, text)
        assert "^" in text, (line, text)
    for definition, words in {
        "# :no\na : int32": "colon",
        "\n# nothing\n": "empty",
        "a=null : int32": "Primary key attributes cannot be nullable",
    }.items():
        with pytest.raises(DeclarationError, match=words):
            declare("Wrong", definition)

    assert before == inventory()
    assert [] == declare("Right", "a : enum('new', 'labels')").to_dicts()


@pytest.mark.statement("DEF-18")
def test_an_unknown_type_is_named(declare, schema, inventory):
    before = inventory()
    for kind in [
        "int24",
        "int32 foo",
        "strng",
        "varchar",
        "decimal(4",
        "Int32",
        "enum()",
        "datetime(7)",
        "varchar(0)",
    ]:
        with pytest.raises(UnknownTypeError, match="Unsupported attribute type") as caught:
            declare("Wrong", f"a : {kind}")
        assert kind in str(caught.value)

    assert before == inventory()
    assert [] == schema.list_tables()


@pytest.mark.statement("DEF-19", "TYP-22", "ERR-6")
def test_what_the_database_refuses_leaves_nothing(declare, inventory):
    declare("First", "a : int32")
    before = inventory()
    with pytest.raises(DataJointError) as caught:
        declare(
            "Wrong", "a : enum('new', 'labels')\n---\nb : int32\nindex (b)\ncheck c (no_such_function(b) > 0)"
        )

    assert isinstance(caught.value.__cause__, Exception)
    assert before == inventory()
    assert ["a", "b"] == declare(
        "Wrong", "a : enum('new', 'labels')\n---\nb : int32\nindex (b)"
    ).heading.names


@pytest.mark.statement("DEF-9", "DEF-10", "DEF-11", "DEF-24", "ERR-5")
def test_required_and_optional_attributes(declare):
    declare("Parent", "p : int32\n---\nq : int32")
    table = declare(
        "Child", "c : int32\n-> Parent\n---\nz : int32\ny=NULL : int32\nx=Null : varchar(9)\na=null : json"
    )
    table.parents(as_objects=True)[0].insert1({"p": 1, "q": 2})
    with pytest.raises(MissingAttributeError, match="`z`") as caught:
        table.insert1({"c": 1, "p": 1})

    assert "Child" in str(caught.value)
    assert 0 == len(table)
    assert ["c", "p", "z", "y", "x", "a"] == table.heading.names
    assert [False, False, False, True, True, True] == [a.nullable for a in table.heading.attributes.values()]
    with pytest.raises(DataJointError, match="z"):
        table.insert1({"c": 1, "p": 1, "z": None})
    table.insert1({"c": 1, "p": 1, "z": 0})
    assert [{"c": 1, "p": 1, "z": 0, "y": None, "x": None, "a": None}] == table.to_dicts()


@pytest.mark.statement("DEF-12", "DEF-13", "DEF-14", "DEF-15", "TYP-9")
def test_defaults_of_every_spelling(declare):
    table = declare("Everything", EVERYTHING)
    table.insert1({"everything": 1, "label": "l", "day": "2024-01-01", "doc": {}, "raw": b"", "trace": 0})
    row = table.fetch1()
    expected = {
        "i8": -128, "i16": 0, "i64": 2**63 - 1, "u8": 255, "u32": 2**32 - 1, "u64": 2**64 - 1,
        "f64": -1.5e-300, "whole": 3.0, "yes": True, "no": False, "one": True,
        "price": Decimal("-1.50"), "large": Decimal("12345678901234567890.5"), "code": "ab", "word": "word",
        "single": 'it "is" 100% \\ so', "double": "it's # : = {x}", "doubled": "it's", "empty": "",
        "null_word": "null", "now_word": "CURRENT_TIMESTAMP", "label_of": "it's",
        "born": dt.date(2024, 2, 29), "moment": dt.datetime(2024, 2, 29, 23, 59, 59),
        "exact": dt.datetime(2024, 2, 29, 23, 59, 59, 123456),
        "opt_int": None, "opt_text": None, "opt_doc": None, "opt_blob": None, "opt_token": None,
    }  # fmt: skip
    assert expected == {name: row[name] for name in expected}
    assert pytest.approx(0.1) == row["f32"]
    assert [bool, bool, bool] == [type(row[name]) for name in ("yes", "no", "one")]
    assert "12345678-1234-5678-1234-567812345678" == str(row["token"])
    session, utc = [row[n] for n in ("made", "made3", "made6")], [row[n] for n in ("utc", "stamp", "stamp3")]
    assert max(session) - min(session) < dt.timedelta(seconds=2)
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    assert all(abs(now - value) < dt.timedelta(seconds=60) for value in utc)
    assert 0 == row["made"].microsecond
    assert 0 == row["made3"].microsecond % 1000
    assert 0 == row["stamp"].microsecond


@pytest.mark.statement("DEF-15", "TYP-14", "COD-17")
def test_objects_take_no_default_but_null_and_are_no_keys(declare, schema, inventory):
    before = inventory()
    for kind in ("bytes", "json", "<blob>", "<attach>"):
        for default in ("''", "0", "CURRENT_TIMESTAMP"):
            with pytest.raises(DeclarationError, match=r"no default but null|datetime") as caught:
                declare("Wrong", f"a : int32\n---\nb = {default} : {kind}")
            assert "line 3" in str(caught.value)
        with pytest.raises(DeclarationError, match="`b`") as caught:
            declare("Wrong", f"b : {kind}")
        assert "primary key" in str(caught.value)
    for kind in ("object", "npy", "filepath", "hash"):
        with pytest.raises(DataJointError, match=kind):
            declare("Wrong", f"a : int32\n---\nb : <{kind}>")

    assert before == inventory()
    assert [] == schema.list_tables()


@pytest.mark.statement("DEF-21")
def test_an_attribute_is_introduced_once(declare, inventory):
    declare("Parent", "p : int32\n---\nq : int32")
    before = inventory()
    for definition in ("a : int32\n---\na : float64", "-> Parent\n---\np : float64", "p : int16\n-> Parent"):
        with pytest.raises(DeclarationError, match=r"`[ap]`") as caught:
            declare("Wrong", definition)
        assert "float64" in str(caught.value) or "int16" in str(caught.value) or "line" in str(caught.value)
    assert before == inventory()
    with pytest.warns(DataJointWarning, match=r"`b`.*twice"):
        twice = declare("Twice", "a : int32\n---\nb : int32\nb : int32")
    both = declare("Both", "p : int32\n-> Parent\n---\nr=null : int32")

    assert ["a", "b"] == twice.heading.names
    assert ["p", "r"] == both.heading.names
    assert [both.connection.dialect.table(declare.known["Parent"].name)] == both.parents()


@pytest.mark.statement("DEF-22", "DEF-23")
def test_a_singleton_holds_one_row(declare):
    rig = declare("Rig", "# the rig\n---\nname : varchar(20)")
    session = declare("Session", "session : int32\n---\n-> Rig")
    rig.insert1({"name": "one"})
    session.insert1({"session": 1})

    assert [] == rig.primary_key
    assert ["name"] == rig.heading.names
    assert {"name": "one"} == rig.fetch1()
    with pytest.raises(DuplicateError):
        rig.insert1({"name": "two"})
    assert ["one"] == list(rig.to_arrays("name"))
    assert {"session": 1, "name": "one"} == (session * rig).fetch1()
    assert [1, 0] == [len(rig & {"name": name}) for name in ("one", "two")]
    assert 1 == len(session & rig)
    assert "_singleton" not in rig.describe() + session.describe() + repr(rig)
    with pytest.raises(DataJointError):
        rig.delete_quick()
    assert 1 == len(rig)


@pytest.mark.statement("DEF-26", "DEF-25", "IDX-5", "FK-8")
def test_describe_gives_the_definition_back(declare, connect, instance, schema_name):
    tables = [declare("Everything", EVERYTHING), declare("Kind", KIND), declare("Child", CHILD)]
    texts = {table.__name__: table.describe() for table in tables}
    again = declare.on(instance.Schema(schema_name("copy")))
    again.known = {}
    for table in tables:
        copied = again(table.__name__, texts[table.__name__])
        found = connect().FreeTable(str(copied.name))
        assert texts[table.__name__] == copied.describe().replace(copied.database, table.database)
        assert texts[table.__name__] == found.describe().replace(copied.database, table.database)
        assert plainly(table.spec, ()) == plainly(copied.spec, ())
        assert diff(found.spec, copied.spec) == ()
        assert repr(table.heading) == repr(found.heading)
        assert table.heading.indexes == found.heading.indexes


@pytest.mark.statement("DEF-27", "ERR-3")
def test_drift_is_reported_and_only_drift(declare, connect, schema, inventory):
    definitions = {"Everything": EVERYTHING, "Kind": KIND, "Child": CHILD}
    for name, definition in definitions.items():
        declare(name, definition)
    before, there = inventory(), declare.on(connect().Schema(schema.database))
    for name, definition in definitions.items():
        there(name, definition)  # a warning is an error in this test suite
        declare(name, definition)

    changes = {
        "i8=-128 : int8": ("i8=-127 : int8", "i8"),
        "i16=0 : int16": ("i16=0 : int32", "i16"),
        "empty='' : varchar(30)": ("empty='' : varchar(31)", "empty"),
        'born="2024-02-29" : date': ("born=null : date", "born"),
        "opt_int=null : int16": ("opt_int=0 : int16", "opt_int"),
        "raw : bytes": ("raw : bytes # data", "raw"),
        "opt_date=null : date\n": ("", "opt_date"),
        "doc : json": ("doc : json\nmore : json", "more"),
        "made3=current_timestamp(3) : datetime(3)": ("made3 : datetime(3)", "made3"),
        "'x', 'y'": ("'x', 'z'", "opt_enum"),
        "index (i8, word)": ("index (i8)", "i8"),
        "unique index (f64)": ("index (f64)", "f64"),
        "everything that": ("all that", "all that"),
    }
    for old, (new, word) in changes.items():
        assert 1 == EVERYTHING.count(old), old
        with pytest.warns(DataJointWarning, match="differs") as caught:
            changed = there("Everything", EVERYTHING.replace(old, new))
        assert 1 == len(caught)
        text = str(caught[0].message)
        assert word in text, (word, text)
        assert "Everything.alter()" in text
        assert __file__ == caught[0].filename or "plugins" in caught[0].filename
        assert declare.known["Everything"].heading.names == changed.heading.names
    strict = declare.on(connect(declare__drift="error").Schema(schema.database))
    with pytest.raises(DeclarationError, match="differs"):
        strict("Everything", EVERYTHING.replace("i8=-128", "i8=-127"))
    assert before == inventory()


@pytest.mark.statement("DEF-28", "DEF-29")
def test_continued_lines_and_computed_definitions(declare, schema):
    class Computed(dj.Manual):
        @property
        def definition(self):
            return "\n".join(f"k{n} : int32" for n in range(3))

    long = declare("Long", "a : enum('x', \\\n   'y', \\\n 'z')   # which\n---\nb : int32")

    assert ["k0", "k1", "k2"] == schema(Computed).primary_key
    assert ["a", "b"] == long.heading.names
    assert ["enum('x', 'y', 'z')", "which"] == [long.heading["a"].type, long.heading["a"].comment]


@pytest.mark.statement("DEF-27")
def test_declaring_again_says_nothing(declare, connect, schema, caplog):
    declare("Animal", ANIMAL)
    with caplog.at_level(logging.INFO):
        declare.on(connect().Schema(schema.database))("Animal", ANIMAL)

    assert [] == caplog.messages


def lines(count, text, below=""):
    """Return a definition of a key and some attributes of one type."""
    return "\n".join(["k : int32", "---", *(f"a{n} : {text}" for n in range(count)), below])


ROWS = "The rows of the table `{}` may be larger than the database allows"
LEAST = "Each row of the table `{}` takes at least"
KEY = "The primary key of the table `{}` has 40 attributes; the database allows 32."
INDEX = "The index that begins with `a0` of the table `{}` has 33 attributes; the database allows 32."
TOO_LARGE = {
    "texts": (lines(300, "varchar(255)"), {"mysql": ROWS}),
    "short texts": (lines(800, "varchar(20)"), {"mysql": ROWS}),
    "blobs": (lines(900, "<blob>"), {"mysql": ROWS}),
    "numbers": (lines(1100, "float64"), {"mysql": "{}` has 1102 columns", "postgresql": f"{LEAST} 88"}),
    "uuids": (lines(600, "uuid"), {"mysql": ROWS, "postgresql": f"{LEAST} 96"}),
    "indexes": (
        lines(70, "int32", "\n".join(f"index (a{n})" for n in range(70))),
        {"mysql": "The references and indexes of the table `{}` are more than the database allows"},
    ),
    "a long key": (
        "\n".join(f"a{n} : varchar(700)" for n in range(4)),
        {"mysql": "A key or an index of the table `{}` is longer than the database allows"},
    ),
    "key attributes": (
        "\n".join(f"a{n} : int32" for n in range(40)),
        {"mysql": KEY, "postgresql": KEY},
    ),
    "attributes of an index": (
        lines(33, "int32", f"index ({', '.join(f'a{n}' for n in range(33))})"),
        {"mysql": INDEX, "postgresql": INDEX},
    ),
}
"""Definitions, and what is said of them where they are refused."""


@pytest.mark.statement("DEF-19", "ERR-4")
@pytest.mark.parametrize("case", TOO_LARGE)
def test_a_table_is_larger_than_the_database_allows(declare, schema, case):
    definition, messages = TOO_LARGE[case]
    message = messages.get(schema.connection.backend.name)
    if message is None:
        wide = declare("Wide", definition)
        assert definition.count(" : ") == len(wide.heading.attributes)
        return
    with pytest.raises(DeclarationError) as info:
        declare("Wide", definition)
    assert message.format(f"{schema.database}.wide") in str(info.value)
    assert info.value.hint
    assert [] == schema.list_tables()


@pytest.mark.statement("DEF-1")
@pytest.mark.backends("postgresql")
def test_the_widest_row_that_fits_in_a_page(declare):
    wide = declare("Wide", lines(1015, "float64"))
    wide.insert1({"k": 1, **{f"a{n}": n for n in range(1015)}})
    assert 1014 == wide.fetch1("a1014")


@pytest.mark.statement("DEF-1")
def test_as_many_columns_as_the_database_allows(declare, schema, inventory):
    limit = schema.connection.dialect.max_columns
    assert {"sqlite": 2000, "postgresql": 1600, "mysql": 1017}[schema.connection.backend.name] == limit
    columns = [f"c{n} = null : bool" for n in range(limit - 2)]  # one is the key, one the hidden event
    before = inventory()
    with pytest.raises(DeclarationError, match=rf"wide.* has {limit + 1} columns, 1 of .*allows {limit}"):
        declare("Wide", "\n".join(["wide : int32", "---", *columns, "more : bool"]))
    assert before == inventory()
    wide = declare("Wide", "\n".join(["wide : int32", "---", *columns]))
    wide.insert1({"wide": 1, columns[-1].split()[0]: True})
    assert limit - 1 == len(wide.fetch1())
    wide.update1({"wide": 1, columns[-1].split()[0]: False})
    assert not wide.fetch1(columns[-1].split()[0])
