"""Job queues: what is in them, and how populate takes jobs from them."""

import datetime as dt
import logging
import os
import threading
import time

import pytest

import datajoint as dj
from datajoint.errors import (
    AccessError,
    DataJointDeprecationWarning,
    DataJointError,
    JobError,
    TransactionError,
)
from datajoint.jobs.owner import owner_here

COLUMNS = [
    "subject_id", "status", "priority", "created_time", "scheduled_time", "reserved_time", "completed_time",
    "duration", "error_message", "error_stack", "user", "host", "pid", "connection_id", "version",
]  # fmt: skip
COUNTS = ["pending", "reserved", "success", "error", "ignore", "total"]


@pytest.fixture
def subject(schema):
    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32\n---\nspecies = 'mouse' : varchar(20)"

    Subject.insert([{"subject_id": n, "species": "rat" if n == 2 else "mouse"} for n in (3, 1, 2)])
    return Subject


@pytest.fixture
def own_keys(instance):
    """Let computed tables have key attributes of their own."""
    with instance.config.override(jobs__allow_new_pk_fields_in_computed_tables=True):
        yield


class Spoiled(Exception):  # noqa: N818 - of a test
    """What the make of the tests raises."""


@pytest.fixture
def fit(schema, subject):
    """Give a table that notes the keys that it is made for; what `before(key)` raises is the make's error."""

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject\n---\ny : float64"
        before = None

        def make(self, key):
            self.calls.append(key["subject_id"])
            if self.before is not None:
                type(self).before(key)
            self.insert1({**key, "y": 1.0})

    Fit.calls = []
    return Fit


@pytest.fixture
def other(connect, schema):
    """Give a function that gives a table as another program sees it."""
    instances = []

    def see(table):
        instance = connect()
        instances.append(instance)
        return dj.FreeTable(instance.connection, table.name)

    return see


def counts(jobs):
    return {status: n for status, n in jobs.progress().items() if n and status != "total"}


def ids(table):
    return sorted(table.to_arrays("subject_id").tolist())


def spoil(*numbers):
    def before(key):
        if key["subject_id"] in numbers:
            raise Spoiled(f"number {key['subject_id']}")

    return staticmethod(before)


def key(n):
    return {"subject_id": n}


# ------------------------------------------------------------------------------------------------- the queue


@pytest.mark.statement("JOB-2")
def test_the_queue_is_a_table_declared_at_first_use(fit, schema):
    assert [] == schema.jobs
    assert "~~fit" == fit.jobs.table_name
    assert [] == schema.jobs
    assert COLUMNS == fit.jobs.heading.names
    assert ["subject_id"] == fit.jobs.primary_key
    assert "enum('pending', 'reserved', 'success', 'error', 'ignore')" == fit.jobs.heading["status"].type
    assert f"Job queue for {fit.full_table_name}" == fit.jobs.heading.comment
    assert ["~~fit"] == [jobs.table_name for jobs in schema.jobs]
    assert ["subject", "__fit"] == schema.list_tables()


@pytest.mark.statement("JOB-2")
def test_the_key_is_what_the_table_has_by_reference(schema, subject, own_keys):
    @schema
    class Part(dj.Computed):
        definition = "-> Subject.proj(animal='subject_id')\nn : int16"

        def make(self, key):
            self.insert({**key, "n": n} for n in range(2))

    assert ["animal"] == Part.jobs.primary_key
    assert 3 == Part.populate(reserve_jobs=True)["success_count"]
    assert 6 == len(Part)


@pytest.mark.statement("JOB-2")
def test_a_key_source_of_its_own_tells_the_jobs(schema, subject, own_keys):
    @schema
    class Free(dj.Computed):
        definition = "n : int32"
        key_source = property(lambda self: subject.proj(n="subject_id"))

        def make(self, key):
            self.insert1(key)

    assert {"success_count": 3, "error_list": []} == Free.populate(reserve_jobs=True)
    assert ["n"] == Free.jobs.primary_key


@pytest.mark.statement("JOB-2")
def test_a_queue_is_not_made_inside_a_transaction(fit, schema):
    with schema.connection.transaction, pytest.raises(TransactionError, match="cannot be made inside"):
        len(fit.jobs)
    assert 0 == fit.jobs.progress()["total"]  # which needs none


@pytest.mark.statement("JOB-2")
def test_jobs_restrict_and_join_what_they_are_for(fit, subject):
    fit.jobs.refresh()
    fit.jobs.ignore(key(2))
    assert [1, 3] == ids(subject & fit.jobs.pending)
    assert ["rat"] == (subject * fit.jobs.ignored).to_arrays("species").tolist()


@pytest.mark.statement("JOB-3")
def test_jobs_by_status_are_queries_and_counted(fit):
    fit.before = spoil(3)
    fit.jobs.refresh()
    assert fit.jobs.reserve(key(1))
    fit.jobs.ignore(key(2))
    fit.populate(reserve_jobs=True, suppress_errors=True)
    assert dict(zip(COUNTS, [0, 1, 0, 1, 1, 3], strict=True)) == fit.jobs.progress()
    found = [fit.jobs.pending, fit.jobs.reserved, fit.jobs.completed, fit.jobs.errors, fit.jobs.ignored]
    assert [[], [1], [], [3], [2]] == [ids(jobs) for jobs in found]
    assert COUNTS == list(fit.jobs.progress())


@pytest.mark.statement("JOB-4")
def test_refresh_adds_what_is_missing_and_nothing_twice(fit, subject):
    fit.populate(max_calls=1)
    assert {"added": 2, "removed": 0, "orphaned": 0, "re_pended": 0} == fit.jobs.refresh()
    assert {"added": 0, "removed": 0, "orphaned": 0, "re_pended": 0} == fit.jobs.refresh()
    assert [2, 3] == ids(fit.jobs.pending)


@pytest.mark.statement("JOB-4")
def test_refresh_takes_restrictions_priority_and_delay(fit):
    assert 1 == fit.jobs.refresh("subject_id > 1", {"subject_id": 3}, priority=7)["added"]
    assert [7] == fit.jobs.to_arrays("priority").tolist()
    assert 2 == fit.jobs.refresh(delay=100)["added"]
    late = (fit.jobs & "priority = 5").to_dicts()
    assert [100, 100] == [
        round((row["scheduled_time"] - row["created_time"]).total_seconds()) for row in late
    ]
    assert {"success_count": 1, "error_list": []} == fit.populate(reserve_jobs=True)
    with pytest.raises(JobError, match="priority"):
        fit.jobs.refresh(priority=256)


@pytest.mark.statement("JOB-4")
def test_a_kept_success_whose_row_is_gone_is_pending_again(fit, instance):
    with instance.config.override(jobs__keep_completed=True):
        fit.populate(reserve_jobs=True)
        (fit & key(2)).delete()
        assert 1 == fit.jobs.refresh()["re_pended"]
        assert {"pending": 1, "success": 2} == counts(fit.jobs)
        assert 1 == fit.populate(reserve_jobs=True)["success_count"]


@pytest.mark.statement("JOB-5")
def test_errors_whose_key_is_gone_are_removed_at_once_others_when_old(fit, subject):
    fit.before = spoil(3)
    fit.populate(reserve_jobs=True, suppress_errors=True)
    subject.insert([{"subject_id": n} for n in (4, 5, 6)])
    fit.jobs.refresh()
    fit.jobs.reserve(key(5))
    fit.jobs.ignore(key(6))
    (subject & "subject_id >= 3").delete()
    assert 1 == fit.jobs.refresh()["removed"]
    assert {"pending": 1, "reserved": 1, "ignore": 1} == counts(fit.jobs)
    assert 0 == fit.jobs.refresh(stale_timeout=0)["removed"]  # 0 means never by age
    assert 2 == fit.jobs.refresh(stale_timeout=1e-6)["removed"]
    assert {"ignore": 1} == counts(fit.jobs)


@pytest.mark.statement("JOB-5")
def test_what_a_refresh_is_restricted_to_does_not_remove_other_jobs(fit):
    fit.jobs.refresh()
    assert 0 == fit.jobs.refresh(key(1), stale_timeout=1e-6)["removed"]
    assert {"pending": 3} == counts(fit.jobs)


@pytest.mark.statement("JOB-6")
def test_orphans_are_pending_again(fit):
    fit.jobs.refresh()
    fit.jobs.reserve(key(1))
    assert 0 == fit.jobs.refresh(orphan_timeout=1000)["orphaned"]
    assert 1 == fit.jobs.refresh(orphan_timeout=0)["orphaned"]
    assert {"pending": 3} == counts(fit.jobs)
    assert fit.jobs.reserve(key(1))


@pytest.mark.statement("JOB-6")
def test_a_worker_whose_lease_is_alive_keeps_its_jobs(fit, subject, connect):
    there = connect()
    others = type("Fit", (dj.Computed,), {"_binding": dj.FreeTable(there.connection, fit.name)._binding})()

    def refresh(key):
        if key["subject_id"] == 2:
            (dj.FreeTable(there.connection, subject.name) & "subject_id = 3").delete()
        for timeouts in ({"orphan_timeout": 0}, {"orphan_timeout": 1e-6, "stale_timeout": 1e-6}):
            assert 0 == others.jobs.refresh(**timeouts)["orphaned"]
        assert 1 == len(others.jobs.reserved & key)

    fit.before = refresh
    assert [] == fit.populate(reserve_jobs=True)["error_list"]
    assert len(fit.calls) == len(set(fit.calls)) >= 2


@pytest.mark.statement("JOB-1")
def test_a_job_is_reserved_once(fit):
    fit.jobs.refresh(delay=-1)
    assert fit.jobs.reserve(key(1))
    assert not fit.jobs.reserve(key(1))
    assert fit.jobs.reserve(key(2))


@pytest.mark.statement("JOB-1")
def test_a_rounded_key_is_not_taken_for_ever(schema):
    @schema
    class Level(dj.Manual):
        definition = "level : float32"

    calls = []

    @schema
    class Fit(dj.Computed):
        definition = "-> Level"

        def make(self, key):
            calls.append(key)
            self.insert1(key)

    Level.insert([{"level": 15.3}, {"level": 0.1}, {"level": 2.5}])
    for _ in range(2):
        Fit.populate(reserve_jobs=True, suppress_errors=True)
    assert len(calls) <= 2 * 3 * 6
    assert 3 == len(Fit())
    assert 0 == len(Fit.jobs)


@pytest.mark.statement("JOB-8")
def test_an_ignored_key_is_never_made(fit):
    fit.jobs.refresh()
    fit.jobs.ignore(key(1))
    fit.jobs.ignore({"subject_id": 2, "more": 5})
    fit.jobs.ignore(key(99))  # not queued, not even there
    assert {"success_count": 1, "error_list": []} == fit.populate(reserve_jobs=True)
    assert {"success_count": 0, "error_list": []} == fit.populate()
    assert [3] == fit.calls
    with pytest.raises(JobError, match="subject_id"):
        fit.jobs.ignore({"animal": 1})


@pytest.mark.statement("JOB-8")
def test_a_key_that_others_have_said_to_ignore_is_not_made(fit, schema, connect):
    there = dj.FreeTable(connect().connection, fit.name)
    assert not fit.jobs.is_declared
    theirs = type("Theirs", (dj.Computed,), {"_binding": there._binding})()
    theirs.jobs.ignore(key(2))
    assert 2 == fit.populate()["success_count"]
    assert [1, 3] == fit.calls


@pytest.mark.statement("JOB-8")
def test_a_job_that_is_ignored_while_it_is_made_leaves_nothing(fit, other):
    fit.jobs.refresh()
    theirs = other(fit.jobs)
    fit.before = staticmethod(lambda key: theirs.update1({**key, "status": "ignore"}))
    assert 0 == fit.populate(reserve_jobs=True)["success_count"]
    assert ({"ignore": 3}, 0) == (counts(fit.jobs), len(fit))


@pytest.mark.statement("JOB-13")
def test_jobs_are_deleted_without_a_question_and_dropped(fit, schema, instance, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    with instance.config.override(safemode=True):
        fit.jobs.refresh()
        assert 1 == (fit.jobs & "subject_id = 1").delete()
        assert [2, 3] == ids(fit.jobs)
        with pytest.raises(JobError, match="restricted"):
            fit.jobs.pending.drop()
        fit.jobs.drop()
    assert [] == schema.jobs
    assert 3 == fit.jobs.refresh()["added"]


@pytest.mark.statement("JOB-13", "DEL-10")
def test_the_queue_goes_with_its_table(fit, schema, inventory):
    fit.jobs.refresh()
    fit.drop()
    assert [] == schema.jobs
    assert [] == [name for name in inventory() if "fit" in name]


@pytest.mark.statement("JOB-13", "SCH-10")
def test_the_queue_goes_with_its_schema(fit, schema):
    fit.jobs.refresh()
    schema.drop()
    assert not schema.exists


@pytest.mark.statement("JOB-15")
def test_tables_that_differ_in_their_tier_only_have_queues_of_their_own(fit, schema, subject):
    @schema
    class FitIn(dj.Imported):
        definition = "-> Subject"

        def make(self, key):
            self.insert1(key)

    again = type(dj.Imported)("Fit", (dj.Imported,), {"definition": "-> Subject", "make": FitIn.make})
    schema.connection.config.declare.same_name = "warn"
    with pytest.warns(dj.errors.DataJointWarning, match="Another table of class `Fit`"):
        imported = schema(again, context={"Subject": subject})
    fit.jobs.refresh()
    assert ("~~fit", "~~_fit") == (fit.jobs.table_name, imported.jobs.table_name)
    assert 3 == imported.populate(reserve_jobs=True)["success_count"]
    assert {"pending": 3} == counts(fit.jobs)
    imported.drop()
    assert ["~~fit"] == [jobs.table_name for jobs in schema.jobs]
    fit.drop()
    assert [] == schema.jobs


@pytest.mark.statement("JOB-4")
def test_the_older_name_of_refresh(fit):
    with pytest.warns(DataJointDeprecationWarning, match="refresh"):
        assert 3 == fit.jobs.update()["added"]


# ------------------------------------------------------------------------------------------------- populate


@pytest.mark.statement("JOB-1", "JOB-9")
def test_a_reserved_populate_makes_all_and_leaves_no_jobs(fit):
    assert {"success_count": 3, "error_list": []} == fit.populate(reserve_jobs=True)
    assert [1, 2, 3] == sorted(fit.calls)
    assert 0 == fit.jobs.progress()["total"]
    assert {"success_count": 0, "error_list": []} == fit.populate(reserve_jobs=True)


@pytest.mark.statement("JOB-1")
def test_a_job_is_taken_once(fit, connect, schema):
    fit.jobs.refresh()
    taken = []
    start = threading.Barrier(4)
    from datajoint.jobs.jobs import jobs_of

    queues = [jobs_of(fit.jobs.name, connect().connection) for _ in range(4)]

    def take(jobs):
        start.wait()
        taken.extend(n for n in (1, 2, 3) if jobs.reserve(key(n)))

    threads = [threading.Thread(target=take, args=[jobs]) for jobs in queues]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [1, 2, 3] == sorted(taken)


@pytest.mark.statement("JOB-1")
def test_a_reserved_job_names_who_makes_it(fit, schema, other):
    theirs = other(fit.jobs)
    seen = []
    fit.before = staticmethod(lambda key: seen.extend((theirs & key).to_dicts()))
    fit.populate(reserve_jobs=True, max_calls=1)
    (row,) = seen
    assert "reserved" == row["status"]
    connection = schema.connection
    assert (connection.get_user(), os.getpid()) == (row["user"], row["pid"])
    assert row["host"]
    assert abs(row["reserved_time"] - row["created_time"]) < dt.timedelta(seconds=60)


@pytest.mark.statement("JOB-1", "JOB-6")
def test_each_worker_has_a_number_of_its_own_in_the_queue(fit, other):
    """Connections may have that of an earlier one, or be shared: who holds a job is told by its worker."""
    theirs, listed = other(fit.jobs), other(fit.jobs.workers)
    seen = []

    def before(key):
        listed.connection.catalog.clear()
        seen.append(((theirs & key).fetch1("connection_id"), listed.fetch1("worker").node))

    fit.before = staticmethod(before)
    for _ in range(2):
        fit.populate(reserve_jobs=True, max_calls=1)
    (first, number), (second, other_number) = seen
    assert (first, second) == (number, other_number)
    assert first != second


@pytest.mark.statement("JOB-1")
def test_who_has_lost_a_job_stores_nothing(fit, other):
    fit.jobs.refresh()
    theirs = other(fit.jobs)
    fit.before = staticmethod(lambda key: theirs.update1({**key, "host": "elsewhere"}))
    assert 0 == fit.populate(reserve_jobs=True)["success_count"]
    assert (0, {"reserved": 3}) == (len(fit), counts(fit.jobs))


@pytest.mark.statement("JOB-7")
def test_an_error_stays_until_it_is_deleted(fit):
    fit.before = spoil(2)
    result = fit.populate(reserve_jobs=True, suppress_errors=True)
    assert {"success_count": 2, "error_list": [(key(2), "Spoiled: number 2")]} == result
    row = fit.jobs.errors.fetch1()
    assert "Spoiled: number 2" == row["error_message"]
    assert "in before" in row["error_stack"]
    assert row["completed_time"] >= row["reserved_time"]
    fit.populate(reserve_jobs=True, suppress_errors=True)
    assert 1 == fit.calls.count(2)
    fit.before = None
    assert 1 == fit.jobs.errors.delete()
    assert 1 == fit.populate(reserve_jobs=True)["success_count"]


@pytest.mark.statement("JOB-7", "JOB-2")
def test_a_long_message_is_cut_and_marked(fit):
    def before(key):
        raise Spoiled("ž" * 3000)

    fit.before = staticmethod(before)
    fit.populate(reserve_jobs=True, suppress_errors=True, max_calls=1)
    message = fit.jobs.errors.fetch1("error_message")
    assert 2047 == len(message)
    assert message.startswith("Spoiled: žž")
    assert message.endswith("...truncated")


@pytest.mark.statement("JOB-7")
def test_the_first_error_is_raised_and_recorded(fit):
    fit.before = spoil(1, 2, 3)
    with pytest.raises(Spoiled):
        fit.populate(reserve_jobs=True)
    assert {"error": 1, "pending": 2} == counts(fit.jobs)


@pytest.mark.statement("JOB-7")
def test_a_failed_key_is_tried_again_when_so_set(fit, instance, schema):
    fit.before = spoil(2)
    with instance.config.override(jobs__max_attempts=3, jobs__retry_delay=0):
        result = fit.populate(reserve_jobs=True, suppress_errors=True)
    assert (2, 3) == (result["success_count"], len(result["error_list"]))
    assert {"error": 1} == counts(fit.jobs)
    attempts = attempts_of(schema)
    assert ["retry", "retry", "error"] == [row["outcome"] for row in attempts]
    assert [1, 2, 3] == [row["attempt"] for row in attempts]
    assert 1 == len({row["signature"] for row in attempts})
    assert "Spoiled: number 2" == attempts[0]["error"]
    fit.jobs.errors.delete()
    with instance.config.override(jobs__max_attempts=2, jobs__retry_delay=100):
        fit.populate(reserve_jobs=True, suppress_errors=True)
    job = fit.jobs.pending.fetch1()
    assert 99 <= (job["scheduled_time"] - job["created_time"]).total_seconds() <= 160


@pytest.mark.statement("JOB-7")
def test_what_a_make_says_is_kept_with_its_attempt(fit, schema, capsys):
    def before(key):
        print("about", key["subject_id"])  # noqa: T201 - what the test is about
        logging.getLogger("lab").warning("careful")
        if key["subject_id"] == 3:
            raise Spoiled("three")

    fit.before = staticmethod(before)
    fit.populate(reserve_jobs=True, suppress_errors=True)
    logs = {row["key"]["subject_id"]: (row["outcome"], row["log"]) for row in attempts_of(schema)}
    assert {1: "success", 2: "success", 3: "error"} == {n: outcome for n, (outcome, _) in logs.items()}
    assert logs[3][1].startswith("about 3\n")
    assert logs[3][1].endswith("WARNING lab: careful\n")
    assert "about 1\n" in capsys.readouterr().out


def attempts_of(schema):
    name = f"{schema.database}.~attempts"
    return dj.FreeTable(schema.connection, name).to_dicts(order_by="KEY")


@pytest.mark.statement("JOB-7", "POP-7")
def test_a_make_that_takes_too_long_is_stopped(fit, instance, schema):
    fit.before = staticmethod(lambda key: key["subject_id"] == 2 and time.sleep(60))
    with instance.config.override(jobs__timeout=1.5):
        result = fit.populate(reserve_jobs=True, suppress_errors=True)
    assert 2 == result["success_count"]
    assert [key(2)] == [failed for failed, _ in result["error_list"]]
    assert "was stopped after 1.5 s" in fit.jobs.errors.fetch1("error_message")


@pytest.mark.statement("JOB-6", "JOB-14")
def test_a_worker_takes_itself_off_the_list(fit, schema):
    seen = []
    workers = f"{schema.database}.~workers"
    fit.before = staticmethod(lambda key: seen.extend(dj.FreeTable(schema.connection, workers).to_dicts()))
    fit.populate(reserve_jobs=True, max_calls=1)
    (row,) = seen
    assert (os.getpid(), ["__fit"]) == (row["pid"], row["tables"])
    assert row["expires"] > row["started"]
    assert 0 == len(dj.FreeTable(schema.connection, workers))


@pytest.mark.statement("JOB-9")
def test_a_success_is_kept_with_its_duration_when_so_set(fit, instance):
    with instance.config.override(jobs__keep_completed=True):
        fit.populate(reserve_jobs=True)
        assert {"success": 3} == counts(fit.jobs)
        row = (fit.jobs.completed & key(1)).fetch1()
    assert 0 <= row["duration"] < 60
    assert row["completed_time"] >= row["reserved_time"]


@pytest.mark.statement("JOB-10")
def test_urgent_jobs_come_first_then_those_scheduled_first(fit, subject):
    subject.insert([{"subject_id": 4}, {"subject_id": 5}])
    fit.jobs.refresh(key(5), delay=-5)
    fit.jobs.refresh(key(4), delay=-9)
    fit.jobs.refresh(key(3), priority=1, delay=-1)
    fit.jobs.refresh(key(2), priority=127, delay=-10)
    fit.jobs.refresh(key(1), priority=0, delay=-1)
    fit.populate(reserve_jobs=True, refresh=False)
    assert [1, 3, 4, 5, 2] == fit.calls


@pytest.mark.statement("JOB-10")
def test_a_priority_limits_what_is_taken(fit, instance):
    fit.jobs.refresh(key(1), priority=2, delay=-1)
    fit.jobs.refresh(delay=-1)
    assert 1 == fit.populate(reserve_jobs=True, priority=2, refresh=False)["success_count"]
    assert [1] == fit.calls
    with instance.config.override(jobs__default_priority=200):
        fit.jobs.delete()
        fit.jobs.refresh()
    assert [200, 200] == fit.jobs.to_arrays("priority").tolist()


@pytest.mark.statement("JOB-11")
def test_populate_refreshes_the_queue_or_not(fit, instance):
    assert 0 == fit.populate(reserve_jobs=True, refresh=False)["success_count"]
    with instance.config.override(jobs__auto_refresh=False):
        assert 0 == fit.populate(reserve_jobs=True)["success_count"]
        assert 3 == fit.populate(reserve_jobs=True, refresh=True)["success_count"]


@pytest.mark.statement("JOB-12")
def test_a_restricted_populate_takes_matching_jobs_only(fit, subject):
    fit.jobs.refresh(delay=-1)
    assert 1 == fit.populate(subject & {"species": "rat"}, reserve_jobs=True, refresh=False)["success_count"]
    assert 1 == fit.populate("subject_id > 1", "subject_id < 9", reserve_jobs=True)["success_count"]
    assert [2, 3] == fit.calls
    assert [1] == ids(fit.jobs.pending)


@pytest.mark.statement("POP-8", "JOB-1")
def test_max_calls_bounds_reserved_calls_too(fit):
    assert 2 == fit.populate(reserve_jobs=True, max_calls=2)["success_count"]
    assert {"pending": 1} == counts(fit.jobs)


@pytest.mark.statement("POP-22", "JOB-1")
def test_a_job_whose_row_is_there_already_is_done(fit, other, subject):
    fit.jobs.refresh()
    theirs = other(fit)

    def before(key):
        theirs.insert1({**key, "y": 5.0}, allow_direct_insert=True)

    fit.before = staticmethod(before)
    assert {"success_count": 0, "error_list": []} == fit.populate(reserve_jobs=True)
    assert ({}, 3) == (counts(fit.jobs), len(fit))


@pytest.mark.statement("POP-23")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_make_is_pending_again(fit, kind):
    """Fault N7."""
    fit.jobs.refresh()

    def before(key):
        raise kind("enough")

    fit.before = staticmethod(before)
    with pytest.raises(kind):
        fit.populate(reserve_jobs=True)
    assert ({"pending": 3}, 0) == (counts(fit.jobs), len(fit))


@pytest.mark.statement("POP-10", "JOB-1")
def test_several_processes_share_reserved_jobs(fit, subject):
    subject.insert([{"subject_id": n} for n in range(10, 30)])
    fit.before = spoil(11, 12)
    result = fit.populate(reserve_jobs=True, processes=2, suppress_errors=True)
    assert (21, [11, 12]) == (
        result["success_count"],
        sorted(k["subject_id"] for k, _ in result["error_list"]),
    )
    assert {"error": 2} == counts(fit.jobs)
    assert "in before" in (fit.jobs & key(11)).fetch1("error_stack")


@pytest.mark.statement("POP-5")
def test_reserved_populate_is_refused_where_populate_is(fit, schema):
    with pytest.raises(DataJointError, match="restricted"):
        (fit & key(1)).populate(reserve_jobs=True)
    with schema.connection.transaction, pytest.raises(TransactionError):
        fit.populate(reserve_jobs=True)


@pytest.mark.statement("JOB-9")
@pytest.mark.backends("postgresql", "mysql")
def test_the_end_of_a_job_is_found_by_its_key(fit, subject, schema):
    """Not by its status, which every job in work has, and on PostgreSQL all that had it of late."""
    subject.insert([{"subject_id": n} for n in range(10, 200)])
    jobs, owner = fit.jobs, owner_here(schema.connection)
    jobs.refresh(delay=-1)
    jobs.reserve_some([key(n) for n in range(10, 190)], owner)
    (text, values), *_ = jobs.finishing(key(11), owner, 0.0)
    plan = str(schema.connection.execute(f"EXPLAIN {text}", values).fetchall())
    assert "idx_" not in plan
    assert "_pkey" in plan or "'PRIMARY'" in plan


@pytest.mark.statement("JOB-14", "POP-23")
@pytest.mark.parametrize("error", [KeyboardInterrupt, AccessError])
def test_what_comes_between_a_reservation_and_its_make_leaves_nothing_reserved(fit, monkeypatch, error):
    from datajoint.jobs import reserve

    fit.jobs.refresh()
    take = reserve.claim

    def claim(*arguments):
        take(*arguments)
        monkeypatch.undo()
        raise error("now")

    monkeypatch.setattr(reserve, "claim", claim)
    with pytest.raises(error):
        fit.populate(reserve_jobs=True)
    assert 0 == fit.jobs.progress()["reserved"]
    fit.populate(reserve_jobs=True)
    assert (0, 0) == (len(fit.jobs), len(fit.key_source - fit()))
