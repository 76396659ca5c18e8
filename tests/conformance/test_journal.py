"""Events: every write leaves one, with its rows or not at all; blocks and makes have one of their own."""

import datetime as dt
import os
from contextlib import suppress

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, DuplicateError, IntegrityError, LostConnectionError
from datajoint.heading.names import TableName
from datajoint.journal.events.event import event_text, prepare
from datajoint.table.guard import writable
from datajoint.table.rows.write_set import WriteSet

MANY = 120


@pytest.fixture
def subject(schema):
    class Subject(dj.Manual):
        definition = """
        subject_id : int32
        ---
        name="x" : varchar(12)
        """

    return schema(Subject)


@pytest.fixture
def fit(schema, subject):
    class Fit(dj.Computed):
        definition = """
        -> Subject
        ---
        x : float64
        """

        class Cell(dj.Part):
            definition = """
            -> master
            cell : int16
            """

    subject.insert(keys(10))
    table = schema(Fit, context={"Subject": subject})
    clear(subject)
    return table


def keys(n, start=0):
    return [{"subject_id": k} for k in range(start, start + n)]


def events(table, schema=None):
    """All events of a schema as dicts."""
    name = TableName(schema or table.database, "~events")
    source = table.connection.catalog.source(name)
    names = source.heading.order
    quote, dialect = table.connection.dialect.quote, table.connection.dialect
    text = f"SELECT {', '.join(map(quote, names))} FROM {dialect.table(name)}"
    rows = table.connection.fetch_all(dialect.escape(text))
    return [dict(zip(names, row, strict=True)) for row in rows]


def clear(table):
    dialect = table.connection.dialect
    table.connection.execute(
        dialect.escape(f"DELETE FROM {dialect.table(TableName(table.database, '~events'))}")
    )


def stamps(table):
    """Event of each row by its key."""
    dialect, quote = table.connection.dialect, table.connection.dialect.quote
    names = [*table().primary_key, "_event"]
    text = f"SELECT {', '.join(map(quote, names))} FROM {dialect.table(table().name)}"
    return {row[:-1]: row[-1] for row in table.connection.fetch_all(dialect.escape(text))}


def kinds(table):
    return [(e["kind"], e["table_name"], e["row_count"]) for e in events(table)]


@pytest.mark.statement("PRV-9")
@pytest.mark.parametrize("n", [1, 3, MANY])
def test_one_call_is_one_event(subject, n):
    subject.insert(keys(n))
    (event,) = events(subject)
    assert ("insert", "subject", n, None) == tuple(
        event[k] for k in ("kind", "table_name", "row_count", "parent")
    )
    assert {event["event"]} == set(stamps(subject).values())
    assert n == len(stamps(subject))


@pytest.mark.statement("PRV-9", "PRV-5")
def test_who_when_where(subject, instance):
    subject.insert1({"subject_id": 1})
    (event,) = events(subject)
    expected = event_text(instance.connection, subject.database, "insert", "subject")
    assert expected.db_user == event["db_user"] == instance.connection.get_user()[:128]
    assert (expected.user, expected.host, os.getpid()) == (event["user"], event["host"], event["pid"])
    assert event["client"].startswith("datajoint-python")
    started = event["started"]
    started = dt.datetime.fromisoformat(started) if isinstance(started, str) else started
    assert abs((started - dt.datetime.now(dt.UTC).replace(tzinfo=None)).total_seconds()) < 60
    assert all(event[name] is None for name in ("code", "environment", "confirms", "details"))


@pytest.mark.statement("PRV-9", "UPD-1", "INS-6")
def test_updates_replacements_and_skips(subject):
    seen = set()

    def told(write):
        """Do a write and return its event: a new one."""
        write()
        (event,) = (event for event in events(subject) if event["event"] not in seen)
        seen.add(event["event"])
        return event["kind"], event["row_count"], event["event"]

    def insert(rows, **options):
        return told(lambda: subject.insert(rows, **options))[:2]

    assert ("insert", 3) == insert(keys(3))
    kind, count, update = told(lambda: subject.update1({"subject_id": 1, "name": "y"}))
    assert ("update", 1, update) == (kind, count, stamps(subject)[(1,)])
    assert ("replace", 2) == insert(keys(2, 2), replace=True)
    subject.insert(keys(2), skip_duplicates=True)
    assert ("insert", 1) == insert(keys(3, 2), skip_duplicates=True)
    assert ("insert", MANY - 3) == insert(keys(MANY, 2), skip_duplicates=True)
    assert ("replace", MANY) == insert(keys(MANY, 2), replace=True)
    assert update == stamps(subject)[(1,)]
    assert 3 == len(set(stamps(subject).values()))


@pytest.mark.statement("PRV-9", "INS-2")
@pytest.mark.parametrize("n", [1, MANY])
def test_a_refused_write_leaves_no_event(subject, n):
    subject.insert1({"subject_id": n - 1})
    clear(subject)
    with pytest.raises(DuplicateError):
        subject.insert(keys(n))
    with pytest.raises(DataJointError):
        subject.update1({"subject_id": 5000, "name": "y"})
    subject.insert([])
    subject.insert(keys(1, n - 1), skip_duplicates=True)
    assert [] == events(subject)


@pytest.mark.statement("PRV-9", "INS-11")
def test_chunks_have_a_common_parent(subject):
    subject.insert(keys(25), chunk_size=10)
    found = events(subject)
    assert [5, 10, 10] == sorted(event["row_count"] for event in found if event["kind"] == "insert")
    (block,) = (e for e in found if e["kind"] == "block")
    assert 25 == block["row_count"]
    assert {block["event"]} == {e["parent"] for e in found if e["kind"] == "insert"}


@pytest.mark.statement("TXN-6", "TXN-2", "PRV-9")
@pytest.mark.parametrize("n", [1, MANY])
def test_a_block(subject, instance, n):
    with instance.connection.transaction:
        subject.insert(keys(n))
        with pytest.raises(DuplicateError, match="subject_id=0"):
            subject.insert(keys(n))
        with suppress(ZeroDivisionError), instance.connection.transaction:
            subject.insert(keys(n, 1000))
            raise ZeroDivisionError
        subject.insert(keys(n, 2000))
        subject.update1({"subject_id": 0, "name": "y"})
    found = events(subject)
    (block,) = (event for event in found if event["kind"] == "block")
    assert ("block", None, 2 * n + 1, None) == tuple(
        block[k] for k in ("kind", "table_name", "row_count", "parent")
    )
    assert {block["event"]} == {event["parent"] for event in found if event is not block}
    assert ["insert", "insert", "update"] == sorted(event["kind"] for event in found if event is not block)
    assert 2 * n == len(subject())


@pytest.mark.statement("TXN-1", "PRV-9")
def test_blocks_that_write_nothing(subject, instance):
    connection = instance.connection
    with connection.transaction:
        assert 0 == len(subject())
    with suppress(ZeroDivisionError), connection.transaction:
        subject.insert(keys(3))
        raise ZeroDivisionError
    with connection.transaction, suppress(ZeroDivisionError), connection.transaction:
        subject.insert(keys(3))
        raise ZeroDivisionError
    assert [] == events(subject)
    assert 0 == len(subject())
    with connection.transaction:
        with suppress(ZeroDivisionError), connection.transaction:
            subject.insert(keys(3))
            raise ZeroDivisionError
        subject.insert1({"subject_id": 1})
    assert [("block", None, 1), ("insert", "subject", 1)] == sorted(kinds(subject), key=lambda e: e[0])


@pytest.mark.statement("PRV-9", "TXN-1")
def test_a_block_over_two_schemas(instance, schema_name, subject):
    other = instance.Schema(schema_name("other"))

    @other
    class Thing(dj.Manual):
        definition = "thing : int16"

    instance.connection.start_transaction()
    subject.insert1({"subject_id": 1})
    Thing.insert1({"thing": 1})
    instance.connection.commit_transaction()
    here, there = ({e["kind"]: e for e in events(table)} for table in (subject, Thing))
    assert (
        here["block"]["event"]
        == there["block"]["event"]
        == here["insert"]["parent"]
        == there["insert"]["parent"]
    )
    other.drop(prompt=False)


@pytest.mark.statement("PRV-9")
def test_events_off(connect, schema_name):
    instance = connect(provenance__events=False)
    schema = instance.Schema(schema_name())

    @schema
    class Subject(dj.Manual):
        definition = """
        subject_id : int32
        ---
        name="x" : varchar(12)
        """

    assert not prepare(instance.connection, schema.database)
    Subject.insert(keys(2))
    with instance.connection.transaction:
        Subject.insert(keys(2, 10))
    assert 4 == len(Subject())
    assert {None} == set(stamps(Subject).values())


@pytest.mark.statement("PRV-9")
def test_rows_written_while_off_lose_their_event(subject, instance):
    subject.insert(keys(3))
    with instance.config.override(provenance__events=False):
        subject.update1({"subject_id": 0, "name": "y"})
        subject.insert(keys(1, 1), replace=True)
    assert [True, True, False] == [stamps(subject)[(k,)] is None for k in range(3)]
    assert 1 == len(events(subject))


@pytest.mark.statement("PRV-9", "INS-12")
def test_a_copy_is_one_event(subject, schema):
    @schema
    class Copy(dj.Manual):
        definition = """
        subject_id : int32
        ---
        name : varchar(12)
        """

    subject.insert(keys(MANY))
    clear(subject)
    Copy.insert(subject & "subject_id < 100")
    assert [("insert", "copy", 100)] == kinds(subject)
    assert {events(subject)[0]["event"]} == set(stamps(Copy).values())


@pytest.mark.statement("PRV-9")
def test_tables_of_other_clients_keep_their_columns(subject, instance, backend):
    connection, dialect = instance.connection, instance.connection.dialect
    name = TableName(subject.database, "foreign")
    tail = {"sqlite": " STRICT"}.get(backend.name, "")
    columns = f"{dialect.quote('n')} INTEGER NOT NULL PRIMARY KEY, {dialect.quote('v')} INTEGER"
    connection.execute(f"CREATE TABLE {dialect.table(name)} ({columns}){tail}")
    connection.catalog.forget(subject.database)
    table = instance.FreeTable(str(name))
    table.insert([{"n": k, "v": 1} for k in range(3)])
    table.update1({"n": 1, "v": 2})
    table.insert1({"n": 1, "v": 3}, replace=True)
    found = events(subject)
    assert ["insert", "replace", "update"] == sorted(event["kind"] for event in found)
    assert all("keys" in str(event["details"]) for event in found)


# ----------------------------------------------------------------------------- the writes of a make


def run(table, make):
    """Run a function as the make of a table."""
    write_set = WriteSet(table.connection, table().name)
    with writable([table().name]), write_set.running():
        make(write_set)
    write_set.finish()
    return write_set


@pytest.mark.statement("POP-6", "PRV-9")
@pytest.mark.parametrize("n", [0, 3, MANY])
def test_a_make_is_one_short_transaction(fit, n):
    def make(write_set):
        fit.insert1({"subject_id": 1, "x": 2})
        fit.Cell.insert([{"subject_id": 1, "cell": k} for k in range(n)])
        assert not fit.connection.session.in_transaction
        assert [1] == [batch.size for batch in write_set.batches_of(fit().name)]

    write_set = run(fit, make)
    assert not write_set.pinned
    found = {event["kind"]: event for event in events(fit)}
    assert ("make", "__fit", 1, None) == tuple(
        found["make"][k] for k in ("kind", "table_name", "row_count", "parent")
    )
    assert {(1,): write_set.event} == stamps(fit)
    assert n == len(fit.Cell())
    if n:
        insert = found["insert"]
        assert ("__fit__cell", n, write_set.event) == (
            insert["table_name"],
            insert["row_count"],
            insert["parent"],
        )
        assert {insert["event"]} == set(stamps(fit.Cell).values())


def _read(fit, subject):
    assert 1 == len(fit & {"subject_id": 1})


def _write(fit, subject):
    subject.insert1({"subject_id": 50})


def _update(fit, subject):
    fit.update1({"subject_id": 1, "x": 3})


def _sql(fit, subject):
    fit.connection.query(f"UPDATE {fit.full_table_name} SET x = 5")


def _select(fit, subject):
    fit.connection.query(f"SELECT x FROM {fit.full_table_name}").fetchall()


def _join(fit, subject):
    (subject - fit).to_dicts()


@pytest.mark.statement("POP-6", "PRV-9")
@pytest.mark.parametrize("act", [_read, _write, _update, _sql, _select, _join])
@pytest.mark.parametrize("n", [3, MANY])
def test_what_pins_a_make(fit, subject, act, n):
    def make(write_set):
        len(subject())
        subject.connection.query("SELECT 1")
        fit.insert1({"subject_id": 1, "x": 2})
        fit.Cell.insert([{"subject_id": 1, "cell": k} for k in range(n)])
        assert not write_set.pinned
        act(fit, subject)
        assert write_set.pinned
        fit.Cell.insert([{"subject_id": 1, "cell": n}])
        with pytest.raises(DuplicateError):
            fit.Cell.insert1({"subject_id": 1, "cell": 0})

    write_set = run(fit, make)
    assert (1, n + 1) == (len(fit()), len(fit.Cell()))
    made = [event for event in events(fit) if event["kind"] == "make"]
    assert [(write_set.event, 1)] == [(event["event"], event["row_count"]) for event in made]
    assert {write_set.event} == {event["parent"] for event in events(fit) if event["kind"] != "make"}
    if act is _sql and fit.connection.dialect.name == "sqlite":
        assert {(1,): None} == stamps(fit)  # the guard takes it for the change by others that it might be
    else:
        assert act is _update or {(1,): write_set.event} == stamps(fit)


@pytest.mark.statement("POP-6", "POP-23")
@pytest.mark.parametrize("act", [None, _read, _write])
def test_an_exception_leaves_no_trace(fit, subject, act):
    def make(write_set):
        fit.insert1({"subject_id": 1, "x": 2})
        if act:
            act(fit, subject)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(fit, make)
    assert (0, 10) == (len(fit()), len(subject()))
    assert not fit.connection.in_transaction
    assert [] == events(fit)


@pytest.mark.statement("POP-6", "FK-5", "INS-4")
@pytest.mark.parametrize("n", [1, MANY])
def test_refusals_come_at_the_end(fit, n):
    def twice(write_set):
        fit.insert1({"subject_id": 1, "x": 2})
        fit.Cell.insert([{"subject_id": 1, "cell": k} for k in [*range(n), 0]])

    with pytest.raises(
        DuplicateError, match=rf"(?s)`Fit.Cell`, row {n}: subject_id=1, cell=0.*{__file__}:\d+"
    ):
        run(fit, twice)

    def orphan(write_set):
        fit.insert1({"subject_id": 77, "x": 2})

    with pytest.raises(IntegrityError, match="the parent `Subject` with subject_id=77 does not exist"):
        run(fit, orphan)
    assert (0, 0, []) == (len(fit()), len(fit.Cell()), events(fit))
    run(fit, lambda _: fit.insert1({"subject_id": 1, "x": 2}))
    assert 1 == len(fit())


@pytest.mark.statement("TXN-2", "POP-6")
@pytest.mark.parametrize("act", [None, _write])
def test_blocks_inside_a_make(fit, subject, act):
    def make(write_set):
        fit.insert1({"subject_id": 1, "x": 2})
        for cell, fails in ((1, False), (2, True), (3, False)):
            with suppress(ZeroDivisionError), fit.connection.transaction:
                fit.Cell.insert1({"subject_id": 1, "cell": cell})
                if act:
                    subject.insert([{"subject_id": 50 + cell}])
                if fails:
                    raise ZeroDivisionError
        with pytest.raises(DataJointError):
            fit.connection.start_transaction()

    write_set = run(fit, make)
    assert bool(act) == write_set.pinned
    assert [1, 3] == fit.Cell().to_arrays("cell", order_by="KEY").tolist()
    assert (12 if act else 10) == len(subject())


@pytest.mark.statement("POP-6")
def test_a_large_set_is_written_before_the_end(connect, schema_name):
    instance = connect(jobs__write_set_bytes=1000)
    schema = instance.Schema(schema_name())

    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32"

    @schema
    class Image(dj.Computed):
        definition = """
        -> Subject
        ---
        pixels : <blob>
        """

    def make(write_set):
        Image.insert1({"subject_id": 1, "pixels": b"x" * 500})
        assert not write_set.pinned
        Image.insert1({"subject_id": 2, "pixels": b"x" * 500})
        assert write_set.pinned

    Subject.insert(keys(3))
    run(Image, make)
    assert 2 == len(Image())


@pytest.mark.statement("POP-21", "TAB-19")
def test_permission_belongs_to_the_context(fit):
    import contextvars

    with writable([fit().name]):
        fit.insert1({"subject_id": 1, "x": 2})
        fit.Cell.insert1({"subject_id": 1, "cell": 2})
        with pytest.raises(DataJointError, match="inside its make method"):
            contextvars.Context().run(fit.insert1, {"subject_id": 2, "x": 2})
    with pytest.raises(DataJointError, match="inside its make method"):
        fit.insert1({"subject_id": 2, "x": 2})


class _Deaf:
    """A session that loses the connection when the answer to a write comes: the write has been done."""

    def __init__(self, session):
        self.session = session
        self.lost = 0

    def __getattr__(self, name):
        return getattr(self.session, name)

    def execute(self, text, parameters=(), core=False):
        return self._hear(self.session.execute(text, parameters, core), "INSERT" in text)

    def execute_batch(self, statements):
        return self._hear(self.session.execute_batch(statements), "INSERT" in str(statements))

    def _hear(self, answer, is_write):
        if is_write and not self.lost:
            self.lost += 1
            self.session.close()
            raise LostConnectionError("lost")
        return answer


@pytest.mark.statement("TXN-3", "PRV-9")
@pytest.mark.backends("postgresql", "mysql")
@pytest.mark.parametrize("n", [1, 3])
def test_a_write_done_before_the_connection_was_lost_is_not_done_again(subject, instance, n):
    subject.insert1({"subject_id": 1000})
    clear(subject)
    instance.connection._link.session = deaf = _Deaf(instance.connection.session)
    subject.insert(keys(n))
    assert 1 == deaf.lost
    assert n + 1 == len(subject())
    assert [("insert", "subject", n)] == kinds(subject)


@pytest.mark.statement("TXN-3", "POP-6")
@pytest.mark.backends("postgresql", "mysql")
@pytest.mark.parametrize("n", [0, 2])
def test_a_make_done_before_the_connection_was_lost_is_not_done_again(fit, instance, n):
    instance.connection._link.session = deaf = _Deaf(instance.connection.session)

    def make(write_set):
        fit.insert1({"subject_id": 1, "x": 2})
        fit.Cell.insert([{"subject_id": 1, "cell": k} for k in range(n)])

    run(fit, make)
    assert (1, 1, n) == (deaf.lost, len(fit()), len(fit.Cell()))
