import re
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from datajoint.declare.parse import parse
from datajoint.declare.syntax import AttributeLine, CheckLine, ForeignKeyLine, IndexLine
from datajoint.errors import (
    DataJointWarning,
    DeclarationError,
    DefinitionSyntaxError,
    ForeignKeyTargetError,
    UnknownTypeError,
)

FIXTURES = Path(__file__).parents[2] / "fixtures" / "definitions"
REFUSED = sorted(path for path in (FIXTURES / "refused").glob("*.txt") if ".error" not in path.name)


def names(text: str) -> list[str]:
    return [line.name for line in parse(text).lines if isinstance(line, AttributeLine)]


def refusal(text: str, kind: type[Exception] = DefinitionSyntaxError) -> str:
    with pytest.raises(DeclarationError) as caught:
        parse(text, "Session")
    assert kind is type(caught.value)
    return str(caught.value)


@pytest.mark.statement("DEF-19")
@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_everything_that_is_wrong_is_reported_at_once(path):
    with pytest.raises(DeclarationError) as caught:
        parse(path.read_text(encoding="utf-8"), "Session")
    expected = path.with_suffix(".error.txt").read_text(encoding="utf-8").rstrip("\n")
    assert expected == str(caught.value)


@pytest.mark.statement("DEF-19")
def test_the_message_points_at_the_place():
    assert (
        "Declaration error in position 20 in line 3 of `Session`:\n"
        "  session_date = today date\n"
        "                 ^ expected `name = default : type`"
    ) == refusal("\n    a : int32\n    session_date = today date")
    with pytest.raises(DefinitionSyntaxError) as caught:
        parse("a : int32\nb", "Session")
    assert {"line": 2, "position": 2, "problems": 1} == caught.value.context


@pytest.mark.statement("DEF-2", "DEF-4")
def test_the_first_line_may_be_the_comment_of_the_table():
    assert "it's # one" == parse("\n\n  # it's # one\n# two\na : int32\n# three").comment
    assert "" == parse("a : int32\n# two").comment


@pytest.mark.statement("DEF-3", "DEF-17")
def test_comments_do_not_begin_with_a_colon():
    assert "table comment must not begin with a colon" in refusal("#:x\na : int32")
    assert "comment must not begin with a colon" in refusal("a : int32 # : x")


@pytest.mark.statement("DEF-5")
@pytest.mark.parametrize("divider", ["---", "----------", "  ---  ", "--- # key above", "--- key above"])
def test_dashes_end_the_key(divider):
    assert [True, False] == [line.in_key for line in parse(f"a : int32\n{divider}\nb : int32").lines]


@pytest.mark.statement("DEF-5")
def test_without_dashes_all_is_key():
    assert [True, True] == [line.in_key for line in parse("a : int32\nb : int32").lines]


@pytest.mark.statement("DEF-6", "DEF-16")
def test_spaces_are_free():
    one, other = (
        parse(f"k : int32\n---\n{line}").lines[1]
        for line in ("name='a:#b':varchar(20)#it's", "name  =  'a:#b'  :  varchar(20)   #   it's  ")
    )
    assert (one.name, one.dtype, one.default, one.comment) == (
        other.name, other.dtype, other.default, other.comment,
    )  # fmt: skip
    assert ("name", "varchar(20)", "a:#b", "it's") == (
        one.name,
        one.dtype.text,
        one.default.value,
        one.comment,
    )


@pytest.mark.statement("DEF-16")
@pytest.mark.parametrize(
    "comment", ["100 % sure %s %(x)s", 'say "hi"', "it's", "{old} x", "naïve ü 漢", "a # b", "x: y", "\\"]
)
def test_a_comment_may_hold_any_character(comment):
    assert comment == parse(f"a : int32 # {comment}").lines[0].comment


@pytest.mark.statement("DEF-7")
@pytest.mark.parametrize("name", ["a", "a1", "session_date", "index", "check", "unique", "key", "order"])
def test_names(name):
    assert [name] == names(f"{name} : int32")


@pytest.mark.statement("DEF-7", "DEF-8")
@pytest.mark.parametrize("name", ["A", "aB", "1a", "ä", "a-b", "a.b", "`a`", '"a"', "_a", "__a", "_"])
def test_other_names_are_refused_with_the_line(name):
    assert f"  {name} : int32\n" in refusal(f"k : int32\n{name} : int32")


@pytest.mark.statement("DEF-9", "DEF-10")
def test_null_is_for_secondary_attributes():
    assert "null" == parse("a : int32\n---\nb = NULL : int32").lines[1].default.kind
    assert "Primary key attributes cannot be nullable" in refusal("a = Null : int32", DeclarationError)


@pytest.mark.statement("DEF-18", "DEF-20")
@pytest.mark.parametrize(
    ("type_", "words"),
    [
        ("int24", "Unsupported attribute type `int24`"),
        ("int32 foo", "Unsupported attribute type `int32 foo`"),
        ("Int32", "Unsupported attribute type"),
        ("varchar", "a length is needed"),
        ("int32 NOT  NULL", "default is null"),
        ("int32 default 5", "before the colon"),
        ("int32 unique", "unique index"),
        ("int32 primary key", "above the line"),
        ("int32 comment 'x'", "end of the line"),
        ("varchar(20) collate utf8_bin", "compared exactly"),
        ("varchar(20) character set utf8", "UTF-8"),
        ("filepath", "`<filepath>`"),
    ],
)
def test_types_are_whole_and_known(type_, words):
    assert words in refusal(f"a : {type_}", UnknownTypeError)


@pytest.mark.parametrize(
    "type_", ["blob@main", "attach", "attach@ main", "filepath@raw-data", "blob@", "filepath@"]
)
def test_stores_of_older_definitions_are_those_of_codecs(type_):
    (line,) = parse(f"a : {type_}").lines
    assert f"<{type_.replace(' ', '')}>" == line.dtype.text


@pytest.mark.statement("TYP-7", "DEF-20")
def test_values_of_an_enum_are_not_taken_for_syntax():
    (line,) = parse("""a : enum('not null', "it's", 'a, b', '#', 'c: d', 'e = f', 'g"h', 'unique')""").lines
    assert ("not null", "it's", "a, b", "#", "c: d", "e = f", 'g"h', "unique") == line.dtype.labels


@pytest.mark.statement("DEF-12")
def test_a_default_after_the_type_is_refused_with_the_right_spelling():
    assert "Write `a = 5 : int32`." in refusal("k : int32\n---\na : int32 = 5")


@pytest.mark.statement("DEF-15", "DEF-14", "DEF-12")
def test_a_default_that_does_not_fit_is_refused_at_its_place():
    assert "a = 300 : int8\n      ^ `300` is out of the range" in refusal("a = 300 : int8", DeclarationError)
    assert "no default but null" in refusal("k : int32\n---\na = '' : <blob>", DeclarationError)


@pytest.mark.statement("DEF-21")
def test_the_same_line_twice_is_a_warning():
    with pytest.warns(DataJointWarning, match="`a` of `Session` is declared twice"):
        definition = parse("a : int32 # x\na:int32#x", "Session")
    assert 1 == len(definition.lines)


@pytest.mark.statement("DEF-21")
@pytest.mark.parametrize("again", ["a : int16", "a = 3 : int32", "---\na : int32", "a : int32 # other"])
def test_an_attribute_twice_is_refused(again):
    assert "`a` is declared already, in line 1" in refusal(f"a : int32\n{again}", DeclarationError)


@pytest.mark.statement("DEF-22")
@pytest.mark.parametrize("text", ["", "\n  \n", "# only a comment", "# one\n# two"])
def test_an_empty_definition_is_refused(text):
    assert "`Session` is empty" in refusal(text)


@pytest.mark.statement("DEF-22")
@pytest.mark.parametrize("text", ["---", "---\na : int32", "# comment\n---"])
def test_a_divider_alone_is_a_definition(text):
    assert all(not line.in_key for line in parse(text).lines)


@pytest.mark.statement("FK-9", "FK-7", "FK-8")
@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("-> A", set()),
        ("->A", set()),
        ("-> [nullable] A", {"nullable"}),
        ("->[ UNIQUE ,Nullable ]A # comment", {"nullable", "unique"}),
        ("-> [] A", set()),
    ],
)
def test_options_of_a_reference(text, options):
    line = parse(f"k : int32\n---\n{text}").lines[1]
    assert isinstance(line, ForeignKeyLine)
    assert (options, "A") == (line.options, line.reference.path)


@pytest.mark.statement("FK-9", "FK-7")
def test_wrong_options_are_refused_by_name():
    assert "unknown option `uniq`" in refusal("-> [uniq] A")
    assert "cannot be nullable" in refusal("-> [nullable] A", DeclarationError)


@pytest.mark.statement("FK-3")
def test_a_derived_expression_is_refused():
    assert "only a table or its rename" in refusal("-> A & 'x=1'", ForeignKeyTargetError)


@pytest.mark.parametrize(
    ("written", "renames", "advice"),
    [
        ("(x, y) -> lab.A(a, b)", (("x", "a"), ("y", "b")), "-> lab.A.proj(x='a', y='b')"),
        ("( x )->A", (("x", ""),), "-> A.proj(x='…')"),
    ],
)
def test_the_old_way_of_renaming_is_read_with_a_notice(written, renames, advice):
    with pytest.warns(DataJointWarning, match=re.escape(f"`{advice}`")):
        (line,) = parse(written, table="B").lines
    assert (renames, frozenset()) == (line.reference.renames, line.options)


def test_the_old_way_of_renaming_has_options():
    with pytest.warns(DataJointWarning, match="older form"):
        (_, line) = parse("k : int32\n---\n(x) -> [nullable, unique] A(a)", table="B").lines
    assert {"nullable", "unique"} == line.options
    assert "2 new names stand for 1 attributes" in refusal("(x, y) -> A(a)")
    assert "cannot be nullable" in refusal("(x) -> [nullable] A(a)", DeclarationError)


@pytest.mark.statement("IDX-1", "IDX-4")
@pytest.mark.parametrize(
    ("text", "columns", "unique"),
    [
        ("index (a)", ("a",), False),
        ("INDEX(a,b)  # fast", ("a", "b"), False),
        ("Unique  Index ( a , b )", ("a", "b"), True),
        ("index ((lower(a)), b)", ("(lower(a))", "b"), False),
        ("index ((concat(a, ',', b)))", ("(concat(a, ',', b))",), False),
        ("unique index (a.b.c[0]:int32)", ("a.b.c[0]:int32",), True),
    ],
)
def test_indexes(text, columns, unique):
    (line,) = parse(text).lines
    assert isinstance(line, IndexLine)
    assert (columns, unique) == (line.columns, line.unique)


@pytest.mark.statement("IDX-1")
@pytest.mark.parametrize(
    "text", ["index (a", "index ()", "index (a b)", "index (a,)", "index (a, a)", "index x (a)"]
)
def test_broken_indexes_are_refused(text):
    refusal(f"a : int32\n{text}")


@pytest.mark.statement("TYP-22")
def test_checks():
    one, two = parse("check (a > 0)\nCHECK Positive (f(a) <> ')#' and b) # why").lines
    assert isinstance(one, CheckLine)
    assert isinstance(two, CheckLine)
    assert ("", "a > 0", "") == (one.name, one.condition, one.comment)
    assert ("positive", "f(a) <> ')#' and b", "why") == (two.name, two.condition, two.comment)
    assert "expected `check name (condition)`" in refusal("check x ()")


WORDS = (
    "a b1 int32 varchar(5) enum( ) ' \" # : = -> --- [ ] nullable A .proj( index check ( , null 5 <blob> _"
)
PIECES = st.sampled_from([*WORDS.split(), " ", "\n", "\\\n", "\t", "\r", "\0"])


@pytest.mark.statement("DEF-19")
@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=40))
@example("a = \\")
@example("\\\n#")
@example("->\\")
def test_any_text_is_read_or_refused_with_our_error(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(DeclarationError):
            assert text == parse(text, "Session").text
