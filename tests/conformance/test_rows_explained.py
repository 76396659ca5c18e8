"""Where single rows come from (`lineage`), and why they are stale (`why`): in words, as a tree, as data."""

import json

import pytest

import datajoint as dj
from datajoint.diagram.lineage import picture_of
from datajoint.diagram.render import mermaid, svg
from datajoint.errors import DataJointError

PARTLY = "fresh, known in part"  # classes of these tests are made by `type`, without a text

pytestmark = pytest.mark.statement("PRV-6")


@pytest.fixture
def lab(schema):
    """Subjects, sessions with trials, and two tables computed one from the other."""
    tables = {}

    def declare(tier, name, definition, **members):
        tables[name] = schema(
            type(tier)(name, (tier,), {"definition": definition, **members}), context=tables
        )
        return tables[name]

    trial = type("Trial", (dj.Part,), {"definition": "-> master\ntrial : int32\n---\nrt : float64"})
    unit = type("Unit", (dj.Part,), {"definition": "-> master\nunit : int32"})
    declare(dj.Manual, "Subject", "subject : int32\n---\nsex='f' : enum('m', 'f')")
    declare(
        dj.Manual,
        "Session",
        "-> Subject\nsession : int32\n---\nduration : float64\nnote='' : varchar(9)",
        Trial=trial,
    )
    declare(dj.Manual, "Param", "param : int32\n---\nscale : float64")

    def make_minutes(self, key):
        self.insert1({**key, "minutes": (tables["Session"] & key).fetch1("duration") / 60})

    def make_fit(self, key):
        rt = (tables["Session"].Trial & key).to_arrays("rt")
        scale = (tables["Param"] & key).fetch1("scale")
        minutes = (tables["Minutes"] & key).fetch1("minutes")
        many = len(tables["Subject"] & "sex = 'm'")
        self.insert1({**key, "y": rt.sum() * scale * minutes + many})
        self.Unit.insert([{**key, "unit": n} for n in (1, 2)])

    declare(dj.Computed, "Minutes", "-> Session\n---\nminutes : float64", make=make_minutes)
    declare(dj.Computed, "Fit", "-> Minutes\n-> Param\n---\ny : float64", make=make_fit, Unit=unit)
    tables["Subject"].insert([{"subject": 1, "sex": "m"}, {"subject": 2}])
    tables["Session"].insert([{"subject": 1, "session": n, "duration": 60.0 * n} for n in (1, 2)])
    tables["Session"].Trial.insert(
        [{"subject": 1, "session": s, "trial": t, "rt": t / 10} for s in (1, 2) for t in range(1, 6)]
    )
    tables["Param"].insert1({"param": 1, "scale": 2.0})
    tables["Minutes"].populate()
    tables["Fit"].populate()
    tables["declare"] = declare
    return tables


SECOND = {"session": 2}


def told(rows):
    """What is told of rows and those that they come from, without who and when."""
    return (
        rows.name, rows.count, rows.link, rows.what, rows.changed,
        [rows.above] if rows.above else [told(source) for source in rows.sources],
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------- lineage


def test_a_computed_row_comes_from_what_its_make_read(lab):
    [fit] = (lab["Fit"] & SECOND).lineage()
    assert ({"subject": 1, "session": 2, "param": 1},) == fit.keys
    subject = ("Subject", 1, "referenced", (), None, [])
    session = ("Session", 1, "master", (), None, [subject])
    again = ("Session", 1, "read", ("duration",), False, [True])
    assert [
        ("Session.Trial", 5, "read", ("rt",), False, [session]),
        ("Param", 1, "read", ("scale",), False, []),
        ("Minutes", 1, "read", ("minutes",), False, [again]),
        ("Subject", 1, "read", ("number of rows",), False, []),
    ] == [told(source) for source in fit.sources]


def test_rows_name_who_made_them_with_which_code(lab, schema):
    [fit] = (lab["Fit"] & SECOND).lineage()
    [writer] = fit.writers
    event = (lab["Fit"] & SECOND).event().fetch1()
    assert (event["event"], "make", event["code"]) == (writer.event, writer.kind, writer.code)
    assert (event["finished"], event["host"]) == (writer.finished, writer.host)
    assert schema.environments.fetch1("python") == writer.python
    [trial] = [source for source in fit.sources if source.name == "Session.Trial"]
    assert ["insert"] == [one.kind for one in trial.writers]
    [unit] = (lab["Fit"].Unit & SECOND & {"unit": 1}).lineage()
    assert writer == unit.writers[0]  # a part is of the make of its master
    assert [("Fit", "master")] == [(source.name, source.link) for source in unit.sources]


def test_it_shows_as_a_tree(lab):
    text = str((lab["Fit"] & SECOND).lineage())
    lines = text.splitlines()
    assert "Fit  subject=1 session=2 param=1" == lines[0]
    assert lines[1].startswith("│ made 2")
    assert lines[2].startswith("│   code ")
    assert "├─ Session.Trial  5 rows: subject=1 session=2 trial=1, trial=2, trial=3 …  read: rt" in lines
    assert "│  └─ Session  subject=1 session=2  master" in lines
    assert "│  └─ Session  subject=1 session=2  read: duration  see above" in lines
    assert "└─ Subject  subject=1  read: number of rows" in lines
    html = (lab["Fit"] & SECOND).lineage()._repr_html_()
    assert "<b>Session.Trial</b>  5 rows" in html
    assert "no such rows" == str((lab["Fit"] & {"session": 7}).lineage())


def test_what_has_changed_since_is_marked(lab):
    lab["Session"].update1({"subject": 1, "session": 2, "duration": 500.0})
    lab["Session"].Trial.insert1({"subject": 1, "session": 2, "trial": 9, "rt": 1.0})
    [minutes] = (lab["Minutes"] & SECOND).lineage()
    assert [("Session", True)] == [(source.name, source.changed) for source in minutes.sources]
    [fit] = (lab["Fit"] & SECOND).lineage()
    changed = {source.name: source.changed for source in fit.sources}
    assert {"Session.Trial": True, "Param": False, "Minutes": False, "Subject": False} == changed
    assert (
        "Session.Trial  6 rows: subject=1 session=2 trial=1, trial=2, trial=3 …  read: rt  changed since"
        in str((lab["Fit"] & SECOND).lineage())
    )


def test_a_confirmed_row_tells_the_make_that_holds(lab, schema):
    def make(self, key):
        self.insert1({**key, "long": (lab["Session"] & key).fetch1("duration") > 90})

    long = lab["declare"](dj.Computed, "Long", "-> Session\n---\nlong : bool", make=make)
    long.populate()
    lab["Session"].update1({"subject": 1, "session": 2, "duration": 500.0})
    assert [True] == [source.changed for source in (long & SECOND).lineage().rows[0].sources]
    assert 1 == long.populate(stale=True)["success_count"]
    [row] = (long & SECOND).lineage()
    assert ("make", "confirm") == (row.writers[0].kind, row.confirmed.kind)
    assert (schema.events & {"kind": "confirm"}).fetch1("event") == row.confirmed.event
    assert [False] == [source.changed for source in row.sources]
    assert "confirmed 2" in str((long & SECOND).why())


def test_new_versions_of_the_same_values_are_no_change(lab):
    lab["Session"].update1({"subject": 1, "session": 2, "duration": 500.0})
    lab["Session"].update1({"subject": 1, "session": 2, "duration": 120.0})
    [minutes] = (lab["Minutes"] & SECOND).lineage()
    assert [False] == [source.changed for source in minutes.sources]
    assert PARTLY == (lab["Minutes"] & SECOND).why().rows[0].state


def test_what_was_made_from_rows(lab):
    found = (lab["Session"] & SECOND).lineage(downstream=True)
    below = {rows.name: rows for rows in found.downstream}
    assert {"Session.Trial": 5, "Minutes": 1} == {name: rows.count for name, rows in below.items()}
    [fit] = below["Minutes"].sources
    assert ("Fit", 1, ["Fit.Unit"]) == (fit.name, fit.count, [rows.name for rows in fit.sources])
    assert "used by\n" in str(found)


def test_depth_is_bounded(lab):
    [fit] = (lab["Fit"] & SECOND).lineage(depth=1)
    assert 4 == len(fit.sources)
    assert {True, False} == {source.cut for source in fit.sources}
    assert all(not source.sources for source in fit.sources)
    [fit] = (lab["Fit"] & SECOND).lineage(depth=0)
    assert (True, ()) == (fit.cut, fit.sources)
    with pytest.raises(DataJointError, match="depth must not be negative"):
        lab["Fit"].lineage(depth=-1)


def test_many_rows_are_refused(lab):
    assert 2 == len(lab["Fit"].lineage())
    lab["Subject"].insert([{"subject": n} for n in range(10, 40)])
    with pytest.raises(DataJointError, match="32 such rows; up to 20"):
        lab["Subject"].lineage()


def test_rows_of_other_programs_are_of_unknown_origin(lab, connect):
    table = lab["Subject"]()
    table.connection.query(f"INSERT INTO {table.full_table_name} (subject, sex) VALUES (77, 'm')")
    [rows] = (table & {"subject": 77}).lineage()
    assert ((), 1) == (rows.writers, rows.unknown)
    assert "origin unknown: another program wrote it" in str((table & {"subject": 77}).lineage())


def test_sql_of_the_users_own_is_told(lab):
    def make(self, key):
        self.connection.query("SELECT 1")
        self.insert1(key)

    blind = lab["declare"](dj.Computed, "Blind", "-> Subject", make=make)
    blind.populate()
    [row] = (blind & {"subject": 1}).lineage()
    assert ("SQL of its own, which is not taken down",) == row.notes
    assert [("Subject", "referenced")] == [(source.name, source.link) for source in row.sources]


def test_sums_over_rows_tell_how_many(lab):
    def make(self, key):
        m = (lab["Subject"] & key).aggr(lab["Session"].Trial, m="max(rt)").fetch1("m")
        self.insert1({**key, "m": m})

    best = lab["declare"](dj.Computed, "Best", "-> Subject\n---\nm=null : float64", make=make)
    best.populate({"subject": 1})
    [row] = (best & {"subject": 1}).lineage()
    counts = {source.name: (source.count, source.keys) for source in row.sources}
    assert 10 == counts["Session.Trial"][0]
    assert () == counts["Session.Trial"][1]


def test_without_events_the_references_are_told(connect, schema_name):
    schema = connect(provenance__events=False).Schema(schema_name())

    class Subject(dj.Manual):
        definition = "subject : int32"

    class Session(dj.Manual):
        definition = "-> Subject\nsession : int32"

    schema(Subject)
    schema(Session, context={"Subject": Subject})
    Subject.insert1({"subject": 1})
    Session.insert1({"subject": 1, "session": 1})
    [row] = Session.lineage()
    assert [("Subject", "referenced", 1)] == [(one.name, one.link, one.unknown) for one in row.sources]


def test_a_lineage_is_data_and_a_picture(lab):
    found = (lab["Fit"] & SECOND).lineage(downstream=True)
    data = json.loads(json.dumps(found.as_dict(), default=str))
    assert "Fit" == data["rows"][0]["name"]
    assert ["Session.Trial", "Param", "Minutes", "Subject"] == [
        one["name"] for one in data["rows"][0]["sources"]
    ]
    picture = picture_of(found)
    assert {"Fit", "Session.Trial", "Session", "Subject", "Param", "Minutes", "Fit.Unit"} == {
        node.label for node in picture.nodes
    }
    assert "Fit<br/>subject=1 session=2 param=1" in mermaid.render(picture)
    assert "<svg" in svg.render(picture)


# ----------------------------------------------------------------------------------------------------------- why


def causes(rows):
    return [(cause.reason.kind, cause.reason.table) for cause in rows.causes]


@pytest.mark.statement("PRV-7")
def test_a_fresh_row(lab):
    [row] = (lab["Fit"] & SECOND).why()
    assert (PARTLY, ()) == (row.state, row.above)
    [cause] = row.causes
    assert "not all of its code is known: the text of `Fit.make` is not available" == str(cause.reason)
    assert "What it was made from, and its code, are what they were." in str((lab["Fit"] & SECOND).why())
    assert "no such rows" == str((lab["Fit"] & {"session": 7}).why())


@pytest.mark.statement("PRV-7")
def test_an_input_that_changed_is_told_from_what_to_what_by_whom(lab):
    lab["Session"].update1({"subject": 1, "session": 2, "duration": 500.0, "note": "new"})
    [row] = (lab["Minutes"] & SECOND).why()
    assert [("input", "Session")] == causes(row)
    [line] = row.causes[0].lines
    assert line.startswith("subject=1 session=2: duration 120.0 → 500.0, updated 2")
    assert "note" not in line  # nobody has read that
    [row] = (lab["Minutes"] & {"session": 1}).why()
    assert PARTLY == row.state


@pytest.mark.statement("PRV-7")
def test_rows_that_came_and_went_are_told(lab):
    trial = lab["Session"].Trial
    (trial & SECOND & {"trial": 1}).delete(prompt=False, part_integrity="ignore")
    trial.insert1({"subject": 1, "session": 2, "trial": 9, "rt": 9.0})
    [row] = (lab["Fit"] & SECOND).why()
    [cause] = row.causes
    said = {line.partition(": ")[0]: line.partition(": ")[2].split()[0] for line in cause.lines}
    assert {"subject=1 session=2 trial=9": "inserted", "subject=1 session=2 trial=1": "deleted"} == said


@pytest.mark.statement("PRV-7")
def test_rows_further_up_are_told_with_their_reasons(lab):
    lab["Session"].update1({"subject": 1, "session": 2, "duration": 500.0})
    [row] = (lab["Fit"] & SECOND).why()
    assert ("stale", (PARTLY,)) == (row.state, tuple(cause.reason.state for cause in row.causes))
    [minutes] = row.above
    assert ("Minutes", "stale", {"subject": 1, "session": 2}) == (minutes.table, minutes.state, minutes.key)
    assert "duration 120.0 → 500.0" in minutes.causes[0].lines[0]
    text = str((lab["Fit"] & SECOND).why())
    assert "• It depends on a row that is stale:" in text
    assert "duration 120.0 → 500.0" in text


@pytest.mark.statement("PRV-7")
def test_many_changes_are_counted(lab):
    for n in range(10):
        lab["Session"].Trial.insert1({"subject": 1, "session": 2, "trial": 100 + n, "rt": 1.0})
    [row] = (lab["Fit"] & SECOND).why()
    assert 6 == len(row.causes[0].lines)
    assert row.causes[0].lines[-1].startswith("… and ")


@pytest.mark.statement("PRV-7")
def test_rows_of_unknown_origin_say_so(lab):
    lab["Fit"].insert1(
        {"subject": 1, "session": 1, "param": 1, "y": 0}, allow_direct_insert=True, replace=True
    )
    [row] = (lab["Fit"] & {"session": 1}).why()
    assert "unknown" == row.state
    assert "It was not made: replace." in str((lab["Fit"] & {"session": 1}).why())


@pytest.mark.statement("PRV-7")
def test_without_code_only_inputs_are_judged(lab, schema, connect):
    module = dj.VirtualModule("away", schema.database, connection=connect().connection)
    [row] = (module.Minutes & SECOND).why()
    assert ("fresh", False) == (row.state, row.has_code)
    assert "Its code is not known here" in str((module.Minutes & SECOND).why())
    assert [] == module.Minutes.stale().reasons()
    lab["Session"].update1({"subject": 1, "session": 2, "duration": 500.0})
    assert [(2, "stale")] == [(row.key["session"], row.state) for row in module.Minutes.stale().reasons()]


@pytest.mark.statement("PRV-7")
def test_why_is_data_and_of_few_rows(lab):
    lab["Session"].update1({"subject": 1, "session": 2, "duration": 500.0})
    found = (lab["Fit"]).why()
    data = json.loads(json.dumps([row.as_dict() for row in found], default=str))
    assert [PARTLY, "stale"] == [row["state"] for row in data]
    assert "Minutes" == data[1]["above"][0]["table"]
    lab["Session"].insert([{"subject": 2, "session": n, "duration": 1.0} for n in range(30)])
    lab["Minutes"].populate()
    with pytest.raises(DataJointError, match="32 such rows; up to 20"):
        lab["Minutes"].why()


def test_nothing_is_written_by_telling(lab, schema):
    before = len(schema.events)
    lab["Session"].update1({"subject": 1, "session": 2, "duration": 500.0})
    assert str(lab["Fit"].why())
    assert str(lab["Fit"].lineage(downstream=True))
    assert before + 1 == len(schema.events)


# --------------------------------------------------------------------------------- several references (N8)


@pytest.mark.parametrize("helper", [1, 2, None])
def test_each_of_two_references_to_one_table_is_told(schema, helper):
    @schema
    class Experimenter(dj.Manual):
        definition = "name_id : int32"

    @schema
    class Recording(dj.Manual):
        definition = """
        recording : int32
        ---
        -> Experimenter.proj(operator="name_id")
        -> [nullable] Experimenter.proj(helper="name_id")
        """

    Experimenter.insert([{"name_id": 1}, {"name_id": 2}])
    Recording.insert1({"recording": 1, "operator": 1, "helper": helper})

    told = (Recording & {"recording": 1}).lineage()
    [row] = told
    found = {rows.by: [key["name_id"] for key in rows.keys] for rows in row.sources}

    assert found == {("operator",): [1], ("helper",): [] if helper is None else [helper]}
    assert "referenced by operator" in str(told)
    assert f"Experimenter  {'none' if helper is None else f'name_id={helper}'}  referenced by helper" in str(
        told
    )


def test_a_second_reference_is_told_beside_what_was_read(schema):
    @schema
    class Person(dj.Manual):
        definition = "person : int32\n---\nage : int32"

    @schema
    class Pair(dj.Manual):
        definition = "-> Person\n-> Person.proj(other='person')"

    @schema
    class Difference(dj.Computed):
        definition = "-> Person\n-> Person.proj(other='person')\n---\nyears : int32"

        @property
        def key_source(self):
            return Pair()

        def make(self, key):
            one = (Person & {"person": key["person"]}).fetch1("age")
            self.insert1({**key, "years": one})

    Person.insert([{"person": 1, "age": 30}, {"person": 2, "age": 20}])
    Pair.insert1({"person": 1, "other": 2})
    Difference.populate()

    [row] = Difference().lineage()

    assert [(rows.link, rows.by, rows.keys) for rows in row.sources] == [
        ("read", (), ({"person": 1},)),
        ("referenced", ("person",), ({"person": 1},)),
        ("referenced", ("other",), ({"person": 2},)),
    ]
