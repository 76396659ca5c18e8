"""Connections that are lost: idle, at work, inside a transaction, at COMMIT; TXN-3."""

import threading
from typing import Any

import pytest

import datajoint as dj
from datajoint.errors import LostConnectionError, TransactionError

pytestmark = [pytest.mark.backends("postgresql", "mysql"), pytest.mark.statement("TXN-3")]


@pytest.fixture
def distant(wire: Any, connect: Any) -> Any:
    """An instance at the other end of a wire."""
    return connect(host="127.0.0.1", port=wire.port, use_tls=False)


@pytest.fixture
def number(distant: Any, schema_name: Any) -> Any:
    """A table of numbers, reached by the wire."""
    return declare(distant.Schema(schema_name()))


def declare(schema: Any) -> Any:
    @schema
    class Number(dj.Manual):
        definition = """
        n : int32
        ---
        half = null : int32
        """

    return Number


def found(table: Any) -> list[int]:
    return [int(n) for n in table.to_arrays("n", order_by="n")]


def event_kinds(table: Any) -> list[str]:
    events = dj.FreeTable(table.connection, f"{table.database}.~events")
    return sorted(events.to_arrays("kind"))


def in_a_block(table: Any) -> None:
    with table.connection.transaction:
        table.insert1({"n": 5})


USES = {
    "insert1": lambda t: t.insert1({"n": 5}),
    "insert": lambda t: t.insert([{"n": n} for n in range(5, 900)]),
    "update1": lambda t: t.update1({"n": 1, "half": 0}),
    "delete": lambda t: (t & "n = 1").delete(),
    "fetch": lambda t: t.to_dicts(),
    "iterate": list,
    "len": len,
    "transaction": in_a_block,
    "schema": lambda t: t.connection.catalog.forget(t.database) or t.heading,
    "virtual": lambda t: dj.VirtualModule("m", t.database, connection=t.connection).Number.to_dicts(),
    "drop": lambda t: t.drop(),
}


@pytest.mark.parametrize("use", USES)
def test_an_idle_connection_is_opened_again(wire: Any, distant: Any, number: Any, use: str) -> None:
    number.insert([{"n": n} for n in (1, 2)])
    opened = wire.opened
    wire.cut()
    USES[use](number())
    assert opened < wire.opened
    assert distant.connection.is_connected
    if use in ("insert1", "transaction"):
        assert [1, 2, 5] == found(number)
        assert 2 == event_kinds(number).count("insert")
    elif use == "delete":
        assert [2] == found(number)


@pytest.mark.parametrize("use", [name for name in USES if name not in ("transaction", "drop", "virtual")])
def test_inside_a_transaction_all_of_it_is_gone(wire: Any, distant: Any, number: Any, use: str) -> None:
    number.insert1({"n": 1})
    connection = distant.connection
    connection.start_transaction()
    number.insert1({"n": 2})
    wire.cut()
    with pytest.raises(LostConnectionError, match="rolled back") as caught:
        USES[use](number())
    assert "again" in str(caught.value)
    assert not connection.in_transaction
    assert [1] == found(number)
    with connection.transaction:
        number.insert1({"n": 3})
    assert [1, 3] == found(number)


def test_what_follows_in_a_lost_block_does_not_run_by_itself(wire: Any, distant: Any, number: Any) -> None:
    with pytest.raises(TransactionError, match="block"), distant.connection.transaction:
        number.insert1({"n": 1})
        wire.cut()
        with pytest.raises(LostConnectionError):
            number.insert1({"n": 2})
        number.insert1({"n": 3})
    assert [] == found(number)


def test_a_lost_block_does_not_end_as_if_it_were_stored(wire: Any, distant: Any, number: Any) -> None:
    with pytest.raises(TransactionError, match="rolled back"), distant.connection.transaction:
        number.insert1({"n": 1})
        wire.cut()
        with pytest.raises(LostConnectionError):
            len(number())
    assert [] == found(number)
    assert not distant.connection.in_transaction


def test_an_error_of_the_user_stays_the_error_when_the_rollback_is_lost(
    wire: Any, distant: Any, number: Any
) -> None:
    with pytest.raises(ZeroDivisionError), distant.connection.transaction:
        number.insert1({"n": 1})
        wire.cut()
        raise ZeroDivisionError
    assert [] == found(number)


@pytest.mark.parametrize("few", [True, False])
def test_a_write_whose_answer_is_lost_is_stored_once(wire: Any, distant: Any, number: Any, few: bool) -> None:
    rows = [{"n": n} for n in range(3 if few else 500)]
    wire.cut_when("INSERT" if few else "COMMIT")
    number.insert(rows)  # repeated, and known by its event if it was stored before
    assert [row["n"] for row in rows] == found(number)
    assert 1 == event_kinds(number).count("insert")


def test_without_reconnect(wire: Any, distant: Any, number: Any) -> None:
    with distant.config.override(database__reconnect=False):
        wire.cut()
        with pytest.raises(LostConnectionError):
            number.insert1({"n": 1})
    number.insert1({"n": 1})
    assert [1] == found(number)


def test_a_server_that_is_gone(wire: Any, distant: Any, number: Any) -> None:
    wire.close()
    for _ in range(2):
        with pytest.raises(LostConnectionError, match=f"127.0.0.1:{wire.port}") as caught:
            len(number())
        assert "database.host" in str(caught.value)
    assert not distant.connection.is_connected


def test_killed_by_the_administrator(instance: Any, schema_name: Any, administer: Any) -> None:
    table = declare(instance.Schema(schema_name()))
    administer.kill(instance.connection)
    table.insert1({"n": 1})
    with pytest.raises(LostConnectionError), instance.connection.transaction:
        table.insert1({"n": 2})
        administer.kill(instance.connection)
        table.insert1({"n": 3})
    assert [1] == found(table)


@pytest.mark.parametrize("use", ["insert", "update1", "delete", "fetch", "iterate", "transaction", "schema"])
def test_killed_while_idle(instance: Any, schema_name: Any, administer: Any, use: str) -> None:
    table = declare(instance.Schema(schema_name()))
    table.insert([{"n": n} for n in (1, 2)])
    before = instance.connection.connection_id
    administer.kill(instance.connection)
    USES[use](table())
    assert before != instance.connection.connection_id
    assert len(found(table)) == {"insert": 897, "delete": 1, "transaction": 3}.get(use, 2)


@pytest.mark.parametrize("use", ["insert1", "insert", "update1", "delete", "fetch", "iterate", "len"])
def test_killed_inside_a_transaction(instance: Any, schema_name: Any, administer: Any, use: str) -> None:
    table = declare(instance.Schema(schema_name()))
    table.insert1({"n": 1})
    instance.connection.start_transaction()
    table.insert1({"n": 2})
    administer.kill(instance.connection)
    with pytest.raises(LostConnectionError, match="rolled back"):
        USES[use](table())
    assert not instance.connection.in_transaction
    assert [1] == found(table)
    with instance.connection.transaction:
        table.insert1({"n": 3})
    assert [1, 3] == found(table)


@pytest.mark.parametrize("inside", [False, True])
def test_killed_while_a_fetch_waits_for_its_answer(
    instance: Any, schema_name: Any, administer: Any, inside: bool
) -> None:
    table = declare(instance.Schema(schema_name()))
    table.insert([{"n": n} for n in (1, 2)])
    connection = instance.connection
    if inside:
        connection.start_transaction()
    number, killed = connection.connection_id, list[bool]()
    with administer.locked(table) as release:

        def kill() -> None:
            try:
                administer.wait_until_it_waits(number)
                administer.kill_session(number)
                killed.append(True)
            finally:
                release()

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            if inside:
                with pytest.raises(LostConnectionError, match="rolled back"):
                    table.to_dicts()
            else:
                assert [1, 2] == [row["n"] for row in table.to_dicts(order_by="n")]
        finally:
            thread.join()
    assert [True] == killed
    assert [1, 2] == found(table)
    assert number != connection.connection_id
    assert not connection.in_transaction


def test_killed_during_a_stream(instance: Any, schema_name: Any, administer: Any) -> None:
    table = declare(instance.Schema(schema_name()))
    table.insert([{"n": n} for n in range(2000)])
    rows = iter(table.proj() * table.proj(m="n"))  # more than what is on its way
    next(rows)
    administer.kill_stream(table())
    with pytest.raises(LostConnectionError):
        for _ in rows:
            pass
    assert 2000 == len(table())


def test_a_stream_that_breaks_off(wire: Any, distant: Any, number: Any) -> None:
    number.insert([{"n": n} for n in range(700)])
    rows = iter(number.proj() * number.proj(m="n"))  # more than what is on its way
    next(rows)
    wire.cut()
    with pytest.raises(LostConnectionError):
        list(rows)
    assert 700 == len(number())


def test_populate_goes_on_after_a_lost_connection(wire: Any, distant: Any, schema_name: Any) -> None:
    schema = distant.Schema(schema_name())
    Number = declare(schema)  # noqa: N806
    cuts = []

    @schema
    class Square(dj.Computed):
        definition = """
        -> Number
        ---
        square : int32
        """

        def make(self, key: Any) -> None:
            n = (Number & key).fetch1("n")
            if n == 2:
                cuts.append(wire.cut())
            self.insert1({**key, "square": n * n})

    Number.insert([{"n": n} for n in range(5)])
    Square.populate()
    assert [None] == cuts
    assert [0, 1, 4, 9, 16] == sorted(Square.to_arrays("square"))


@pytest.mark.statement("JOB-14")
def test_a_job_whose_reservation_was_not_answered_stays_with_nobody(
    wire: Any, distant: Any, instance: Any, schema_name: Any
) -> None:
    schema = distant.Schema(schema_name())
    Number = declare(schema)  # noqa: N806

    @schema
    class Half(dj.Computed):
        definition = "-> Number"

        def make(self, key: Any) -> None:
            self.insert1(key)

    Number.insert1({"n": 1})
    Half.populate(reserve_jobs=True)
    Number.insert1({"n": 2})
    Half.jobs.refresh()
    # The server has it, its answer is lost, and it cannot be asked until all is over.
    wire.cut_when("\x03COMMIT" if instance.connection.settings.backend == "mysql" else "RETURNING")
    wire.refused = 1
    with pytest.raises(LostConnectionError):
        Half.populate(reserve_jobs=True, refresh=False)
    assert not wire.waits
    Half.populate(reserve_jobs=True)
    assert [1, 2] == found(Half())
    assert 0 == len(Half.jobs)


def test_threads_lose_their_connections_independently(wire: Any, connect: Any, schema_name: Any) -> None:
    name = schema_name()
    table = declare(connect(host="127.0.0.1", port=wire.port, use_tls=False).Schema(name))
    errors: list[BaseException] = []

    def work(start: int) -> None:
        try:
            own = connect(host="127.0.0.1", port=wire.port, use_tls=False).FreeTable(f"{name}.number")
            for n in range(start, start + 10):
                own.insert1({"n": n})
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work, args=(100 * n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == errors
    assert 30 == len(table())


def test_a_lost_block_says_so_though_another_thread_has_begun_one(
    wire: Any, distant: Any, number: Any
) -> None:
    connection = distant.connection
    lost, begun, left = threading.Event(), threading.Event(), threading.Event()

    def begin() -> None:
        lost.wait(300)
        with connection.transaction:
            number.insert1({"n": 2})
            begun.set()
            left.wait(300)

    thread = threading.Thread(target=begin)
    thread.start()
    with pytest.raises(LostConnectionError, match="rolled back"), connection.transaction:
        number.insert1({"n": 1})
        wire.cut()
        try:
            len(number())
        finally:
            lost.set()
            begun.wait(300)
    left.set()
    thread.join()
    assert [2] == found(number)
