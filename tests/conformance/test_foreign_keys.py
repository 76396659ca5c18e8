"""Foreign keys: what they bring, what they refuse, how they are written."""

import types

import pytest

import datajoint as dj
from datajoint.errors import (
    DataJointError,
    DataJointWarning,
    DeclarationError,
    DefinitionSyntaxError,
    DuplicateError,
    ForeignKeyTargetError,
    IntegrityError,
    MissingAttributeError,
)

SUBJECT = "lab : varchar(8) # laboratory\nsubject : int32 # number\n---\nspecies='mouse' : varchar(12)"
SEX = "sex : enum('M', 'F')"


@pytest.mark.statement("FK-1", "FK-11", "FK-17", "LIN-1", "DEF-24")
def test_a_reference_brings_the_key_of_the_parent(declare, schema, connect):
    declare("Subject", SUBJECT)
    text = "day : date\n-> Subject\nn : int16\n---\n-> Sex\nnote='' : varchar(9)\n"
    session = declare("Session", text, scope={
        "Sex": declare("Sex", SEX)
    })  # fmt: skip
    scan = declare(
        "Scan",
        "-> Session.proj(session_day='day', number='n')\nscan : int16\n---\n-> Subject.proj(other='subject')",
    )
    deep = declare("Deep", "-> Scan.proj(who='subject')")
    here = schema.database

    assert ["day", "lab", "subject", "n"] == session.primary_key
    assert ["sex", "note"] == session.heading.secondary_attributes
    assert ["session_day", "lab", "subject", "number", "scan"] == scan.primary_key
    assert ["other"] == scan.heading.secondary_attributes
    assert ["session_day", "lab", "who", "number", "scan"] == deep.primary_key
    for table in (deep, connect().FreeTable(str(deep.name))):
        attributes = table.heading.attributes
        assert ["date", "varchar(8)", "int32", "int16", "int16"] == [a.type for a in attributes.values()]
        assert ["", "laboratory", "number", "", ""] == [a.comment for a in attributes.values()]
        assert [
            f"{here}.session.day", f"{here}.subject.lab", f"{here}.subject.subject", f"{here}.session.n",
            f"{here}.scan.scan",
        ] == [a.lineage for a in attributes.values()]  # fmt: skip
    assert f"{here}.subject.subject" == scan.heading["other"].lineage
    assert f"{here}.sex.sex" == session.heading["sex"].lineage
    assert [None, None] == [
        session.heading["note"].lineage,
        declare.known["Subject"].heading["species"].lineage,
    ]
    assert f"{here}.sex.sex" == schema.lineage[f"{here}.session.sex"]
    assert f"{here}.session.note" not in schema.lineage


@pytest.mark.statement("FK-2", "FK-4")
def test_references_resolve_where_the_class_is_written(schema, declare):
    class Local(dj.Manual):
        definition = "a : int32"

    class Master(dj.Manual):
        definition = "-> Local\nm : int32"

        class Part(dj.Part):
            definition = "-> master\np : int32"

        class Other(dj.Part):
            definition = "-> Master.Part\n-> master.Part.proj(q='p')"

    schema(Local)
    schema(Master)

    class Direct(dj.Manual):
        definition = "-> Local\n-> Master.Part\n---\n-> ModuleLevel\n-> module.Inner.proj(i='inner')"

    module = types.SimpleNamespace(Inner=declare("Inner", "inner : int32"))
    schema(ModuleLevel)
    direct = schema(Direct)
    assert ["a", "m", "p"] == direct.primary_key
    assert ["module_level", "i"] == direct.heading.secondary_attributes
    assert ["a", "m", "p", "q"] == Master.Other.primary_key
    assert module.Inner.full_table_name in direct.parents()

    def elsewhere():
        class ByName(dj.Manual):  # neither local nor global here: found in the schema
            definition = "-> Inner\n-> Master.Part"

        return schema(ByName, context={})

    assert ["inner", "a", "m", "p"] == elsewhere().primary_key
    assert direct.__module__ == __name__


class ModuleLevel(dj.Manual):
    definition = "module_level : int32"


@pytest.mark.statement("FK-3", "FK-4", "FK-7", "FK-9", "FK-14", "DEF-19", "ERR-6")
def test_wrong_references_are_refused_by_name(declare, schema, inventory):
    subject = declare("Subject", SUBJECT)
    scope = {"restricted": subject & "subject = 1", "joined": subject * declare("Sex", SEX), "number": 5}

    class Loose(dj.Manual):
        definition = "a : int32"

    scope["Loose"] = Loose
    before = inventory()
    cases = {
        "-> Missing": ("`Missing`", ForeignKeyTargetError),
        "-> Subjekt": ("Did you mean `Subject`?", ForeignKeyTargetError),
        "-> Subject.Missing": ("`Subject.Missing`", ForeignKeyTargetError),
        "-> Loose": ("`Loose`", ForeignKeyTargetError),
        "-> restricted": ("restricted", ForeignKeyTargetError),
        "-> joined": ("joined", ForeignKeyTargetError),
        "-> number": ("number", ForeignKeyTargetError),
        "-> (Subject & 'subject = 1')": ("only a table or its rename", ForeignKeyTargetError),
        "-> Subject * Sex": ("only a table or its rename", ForeignKeyTargetError),
        "-> Subject.proj('species')": ("`species` is not in the primary key", ForeignKeyTargetError),
        "-> Subject.proj(x='species')": ("`species` is not in the primary key", ForeignKeyTargetError),
        "-> Subject.proj(x='nope')": ("`nope` is not in the primary key", ForeignKeyTargetError),
        "-> Subject.proj(x='subject', y='subject')": ("renamed twice", ForeignKeyTargetError),
        "-> Subject.proj(lab='subject')": ("`lab`", DeclarationError),
        "-> Subject.proj(Upper='subject')": ("`Upper`", DefinitionSyntaxError),
        "-> [nullable] Subject": ("cannot be nullable", DeclarationError),
        "-> [nulable] Subject": ("`nulable`", DefinitionSyntaxError),
        "-> [unique, cascade] Subject": ("`cascade`", DefinitionSyntaxError),
        "->": ("expected", DefinitionSyntaxError),
        "-> Subject.": ("no reference", DefinitionSyntaxError),
        "-> Wrong": ("itself", ForeignKeyTargetError),
        "-> Wrong.proj(b='a')": ("itself", ForeignKeyTargetError),
        "lab : int32\n-> Subject": ("`lab`", DeclarationError),
    }  # fmt: skip
    for line, (words, kind) in cases.items():
        with pytest.raises(kind) as caught:
            declare("Wrong", f"a : int32\n{line}", scope=scope)
        text = str(caught.value)
        assert words in text, (line, text)
        assert "Wrong" in text, (line, text)
        assert f"line {1 + len(line.splitlines())}" in text, (line, text)
        assert "^" in text, (line, text)
    with pytest.raises(ForeignKeyTargetError, match=r"itself through a rename|through a rename"):
        declare("Wrong", "a : int32\n---\n-> Wrong")
    assert before == inventory()
    assert ["lab", "subject"] == declare("Right", "-> Subject").primary_key
    assert ["right", "sex", "subject"] == sorted(schema.list_tables())


@pytest.mark.statement("FK-14")
def test_a_cycle_of_tables_is_refused(declare, inventory):
    one = declare("One", "a : int32\n---\nb=null : int32")
    declare("Two", "-> One\nx : int32")
    before = inventory()
    with pytest.raises(DeclarationError, match=r"`One`.*`Two`.*acyclic"):
        declare("One", "a : int32\n---\n-> [nullable] Two.proj(other='a')")
    assert before == inventory()
    assert [] == one.parents()


@pytest.mark.statement("FK-5", "FK-6", "ERR-2", "ERR-5", "ERR-6")
def test_missing_and_needed_parents(declare, schema):
    subject = declare("Subject", SUBJECT)
    session = declare(
        "Session", "-> Subject\nn : int16\n---\n-> [nullable] Subject.proj(other_lab='lab', other='subject')"
    )
    subject.insert([{"lab": "a", "subject": n} for n in (1, 2)])
    with pytest.raises(IntegrityError) as caught:
        session.insert1({"lab": "a", "subject": 7, "n": 1})
    for word in ("Session", "Subject", "subject", "7"):
        assert word in str(caught.value), str(caught.value)
    with pytest.raises(IntegrityError) as caught:
        session.insert1({"lab": "a", "subject": 1, "n": 1, "other_lab": "a", "other": 8})
    assert "other" in str(caught.value)
    assert isinstance(caught.value.__cause__, Exception)
    assert 0 == len(session)
    session.insert1({"lab": "a", "subject": 1, "n": 1, "other_lab": "a", "other": 2})
    for number in (1, 2):
        with pytest.raises(IntegrityError) as caught:
            (subject & {"subject": number}).delete_quick()
        assert "Session" in str(caught.value), str(caught.value)
    with pytest.raises(DataJointError):
        subject.drop_quick()
    assert [2, 1] == [len(subject), len(session)]
    name = subject.full_table_name
    schema.connection.query(f"UPDATE {name} SET subject = 20 WHERE subject = 2")
    assert 20 == session.fetch1("other")
    with pytest.raises(DataJointError):
        schema.connection.query(f"DELETE FROM {name} WHERE subject = 20")
    assert 2 == len(subject)


@pytest.mark.statement("FK-7", "FK-8", "FK-9", "FK-10", "FK-16")
def test_options_and_several_references_to_one_parent(declare):
    subject = declare("Subject", SUBJECT)
    pair = declare("Pair", """
    pair : int32
    ---
    -> Subject.proj(one_lab='lab', one='subject')
    -> [NULLABLE] Subject.proj(two_lab='lab', two='subject')
    -> [ Unique , nullable ] Subject.proj(three_lab='lab', three='subject')
    """)  # fmt: skip
    subject.insert([{"lab": "a", "subject": n} for n in range(5)])
    first = {"one_lab": "a", "one": 0}
    pair.insert1({"pair": 0, **first})
    pair.insert1(
        {"pair": 1, "one_lab": "a", "one": 1, "two_lab": "a", "two": 1, "three_lab": "a", "three": 3}
    )
    assert [False, False, True, True, True, True] == [
        pair.heading[n].nullable for n in pair.heading.secondary_attributes
    ]
    pair.insert1({"pair": 2, **first})  # many nulls in a unique reference
    with pytest.raises(DuplicateError, match="three"):
        pair.insert1({"pair": 3, **first, "three_lab": "a", "three": 3})
    with pytest.raises((MissingAttributeError, IntegrityError), match="one"):
        pair.insert1({"pair": 4})
    assert [0, 1, 2] == list(pair.to_arrays("pair", order_by="pair"))
    assert {"pair": 1, "two_lab": "a", "two": 1} == (pair & {"pair": 1}).proj("two_lab", "two").fetch1()
    assert [pair.full_table_name] == subject.children()
    found = subject.children(foreign_key_info=True)
    assert [{"one"}, {"two"}, {"three"}] == [
        set(info["attr_map"]) - {f"{n}_lab" for n in ("one", "two", "three")} for _, info in found
    ]
    unique = declare("Holder", "-> [unique] Subject\nslot : int16")
    unique.insert1({"lab": "a", "subject": 1, "slot": 1})
    with pytest.raises(DuplicateError):
        unique.insert1({"lab": "a", "subject": 1, "slot": 2})
    assert 1 == len(unique)


@pytest.mark.statement("FK-11")
def test_references_that_share_an_attribute_share_its_column(declare):
    lab = declare("Lab", "lab : varchar(8)")
    subject = declare("Subject", "-> Lab\nsubject : int32")
    rig = declare("Rig", "-> Lab\nrig : int32")
    session = declare("Session", "-> Subject\n-> Rig\nn : int16")
    lab.insert([{"lab": "a"}, {"lab": "b"}])
    subject.insert1({"lab": "a", "subject": 1})
    rig.insert1({"lab": "b", "rig": 1})

    assert ["lab", "subject", "rig", "n"] == session.primary_key
    with pytest.raises(IntegrityError):
        session.insert1({"lab": "a", "subject": 1, "rig": 1, "n": 1})
    rig.insert1({"lab": "a", "rig": 1})
    session.insert1({"lab": "a", "subject": 1, "rig": 1, "n": 1})
    assert 1 == len(session * subject * rig)


@pytest.mark.statement("FK-12", "FK-7")
def test_a_table_refers_to_itself(declare, connect):
    node = declare("Node", "node : int32\n---\n-> [nullable] Node.proj(parent='node')")
    tree = declare("Tree", "lab : varchar(8)\nn : int32\n---\n-> Tree.proj(up='n')")
    node.insert([{"node": 1, "parent": None}, {"node": 2, "parent": 1}])
    with pytest.raises(IntegrityError, match="parent"):
        node.insert1({"node": 3, "parent": 9})
    with pytest.raises(IntegrityError):
        (node & {"node": 1}).delete_quick()

    assert 2 == len(node)
    assert ["lab", "n", "up"] == tree.heading.names
    tree.insert1({"lab": "a", "n": 1, "up": 1})
    with pytest.raises(IntegrityError):
        tree.insert1({"lab": "b", "n": 2, "up": 1})
    assert node.children() == node.parents() == [node.full_table_name]
    assert [1] == list((node & node.proj(node="parent", own="node")).to_arrays("node"))
    assert "-> [nullable] Node.proj(parent='node')" in connect().FreeTable(str(node.name)).describe()


@pytest.mark.statement("FK-2", "FK-3")
def test_a_projection_may_name_attributes_of_the_key(declare):
    """They are in it anyway: `-> PositionSource.SpatialSeries.proj('id')` of spyglass."""
    declare("Series", "source : int32\nid : int16")
    table = declare(
        "Object", "-> Series.proj('id', 'source')\n---\n-> [nullable] Series.proj('id', other='source')"
    )
    assert ["source", "id", "other"] == table.heading.names
    assert ["-> Series", "-> [nullable] Series.proj(other='source')"] == [
        line.strip() for line in table.describe().splitlines() if line.startswith("->")
    ]


@pytest.mark.statement("FK-2", "FK-12")
def test_renames_in_the_form_of_older_definitions(declare):
    """`(new) -> Table(old)`, and without `old` for the whole key or the part that is new (ibl-pipeline)."""
    declare("Raw", "uuid : int32")
    declare("Visit", "subject : int32\nday : int16")
    for name, text, described in (
        ("Line", "(line_uuid) -> Raw\n---\nname : varchar(9)", "-> Raw.proj(line_uuid='uuid')"),
        ("Child", "-> Visit\n---\n(parent_day) -> Visit(day)", "-> Visit.proj(parent_day='day')"),
        (
            "Next",
            "subject : int32\n---\n(after) -> [nullable] Visit",
            "-> [nullable] Visit.proj(after='day')",
        ),
        ("Pair", "(one, other) -> Visit (subject, day)", "-> Visit.proj(one='subject', other='day')"),
    ):
        with pytest.warns(DataJointWarning, match=f"`{name}` renames in an older form; write `-> "):
            table = declare(name, text)
        assert described in table.describe()
    with (
        pytest.warns(DataJointWarning, match="older form"),
        pytest.raises(
            ForeignKeyTargetError,
            match="`one` cannot be matched with the primary key of `Visit`: subject, day",
        ),
    ):
        declare("Wrong", "(one) -> Visit")


@pytest.mark.statement("FK-12", "DEL-9", "SCH-5")
def test_a_table_whose_rows_refer_to_each_other_can_be_dropped(declare, schema):
    node = declare("Node", "node : int32\n---\n-> [nullable] Node.proj(parent='node')")
    text = "lab : varchar(8)\nn : int32\n---\nold = null : int8\n-> Tree.proj(up='n')\ncheck (n > 0)"
    tree = declare("Tree", text)
    declare("Leaf", "-> Tree")
    node.insert([{"node": 1}, {"node": 2, "parent": 1}, {"node": 3, "parent": 2}])
    tree.insert([{"lab": "a", "n": n, "up": max(n - 1, 1)} for n in (1, 2, 3)])

    node.drop(prompt=False)
    assert ["leaf", "tree"] == sorted(schema.list_tables())
    schema.drop(prompt=False)
    assert not schema.exists


@pytest.mark.statement("FK-13", "FK-17", "SCH-5", "DEL-6")
def test_references_across_schemas(declare, instance, schema_name, connect):
    sex = declare("Sex", SEX)
    subject = declare("Subject", "subject : int32\n---\n-> Sex")
    there = declare.on(instance.Schema(schema_name("other")))
    session = there("Session", "-> Subject\nn : int16\n---\n-> Sex.proj(kind='sex')")
    third = there.on(instance.Schema(schema_name("third")))
    scan = third("Scan", "-> Session\nscan : int16")
    sex.insert([{"sex": "M"}, {"sex": "F"}])
    subject.insert1({"subject": 1, "sex": "F"})
    session.insert1({"subject": 1, "n": 1, "kind": "M"})
    scan.insert1({"subject": 1, "n": 1, "scan": 1})

    assert f"{sex.database}.#sex.sex".replace("#", "") == session.heading["kind"].lineage
    assert "enum('M', 'F')" == session.heading["kind"].type
    with pytest.raises(IntegrityError):
        session.insert1({"subject": 2, "n": 1, "kind": "M"})
    assert 1 == len(subject * session * scan)
    found = connect().FreeTable(str(subject.name))  # has loaded its own schema only
    assert {session.full_table_name, scan.full_table_name} <= set(found.descendants())
    assert 1 == found.delete(prompt=False)
    assert [0, 0, 0] == [len(table) for table in (subject, session, scan)]
    assert 2 == len(sex)


INDEXES = {
    "sqlite": (
        "SELECT (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))"
        " FROM pragma_index_list(? || '.' || ?) i WHERE i.origin <> 'pk'"
    ),
    "postgresql": (
        "SELECT (SELECT string_agg(a.attname, ',' ORDER BY u.n)"
        " FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(num, n)"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.num) FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = $1 AND c.relname = $2 AND NOT i.indisprimary"
    ),
    "mysql": (
        "SELECT group_concat(column_name ORDER BY seq_in_index) FROM information_schema.statistics"
        " WHERE table_schema = %s AND table_name = %s AND index_name <> 'PRIMARY' GROUP BY index_name"
    ),
}


@pytest.mark.statement("FK-15", "IDX-1", "IDX-5")
def test_every_reference_has_one_index(declare, schema, backend):
    declare("Subject", SUBJECT)
    declare("Sex", SEX)
    table = declare("Session", """
    -> Subject
    n : int16
    ---
    -> Sex
    -> Subject.proj(other_lab='lab', other='subject')
    -> [unique] Sex.proj(kind='sex')
    x : int32
    index (other_lab, other, x)
    """)  # fmt: skip
    rows = schema.connection.query(INDEXES[backend.name], [schema.database, "session"]).fetchall()

    assert ["kind", "other_lab,other,x", "sex"] == sorted(row[0] for row in rows)
    assert {("other_lab", "other", "x"): {"unique": False, "nullable": False}} == {
        columns: index for columns, index in table.heading.indexes.items() if not index["unique"]
    }
