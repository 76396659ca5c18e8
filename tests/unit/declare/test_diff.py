import pytest

from datajoint._value import replace
from datajoint.declare.diff import diff, same_type
from datajoint.declare.resolve import with_event
from datajoint.declare.spec import ForeignKey, Index, TableSpec
from datajoint.heading.attribute import Default
from datajoint.heading.types import parse_type

TEXT = """# one visit
-> Subject
session : int16   # number
---
-> [nullable] Sex.proj(other='sex')
score = 0.5 : float64   # raw
at = CURRENT_TIMESTAMP : datetime(3)
index (score, at)
check positive (score >= 0)
"""


def changed(found: TableSpec, wanted: TableSpec) -> list[tuple[str, str]]:
    return [(change.kind, change.text) for change in diff(found, wanted)]


@pytest.mark.statement("DEF-27")
def test_the_same_definition_does_not_differ(declared):
    assert () == diff(
        with_event(declared(TEXT)), declared(TEXT.replace("# raw", "#raw").replace("0.5", "'0.5'"))
    )


@pytest.mark.statement("DEF-27")
@pytest.mark.parametrize(
    ("old", "new", "kind", "text"),
    [
        ("# one", "# two", "table_comment", "the table comment is 'one visit', defined as 'two visit'"),
        ("int16", "int32", "attribute_type", "`session` is int16, defined as int32"),
        ("# number", "", "attribute_comment", "the comment of `session` is 'number', defined as ''"),
        ("0.5", "1", "attribute_default", "the default of `score` is 0.5, defined as 1"),
        ("score = 0.5", "score", "attribute_default", "the default of `score` is 0.5, defined as none"),
        ("datetime(3)", "datetime", "attribute_type", "`at` is datetime(3), defined as datetime"),
        ("index (score, at)", "", "index_dropped", "the index on (score, at) is not in the definition"),
        ("index (", "unique index (", "index_added", "the unique index on (score, at) is not in the table"),
        ("> Sub", "> [unique] Sub", "foreign_key_added",
         "the unique reference from (subject) to `lab.subject` is not in the table"),
        ("check positive (score >= 0)", "", "check_dropped", "the check `positive` is not in the definition"),
        ("score >= 0)", "score > 0)", "check_changed",
         "the check `positive` is (score >= 0), defined as (score > 0)"),
        ("check", "more : int8\ncheck", "attribute_added", "`more` is not in the table"),
    ],
)  # fmt: skip
def test_a_difference_is_told_in_words(declared, old, new, kind, text):
    assert (kind, text) in changed(declared(TEXT), declared(TEXT.replace(old, new)))


@pytest.mark.statement("DEF-27")
def test_nullability_key_and_references(declared):
    found = declared("a : int32\n---\nb = null : int32\n-> Sex")
    wanted = declared("a : int32\nc : int32\n---\nb : int32\nsex : enum('M','F')")
    assert [
        ("primary_key", "the primary key is (a), defined as (a, c)"),
        ("attribute_added", "`c` is not in the table"),
        ("attribute_nullable", "`b` is nullable, defined as required"),
        ("attribute_comment", "the comment of `sex` is 'sex of the subject', defined as ''"),
        ("foreign_key_dropped", "the reference from (sex) to `lab.#sex` is not in the definition"),
    ] == changed(found, wanted)


@pytest.mark.statement("DEF-27")
def test_what_a_database_adds_or_loses_does_not_count(declared):
    wanted = declared(TEXT + "unique index ((lower(other)))")
    subject, session, other, score, at = wanted.attributes
    found = replace(
        wanted,
        attributes=(
            replace(subject, dtype=parse_type("int"), comment="", lineage=None),
            replace(other, dtype=parse_type("varchar(5)"), comment="", default=None),
            replace(session, dtype=parse_type("smallint")),
            replace(at, default=Default("now", 3, "current_timestamp(3)")),
            replace(score, default=Default("literal", 0.5, "'0.5'::double precision")),
        ),
        foreign_keys=wanted.foreign_keys[::-1],
        indexes=(Index(("other",)), Index(("score", "at")), Index(("(lower(other::text))",), unique=True)),
    )
    assert [("attribute_type", "`other` is varchar(5), defined as enum('M','F')")] == changed(found, wanted)


@pytest.mark.statement("DEF-27", "FK-8")
def test_a_unique_reference_may_be_found_as_an_index(declared):
    wanted = declared("a : int32\n---\n-> [unique] Sex")
    (fk,) = wanted.foreign_keys
    assert isinstance(fk, ForeignKey)
    found = replace(
        wanted, foreign_keys=(replace(fk, unique=False),), indexes=(Index(("sex",), unique=True),)
    )
    assert () == diff(found, wanted)


@pytest.mark.statement("DEF-27", "TYP-15")
@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        ("int8", "int8", True),
        ("tinyint", "bool", True),
        ("smallint", "int8", True),
        ("int unsigned", "uint32", True),
        ("bigint", "uint32", True),
        ("longblob", "<blob>", True),
        ("bytea", "bytes", True),
        ("jsonb", "<blob@main>", True),
        ("longtext", "json", True),
        ("double precision", "float64", True),
        ("numeric(5,2)", "decimal(5,2)", True),
        ("decimal(5, 2)", "decimal(5,2)", True),
        ('enum("a", "b")', "enum('a','b')", True),
        ("datetime", "datetime(0)", True),
        ("int8", "bool", False),
        ("int16", "int8", False),
        ("numeric(5,1)", "decimal(5,2)", False),
        ("varchar(5)", "varchar(6)", False),
        ("char(5)", "varchar(5)", False),
        ("enum('b','a')", "enum('a','b')", False),
        ("<blob>", "<blob@main>", False),
        ("<blob>", "<attach>", False),
        ("int auto_increment", "int32", False),
        ("float", "float64", False),
        ("bit(1)", "BIT(1)", True),
        ("bit(1)", "bit(2)", False),
    ],
)
def test_types(found, wanted, same):
    assert same == same_type(parse_type(found), parse_type(wanted))
