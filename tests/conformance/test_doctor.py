"""`dj doctor` and `dj migrate`: which release wrote a schema, what does not work, what an upgrade would change."""

import json

import pytest

import datajoint as dj
from datajoint.migrate.generations import examine
from datajoint.migrate.plan import plan

pytestmark = pytest.mark.statement("CLI-2", "LIN-8", "TYP-18", "COD-25")


@pytest.fixture
def scan(declare):
    subject = declare("Subject", "subject_id : int32\n---\ntrace=null : <blob>")
    table = declare("Scan", "-> Subject\nscan : int16")
    subject.insert1({"subject_id": 1, "trace": [1, 2]})
    return table


def sql(schema, text: str, *names: str) -> None:
    """Run SQL whose {} are the quoted names of tables of a schema."""
    dialect = schema.connection.dialect
    full = [
        dialect.table(dj.FreeTable(schema.connection, f"{schema.database}.{name}").name) for name in names
    ]
    schema.connection.query(text.format(*full))


def found(schema) -> dict[str, str]:
    return {one.where.removeprefix(f"{schema.database}."): one.text for one in examine(schema).findings}


def test_a_schema_of_this_release_is_well(schema, scan):
    report = examine(schema)
    assert ("3.0", {"3.0": 2}, (), ()) == (report.generation, report.tables, report.left, report.findings)
    assert [] == plan(schema)


def test_lineage_that_is_missing_or_contradicts_is_named(schema, scan):
    sql(
        schema,
        "UPDATE {} SET lineage = 'a.b.c' WHERE table_name = 'scan' AND attribute_name = 'subject_id'",
        "~lineage",
    )
    own = f"{schema.database}.subject"
    assert {"scan.subject_id": f"`~lineage` says a.b.c, but it refers to `{own}`: {own}.subject_id"} == found(
        schema
    )
    sql(schema, "DELETE FROM {} WHERE table_name = 'scan' AND attribute_name = 'subject_id'", "~lineage")
    assert {"scan.subject_id": "has no row in `~lineage`: it is matched by name"} == found(schema)
    sql(schema, "DROP TABLE {}", "~lineage")
    assert "rebuild_lineage() makes it" in found(schema)["~lineage"]
    assert 1 == len(schema["Subject"])  # the rest stays usable


def test_queues_of_an_unknown_layout_are_named(schema, scan):
    sql(schema, "CREATE TABLE {} (id int PRIMARY KEY, status varchar(10))", "~~fit")
    sql(schema, "CREATE TABLE {} (table_name varchar(10) PRIMARY KEY, status varchar(10))", "~jobs")
    assert {
        "~~fit": "is no queue of a known layout: it lacks error_message, priority, reserved_time, scheduled_time",
        "~jobs": "is no queue of a known layout: it lacks error_message, key, key_hash",
    } == found(schema)


@pytest.mark.backends("mysql")
def test_labels_that_mean_nothing_are_named(schema, scan):
    sql(
        schema,
        "CREATE TABLE {} (id int PRIMARY KEY, a longblob COMMENT ':<unheard>:a', b int COMMENT ':int31:b', "
        "c int COMMENT ':int32', d json COMMENT ':<blob@nowhere>:', e binary(16) COMMENT ':external-raw:', "
        "f json COMMENT ':<blob>:', f_v1 binary(16))",
        "old",
    )
    said = found(schema)
    assert ["old.a", "old.b", "old.c", "old.d", "old.e", "old.f"] == sorted(said)
    assert "the codec <unheard> is not installed" in said["old.a"]
    assert "`int31` is no type of this release: the native type `int` counts" == said["old.b"]
    assert "':int32' begins like a type and is none" in said["old.c"]
    assert "its store `nowhere` is not configured" in said["old.d"]
    assert "a type of 0.11" in said["old.e"]
    assert "half migrated: `f_v1`" in said["old.f"]
    assert {"2.x": 1, "3.0": 2} == examine(schema).tables


def test_the_plan_of_native_columns(schema, declare):
    native = {"postgresql": "bytea", "mysql": "longblob", "sqlite": "BLOB"}[schema.connection.backend.name]
    sql(schema, f"CREATE TABLE {{}} (id int PRIMARY KEY, x int, trace {native})", "old")
    literal = schema.connection.dialect.literal
    for n, data in enumerate((b"mYm\0abc", b"dj0\0\xff", b"ZL123\0ab", b"others")):
        sql(schema, f"INSERT INTO {{}} VALUES ({n}, 1, {literal(data)})".replace("%", "%%"), "old")
    steps = {step.kind: step for step in plan(schema)}
    assert (4, 7 + 5 + 8 + 6) == (steps["blob"].rows, steps["blob"].size)
    assert "1 values are no packed blobs" in steps["blob"].note
    assert "0.14" in steps["blob"].loses
    assert "2.x" not in examine(schema).generation


def test_the_commands(shop):
    assert shop.dj("doctor", shop.schema).out.splitlines()[1].split()[:2] == [shop.schema, "3.0"]
    [said] = json.loads(shop.dj("doctor", shop.schema, "--json").out)
    assert ("3.0", {"3.0": 3}, []) == (said["generation"], said["tables"], said["findings"])
    assert "nothing to upgrade\n" == shop.dj("migrate", shop.schema).out
    assert {shop.schema: []} == json.loads(shop.dj("migrate", shop.schema, "--json").out)
