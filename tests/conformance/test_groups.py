"""Short makes that are written together: what holds for each alone holds in a group (ADR 17)."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import datajoint as dj
from datajoint.compute import group
from datajoint.engine.observe import unobserved
from datajoint.errors import DuplicateError
from datajoint.table.write_set import WriteSet
from plugins.trips import trips

KEYS = range(1, 31)
BYTES = "-> Subject\n---\ny : <blob>"
UNIQUE = "-> Subject\n---\ny : int32\nunique index (y)"  # 2 · x is the number of the subject


@pytest.fixture
def subject(schema):
    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32\n---\nx : float64"

    Subject.insert([{"subject_id": n, "x": n / 2} for n in KEYS])
    return Subject


@pytest.fixture
def fit(schema, subject, monkeypatch):
    """Give a function that declares a table whose makes also call `beside(table, key)`."""
    monkeypatch.setattr(group, "_SHORT_SECONDS", 60.0)  # however slow the machine
    monkeypatch.setattr(group, "_LONGEST_SECONDS", 60.0)

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
    """See that every row was made by an event of its own, whose reads are those of its key."""
    events = (table.events & {"kind": "make"}).to_dicts()
    assert len(table()) == len(events) == sum(event["row_count"] for event in events)
    assert [] == table.stale().reasons()


# ------------------------------------------------------------------------------------------ what it costs


@pytest.mark.statement("POP-1", "POP-6")
def test_short_makes_are_written_together(fit, schema):
    table = fit()
    table.populate({"subject_id": 1})
    with trips(schema.connection) as sent:
        assert 29 == table.populate()["success_count"]
    server = schema.connection.dialect.features.server
    assert len(sent) <= 29 + 12 if server else sum(text == "COMMIT" for text in sent) <= 3
    assert list(KEYS) == table.calls == made(table)
    each_has_its_event(table)


@pytest.mark.statement("POP-6")
def test_long_makes_are_written_at_once(fit, schema, connect, monkeypatch):
    monkeypatch.setattr(group, "_SHORT_SECONDS", 0.0)
    seen = []
    other = connect().connection
    table = fit(lambda table, key: seen.append(count_with(other, table)))
    table.populate()
    assert list(range(30)) == seen


def count_with(connection, table):
    text = f"SELECT count(*) FROM {connection.dialect.table(table.name)}"
    return connection.fetch_all(text)[0][0]


@pytest.mark.statement("POP-6")
def test_a_group_does_not_grow_for_ever(fit, connect, monkeypatch):
    monkeypatch.setattr(group, "_MOST", 10)
    seen = []
    other = connect().connection
    table = fit(lambda table, key: seen.append(count_with(other, table)))
    table.populate()
    assert {0, 10, 20} == set(seen)


@pytest.mark.statement("POP-6")
def test_a_long_make_keeps_nobody_waiting(fit, connect, monkeypatch):
    monkeypatch.setattr(group, "_LONGEST_SECONDS", 0.01)
    seen = []
    other = connect().connection

    def beside(table, key):
        if key["subject_id"] == 12:
            end = time.monotonic() + 30
            while count_with(other, table) < 11 and time.monotonic() < end:
                pass
            seen.append(count_with(other, table))

    table = fit(beside)
    table.populate()
    assert ([11], 30) == (seen, len(table()))


@pytest.mark.statement("POP-6", "TXN-1")
def test_who_writes_late_waits_for_a_transaction(fit, schema, connect, monkeypatch):
    """Whoever finds the next key may be in one."""
    from datajoint.compute import populate

    monkeypatch.setattr(group, "_LONGEST_SECONDS", 0.01)
    monkeypatch.setattr(populate, "_CHECKED_SECONDS", -1.0)
    monkeypatch.setattr(populate, "_CHECKED_KEYS", 10)
    table, look, begun = fit(), populate._made, []
    waits = group.Group._start_timer

    def slowly(table, keys):
        with schema.connection.transaction:
            found, before = look(table, keys), len(begun)
            end = time.monotonic() + 30
            while keys[0]["subject_id"] > 1 and len(begun) < before + 2 and time.monotonic() < end:
                pass
            return found

    def noted(self):
        begun.append(True)
        waits(self)

    monkeypatch.setattr(populate, "_made", slowly)
    monkeypatch.setattr(group.Group, "_start_timer", noted)
    monkeypatch.setattr(group.Group, "is_due", False)
    assert {"success_count": 30, "error_list": []} == table.populate()
    assert list(KEYS) == table.calls == made(table)


@pytest.mark.statement("POP-6")
def test_much_is_not_collected(fit, schema, monkeypatch):
    monkeypatch.setattr(group, "_MOST_BYTES", 10_000)
    sizes, write = [], group.Group._send

    def noted(connection, waiting):
        sizes.append(sum(one.writes.size for one in waiting))
        write(connection, waiting)

    monkeypatch.setattr(group.Group, "_send", staticmethod(noted))
    table = fit(lambda table, key: os.urandom(100_000 if key["subject_id"] == 20 else 1000), BYTES)
    table.populate()
    assert 30 == len(table())
    assert sizes
    assert max(sizes) < 12_000


# ------------------------------------------------------------------------------ in the order of the keys


@pytest.mark.statement("POP-6")
@pytest.mark.parametrize("last", [4, 30])
def test_a_make_may_refer_to_the_one_before_it(schema, subject, monkeypatch, last):
    """Also when it takes longer, and is written at once."""

    @schema
    class Chain(dj.Computed):
        definition = "-> Subject\n---\n-> [nullable] Chain.proj(before='subject_id')"

        def make(self, key):
            if key["subject_id"] == last:
                monkeypatch.setattr(group, "_SHORT_SECONDS", 0.0)
            before = key["subject_id"] - 1
            self.insert1({**key, "before": before or None})

    assert {"success_count": 30, "error_list": []} == Chain.populate()


@pytest.mark.statement("POP-7")
def test_the_later_one_is_refused(fit, monkeypatch):
    def beside(table, key):
        if key["subject_id"] == 4:
            monkeypatch.setattr(group, "_SHORT_SECONDS", 0.0)
            return 2
        return None

    table = fit(beside, UNIQUE)
    done = table.populate(suppress_errors=True)
    assert [4] == [key["subject_id"] for key, _ in done["error_list"]]
    assert 29 == done["success_count"] == len(table())


# ----------------------------------------------------------------------------------- what later makes see


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


@pytest.mark.statement("JOB-16")
def test_how_long_a_make_took_is_not_how_long_it_waited(fit, schema):
    schema.connection.config.jobs.add_job_metadata = True

    def beside(table, key):
        if key["subject_id"] == 30:
            wait = time.monotonic() + 0.3
            while time.monotonic() < wait:
                pass
        return 2 if key["subject_id"] == 29 else None  # so that all are written one by one

    table = fit(beside, UNIQUE)
    table.populate(suppress_errors=True)
    text = f"SELECT max({schema.connection.dialect.quote('_job_duration')}) FROM "
    where = f" WHERE {schema.connection.dialect.quote('subject_id')} < 29"
    [(longest,)] = schema.connection.fetch_all(text + schema.connection.dialect.table(table().name) + where)
    assert longest < 0.3


# ------------------------------------------------------------------------------- where a group is refused


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
            taken = [{"subject_id": n, "y": -1} for n in (3, 8, 20)]
            with unobserved():
                dj.FreeTable(other, table.full_table_name).insert(taken, allow_direct_insert=True)

    table = fit(beside)
    assert {"success_count": 27, "error_list": []} == table.populate()
    assert [3, 8, 20] == made(table & "y = -1")


@pytest.mark.statement("POP-16")
def test_what_was_read_changes_while_a_make_waits(fit, subject, connect):
    other = connect().connection

    def beside(table, key):
        if key["subject_id"] == 10 and len(table.calls) == 10:
            free = dj.FreeTable(other, subject.full_table_name)
            with unobserved():
                free.update1({"subject_id": 4, "x": 100})
                free.update1({"subject_id": 6, "x": 3})  # the same value in a new version

    table = fit(beside)
    assert 30 == table.populate()["success_count"]
    assert (200, 6) == tuple((table & "subject_id in (4, 6)").to_arrays("y", order_by="KEY"))
    assert [4] == sorted(n for n in set(table.calls) if table.calls.count(n) > 1)
    each_has_its_event(table)


@pytest.mark.statement("POP-6")
def test_an_input_is_deleted_while_a_make_waits(fit, subject, connect):
    other = connect().connection

    def beside(table, key):
        if key["subject_id"] == 10:
            with unobserved():
                (dj.FreeTable(other, subject.full_table_name) & {"subject_id": 4}).delete_quick()

    table = fit(beside)
    done = table.populate(suppress_errors=True, return_exception_objects=True)
    [(key, _)] = done["error_list"]
    assert (4, 29) == (key["subject_id"], done["success_count"])
    assert [n for n in KEYS if n != 4] == made(table)


# --------------------------------------------------------------------------------------- interruptions


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
        assert ([12], 0) == (made(table.jobs.errors), len(table.jobs.reserved))


@pytest.mark.statement("POP-23")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("reserve", [False, True])
def test_an_interruption_while_a_group_is_written(fit, monkeypatch, reserve, when):
    table, told = fit(), []

    def interrupted(do):
        def once(*arguments):
            if when == "after":
                do(*arguments)
            if not told:
                told.append(len(table.calls))
                raise KeyboardInterrupt
            return do(*arguments) if when == "before" else None

        return once

    monkeypatch.setattr(group, "send_all", interrupted(group.send_all))
    monkeypatch.setattr(WriteSet, "write_inside", interrupted(WriteSet.write_inside))
    with pytest.raises(KeyboardInterrupt):
        table.populate(reserve_jobs=reserve)
    assert told
    assert sorted(table.calls) == made(table)
    if reserve:
        assert (0, 0) == (len(table.jobs.errors), len(table.jobs.reserved))
    assert 30 - len(table.calls) == table.populate()["success_count"]
    each_has_its_event(table)


@pytest.mark.statement("POP-23")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interruption_is_told_before_an_error(fit, kind):
    def beside(table, key):
        if key["subject_id"] == 12:
            raise kind
        return 2 if key["subject_id"] == 4 else None

    table = fit(beside, UNIQUE)
    with pytest.raises(kind):
        table.populate()
    assert [n for n in range(1, 12) if n != 4] == made(table)


@pytest.mark.statement("POP-23", "POP-16")
def test_an_interruption_of_a_make_that_is_made_again(fit, subject, connect):
    other = connect().connection

    def beside(table, key):
        if table.calls.count(key["subject_id"]) > 1:
            raise KeyboardInterrupt
        if key["subject_id"] == 28:
            with unobserved():
                dj.FreeTable(other, subject.full_table_name).update1({"subject_id": 20, "x": 100})

    table = fit(beside)
    with pytest.raises(KeyboardInterrupt):
        table.populate(reserve_jobs=True)
    assert 20 == table.calls[-1]
    assert [n for n in sorted(set(table.calls)) if n != 20] == made(table)
    assert ([20], 0) == (made(table.jobs.errors), len(table.jobs.reserved))


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


# ------------------------------------------------------------------------------------------ shared queues


@pytest.mark.statement("JOB-1", "JOB-9")
def test_jobs_are_ended_with_their_results(fit, schema):
    table = fit()
    table.populate(max_calls=1, reserve_jobs=True)
    with trips(schema.connection) as sent:
        assert 29 == table.populate(reserve_jobs=True)["success_count"]
    ends = sum("DELETE" in text and "~~fit" in text for text in sent)
    assert 0 < ends <= 15 if schema.connection.dialect.features.server else ends >= 29
    assert (list(KEYS), 0) == (made(table), len(table.jobs))
    each_has_its_event(table)


@pytest.mark.statement("JOB-1")
def test_a_job_is_taken_away_while_its_make_waits(fit, connect):
    taken, other = [], connect().connection

    def beside(table, key):
        if key["subject_id"] == 20:
            with unobserved():
                queue = dj.FreeTable(other, table.jobs.full_table_name) & "status = 'reserved'"
                taken.extend(n for n in made(queue) if n in table.calls[:-1])
                (queue & {"subject_id": taken[0]}).delete_quick()

    table = fit(beside)
    done = table.populate(reserve_jobs=True)
    assert taken
    assert (29, []) == (done["success_count"], done["error_list"])
    assert [n for n in KEYS if n != taken[0]] == made(table)
    assert 0 == len(table.jobs.reserved)
