# ruff: noqa: DTZ001 - datetimes are naive, UTC by convention
"""Make: one key, all of it or nothing; its forms and its contract."""

import datetime as dt
import os
import signal
import threading
import uuid
from contextlib import suppress
from decimal import Decimal

import numpy as np
import pytest

import datajoint as dj
from datajoint.errors import (
    ContractError,
    DataJointDeprecationWarning,
    DataJointError,
    DuplicateError,
    IntegrityError,
    QueryError,
    TransactionError,
)

PLAIN = "-> Subject\n---\ny : float64"
CELL = "-> master\ncell : int32\n---\nz = 0 : float64"


@pytest.fixture
def subject(schema):
    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32\n---\nx : float64"

    Subject.insert([{"subject_id": n, "x": n / 2} for n in (1, 2, 3)])
    return Subject


@pytest.fixture
def computed(schema, subject):
    """Give a function that declares a computed table with a part `Cell` and the given methods."""

    def declare(make=None, *, name="Fit", definition=PLAIN, tier=dj.Computed, **members):
        part = type("Cell", (dj.Part,), {"definition": CELL})
        methods = {"make": make} if make else {}
        cls = type(tier)(name, (tier,), {"definition": definition, "Cell": part, **methods, **members})
        return schema(cls, context={"Subject": subject})

    return declare


def rows(names, *values):
    """Give dicts from tuples."""
    return [dict(zip(names.split(), row, strict=True)) for row in values]


def fail_after(connection, action):
    """Do something in a transaction that fails."""
    with connection.transaction:
        action()
        raise ValueError("inner")


def insert_and_look(table, key):
    table.insert1({**key, "y": 1})
    assert 1 == len(table & key)


def events(schema, kind):
    free = dj.FreeTable(schema.connection, f"{schema.database}.~events")
    return (free & {"kind": kind}).to_dicts(order_by="event")


# ------------------------------------------------------------------------------------------- all or nothing


@pytest.mark.statement("POP-6")
def test_rows_of_master_and_parts_become_visible_together(computed, connect):
    others = connect()
    seen = []

    def make(self, key):
        self.insert1({**key, "y": 1})
        self.Cell.insert({**key, "cell": n} for n in range(3))
        theirs = [others.FreeTable(f"{self.database}.{t}") for t in (self.table_name, self.Cell.table_name)]
        seen.append([len(table & key) for table in theirs])

    fit = computed(make)
    fit.populate()
    assert [[0, 0]] * 3 == seen
    assert (3, 9) == (len(fit()), len(fit.Cell()))


@pytest.mark.statement("POP-6")
@pytest.mark.parametrize("pinned", [False, True])
def test_an_exception_leaves_no_trace(computed, schema, pinned):
    @schema
    class Log(dj.Manual):
        definition = "entry : int32"

    def make(self, key):
        self.insert1({**key, "y": 1})
        self.Cell.insert1({**key, "cell": 1})
        if pinned:
            Log.insert1({"entry": key["subject_id"]})
            assert 1 == len(self & key)
        raise RuntimeError("no")

    fit = computed(make)
    result = fit.populate(suppress_errors=True)
    assert 3 == len(result["error_list"])
    assert {"RuntimeError: no"} == {text for _, text in result["error_list"]}
    assert (0, 0, 0) == (len(fit()), len(fit.Cell()), len(Log()))
    assert not schema.connection.in_transaction


@pytest.mark.statement("POP-6")
def test_a_make_sees_what_it_has_inserted(computed):
    seen = []

    def make(self, key):
        self.insert1({**key, "y": 1})
        seen.append(len(self & key))
        self.Cell.insert1({**key, "cell": 5})
        seen.append((self.Cell & key).fetch1("cell"))

    assert 3 == computed(make).populate()["success_count"]
    assert [1, 5] * 3 == seen


@pytest.mark.statement("POP-6")
def test_rows_elsewhere_belong_to_the_make(computed, schema):
    @schema
    class Log(dj.Manual):
        definition = "entry : int32"

    def make(self, key):
        Log.insert1({"entry": key["subject_id"]})
        self.insert1({**key, "y": 1})
        if key["subject_id"] == 2:
            raise ValueError

    fit = computed(make)
    fit.populate(suppress_errors=True)
    assert [1, 3] == Log.to_arrays("entry", order_by="entry").tolist()
    assert 2 == len(fit())


@pytest.mark.statement("POP-6")
def test_a_make_counts_as_a_transaction(computed, schema):
    refused = []

    def make(self, key):
        self.insert1({**key, "y": 1})
        for attempt in (fit.populate, schema.connection.start_transaction, lambda: declare_late(schema)):
            try:
                attempt()
            except DataJointError as error:
                refused.append(str(error))

    fit = computed(make)
    fit.populate("subject_id = 1")
    assert 3 == len(refused), refused
    assert (1, 3) == (len(fit()), sum("transaction" in text for text in refused))


@pytest.mark.statement("TAB-15")
def test_tables_are_not_declared_inside_make(computed, schema):
    def make(self, key):
        declare_late(schema)

    with pytest.raises(TransactionError, match="inside a transaction"):
        computed(make).populate()
    assert "late" not in schema.list_tables()


def declare_late(schema):
    @schema
    class Late(dj.Manual):
        definition = "late : int32"


@pytest.mark.statement("TXN-2", "POP-6")
@pytest.mark.parametrize("pinned", [False, True])
def test_a_block_inside_make_is_a_savepoint(computed, schema, pinned):
    def make(self, key):
        self.insert1({**key, "y": 1})
        if pinned:
            assert 1 == len(self & key)
        with pytest.raises(ValueError, match="inner"):
            fail_after(schema.connection, lambda: self.Cell.insert1({**key, "cell": 1}))
        with schema.connection.transaction:
            self.Cell.insert1({**key, "cell": 2})

    fit = computed(make)
    assert 3 == fit.populate()["success_count"]
    assert [2, 2, 2] == fit.Cell.to_arrays("cell").tolist()


@pytest.mark.statement("POP-6")
def test_a_long_make_blocks_nobody(computed, subject, connect):
    others = connect()

    def make(self, key):
        (subject & key).fetch1("x")
        self.insert1({**key, "y": 1})
        theirs = others.FreeTable(f"{self.database}.{subject.table_name}")
        theirs.insert1({"subject_id": 100 + key["subject_id"], "x": 0})  # would wait for a lock for ever

    assert 3 == computed(make).populate()["success_count"]


@pytest.mark.statement("POP-6")
def test_what_the_database_refuses_is_told_with_the_line_of_the_insert(computed):
    def make(self, key):
        self.insert1({**key, "y": 1})
        self.Cell.insert([{**key, "cell": 7}, {**key, "cell": 7}])

    with pytest.raises(DuplicateError, match="7") as caught:
        computed(make).populate()
    assert "test_make.py" in str(caught.value)


@pytest.mark.statement("POP-6")
def test_a_missing_parent_is_told(computed):
    def make(self, key):
        self.Cell.insert1({**key, "cell": 7})
        self.insert1({**key, "y": 1})

    fit = computed(make)
    with pytest.raises(IntegrityError):
        fit.populate()
    assert 0 == len(fit.Cell())


@pytest.mark.statement("POP-6")
def test_a_bad_value_is_refused_where_it_is_inserted(computed):
    refused = []

    def make(self, key):
        try:
            self.insert1({**key, "y": "seven"})
        except QueryError as error:
            refused.append(str(error))
        self.insert1({**key, "y": 7})

    assert 3 == computed(make).populate()["success_count"]
    assert "`y`" in refused[0]


@pytest.mark.statement("POP-6")
def test_many_rows_and_arrays(computed, schema):
    definition = "-> Subject\n---\nimage : <blob>"

    def make(self, key):
        self.insert1({**key, "image": np.arange(1000) * key["subject_id"]})
        self.Cell.insert({**key, "cell": n, "z": n / 2} for n in range(300))

    fit = computed(make, definition=definition)
    assert 3 == fit.populate()["success_count"]
    assert 900 == len(fit.Cell())
    assert (2 * np.arange(1000) == (fit & "subject_id = 2").fetch1("image")).all()


@pytest.mark.statement("POP-6")
def test_a_make_leaves_one_event_that_its_rows_name(computed, schema):
    def make(self, key):
        self.insert1({**key, "y": 1})
        self.Cell.insert([{**key, "cell": n} for n in range(2)])

    fit = computed(make)
    fit.populate()
    makes, inserts = events(schema, "make"), events(schema, "insert")
    assert [(fit.table_name, 1)] * 3 == [(e["table_name"], e["row_count"]) for e in makes]
    parts = [e for e in inserts if e["table_name"] == fit.Cell.table_name]
    assert [e["event"] for e in makes] == sorted(e["parent"] for e in parts)


# ------------------------------------------------------------------------------------------------- contract


@pytest.mark.statement("POP-13")
def test_under_a_strict_contract_a_make_that_inserts_nothing_is_an_error(computed, instance):
    def make(self, key):
        if key["subject_id"] != 2:
            self.insert1({**key, "y": 1})

    fit = computed(make)
    with instance.config.override(provenance__contract="error"):
        result = fit.populate(suppress_errors=True, return_exception_objects=True)
    assert 2 == result["success_count"]
    ((key, error),) = result["error_list"]
    assert {"subject_id": 2} == key
    assert isinstance(error, ContractError)
    assert "inserted nothing" in str(error)
    assert (1, 3) == fit.progress()


@pytest.mark.statement("POP-13")
def test_a_make_that_undoes_its_insert_is_skipped(computed, schema):
    def make(self, key):
        assert 0 == len(self & key)
        with pytest.raises(ValueError, match="inner"):
            fail_after(schema.connection, lambda: insert_and_look(self, key))

    fit = computed(make)
    assert {"success_count": 0, "error_list": [], "skipped_count": 3} == fit.populate()
    assert (3, 3, 3) == (*fit.progress(), fit.progress().skipped)


@pytest.mark.statement("POP-14")
@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("where", ["self", "part"])
def test_a_row_of_another_key_is_an_error(computed, pinned, where):
    def make(self, key):
        self.insert1({**key, "y": 1})
        if pinned:
            assert 1 == len(self & key)
        if key["subject_id"] == 2:
            other = {"subject_id": 3}
            self.insert1({**other, "y": 1}) if where == "self" else self.Cell.insert1({**other, "cell": 1})

    fit = computed(make)
    result = fit.populate(suppress_errors=True, return_exception_objects=True)
    ((key, error),) = result["error_list"]
    assert {"subject_id": 2} == key
    assert isinstance(error, ContractError)
    assert "another key" in str(error)
    assert [1, 3] == sorted(fit.to_arrays("subject_id").tolist())


@pytest.mark.statement("POP-14")
def test_equal_keys_of_other_types_are_the_same_key(computed):
    def make(self, key):
        self.insert1({"subject_id": np.int64(key["subject_id"]), "y": 1})
        self.Cell.insert1({"subject_id": float(key["subject_id"]), "cell": 1})

    assert 3 == computed(make).populate()["success_count"]


@pytest.mark.statement("POP-12", "POP-14")
def test_keys_of_every_type_are_recognised(schema):
    key = {
        "day": dt.date(2024, 2, 29),
        "moment": dt.datetime(2024, 2, 29, 12, 30, 15, 123000),
        "code": uuid.UUID("12345678-1234-5678-1234-567812345678"),
        "price": Decimal("12.50"),
        "tag": "ünï 'x'",
        "short": "ab",
        "kind": "two",
        "flag": True,
        "exact": 0.1,
        "rounded": 0.1,
        "big": 2**62,
    }

    @schema
    class Thing(dj.Manual):
        definition = """
        day : date
        moment : datetime(3)
        code : uuid
        price : decimal(8,2)
        tag : varchar(20)
        short : char(2)
        kind : enum('one', 'two')
        flag : bool
        exact : float64
        rounded : float32
        big : int64
        """

    @schema
    class Same(dj.Computed):
        definition = "-> Thing"

        def make(self, key):
            self.insert1(key)

    Thing.insert1(key)
    assert {"success_count": 1, "error_list": []} == Same.populate()
    assert {"success_count": 0, "error_list": []} == Same.populate()
    assert (0, 1) == Same.progress()


@pytest.mark.statement("POP-1")
@pytest.mark.parametrize("retries", [0, 3])
def test_a_make_given_up_by_the_database_is_made_again(computed, schema, retries):
    schema.connection.config["jobs.conflict_retries"] = retries
    attempts = []

    def make(self, key):
        attempts.append(key["subject_id"])
        self.insert1({**key, "y": 1})
        if attempts.count(key["subject_id"]) < 3:
            raise TransactionError("deadlock", reason="serialize")

    result = computed(make).populate(suppress_errors=True)
    assert (3 if retries else 0) == result["success_count"]
    assert (9 if retries else 3) == len(attempts)


@pytest.mark.statement("POP-1", "POP-6")
def test_populate_without_events(connect, schema_name):
    other = connect(provenance__events=False)
    schema = other.Schema(schema_name("quiet"))

    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32"

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject"

        class Cell(dj.Part):
            definition = "-> master\ncell : int32"

        def make(self, key):
            self.insert1(key)
            self.Cell.insert({**key, "cell": n} for n in range(3))

    Subject.insert({"subject_id": n} for n in range(3))
    assert 3 == Fit.populate()["success_count"]
    assert 9 == len(Fit.Cell())


# ------------------------------------------------------------------------------------------ the three parts


class ThreeParts:
    """Methods of the three-part form that note what happens."""

    def __init__(self, subject):
        self.log = []
        self.before_insert = lambda key: None
        log = self.log

        def make_fetch(self, key, scale=1):
            log.append(("fetch", key["subject_id"], self.connection.in_transaction))
            return (subject & key).fetch1("x"), np.array([1.0, float("nan")]), scale

        def make_compute(table, key, x, array, scale):
            log.append(("compute", key["subject_id"], table.connection.in_transaction))
            self.before_insert(key)
            return (x * 2 * scale,)

        def make_insert(self, key, y):
            log.append(("insert", key["subject_id"], self.connection.in_transaction))
            self.insert1({**key, "y": y})

        self.methods = {"make_fetch": make_fetch, "make_compute": make_compute, "make_insert": make_insert}


@pytest.mark.statement("POP-15", "POP-11")
def test_three_parts(computed, subject):
    parts = ThreeParts(subject)
    fit = computed(**parts.methods)
    assert 1 == fit.populate("subject_id = 3", make_kwargs={"scale": 10})["success_count"]
    expected = [("fetch", 3, False), ("compute", 3, False), ("fetch", 3, True), ("insert", 3, True)]
    assert expected == parts.log
    assert 30 == fit.fetch1("y")
    assert 2 == fit.populate()["success_count"]


@pytest.mark.statement("POP-15")
def test_only_make_insert_may_insert(computed, subject):
    def make_fetch(self, key):
        self.insert1({**key, "y": 1})
        return (1,)

    parts = ThreeParts(subject)
    fit = computed(**{**parts.methods, "make_fetch": make_fetch})
    with pytest.raises(DataJointError, match="inside its make"):
        fit.populate()


@pytest.mark.statement("POP-16")
def test_changed_inputs_are_computed_with_again(computed, subject, connect):
    others = connect()
    parts = ThreeParts(subject)

    def change_once(key):
        parts.before_insert = lambda key: None
        theirs = others.FreeTable(f"{subject.database}.{subject.table_name}")
        theirs.update1({**key, "x": 50})

    parts.before_insert = change_once
    fit = computed(**parts.methods)
    assert 1 == fit.populate("subject_id = 1")["success_count"]
    assert 100 == fit.fetch1("y")
    assert 2 == len([entry for entry in parts.log if entry[0] == "compute"])


@pytest.mark.statement("POP-16")
@pytest.mark.parametrize("form", ["parts", "generator"])
def test_inputs_that_go_on_changing_are_an_error(computed, subject, schema, form):
    schema.connection.config["jobs.conflict_retries"] = 2
    fetched = iter(range(1000))
    computations = []

    def make_fetch(self, key):
        return (next(fetched),)

    def make_compute(self, key, n):
        computations.append(n)
        return (n,)

    def make_insert(self, key, n):
        self.insert1({**key, "y": n})

    def make(self, key):
        found = self.fetch_something(key)
        yield found
        computations.append(found[0])
        yield found
        self.insert1({**key, "y": found[0]})

    parts = {"make_fetch": make_fetch, "make_compute": make_compute, "make_insert": make_insert}
    fit = computed(**(parts if form == "parts" else {"make": make, "fetch_something": make_fetch}))
    with pytest.raises(DataJointError, match="fetched data has changed"):
        fit.populate()
    assert 3 == len(computations)
    assert 0 == len(fit())
    assert not schema.connection.in_transaction


@pytest.mark.backends("postgresql", "mysql")  # SQLite lets nobody else write from the repeated fetch on
@pytest.mark.statement("POP-15", "POP-16")
@pytest.mark.parametrize("x", [50, 0.5])
def test_inputs_that_change_after_the_repeated_fetch_count(computed, subject, connect, x):
    theirs = connect().FreeTable(f"{subject.database}.{subject.table_name}")
    parts = ThreeParts(subject)
    changes = [x]

    def make_insert(self, key, y):
        self.insert1({**key, "y": y})
        if changes:
            theirs.update1({**key, "x": changes.pop()})

    fit = computed(**{**parts.methods, "make_insert": make_insert})
    assert 0.5 == (subject & "subject_id = 1").fetch1("x")
    assert 1 == fit.populate("subject_id = 1")["success_count"]
    assert 2 * x == fit.fetch1("y")
    assert [] == fit().stale().reasons()
    computations = 1 if x == 0.5 else 2  # another version of the same value is no reason to compute again
    assert computations == len([entry for entry in parts.log if entry[0] == "compute"])


@pytest.mark.statement("POP-15", "TXN-2", "PRV-3")
def test_make_insert_may_read_write_elsewhere_and_undo(computed, subject, schema, instance):
    @schema
    class Note(dj.Manual):
        definition = "note : varchar(20)"

    parts = ThreeParts(subject)
    seen = []

    def make_insert(self, key, y):
        with suppress(ZeroDivisionError), self.connection.transaction:
            self.insert1({**key, "y": -1})
            raise ZeroDivisionError
        self.insert1({**key, "y": y})
        if key["subject_id"] == 2:
            seen.append((self & key).fetch1("y"))
        if key["subject_id"] == 3:
            Note.insert1({"note": "three"}, skip_duplicates=True)

    fit = computed(**{**parts.methods, "make_insert": make_insert})
    fit.populate()
    assert ([2], ["three"]) == (seen, list(Note().to_arrays("note")))
    assert [1, 2, 3] == sorted(fit.to_arrays("y"))
    made = {row["event"]: row for row in instance.FreeTable(f"{schema.database}.~events").to_dicts()}
    (elsewhere,) = [row for row in made.values() if row["table_name"] == "note" and row["kind"] == "insert"]
    assert "make" == made[elsewhere["parent"]]["kind"]


@pytest.mark.statement("POP-15", "ERR-5")
def test_a_row_that_make_insert_may_not_insert_is_told_and_undone(computed, subject):
    parts = ThreeParts(subject)

    def make_insert(self, key, y):
        self.insert1({**key, "y": y})
        self.insert1({**key, "y": y})

    fit = computed(**{**parts.methods, "make_insert": make_insert})
    with pytest.raises(DuplicateError, match="subject_id=1") as caught:
        fit.populate()
    assert "The rows were inserted at" in str(caught.value)
    assert (0, False) == (len(fit()), fit.connection.in_transaction)


@pytest.mark.statement("POP-17")
def test_a_generator_is_the_three_parts_in_one(computed, subject):
    log = []

    def make(self, key, scale=1):
        x = (subject & key).fetch1("x")
        log.append(("fetch", self.connection.in_transaction))
        computed = yield (x,)
        if computed is None:
            log.append(("compute", self.connection.in_transaction))
            computed = (2 * x * scale,)
            yield computed
        log.append(("insert", self.connection.in_transaction))
        self.insert1({**key, "y": computed[0]})
        yield

    fit = computed(make)
    assert 1 == fit.populate("subject_id = 3", make_kwargs={"scale": 10})["success_count"]
    assert [("fetch", False), ("compute", False), ("fetch", True), ("insert", True)] == log
    assert 30 == fit.fetch1("y")
    assert 2 == fit.populate()["success_count"]


@pytest.mark.statement("POP-17")
def test_a_bare_yield_works_and_is_told(computed, subject):
    def make(self, key):
        x = (subject & key).fetch1("x")
        yield
        y = 2 * x
        yield
        self.insert1({**key, "y": y})

    fit = computed(make)
    with pytest.warns(DataJointDeprecationWarning, match="yield fetched") as caught:
        assert 3 == fit.populate()["success_count"]
    assert {__file__} == {warning.filename for warning in caught}


@pytest.mark.statement("POP-7", "TAB-20", "ERR-5")
def test_mistakes_in_make_are_told_in_words_of_the_user(computed, subject, caplog):
    def make(self, key):
        if key["subject_id"] == 1:
            (subject & key).fetch1("xx")
        self.insert1({**key, "y": np.zeros((3, 3))})

    errors = [text for _, text in computed(make).populate(suppress_errors=True)["error_list"]]
    assert "`xx`. Attributes: subject_id, x.\n" in errors[0]
    assert "array([[0., 0., 0.], [0., 0., 0.], [0., 0., 0.]]) (ndarray) is no number" in errors[1]
    assert ".\nwhile making `Fit` for the key {'subject_id': 2}" in caplog.text


@pytest.mark.statement("POP-18")
def test_a_missing_make_says_what_to_write(computed, schema):
    fit = computed()
    with pytest.raises(NotImplementedError, match=r"make\(self, key\)"):
        fit.populate()
    assert not schema.connection.in_transaction


@pytest.mark.statement("POP-18")
def test_incomplete_parts_say_what_lacks(computed):
    fit = computed(make_fetch=lambda self, key: (1,), make_insert=lambda self, key, x: None)
    with pytest.raises(NotImplementedError, match="lacks make_compute"):
        fit.populate()


@pytest.mark.statement("POP-19")
def test_the_older_name_of_make(computed):
    def _make_tuples(self, key):
        self.insert1({**key, "y": 1})

    assert 3 == computed(_make_tuples=_make_tuples).populate()["success_count"]


# ------------------------------------------------------------------------------------------------- upstream


@pytest.mark.statement("POP-20")
def test_upstream_follows_renames_and_parts(schema, subject, computed):
    @schema
    class Session(dj.Manual):
        definition = "-> Subject.proj(animal='subject_id')\nsession : int32"

        class Trial(dj.Part):
            definition = "-> master\ntrial : int32\n---\nscore : int32"

    @schema
    class Unrelated(dj.Manual):
        definition = "unrelated : int32"

    Session.insert(rows("animal session", (1, 1), (1, 2), (2, 1)))
    trials = (1, 1, 1, 10), (1, 1, 2, 20), (1, 2, 1, 30), (2, 1, 1, 40)
    Session.Trial.insert(rows("animal session trial score", *trials))
    Unrelated.insert1({"unrelated": 1})
    seen = {}

    class Score(dj.Computed):
        definition = "-> Session.Trial"

        def make(self, key):
            up = self.upstream
            seen[tuple(key.values())] = (
                up[subject].fetch1("x"),
                len(up[Session]),
                up[Session.Trial].fetch1("score"),
                up["Session"].fetch1("session"),
                up["Session.Trial"].fetch1("trial"),
                up[f"{self.database}.Subject"].fetch1("subject_id"),
            )
            with pytest.raises(DataJointError, match="Unrelated"):
                up[Unrelated]
            with pytest.raises(DataJointError, match="nowhere"):
                up["nowhere"]
            self.insert1(key)

    score = schema(Score, context={"Session": Session})
    assert 4 == score.populate()["success_count"]
    assert (0.5, 1, 20, 1, 2, 1) == seen[1, 1, 2]
    assert (1.0, 1, 40, 1, 1, 2) == seen[2, 1, 1]


@pytest.mark.statement("POP-20")
def test_upstream_gives_the_parts_of_an_ancestor(schema, computed, subject):
    seen = []

    def make(self, key):
        self.insert1({**key, "y": 1})
        self.Cell.insert([{**key, "cell": n} for n in range(key["subject_id"])])

    fit = computed(make)
    fit.populate()

    class Total(dj.Computed):
        definition = "-> Fit\n---\nn : int32"

        def make(self, key):
            seen.append(len(self.upstream[fit.Cell]))
            self.insert1({**key, "n": seen[-1]})

    schema(Total, context={"Fit": fit}).populate()
    assert [1, 2, 3] == seen


@pytest.mark.statement("POP-20")
def test_upstream_outside_make_names_the_alternative(computed):
    with pytest.raises(DataJointError, match=r"only available inside make\(\)(.|\n)*Diagram\.trace"):
        _ = computed(lambda self, key: None)().upstream


# ----------------------------------------------------------------------------------------------- permission


@pytest.mark.statement("TAB-19", "POP-21")
def test_only_its_own_make_inserts_into_a_computed_table(computed, schema):
    refused = []

    def make(self, key):
        try:
            other.insert1({**key, "y": 1})
        except DataJointError as error:
            refused.append(str(error))
        self.insert1({**key, "y": 1})

    other = computed(lambda self, key: None, name="Other")
    fit = computed(make)
    for table in (fit, fit.Cell):
        with pytest.raises(DataJointError, match="inside its make method"):
            table.insert1({"subject_id": 1, "y": 1} if table is fit else {"subject_id": 1, "cell": 1})
    assert 3 == fit.populate()["success_count"]
    assert 3 == len(refused)
    with pytest.raises(DataJointError, match="inside its make method"):
        fit.Cell.insert1({"subject_id": 1, "cell": 1})
    fit.Cell.insert1({"subject_id": 1, "cell": 1}, allow_direct_insert=True)
    assert 1 == len(fit.Cell())


@pytest.mark.statement("POP-21")
def test_another_thread_does_not_borrow_the_permission(computed):
    outcomes = []

    def intrude(table, key):
        try:
            table.insert1({**key, "y": 1})
            outcomes.append("inserted")
        except DataJointError as error:
            outcomes.append(str(error))

    def make(self, key):
        thread = threading.Thread(target=intrude, args=(self, key))
        thread.start()
        thread.join()
        self.insert1({**key, "y": 2})

    fit = computed(make)
    assert 3 == fit.populate()["success_count"]
    assert all("inside its make method" in text for text in outcomes), outcomes
    assert [2, 2, 2] == fit.to_arrays("y").tolist()


@pytest.mark.statement("POP-23")
@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("how", ["ctrl-c", "sigterm"])
def test_an_interruption_discards_the_make_and_restores_handlers(computed, schema, how, pinned):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    def make(self, key):
        self.insert1({**key, "y": 1})
        self.Cell.insert1({**key, "cell": 1})
        if pinned:
            assert 1 == len(self & key)
        if key["subject_id"] == 2:
            if how == "ctrl-c":
                raise KeyboardInterrupt
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(1000):
                pass

    fit = computed(make)
    with pytest.raises(KeyboardInterrupt if how == "ctrl-c" else SystemExit):
        fit.populate(suppress_errors=True)
    assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
    assert [1] == fit.to_arrays("subject_id").tolist()
    assert 1 == len(fit.Cell())
    assert not schema.connection.in_transaction
    (fit & "subject_id = 1").delete()


def touched(theirs, key, others):
    theirs["Subject"].update1({**key, "note": str(next(others))})


def joined(theirs, key, others):
    theirs["Fit"].insert1({"subject_id": next(others), "y": 0}, allow_direct_insert=True)


@pytest.mark.backends("postgresql", "mysql")
@pytest.mark.statement("POP-15", "POP-16")
@pytest.mark.parametrize("meanwhile", [touched, joined])
@pytest.mark.parametrize("form", ["parts", "whole"])
def test_what_does_not_change_what_was_read_is_no_conflict(schema, connect, meanwhile, form):
    """A row gets another version with the same values; the table that is made gets other rows."""

    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32\n---\nx : float64\nnote='' : varchar(20)"

    Subject.insert({"subject_id": n, "x": n / 2} for n in range(1, 9))
    others, theirs, computed = iter(range(2, 9)), {}, []

    class Fit(dj.Computed):
        definition = "-> Subject\n---\ny : float64"

        def make_fetch(self, key):
            return ((Subject & key).fetch1("x"), bool(len(self) < 0))

        def make_compute(self, key, x, _):
            computed.append(x)
            meanwhile(theirs, key, others)
            return (2 * x,)

        def make_insert(self, key, y):
            self.insert1({**key, "y": y})

    def make(self, key):
        self.make_insert(key, *self.make_compute(key, *self.make_fetch(key)))

    if form == "whole":
        Fit.make = make
    fit = schema(Fit, context={"Subject": Subject})
    other = connect()
    for table in (Subject, fit):
        theirs[table.__name__] = other.FreeTable(f"{table.database}.{table.table_name}")
    assert {"success_count": 1, "error_list": []} == fit.populate("subject_id = 1")
    assert [0.5] == computed
    assert 1 == (fit & "subject_id = 1").fetch1("y")


@pytest.mark.statement("POP-15", "TXN-2")
def test_what_fails_in_a_block_of_make_insert_may_be_caught(computed, subject):
    parts = ThreeParts(subject)

    def make_insert(self, key, y):
        self.insert1({**key, "y": y})
        with suppress(DataJointError), self.connection.transaction:
            self.connection.query("SELECT * FROM nowhere")

    fit = computed(**{**parts.methods, "make_insert": make_insert})
    assert 3 == fit.populate()["success_count"]
    assert [1, 2, 3] == sorted(fit.to_arrays("y"))
