"""Events as expressions: who wrote which rows, when, with which code, in which environment."""

import platform

import pytest

import datajoint as dj
from datajoint.errors import MissingTableError
from datajoint.journal.code import fingerprint


@pytest.fixture
def subject(schema):
    class Subject(dj.Manual):
        definition = """
        subject_id : int32
        ---
        user="ann" : varchar(12)
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

        def make(self, key):
            self.insert1({**key, "x": 1.5})
            self.Cell.insert([{**key, "cell": n} for n in range(3)])

    return schema(Fit, context={"Subject": subject})


@pytest.mark.statement("PRV-6", "PRV-5")
def test_a_computed_row_tells_code_and_environment(schema, subject, fit):
    subject.insert([{"subject_id": 1}, {"subject_id": 2}])
    fit.populate()

    row = ((fit & {"subject_id": 2}).event() * schema.code * schema.environments).fetch1()

    assert ("make", 2, 1) == (row["kind"], row["subject_id"], row["row_count"])
    assert fingerprint(fit).digest == row["source"]["~static"]
    assert "def make(self, key):" in row["source"][f"{fit.__module__}.{fit.__qualname__}.make"]
    assert row["complete"] == 1, row["unresolved"]
    assert platform.python_version() == row["python"]
    assert {"numpy", "pymysql"} <= set(row["packages"])
    assert len(row["commit"] or "0" * 40) == 40


@pytest.mark.statement("PRV-6")
def test_parts_belong_to_the_event_of_the_make(subject, fit):
    subject.insert1({"subject_id": 1})
    fit.populate()

    made = fit.event().fetch1("event")
    parts = fit.Cell.event().to_dicts()

    assert 3 == len(parts)
    assert {made} == {row["parent"] for row in parts}


@pytest.mark.statement("PRV-5", "PRV-9")
def test_the_events_of_a_table_outlive_its_rows(schema, subject):
    subject.insert([{"subject_id": 1}, {"subject_id": 2}])
    subject.update1({"subject_id": 1, "user": "bob"})
    (subject & {"subject_id": 2}).delete(prompt=False)

    kinds = subject.events.to_arrays("kind", order_by="event").tolist()

    assert ["insert", "update", "delete"] == kinds[:3]
    assert set(kinds) == set(schema.events.to_arrays("kind").tolist())


@pytest.mark.statement("PRV-5")
def test_a_row_tells_its_last_write(subject):
    subject.insert([{"subject_id": 1}, {"subject_id": 2}])
    subject.update1({"subject_id": 1, "user": "bob"})

    rows = subject.event().to_dicts(order_by="subject_id")

    assert ["update", "insert"] == [row["kind"] for row in rows]
    assert all(row["event_user"] is not None for row in rows)


@pytest.mark.statement("PRV-5")
def test_events_can_be_restricted_and_grouped(schema, subject):
    for number in range(3):
        subject.insert1({"subject_id": number})

    assert 3 == len(schema.events & {"kind": "insert", "table_name": subject.table_name})
    counted = dj.U("kind").aggr(subject.events, n="count(*)").to_dicts()
    assert [{"kind": "insert", "n": 3}] == counted


@pytest.mark.statement("PRV-5")
def test_another_clients_rows_are_not_there(subject):
    subject.insert1({"subject_id": 1})
    dialect = subject.connection.dialect
    subject.connection.query(f"INSERT INTO {dialect.table(subject().name)} (subject_id) VALUES (7)")

    assert [1] == subject.event().to_arrays("subject_id").tolist()
    assert 2 == len(subject())


@pytest.mark.statement("PRV-7")
def test_an_edited_make_is_other_code(schema, subject, fit):
    subject.insert1({"subject_id": 1})
    fit.populate()

    def make(self, key):
        self.insert1({**key, "x": 2.5})

    fit.make = make
    subject.insert1({"subject_id": 2})
    fit.populate()

    assert 2 == len(set(fit.event().to_arrays("code").tolist()))
    assert 2 == len(schema.code)


@pytest.mark.statement("PRV-6")
def test_code_before_anything_was_computed(schema):
    with pytest.raises(MissingTableError, match=r"has no table `~code`"):
        schema.code  # noqa: B018
