"""Writes whose answer is lost: stored once, known by their event, or an error says what is not known; TXN-3."""

import contextlib
import re
from typing import Any

import pytest

import datajoint as dj
from datajoint.errors import DuplicateError, LostConnectionError

pytestmark = [pytest.mark.backends("postgresql", "mysql"), pytest.mark.statement("TXN-3")]


@pytest.fixture
def distant(wire: Any, connect: Any) -> Any:
    """An instance at the other end of a wire."""
    return connect(host="127.0.0.1", port=wire.port, use_tls=False)


@pytest.fixture
def number(distant: Any, schema_name: Any) -> Any:
    """A table of numbers with one row, reached by the wire."""

    @distant.Schema(schema_name())
    class Number(dj.Manual):
        definition = """
        n : int32
        ---
        half = null : int32
        """

    Number.insert([{"n": 0}, {"n": 1, "half": 0}])
    Number.update1({"n": 1, "half": 0})  # makes the history, by a session of its own
    (Number & "n = 0").delete_quick()
    return Number


COMMITS = {"postgresql": "COMMIT\0", "mysql": "\x03COMMIT"}
"""What no BEGIN … READ COMMITTED holds."""


@pytest.fixture
def cut_commit(wire: Any, backend: Any) -> Any:
    """A function that lets COMMIT, or its answer, be lost."""
    return lambda how="after": wire.cut_when(COMMITS[backend.name], how)


def found(table: Any) -> list[int]:
    return [int(n) for n in table.to_arrays("n", order_by="n")]


def has_event(table: Any, error: Any) -> bool:
    """Whether the event exists that an error names, found as its hint says."""
    schema, condition = re.search(r"dj\.Schema\('(.+)'\)\.events & '(event = \d+)'", str(error)).groups()  # type: ignore[union-attr]
    assert schema == table.database
    assert str(error.context["event"]) in condition
    return bool(dj.FreeTable(table.connection, f"{schema}.~events") & condition)


def in_a_block(table: Any) -> None:
    with table.connection.transaction:
        table.insert1({"n": 2})
        table.update1({"n": 1, "half": 1})


def by_hand(table: Any) -> None:
    table.connection.start_transaction()
    table.insert1({"n": 2})
    table.connection.commit_transaction()


def with_a_savepoint(table: Any) -> None:
    with table.connection.transaction:
        table.insert1({"n": 2})
        with contextlib.suppress(ZeroDivisionError), table.connection.transaction:
            table.insert1({"n": 3})
            raise ZeroDivisionError


TRANSACTIONS = {
    "block": in_a_block,
    "by hand": by_hand,
    "savepoint": with_a_savepoint,
    "bulk": lambda t: t.insert([{"n": 2}, *({"n": n} for n in range(100, 900))]),
}


@pytest.mark.parametrize("act", TRANSACTIONS)
def test_a_transaction_that_was_stored_is_no_error(
    wire: Any, cut_commit: Any, distant: Any, number: Any, act: str
) -> None:
    cut_commit()
    TRANSACTIONS[act](number)
    assert not wire.waits
    assert not distant.connection.in_transaction
    assert [1, 2] == found(number())[:2]
    assert 3 not in found(number)


@pytest.mark.parametrize("how", ["before", "during"])
@pytest.mark.parametrize("act", TRANSACTIONS)
def test_a_transaction_that_was_not_stored_is_said_to_be_so(
    cut_commit: Any, distant: Any, number: Any, act: str, how: str
) -> None:
    cut_commit(how)
    with pytest.raises(
        LostConnectionError, match=r"nothing of the transaction is stored.* event \d+"
    ) as caught:
        TRANSACTIONS[act](number)
    assert "Run the transaction again" in str(caught.value)
    assert "rolled_back" == caught.value.context["reason"]
    assert not distant.connection.in_transaction
    assert [1] == found(number)
    TRANSACTIONS[act](number)
    assert [1, 2] == found(number)[:2]


@pytest.mark.parametrize(("how", "stored"), [("before", False), ("after", True)])
@pytest.mark.parametrize("act", TRANSACTIONS)
@pytest.mark.parametrize("reconnect", [True, False])
def test_a_transaction_that_cannot_be_looked_up_names_its_event(
    wire: Any, cut_commit: Any, distant: Any, number: Any, act: str, how: str, stored: bool, reconnect: bool
) -> None:
    cut_commit(how)
    wire.refused = 1 if reconnect else 0
    with (
        distant.config.override(database__reconnect=reconnect),
        pytest.raises(LostConnectionError, match="may be stored") as caught,
    ):
        TRANSACTIONS[act](number)
    assert "unknown" == caught.value.context["reason"]
    assert stored == has_event(number, caught.value)
    assert stored == (2 in found(number))


def test_behind_a_pooler_a_missing_event_proves_nothing(
    cut_commit: Any, distant: Any, number: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(type(distant.connection.session), "end_other", lambda *_: False)
    cut_commit("before")
    with pytest.raises(LostConnectionError, match="may be stored") as caught:
        in_a_block(number)
    assert not has_event(number, caught.value)
    cut_commit()
    in_a_block(number)  # an event that exists proves it
    assert [1, 2] == found(number)


def test_a_transaction_without_an_event_is_not_known(cut_commit: Any, distant: Any, number: Any) -> None:
    change = f"UPDATE {number().full_table_name} SET half = 7"

    def work() -> None:
        with distant.connection.transaction:
            distant.connection.query(change)
            with contextlib.suppress(ZeroDivisionError), distant.connection.transaction:
                number.insert1({"n": 3})
                raise ZeroDivisionError  # takes its event with it
            cut_commit()

    with pytest.raises(LostConnectionError, match="may be stored") as caught:
        work()
    assert "Query the rows" in str(caught.value)
    assert [7] == list(number.to_arrays("half"))


WRITES = {
    "insert1": lambda t: t.insert1({"n": 2}),
    "insert": lambda t: t.insert([{"n": 2}, {"n": 3}]),
    "update1": lambda t: t.update1({"n": 1, "half": 5}),
    "delete": lambda t: (t & "n = 1").delete_quick(get_count=True),
}
WORDS = {"insert1": "INSERT", "insert": "INSERT", "update1": "UPDATE", "delete": "DELETE"}


def state(table: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.to_dicts(order_by="n")]


@pytest.mark.parametrize(("how", "stored"), [("before", False), ("after", True)])
@pytest.mark.parametrize("write", WRITES)
def test_a_write_that_cannot_be_repeated_names_its_event(
    wire: Any, distant: Any, number: Any, write: str, how: str, stored: bool
) -> None:
    before = state(number)
    wire.cut_when(WORDS[write], how)
    wire.refused = 1
    with pytest.raises(LostConnectionError, match="may be stored") as caught:
        WRITES[write](number())
    is_stored = before != state(number)
    assert is_stored == has_event(number, caught.value)
    # A server that cannot send the answer to the first statement of a packet may leave out the others.
    assert is_stored == stored or (stored and write == "delete")


@pytest.mark.parametrize("write", WRITES)
def test_a_write_that_was_not_sent_is_not_said_to_be_stored(
    wire: Any, distant: Any, number: Any, write: str
) -> None:
    distant.connection.session.close()
    wire.refused = 1
    with pytest.raises(LostConnectionError, match="lost or refused") as caught:
        WRITES[write](number())
    assert "stored" not in str(caught.value)


@pytest.mark.parametrize("how", ["before", "during", "after"])
@pytest.mark.parametrize("write", WRITES)
def test_a_write_is_stored_once_and_counted(
    wire: Any, distant: Any, number: Any, write: str, how: str
) -> None:
    events = dj.FreeTable(distant.connection, f"{number.database}.~events")
    before = len(events)
    wire.cut_when(WORDS[write], how)
    count = WRITES[write](number())
    assert not wire.waits
    assert before + 1 == len(events)
    if write == "delete":
        assert (1, []) == (count, found(number))


def test_a_row_without_an_event_may_be_that_of_the_first_time(
    wire: Any, distant: Any, schema_name: Any
) -> None:
    with distant.config.override(provenance__events=False):

        @distant.Schema(schema_name())
        class Plain(dj.Manual):
            definition = "n : int32"

        Plain.insert1({"n": 1})
        wire.cut_when("INSERT")
        with pytest.raises(DuplicateError, match="sent again"):
            Plain.insert1({"n": 2})
        assert [1, 2] == found(Plain)
        wire.cut_when("INSERT")
        wire.refused = 1
        with pytest.raises(LostConnectionError, match="may be stored"):
            Plain.insert1({"n": 3})


@pytest.mark.parametrize(("how", "half"), [("before", 0), ("during", 0), ("after", 1)])
def test_a_statement_of_the_user_is_sent_once(
    wire: Any, distant: Any, number: Any, how: str, half: int
) -> None:
    query = distant.connection.query
    change = f"UPDATE {number().full_table_name} SET half = half + 1"
    wire.cut_when("half + 1", how)
    with pytest.raises(LostConnectionError, match="`UPDATE` statement; it may have been carried out"):
        query(change)
    assert [half] == list(number.to_arrays("half"))
    wire.cut()
    query(change)  # a connection that was lost before is opened again
    assert [half + 1] == list(number.to_arrays("half"))
    wire.cut_when("41 + 1")
    assert [(42,)] == query("SELECT 41 + 1").fetchall()
