"""Transactions: TXN."""

import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, DuplicateError, LostConnectionError, TransactionError


@pytest.fixture
def numbers(schema: Any) -> Any:
    """A table of numbers."""

    @schema
    class Number(dj.Manual):
        definition = """
        n : int32
        ---
        half = null : int32
        """

    return Number


def put(table: Any, *values: int) -> None:
    table.insert([{"n": n} for n in values])


def found(table: Any) -> list[int]:
    return [int(n) for n in table.to_arrays("n", order_by="n")]


@pytest.mark.statement("TXN-1")
def test_block_commits_at_its_end(numbers: Any, instance: Any, connect: Any) -> None:
    other = connect().FreeTable(numbers.full_table_name)
    with instance.connection.transaction:
        put(numbers, 1)
        put(numbers, 2)
        assert [] == found(other)
    assert [1, 2] == found(other)


@pytest.mark.statement("TXN-1")
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_block_rolls_back_on_any_exception(numbers: Any, instance: Any, error: type[BaseException]) -> None:
    put(numbers, 1)

    def work() -> None:
        with instance.connection.transaction:
            put(numbers, 2)
            numbers.update1({"n": 1, "half": 5})
            (numbers & {"n": 1}).delete()
            raise error

    with pytest.raises(error):
        work()
    assert [{"n": 1, "half": None}] == numbers.to_dicts()
    assert not instance.connection.in_transaction


@pytest.mark.statement("TXN-2")
def test_explicit_transactions(numbers: Any, instance: Any) -> None:
    connection = instance.connection
    assert not connection.in_transaction
    connection.start_transaction()
    assert connection.in_transaction
    put(numbers, 1)
    connection.cancel_transaction()
    assert not connection.in_transaction
    connection.start_transaction()
    put(numbers, 2)
    with pytest.raises(dj.DataJointError, match="Nested"):
        connection.start_transaction()
    connection.commit_transaction()
    assert [2] == found(numbers)
    with pytest.raises(TransactionError):
        connection.commit_transaction()
    connection.cancel_transaction()


@pytest.mark.statement("TXN-2")
def test_inner_block_undoes_only_itself(numbers: Any, instance: Any) -> None:
    connection = instance.connection
    with connection.transaction:
        put(numbers, 1)
        with suppress(ValueError), connection.transaction:
            put(numbers, 2)
            with connection.transaction:
                put(numbers, 3)
            raise ValueError
        assert connection.in_transaction
        with connection.transaction:
            put(numbers, 4)
        put(numbers, 5)
    assert [1, 4, 5] == found(numbers)


@pytest.mark.statement("TXN-2")
def test_block_inside_an_explicit_transaction(numbers: Any, instance: Any) -> None:
    connection = instance.connection
    connection.start_transaction()
    put(numbers, 1)
    with suppress(DuplicateError), connection.transaction:
        put(numbers, 2)
        put(numbers, 1)
    with connection.transaction:
        put(numbers, 3)
    assert connection.in_transaction
    connection.commit_transaction()
    assert [1, 3] == found(numbers)


@pytest.mark.statement("TXN-2")
def test_outer_failure_undoes_inner_blocks(numbers: Any, instance: Any) -> None:
    with suppress(ValueError), instance.connection.transaction:
        with instance.connection.transaction:
            put(numbers, 1)
        raise ValueError
    assert [] == found(numbers)


def kill(backend: Any, connection: Any) -> None:
    """End a session at the server."""
    with closing(backend.connect()) as admin, closing(admin.cursor()) as cursor:
        if backend.name == "postgresql":
            cursor.execute(f"select pg_terminate_backend({connection.connection_id})")
        else:
            cursor.execute(f"kill {connection.connection_id}")


@pytest.mark.statement("TXN-3")
@pytest.mark.backends("postgresql", "mysql")
def test_connection_lost_outside_a_transaction_is_opened_again(
    backend: Any, numbers: Any, instance: Any
) -> None:
    put(numbers, 1)
    kill(backend, instance.connection)
    assert [1] == found(numbers)
    kill(backend, instance.connection)
    put(numbers, 2)
    kill(backend, instance.connection)
    with instance.connection.transaction:
        put(numbers, 3)
    assert [1, 2, 3] == found(numbers)


@pytest.mark.statement("TXN-3")
@pytest.mark.backends("postgresql", "mysql")
def test_connection_lost_without_reconnect(backend: Any, numbers: Any, instance: Any) -> None:
    with instance.config.override(database__reconnect=False):
        kill(backend, instance.connection)
        with pytest.raises(LostConnectionError):
            found(numbers)


@pytest.mark.statement("TXN-3")
@pytest.mark.backends("postgresql", "mysql")
@pytest.mark.parametrize("use", [lambda t: put(t, 3), found, len, lambda t: (t & "n = 1").delete()])
def test_connection_lost_inside_a_transaction_is_an_error(
    backend: Any, numbers: Any, instance: Any, use: Callable[[Any], Any]
) -> None:
    put(numbers, 1)

    def work() -> None:
        with instance.connection.transaction:
            put(numbers, 2)
            kill(backend, instance.connection)
            use(numbers())

    with pytest.raises(LostConnectionError):
        work()
    assert not instance.connection.in_transaction
    assert [1] == found(numbers)


@pytest.mark.statement("TXN-3")
@pytest.mark.parametrize(
    "end", [lambda connection: connection.close(), lambda connection: connection.session.close()]
)
@pytest.mark.parametrize("use", [lambda t: put(t, 3), found, lambda t: None])
def test_connection_closed_inside_a_transaction(
    numbers: Any, instance: Any, end: Callable[[Any], None], use: Callable[[Any], Any]
) -> None:
    put(numbers, 1)

    def work() -> None:
        with instance.connection.transaction:
            put(numbers, 2)
            end(instance.connection)
            use(numbers())

    with pytest.raises((LostConnectionError, TransactionError), match="rolled back"):
        work()
    assert not instance.connection.in_transaction
    assert [1] == found(numbers)  # opened again
    with instance.config.override(database__reconnect=False):
        end(instance.connection)
        with pytest.raises(LostConnectionError):
            found(numbers)


@pytest.mark.statement("TXN-4", "TXN-6")
def test_refused_statement_undoes_itself_only(numbers: Any, instance: Any) -> None:
    with instance.connection.transaction:
        put(numbers, 1)
        with pytest.raises(DuplicateError):
            put(numbers, 2, 1)
        with pytest.raises(dj.DataJointError):
            numbers.update1({"n": 7, "half": 1})
        assert [1] == found(numbers)
        put(numbers, 3)
    assert [1, 3] == found(numbers)


@pytest.mark.statement("TXN-4", "TXN-6")
def test_refused_delete_undoes_itself_only(numbers: Any, schema: Any, instance: Any) -> None:
    @schema
    class Child(dj.Manual):
        definition = "-> Number"

    put(numbers, 1, 2, 3)
    put(Child, 2)
    with instance.connection.transaction:
        (numbers & "n = 1").delete_quick()
        with pytest.raises(dj.errors.IntegrityError):
            numbers.delete_quick()
        put(numbers, 4)
    assert [2, 3, 4] == found(numbers)


@pytest.mark.statement("TXN-4")
def test_connection_is_usable_after_a_failed_query(numbers: Any, instance: Any) -> None:
    connection = instance.connection

    def work() -> None:
        with connection.transaction:
            put(numbers, 1)
            connection.query("SELECT * FROM no_such_table_anywhere")

    with pytest.raises(dj.DataJointError):
        work()
    assert [] == found(numbers)
    connection.start_transaction()
    with pytest.raises(dj.DataJointError):
        connection.query("SELECT * FROM no_such_table_anywhere")
    connection.cancel_transaction()
    put(numbers, 2)
    assert [2] == found(numbers)


@pytest.mark.statement("TXN-5")
def test_master_and_parts_in_one_block(schema: Any, instance: Any) -> None:
    @schema
    class Order(dj.Manual):
        definition = "number : int32"

        class Item(dj.Part):
            definition = """
            -> master
            item : int16
            """

    def insert(*items: int) -> None:
        with instance.connection.transaction:
            Order.insert1({"number": 1})
            Order.Item.insert([{"number": 1, "item": item} for item in items])

    with pytest.raises(DuplicateError):
        insert(1, 1)
    assert (0, 0) == (len(Order()), len(Order.Item()))
    insert(1, 2)
    assert (1, 2) == (len(Order()), len(Order.Item()))


@pytest.mark.statement("TXN-1")
def test_ddl_in_a_transaction_is_refused(numbers: Any, schema: Any, instance: Any) -> None:
    with instance.connection.transaction:
        put(numbers, 1)
        for act in (numbers.drop, lambda: instance.connection.query("CREATE TABLE x (y int)")):
            with pytest.raises(TransactionError):
                act()
        with pytest.raises(TransactionError):

            @schema
            class Late(dj.Manual):
                definition = "n : int32"

        assert instance.connection.in_transaction
    assert [1] == found(numbers)


@pytest.mark.statement("TXN-1")
def test_block_and_its_writes_share_an_event(numbers: Any, schema: Any, instance: Any) -> None:
    with instance.connection.transaction:
        put(numbers, 1, 2)
        (numbers & "n = 1").delete()
    events = {row["kind"]: row for row in instance.FreeTable(f"{schema.database}.~events").to_dicts()}
    assert {"block", "insert", "delete"} == set(events)
    block = events["block"]["event"]
    assert [block, block] == [events[kind]["parent"] for kind in ("insert", "delete")]


@pytest.mark.statement("TXN-4", "ERR-2", "ERR-6")
def test_threads_on_one_connection_wait_for_each_other(declare):
    table = declare("Sample", "a : int32\n---\nx : float64")
    table.insert({"a": -n, "x": 0} for n in range(1, 201))
    others: list[str] = []
    done: list[int] = []
    working = [3]

    def work(first: int) -> None:
        try:
            for n in range(first, first + 30):
                table.insert([{"a": n, "x": 0}, {"a": n + 30, "x": 0}])
                table.insert([{"a": n, "x": 1}, {"a": n + 30, "x": 1}], replace=True)
                table.update1({"a": n, "x": 2})
                (table & {"a": n + 30}).delete()
                done.append(n)
        except DataJointError as error:
            others.append(f"{type(error).__name__}: {error}")
        finally:
            working[0] -= 1

    def look() -> None:
        try:
            while working[0]:
                assert 200 == sum(1 for _ in table & "a < 0")  # a stream
                assert 200 == len((table & "a < 0").to_dicts())
        except (AssertionError, DataJointError) as error:
            others.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, args=(1000 * n,)) for n in range(1, 4)]
    threads.append(threading.Thread(target=look))
    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(often)

    assert [] == others
    assert 90 == len(done)
    assert [2] * 90 == (table & "a > 0").to_arrays("x").tolist()
    assert not table.connection.in_transaction


@pytest.mark.statement("TXN-4")
def test_a_thread_neither_sees_nor_ends_the_transaction_of_another(declare):
    table = declare("Sample", "a : int32")
    connection = table.connection
    refused: list[str] = []
    seen: list[bool] = []

    def nested() -> None:
        with connection.transaction:
            pass

    def elsewhere() -> None:
        seen.append(connection.in_transaction)
        for act in (
            nested,
            lambda: table.insert1({"a": 2}),
            lambda: declare("Other", "b : int32"),
            connection.commit_transaction,
            connection.cancel_transaction,
        ):
            try:
                act()
            except TransactionError as error:
                refused.append(str(error).split("\n")[0])

    connection.start_transaction()
    table.insert1({"a": 1})
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert [False] == seen
    assert 5 * ["This connection is in a transaction of another thread."] == refused
    assert connection.in_transaction
    connection.commit_transaction()
    assert [1] == list(table.to_arrays("a"))
