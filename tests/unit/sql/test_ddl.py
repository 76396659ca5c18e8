"""The statements that make tables, compared with those of the formats we share (interop §1.10)."""

from pathlib import Path

import pytest

from datajoint._value import replace
from datajoint.backends.registry import get_backend
from datajoint.declare.parse import parse
from datajoint.declare.resolve import SELF, resolve
from datajoint.declare.spec import Index
from datajoint.errors import UnknownTypeError
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.sql.ddl import create_schema, create_table, drop_table, write_lineage

FIXTURES = Path(__file__).parents[2] / "fixtures" / "ddl"
DEFINITION = (FIXTURES / "session.txt").read_text(encoding="utf-8")
BACKENDS = ("sqlite", "postgresql", "mysql")


def specify(text, name, parent=SELF):
    return resolve(parse(text), TableName("lab", name), lambda _: parent)


def texts(spec, backend, storage=None, **options):
    statements = create_table(spec, storage or {}, get_backend(backend).dialect, **options)
    return ";\n".join(text for text, _ in statements)


@pytest.fixture
def sex():
    return specify("sex : enum('M','F')", "#sex")


@pytest.mark.parametrize("name", BACKENDS)
def test_the_worked_example(name, sex):
    spec = specify(DEFINITION, "_session", sex)
    expected = (FIXTURES / f"session.{name}.sql").read_text(encoding="utf-8")
    assert expected == texts(spec, name, {"trace": parse_type("bytes")}) + "\n"


def test_an_index_that_the_key_gives_already_is_not_made(sex):
    spec = specify("-> Sex\nn : int8", "a", sex)
    assert "CREATE INDEX" not in texts(spec, "postgresql")
    turned = replace(spec, primary_key=("n", "sex"))
    assert 'CREATE INDEX IF NOT EXISTS "idx_a_sex" ON "lab"."a" ("sex")' in texts(turned, "postgresql")
    indexed = replace(turned, indexes=(Index(("sex", "n")),))
    assert 1 == texts(indexed, "postgresql").count("CREATE INDEX")


@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_long_index_names_stay_apart(name):
    long = "x" * 50
    spec = specify(f"{long}a : int8\n---\n{long}b : int8\nindex ({long}b)\nunique index ({long}b)", "t")
    dialect = get_backend(name).dialect
    names = [t.split(" ON ")[0].split()[-1] for t, _ in create_table(spec, {}, dialect) if "INDEX" in t]
    assert 2 == len(set(names))
    assert all(len(name) <= dialect.max_identifier + 2 for name in names)


def test_a_percent_sign_is_doubled_where_the_driver_formats():
    spec = specify("x : int8 # 100%", "t")
    assert "100%%" in texts(spec, "mysql")
    assert "100%'" in texts(spec, "postgresql")


def test_a_column_takes_the_collation_of_what_it_refers_to(sex):
    spec = specify("-> Sex", "a", sex)
    made = texts(spec, "mysql", collations={"sex": "CHARACTER SET latin1 COLLATE latin1_bin"})
    assert "`sex` enum('M','F') CHARACTER SET latin1 COLLATE latin1_bin NOT NULL" in made


def test_rowids_only_where_values_are_long():
    assert texts(specify("x : int8\n---\ny : varchar(255)", "t"), "sqlite").count("WITHOUT ROWID")
    assert not texts(specify("x : int8\n---\ny : varchar(256)", "t"), "sqlite").count("WITHOUT ROWID")
    assert not texts(specify("x : int8\n---\ny : json", "t"), "sqlite").count("WITHOUT ROWID")


def test_native_words_go_where_they_are_known():
    spec = specify("x : int unsigned\n---\ny : longtext", "t")
    assert "`x` int unsigned NOT NULL,\n" in texts(spec, "mysql")
    made = texts(spec, "postgresql")
    assert '"x" bigint NOT NULL CHECK ("x" BETWEEN 0 AND 4294967295)' in made
    assert "IS ':int unsigned:'" in made
    with pytest.raises(UnknownTypeError):
        texts(specify("x : int8\n---\ny : bit", "t"), "sqlite")


def test_an_enum_in_another_schema_keeps_its_type(sex):
    spec = resolve(parse("-> Sex"), TableName("other", "a"), lambda _: sex)
    made = texts(spec, "postgresql")
    assert '"lab"."enum_724cdf44"' in made
    assert "CREATE TYPE" not in made


def test_dropping_drops_enum_types_nobody_uses(sex):
    first, second = (text for text, _ in drop_table(sex, get_backend("postgresql").dialect))
    assert 'DROP TABLE "lab"."#sex"' == first
    assert 'DROP TYPE "lab"."enum_724cdf44"' in second
    assert "dependent_objects_still_exist" in second


def test_a_label_cannot_end_the_block():
    spec = specify("x : enum('$dj$','b')", "t")
    assert texts(spec, "postgresql").startswith("DO $djj$ BEGIN CREATE TYPE")


def test_lineage_rows_are_those_with_one(sex):
    spec = specify("-> Sex\nn : int8\n---\nv : int8", "a", sex)
    delete, insert = write_lineage(spec, get_backend("postgresql").dialect)
    assert delete[0].endswith("""WHERE "table_name" = 'a'""")
    assert insert[0].endswith(
        "VALUES ('a', 'sex', 'lab.#sex.sex'), ('a', 'n', 'lab.a.n') ON CONFLICT DO NOTHING"
    )


def test_a_schema_gets_the_collation_asked_for():
    assert [
        ("CREATE DATABASE IF NOT EXISTS `a` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", ())
    ] == create_schema("a", get_backend("mysql").dialect, "utf8mb4_bin")
