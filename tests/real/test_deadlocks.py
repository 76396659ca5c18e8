"""Transactions that wait for each other: TXN-4, ERR-6."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

import datajoint as dj
from datajoint.errors import DeadlockError, TransactionError

pytestmark = pytest.mark.backends("postgresql", "mysql")


def declare(schema: Any) -> Any:
    @schema
    class Number(dj.Manual):
        definition = """
        n : int32
        ---
        half = 0 : int32
        """

    return Number


def cross(
    connect: Callable[..., Any], name: str, write: Callable[[Any, int], None]
) -> list[BaseException | None]:
    """Let two transactions write rows 1 and 2 in opposite order; return what became of them."""
    barrier = threading.Barrier(2, timeout=300)
    outcomes: list[BaseException | None] = []

    def work(first: int, second: int) -> None:
        instance = connect()
        table = instance.FreeTable(f"{name}.number")
        try:
            with instance.connection.transaction:
                write(table, first)
                barrier.wait()
                write(table, second)
            outcomes.append(None)
        except BaseException as error:  # noqa: BLE001
            outcomes.append(error)
        assert not instance.connection.in_transaction
        assert 2 == len(table)

    threads = [threading.Thread(target=work, args=order) for order in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.statement("TXN-4", "ERR-2", "ERR-6")
def test_a_deadlock_has_an_error_of_its_own(instance: Any, connect: Any, schema_name: Any) -> None:
    name = schema_name()
    table = declare(instance.Schema(name))
    table.insert([{"n": 1}, {"n": 2}])
    outcomes = cross(connect, name, lambda t, n: t.update1({"n": n, "half": 5}))
    [error] = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(error, DeadlockError)
    assert isinstance(error, TransactionError)
    assert "Run it again" in str(error)
    assert 1 == outcomes.count(None)
    assert [5, 5] == list(table.to_arrays("half"))


@pytest.mark.statement("TXN-4", "TXN-6")
@pytest.mark.backends("mysql")  # which rolls all of a transaction back; PostgreSQL only the statement
def test_what_follows_in_the_block_does_not_run_by_itself(
    instance: Any, connect: Any, schema_name: Any
) -> None:
    name = schema_name()
    table = declare(instance.Schema(name))
    table.insert([{"n": 1}, {"n": 2}])

    def write(table: Any, n: int) -> None:
        try:
            table.update1({"n": n, "half": n})
        except DeadlockError:
            with pytest.raises(TransactionError, match="rolled back the transaction of this block"):
                table.update1({"n": n, "half": 99})
            raise

    outcomes = cross(connect, name, write)
    assert [DeadlockError] == [type(outcome) for outcome in outcomes if outcome is not None]
    assert [1, 2] == list(table.to_arrays("half", order_by="n"))


@pytest.mark.statement("TXN-4")
def test_a_lock_that_is_not_given(instance: Any, connect: Any, schema_name: Any) -> None:
    name = schema_name()
    table = declare(instance.Schema(name))
    table.insert([{"n": 1}, {"n": 2}])
    other = connect()
    limit = (
        "SET lock_timeout = '100ms'"
        if "postgresql" == instance.connection.backend.name
        else "SET innodb_lock_wait_timeout = 1"
    )
    other.connection.query(limit)
    with instance.connection.transaction:
        table.update1({"n": 1, "half": 1})
        with pytest.raises(TransactionError) as caught:
            other.FreeTable(f"{name}.number").update1({"n": 1, "half": 2})
    assert "locked" == caught.value.context["reason"]
    assert not isinstance(caught.value, DeadlockError)
    assert "again" in str(caught.value)
    assert not other.connection.in_transaction
    other.FreeTable(f"{name}.number").update1({"n": 1, "half": 2})
    assert [2, 0] == list(table.to_arrays("half", order_by="n"))


@pytest.mark.statement("INS-6", "TXN-4")
@pytest.mark.backends("sqlite", "postgresql", "mysql")
def test_the_same_rows_from_several_sides(instance: Any, connect: Any, schema_name: Any) -> None:
    name = schema_name()
    declare(instance.Schema(name))
    errors: list[BaseException] = []

    def work(step: int) -> None:
        own = connect()
        table = own.FreeTable(f"{name}.number")
        try:
            for start in range(0, 60, 6):
                rows = [{"n": n} for n in range(start, start + 6)][::step]
                table.insert(rows, skip_duplicates=True)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        own.connection.close()

    threads = [threading.Thread(target=work, args=(step,)) for step in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == errors
    assert list(range(60)) == list(instance.FreeTable(f"{name}.number").to_arrays("n", order_by="n"))
