"""What a make reads: recorded in versions, confirmed before its results are stored."""

import json
import threading

import pytest

import datajoint as dj
from datajoint.errors import ComputeError, DataJointError
from datajoint.journal.reads.signature import Signature

PLAIN = "-> Subject\n---\ny=null : float64"


@pytest.fixture
def subject(schema):
    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32\n---\nx=null : float64\nnote='' : varchar(20)"

    Subject.insert([{"subject_id": n, "x": n / 2} for n in (1, 2, 3)])
    return Subject


@pytest.fixture
def fit(schema, subject):
    """Give a function that declares the computed table `Fit` with a make."""

    def declare(make, definition=PLAIN, **members):
        cls = type("Fit", (dj.Computed,), {"definition": definition, "make": make, **members})
        return schema(cls, context={"Subject": subject})

    return declare


@pytest.fixture
def elsewhere(schema, connect):
    """Give a table of the schema by its name on a connection of its own."""
    other = connect()
    return lambda table: dj.FreeTable(other.connection, f"{schema.database}.{table().name.name}")


def recorded(schema):
    """Return the reads of the schema in order, JSON read."""
    connection = schema.connection
    table = connection.dialect.table(dj.FreeTable(connection, f"{schema.database}.~reads").name)
    rows = connection.query(f"SELECT * FROM {table} ORDER BY event, n", as_dict=True).fetchall()
    parse = connection.dialect.name != "postgresql"  # whose driver has read it
    read = ("parameters", "attributes", "more")
    return [
        {k: json.loads(v) if k in read and isinstance(v, str) and parse else v for k, v in r.items()}
        for r in rows
    ]


def events_of(table):
    """Return the events of the rows of a table, in key order."""
    key = ", ".join(table.primary_key)
    connection = table().connection
    text = f"SELECT {connection.dialect.quote('_event')} FROM {table().full_table_name} ORDER BY {key}"
    return [event for (event,) in connection.query(text).fetchall()]


def set_event(table, event, where):
    quote = table().connection.dialect.quote
    text = f"UPDATE {table().full_table_name} SET {quote('_event')} = %s WHERE {where}"
    table().connection.query(text, [event])


@pytest.mark.statement("PRV-6")
def test_reads_are_recorded_with_the_results(schema, subject, fit):
    def make(self, key):
        x = (subject & key).fetch1("x")
        n = len(subject & "subject_id < 3")
        self.insert1({**key, "y": x + n + bool(subject & {"subject_id": 7})})

    table = fit(make)
    table.populate({"subject_id": 2})
    (event,) = set(events_of(table))
    own, counted, asked = recorded(schema)
    assert [(event, n) for n in range(3)] == [(r["event"], r["n"]) for r in (own, counted, asked)]
    assert ([None], ["x"], 1) == (own["parameters"], own["attributes"], own["row_count"])
    assert ([3], "count", 2) == (counted["parameters"], counted["attributes"], counted["row_count"])
    assert ([7], "exists", 0) == (asked["parameters"], asked["attributes"], asked["row_count"])
    events = events_of(subject)
    expected = Signature.of(events[:2])
    assert [2, 0, *expected.numbers[2:]] == [
        counted[n] for n in ["present", "unknown", "low", "high", "total", "q1", "q2"]
    ]
    assert 1 == len({r["shape"] for r in (own,)} & {r["shape"] for r in recorded(schema)})


@pytest.mark.statement("PRV-6")
def test_makes_of_different_keys_share_their_shapes(schema, subject, fit):
    def make(self, key):
        self.insert1({**key, "y": (subject & key).fetch1("x")})

    fit(make).populate()
    assert [[None]] * 3 == [r["parameters"] for r in recorded(schema)]
    assert 1 == len({r["shape"] for r in recorded(schema)})


@pytest.mark.statement("PRV-6")
def test_all_ways_to_read_are_recorded(schema, subject, fit):
    def make(self, key):
        [row for row in subject & "x > 0"]  # noqa: C416 - list() asks for the length, too
        next(iter(subject & "x > 0.6"))
        (subject & "x > 0.7").to_arrays("x")
        (subject & "x > 0.8").keys()
        (dj.U("note") & subject).to_dicts()
        assert {"subject_id": 3} in subject()
        self.insert1(key)

    fit(make).populate({"subject_id": 2})
    found = recorded(schema)
    assert [3, 2, 2, 2, 1, 1] == [r["row_count"] for r in found]
    assert [3, 2, 2, 2, 3, 1] == [r["present"] for r in found]


@pytest.mark.statement("POP-16")
@pytest.mark.parametrize("pinned", [False, True])
def test_a_make_whose_inputs_change_is_made_again(schema, subject, fit, elsewhere, pinned):
    seen = []

    def make(self, key):
        x = (subject & key).fetch1("x")
        if len(seen) < 2:
            other.update1({**key, "x": x + 1})
        seen.append(x)
        self.insert1({**key, "y": x})
        if pinned:
            assert self & key

    other, table = elsewhere(subject), fit(make)
    assert 1 == table.populate({"subject_id": 2})["success_count"]
    assert [1.0, 2.0, 3.0] == seen
    assert 3.0 == table.fetch1("y")
    assert events_of(subject)[1] == recorded(schema)[0]["low"]


@pytest.mark.statement("POP-16")
def test_after_too_many_conflicts_the_error_names_what_changes(schema, subject, fit, elsewhere):
    calls = []

    def make(self, key):
        x = (subject & key).fetch1("x")
        calls.append(x)
        other.update1({**key, "x": x + 1})
        self.insert1({**key, "y": x})

    other, table = elsewhere(subject), fit(make)
    with pytest.raises(
        ComputeError, match=r"the fetched data has changed each time. `Subject`: `x` 4\.0 → 5\.0"
    ):
        table.populate({"subject_id": 2})
    assert 1 + schema.connection.config.jobs.conflict_retries == len(calls)
    assert not table()
    assert [] == recorded(schema)


@pytest.mark.statement("POP-16")
def test_an_error_of_a_make_whose_inputs_change_is_a_conflict(subject, fit, elsewhere):
    seen = []

    def make(self, key):
        x = (subject & key).fetch1("x")
        seen.append(x)
        if len(seen) == 1:
            other.update1({**key, "x": 8})
            raise ZeroDivisionError
        self.insert1({**key, "y": x})

    other, table = elsewhere(subject), fit(make)
    table.populate({"subject_id": 2})
    assert 8 == table.fetch1("y")


@pytest.mark.statement("POP-16")
def test_an_error_of_a_make_stays_what_it_is(subject, fit):
    def make(self, key):
        (subject & key).fetch1("x")
        self.insert1(key)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(make).populate({"subject_id": 2})


@pytest.mark.statement("POP-16")
def test_new_versions_of_the_same_values_are_no_conflict(schema, subject, fit, elsewhere):
    calls = []

    def make(self, key):
        x = (subject & key).fetch1("x")
        calls.append(x)
        other.update1({**key, "note": "seen"})
        self.insert1({**key, "y": x})

    other, table = elsewhere(subject), fit(make)
    table.populate({"subject_id": 2})
    assert [1.0] == calls
    assert events_of(subject)[1] == recorded(schema)[0]["low"]


@pytest.mark.statement("POP-16")
def test_rows_of_others_are_compared_by_value(schema, subject, fit, elsewhere):
    calls = []

    def make(self, key):
        x = (subject & key).fetch1("x")
        calls.append(x)
        if len(calls) == 1:
            set_x = f"UPDATE {subject().full_table_name} SET x = 9 WHERE subject_id = 2"
            other.connection.query(set_x)
        self.insert1({**key, "y": x})

    other, table = elsewhere(subject), fit(make)
    set_event(subject, None, "subject_id = 2")
    table.populate({"subject_id": 2})
    assert [1.0, 9.0] == calls
    (read,) = recorded(schema)
    assert (1, None, 26) == (read["unknown"], read["low"], len(read["digest"]))


@pytest.mark.statement("POP-16")
def test_rows_that_come_and_go_are_conflicts(subject, fit, elsewhere):
    counts = []

    def make(self, key):
        counts.append(len(subject & "x is not null"))
        if len(counts) == 1:
            other.insert1({"subject_id": 9, "x": 1})
        self.insert1(key)

    other, table = elsewhere(subject), fit(make)
    table.populate({"subject_id": 2})
    assert [3, 4] == counts


@pytest.mark.statement("POP-16")
def test_the_first_row_of_an_order_may_be_another_row_of_one_insert(subject, fit, elsewhere):
    seen = []

    def make(self, key):
        ((row),) = subject.to_dicts(order_by="x", limit=1)
        seen.append(row["subject_id"])
        if len(seen) == 1:
            (other & {"subject_id": 1}).delete_quick()
        self.insert1(key)

    other, table = elsewhere(subject), fit(make)
    table.populate({"subject_id": 2})
    assert [1, 2] == seen


@pytest.mark.statement("PRV-6")
@pytest.mark.parametrize("digests", [False, True])
def test_digests_of_many_rows_are_kept_where_the_setting_says_so(schema, subject, fit, digests):
    schema.connection.config.provenance.digests = digests
    subject.insert([{"subject_id": n} for n in range(10, 200)])

    def make(self, key):
        (subject & key).fetch1("x")
        subject.to_dicts()
        self.insert1(key)

    fit(make).populate({"subject_id": 2})
    assert [True, digests] == [r["digest"] is not None for r in recorded(schema)]


@pytest.mark.statement("PRV-6")
def test_without_events_nothing_is_recorded(schema, subject, fit):
    schema.connection.config.provenance.events = False

    def make(self, key):
        self.insert1({**key, "y": (subject & key).fetch1("x")})

    fit(make).populate()
    assert 3 == len(schema.connection.query(f"SELECT 1 FROM {subject().full_table_name}").fetchall())
    with pytest.raises(DataJointError):
        recorded(schema)


@pytest.mark.statement("PRV-6")
def test_what_the_platform_reads_inside_a_make_is_not_what_the_make_read(schema, subject, fit):
    def make(self, key):
        (subject & {"subject_id": 3}).delete(prompt=False)
        subject.update1({"subject_id": 1, "x": 5})
        self.insert1(key)

    fit(make).populate({"subject_id": 2})
    assert [("0" * 26, 0)] == [(r["shape"], r["row_count"]) for r in recorded(schema)]


@pytest.mark.statement("PRV-6")
def test_reads_by_other_threads_are_recorded(schema, subject, fit):
    def make(self, key):
        seen = []
        thread = threading.Thread(target=lambda: seen.append((subject & key).fetch1("x")))
        thread.start()
        thread.join()
        self.insert1({**key, "y": seen[0]})

    fit(make).populate({"subject_id": 2})
    assert [["x"]] == [r["attributes"] for r in recorded(schema)]


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("way", ["sql", "cursor", "connection"])
def test_what_is_read_behind_our_back_is_never_told_fresh(subject, fit, elsewhere, way):
    other = elsewhere(subject)

    def make(self, key):
        if way == "sql":
            self.connection.query(f"SELECT x FROM {subject().full_table_name}").fetchall()
        elif way == "cursor":
            (subject & key).cursor().fetchall()
        else:
            (other & key).fetch1("x")
        self.insert1(key)

    table = fit(make)
    table.populate({"subject_id": 2})
    (row,) = table.stale().reasons()
    assert ("unknown", "origin") == (row.state, row.reasons[0].kind)


@pytest.mark.statement("PRV-7")
def test_rows_that_the_database_copies_are_reads(schema, subject, fit):
    @schema
    class Copy(dj.Manual):
        definition = "subject_id : int32\n---\nx=null : float64"

    def make(self, key):
        Copy.insert((subject & key).proj("x"))
        self.insert1(key)

    table = fit(make)
    table.populate({"subject_id": 2})
    assert [] == table.stale().reasons()
    assert [2] == Copy.to_arrays("subject_id").tolist()
    subject.update1({"subject_id": 2, "x": 5})
    assert ["stale"] == [row.state for row in table.stale()]


# --------------------------------------------------------------------------- threads and several makes (O1)


@pytest.mark.statement("PRV-6")
@pytest.mark.parametrize("who", ["the thread first", "the other make first"])
def test_two_makes_of_which_one_reads_in_a_thread_of_its_own(schema, subject, who):
    """What may belong to either make is unknown for both; it is never taken for that of the other one."""
    started, read, done = (threading.Barrier(2, timeout=300) for _ in range(3))
    failures = []

    def turn(name):
        if who == name:
            read.wait()

    def make_apart(self, key):
        started.wait()
        turn("the other make first")
        seen = []
        thread = threading.Thread(target=lambda: seen.append((subject & key).fetch1("x")))
        thread.start()
        thread.join()
        turn("the thread first")
        done.wait()
        self.insert1({**key, "y": seen[0]})

    def make_plain(self, key):
        started.wait()
        turn("the thread first")
        count = len(subject & {"subject_id": 1})
        turn("the other make first")
        done.wait()
        self.insert1({**key, "y": count})

    apart, plain = (
        schema(
            type(dj.Computed)(name, (dj.Computed,), {"definition": PLAIN, "make": make}),
            context={"Subject": subject},
        )
        for name, make in (("Apart", make_apart), ("Plain", make_plain))
    )

    def populate(table):
        try:
            table.populate({"subject_id": 2})
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=populate, args=[table]) for table in (apart, plain)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert not subject.connection.observers
    own = {table: [r for r in recorded(schema) if r["event"] in events_of(table)] for table in (apart, plain)}
    for table, known in ((apart, []), (plain, ["count"])):
        assert [r["attributes"] for r in own[table] if r["shape"][:7] != "threads"] == known
        assert len(table.stale().unknown) == 1
        assert "in a thread beside other makes" in str(table.stale())
    assert "so that it is not known for which of them" in str(apart().lineage())
