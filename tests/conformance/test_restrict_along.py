"""Restrictions that travel along foreign keys: which way they take, and which rows they leave."""

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, QueryError, UnknownAttributeError


@pytest.fixture
def lab(declare):
    """Declare a pipeline with renamed, nullable, secondary and several references."""
    declare("Person", "person : varchar(8)\n---\ncity : varchar(8)")
    declare(
        "Subject", "subject_id : int16\n---\nspecies : varchar(8)\n-> [nullable] Person.proj(owner='person')"
    )
    declare(
        "Session",
        "-> Subject\nsession : int16\n---\nrig : varchar(4)\n-> Person.proj(experimenter='person')\n"
        "-> [nullable] Person.proj(analyst='person')",
    )
    declare("Recording", "recording : int32\n---\n-> [nullable] Session.proj(animal='subject_id')")
    declare("Unit", "-> Recording\nunit : int16\n---\ndepth : float64")
    declare("Behavior", "-> Session\n---\nscore : int16")
    declare("Method", "method : varchar(8)")
    declare("Used", "-> Session\n-> Method")
    declare("Lonely", "lonely : int16")
    tables = Lab(declare.known)
    tables.Person.insert(
        [{"person": p, "city": c} for p, c in (("ann", "Bonn"), ("bob", "Rome"), ("cyd", "Rome"))]
    )
    tables.Subject.insert(
        [{"subject_id": n, "species": "rat" if n % 2 else "mouse", "owner": [None, "ann", "bob"][n % 3]}
         for n in range(6)]
    )  # fmt: skip
    tables.Session.insert(
        [{"subject_id": n, "session": k, "rig": f"r{k}", "experimenter": ["ann", "bob", "cyd"][(n + k) % 3],
          "analyst": [None, "ann", "bob"][(n * k) % 3]} for n in range(5) for k in range(1, 4)]
    )  # fmt: skip
    tables.Recording.insert(
        [{"recording": 100 + r, "animal": r % 5, "session": 1 + r % 3} for r in range(12)]
        + [{"recording": 1}]
    )
    tables.Unit.insert(
        [{"recording": 100 + r, "unit": u, "depth": r + u} for r in range(12) for u in range(2)]
    )
    tables.Unit.insert1({"recording": 1, "unit": 5, "depth": 0})
    tables.Behavior.insert([{"subject_id": n, "session": 1, "score": n} for n in range(4)])
    tables.Method.insert([{"method": "a"}, {"method": "b"}, {"method": "c"}])
    tables.Used.insert([{"subject_id": n, "session": 1, "method": "ab"[n % 2]} for n in range(5)])
    return tables


class Lab:
    def __init__(self, known):
        self.__dict__.update(known)


def keys(query):
    return {tuple(key.values()) for key in query.proj().to_dicts()}


def sessions(lab, test):
    return [row for row in lab.Session.to_dicts() if test(row)]


@pytest.mark.statement("QRY-18")
def test_up(lab):
    species = {row["subject_id"]: row["species"] for row in lab.Subject.to_dicts()}
    recordings = [
        r for r in lab.Recording.to_dicts() if r["animal"] is not None and species[r["animal"]] == "rat"
    ]
    wanted = {(r["recording"], u) for r in recordings for u in range(2)}
    found = lab.Unit.restrict_along(lab.Subject & {"species": "rat"})
    assert wanted
    assert wanted == keys(found)
    assert type(found) is lab.Unit
    assert wanted & {(101, 0)} == keys(found & {"recording": 101, "unit": 0})
    assert wanted == keys(lab.Unit().restrict_along(lab.Subject & "species = 'rat'"))
    assert keys(lab.Unit & "depth > 0" & found) == keys((lab.Unit & "depth > 0").restrict_along(found))
    # only those that refer to any
    assert keys(lab.Unit - {"recording": 1}) == keys(lab.Unit.restrict_along(lab.Subject))
    assert set() == keys(lab.Unit.restrict_along(lab.Subject & False))
    assert keys(lab.Session & "subject_id = 1") == keys(
        lab.Session.restrict_along(lab.Subject & {"subject_id": 1})
    )


@pytest.mark.statement("QRY-18")
def test_down(lab):
    deep = lab.Unit & "depth >= 11"
    numbers = {r["recording"] for r in deep.to_dicts()}
    recordings = [r for r in lab.Recording.to_dicts() if r["recording"] in numbers]
    assert {(r["animal"],) for r in recordings} == keys(lab.Subject.restrict_along(deep))
    assert {(r["animal"], r["session"]) for r in recordings} == keys(lab.Session.restrict_along(deep))
    assert set() == keys(lab.Session.restrict_along(lab.Unit & {"recording": 1}))
    assert {(1,)} == keys(lab.Recording.restrict_along(lab.Unit & {"recording": 1}))


@pytest.mark.statement("QRY-18")
def test_to_a_sibling_and_through_an_association(lab):
    good = {(r["subject_id"], r["session"]) for r in lab.Behavior.to_dicts() if r["score"] > 1}
    recordings = {(r["recording"],) for r in lab.Recording.to_dicts() if (r["animal"], r["session"]) in good}
    assert recordings == keys(lab.Recording.restrict_along(lab.Behavior & "score > 1"))
    used = {(n, 1) for n in range(5) if n % 2 == 0}
    assert used == keys(lab.Session.restrict_along(lab.Method & {"method": "a"}))
    assert {("a",)} == keys(lab.Method.restrict_along(lab.Session & {"subject_id": 2}))


@pytest.mark.statement("QRY-18")
def test_the_table_itself(lab):
    assert {(1, 1)} == keys(lab.Session.restrict_along(lab.Session & {"subject_id": 1, "session": 1}))
    assert keys(lab.Session()) == keys(lab.Session.restrict_along(lab.Session))
    first = lab.Session & dj.Top(2, order_by="session DESC")
    assert keys(first) == keys(lab.Session.restrict_along(first))


@pytest.mark.statement("QRY-18")
def test_several_paths_are_listed(lab):
    rome = lab.Person & {"city": "Rome"}
    with pytest.raises(
        QueryError,
        match=r"(?s)2 paths of 1 reference lead from `Session` to `Person`:\n"
        r"  Session → Person by experimenter\n  Session → Person by analyst\n.*via=",
    ):
        lab.Session.restrict_along(rome)
    wanted = {(r["subject_id"], r["session"]) for r in sessions(lab, lambda r: r["analyst"] == "bob")}
    assert wanted == keys(lab.Session.restrict_along(rome, via="analyst"))
    wanted = {(r["subject_id"], r["session"]) for r in sessions(lab, lambda r: r["experimenter"] != "ann")}
    assert wanted == keys(lab.Session.restrict_along(rome, via="experimenter"))
    owned = {row["subject_id"] for row in lab.Subject.to_dicts() if row["owner"] == "bob"}
    wanted = {(r["subject_id"], r["session"]) for r in sessions(lab, lambda r: r["subject_id"] in owned)}
    for via in (lab.Subject, lab.Subject(), "Subject", "owner", ["owner", lab.Subject]):
        assert wanted == keys(lab.Session.restrict_along(rome, via=via))
    with pytest.raises(
        QueryError, match=r"(?s)via what is given; there are:\n  Session → Person by experimenter"
    ):
        lab.Session.restrict_along(rome, via=lab.Method)
    bonn = {
        (r["recording"],)
        for r in lab.Recording.to_dicts()
        if r["animal"] is not None and (r["animal"], r["session"]) in
        {(s["subject_id"], s["session"]) for s in sessions(lab, lambda s: s["experimenter"] == "ann")}
    }  # fmt: skip
    found = lab.Recording.restrict_along(lab.Person & {"city": "Bonn"}, via="experimenter")
    assert bonn == keys(found)


@pytest.mark.statement("QRY-18")
def test_paths_that_say_the_same(declare, lab):
    declare("Probe", "-> Session\nprobe : int16")
    declare("Image", "-> Session\nimage : int16")
    pair = declare("Pair", "-> Probe\n-> Image")
    lab.Session.insert1({"subject_id": 5, "session": 1, "rig": "r", "experimenter": "ann"})
    declare.known["Probe"].insert([{"subject_id": n, "session": 1, "probe": 1} for n in (4, 5)])
    declare.known["Image"].insert([{"subject_id": n, "session": 1, "image": 1} for n in (4, 5)])
    pair.insert([{"subject_id": n, "session": 1, "probe": 1, "image": 1} for n in (4, 5)])
    assert {(5, 1, 1, 1)} == keys(pair.restrict_along(lab.Subject & {"species": "rat"}))
    assert {(5,)} == keys(lab.Subject.restrict_along(pair & {"subject_id": 5}))


@pytest.mark.statement("QRY-18")
def test_expressions_of_many_kinds(lab):
    rats = lab.Subject & {"species": "rat"}
    wanted = keys(lab.Session.restrict_along(rats))
    assert wanted
    for other in (
        rats.proj(),
        lab.Subject.proj(s="subject_id", kind="species") & "kind = 'rat'",
        lab.Subject.aggr(lab.Session, "species", n="count(session)") & "species = 'rat' and n >= 0",
        lab.Subject.extend(lab.Person.proj(owner="person", c="city")) & {"species": "rat"},
        (rats & "subject_id < 3") + (rats & "subject_id >= 3"),
        rats & dj.Top(100),
    ):
        assert wanted == keys(lab.Session.restrict_along(other))
    renamed = lab.Session.proj(s="subject_id", n="session", r="rig")
    assert {(a, b) for a, b in wanted} == keys(renamed.restrict_along(rats))
    counted = lab.Session.aggr(lab.Recording.proj(..., subject_id="animal"), n="count(recording)")
    assert wanted == keys(counted.restrict_along(rats))
    assert keys(lab.Session & dj.Top(4)) & wanted == keys((lab.Session & dj.Top(4)).restrict_along(rats))
    assert keys(lab.Behavior & rats) == keys(lab.Behavior.restrict_along(lab.Subject * rats))


@pytest.mark.statement("QRY-18", "LIN-9")
def test_what_is_refused(lab, connect):
    with pytest.raises(QueryError, match="No path of foreign keys leads from `Session` to `Lonely`"):
        lab.Session.restrict_along(lab.Lonely)
    for other in (
        dj.U("species") & lab.Subject,
        lab.Subject * lab.Method,
        lab.Session.join(lab.Subject, outer=True),
    ):
        with pytest.raises(QueryError, match="rows of no single table cannot be restricted by"):
            lab.Session.restrict_along(other)
    with pytest.raises(QueryError, match="rows of no single table cannot be restricted along"):
        (lab.Subject * lab.Method).restrict_along(lab.Subject)
    for wrong in ({"species": "rat"}, "species = 'rat'", dj.U("subject_id"), None):
        with pytest.raises(QueryError, match="restricted along foreign keys by"):
            lab.Session.restrict_along(wrong)
    with pytest.raises(QueryError, match="via is 5"):
        lab.Session.restrict_along(lab.Person, via=5)
    foreign = dj.FreeTable(connect().connection, f"{lab.Subject.database}.subject")
    with pytest.raises(DataJointError, match="two connections"):
        lab.Session.restrict_along(foreign)


@pytest.mark.statement("QRY-18", "QRY-12")
def test_delete_along_and_a_misspelt_name(lab, monkeypatch):
    monkeypatch.setattr(lab.Subject().connection.config.query, "unknown_names", "warn")
    with pytest.warns(dj.errors.DataJointWarning, match="`speces`"):
        typo = lab.Unit.restrict_along(lab.Subject & {"speces": "rat"})
    with pytest.raises(UnknownAttributeError, match="`speces`"):
        typo.delete()
    count = len(lab.Unit.restrict_along(lab.Subject & {"species": "rat"}))
    assert count == lab.Unit.restrict_along(lab.Subject & {"species": "rat"}).delete()
    assert 0 == len(lab.Unit.restrict_along(lab.Subject & {"species": "rat"}))
    assert len(lab.Session.restrict_along(lab.Subject & "subject_id = 2")) == lab.Session.restrict_along(
        lab.Subject & "subject_id = 2"
    ).update({"rig": "new"})


@pytest.mark.statement("QRY-18", "SCH-1")
def test_over_schemas(lab, instance, schema_name, declare):
    other = declare.on(instance.Schema(schema_name("other")))
    spikes = other("Spikes", "-> Unit\n---\nn : int32")
    spikes.insert([{"recording": 101, "unit": 0, "n": 3}, {"recording": 100, "unit": 0, "n": 4}])
    assert {(101, 0)} == keys(spikes.restrict_along(lab.Subject & {"subject_id": 1}))
    assert {(1,)} == keys(lab.Subject.restrict_along(spikes & "n = 3"))
    with pytest.raises(QueryError, match=r"Spikes → djt_\w+\.Unit → djt_\w+\.Recording"):
        spikes.restrict_along(lab.Person)


@pytest.mark.statement("QRY-18", "DEL-3", "DIA-13")
def test_a_table_of_one_row(declare):
    setup = declare("Setup", "---\nrig : varchar(8)")
    used = declare("Used", "used : int16\n---\n-> [nullable] Setup")
    setup.insert1({"rig": "x"})
    used.insert([{"used": 1}, {"used": 2}])
    assert 1 == len(setup & {"rig": "x"})
    assert {(1,), (2,)} == keys(used.restrict_along(setup & {"rig": "x"}))
    assert set() == keys(used.restrict_along(setup & {"rig": "y"}))
    assert 1 == len(setup.restrict_along(used & {"used": 1}))
    assert 0 == len(setup.restrict_along(used & {"used": 3}))
    assert [1, 2] == sorted(dj.Diagram.cascade(setup & {"rig": "x"}).counts().values())
    assert [1, 1] == sorted(dj.Diagram.trace(used & {"used": 1}).counts().values())
