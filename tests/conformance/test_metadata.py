"""The hidden columns of other releases, where settings ask for them (JOB-16 … 19, PRV-2 … 4)."""

import datetime as dt
import json
import re

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, DataJointWarning
from datajoint.journal.events import code_version as versions
from datajoint.journal.events.environment import Repository


def column(table, name):
    """A hidden column as the language gives it, by key."""
    rows = table.with_metadata().to_dicts(order_by="KEY")
    return [row[name] for row in rows]


@pytest.fixture
def capturing(instance):
    with instance.config.override(provenance__capture=True):
        yield instance


@pytest.fixture
def measuring(instance):
    with instance.config.override(jobs__add_job_metadata=True):
        yield instance


def manual(schema):
    class Rig(dj.Manual):
        definition = """
        rig : int32
        ---
        name="" : varchar(20)
        """

    return schema(Rig)


def computed(schema, rig, write=lambda self, key: None):
    class Fit(dj.Computed):
        definition = """
        -> Rig
        ---
        x : float64
        """

        class Cell(dj.Part):
            definition = """
            -> master
            cell : int16
            """

        def make(self, key):
            write(self, key)
            self.insert1({**key, "x": 1.0})
            self.Cell.insert1({**key, "cell": 1})

    return schema(Fit, context={"Rig": rig})


@pytest.mark.statement("JOB-16", "JOB-18")
def test_how_long_a_make_took(schema, measuring):
    rig = manual(schema)
    fit = computed(schema, rig)
    rig.insert([{"rig": 1}, {"rig": 2}])
    before = dt.datetime.now() - dt.timedelta(seconds=1)  # noqa: DTZ005 - the local clock, as they write it
    fit.populate()

    starts = column(fit, "job_start_time")

    now = dt.datetime.now()  # noqa: DTZ005
    assert all(before <= start <= now for start in starts)
    assert all(0 < seconds < 60 for seconds in column(fit, "job_duration"))
    assert ["", ""] == column(fit, "job_version")
    assert ["rig", "x"] == fit.heading.names
    assert 2 == len(fit & "_job_duration > 0")
    assert "job_duration" not in fit.Cell.with_metadata().heading.names
    assert "job_duration" not in rig.with_metadata().heading.names


@pytest.mark.statement("JOB-16")
def test_a_make_that_sees_its_rows_is_measured_too(schema, measuring):
    rig = manual(schema)

    def look(self, key):
        self.insert1({**key, "x": 0.5}) if not self & key else None
        assert self & key
        raise RuntimeError("seen")

    class Twice(dj.Computed):
        definition = """
        -> Rig
        ---
        x : float64
        """

        def make(self, key):
            self.insert1({**key, "x": 0.5})
            assert len(self & key) == 1

    twice = schema(Twice, context={"Rig": rig})
    rig.insert1({"rig": 1})
    twice.populate()

    assert column(twice, "job_duration")[0] > 0


@pytest.mark.statement("JOB-16")
def test_without_the_setting_nothing_is_filled(schema, instance):
    with instance.config.override(jobs__add_job_metadata=True):
        rig = manual(schema)
        fit = computed(schema, rig)
    rig.insert1({"rig": 1})
    fit.populate()

    assert [None] == column(fit, "job_duration")


@pytest.mark.statement("JOB-17")
def test_the_version_of_the_code_of_the_pipeline(schema, measuring, monkeypatch):
    asked = []

    def repository(folder, **options):
        asked.append(folder)
        return Repository(folder, "c0ffee" + "0" * 34, "main", None, dirty=True)

    monkeypatch.setattr(versions, "repository_at", repository)
    versions._version.cache_clear()
    rig = manual(schema)
    fit = computed(schema, rig)
    rig.insert1({"rig": 1})
    with measuring.config.override(jobs__version_method="git"):
        fit.populate()
    versions._version.cache_clear()

    assert ["c0ffee" + "0" * 34 + "-dirty"] == column(fit, "job_version")
    assert asked[0].endswith("conformance")


@pytest.mark.statement("PRV-2")
def test_who_entered_a_row(schema, capturing):
    with capturing.config.override(provenance__source={"system": "rig 3"}):
        rig = manual(schema)
        rig.insert1({"rig": 1})
        rig.insert([{"rig": 2}, {"rig": 3}])

    first, second, third = column(rig, "prov")

    assert second == third
    assert first["time"] < second["time"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", first["time"])
    assert {"system": "rig 3"} == first["source"]
    settings = capturing.connection.settings
    assert (first.get("agent") or {}).get("user") == (settings.user or None)
    assert ["time"] == list(first)[:1]
    assert "version" not in first


@pytest.mark.statement("PRV-2")
def test_what_a_make_enters_names_it(schema, capturing):
    rig = manual(schema)

    class Seen(dj.Manual):
        definition = "seen : int32"

    seen = schema(Seen)
    fit = computed(schema, rig, lambda self, key: seen.insert1({"seen": key["rig"]}))
    rig.insert1({"rig": 7})
    fit.populate()

    (record,) = column(seen, "prov")

    assert {"rig": 7} == record["context"]["key"]
    assert fit.full_table_name == record["context"]["table"]


@pytest.mark.statement("PRV-3")
def test_nobody_can_set_it(schema, capturing):
    rig = manual(schema)
    with pytest.raises(DataJointError, match="hidden column"):
        rig.insert1({"rig": 1, "_prov": {"time": "never"}})
    assert not rig()


@pytest.mark.statement("PRV-3")
def test_a_failure_to_record_keeps_no_row_out(schema, capturing, monkeypatch):
    rig = manual(schema)

    def broken(*arguments):
        raise OSError("no git")

    monkeypatch.setattr("datajoint.table.rows.metadata.code_version", broken)
    with pytest.warns(DataJointWarning, match="could not be recorded: no git"):
        rig.insert1({"rig": 1})

    assert [None] == column(rig, "prov")


@pytest.mark.statement("PRV-3")
def test_copies_carry_the_record(schema, capturing):
    rig = manual(schema)
    with capturing.config.override(provenance__source={"system": "old"}):
        rig.insert1({"rig": 1})

    class Copy(dj.Manual):
        definition = """
        rig : int32
        ---
        name="" : varchar(20)
        """

    copy = schema(Copy)
    copy.insert(rig & {"rig": 1})

    assert column(rig, "prov") == column(copy, "prov")
    assert "old" == column(copy, "prov")[0]["source"]["system"]


@pytest.mark.statement("PRV-5", "PRV-2")
@pytest.mark.parametrize("write", ["replace", "update1", "update"])
def test_changes_are_recorded(schema, capturing, write):
    rig = manual(schema)
    rig.insert([{"rig": 1}, {"rig": 2}])
    with capturing.config.override(provenance__source={"by": write}):
        if write == "replace":
            rig.insert([{"rig": 1, "name": "x"}], replace=True)
        elif write == "update1":
            rig.update1({"rig": 1, "name": "x"})
        else:
            (rig & {"rig": 1}).update({"name": "x"}, prompt=False)

    changed, kept = column(rig, "prov")

    assert {"by": write} == changed["source"]
    assert "source" not in (kept or {})


@pytest.mark.statement("PRV-2")
def test_many_rows(schema, capturing):
    rig = manual(schema)
    rig.insert({"rig": n} for n in range(300))
    rig.insert(({"rig": n, "name": "y"} for n in range(200, 500)), replace=True)
    rig.insert(({"rig": n} for n in range(400, 600)), skip_duplicates=True)

    records = column(rig, "prov")

    assert 600 == len(records)
    assert len({json.dumps(record) for record in records}) in (1, 3)


@pytest.mark.statement("PRV-2")
def test_only_where_it_was_on_at_declaration(schema, instance):
    rig = manual(schema)
    with instance.config.override(provenance__capture=True):
        rig.insert1({"rig": 1})

    assert "prov" not in rig.with_metadata().heading.names


@pytest.mark.statement("JOB-19")
def test_columns_are_added_to_tables_that_are_there(schema, instance):
    rig = manual(schema)
    fit = computed(schema, rig)
    rig.insert1({"rig": 1})
    fit.populate()

    shown = dj.migrate.add_job_metadata_columns(schema)
    assert "job_duration" not in fit.with_metadata().heading.names
    done = dj.migrate.add_job_metadata_columns(fit, dry_run=False)
    again = dj.migrate.add_job_metadata_columns(schema, dry_run=False)

    assert (1, 3) == (shown["tables_modified"], shown["columns_added"])
    assert shown["ddl"] == done["ddl"]
    assert ["pending", "migrated", "already_present"] == [
        r["details"][0]["status"] for r in (shown, done, again)
    ]
    assert [None] == column(fit, "job_duration")
    rig.insert1({"rig": 2})
    with instance.config.override(jobs__add_job_metadata=True):
        fit.populate()
    assert [True, False] == [value is None for value in column(fit, "job_duration")]


@pytest.mark.statement("PRV-4")
def test_the_record_is_added_to_tables_that_are_there(schema, instance):
    rig = manual(schema)
    fit = computed(schema, rig)
    rig.insert1({"rig": 1})

    shown = dj.deploy.add_prov_column(schema)
    dj.deploy.add_prov_column(schema, dry_run=False)

    assert [{"table": f"{schema.database}.{rig.table_name}", "status": "pending"}] == shown["details"]
    with instance.config.override(provenance__capture=True, provenance__source={"system": "b"}):
        rig.insert1({"rig": 2})
    first, second = column(rig, "prov")
    assert first is None
    assert {"system": "b"} == second["source"]
    assert "prov" not in fit.with_metadata().heading.names


@pytest.mark.statement("PRV-4", "PRV-6")
def test_rows_of_unknown_origin_are_adopted(schema):
    rig = manual(schema)
    rig.insert1({"rig": 1})
    table = rig.connection.dialect.table(rig().name)
    rig.connection.query(f"INSERT INTO {table} (rig, name) VALUES (2, 'theirs')")

    assert {f"{schema.database}.{rig.table_name}": 1} == dj.deploy.adopt(rig)
    assert [1] == rig.event().to_arrays("rig").tolist()
    dj.deploy.adopt(schema, dry_run=False)

    assert ["insert", "adopt"] == rig.event().to_arrays("kind", order_by="rig").tolist()
    assert {f"{schema.database}.{rig.table_name}": 0} == dj.deploy.adopt(rig)


@pytest.mark.statement("PRV-4", "JOB-19")
def test_what_is_no_table(schema):
    with pytest.raises(DataJointError, match="A schema or a table is wanted, not int"):
        dj.deploy.add_prov_column(3)
