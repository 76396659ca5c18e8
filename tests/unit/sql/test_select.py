"""Pair files of tests/fixtures/select: a query and its SQL on three databases.

``UPDATE_FIXTURES=1`` writes what comes out now; look at the difference before committing it.
"""

import os
import re
from pathlib import Path

import pytest

from datajoint.backends.registry import get_backend
from datajoint.sql.select import count_rows, exists_row, select_keys, select_rows
from datajoint.sql.statement import assemble
from plugins.tables import make_tables

FILE = Path(__file__).parents[2] / "fixtures" / "select" / "queries.txt"
BACKENDS = ("sqlite", "postgresql", "mysql")


def dialect(name):
    return get_backend(name).dialect


def blocks():
    return [block.strip("\n") for block in FILE.read_text(encoding="utf-8").split("\n\n") if block.strip()]


def write(code):
    query = make_tables().query(code).query
    lines = [code]
    for name in BACKENDS:
        statement = select_rows(query.plan, dialect(name))
        lines.append(f"    {name}: {statement.text}")
    values = list(query.values)
    return "\n".join([*lines, f"    values: {values!r}"] if values else lines)


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.splitlines()[0])
def test_pair_files(block):
    code = block.splitlines()[0]
    actual = write(code)
    if os.environ.get("UPDATE_FIXTURES"):
        texts = [actual if other.splitlines()[0] == code else other for other in blocks()]
        FILE.write_text("\n\n".join(texts) + "\n", encoding="utf-8")
    else:
        assert block == actual


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.splitlines()[0])
def test_every_placeholder_has_its_parameter(block, name):
    """Also where one value is used twice, and in the forms that count and look for a row."""
    query = make_tables().query(block.splitlines()[0]).query
    for make in (select_rows, count_rows, exists_row):
        statement = make(query.plan, dialect(name))
        marks = {"sqlite": r"\?\d*", "postgresql": r"\$\d+", "mysql": r"(?<!%)%s"}[name]
        without_texts = re.sub(r"'(?:[^']|'')*'", "", statement.text)
        assert len(statement.bind(query.values)) == len(re.findall(marks, without_texts))


@pytest.mark.parametrize("name", BACKENDS)
def test_equal_plans_give_equal_text(name):
    for block in blocks():
        code = block.splitlines()[0]
        first, second = (
            select_rows(make_tables().query(code).query.plan, dialect(name)).text for _ in range(2)
        )
        assert first == second


def test_percent_is_doubled_for_mysql_only(tables):
    plan = tables.query("Session.proj(p=\"concat(note, '%')\")").query.plan
    assert "'%%'" in select_rows(plan, dialect("mysql")).text
    assert "'%%'" not in select_rows(plan, dialect("postgresql")).text


def test_counting_reads_no_columns(tables):
    plan = (tables.Session & "score > 1").query.plan
    text = 'SELECT count(*) FROM "lab.session" AS t1 WHERE ((t1."score" > ?))'
    assert text == count_rows(plan, dialect("sqlite")).text
    assert exists_row(plan, dialect("sqlite")).text.endswith("LIMIT 1")
    grouped = tables.query("dj.U('note').aggr(Session, n='count(*)')").query.plan
    assert count_rows(grouped, dialect("sqlite")).text.startswith("SELECT count(*) FROM (SELECT")


def test_keys_for_other_statements(tables):
    query = (tables.Session & "score > 1").query
    text = assemble(
        select_keys(query.plan, ["session", "subject_id"], dialect("sqlite")), dialect("sqlite")
    ).text
    assert text.startswith('SELECT t1."session", t1."subject_id" FROM')


def test_many_terms_are_a_tree(tables):
    """SQLite refuses a chain of a thousand terms."""
    many = [f"subject_id = {n} or note = 'x'" for n in range(3000)]
    text = select_rows((tables.Session & many).query.plan, dialect("sqlite")).text
    deepest = depth = 0
    for char in text:
        depth += (char == "(") - (char == ")")
        deepest = max(deepest, depth)
    assert deepest < 15
    assert max(part.count(" OR ") for part in text.replace("(", "\n").split("\n")) <= 100
