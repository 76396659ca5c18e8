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
    with pytest.raises(dj.DataJointError, match="<trace> needs a store"):
        Trace().get_dtype(is_store=False)
    assert "raw/a" == Protocol().full_path({"location": "raw"}, "a")


def test_the_command_line_is_called(capsys):
    with pytest.raises(SystemExit):
        dj.cli(args=["--version"])
    assert "DataJoint" in capsys.readouterr().out


def test_kinds_of_expressions_have_their_names():
    from datajoint.expression import Aggregation, QueryExpression, Union

    assert {QueryExpression} == {Aggregation, Union}


def test_older_import_paths_of_the_schema_and_of_lists(subject):
    from datajoint.condition import OrList
    from datajoint.schema import Schema

    assert dj.Schema is Schema is dj.schema
    assert isinstance(dj.schema(), dj.Schema)
    subject.insert1({"subject_id": 2, "species": "rat"})
    assert [1] == list((subject & OrList(["subject_id = 1", {"species": "cat"}])).to_arrays("subject_id"))


def test_what_a_heading_tells_of_its_table(schema, declare):
    table = declare("Scan", "# scans of a day\nscan : int32")
    assert "scans of a day" == table.heading.table_info["comment"]
    assert "" == table.proj().heading.table_info["comment"]


def test_one_attribute_of_one_row_is_updated(schema, declare, subject):
    subject.insert1({"subject_id": 2, "species": "rat"})
    (subject & {"subject_id": 2})._update("species", "mus")
    assert ["mouse", "mus"] == list(subject.to_arrays("species", order_by="KEY"))
    with pytest.raises(dj.DataJointError, match="exactly one"):
        subject()._update("species", "mus")


def test_the_keys_that_a_table_is_made_for(fit):
    fit.populate({"subject_id": 1})
    assert [{"subject_id": 1}, {"subject_id": 2}] == fit()._jobs_to_do(["subject_id < 3"]).keys()


def test_tables_of_stores(schema, subject):
    assert [] == list(schema.external) == list(schema.external.items())
    assert 0 == len(schema.external)
    with pytest.raises(dj.DataJointError, match=r"`external\['raw'\]` is of version 0\.1x"):
        schema.external["raw"].delete(delete_external_files=True)
    name = f"`{schema.database}`.`~external_raw`" if schema.connection.backend.name == "mysql" else None
    name = name or schema.connection.dialect.table(
        dj.FreeTable(schema.connection, f"{schema.database}.~external_raw").name
    )
    schema.connection.query(f"CREATE TABLE {name} (hash char(36) PRIMARY KEY)")
    with pytest.raises(dj.DataJointError, match=r"0\.1x has left `~external_raw`"):
        list(schema.external.values())


OF_32_BITS = bytes.fromhex("6d596d00410200000001000000020000000c000000000000000700000008000000")
"""What MATLAB's 32-bit library wrote for the int32 array [7 8]."""


@pytest.fixture
def matlab(declare):
    """Give a table with a blob of MATLAB's 32-bit library, marked and unmarked, beside one of Python."""
    with pytest.warns(dj.errors.DataJointWarning, match="native type"):
        table = declare("Trace", "trace : int32\n---\nmarked : <blob>\nplain=null : longblob")
    table.insert1({"trace": 1, "marked": {"a": [1]}})
    table.insert1({"trace": 2, "marked": 0})
    connection = table.connection
    column = connection.dialect.quote
    place = {"sqlite": "?", "postgresql": "%s", "mysql": "%s"}[connection.backend.name]
    connection.query(
        f"UPDATE {table.full_table_name} SET {column('marked')} = {place}, {column('plain')} = {place} "
        f"WHERE {column('trace')} = 2",
        (OF_32_BITS, OF_32_BITS),
    )
    return table


def test_blobs_of_the_32_bit_library_of_matlab(matlab):
    row = matlab & {"trace": 2}
    with pytest.raises(dj.DataJointError, match="cannot be read"):
        row.fetch1("marked")
    config = matlab.connection.config
    with config.override(blob__use_32bit_dims=True):
        marked, plain = row.fetch1("marked", "plain")
        assert [[[7, 8]]] * 2 == [marked.tolist(), plain.tolist()]
        python, both = matlab.to_arrays("marked", order_by="KEY")
        assert ({"a": [1]}, [[7, 8]]) == (python, both.tolist())
    with pytest.raises(dj.DataJointError, match="cannot be read"):
        row.fetch1("plain")


def test_the_switch_for_such_blobs_in_older_code():
    from datajoint import blob

    before = dj.config["blob.use_32bit_dims"]
    try:
        blob.use_32bit_dims = True
        assert dj.config.blob.use_32bit_dims is dj.config["blob.use_32bit_dims"] is dj.blob.use_32bit_dims
        assert [[7, 8]] == blob.unpack(OF_32_BITS).tolist()
    finally:
        blob.use_32bit_dims = before
    with pytest.raises(dj.DataJointError, match="cannot be read"):
        blob.unpack(OF_32_BITS)


def test_columns_whose_type_is_not_written_down(schema):
    connection, name = schema.connection, f"{schema.database}.old"
    full = connection.dialect.table(dj.FreeTable(connection, name).name)
    binary = {"mysql": "longblob", "postgresql": "bytea", "sqlite": "BLOB"}[connection.backend.name]
    connection.query(f"CREATE TABLE {full} (id int PRIMARY KEY, trace {binary}, note varchar(20))")
    found = dj.migrate.analyze_columns(schema)
    assert ("trace", "<blob>") in [(c["column"], c["core_type"]) for c in found["needs_migration"]]
    assert "note" not in [c["column"] for c in found["needs_migration"]]
    assert [] == found["external_storage"]
    with pytest.raises(dj.DataJointError, match="does not write types into the comments"):
        dj.migrate.migrate_columns(schema)


def test_columns_that_name_their_type_or_a_store(schema, declare):
    declare("Trace", "trace : int32\n---\nvalue : <blob>")
    if schema.connection.backend.name == "mysql":
        full = f"`{schema.database}`.`old`"
        schema.connection.query(
            f"CREATE TABLE {full} (id int PRIMARY KEY, e binary(16) COMMENT ':external-raw:of a trace')"
        )
    found = dj.migrate.analyze_columns(schema)
    named = {(c["column"], c["core_type"]) for c in found["already_migrated"]}
    assert ("value", "<blob>") in named
    stored = [(c["column"], c["comment"]) for c in found["external_storage"]]
    assert stored == ([("e", "of a trace")] if schema.connection.backend.name == "mysql" else [])
