"""Names that existing code uses (move-in, section 3)."""

import importlib

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


@pytest.mark.parametrize("name", ["builtin_codecs", "instance", "lineage", "preview", "types"])
def test_import_paths(name):
    assert importlib.import_module(f"datajoint.{name}").__doc__


@pytest.mark.parametrize("name", ["AutoPopulate", "ThreadSafetyError", "ValidationResult"])
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
