"""Many short makes, one after the other: each sees those before it, and what fails is its own."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import datajoint as dj
from datajoint.engine.observe import unobserved
from datajoint.errors import DuplicateError

KEYS = range(1, 31)
UNIQUE = "-> Subject\n---\ny : int32\nunique index (y)"  # 2 · x is the number of the subject


@pytest.fixture
def subject(schema):
    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32\n---\nx : float64"

    Subject.insert([{"subject_id": n, "x": n / 2} for n in KEYS])
    return Subject


@pytest.fixture
def fit(schema, subject):
    """Give a function that declares a table whose makes also call `beside(table, key)`."""

    def declare(beside=lambda table, key: None, text="-> Subject\n---\ny : float64"):
        class Fit(dj.Computed):
            definition = text
            calls: list[int] = []  # noqa: RUF012 - of this class only

            def make(self, key):
                self.calls.append(key["subject_id"])
                x = (subject & key).fetch1("x")
                y = beside(self, key)
                self.insert1({**key, "y": 2 * x if y is None else y})

        return schema(Fit, context={"Subject": subject})

    return declare


def made(table):
    """Return the keys that there are."""
    return table.to_arrays("subject_id", order_by="KEY").tolist()


def each_has_its_event(table):
    """See that every row was made by an event of its own, and is fresh."""
    events = (table.events & {"kind": "make"}).to_dicts()
    assert len(table()) == len(events) == sum(event["row_count"] for event in events)
    assert [] == table.stale().reasons()


@pytest.mark.statement("POP-6")
def test_a_make_may_refer_to_the_one_before_it(schema, subject):
    @schema
    class Chain(dj.Computed):
        definition = "-> Subject\n---\n-> [nullable] Chain.proj(before='subject_id')"

        def make(self, key):
            before = key["subject_id"] - 1
            self.insert1({**key, "before": before or None})

    assert {"success_count": 30, "error_list": []} == Chain.populate()


def by_the_language(table, key):
    return len(table & f"subject_id < {key['subject_id']}")


def by_another_connection(connect):
    other = connect().connection

    def count(table, key):
        return len(dj.FreeTable(other, table.full_table_name))

    return count


def by_sql(table, key):
    name = table.connection.dialect.table(table.name)
    return table.connection.query(f"SELECT count(*) FROM {name}").fetchone()[0]


@pytest.mark.statement("POP-6")
@pytest.mark.parametrize("how", ["language", "another connection", "sql"])
def test_a_make_sees_what_was_made_before(fit, connect, how):
    ways = {"language": by_the_language, "sql": by_sql}
    table = fit(ways[how] if how in ways else by_another_connection(connect))
    table.populate()
    assert [(n, float(n - 1)) for n in KEYS] == list(
        zip(*table.to_arrays("subject_id", "y", order_by="KEY"), strict=True)
    )
    assert 30 == len(table.calls)


@pytest.mark.statement("POP-6", "TXN-2")
def test_a_make_that_writes_elsewhere(fit, schema):
    @schema
    class Log(dj.Manual):
        definition = "n : int32\n---\nseen : int32"

    def beside(table, key):
        if key["subject_id"] % 5 == 0:
            with table.connection.transaction:
                Log.insert1({"n": key["subject_id"], "seen": len(type(table)())})

    table = fit(beside)
    table.populate()
    assert [(n, n - 1) for n in KEYS if n % 5 == 0] == [
        (row["n"], row["seen"]) for row in Log.to_dicts(order_by="KEY")
    ]
    assert 30 == len(table()) == len(table.calls)


@pytest.mark.statement("POP-6", "TXN-1")
def test_another_connection_is_in_a_transaction(fit, schema, connect):
    @schema
    class Log(dj.Manual):
        definition = "n : int32"

    other, seen = connect().connection, []

    def beside(table, key):
        if key["subject_id"] % 10 == 0:
            with other.transaction:
                dj.FreeTable(other, Log.full_table_name).insert1({"n": key["subject_id"]})
                seen.append(len(dj.FreeTable(other, table.full_table_name)))

    table = fit(beside)
    assert {"success_count": 30, "error_list": []} == table.populate()
    assert [9, 19, 29] == seen


@pytest.mark.statement("POP-6")
def test_threads_of_a_make_see_what_was_made_before(fit):
    def beside(table, key):
        if key["subject_id"] % 5 == 0:
            with ThreadPoolExecutor(4) as pool:
                counts = list(pool.map(lambda _: len(type(table)()), range(4)))
            assert [key["subject_id"] - 1] * 4 == counts

    table = fit(beside)
    assert {"success_count": 30, "error_list": []} == table.populate()


@pytest.mark.statement("POP-9")
def test_a_make_looks_at_progress_and_events(fit):
    seen = []

    def beside(table, key):
        seen.append((table.progress()[0], len(table.events & {"kind": "make"})))

    fit(beside).populate()
    assert [(30 - n, n) for n in range(30)] == seen


@pytest.mark.statement("POP-6", "POP-7")
def test_a_row_that_is_refused_undoes_itself_only(fit):
    table = fit(lambda table, key: 1 if key["subject_id"] in (4, 9) else None, UNIQUE)
    done = table.populate(suppress_errors=True, return_exception_objects=True)
    assert [4, 9] == [key["subject_id"] for key, _ in done["error_list"]]
    assert all(isinstance(error, DuplicateError) for _, error in done["error_list"])
    assert (28, 30) == (done["success_count"], len(table.calls))
    assert [n for n in KEYS if n not in (4, 9)] == made(table)
    each_has_its_event(table)


@pytest.mark.statement("POP-7")
def test_the_first_error_stops_it(fit):
    table = fit(lambda table, key: 1 if key["subject_id"] == 9 else None, UNIQUE)
    with pytest.raises(DuplicateError):
        table.populate()
    assert list(range(1, 9)) == made(table)
    each_has_its_event(table)


@pytest.mark.statement("POP-6", "POP-7")
def test_an_error_of_a_make_leaves_those_before_it(fit):
    table = fit(lambda table, key: 1 / (key["subject_id"] - 7))
    with pytest.raises(ZeroDivisionError):
        table.populate()
    assert list(range(1, 7)) == made(table)
    done = table.populate(suppress_errors=True)
    assert (23, 1) == (done["success_count"], len(done["error_list"]))


@pytest.mark.statement("POP-22")
def test_keys_that_somebody_else_makes_meanwhile_are_skipped(fit, connect):
    other = connect().connection

    def beside(table, key):
        if key["subject_id"] == 10:
            taken = [{"subject_id": n, "y": -1} for n in (12, 18, 20)]
            with unobserved():
                dj.FreeTable(other, table.full_table_name).insert(taken, allow_direct_insert=True)

    table = fit(beside)
    assert {"success_count": 27, "error_list": []} == table.populate()
    assert [12, 18, 20] == made(table & "y = -1")


@pytest.mark.statement("POP-23")
@pytest.mark.parametrize("reserve", [False, True])
def test_an_interrupted_make_leaves_those_before_it(fit, reserve):
    def beside(table, key):
        if key["subject_id"] == 12:
            raise KeyboardInterrupt

    table = fit(beside)
    with pytest.raises(KeyboardInterrupt):
        table.populate(reserve_jobs=reserve)
    assert list(range(1, 12)) == made(table)
    if reserve:
        assert (0, 0) == (len(table.jobs.errors), len(table.jobs.reserved))
        assert 12 in made(table.jobs.pending)


@pytest.mark.statement("POP-23")
def test_an_interruption_between_two_makes(fit, monkeypatch):
    from datajoint.compute import populate

    monkeypatch.setattr(populate, "_CHECKED_SECONDS", -1.0)
    monkeypatch.setattr(populate, "_CHECKED_KEYS", 10)
    table, look = fit(), populate._made

    def interrupted(table, keys):
        if keys[0]["subject_id"] > 10:
            raise KeyboardInterrupt
        return look(table, keys)

    monkeypatch.setattr(populate, "_made", interrupted)
    with pytest.raises(KeyboardInterrupt):
        table.populate()
    assert table.calls == made(table) != []
