"""The setting `database.statement_timeout`: the database stops long statements, and all goes on."""

import pytest

import datajoint as dj
from datajoint.errors import StatementTimeoutError

pytestmark = pytest.mark.statement("CFG-1", "ERR-4")

SOON = 0.05
LONG = 1e6


@pytest.fixture
def item(declare):
    table = declare("Item", "item : int32\n---\nscore=0 : int32")
    table.insert([{"item": n} for n in range(300)])
    return table


def endless(item):
    """A query that no database answers in years: 300 to the power of 6 rows."""
    query = item.proj(a="item") * item.proj(b="item") * item.proj(c="item") * item.proj(d="item")
    return query * item.proj(e="item") * item.proj(f="item") & "a + b * 2 + c * 3 + d * 5 + e * 7 + f < -1"


def endless_sql(item):
    """The same as SQL of the user's own."""
    tables = ", ".join(f"{item.full_table_name} t{n}" for n in range(6))
    terms = " + ".join(f"t{n}.item * {n + 1}" for n in range(6))
    return f"SELECT count(*) FROM {tables} WHERE {terms} < -1"


def limited(item, seconds=SOON):
    return item.connection.config.override(database__statement_timeout=seconds)


def see(item, error):
    assert "DJ305" == error.code
    assert ("timeout", SOON) == (error.context["reason"], error.context["seconds"])
    assert "SELECT" in error.context["statement"].upper() or "UPDATE" in error.context["statement"].upper()
    assert f"after {SOON:g} s" in str(error)
    assert "`database.statement_timeout`" in str(error)
    assert not item.connection.in_transaction
    assert 300 == len(item)


def test_there_is_no_limit_by_default(item):
    assert item.connection.config.database.statement_timeout is None
    assert item.connection.session.limit is None


@pytest.mark.parametrize(
    "ask", [len, bool, lambda q: q.to_dicts(), lambda q: q.to_arrays("a"), lambda q: q.keys()]
)
def test_a_query_is_stopped(item, ask):
    losses = item.connection.losses
    with limited(item), pytest.raises(StatementTimeoutError) as caught:
        ask(endless(item))
    see(item, caught.value)
    assert losses == item.connection.losses


def test_sql_of_the_user_is_stopped(item):
    with limited(item), pytest.raises(StatementTimeoutError) as caught:
        item.connection.query(endless_sql(item))
    see(item, caught.value)


def test_the_limit_is_that_of_the_moment(item):
    for _ in range(2):
        with limited(item):
            with pytest.raises(StatementTimeoutError):
                len(endless(item))
            with limited(item, LONG):
                assert 300 == len(item)
                assert LONG == item.connection.session.limit
            with pytest.raises(StatementTimeoutError):
                len(endless(item))
        assert 300 == len(item)
        assert item.connection.session.limit is None
    with limited(item, 0):
        assert 300 == len(item)
        assert item.connection.session.limit is None


def test_a_transaction_that_is_rolled_back_keeps_the_limit_of_the_moment(item):
    connection = item.connection
    with limited(item, LONG):
        assert 300 == len(item)
    with pytest.raises(ZeroDivisionError), connection.transaction, limited(item, LONG):
        item.update1({"item": 1, "score": 5})
        1 / 0  # noqa: B018
    with limited(item), pytest.raises(StatementTimeoutError):
        len(endless(item))
    with pytest.raises(StatementTimeoutError), connection.transaction, limited(item):
        item.update1({"item": 1, "score": 5})
        len(endless(item))
    with limited(item), pytest.raises(StatementTimeoutError):
        len(endless(item))
    assert 300 == len(item & "score = 0")


def test_a_savepoint_is_undone_and_the_transaction_goes_on(item):
    connection = item.connection
    with connection.transaction, limited(item):
        item.update1({"item": 1, "score": 1})
        with pytest.raises(StatementTimeoutError), connection.transaction:
            len(endless(item))
        item.update1({"item": 2, "score": 2})
    assert 2 == len(item & "score > 0")


def test_a_writing_statement_is_stopped(item):
    connection = item.connection
    table = item.full_table_name
    text = f"UPDATE {table} SET score = (SELECT n FROM ({endless_sql(item).replace('count(*)', 'count(*) AS n')}) AS q)"
    with limited(item), pytest.raises(StatementTimeoutError) as caught:
        connection.query(text)
    see(item, caught.value)
    assert 300 == len(item & "score = 0")


def test_rows_are_read_one_by_one(item, backend):
    with limited(item, LONG):
        assert list(range(300)) == [row["item"] for row in item]
    if backend.name == "sqlite":  # servers do not limit it: docs/deviations.md
        with limited(item), pytest.raises(StatementTimeoutError):
            next(iter(endless(item)))
        assert 300 == len(item)


@pytest.mark.statement("FET-13", "FET-14")
@pytest.mark.parametrize("inside", [False, True])
def test_a_preview_says_that_it_was_stopped(item, inside):
    def see(query):
        with limited(item):
            text, html = repr(query), query._repr_html_()
        for shown in (text, html):
            assert "no rows are shown: the database stopped a statement after 0.05 s" in shown
            assert "*a" in text
            assert ">a</th>" in html
            assert "Total" not in shown

    if inside:
        with item.connection.transaction:
            item.update1({"item": 1, "score": 1})
            see(endless(item))
            item.update1({"item": 2, "score": 1})
        assert 2 == len(item & "score = 1")
    else:
        see(endless(item))
        assert 300 == len(item)


def test_a_preview_shows_rows_that_it_cannot_count(item, monkeypatch):
    from datajoint.backends.phrases import timed_out
    from datajoint.query import fetch

    def count(*_):
        raise timed_out(SOON)

    monkeypatch.setattr(fetch, "count", count)
    shown = repr(item())
    assert "the rows are not counted: the database stopped a statement" in shown
    assert "Total" not in shown
    assert all(f"\n{n} " in shown for n in range(12))


def test_rows_are_written_under_a_limit(item):
    with limited(item, LONG):
        with item.connection.transaction:
            item.insert([{"item": n} for n in range(1000, 3000)])
        item.insert1({"item": 5000})
        (item & "item = 5000").delete(prompt=False)
        item.update1({"item": 1, "score": 9})
    assert 2300 == len(item)


def test_a_setting_that_is_no_number_is_refused(item):
    with pytest.raises(dj.DataJointError, match="statement_timeout"):
        item.connection.config.database.statement_timeout = "soon"
    with pytest.raises(dj.DataJointError, match="statement_timeout"):
        item.connection.config.database.statement_timeout = -1
