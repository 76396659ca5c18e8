"""Lineage: which attributes of equal name mean the same, and what is refused."""

import pytest

import datajoint as dj
from plugins.lab import bag, join, matches


@pytest.mark.statement("LIN-1")
def test_lineage_of_attributes(lab):
    schema = lab.schema.database

    def lineage(expression, name):
        return expression.heading[name].lineage

    assert f"{schema}.subject.subject_id" == lineage(lab.Subject(), "subject_id")
    assert f"{schema}.subject.subject_id" == lineage(lab.Session(), "subject_id")
    assert f"{schema}.subject.subject_id" == lineage(lab.Trial(), "subject_id")
    assert f"{schema}.subject.subject_id" == lineage(lab.Recording(), "subject_id")
    assert f"{schema}.session.session" == lineage(lab.Loan() * lab.Recording(), "session")
    assert f"{schema}.user.user" == lineage(lab.Session(), "experimenter")
    assert f"{schema}.user.user" == lineage(lab.Session(), "analyst")
    assert lineage(lab.Session(), "note") is None
    assert lineage(lab.Session.proj(n="session + 1"), "n") is None
    assert lineage(lab.Subject.aggr(lab.Session, n="count(session)"), "n") is None
    assert f"{schema}.subject.subject_id" == lineage(lab.Session.proj(animal="subject_id"), "animal")
    assert f"{schema}.subject.subject_id" == lineage(lab.Session.proj(copy="(subject_id)"), "copy")
    assert lineage(lab.Session.proj(text="note"), "text") is None


@pytest.mark.statement("LIN-2")
def test_operators_match_on_name_and_lineage(lab):
    sessions, subjects = lab.rows["Session"], lab.rows["Subject"]
    animals = lab.Subject.proj(animal="subject_id")
    assert len(sessions) * len(subjects) == len(lab.Session * animals)  # other names: nothing is compared
    assert len(sessions) == len(lab.Session & animals)
    assert 0 == len(lab.Session - animals)
    same = lab.Session.proj("day", animal="subject_id") * lab.Subject.proj("species", animal="subject_id")
    assert len(sessions) == len(same)
    counted = lab.Subject.proj(animal="subject_id").aggr(
        lab.Session.proj(animal="subject_id"), n="count(session)"
    )
    assert bag(
        {"animal": s["subject_id"], "n": sum(matches(s, x, "subject_id") for x in sessions)} for s in subjects
    ) == bag(counted)


@pytest.mark.statement("LIN-2")
def test_names_of_different_lineage_are_refused(lab):
    other = lab.User.proj(subject_id="user")
    for combine in (
        lambda: lab.Session * other,
        lambda: lab.Session & other,
        lambda: lab.Session - other,
        lambda: lab.Session.extend(other),
        lambda: lab.Subject.aggr(lab.Session.proj(subject_id="session", x="subject_id"), n="count(x)"),
    ):
        with pytest.raises(dj.DataJointError, match="subject_id") as caught:
            combine()
        assert ".proj" in str(caught.value)
        assert f"{lab.schema.database}.subject.subject_id" in str(caught.value)


@pytest.mark.statement("LIN-3")
def test_what_the_key_determines_takes_no_part_in_matching(lab):
    sessions = lab.rows["Session"]
    good = lab.Session & "good"
    expected = [s for s in sessions if s["good"]]
    assert any(s["score"] is None for s in expected)
    assert bag(expected) == bag(lab.Session * good)
    assert bag(expected) == bag(lab.Session & good)
    assert bag([s for s in sessions if not s["good"]]) == bag(lab.Session - good)
    assert bag(expected) == bag(
        lab.Session.proj(..., mark="note").proj(..., note="mark") * good
    )  # a rename and back
    # the left side's columns are kept, whichever side has more
    assert bag(expected) == bag(good.proj("score") * lab.Session)


@pytest.mark.statement("LIN-3")
def test_computed_attributes_of_one_origin(lab):
    sessions = [{**s, "n": s["session"] * 2, "m": s["session"] + 1} for s in lab.rows["Session"]]
    computed = lab.Session.proj(..., n="session * 2", m="session + 1")
    assert bag(sessions) == bag(computed * computed)
    assert bag([s for s in sessions if s["n"] > 4]) == bag(computed & (computed & "n > 4"))
    assert bag([s for s in sessions if s["n"] <= 4]) == bag(computed - (computed & "n > 4"))
    assert bag([s for s in sessions if s["n"] > 4 and s["m"] < 5]) == bag(
        (computed & "n > 4") * (computed & "m < 5")
    )
    counted = lab.Subject.aggr(lab.Session, n="count(session)")
    assert bag(counted & "n > 1") == bag(counted * (counted & "n > 1"))
    joined = computed.proj("n") * lab.Subject
    assert bag(joined) == bag(joined * computed.proj("n"))
    # two ways of writing one expression are two origins; renaming keeps the origin
    assert bag(sessions) == bag(computed.proj(..., k="n").proj(..., n="k") * computed)


@pytest.mark.statement("LIN-3")
@pytest.mark.parametrize(
    "combine",
    [
        lambda t: t.Session.proj(x="session + 1") * t.Session.proj(x="session + 2"),
        lambda t: t.Session.proj(x="note") * t.Subject.proj(x="name"),
        lambda t: t.Session.proj(x="session") * t.Session.proj(x="note"),
        lambda t: t.Session.proj("note", k="subject_id") * t.Session.proj("note"),
        lambda t: t.Session.proj("note", k="subject_id") & t.Session,
        lambda t: t.Session.proj(..., k="subject_id") - t.Session,
        lambda t: (dj.U("session", "note") & t.Session) * t.Session,
        lambda t: t.Subject.aggr(t.Session, n="count(session)") * t.Subject.aggr(t.Trial, n="count(trial)"),
    ],
)
def test_every_other_shared_name_is_refused(lab, combine):
    with pytest.raises(dj.DataJointError, match=r"`(x|note|n|day|subject_id)`.*(lineage|origin|secondary)"):
        combine(lab)


@pytest.mark.statement("LIN-3")
def test_the_same_computation_of_other_data_is_refused(lab):
    def counted(condition):
        return lab.Subject.aggr(lab.Session & condition, n="count(session)")

    assert 9 == len(counted({"session": 1}) * counted({"session": 1}))
    with pytest.raises(dj.DataJointError, match="`n`"):
        counted({"session": 1}) * counted({"session": 2})
    with pytest.raises(dj.DataJointError, match="`n`"):
        counted({"session": 1}) & counted({"session": 2})
    with pytest.raises(dj.DataJointError, match="`n`"):
        counted({"session": 1}) + counted({"session": 2})


@pytest.mark.statement("LIN-4")
def test_without_the_semantic_check(lab):
    names = lab.User.proj(note="full_name")
    texts = [{"user": u["user"], "note": u["full_name"]} for u in lab.rows["User"]]
    expected = join(lab.rows["Session"], texts, "note")
    assert expected
    assert bag(expected) == bag(lab.Session.join(names, semantic_check=False))
    assert bag([s for s in lab.rows["Session"] if s["note"] == ""]) == bag(
        lab.Session.restrict(names, semantic_check=False)
    )
    by_text = dj.U("note").aggr(lab.User.proj(note="full_name"), n="count(*)")
    assert len(lab.rows["Session"]) == len(lab.Session.extend(by_text, semantic_check=False))


@pytest.mark.statement("LIN-4", "QRY-25")
def test_values_of_different_types_are_not_compared(lab):
    with pytest.raises(dj.DataJointError, match=r"`day`.*date.*varchar"):
        lab.Session.join(lab.User.proj(day="full_name"), semantic_check=False)
    with pytest.raises(dj.DataJointError, match="`score`"):
        lab.Session.restrict(lab.Subject.proj(score="weight"), semantic_check=False)
    kinds = lab.Trial.proj(species="outcome")  # labels of two enums are texts
    assert (
        []
        == lab.Subject.proj("species")
        .restrict(kinds.proj("species", s="subject_id"), semantic_check=False)
        .to_dicts()
    )


@pytest.mark.statement("LIN-4")
def test_old_operators_name_their_replacement(lab):
    with pytest.raises(dj.DataJointError, match=r"semantic_check=False"):
        lab.Session ^ lab.Subject
    with pytest.raises(dj.DataJointError, match=r"semantic_check=False"):
        lab.Session @ lab.Subject
    with pytest.raises(dj.DataJointError, match=r"semantic_check=False"):
        lab.Session() @ lab.Subject()


@pytest.mark.statement("LIN-5")
def test_the_universal_set_matches_any_lineage(lab):
    assert 9 == len(lab.Subject & dj.U("subject_id", "name", "other"))
    assert bag({"user": u} for u in {s["analyst"] for s in lab.rows["Session"]} - {None}) == bag(
        dj.U("user") & (lab.User & lab.Session.proj(user="analyst"))
    )
    assert bag({"note": n} for n in {s["note"] for s in lab.rows["Session"]}) == bag(
        dj.U("note") & lab.Session
    )


@pytest.mark.statement("LIN-6")
def test_lineage_is_stored(schema):
    @schema
    class Parent(dj.Manual):
        definition = "parent : int32"

    @schema
    class Child(dj.Manual):
        definition = "-> Parent\nchild : int32\n---\nnote : varchar(10)"

    name = schema.database
    expected = {
        f"{name}.parent.parent": f"{name}.parent.parent",
        f"{name}.child.parent": f"{name}.parent.parent",
        f"{name}.child.child": f"{name}.child.child",
    }
    assert schema.lineage_table_exists
    assert expected == dict(schema.lineage)
    schema.rebuild_lineage()
    assert expected == dict(schema.lineage)
    Child().drop()
    assert {f"{name}.parent.parent": f"{name}.parent.parent"} == dict(schema.lineage)


@pytest.mark.statement("LIN-7")
def test_missing_lineage_is_added_at_decoration(connect, schema_name, caplog):
    def declare(schema):
        @schema
        class Parent(dj.Manual):
            definition = "parent : int32"

        return Parent

    name = schema_name()
    schema = connect().Schema(name)
    declare(schema)
    instance = connect()
    connection = instance.connection
    table = connection.dialect.table(dj.FreeTable(connection, f"{name}.~lineage").name)
    connection.query(connection.dialect.escape(f"DELETE FROM {table}"))
    passive = instance.Schema(name, create_tables=False)
    declare(passive)
    assert {} == dict(passive.lineage)
    with caplog.at_level("INFO", logger="datajoint"):
        again = connect().Schema(name)
        declare(again)
    assert {f"{name}.parent.parent": f"{name}.parent.parent"} == dict(again.lineage)
    assert any("parent" in record.getMessage() for record in caplog.records)


@pytest.mark.statement("LIN-8")
def test_without_a_lineage_table_the_check_is_off_with_a_warning(connect, schema_name, caplog):
    name = schema_name()
    schema = connect().Schema(name)

    @schema
    class A(dj.Manual):
        definition = "k : int32\n---\nx : int32"

    @schema
    class B(dj.Manual):
        definition = "k : int32\n---\ny : int32"

    A().insert([{"k": 1, "x": 1}, {"k": 2, "x": 2}])
    B().insert([{"k": 2, "y": 5}, {"k": 3, "y": 6}])
    with pytest.raises(dj.DataJointError, match="`k`"):
        A * B
    instance = connect()
    connection = instance.connection
    table = connection.dialect.table(dj.FreeTable(connection, f"{name}.~lineage").name)
    connection.query(f"DROP TABLE {table}")
    with caplog.at_level("WARNING", logger="datajoint"):
        module = instance.virtual_schema(name)
        rows = (module.A() * module.B()).to_dicts()
    assert [{"k": 2, "x": 2, "y": 5}] == rows
    assert any(
        "no lineage table" in record.getMessage() and name in record.getMessage() for record in caplog.records
    )


@pytest.mark.statement("LIN-9")
def test_expressions_of_two_connections_do_not_combine(lab, connect, schema_name):
    other = connect().Schema(schema_name())

    @other
    class Stranger(dj.Manual):
        definition = "stranger : int32"

    for combine in (
        lambda: lab.Subject * Stranger,
        lambda: lab.Subject & Stranger,
        lambda: lab.Subject - Stranger,
        lambda: lab.Subject & [Stranger],
        lambda: lab.Subject & dj.Not(Stranger),
        lambda: lab.Subject & dj.AndList([Stranger()]),
        lambda: lab.Subject & [{"subject_id": 1}, dj.Not([Stranger()])],
        lambda: lab.Subject + Stranger,
        lambda: lab.Subject.extend(Stranger),
        lambda: lab.Subject.aggr(Stranger, n="count(*)"),
        lambda: lab.Subject.join(Stranger),
        lambda: lab.Subject.restrict(Stranger, semantic_check=False),
    ):
        with pytest.raises(dj.DataJointError, match="connection"):
            combine()


@pytest.mark.statement("LIN-10")
def test_union_requires_namesakes_of_equal_lineage(lab):
    with pytest.raises(dj.DataJointError, match="`note`"):
        lab.Session.proj("note") + lab.Session.proj(note="day")
    with pytest.raises(dj.DataJointError, match="`subject_id`"):
        lab.Subject.proj() + lab.User.proj(subject_id="user")
    assert len(lab.rows["Session"]) == len(lab.Session.proj("note") + lab.Session.proj("note", "day"))
    with pytest.raises(dj.DataJointError, match="`weight`"):
        lab.Subject.proj("weight") + lab.Subject.proj(weight="subject_id + 1")
    first, second = lab.Loan.proj("subject_id"), lab.Loan.proj("subject_id") & "loan > 2"
    assert bag(first) == bag(first + second)
