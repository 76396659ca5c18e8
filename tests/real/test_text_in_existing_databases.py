"""The tests of queries and texts, repeated in databases that another program created: TYP-20.

Such databases have the default collation of the server, or one that compares texts in its own way.
"""

# ruff: noqa: F403 - these are the tests of other modules, with other fixtures

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

import datajoint as dj
from conformance.test_query_aggregation import *
from conformance.test_query_join import *
from conformance.test_query_outer_join import *
from conformance.test_query_projection import *
from conformance.test_query_restriction import *
from conformance.test_query_top import *
from conformance.test_query_union import *
from conformance.test_query_universal import *
from conformance.test_text_queries import *
from datajoint.testing.reference import rows_of
from plugins.lab import Lab, bag, declare, fill

pytestmark = [pytest.mark.backends("mysql"), pytest.mark.statement("TYP-20")]

SERVER = "server"
"""Whatever collation the server was configured with."""


def creating(collation: str, name: str) -> str:
    """Return the statement by which another program creates a database."""
    kind = collation.partition("_")[0]
    options = "" if collation == SERVER else f" CHARACTER SET {kind} COLLATE {collation}"
    return f"CREATE DATABASE `{name}`{options}"


@pytest.fixture(scope="module", params=[SERVER, "utf8mb4_bin"])
def empty_schema(request: pytest.FixtureRequest, backend: Any) -> Iterator[Callable[[], Any]]:
    """Give a function that returns the schema of a new database of such a collation."""
    instance = dj.Instance(**backend.settings, safemode=False)
    names: list[str] = []

    def make() -> Any:
        names.append(f"djt_{secrets.token_hex(4)}_{request.param}")
        instance.connection.query(creating(request.param, names[-1]))
        return instance.Schema(names[-1])

    yield make
    for name in names:
        with suppress(Exception):
            instance.connection.query(f"DROP DATABASE `{name}`")
    instance.connection.close()


@pytest.fixture(scope="module")
def lab(empty_schema: Callable[[], Any]) -> Lab:
    """Give the laboratory, in a database of another program."""
    tables = declare(dj, empty_schema())
    fill(tables)
    return tables


@pytest.fixture
def schema(empty_schema: Callable[[], Any]) -> Any:
    """Return an empty schema, in a database of another program."""
    return empty_schema()


# ------------------------------------------------------------------ every function of text, by the reference

WORDS = [
    {"word": "abc", "note": "Note", "opt": "abc", "kind": "a", "fix": "abc", "f": 1.5},
    {"word": "e", "note": "E", "opt": None, "kind": "B", "fix": "N", "f": None},
    {"word": "Zx_", "note": "a%b", "opt": "ABC", "kind": "c", "fix": "E", "f": -2.0},
    {"word": "o", "note": "Ö", "opt": "ö", "kind": "c", "fix": "ö", "f": 0.0},
]
EXPRESSIONS = r"""
instr(word, 'b') | instr(word, 'B') | instr(word, opt) | instr(word, concat('b', 'c')) | instr('abc', word)
locate('B', word) | position('b' in word) | replace(word, 'b', 'x') | replace(word, 'B', 'x')
replace(word, opt, note) | nullif(word, 'abc') | nullif(word, 'ABC') | nullif(word, opt) | nullif('abc', word)
concat(word, 'x') | concat(word, note) | concat(word, f) | word || note | concat_ws('-', word, note, kind)
concat(kind, word) | concat(fix, 'x') | left(word, 1) | right(word, 1) | substring(word, 2, 1) | trim(word)
trim('a' from word) | ltrim(word, 'a') | trim(both note from concat(note, word)) | rpad(word, 5, note)
lpad(word, 5) | reverse(word) | repeat(word, 2) | char_length(word) | upper(word) | lower(note)
coalesce(opt, word) | ifnull(opt, 'x') | greatest(word, opt) | least(word, 'ABC', note) | cast(f as char)
case when word = 'abc' then word else 'y' end | case word when 'ABC' then note when 'abc' then opt end
if(word = opt, note, opt) | word like 'A%' | word not like 'a%' | note like 'a\%b' | note like 'a!%b' escape '!'
word like opt | word ilike 'A%' | word regexp '^a' | word not regexp '^A' | word regexp concat('^', opt)
word = opt | word <> opt | word <=> opt | word < opt | word in ('abc', 'ABCD') | word in (note, opt)
word between 'a' and 'b' | note > 'a' | kind = 'a' | kind < 'b' | kind like 'B%' | fix = word | fix like 'a%'
word = kind | opt is null | 'e' = note | 'ABC' in (word, opt) | (note) | (kind) | (fix)
"""


@pytest.fixture(
    scope="module",
    params=[SERVER, "utf8mb4_bin", "utf8mb4_general_ci", "utf8mb3_general_ci", "latin1_swedish_ci"],
)
def words(request: pytest.FixtureRequest, backend: Any) -> Iterator[Any]:
    """Give a table of texts in a database of each collation."""
    instance = dj.Instance(**backend.settings, safemode=False)
    name = f"djt_{secrets.token_hex(4)}_words"
    instance.connection.query(creating(request.param, name))
    schema = instance.Schema(name)

    @schema
    class Word(dj.Manual):
        definition = """
        word : varchar(20)
        ---
        note : varchar(20)
        opt=null : varchar(20)
        kind : enum('a', 'B', 'c')
        fix=null : char(5)
        f=null : float64
        """

    Word.insert(WORDS)
    yield Word
    instance.connection.query(f"DROP DATABASE `{name}`")
    instance.connection.close()


def asked(words: Any, text: str) -> Iterator[Any]:
    """Return what can be asked of one computed value."""
    computed = words.proj(..., z=text)
    yield computed
    yield dj.U("z").aggr(computed, n="count(*)")
    yield dj.U("z") & computed
    yield dj.U("z", "kind").aggr(
        computed, least="min(z)", many="count(distinct z)", listed="group_concat(z order by z desc, word)"
    )
    yield dj.U().aggr(computed, listed="group_concat(distinct note separator ';')", most="max(note)")
    yield computed & "z = z or z is null"
    yield computed & dj.Top(2, ["z desc", "word"])
    yield words.aggr(computed.proj("z"), last="max(z)")
    yield words.proj("note") * computed.proj("z") & "note <> 'x'"
    yield words.proj() & (computed & "z is not null")
    yield words.proj() + computed.proj("z")


@pytest.mark.parametrize(
    "text", [e.strip() for line in EXPRESSIONS.split("\n") for e in line.split(" | ") if e.strip()]
)
def test_texts_have_one_meaning(words: Any, text: str) -> None:
    rows = {words().name: WORDS}
    for query in asked(words, text):
        assert bag(rows_of(query.query, rows)) == bag(query.to_dicts())
