"""Schemas: made, attached, listed, dropped; classes made from what a database holds."""

import os
import subprocess
import sys
import textwrap
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, DeclarationError, IntegrityError, MissingTableError
from datajoint.schemas.schema import list_schemas
from datajoint.table import prompt
from plugins.declaring import Declaring


@pytest.fixture
def pipeline(declare):
    """A lookup, a manual table with parts, a computed table with a part."""
    kind = declare("Kind", "kind : varchar(8)\n---\nn=0 : int16", dj.Lookup, contents=[("a", 1), ("b", 2)])
    session = declare(
        "Session", "# visits\nsession : int32\n---\n-> Kind",
        Trial=declare.part("Trial", "-> master\ntrial : int16\n---\nx=null : float64"),
    )  # fmt: skip
    fit = declare(
        "Fit", "-> Session\n---\nscore : float64", dj.Computed,
        make=lambda self, key: (self.insert1({**key, "score": 1}), self.Cell.insert1({**key, "cell": 1})),
        Cell=declare.part("Cell", "-> master\ncell : int16"),
    )  # fmt: skip
    return kind, session, fit


@pytest.mark.statement("SCH-1", "SCH-2", "SCH-3", "SCH-4")
def test_activation_now_and_later(connect, schema_name, inventory):
    instance, name = connect(), schema_name()
    deferred = dj.Schema()
    assert not deferred.is_activated()
    assert "not activated" in repr(deferred)

    @deferred
    class Parent(dj.Manual):
        definition = "a : int32"

    @deferred
    class Child(dj.Manual):
        definition = "-> Parent\n-> Helper\nb : int32"

        class Piece(dj.Part):
            definition = "-> master\npiece : int8"

    helper = types.SimpleNamespace(definition="h : int32")
    Helper = type(dj.Manual)("Helper", (dj.Manual,), vars(helper))  # noqa: N806
    with pytest.raises(DataJointError, match="schema_name"):
        deferred.activate()
    with pytest.raises(DataJointError, match=r"has not yet been declared.*\n.*create_schema"):
        deferred.activate(name, connection=instance.connection, create_schema=False)
    assert name not in instance.list_schemas()
    assert not deferred.is_activated()
    instance.Schema(name)(Helper)
    deferred.activate(name, connection=instance.connection, add_objects={"Helper": Helper})

    assert deferred.is_activated()
    assert deferred.exists
    assert name in instance.list_schemas()
    assert name == deferred.database
    assert name in repr(deferred)
    assert ["a", "h", "b"] == Child.primary_key
    assert ["a", "h", "b", "piece"] == Child.Piece.primary_key
    assert {"parent", "child", "child__piece", "helper"} == set(deferred.list_tables())
    deferred.activate(name)
    deferred.activate()
    with pytest.raises(DataJointError, match=rf"already activated.*{name}"):
        deferred.activate(name + "_other")
    assert [deferred.connection.schemas[name].database] == [name]
    assert Parent.connection is instance.connection


@pytest.mark.statement("SCH-1", "DEF-1", "DEF-27")
def test_two_processes_declare_the_same_at_once(connect, schema_name):
    name, barrier = schema_name(), threading.Barrier(3)

    def declare(_):
        instance = connect()
        _ = instance.connection
        barrier.wait(300)
        there = Declaring(instance.Schema(name))
        there("Parent", "parent : enum('a', 'b')\n---\nx=0 : int32\nindex (x)")
        return there(
            "Child", "-> Parent\nchild : int32", Piece=there.part("Piece", "-> master\npiece : int8")
        )

    with ThreadPoolExecutor(3) as pool:
        children = list(pool.map(declare, range(3)))
    for n, child in enumerate(children):
        child.parents(as_objects=True)[0].insert1({"parent": "a"}, skip_duplicates=True)
        child.insert1({"parent": "a", "child": n})
    assert [3, 3, 3] == [len(child) for child in children]
    assert {"parent", "child", "child__piece"} == set(connect().Schema(name).list_tables())
    assert 5 == len(connect().Schema(name).lineage) - 1


@pytest.mark.statement("SCH-4", "ACC-1")
def test_nothing_is_created_where_it_is_forbidden(declare, connect, schema, schema_name, inventory):
    declare("There", "a : int32")
    before = inventory()
    for other in (
        connect().Schema(schema.database, create_tables=False),
        connect(database__create_tables=False).Schema(schema.database),
    ):
        passive = declare.on(other)
        there = passive("There", "a : int32")
        missing = passive("Missing", "b : int32", dj.Lookup, contents=[[1]])
        assert 0 == len(there)
        assert not missing.is_declared
        with pytest.raises(MissingTableError, match="missing"):
            len(missing)
        with pytest.raises(MissingTableError):
            missing.insert1({"b": 1})
    assert before == inventory()
    with pytest.raises(DataJointError, match="has not yet been declared"):
        connect().Schema(schema_name("none"), create_schema=False)
    empty = connect(database__create_tables=False).Schema(schema_name("empty"))
    assert [] == empty.list_tables()
    assert [] == inventory(empty.database)


@pytest.mark.statement("SCH-6", "SCH-10", "TAB-14")
def test_what_a_schema_holds(pipeline, schema, connect, schema_name):
    _, session, _ = pipeline
    session.insert1({"session": 1, "kind": "a"})
    for found in (schema, connect().Schema(schema.database, create_schema=False)):
        names = found.list_tables()
        assert {"#kind", "session", "session__trial", "__fit", "__fit__cell"} == set(names)
        for parent, child in (
            ("#kind", "session"),
            ("session", "session__trial"),
            ("session", "__fit"),
            ("__fit", "__fit__cell"),
        ):
            assert names.index(parent) < names.index(child)
        assert names == [table.table_name for table in found]
        assert all(isinstance(table, dj.FreeTable) for table in found)
        for name in ("Session", "session", "Kind", "#kind", "Fit.Cell", "__fit__cell"):
            assert name in found
            assert found[name].full_table_name == found.get_table(name).full_table_name
        assert 1 == len(found["Session"])
        assert "Sesion" not in found
        assert 3 not in found
        with pytest.raises(MissingTableError, match=r"`Sesion`\.\n.*`Session`"):
            found["Sesion"]
        assert [] == found.jobs
    assert schema.database in list_schemas(schema.connection)
    assert schema_name("never") not in list_schemas(schema.connection)
    assert not {"information_schema", "mysql", "pg_catalog", "performance_schema", "sys"} & set(
        connect().list_schemas()
    )


@pytest.mark.statement("SCH-5", "DEL-2", "DEL-9", "ERR-6")
def test_dropping_a_schema(pipeline, declare, schema, instance, schema_name, inventory, connect, monkeypatch):
    _, session, _ = pipeline
    session.insert1({"session": 1, "kind": "a"})
    there = declare.on(instance.Schema(schema_name("other")))
    scan = there("Scan", "-> Session\nscan : int16")
    before = inventory()
    lonely = connect().Schema(schema.database)  # which has not looked at the other schema
    for dropped in (schema, lonely):
        with pytest.raises(DataJointError, match=scan.database) as caught:
            dropped.drop(prompt=False)
        assert "scan" in str(caught.value)
        assert before == inventory()
    with pytest.raises(IntegrityError):
        scan.insert1({"session": 2, "scan": 1})
    scan.drop(prompt=False)
    with pytest.raises(DataJointError, match="prompt=False"):
        lonely.drop(prompt=True)
    monkeypatch.setattr(prompt, "_answers", lambda: True)
    asked = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "no")
    lonely.drop(prompt=True)
    assert schema.database in asked[0]
    assert before == inventory()
    monkeypatch.setattr("builtins.input", lambda text: "yes")
    lonely.drop(prompt=True)

    assert not lonely.exists
    assert schema.database not in connect().list_schemas()
    assert [] == inventory()
    lonely.drop(prompt=False)  # nothing is there any more
    again = connect().Schema(schema.database)
    assert [] == again.list_tables()
    assert ["a"] == declare.on(again)("Session", "a : int32").primary_key


@pytest.mark.statement("SCH-5", "DEL-9")
def test_dropping_a_schema_without_any_table(connect, schema_name):
    bare = connect().Schema(schema_name("bare"), create_tables=False)
    assert bare.exists
    bare.drop(prompt=False)
    assert not bare.exists


@pytest.mark.statement("SCH-7", "SCH-9", "TAB-3", "TAB-10", "ACC-2")
def test_classes_from_a_live_database(pipeline, declare, instance, schema_name, connect):
    _, session, _ = pipeline
    other = declare.on(instance.Schema(schema_name("other")))
    other("Scan", "-> Session\nscan : int16\n---\n-> [nullable] Session.Trial.proj(s='session')")
    there = connect()
    lab = there.virtual_schema(session.database)
    rig = dj.VirtualModule(
        "rig", other.schema.database, connection=there.connection, add_objects={"extra": 5}
    )

    assert ("rig", 5) == (rig.__name__, rig.extra)
    assert session.database == lab.schema.database
    for name, tier in {"Kind": dj.Lookup, "Session": dj.Manual, "Fit": dj.Computed}.items():
        assert issubclass(getattr(lab, name), tier)
    assert issubclass(lab.Session.Trial, dj.Part)
    assert lab.Session.Trial.master is lab.Session
    assert lab.Session is not session
    assert session.describe() == lab.Session.describe() == lab.Session.definition
    assert session.heading.names == lab.Session.heading.names
    with pytest.raises(AttributeError, match="Nothing"):
        _ = lab.Nothing
    lab.Session.insert([{"session": 1, "kind": "a"}, {"session": 2, "kind": "b"}])
    lab.Session.Trial.insert1({"session": 1, "trial": 1, "x": 0.5})
    rig.Scan.insert1({"session": 1, "scan": 1, "s": 1, "trial": 1})
    with pytest.raises(IntegrityError):
        rig.Scan.insert1({"session": 9, "scan": 1})
    with pytest.raises(DataJointError, match="allow_direct_insert"):
        lab.Fit.insert1({"session": 1, "score": 2})
    assert [2, 1, 2] == [len(lab.Session), len(rig.Scan & lab.Session), len(lab.Kind & lab.Session)]
    assert [{"session": 1, "trial": 1, "x": 0.5, "kind": "a"}] == (lab.Session.Trial * lab.Session).to_dicts()
    assert lab.Session.full_table_name in rig.Scan.parents()
    assert f"-> {session.database}.Session" in rig.Scan.describe()
    assert 1 == (lab.Session & {"session": 1}).delete(prompt=False)
    assert [1, 0, 0] == [len(session), len(session.Trial), len(rig.Scan)]
    with pytest.raises(DataJointError, match="has not yet been declared"):
        there.virtual_schema(schema_name("missing"))
    new = declare.on(there.Schema(schema_name("new")))
    derived = new(
        "Derived",
        "-> lab.Session.Trial\n-> rig.Scan.proj(o='session')\nd : int8",
        scope={"lab": lab, "rig": rig},
    )
    assert ["session", "trial", "o", "scan", "d"] == derived.primary_key
    assert f"{session.database}.session.session" == derived.heading["o"].lineage


@pytest.mark.statement("SCH-8", "SCH-9")
def test_classes_put_into_a_namespace(pipeline, connect):
    _, session, _ = pipeline

    class Fit(dj.Computed):
        definition = "-> Session\n---\nscore : float64"

        def make(self, key):
            self.insert1({**key, "score": 2})

    there = connect().Schema(session.database)
    namespace = {"__name__": "somewhere", "Fit": Fit}
    there.make_classes(into=namespace)
    assert {"Kind", "Session", "Fit"} <= set(namespace)
    assert namespace["Fit"] is Fit
    assert issubclass(Fit.Cell, dj.Part)
    assert "somewhere" == namespace["Session"].__module__
    there(Fit, context=namespace)
    namespace["Session"].insert1({"session": 1, "kind": "a"})
    Fit.populate()
    assert [1, 0] == [len(Fit), len(Fit.Cell)]
    scope = {"schema": there}
    exec("schema.spawn_missing_classes()", scope)
    assert issubclass(scope["Session"], dj.Manual)
    there.spawn_missing_classes(context=(other := {}))
    assert issubclass(other["Session"], dj.Manual)
    with pytest.raises(DataJointError, match=f"Did you mean `{session.database}`.* Set create_schema=True"):
        dj.VirtualModule("m", f"{session.database[:-1]}", connection=there.connection)
    module = dj.create_virtual_module("m", session.database, connection=there.connection)
    assert 1 == len(module.Session)


@pytest.mark.statement("SCH-13", "SCH-2", "FK-2", "CFG-11", "CFG-13")
def test_one_module_a_schema(tmp_path, backend, schema_name):
    lab, scan = schema_name("lab"), schema_name("scan")
    package = tmp_path / "src" / "pipeline"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "lab.py").write_text(
        textwrap.dedent(f"""
        import datajoint as dj

        schema = dj.Schema("{lab}")

        @schema
        class Subject(dj.Manual):
            definition = "subject : int32"

        @schema
        class Rig(dj.Lookup):
            definition = "rig : varchar(8)"
            contents = [{{"rig": "one"}}]
    """)
    )
    (package / "scan.py").write_text(
        textwrap.dedent(f"""
        import datajoint as dj
        from pipeline import lab
        from pipeline.lab import Subject

        schema = dj.schema("{scan}")

        @schema
        class Scan(dj.Manual):
            definition = '''
            -> Subject
            scan : int16
            ---
            -> lab.Rig
            '''
    """)
    )
    script = textwrap.dedent("""
        import datajoint as dj
        from pipeline import scan, lab

        lab.Subject.insert1({"subject": 1})
        scan.Scan.insert1({"subject": 1, "scan": 1, "rig": "one"})
        print((scan.Scan * lab.Subject).to_dicts())
        print(sorted(scan.Scan.heading.names), len(lab.Rig()))
        print(dj.conn() is scan.schema.connection)
        print(dj.Diagram(scan).make_mermaid())
    """)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJ_")}
    if backend.name == "sqlite":
        environment |= {"DJ_BACKEND": "sqlite", "DJ_DATABASE_NAME": "here.db"}
    else:
        environment |= {
            "DJ_HOST": backend.host, "DJ_PORT": str(backend.port), "DJ_USER": backend.user,
            "DJ_PASS": backend.password, "DJ_BACKEND": backend.name,
        }  # fmt: skip
    environment["PYTHONPATH"] = str(tmp_path / "src")
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=tmp_path, env=environment, capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    assert 0 == result.returncode, result.stderr
    lines = result.stdout.splitlines()
    assert ["[{'subject': 1, 'scan': 1, 'rig': 'one'}]", "['rig', 'scan', 'subject'] 1", "True"] == lines[:3]
    assert "Scan" in result.stdout.split("True", 1)[1]
    assert "" == result.stderr
    assert backend.name != "sqlite" or (tmp_path / "here.db").exists()


@pytest.mark.statement("SCH-1", "ERR-3", "ERR-6")
def test_what_is_no_table_is_refused(schema, instance):
    class Plain:
        definition = "a : int32"

    for wrong in (Plain, dj.Part, int, "text", dj.Manual()):
        with pytest.raises(DataJointError) as caught:
            schema(wrong)
        assert "dj.Manual" in str(caught.value) or "master" in str(caught.value)
    for name in ("Upper", "with space", "1st", "a.b", "a-b"):
        if schema.connection.backend.name == "sqlite":
            with pytest.raises(DataJointError, match="no schema name"):
                instance.Schema(name)

    class NoDefinition(dj.Manual):
        pass

    with pytest.raises(DeclarationError, match="`NoDefinition` has no definition"):
        schema(NoDefinition)
    assert [] == schema.list_tables()
