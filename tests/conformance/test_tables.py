# ruff: noqa: PLW0108 - a member of a class must be looked up when it is called
"""Tiers, names, parts, contents, relatives, headings, hidden columns."""

import re

import pytest

import datajoint as dj
from datajoint.errors import (
    DataJointError,
    DataJointWarning,
    DeclarationError,
    DuplicateError,
    MissingTableError,
    TransactionError,
    UnknownAttributeError,
)

TIERS = {
    "Manual": ("Subject", "subject"), "Lookup": ("ScanKind", "#scan_kind"),
    "Imported": ("RawScan", "_raw_scan"), "Computed": ("CEFRLevel2A", "__c_e_f_r_level2_a"),
}  # fmt: skip


@pytest.fixture
def pipeline(declare):
    """A manual table with parts, a lookup, an imported and a computed table of them."""
    kind = declare("Kind", "kind : varchar(8)\n---\nn=0 : int16", dj.Lookup, contents=[("a", 1), ("b", 2)])
    session = declare(
        "Session", "# visits\nsession : int32\n---\n-> Kind\nnote='' : varchar(20) # free",
        Trial=declare.part("Trial", "-> master\ntrial : int16\n---\nx=null : float64"),
        Lick=declare.part("Lick", "-> Session.Trial\nlick : int16"),
    )  # fmt: skip
    scan = declare("Scan", "-> Session", dj.Imported, make=lambda self, key: self.insert1(key))
    fit = declare(
        "Fit", "-> Scan\n-> Kind.proj(method='kind')\n---\nscore : float64", dj.Computed,
        make=lambda self, key: (self.insert1({**key, "score": 1}), self.Cell.insert1({**key, "cell": 1})),
        Cell=declare.part("Cell", "-> master\ncell : int16"),
    )  # fmt: skip
    return kind, session, scan, fit


@pytest.mark.statement("TAB-1", "TAB-2", "TAB-3", "TAB-13")
def test_tiers_and_names(declare, schema, inventory):
    declare("Parent", "parent : int32")
    for tier, (name, table_name) in TIERS.items():
        cls = declare(
            name, "-> Parent", getattr(dj, tier), Piece2=declare.part("Piece2", "-> master\npiece : int16")
        )
        assert table_name == cls.table_name == cls().table_name
        assert f"{table_name}__piece2" == cls.Piece2.table_name
        assert [name, f"{name}.Piece2"] == [cls.class_name, cls.Piece2.class_name]
        assert schema.database == cls.database == cls().database
        assert "-> Parent" == cls.definition == cls().definition
        assert schema.connection is cls.connection is cls().connection
        quoted = cls.full_table_name
        assert quoted == cls().full_table_name
        assert 0 == schema.connection.query(f"SELECT count(*) FROM {quoted}").fetchone()[0]
    there = {name for name in inventory() if "idx" not in name}
    for _, table_name in TIERS.values():
        assert {table_name, f"{table_name}__piece2"} <= {
            name.removeprefix(f"{schema.database}.") for name in there
        }
    assert [dj.Manual, dj.Imported, dj.Computed] == [dj.Entry, dj.Ingest, dj.Compute]
    with pytest.warns(DataJointWarning, match=r"`Session_2_B`.*underscores") as caught:
        session = declare("Session_2_B", "a : int32")
    assert __file__ == caught[0].filename or "plugins" in caught[0].filename
    assert "session2_b" == session.table_name
    module = schema.connection and dj.VirtualModule("m", schema.database, connection=schema.connection)
    assert {"CEFRLevel2A", "Session2B", "ScanKind"} <= set(vars(module))
    assert ["a", "parent"] == sorted([*declare("Other", "-> Session_2_B\n-> Parent").primary_key])
    for name in ("lower", "2nd", "Ünï"):
        with pytest.raises(DataJointError, match="CamelCase") as error:
            declare(name, "a : int32")
        assert name in str(error.value)


@pytest.mark.statement("TAB-4")
def test_long_names_are_refused_before_anything_is_made(declare, inventory, backend):
    before = inventory()
    too_long = "A" + "b" * 69
    with pytest.raises(DeclarationError, match=too_long.lower()) as caught:
        declare(too_long, "a : int32")
    assert "55 characters are safe everywhere" in str(caught.value)
    declare("Parent", "parent : int32")
    if backend.name == "mysql":  # which names constraints after the table
        with pytest.raises(DeclarationError, match=r"constraint `a.*_ibfk_1`"):
            declare("A" + "b" * 58, "-> Parent")
    if backend.name == "postgresql":
        with pytest.raises(DeclarationError, match=r"job queue `~~a"):
            declare("A" + "b" * 61, "a : int32")
    with pytest.raises(DeclarationError, match=r"b{70}"):
        declare("Thing", f"a : int32\n---\n{'b' * 70} : int32")
    assert [name for name in inventory() if "parent" not in name and "~" not in name] == [
        n for n in before if "~" not in n
    ]
    long = "S" + "b" * 54
    table = declare(
        long, f"{'c' * 55} : int32\n---\n{'d' * 55} : int32\nindex ({'d' * 55})\n-> [nullable] Parent"
    )
    table.insert1({"c" * 55: 1, "d" * 55: 2})
    assert 1 == len(table)
    table.delete(prompt=False)
    assert 0 == len(table)


@pytest.mark.statement("TAB-5", "TAB-16")
def test_a_class_is_used_like_an_instance(pipeline):
    _, session, scan, _ = pipeline
    assert [0, False] == [len(session), bool(session)]
    session.insert1({"session": 1, "kind": "a"})
    session.insert([{"session": 2, "kind": "b"}])
    scan.populate()

    assert [2, 2, True, True] == [len(session), len(session()), bool(session), bool(session())]
    assert {"session": 1} in session
    assert {"session": 9} not in session
    assert [1, 2] == sorted(row["session"] for row in session)
    for used in (session, session()):
        assert 1 == len(used & "session = 1") == len(used - "session = 1")
        assert ["session"] == used.proj().heading.names
        assert 2 == len(used * scan)
        assert ["session", "kind", "note"] == used.heading.names
        assert {"session": 2, "kind": "b", "note": ""} == (used & {"session": 2}).fetch1()
        assert 2 == len(used.to_dicts())
        assert (0, 2) == scan.progress()
    assert (session & "session = 1").is_restricted
    assert not session().is_restricted


@pytest.mark.statement("TAB-16", "SCH-3")
def test_a_class_without_schema_says_how_to_attach_it(connect):
    class Loose(dj.Manual):
        definition = "a : int32"

    class Fit(dj.Computed):
        definition = "-> Loose"

        def make(self, key):
            return key

    deferred = connect().Schema()
    deferred(Loose)
    for use in (
        lambda: len(Loose()), lambda: Loose & 1, lambda: Loose.insert1({"a": 1}),
        lambda: Loose().insert1({"a": 1}), lambda: Loose.heading, lambda: Loose.describe(), lambda: Loose.proj(),
        lambda: Loose.to_dicts(), lambda: Fit.populate(), lambda: list(Loose()),
        lambda: Loose.full_table_name, lambda: Loose.delete(),
    ):  # fmt: skip
        with pytest.raises(DataJointError, match=r"is not attached to a schema") as caught:
            use()
        assert "@schema" in str(caught.value)
        assert "activate" in str(caught.value)
    assert "a : int32" == Loose.definition
    assert "make" in Fit.make.__qualname__
    for use in (deferred.list_tables, deferred.drop, lambda: deferred.database, lambda: deferred["Loose"]):
        with pytest.raises(DataJointError, match="activate"):
            use()


@pytest.mark.statement("TAB-6", "TAB-7")
def test_contents_of_a_lookup(declare, connect, schema, caplog):
    text = "kind : varchar(8)\n---\nn=5 : int16\nx=null : float64"
    first = declare("Kind", text, dj.Lookup, contents=[("a", 1, 0.5), {"kind": "b"}, {"kind": "c", "n": 3}])
    assert [("a", 1, 0.5), ("b", 5, None), ("c", 3, None)] == [
        tuple(row.values()) for row in first.to_dicts(order_by="kind")
    ]
    (first & {"kind": "c"}).delete(prompt=False)
    there = declare.on(connect().Schema(schema.database))
    again = there(
        "Kind", text, dj.Lookup, contents=(row for row in [("a", 1, 0.5), ("c", 4, None), ("d", 6, None)])
    )
    assert [("a", 1), ("b", 5), ("c", 4), ("d", 6)] == [
        (row["kind"], row["n"]) for row in again.to_dicts(order_by="kind")
    ]
    with pytest.warns(DataJointWarning, match=r"`Kind`.*a") as caught:
        again = there("Kind", text, dj.Lookup, contents=[("a", 7, 0.5), ("b", 5, None)])
    assert 1 == len(caught)
    assert 1 == (again & {"kind": "a"}).fetch1("n")

    class Prop(dj.Lookup):
        definition = "p : int16"

        @property
        def contents(self):
            return ([n] for n in range(3))

    assert [0, 1, 2] == sorted(schema(Prop).to_arrays("p"))
    with pytest.raises(DataJointError, match=r"3 values for 2 attributes"):
        declare("Wrong", "a : int16\n---\nb : int16", dj.Lookup, contents=[(1, 2, 3)])
    one = declare("Single", "s : varchar(9)", dj.Lookup, contents=["word", "other"])
    assert ["other", "word"] == sorted(one.to_arrays("s"))
    with pytest.raises(DataJointError):
        declare("Bad", "a : int8", dj.Lookup, contents=[(1,), (300,)])


@pytest.mark.statement("TAB-8", "TAB-9", "TAB-10", "DEF-19")
def test_parts(pipeline, declare, schema, inventory):
    _, session, _, _ = pipeline
    assert ["session", "trial"] == session.Trial.primary_key
    assert ["session", "trial", "lick"] == session.Lick.primary_key
    assert session.Trial.master is session
    assert session().Trial is session.Trial
    assert sorted([session.Trial.full_table_name, session.Lick.full_table_name]) == sorted(session.parts())
    assert ["Session.Lick", "Session.Trial"] == sorted(
        part.class_name for part in session().parts(as_objects=True)
    )
    assert ["session", "trial", "other"] == declare("Other", "-> Session.Trial\nother : int16").primary_key
    before = inventory()
    with pytest.raises(DataJointError, match="Part"):
        schema(declare.part("Alone", "a : int32"))
    wrong = {
        "must reference its master": declare.part("Piece", "a : int32"),
        "`Nope`": declare.part("Piece", "-> master\n-> Nope"),
        "line 2": declare.part("Piece", "-> master\nno attribute"),
        "part class of its own": declare.part(
            "Piece", "-> master", Inner=declare.part("Inner", "-> master\ni : int8")
        ),
        "Piece": declare.part("Piece", None),
    }
    for words, part in wrong.items():
        with pytest.raises(DataJointError, match=re.escape(words)):
            declare("Wrong", "w : int32", Piece=part)
        assert before == inventory(), words


@pytest.mark.statement("TAB-11")
def test_relatives(pipeline, declare):
    kind, session, _, fit = pipeline
    full = {cls.class_name: cls.full_table_name for cls in (*pipeline, session.Trial, session.Lick, fit.Cell)}

    assert [full["Kind"]] == session.parents() == session().parents(primary=False)
    assert [] == session.parents(primary=True)
    assert [full["Scan"], full["Kind"]] == fit.parents()
    assert ["Scan", "Kind"] == [parent.class_name for parent in fit.parents(as_objects=True)]
    assert {full["Session"], full["Fit"]} == set(kind.children())
    assert {full["Fit"]} == set(kind.children(primary=True))
    name, info = next(pair for pair in fit.parents(foreign_key_info=True) if pair[0] == full["Kind"])
    assert ({"method": "kind"}, True, True) == (info["attr_map"], info["aliased"], info["primary"])
    assert full["Kind"] == name
    down = session.descendants()
    assert [full["Session"], set(full.values()) - {full["Kind"]}] == [down[0], set(down)]
    for parent, child in (
        ("Session", "Session.Trial"),
        ("Session.Trial", "Session.Lick"),
        ("Scan", "Fit"),
        ("Fit", "Fit.Cell"),
    ):
        assert down.index(full[parent]) < down.index(full[child])
    up = fit.Cell.ancestors()
    assert [full["Fit.Cell"], {full[n] for n in ("Fit.Cell", "Fit", "Scan", "Session", "Kind")}] == [
        up[0],
        set(up),
    ]
    assert up.index(full["Scan"]) < up.index(full["Session"])
    assert 2 == len(next(t for t in session.ancestors(as_objects=True) if t.class_name == "Kind"))


@pytest.mark.statement("TAB-12", "DEF-2")
def test_heading(declare):
    declare("Sex", "sex : enum('M', 'F')")
    table = declare("Thing", """
    # things of all kinds
    thing : int32 # number
    -> Sex
    ---
    name='x' : varchar(20) # "name"
    u=null : uuid
    j=null : json
    b=null : bytes
    t=null : <blob> # trace
    f=2.5 : float32
    """)  # fmt: skip
    for heading in (table.heading, table().heading):
        assert ["thing", "sex", "name", "u", "j", "b", "t", "f"] == heading.names == list(heading.attributes)
        assert [["thing", "sex"], ["name", "u", "j", "b", "t", "f"]] == [
            heading.primary_key,
            heading.secondary_attributes,
        ]
        assert [["b", "t"], ["thing", "sex", "name", "u", "j", "f"]] == [heading.blobs, heading.non_blobs]
        a = heading.attributes
        assert ["int32", "enum('M', 'F')", "uuid", "json", "<blob>"] == [
            a[n].type for n in ("thing", "sex", "u", "j", "t")
        ]
        assert [True, True, False] == [a[n].in_key for n in ("thing", "sex", "name")]
        assert [False, True] == [a[n].nullable for n in ("name", "u")]
        assert ['"x"', "2.5"] == [str(a[n].default.text) for n in ("name", "f")]
        assert ["number", '"name"', "trace", ""] == [a[n].comment for n in ("thing", "name", "t", "j")]
        assert [False, True, False] == [a[n].uuid for n in ("thing", "u", "j")]
        assert [True, False] == [a[n].json for n in ("j", "b")]
        assert [None, "blob"] == [a[n].codec for n in ("b", "t")]
        assert [None, None] == [a[n].store for n in ("b", "t")]
        assert not a["thing"].autoincrement
        assert [f"{table.database}.thing.thing", None] == [a[n].lineage for n in ("thing", "name")]
        assert "things of all kinds" == heading.comment
        assert "_event" not in repr(heading)
        with pytest.raises(UnknownAttributeError, match=r"`nam`.*\n.*`name`"):
            heading["nam"]


@pytest.mark.statement("TAB-14", "TAB-13")
def test_any_table_without_a_class(pipeline, instance, connect):
    _, session, _, _ = pipeline
    free = dj.FreeTable(instance.connection, f"{session.database}.session")
    quoted = connect().FreeTable(session.full_table_name)
    free.insert1({"session": 1, "kind": "a"})
    free.insert([{"session": 2, "kind": "b"}], skip_duplicates=True)

    assert [2, 2] == [len(free), len(quoted)]
    assert session.heading.names == free.heading.names == quoted.heading.names
    assert 1 == (quoted & "session = 1").delete(prompt=False)
    assert [2] == list(session.to_arrays("session"))
    assert session.full_table_name == free.full_table_name
    lookup = instance.FreeTable(f"{session.database}.#kind")
    assert 2 == len(lookup)
    for name in ("nothing", "", "a."):
        with pytest.raises(DataJointError, match="full name"):
            instance.FreeTable(name)
    with pytest.raises(MissingTableError, match=r"sesion.*does not exist"):
        len(instance.FreeTable(f"{session.database}.sesion"))


@pytest.mark.statement("TAB-15", "ERR-6")
def test_no_declaration_inside_a_transaction(declare, schema, inventory):
    parent = declare("Parent", "parent : int32")
    before = inventory()
    with schema.connection.transaction:
        parent.insert1({"parent": 1})
        with pytest.raises(TransactionError, match="`Late`") as caught:
            declare("Late", "a : int32")
        assert "transaction" in str(caught.value)
        declare("Parent", "parent : int32")  # nothing to be made
        parent.insert1({"parent": 2})
    refused = []

    def make(self, key):
        try:
            declare("Later", "a : int32")
        except DataJointError as error:
            refused.append(str(error))
        self.insert1(key)

    declare("Fit", "-> Parent", dj.Computed, make=make).populate()
    assert 2 == len(refused)
    assert 2 == len(parent)
    assert [] == [name for name in inventory() if "late" in name]
    assert set(before) < set(inventory())


@pytest.mark.statement("TAB-17")
def test_documentation_shows_the_definition(declare):
    table = declare(
        "Thing", "thing : int32  # number\n---\nname : varchar(9)", __doc__="Things of all kinds."
    )
    bare = declare("Bare", "bare : int32")

    assert table.__doc__.startswith("Things of all kinds.")
    assert "thing : int32  # number" in table.__doc__
    assert "bare : int32" in bare.__doc__
    assert ["thing", "name"] == table.heading._ipython_key_completions_()


@pytest.mark.statement("TAB-18", "ERR-3")
def test_own_keys_of_computed_tables(declare, connect, schema, inventory):
    declare("Parent", "parent : int32")
    text = "-> Parent\nown : int16\n---\nx=0 : float64"
    setting, before, name = "jobs.allow_new_pk_fields_in_computed_tables", inventory(), schema.database
    refusing = declare.on(connect(jobs__allow_new_pk_fields_in_computed_tables=False).Schema(name))
    refusing.known.update(Parent=refusing("Parent", "parent : int32"))
    for tier in (dj.Computed, dj.Imported):
        with pytest.raises(DeclarationError, match="`own`") as caught:
            refusing("Fit", text, tier)
        assert setting in str(caught.value)
    assert before == inventory()
    with pytest.warns(
        dj.errors.DataJointWarning, match=r"`Fit` has `own`.*once for each key.*`parent`"
    ) as told:
        assert ["parent", "own"] == declare("Fit", text, dj.Computed).primary_key
    assert 1 == len(told)
    assert setting in str(told[0].message)
    assert ["parent", "own"] == declare("Fit", text, dj.Computed).primary_key  # said when it was made
    with pytest.raises(DeclarationError, match="`own`"):
        refusing("Fit", text, dj.Computed)
    allowing = declare.on(connect(jobs__allow_new_pk_fields_in_computed_tables=True).Schema(name))
    allowing("Parent", "parent : int32")
    assert ["parent", "own"] == allowing("Load", text, dj.Imported).primary_key
    with pytest.warns(dj.errors.DataJointWarning, match=r"`Free` has `own`") as told:
        declare("Free", "own : int32", dj.Computed)
    assert 1 == len(told)
    declare("Manual", "-> Parent\nown : int16")
    declare("Whole", "-> Parent", dj.Computed, Bit=declare.part("Bit", "-> master\nown : int16"))


@pytest.mark.statement("TAB-19", "UPD-7")
def test_computed_tables_are_written_by_their_make(pipeline):
    _, session, scan, fit = pipeline
    session.insert1({"session": 1, "kind": "a"})
    for table, row in ((scan, {"session": 1}), (fit.Cell, {"session": 1, "method": "a", "cell": 1})):
        with pytest.raises(DataJointError, match="allow_direct_insert") as caught:
            table.insert1(row)
        assert f"`{table.class_name}`" in str(caught.value)
        with pytest.raises(DataJointError, match="allow_direct_insert"):
            table.insert([row], skip_duplicates=True)
    assert 0 == len(scan)
    scan.insert1({"session": 1}, allow_direct_insert=True)
    assert {"success_count": 2, "error_list": []} == fit.populate()
    assert [2, 2] == [len(fit), len(fit.Cell)]
    with pytest.raises(DataJointError, match="allow_direct_update"):
        fit.update1({"session": 1, "method": "a", "score": 3})
    assert [1.0, 1.0] == list(fit.to_arrays("score"))
    fit.update1({"session": 1, "method": "a", "score": 3}, allow_direct_update=True)
    with pytest.raises(DuplicateError):
        scan.insert1({"session": 1}, allow_direct_insert=True)
    assert 3.0 == (fit & {"method": "a"}).fetch1("score")


@pytest.mark.statement("TAB-20", "DEF-8")
def test_hidden_columns_stay_hidden(pipeline):
    _, session, scan, _ = pipeline
    session.insert([{"session": 1, "kind": "a"}, {"session": 2, "kind": "b"}])
    scan.populate()
    hidden = "_event"
    shown = [
        repr(session.heading),
        session.describe(),
        repr(session()),
        session()._repr_html_(),
        str(session.to_dicts()),
    ]
    assert not [text for text in shown if hidden in text]
    for expression in (
        session,
        session.proj(...),
        session * scan,
        session & "session > 0",
        dj.U("kind") & session,
    ):
        assert hidden not in expression.heading
        assert hidden not in expression.heading.names
    assert all(hidden not in row for row in session)
    assert hidden not in session.to_pandas().columns
    assert 1 == len(session & {"session": 1, hidden: -1})  # no attribute of this name
    assert 2 == len(session & f"{hidden} is not null")
    assert 0 == len(session & f"{hidden} < 0")
    assert [2] == [row["session"] for row in (session & dj.Top(1, f"{hidden} desc, session desc")).to_dicts()]
    for refused in (
        lambda: session.proj(hidden), lambda: session.proj(x=hidden), lambda: session.to_arrays(hidden),
        lambda: session.insert1({"session": 3, "kind": "a", hidden: 1}),
        lambda: session.update1({"session": 1, hidden: 1}), lambda: dj.U(hidden) & session, lambda: len((session * scan) & f"{hidden} is null"),
    ):  # fmt: skip
        with pytest.raises(DataJointError, match=hidden):
            refused()
    session.insert1({"session": 3, "kind": "a", hidden: 1}, ignore_extra_fields=True)
    assert 0 == len(session & f"{hidden} = 1")
    assert 3 == len(session & f"{hidden} > 1")


HIDDEN = {
    "sqlite": ("REAL", "TEXT"),
    "postgresql": ("real", "varchar(64)"),
    "mysql": ("float", "varchar(64)"),
}


@pytest.mark.statement("TAB-20", "JOB-18")
def test_hidden_columns_are_attributes_with_metadata(pipeline, declare, backend, schema, connect):
    _, session, scan, _ = pipeline
    session.insert([{"session": 1, "kind": "a"}, {"session": 2, "kind": "b"}])
    whole = session.with_metadata()
    assert [*session.heading.names, "event"] == whole.heading.names
    assert session.primary_key == whole.primary_key
    events = whole.to_arrays("event")
    assert 1 == len(set(events))
    assert events[0] > 1
    assert 2 == len(whole & {"event": int(events[0])})
    assert 0 == len(whole & f"event <> {events[0]}")
    assert [{"session": 2, "event": events[0]}] == (session & "session > 1").with_metadata().proj(
        "event"
    ).to_dicts()
    assert [{"event": events[0], "n": 2}] == dj.U("event").aggr(whole, n="count(session)").to_dicts()
    written = dj.FreeTable(schema.connection, f"{schema.database}.~events")
    assert "insert" == (written & {"event": int(events[0])}).fetch1("kind")
    assert 2 == len(whole.proj("event") * session)
    assert 0 == len(whole * scan.with_metadata())  # rows of one event: these are of several
    one = declare("One", "---\nvalue : int16")
    one.insert1({"value": 3})
    assert ["value", "event"] == one.with_metadata().heading.names
    named = declare("Named", "event : int16")
    named.insert1({"event": 7})
    assert ["event", "_event"] == named.with_metadata().heading.names
    assert 7 == named.with_metadata().fetch1("event")
    duration, version = HIDDEN[backend.name]
    for column, kind in (("_job_duration", duration), ("_job_version", version)):
        schema.connection.query(f"ALTER TABLE {named.full_table_name} ADD COLUMN {column} {kind}")
    schema.connection.query(f"UPDATE {named.full_table_name} SET _job_duration = 1.5, _job_version = 'abc'")
    there = connect().FreeTable(str(named.name))
    assert {"event", "_event", "job_duration", "job_version"} == set(there.with_metadata().heading.names)
    assert (1.5, "abc") == (there.with_metadata() & "job_duration > 1").fetch1("job_duration", "job_version")
    assert ["event"] == there.heading.names
