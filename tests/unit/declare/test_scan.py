import pytest

from datajoint.declare.scan import UnclosedQuoteError, find_outside, logical_lines, split_outside
from datajoint.declare.syntax import Span


def lines(text: str) -> list[tuple[str, str | None]]:
    return [(line.text, line.comment) for line in logical_lines(text)]


@pytest.mark.statement("DEF-1")
def test_blank_lines_and_indentation_do_not_matter():
    assert lines("a : int32\nb : int32") == lines("\n\n   a : int32   \r\n\n\t b : int32\n  ")


@pytest.mark.statement("DEF-16")
def test_a_comment_begins_at_the_first_hash_outside_quotes():
    assert [("a = '#' : char(1)", "it's # \"so")] == lines("a = '#' : char(1)  # it's # \"so")


@pytest.mark.statement("DEF-28")
def test_a_backslash_continues_the_line():
    assert [("kind : enum('a', 'b')", "two")] == lines("kind : enum('a', \\\n   'b') # two")


@pytest.mark.statement("DEF-28", "DEF-16")
def test_a_backslash_in_a_comment_is_a_character():
    assert [("a : int32", "C:\\"), ("b : int32", None)] == lines("a : int32 # C:\\\nb : int32")


def test_places_are_those_of_the_text():
    (line,) = logical_lines("\n  kind : enum('a', \\\n     'b')")
    assert Span(3, 5, 8) == line.span(line.text.index("'b'"), line.text.index("'b'") + 3)
    assert Span(2, 2, 6) == line.span(0, 4)


def test_finding_passes_over_quotes_and_brackets():
    assert 8 == find_outside("a = ':' : x", ":")
    assert -1 == find_outside("f(a, b)", ",", nested=False)
    assert ["a", "f(b, ',')", ""] == split_outside("a, f(b, ','),")


def test_an_open_quote_is_reported_where_it_opens():
    with pytest.raises(UnclosedQuoteError) as caught:
        find_outside("a = 'b : c", ":")
    assert 4 == caught.value.position
