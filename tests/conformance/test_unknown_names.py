"""A dict with a name that no table has is refused; names of other tables restrict by what is shared."""

import warnings

import numpy as np
import pandas as pd
import pytest

import datajoint as dj
from datajoint.errors import DataJointWarning, UnknownAttributeError


@pytest.fixture
def subject(declare):
    table = declare("Subject", "subject_id : int32\n---\nspecies : varchar(12)\nweight=null : float64")
    table.insert([{"subject_id": n, "species": "rat" if n % 2 else "mouse", "weight": n} for n in range(4)])
    return table


@pytest.fixture
def session(declare, subject):
    table = declare("Session", "-> Subject\nsession : int16\n---\nqx_rig='' : varchar(20)")
    table.insert([{"subject_id": n, "session": k} for n in range(3) for k in range(2)])
    return table


UNKNOWN = [
    {"speqies": "rat"},
    {"subject_id": 1, "speqies": "rat"},
    [{"subject_id": 1}, {"speqies": "rat"}],
    [{"subject_id": 1, "speqies": "rat"}, {"subject_id": 2, "speqies": "rat"}],
    dj.AndList([{"subject_id": 1}, {"speqies": "rat"}]),
    dj.Not({"speqies": "rat"}),
    [dj.AndList([{"speqies": "rat"}])],
    np.array([(1, "rat")], dtype=[("subject_id", "i4"), ("speqies", "U3")]),
    np.array([(1, "rat")], dtype=[("subject_id", "i4"), ("speqies", "U3")])[0],
    pd.DataFrame({"subject_id": [1, 2], "speqies": ["rat", "rat"]}),
    {"speqies": None},
    {"speqies": ["rat", "mouse"]},
    {"speqies.deep[0]": 1},
]


@pytest.mark.statement("QRY-12")
@pytest.mark.parametrize("operand", UNKNOWN, ids=range(len(UNKNOWN)))
def test_a_name_that_no_table_has_is_an_error(subject, operand):
    for act in (
        lambda: subject & operand,
        lambda: subject - operand,
        lambda: subject.restrict(operand),
        lambda: subject & dj.Not(operand),
        lambda: subject.proj("species") & operand,
        lambda: (subject & operand).to_arrays("weight").mean(),
    ):
        with pytest.raises(
            UnknownAttributeError, match=r"(?s)`speqies.*Did you mean `species`\?.*unknown_names"
        ):
            act()
    assert 4 == len(subject())


@pytest.mark.statement("QRY-12", "DEL-1", "POP-1")
def test_nothing_is_changed_by_it(declare, subject, session):
    fit = declare("Fit", "-> Subject", dj.Computed, make=lambda self, key: self.insert1(key))
    for act in (
        lambda: (subject & {"speqies": "rat"}).delete(prompt=False),
        lambda: (subject & {"subject_id": 1, "speqies": "rat"}).update({"weight": 2}),
        lambda: fit.populate({"subject_id": 1, "speqies": "rat"}),
        lambda: fit.progress({"subject_id": 1, "speqies": "rat"}, display=False),
        lambda: fit.jobs & {"speqies": "rat"},
    ):
        with pytest.raises(UnknownAttributeError, match="`speqies`"):
            act()
    assert (4, 0) == (len(subject()), len(fit()))


@pytest.mark.statement("QRY-12")
def test_names_of_other_tables_say_nothing(subject, session):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 4 == len(subject & {"qx_rig": "a"})
        assert 1 == len(subject & {"subject_id": 1, "qx_rig": "a"})
        for key in session.to_dicts():
            assert 1 == len(subject & key)
        assert 2 == len(subject & [{"subject_id": 1, "session": 1}, {"subject_id": 2, "session": 2}])


@pytest.mark.statement("QRY-12")
def test_names_that_a_query_made_are_known(subject, session):
    made = subject.proj(qx_made="weight * 2")
    assert 4 == len(subject & made.to_dicts())
    assert 3 == len(
        subject & subject.aggr(session, qx_count="count(session)", exclude_nonmatching=True).to_dicts()
    )
    assert 2 == len(dj.U("session").aggr(session, qx_sum="count(subject_id)"))
    assert 4 == len(subject & {"qx_sum": 1, "qx_count": 2})


@pytest.mark.statement("QRY-12")
def test_names_of_schemas_that_were_not_looked_at_are_known(subject, connect, schema_name):
    other = connect().Schema(schema_name("other"))

    @other
    class Qx(dj.Manual):
        definition = "qx_elsewhere : int32"

    assert 1 == len(subject & {"subject_id": 1, "qx_elsewhere": 3})
    assert 4 == len(subject & {"qx_elsewhere": 3})
    with pytest.raises(UnknownAttributeError, match="`qx_elsewere`"):
        subject & {"qx_elsewere": 3}


@pytest.mark.statement("QRY-12")
def test_the_setting(subject, instance):
    instance.config["query.unknown_names"] = "ignore"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 4 == len(subject & {"speqies": 1})
        assert 1 == len(subject & {"subject_id": 1, "speqies": 1})
    instance.config["query.unknown_names"] = "warn"
    with pytest.warns(DataJointWarning, match="restricts nothing"):
        assert 4 == len(subject & {"speqies": 1})
    instance.config["query.unknown_names"] = "error"
    for operand in ({"speqies": 1}, {"subject_id": 1, "speqies": 1}):
        with pytest.raises(UnknownAttributeError):
            subject & operand


@pytest.mark.statement("QRY-12")
def test_known_names_are_asked_for_once(subject, session, monkeypatch):
    key = {"subject_id": 1, "session": 0, "qx_rig": ""}
    assert 1 == len(subject & key)
    monkeypatch.setattr(type(subject.connection.catalog), "unknown_attributes", None)
    assert 1 == len(subject & {**key, "subject_id": 2})
