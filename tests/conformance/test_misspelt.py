"""A misspelt name in a dict, with ``query.unknown_names`` = warn: nothing is deleted, dropped or computed by it."""

import warnings

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, DataJointWarning, UnknownAttributeError


@pytest.fixture(autouse=True)
def lenient(instance):
    instance.config["query.unknown_names"] = "warn"


@pytest.fixture
def subject(declare):
    table = declare("Subject", "subject_id : int32\n---\nspecies : varchar(12)\nweight=null : float64")
    table.insert([{"subject_id": n, "species": "rat" if n % 2 else "mouse"} for n in range(4)])
    return table


@pytest.fixture
def session(declare, subject):
    table = declare("Session", "-> Subject\nsession : int16\n---\nnote='' : varchar(20)")
    table.insert([{"subject_id": n, "session": k} for n in range(3) for k in range(2)])
    return table


def warned(make):
    """Return what is made, with the only warning."""
    with pytest.warns(DataJointWarning) as caught:
        result = make()
    assert 1 == len(caught)
    assert __file__ == caught[0].filename
    return result, str(caught[0].message)


@pytest.mark.statement("QRY-12")
def test_a_dict_without_a_shared_name_warns(subject):
    rows, text = warned(lambda: subject & {"speces": "rat", "wieght": 1})
    assert 4 == len(rows)
    assert text == (
        "A dict restricts nothing: `speces` and `wieght` are no attributes of the expression. "
        "Did you mean `species`? Did you mean `weight`?"
    )
    _, text = warned(lambda: subject & {"x": 1})
    assert "Attributes: subject_id, species, weight." in text
    assert 4 == len(warned(lambda: subject & [{"subject_id": 1}, {"x": 1}])[0])
    assert 0 == len(warned(lambda: subject - {"x": 1})[0])
    assert 4 == len(subject & {})
    assert 1 == len(subject & {"subject_id": 1, "x": 1})


@pytest.mark.statement("QRY-12")
def test_it_warns_once_a_place(subject):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for n in range(3):
            _ = subject & {"speces": str(n)}
    assert 1 == len(caught)


@pytest.mark.statement("QRY-12", "DEL-1", "DEL-7", "DEL-9")
@pytest.mark.parametrize("act", ["delete", "delete_quick", "drop", "drop_quick"])
def test_nothing_is_destroyed_by_it(subject, session, act):
    rows, _ = warned(lambda: session & {"sesion": 1})
    for query in (rows, rows & "subject_id < 2", rows & {"session": 1}, rows - {"session": 5}):
        with pytest.raises(UnknownAttributeError, match=r"(?s)`Session`.*`sesion`.*Did you mean `session`\?"):
            getattr(query, act)()
    assert 6 == len(session())


@pytest.mark.statement("QRY-12", "DEL-1")
def test_it_is_remembered_by_what_is_made_of_it(subject, session):
    rows, _ = warned(lambda: subject & {"speces": "rat"})
    for query in (
        session & rows,
        session & rows.proj(),
        session - rows,
        session & (rows * session),
        session & dj.AndList([rows, "session = 1"]),
        session & [rows, {"session": 1}],
        session & (rows & dj.Top(1)),
    ):
        with pytest.raises(UnknownAttributeError, match="`speces`"):
            query.delete()
    assert 6 == len(session())


@pytest.mark.statement("QRY-12", "DEL-1")
def test_one_slip_beside_a_name_that_is_right(subject, session):
    for rows, key in (
        (2, {"subject_id": 1, "sesion": 1}),
        (4, [{"subject_id": 1, "sesion": 1}, {"subject_id": 2, "sesion": 1}]),
        (2, [{"subject_id": 1, "sesion": 1}]),
        (2, {"subject_id": 1, "sessoin": 1}),
    ):
        assert (rows, 6 - rows) == (len(session & key), len(session - key))
        with pytest.raises(UnknownAttributeError, match=r"(?s)`sess?i?o?i?n`.*Did you mean `session`\?"):
            (session & key).delete()
    assert 6 == len(session())
    # Names of something else are no slips: a row of another table restricts by what is shared.
    assert 1 == (session & {"subject_id": 1, "session": 1, "sesion": 1}).delete()
    assert 1 == (session & {"subject_id": 1, "sessions": 5, "rig": 2}).delete()


@pytest.mark.statement("QRY-12", "POP-1")
def test_populate_refuses(declare, subject):
    done = []

    def make(self, key):
        done.append(key)
        self.insert1(key)

    fit = declare("Fit", "-> Subject", dj.Computed, make=make)
    for key in ({"subject": 1}, {"species": "rat"}, [{"subject_id": 1}, {"subject": 2}]):
        with pytest.raises(UnknownAttributeError, match=r"`Fit.key_source`.*`(subject|species)`"):
            fit.populate(key)
    with pytest.raises(UnknownAttributeError, match=r"`speces`"):
        fit.populate(warned(lambda: subject & {"speces": "rat"})[0])
    with pytest.raises(UnknownAttributeError, match=r"(?s)`Fit`.*`subjct`"):
        warned(lambda: fit & {"subjct": 1})[0].populate()
    with pytest.raises(DataJointError, match="restricted table"):
        (fit & {"subject_id": 1}).populate()
    assert [] == done
    assert 1 == fit.populate({"subject_id": 1, "rig": 3})["success_count"]
    assert 1 == fit.populate({}, [{"subject_id": 2}])["success_count"]
    assert 1 == fit.populate(subject & {"subject_id": 3})["success_count"]


@pytest.mark.statement("QRY-12", "POP-1")
def test_a_key_source_of_the_class_is_taken_as_it_is(declare, subject):
    def make(self, key):
        self.insert1(key)

    source = property(lambda self: subject & {"task": 1})
    fit = declare("Fit", "-> Subject", dj.Computed, make=make, key_source=source)
    with pytest.warns(DataJointWarning, match="`task`"):
        assert 1 == fit.populate({"subject_id": 1})["success_count"]
