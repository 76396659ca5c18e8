"""Diagrams and the rows that follow from rows: DIA, PRV-1."""

import re
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import datajoint as dj
from datajoint.diagram.render import svg


class Lab:
    """A pipeline of two schemas."""

    def __init__(self, schema: Any, other: Any) -> None:
        @schema
        class Subject(dj.Manual):
            definition = """
            # animals
            subject : int32
            ---
            species : varchar(20)
            """

        @schema
        class Rig(dj.Lookup):
            definition = "rig : int16"

        @schema
        class Session(dj.Manual):
            definition = """
            -> Subject
            session : int16
            ---
            -> [nullable] Rig
            """

            class Trial(dj.Part):
                definition = """
                -> master
                trial : int16
                """

            class Note(dj.Part):
                definition = """
                -> master
                note : int16
                """

        @schema
        class Fit(dj.Computed):
            definition = """
            -> Session.Trial
            ---
            -> Rig.proj(fit_rig='rig')
            """

        @other
        class Report(dj.Imported):
            definition = "-> Fit"

        @other
        class Pair(dj.Manual):
            definition = """
            -> Subject.proj(first='subject')
            -> Subject.proj(second='subject')
            ---
            -> [unique] Rig
            """

        self.schema, self.other = schema, other
        self.Subject, self.Rig, self.Session, self.Fit = Subject, Rig, Session, Fit
        self.Report, self.Pair = Report, Pair

    def fill(self) -> "Lab":
        """Insert two subjects with what depends on them."""
        self.Subject.insert([{"subject": 1, "species": "mouse"}, {"subject": 2, "species": "rat"}])
        self.Rig.insert([{"rig": n} for n in (1, 2, 3)])
        self.Session.insert([{"subject": 1, "session": 1, "rig": 1}, {"subject": 2, "session": 1}])
        self.Session.Trial.insert([{"subject": s, "session": 1, "trial": t} for s in (1, 2) for t in (1, 2)])
        self.Session.Note.insert1({"subject": 1, "session": 1, "note": 1})
        rows = [{"subject": s, "session": 1, "trial": 1, "fit_rig": 3 - s} for s in (1, 2)]
        self.Fit.insert(rows, allow_direct_insert=True)
        self.Report.insert1({"subject": 2, "session": 1, "trial": 1}, allow_direct_insert=True)
        self.Pair.insert1({"first": 1, "second": 2, "rig": 3})
        return self

    def names(self, diagram: Any) -> set[str]:
        """Class names of the tables that a diagram shows."""
        return {table.class_name for table in diagram}


@pytest.fixture
def lab(instance: Any, schema_name: Callable[..., str]) -> Lab:
    """The pipeline, filled."""
    return Lab(instance.Schema(schema_name()), instance.Schema(schema_name("two"))).fill()


ALL = {"Subject", "Rig", "Session", "Session.Trial", "Session.Note", "Fit"}


@pytest.mark.statement("DIA-1")
def test_sources(lab: Lab, instance: Any) -> None:
    module = types.ModuleType("lab")
    module.__dict__.update(schema=lab.schema, Subject=lab.Subject)
    loose = types.ModuleType("loose")
    loose.__dict__.update(Subject=lab.Subject, Fit=lab.Fit, number=5)
    for source in (lab.schema, module, instance.virtual_schema(lab.schema.database)):
        assert ALL == lab.names(dj.Diagram(source))
    for source in (lab.Subject, lab.Subject(), lab.Subject & "subject = 1"):
        assert {"Subject"} == lab.names(dj.Diagram(source))
    assert {"Subject", "Fit"} == lab.names(dj.Diagram(loose))
    assert {"Subject", "Session"} == lab.names(dj.Diagram(lab.Subject * lab.Session))
    assert {"Fit"} == lab.names(dj.Diagram(dj.Diagram(lab.Fit)))
    assert {"Subject", "Fit", "Report", "Pair"} == lab.names(
        dj.Diagram.from_sequence([lab.Subject, lab.Fit, lab.other])
    )
    for wrong in (3, "lab"):
        with pytest.raises(dj.DataJointError, match="No diagram"):
            dj.Diagram(wrong)


@pytest.mark.statement("DIA-2", "FK-13")
def test_generations(lab: Lab) -> None:
    start = dj.Diagram(lab.Subject)
    assert {"Subject"} == lab.names(start + 0)
    assert {"Subject", "Session", "Pair"} == lab.names(start + 1)
    assert {"Subject", "Session", "Pair", "Session.Trial", "Session.Note"} == lab.names(start + 2)
    assert (ALL - {"Rig"}) | {"Pair", "Report"} == lab.names(start + 99)
    assert {"Fit", "Session.Trial", "Rig"} == lab.names(dj.Diagram(lab.Fit) - 1)
    assert {"Session.Trial", "Session"} == lab.names(dj.Diagram(lab.Session.Trial) - 1)
    assert {"Subject", "Session", "Pair", "Rig"} == lab.names(start + 1 - 1)
    assert {"Subject", "Session", "Pair"} == lab.names(start - 1 + 1)


@pytest.mark.statement("DIA-3", "DIA-4")
def test_set_operations(lab: Lab) -> None:
    whole = dj.Diagram(lab.schema)
    assert {"Subject", "Fit"} == lab.names(dj.Diagram(lab.Subject) + dj.Diagram(lab.Fit))
    assert {"Subject", "Fit"} == lab.names(dj.Diagram(lab.Subject) + lab.Fit)
    assert ALL - {"Subject"} == lab.names(whole - lab.Subject)
    assert {"Subject", "Session"} == lab.names(whole * (dj.Diagram(lab.Subject) + 1))
    assert {"Fit"} == lab.names(whole * lab.Fit)
    assert {"Session", "Session.Trial", "Session.Note"} == lab.names(dj.Diagram(lab.Session).add_parts())
    assert ALL == lab.names(whole)


@pytest.mark.statement("DIA-5")
def test_collapse(lab: Lab) -> None:
    text = (dj.Diagram(lab.schema) + dj.Diagram(lab.other).collapse()).make_mermaid()
    assert "2 tables" in text
    assert "Report" not in text
    assert "Session" in text
    text = (dj.Diagram(lab.other).collapse() + lab.Report).make_mermaid()
    assert "1 table" in text
    assert "Report" in text
    assert "Pair" not in text


@pytest.mark.statement("DIA-6", "DIA-7", "DIA-9")
def test_what_is_drawn(lab: Lab) -> None:
    picture = dj.Diagram.from_sequence([lab.schema, lab.other]).picture()
    tiers = {node.label: node.tier for node in picture.nodes}
    expected = {
        "Subject": "manual", "Rig": "lookup", "Session": "manual", "Session.Trial": "part",
        "Session.Note": "part", "Fit": "computed", "Report": "imported", "Pair": "manual",
    }  # fmt: skip
    assert expected == tiers
    named = {node.id: node.label for node in picture.nodes}
    edges = {
        (named[e.parent], named[e.child], e.tooltip): (e.primary, e.multi, e.renamed, e.nullable, e.unique)
        for e in picture.edges
    }
    assert {
        ("Subject", "Session", ""): (True, True, False, False, False),
        ("Rig", "Session", ""): (False, True, False, True, False),
        ("Session", "Session.Trial", ""): (True, True, False, False, False),
        ("Session", "Session.Note", ""): (True, True, False, False, False),
        ("Session.Trial", "Fit", ""): (True, False, False, False, False),
        ("Rig", "Fit", "fit_rig → rig"): (False, True, True, False, False),
        ("Fit", "Report", ""): (True, False, False, False, False),
        ("Subject", "Pair", "first → subject"): (True, True, True, False, False),
        ("Subject", "Pair", "second → subject"): (True, True, True, False, False),
        ("Rig", "Pair", ""): (False, False, False, False, True),
    } == edges
    assert ALL - {"Fit"} == {node.label for node in picture.nodes if node.underlined}
    assert 2 == len(picture.groups)


@pytest.mark.statement("DIA-8")
def test_tooltips_are_definitions(lab: Lab) -> None:
    tooltips = {node.label: node.tooltip for node in dj.Diagram(lab.schema).picture().nodes}
    assert lab.Subject.describe() == tooltips["Subject"]
    assert "-> [nullable] Rig" in tooltips["Session"]
    assert "-&gt; [nullable] Rig" in dj.Diagram(lab.schema).make_svg()


@pytest.mark.statement("DIA-9")
def test_schemas_are_called_by_their_module(lab: Lab) -> None:
    labels = {group.id: group.label for group in dj.Diagram(lab.schema).picture().groups}
    assert {lab.schema.database: __name__} == labels


@pytest.mark.statement("DIA-10", "DIA-11")
def test_forms(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("matplotlib", "pydot", "networkx", "graphviz"):
        monkeypatch.setitem(sys.modules, name, None)
    diagram = dj.Diagram(lab.schema)
    drawing = diagram.make_svg()
    assert isinstance(drawing, str)
    assert drawing.startswith("<svg")
    assert drawing == drawing._repr_svg_() == diagram._repr_svg_()
    assert "<svg" in diagram._repr_html_()
    assert diagram.make_dot().startswith("digraph")
    assert "flowchart LR" in diagram.make_mermaid()
    assert "Session.Trial" in diagram.make_text()
    print(diagram)  # noqa: T201 - is tested
    diagram.draw()
    assert 2 * str(diagram.make_text() + "\n") == capsys.readouterr().out
    assert re.fullmatch(r"<Diagram of 6 tables in .*>", repr(diagram))
    for ending, start in (
        (".svg", "<svg"),
        (".mmd", "flowchart"),
        (".mermaid", "flowchart"),
        (".dot", "digraph"),
    ):
        diagram.save(str(tmp_path / f"lab{ending}"))
        assert (tmp_path / f"lab{ending}").read_text().startswith(start)
    diagram.save(tmp_path / "lab.txt")
    diagram.save(tmp_path / "lab", format="svg")
    with pytest.raises(dj.DataJointError, match="gif"):
        diagram.save(tmp_path / "lab.gif")


@pytest.mark.statement("DIA-10")
def test_pixels(lab: Lab, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    diagram = dj.Diagram(lab.Subject)
    assert diagram.make_png().startswith(b"\x89PNG")
    diagram.save(tmp_path / "lab.png")
    assert (tmp_path / "lab.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.statement("DIA-12")
def test_direction_and_theme(lab: Lab, instance: Any) -> None:
    diagram = dj.Diagram(lab.schema)
    assert "flowchart LR" in diagram.make_mermaid()
    with instance.config.override(display__diagram_direction="TB", display__diagram_theme="dark"):
        assert "flowchart TB" in diagram.make_mermaid()
        assert svg.render(diagram.picture(), "dark") == diagram.make_svg()


def counted(lab: Lab, diagram: Any) -> dict[str, int]:
    short = {table.full_table_name: table.class_name for table in diagram}
    return {short[name]: n for name, n in diagram.counts().items()}


@pytest.mark.statement("DIA-13")
def test_cascade_is_what_a_delete_would_remove(lab: Lab) -> None:
    mouse = lab.Subject & "species = 'rat'"
    cascade = dj.Diagram.cascade(mouse)
    expected = {
        "Subject": 1, "Session": 1, "Session.Trial": 2, "Session.Note": 0, "Fit": 1, "Report": 1, "Pair": 1,
    }  # fmt: skip
    assert expected == counted(lab, cascade)
    assert lab.Subject.full_table_name in cascade.counts()
    assert 2 == len(lab.Subject())
    before = {
        table.class_name: len(lab.schema[table.class_name])
        for table in cascade
        if table.database == lab.schema.database
    }
    mouse.delete()
    after = {name: len(lab.schema[name]) for name in before}
    assert {name: expected[name] for name in before} == {name: before[name] - after[name] for name in before}


@pytest.mark.statement("DIA-14")
def test_cascade_to_masters(lab: Lab) -> None:
    one = lab.Rig & "rig = 2"
    assert {
        "Rig": 1,
        "Session": 0,
        "Session.Trial": 0,
        "Session.Note": 0,
        "Fit": 1,
        "Report": 0,
        "Pair": 0,
    } == counted(lab, dj.Diagram.cascade(one, part_integrity="ignore"))
    note = lab.Session.Note & "note = 1"
    expected = {"Session": 1, "Session.Trial": 2, "Session.Note": 1, "Fit": 1, "Report": 0}
    assert expected == counted(lab, dj.Diagram.cascade(note, part_integrity="cascade"))
    assert {"Session.Note": 1} == counted(lab, dj.Diagram.cascade(note, part_integrity="ignore"))
    with pytest.raises(ValueError, match="part_integrity"):
        dj.Diagram.cascade(note, part_integrity="all")


@pytest.mark.statement("DIA-15", "PRV-1", "QRY-59")
def test_trace(lab: Lab) -> None:
    trace = dj.Diagram.trace(lab.Report)
    assert {"Subject": 1, "Rig": 1, "Session": 1, "Session.Trial": 1, "Fit": 1, "Report": 1} == counted(
        lab, trace
    )
    assert [{"subject": 2, "species": "rat"}] == trace[lab.Subject].to_dicts()
    database = lab.schema.database
    for name in ("Rig", f"{database}.Rig", f"{database}.#rig", lab.Rig.full_table_name, lab.Rig()):
        assert [{"rig": 1}] == trace[name].to_dicts()
    for name in (lab.Pair, "Pair", "Nothing"):
        with pytest.raises(dj.DataJointError, match="no ancestor"):
            trace[name]
    both = dj.Diagram.trace(lab.Fit)[lab.Rig]
    assert [1, 2] == list(both.to_arrays("rig", order_by="rig"))
    assert [1] == list(dj.Diagram.trace(lab.Fit & dj.Top(1, "KEY"))["Subject"].to_arrays("subject"))


@pytest.mark.statement("DIA-15", "DIA-17")
def test_trace_by_several_paths(lab: Lab) -> None:
    trace = dj.Diagram.trace(lab.Pair)
    assert [1, 2] == list(trace[lab.Subject].to_arrays("subject", order_by="subject"))
    assert [3] == list(trace[lab.Rig].to_arrays("rig"))


@pytest.mark.statement("DIA-15", "DIA-20")
def test_equal_names_in_two_schemas(lab: Lab, instance: Any, schema_name: Callable[..., str]) -> None:
    third = instance.Schema(schema_name("three"))
    first, fit = lab.Subject, lab.Fit  # noqa: F841 - named in the definition

    @third
    class Subject(dj.Manual):
        definition = """
        -> first
        -> fit
        """

    diagram = dj.Diagram(lab.schema) + third
    assert 2 == sum(node.label == "Subject" for node in diagram.picture().nodes)
    assert 2 == diagram.make_mermaid().count("Subject")
    assert diagram.make_svg()
    trace = dj.Diagram.trace(Subject)
    with pytest.raises(dj.DataJointError, match="ambiguous"):
        trace["Subject"]
    assert trace[f"{lab.schema.database}.Subject"].full_table_name == first.full_table_name
    assert trace[Subject].full_table_name == Subject.full_table_name


@pytest.mark.statement("DIA-16", "DIA-17")
def test_restrict(lab: Lab) -> None:
    diagram = dj.Diagram(lab.schema)
    with pytest.raises(dj.DataJointError, match="restrict"):
        diagram.counts()
    one = diagram.restrict(lab.Subject & "subject = 1")
    assert {"Subject": 1, "Session": 1, "Session.Trial": 2, "Session.Note": 1, "Fit": 1} == counted(lab, one)
    both = one.restrict(lab.Rig & "rig = 2")
    assert {"Rig": 1, "Subject": 1, "Session": 0, "Session.Trial": 0, "Session.Note": 0, "Fit": 0} == counted(
        lab, both
    )
    assert 1 == counted(lab, one.restrict(lab.Rig & "rig = 1"))["Session"]
    assert {"Rig", "Subject"} == lab.names(both.prune())
    assert ALL == lab.names(both)
    pairs = dj.Diagram(lab.Subject) + lab.Pair
    assert 1 == counted(lab, pairs.restrict(lab.Subject & "subject = 2"))["Pair"]
    for mode in (dj.Diagram.cascade(lab.Subject), dj.Diagram.trace(lab.Fit)):
        with pytest.raises(dj.DataJointError, match="restrict"):
            mode.restrict(lab.Subject)
    with pytest.raises(dj.DataJointError, match="prune"):
        dj.Diagram.cascade(lab.Subject).prune()


@pytest.mark.statement("DIA-18")
def test_coincident_names_do_not_match(schema: Any) -> None:
    @schema
    class Person(dj.Manual):
        definition = """
        person : int32
        ---
        age : int16
        """

    @schema
    class Visit(dj.Manual):
        definition = """
        -> Person.proj(host='person')
        person : int32
        ---
        age : int16
        """

    Person.insert([{"person": 1, "age": 30}, {"person": 2, "age": 40}])
    Visit.insert([{"host": 1, "person": 2, "age": 40}, {"host": 2, "person": 1, "age": 30}])
    for condition in ("age = 30", {"person": 1}, {"age": 30}):
        cascade = dj.Diagram.cascade(Person & condition)
        assert [{"host": 1, "person": 2, "age": 40}] == cascade[Visit].to_dicts()


@pytest.mark.statement("DIA-19")
def test_iteration(lab: Lab) -> None:
    cascade = dj.Diagram.cascade(lab.Subject & "subject = 1")
    tables = list(cascade)
    names = [table.class_name for table in tables]
    assert all(isinstance(table, dj.FreeTable) for table in tables)
    assert names[0] == "Subject"
    assert names.index("Session") < names.index("Session.Trial") < names.index("Fit") < names.index("Report")
    assert names[::-1] == [table.class_name for table in reversed(cascade)]
    assert [1, 1, 2] == [len(tables[names.index(name)]) for name in ("Subject", "Session", "Session.Trial")]


@pytest.mark.statement("DIA-21")
def test_path(lab: Lab) -> None:
    path = dj.Diagram(lab.schema).path(lab.Subject, lab.Fit)
    assert {"Subject", "Session", "Session.Trial", "Fit"} == lab.names(path)
    text = dj.Diagram(lab.Session).make_text() + (dj.Diagram(lab.Rig) + lab.Session + lab.Pair).make_text()
    assert "nullable" in text
    assert "unique" in text


@pytest.mark.statement("FK-14", "DIA-20")
@pytest.mark.backends("postgresql", "mysql")  # SQLite adds no foreign key to a table that exists
def test_cycle_across_schemas_is_reported(instance: Any, schema_name: Callable[..., str]) -> None:
    one, two = instance.Schema(schema_name()), instance.Schema(schema_name("two"))

    @one
    class A(dj.Manual):
        definition = """
        a : int32
        ---
        b = null : int32
        """

    @two
    class B(dj.Manual):
        definition = """
        b : int32
        ---
        -> A
        """

    table = instance.connection.dialect.table
    instance.connection.query(
        f"ALTER TABLE {table(A().name)} ADD FOREIGN KEY (b) REFERENCES {table(B().name)} (b)"
    )
    for schema in (one, two):
        instance.connection.catalog.forget(schema.database)
    diagram = dj.Diagram(one) + two
    assert "B" in diagram.make_mermaid()
    assert diagram.make_svg()
    with pytest.raises(dj.DataJointError, match="acyclic"):
        list(diagram)
