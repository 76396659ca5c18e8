"""Which statement a text of SQL is."""

import pytest

from datajoint.backends.registry import get_backend
from datajoint.engine.user_sql import first_word

TEXTS = {
    "drop table a": "DROP",
    "  \n\tDROP TABLE a": "DROP",
    "-- one\n--two\n drop table a": "DROP",
    "/* a */ /**/drop table a": "DROP",
    "/* a -- b */ drop table a": "DROP",
    "-- /* a\n drop table a": "DROP",
    "(select 1)": "SELECT",
    "-- nothing": "",
    "/* never ends": "",
    "": "",
}


@pytest.mark.parametrize("name", ["sqlite", "postgresql", "mysql"])
@pytest.mark.parametrize("text", TEXTS)
def test_the_first_word_stands_behind_blanks_and_comments(text, name):
    assert TEXTS[text] == first_word(text, get_backend(name).dialect)


def test_databases_differ_in_comments():
    mysql, postgresql = get_backend("mysql").dialect, get_backend("postgresql").dialect
    assert "DROP" == first_word("/*!50000 DROP TABLE a */", mysql)
    assert "DROP" == first_word("# all\nDROP TABLE a", mysql)
    nested = "/* a /* b */ select */ drop table a"
    assert ("SELECT", "DROP") == (first_word(nested, mysql), first_word(nested, postgresql))
