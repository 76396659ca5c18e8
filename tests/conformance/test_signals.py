"""How a worker learns that rows have changed, and locks by name."""

import pytest

import datajoint as dj
from datajoint.engine.signals import open_signals
from datajoint.workers.change_feed import News


@pytest.fixture
def number(schema):
    @schema
    class Number(dj.Manual):
        definition = "n : int32"

    return Number


@pytest.fixture
def open_one(number):
    """Give a function that opens signals of the table."""
    opened = []

    def open_one():
        opened.append(open_signals(number.connection, [number().name]))
        return opened[-1]

    yield open_one
    for signals in opened:
        signals.close()


def settle(signals):
    """Wait until nothing has happened for a while; on a server that others use that may never be."""
    for _ in range(20):
        if not signals.wait(0.3):
            return


@pytest.mark.statement("POP-24")
def test_a_change_by_another_session_is_noticed(number, open_one):
    signals = open_one()
    settle(signals)
    for n in range(3):
        number.insert1({"n": n})
        assert signals.wait(300)


@pytest.mark.statement("POP-24")
@pytest.mark.backends("sqlite", "mysql")
def test_without_a_change_the_wait_ends(open_one):
    signals = open_one()
    settle(signals)
    assert not signals.wait(0.05)


@pytest.mark.statement("POP-24")
def test_a_lock_has_one_holder(open_one):
    one, other = open_one(), open_one()
    assert one.lock("schedule")
    assert not other.lock("schedule")
    assert other.lock("sensor")
    assert one.lock("schedule")


@pytest.mark.statement("POP-24")
@pytest.mark.backends("postgresql")
def test_a_call_ends_the_wait_at_once(open_one, monkeypatch):
    monkeypatch.setattr(
        "datajoint.backends.postgresql.signals.PostgresqlSignals._mark", lambda self: self._calls
    )
    one, other = open_one(), open_one()
    assert not one.wait(0.05)
    other.notify()
    assert one.wait(300)


@pytest.mark.statement("POP-24")
def test_events_tell_which_tables_have_changed(number, open_one):
    name = number().name
    number.insert1({"n": 0})
    news = News(open_one().session, [name.schema])
    assert frozenset() == news.read()
    number.insert1({"n": 1})
    (number & "n = 0").delete()
    assert {name} == news.read()
    assert frozenset() == news.read()
    for n in range(2, 110):
        number.insert1({"n": n})
    assert news.read() is None
    assert frozenset() == news.read()
