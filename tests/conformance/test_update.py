"""Changing one row: what is set, what is reset, what is refused."""

import numpy as np
import pytest

import datajoint as dj
from datajoint.errors import (
    DataJointError,
    DuplicateError,
    IntegrityError,
    MissingAttributeError,
    QueryError,
    UnknownAttributeError,
)


@pytest.fixture
def subject(schema):
    class Subject(dj.Manual):
        definition = """
        subject_id : int32
        ---
        name : varchar(12)
        weight=null : float64
        sex="U" : enum('M','F','U')
        at=CURRENT_TIMESTAMP : datetime(3)
        picture=null : <blob>
        tag=null : int16
        unique index (tag)
        """

    table = schema(Subject)
    table.insert([{"subject_id": k, "name": f"n{k}", "weight": k, "sex": "M", "tag": k} for k in range(3)])
    return table


def row(table, key):
    return (table & {"subject_id": key}).fetch1()


@pytest.mark.statement("UPD-1")
def test_given_attributes_are_set(subject):
    before = [row(subject, k) for k in range(3)]
    subject.update1({"subject_id": 1, "name": "new", "picture": np.arange(3)})
    after = row(subject, 1)
    assert [0, 1, 2] == after.pop("picture").tolist()
    assert {**before[1], "name": "new"} == {**after, "picture": None}
    assert [before[0], before[2]] == [row(subject, 0), row(subject, 2)]
    subject().update1({"weight": "2.5", "subject_id": "1"})
    assert 2.5 == row(subject, 1)["weight"]


@pytest.mark.statement("UPD-2", "UPD-5")
def test_what_is_refused(subject):
    with pytest.raises(DataJointError, match=r"must supply all primary key values; missing: subject_id"):
        subject.update1({"name": "new"})
    with pytest.raises(DataJointError, match="must supply all primary key values"):
        subject.update1({"subject_id": None, "name": "new"})
    with pytest.raises(UnknownAttributeError, match=r"(?s)`nane`.*Did you mean `name`"):
        subject.update1({"subject_id": 1, "nane": "new"})
    with pytest.raises(
        DataJointError, match=r"one existing entry; `Subject` has none with \{'subject_id': 9\}"
    ):
        subject.update1({"subject_id": 9, "name": "new"})
    with pytest.raises(DataJointError, match="one existing entry"):
        subject.update1({"subject_id": 9})
    with pytest.raises(DataJointError, match="restricted table"):
        (subject & {"subject_id": 1}).update1({"subject_id": 1, "name": "new"})
    with pytest.raises(DataJointError, match="a dict"):
        subject.update1([1, "new"])
    assert ["n0", "n1", "n2"] == subject().to_arrays("name", order_by="KEY").tolist()


@pytest.mark.statement("UPD-1")
def test_nothing_to_set(subject):
    before = row(subject, 1)
    subject.update1({"subject_id": 1})
    assert before == row(subject, 1)


@pytest.mark.statement("UPD-3")
def test_none_resets(subject):
    subject.update1({"subject_id": 1, "at": "2001-02-03 04:05:06"})
    before = row(subject, 0)["at"]
    subject.update1({"subject_id": 1, "weight": None, "sex": None, "at": None})
    after = row(subject, 1)
    assert (None, "U") == (after["weight"], after["sex"])
    assert abs((after["at"] - before).total_seconds()) < 60
    with pytest.raises(MissingAttributeError, match="required attribute `name`"):
        subject.update1({"subject_id": 1, "name": None})


@pytest.mark.statement("UPD-2", "INS-10", "TYP-24")
def test_wrong_values(subject):
    for name, value in (("name", "x" * 20), ("sex", "X"), ("tag", 10**6), ("weight", "heavy")):
        with pytest.raises(QueryError, match=f"attribute `{name}`"):
            subject.update1({"subject_id": 1, name: value})
    subject.update1({"subject_id": 1, "weight": float("nan")})
    assert row(subject, 1)["weight"] is None


@pytest.mark.statement("UPD-2", "IDX-2", "TXN-4")
def test_clashes(subject):
    with pytest.raises(DuplicateError, match=r"`Subject`: tag=2 must be unique"):
        subject.update1({"subject_id": 1, "tag": 2})
    assert 1 == row(subject, 1)["tag"]


@pytest.mark.statement("FK-5", "UPD-2")
def test_a_missing_parent(schema, subject):
    @schema
    class Cage(dj.Manual):
        definition = """
        cage : int16
        ---
        -> [nullable] Subject
        """

    Cage.insert1({"cage": 1, "subject_id": 1})
    with pytest.raises(
        IntegrityError, match=r"`Cage`: the parent `Subject` with subject_id=7 does not exist"
    ):
        Cage.update1({"cage": 1, "subject_id": 7})
    Cage.update1({"cage": 1, "subject_id": None})
    Cage.update1({"cage": 1, "subject_id": 2})
    assert 2 == Cage.fetch1("subject_id")


@pytest.mark.statement("UPD-1", "TXN-6")
def test_in_a_block(subject, instance):
    with instance.connection.transaction:
        subject.update1({"subject_id": 1, "name": "one"})
        with pytest.raises(DuplicateError):
            subject.update1({"subject_id": 1, "tag": 2})
        subject.update1({"subject_id": 2, "name": "two"})
    assert ["n0", "one", "two"] == subject().to_arrays("name", order_by="KEY").tolist()
