"""Definition text: what is declared is what was written, on every backend."""

import datetime
import re
import warnings

import datajoint as dj
import pytest
from datajoint.errors import DataJointError, DataJointWarning, DeclarationError, MissingAttributeError, UnknownTypeError

ANIMAL = """
# an animal of the "colony": 100% {real} ünï
animal_id : int32   # number on the cage

    # a line that says nothing
---
name='' : varchar(20)   # what it is "called": 100% {so} ünï
weight = null : float64
kind="mouse" : varchar(12)
born='2020-01-31':date
"""


@pytest.mark.statement("DEF-1", "DEF-4", "DEF-5", "DEF-6", "SCH-1")
def test_a_decorated_class_has_a_table(declare, schema):
    animal = declare("Animal", ANIMAL)

    assert ["animal"] == schema.list_tables()
    assert ["animal_id"] == animal.primary_key
    assert ["animal_id", "name", "weight", "kind", "born"] == animal.heading.names


@pytest.mark.statement("DEF-2", "DEF-16", "DEF-25")
def test_comments_and_types_come_back_from_the_database(declare, connect, schema):
    declare("Animal", ANIMAL)
    heading = connect().FreeTable(f"{schema.database}.animal").heading

    assert 'an animal of the "colony": 100% {real} ünï' == heading.comment
    assert 'what it is "called": 100% {so} ünï' == heading.attributes["name"].comment
    assert ["int32", "varchar(20)", "float64", "varchar(12)", "date"] == [a.type for a in heading.attributes.values()]


@pytest.mark.statement("DEF-5")
def test_without_a_divider_all_attributes_are_key(declare):
    assert ["a", "b"] == declare("Pair", "a : int32\nb : int32").primary_key


@pytest.mark.statement("DEF-3", "DEF-17")
@pytest.mark.parametrize("definition", ["# :no\na : int32", "a : int32 # :no"])
def test_a_comment_that_begins_with_a_colon_is_refused(declare, schema, definition):
    with pytest.raises(DeclarationError):
        declare("Wrong", definition)

    assert [] == schema.list_tables()


@pytest.mark.statement("DEF-7", "DEF-8", "DEF-19", "DEF-20", "ERR-3")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Bad : int32", "Bad"),
        ("1st : int32", "1st"),
        ("_hidden : int32", "platform"),
        ("a int32", "position"),
        ("a : int32 NOT NULL", "null"),
        ("a : varchar(4) UNIQUE", "unique"),
    ],
)
def test_a_wrong_line_is_shown_with_its_place_and_leaves_nothing(declare, schema, line, words):
    with pytest.raises(DeclarationError) as caught:
        declare("Wrong", f"key_id : int32\n---\n{line}")

    assert words.lower() in str(caught.value).lower()
    assert re.search(r"line 3", str(caught.value))
    assert "^" in str(caught.value)
    assert [] == schema.list_tables()


@pytest.mark.statement("DEF-18")
@pytest.mark.parametrize("kind", ["int24", "int32 foo", "strng", "varchar", "decimal(4"])
def test_an_unknown_type_is_named(declare, schema, kind):
    with pytest.raises(UnknownTypeError, match="Unsupported attribute type") as caught:
        declare("Wrong", f"a : {kind}")

    assert kind.split()[0].split("(")[0] in str(caught.value)
    assert [] == schema.list_tables()


@pytest.mark.statement("DEF-9", "DEF-10")
@pytest.mark.parametrize("null", ["null", "NULL", "Null"])
def test_null_makes_a_secondary_attribute_optional(declare, null):
    table = declare("Optional", f"a : int32\n---\nb={null} : int32\nc={null} : varchar(9)")
    table.insert1({"a": 1})

    assert {"a": 1, "b": None, "c": None} == table.fetch1()
    assert [False, True, True] == [a.nullable for a in table.heading.attributes.values()]
    with pytest.raises(DeclarationError, match="Primary key attributes cannot be nullable"):
        declare("Wrong", f"a={null} : int32")


@pytest.mark.statement("DEF-11")
def test_an_attribute_without_default_is_required(declare):
    table = declare("Strict", "a : int32\n---\nb : int32")

    with pytest.raises(MissingAttributeError, match="`?b`?"):
        table.insert1({"a": 1})
    assert 0 == len(table)


@pytest.mark.statement("DEF-12", "DEF-14")
def test_defaults_of_every_spelling(declare):
    table = declare(
        "Defaults",
        """
        a : int32
        ---
        n = -3 : int16
        x = 2.5 : float64
        s = 'it "is"' : varchar(20)
        d = "it's" : varchar(20)
        e = '' : varchar(20)
        w = word : varchar(20)
        day = '2024-02-29' : date
        p = 1.50 : decimal(5,2)
        yes = true : bool
        no = false : bool
        c = 'b' : enum('a', 'b')
        """,
    )
    table.insert1({"a": 1})
    row = table.fetch1()

    assert [-3, 2.5, 'it "is"', "it's", "", "word"] == [row[name] for name in ("n", "x", "s", "d", "e", "w")]
    assert datetime.date(2024, 2, 29) == row["day"]
    assert "1.50" == str(row["p"])
    assert [True, False] == [row["yes"], row["no"]]
    assert "b" == row["c"]


@pytest.mark.statement("DEF-13")
@pytest.mark.parametrize("digits", [0, 3, 6])
def test_the_time_of_the_server_is_a_default(declare, digits):
    size = f"({digits})" if digits else ""
    table = declare("Clock", f"a : int32\n---\nt = CURRENT_TIMESTAMP{size} : datetime{size}\nu = current_timestamp : datetime")
    table.insert1({"a": 1})
    row = table.fetch1()

    assert isinstance(row["t"], datetime.datetime)
    assert abs(row["t"] - row["u"]) < datetime.timedelta(seconds=2)
    assert 0 == row["t"].microsecond % 10 ** (6 - digits)
    assert 0 == row["u"].microsecond


@pytest.mark.statement("DEF-13")
def test_the_time_in_utc_is_a_default(declare):
    table = declare("Clock", "a : int32\n---\nt = CURRENT_TIMESTAMP_UTC : datetime(6)")
    table.insert1({"a": 1})
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)

    assert abs(now - table.fetch1("t")) < datetime.timedelta(seconds=60)


@pytest.mark.statement("DEF-15")
@pytest.mark.parametrize("kind", ["bytes", "json", "<blob>"])
def test_objects_take_no_default_but_null(declare, schema, kind):
    with pytest.raises(DeclarationError):
        declare("Wrong", f"a : int32\n---\nb = '' : {kind}")
    declare("Right", f"a : int32\n---\nb = null : {kind}")

    assert ["right"] == schema.list_tables()


@pytest.mark.statement("DEF-21")
def test_an_attribute_twice_is_refused_or_warned(declare, schema):
    with pytest.raises(DeclarationError):
        declare("Wrong", "a : int32\n---\na : float64")

    assert [] == schema.list_tables()


@pytest.mark.statement("DEF-22", "DEF-23")
def test_a_singleton_holds_one_row(declare):
    rig = declare("Rig", "---\nname : varchar(20)")
    session = declare("Session", "session : int32\n---\n-> Rig")
    rig.insert1({"name": "one"})

    assert [] == rig.primary_key
    assert {"name": "one"} == rig.fetch1()
    with pytest.raises(dj.errors.DuplicateError):
        rig.insert1({"name": "two"})
    session.insert1({"session": 1})
    assert {"session": 1, "name": "one"} == (session * rig).fetch1()
    assert 1 == len(rig & "name = 'one'")


@pytest.mark.statement("DEF-24")
def test_columns_come_in_order_of_introduction_key_first(declare):
    declare("Parent", "p : int32\n---\nq : int32")
    child = declare("Child", "c : int32\n-> Parent\n---\nz : int32\na : int32")

    assert ["c", "p", "z", "a"] == child.heading.names


@pytest.mark.statement("DEF-26", "IDX-5", "FK-8")
def test_describe_gives_the_definition_back(declare, instance, schema_name):
    declare("Subject", "# who\nsubject : int32 # number\n---\nspecies='mouse' : varchar(12) # \"kind\" 100%")
    declare("Kind", "kind : enum('a', 'b, c') # of thing\n---\nunique index (kind)")
    child = declare(
        "Child",
        """
        # a "child"
        -> Subject
        n : int16
        ---
        -> [nullable] Subject.proj(other='subject')
        -> [unique] Kind
        x=0.5 : float64 # raw % {score}
        t=CURRENT_TIMESTAMP(3) : datetime(3)
        b=null : <blob> # trace
        index (x, t)
        unique index (n, x)
        """,
    )
    text = child.describe()
    other = instance.Schema(schema_name("copy"))
    for name in ("Subject", "Kind", "Child"):
        source = {"Subject": declare.__closure__, "Kind": None}.get(name)
        del source
    originals = {"Subject": child.parents(as_objects=True)[0].describe(), "Child": text}
    scope: dict[str, object] = {}
    for name, definition in [("Subject", originals["Subject"]), ("Kind", child.parents(as_objects=True)[-1].describe()), ("Child", text)]:
        scope[name] = other(type(dj.Manual)(name, (dj.Manual,), {"definition": definition}), context=scope)
    copied = scope["Child"]

    assert text == copied.describe()
    assert repr(child.heading) == repr(copied.heading)
    assert child.heading.indexes == copied.heading.indexes


@pytest.mark.statement("DEF-27")
def test_a_changed_definition_is_reported_and_changes_nothing(declare, connect, schema):
    declare("Thing", "a : int32\n---\nb : int32")
    again = connect().Schema(schema.database)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again(type(dj.Manual)("Thing", (dj.Manual,), {"definition": "a : int32\n---\nb : int32"}), context={})
    with pytest.warns(DataJointWarning, match="`?c`?") as caught:
        thing = again(type(dj.Manual)("Thing", (dj.Manual,), {"definition": "a : int32\n---\nb : int32\nc=1 : int32"}), context={})

    assert 1 == len(caught)
    assert ["a", "b"] == thing.heading.names
    strict = connect(declare__drift="error").Schema(schema.database)
    with pytest.raises(DeclarationError, match="differs"):
        strict(type(dj.Manual)("Thing", (dj.Manual,), {"definition": "a : int32"}), context={})


@pytest.mark.statement("DEF-28")
def test_a_backslash_continues_a_line(declare):
    table = declare("Long", "a : enum('x', \\\n 'y')\n---\nb : int32")

    assert ["a", "b"] == table.heading.names


@pytest.mark.statement("DEF-29")
def test_a_definition_may_be_a_property(schema):
    class Computed(dj.Manual):
        @property
        def definition(self):
            return "\n".join(f"k{n} : int32" for n in range(3))

    assert ["k0", "k1", "k2"] == schema(Computed).primary_key


@pytest.mark.statement("DEF-19", "IDX-3")
def test_an_index_over_a_missing_column_leaves_nothing(declare, schema):
    with pytest.raises(DeclarationError, match="`?nope`?"):
        declare("Wrong", "a : int32\n---\nb : enum('x', 'y')\nindex (nope)")

    assert [] == schema.list_tables()
    declare("Right", "a : int32\n---\nb : enum('x', 'y')\nindex (b)")
    assert ["right"] == schema.list_tables()


@pytest.mark.statement("DEF-1", "ERR-6")
def test_an_empty_definition_is_an_error(declare):
    with pytest.raises(DataJointError):
        declare("Empty", "\n# nothing\n")
