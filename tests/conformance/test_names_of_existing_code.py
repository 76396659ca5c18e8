"""Names that existing code uses (move-in, section 3)."""

import importlib
import types

import pytest

import datajoint as dj

pytestmark = pytest.mark.statement("DEF-26", "FET-14", "SCH-5", "TAB-14")


@pytest.fixture
def subject(schema):
    @schema
    class Subject(dj.Manual):
        definition = """
        subject_id : int32
        ---
        species : varchar(20)
        """

    Subject.insert1({"subject_id": 1, "species": "mouse"})
    return Subject


@pytest.mark.parametrize(
    "name", ["adapters", "builtin_codecs", "dependencies", "instance", "lineage", "preview", "types"]
)
def test_import_paths(name):
    assert importlib.import_module(f"datajoint.{name}").__doc__


@pytest.mark.parametrize(
    "name",
    [
        "AttributeAdapter",
        "AutoPopulate",
        "SchemaCodec",
        "StorageAdapter",
        "ThreadSafetyError",
        "ValidationResult",
    ],
)
def test_names_of_the_package_outside_all(name):
    assert name == getattr(dj, name).__name__
    assert name not in dj.__all__


def test_conn_info_opens_another_connection(subject):
    info = subject.connection.conn_info
    assert {"host", "port", "user", "passwd", "database_name", "ssl", "ssl_input"} <= set(info)
    settings = subject.connection.settings
    assert (settings.host, settings.password) == (info["host"], info["passwd"])
    assert not info["passwd"] or "*" in repr(info["passwd"])


def test_previews(subject):
    from datajoint.preview import preview, repr_html

    assert "mouse" in repr_html(subject())
    assert "mouse" in preview(subject())


def test_a_description_takes_a_context(subject, capsys):
    assert subject.describe(context={}, printout=True) in capsys.readouterr().out
    assert subject.describe() == subject().describe(context=locals(), printout=False)


def test_a_schema_knows_its_context(schema):
    names = {"a": 1}
    assert names == dj.Schema(schema.database, context=names, connection=schema.connection).context
    assert schema.context is None


def test_a_schema_is_dropped_by_force(schema, subject):
    schema.connection.config["safemode"] = True
    schema.drop(force=True)
    assert not schema.exists


def test_a_free_table_of_the_default_connection(subject, monkeypatch):
    class Default:
        connection = subject.connection

    monkeypatch.setattr("datajoint.table.free.default_instance", lambda _: Default)
    assert ["mouse"] == list(dj.FreeTable(f"{subject().name}").to_arrays("species"))


@pytest.fixture
def fit(schema, declare):
    subject = declare("Subject", "subject_id : int32\n---\nspecies='' : varchar(20)\nweight=null : float64")
    subject.insert([{"subject_id": n} for n in (1, 2, 3)])

    def make(self, key):
        if key["subject_id"] == 2:
            raise ValueError("bad data")
        self.insert1(key)

    return declare("Fit", "-> Subject", tier=dj.Computed, make=make)


def test_the_queues_of_a_schema_are_a_list_and_one_queue(schema, fit):
    fit.populate(reserve_jobs=True, suppress_errors=True)
    assert ["~~fit"] == [queue.table_name for queue in schema.jobs]
    assert 1 == len(schema.jobs)
    errors = schema.jobs & {"table_name": "__fit"} & 'status = "error"'
    assert [("__fit", 2)] == [(row["table_name"], row["subject_id"]) for row in errors]
    assert [{"table_name": "__fit", "subject_id": 2}] == errors.fetch("KEY")
    assert (["error"], ["__fit"]) == errors.fetch("status", "table_name")
    assert 0 == len(schema.jobs & {"table_name": "__other"})
    assert 0 == len(errors - {"table_name": "__fit"})
    assert 1 == errors.delete()
    assert 0 == len(errors)
    assert 0 == fit.jobs.progress()["error"]


def test_the_definition_of_a_queue(fit):
    assert "priority" in fit.jobs.definition
    assert "status" in fit.jobs.definition


def test_the_select_of_some_attributes(fit, schema):
    subject = schema["Subject"]
    assert "species" not in subject.make_sql(["subject_id"])
    assert "species" in subject.make_sql()
    assert "species" in subject.make_sql(fields=["species"])


def test_headings_as_numpy_and_as_sql(schema, fit):
    subject = schema["Subject"]
    assert subject.heading.as_dtype == subject.to_arrays().dtype
    assert subject.heading["species"].sql.startswith("`species` varchar(20) NOT NULL")
    assert "`weight` float64 NULL" in subject.heading["weight"].sql


def test_names_of_classes_are_looked_up(schema, declare):
    lab = types.ModuleType("lab")
    lab.Trial = declare("Trial", "trial : int32", Cell=declare.part("Cell", "-> master\ncell : int16"))
    names = {"lab": lab, "other": 1}
    assert "lab.Trial.Cell" == dj.table.lookup_class_name(lab.Trial.Cell.full_table_name, names)
    assert "lab.Trial" == dj.table.lookup_class_name(lab.Trial.full_table_name, names)
    assert dj.table.lookup_class_name(lab.Trial.full_table_name, {}) is None


def test_a_diagram_as_a_graph(schema, fit):
    subject = schema["Subject"].full_table_name
    diagram = dj.Diagram(schema, context={"a": 1})
    assert {subject, fit.full_table_name} == set(diagram.nodes)
    assert [(subject, fit.full_table_name)] == [edge[:2] for edge in diagram.edges]
    assert {"subject_id": "subject_id"} == diagram.edges(data=True)[0][2]["attr_map"]
    assert {subject} == set(diagram.subgraph([subject]).nodes)
    assert {"a": 1} == diagram.context


def test_quoting_for_the_database(schema):
    quote = schema.connection.dialect.quote
    assert quote("a b") == schema.connection.adapter.quote_identifier("a b")


def test_the_shared_connection_by_its_older_name(monkeypatch, schema):
    class Default:
        connection = schema.connection

    monkeypatch.setattr("datajoint.engine.instance.default_instance", lambda *_: Default)
    assert dj.conn.connection is schema.connection


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("gc", "collect"),
        ("hash_registry", "put_hash"),
        ("objectref", "ObjectRef"),
        ("staged_insert", "staged_insert1"),
        ("storage", "StorageBackend"),
        ("storage_adapter", "get_storage_adapter"),
    ],
)
def test_what_needs_stores_is_refused_by_name(module, name):
    found = getattr(importlib.import_module(f"datajoint.{module}"), name)
    with pytest.raises(dj.DataJointError, match="needs an object store, which this release does not support"):
        found()


def test_bases_for_stores_and_of_older_adapters_can_be_derived_from():
    class Graph(dj.AttributeAdapter):
        attribute_type = "blob"

    class Trace(dj.SchemaCodec, register=False):
        name = "trace"

    class Protocol(dj.StorageAdapter):
        pass

    dj.errors._switch_adapted_types(True)
    with pytest.raises(dj.DataJointError, match=r"Derive from dj\.Codec"):
        Graph()
    with pytest.raises(dj.DataJointError, match="object store"):
        Trace().encode(1)
    with pytest.raises(dj.DataJointError, match="Protocol needs an object store"):
        Protocol()


def test_the_command_line_is_called(capsys):
    with pytest.raises(SystemExit):
        dj.cli(args=["--version"])
    assert "DataJoint" in capsys.readouterr().out


def test_kinds_of_expressions_have_their_names():
    from datajoint.expression import Aggregation, QueryExpression, Union

    assert {QueryExpression} == {Aggregation, Union}
