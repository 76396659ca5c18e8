# ruff: noqa: DTZ001 - datetimes are naive, UTC by convention
import datetime as dt
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st

from datajoint._value import replace
from datajoint.declare.default import NULL, default_text
from datajoint.declare.describe import describe
from datajoint.declare.parse import parse
from datajoint.declare.resolve import resolve
from datajoint.declare.spec import TableSpec
from datajoint.declare.syntax import (
    AttributeLine,
    CheckLine,
    Definition,
    ForeignKeyLine,
    IndexLine,
    Reference,
    Span,
)
from datajoint.heading.attribute import Default
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type

FIXTURES = Path(__file__).parents[2] / "fixtures" / "definitions" / "accepted"
ACCEPTED = sorted(path for path in FIXTURES.glob("*.txt") if ".described" not in path.name)
SPAN = Span(1, 0, 1)


@pytest.mark.statement("DEF-26", "DEF-2", "DEF-4", "DEF-6", "DEF-16", "FK-1", "IDX-5")
@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_a_definition_is_described_in_one_form(path, declared, name_of):
    spec = declared(path.read_text(encoding="utf-8"))
    described = describe(spec, name_of)
    assert path.with_suffix(".described.txt").read_text(encoding="utf-8") == described
    assert spec == declared(described)


@pytest.mark.statement("DEF-26", "FK-11")
@pytest.mark.parametrize(
    "text",
    [
        "subject : int32\n---\n-> [unique] Subject",
        "session : int16\nsubject : int32\n-> Session",
        "-> Session\n-> Trial\n---\n-> [nullable] Trial.proj(next='trial')",
        "-> Trial\n-> Sex.proj(a='sex')\n---\n-> Sex.proj(b='sex')\n-> Session",
        "a : int32\n---\nsession = null : int16\n-> [nullable] Trial",
        "a : int32\n---\n-> Trial\n-> [nullable] Session.proj(other='session')\n-> Session",
        "-> Rig\n---\n-> Sex",
        "a : int32\n---\n-> Session.proj(**{'class': 'session'}, s='subject')",
        "a : int32\n-> Rig\n---\n-> Rig",
        "-> Numbered\n---\n-> [nullable] Numbered.proj(second='id')",
        "a : int32\nb : int32\n---\n-> Self.proj(c='a')\n-> Self.proj(d='b')\n-> Self.proj(c='a', d='b')",
        "---\nsex : enum('M','F')\n-> Sex",
    ],
)
def test_references_stand_where_they_bring_their_columns(text, declared, name_of):
    spec = declared(text)
    again = declared(describe(spec, name_of))
    assert _without_comments(spec) == _without_comments(again)


def _without_comments(spec: TableSpec) -> TableSpec:
    """A column that has a line of its own beside a reference gets the comment of the parent instead."""
    return replace(spec, attributes=tuple(replace(a, comment="") for a in spec.attributes))


@pytest.mark.statement("DEF-26", "FK-7", "FK-8")
def test_options_and_renames_are_written(declared, name_of):
    text = "-> [unique] Trial\n---\n-> [nullable, unique] Trial.proj(s='session', t='trial')\n"
    assert text == describe(declared(text), name_of)


@pytest.mark.statement("DEF-26")
def test_a_table_read_from_a_database_is_written_as_a_definition(declared, name_of):
    spec = declared("a : int16\n---\nb = 3 : int16\nc = null : date\nd : varchar(9)")
    a, b, c, d = spec.attributes
    found = replace(
        spec,
        comment="two\nlines",
        attributes=(
            a,
            replace(b, default=Default("literal", 3, "'3'::smallint")),
            replace(c, default=None),
            replace(d, default=Default("literal", 'it\'s "so" # x', "")),
        ),
        hidden=(replace(a, name="_job_duration"),),
    )
    assert (
        "# two lines\n"
        "a                    : int16\n---\n"
        "b=3                  : int16\n"
        "c=null               : date\n"
        "d='it''s \"so\" # x'   : varchar(9)\n"
    ) == describe(found, name_of)


ONE_LINE = st.text(st.characters(exclude_characters="\0\n\r", codec="utf-8"), max_size=12)
COMMENTS = ONE_LINE.map(str.strip).filter(lambda text: not text.startswith(":")) | st.sampled_from(
    ["100 %", 'say "hi"', "it's", "{a} # b", "\\", "---", "-> Sex", "a : int32"]
)
ENDED = ONE_LINE.filter(lambda text: bool(text) and not text.endswith(" "))
LABELS = st.lists(ENDED, min_size=1, max_size=3, unique=True)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,4}", fullmatch=True)
LITERALS = {
    "int8": st.integers(-128, 127),
    "uint64": st.integers(0, 2**64 - 1),
    "float64": st.floats(allow_nan=False, allow_infinity=False),
    "decimal(6,2)": st.integers(-999999, 999999).map(lambda n: Decimal(n).scaleb(-2)),
    "bool": st.booleans(),
    "varchar(12)": ONE_LINE,
    "date": st.dates(dt.date(1000, 1, 1)),
    "datetime(6)": st.datetimes(dt.datetime(1000, 1, 1)),
    "uuid": st.uuids().map(lambda u: UUID(int=u.int)),
    "longblob": st.nothing(),
    "<blob@main>": st.nothing(),
    "json": st.nothing(),
}


@st.composite
def attribute_lines(draw, in_key):
    if draw(st.booleans()):
        labels = draw(LABELS)
        dtype = parse_type(
            "enum(" + ", ".join("'" + label.replace("'", "''") + "'" for label in labels) + ")"
        )
        literals = st.sampled_from(labels)
    else:
        text = draw(st.sampled_from([t for t in LITERALS if not in_key or not LITERALS[t].is_empty]))
        dtype, literals = parse_type(text), LITERALS[text]
    defaults = st.none() | literals.map(lambda value: Default("literal", value))
    defaults = defaults if in_key else defaults | st.just(NULL)
    default = draw(defaults)
    if default is not None:
        default = replace(default, text=default_text(default, dtype))
    return AttributeLine(draw(NAMES), dtype, default, draw(COMMENTS), in_key, SPAN)


@st.composite
def references(draw, in_key, tables):
    path = draw(st.sampled_from(sorted(tables)))
    key = [name for name in tables[path].primary_key if not name.startswith("_")]
    olds = draw(st.lists(st.sampled_from(key), unique=True)) if key else []
    news = draw(st.lists(NAMES, min_size=len(olds), max_size=len(olds), unique=True))
    options = draw(st.sets(st.sampled_from(["unique"] if in_key else ["nullable", "unique"])))
    reference = Reference(path, tuple(zip(news, olds, strict=True)), "")
    return ForeignKeyLine(reference, frozenset(options), in_key, SPAN)


@st.composite
def specs(draw, tables, find):
    """Tables made of a random definition in which no name is introduced twice, but by references."""
    lines, taken = [], {name for spec in tables.values() for name in spec.primary_key}
    for in_key in (True, False):
        for line in draw(st.lists(attribute_lines(in_key) | references(in_key, tables), max_size=4)):
            names = {line.name} if isinstance(line, AttributeLine) else {n for n, _ in line.reference.renames}
            if taken.isdisjoint(names):
                lines.append(line)
                taken |= names
    name = TableName("lab", "child")
    own = [a.name for a in resolve(Definition("Child", "", tuple(lines), " "), name, find).attributes]
    if own:
        columns = draw(st.lists(st.sampled_from(own), min_size=1, max_size=3, unique=True))
        lines.append(IndexLine(tuple(columns), draw(st.booleans()), SPAN))
    lines.append(CheckLine("", "a > 0 and b <> ')#'", draw(COMMENTS), SPAN))
    return resolve(Definition("Child", draw(COMMENTS), tuple(lines), " "), name, find)


@pytest.mark.statement("DEF-26", "DEF-16", "TYP-7")
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_parse_and_resolve_undo_describe(tables, find, name_of, data):
    spec = data.draw(specs(tables, find))
    described = describe(spec, name_of)
    assert spec == resolve(parse(described, "Child"), spec.name, find), described
