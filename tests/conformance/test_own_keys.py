"""Computed tables with key attributes of their own: several rows for one key of the key source."""

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, DataJointWarning

pytestmark = pytest.mark.statement("TAB-18")


@pytest.fixture
def trial(schema):
    """Give a table with two rows for each of three sessions, made by numbers of the class."""

    @schema
    class Session(dj.Lookup):
        definition = "session : int32"
        contents = ((1,), (2,), (3,))

    class Trial(dj.Imported):
        definition = "-> Session\ntrial : int32\n---\nx = 0 : float64"
        calls, first, rows = [], 0, 2

        def make(self, key):
            self.calls.append(dict(key))
            self.insert({**key, "trial": n, "x": n / 2} for n in range(self.first, self.first + self.rows))

        class Event(dj.Part):
            definition = "-> master\nevent : int16"

    Trial.calls = []
    with pytest.warns(DataJointWarning, match="`trial`"):
        return schema(Trial)


def sessions(table):
    return sorted(row["session"] for row in table.to_dicts())


@pytest.mark.statement("POP-2", "POP-12")
def test_each_key_of_the_parents_is_made_once(trial):
    assert ["session"] == trial.key_source.primary_key
    assert (3, 3) == trial.progress()
    assert {"success_count": 3, "error_list": []} == trial.populate()
    assert [{"session": n} for n in (1, 2, 3)] == trial.calls
    assert [1, 1, 2, 2, 3, 3] == sessions(trial)
    assert (0, 3) == trial.progress()
    assert 0 == trial.populate()["success_count"]
    (trial & "session = 2 and trial = 0").delete()
    assert (0, 3) == trial.progress()  # one row is enough
    (trial & "session = 2").delete()
    assert (1, 3) == trial.progress()
    assert [{"session": 2}] == (trial.key_source - trial).keys()
    trial.populate({"session": 2})
    assert [{"session": 2}] == trial.calls[3:]
    assert 6 == len(trial)


@pytest.mark.statement("JOB-2", "JOB-4")
def test_jobs_have_the_key_of_the_parents(trial):
    assert ["session"] == trial.jobs.primary_key
    trial.jobs.refresh()
    trial.jobs.ignore({"session": 3})
    assert 2 == trial.populate(reserve_jobs=True)["success_count"]
    assert [1, 1, 2, 2] == sessions(trial)
    assert 1 == trial.jobs.progress()["ignore"]
    (trial & "session = 1").delete()
    trial.jobs.refresh()
    assert [{"session": 1}] == trial.jobs.pending.keys()
    assert 1 == trial.populate(reserve_jobs=True)["success_count"]
    assert [1, 1, 2, 2] == sessions(trial)


@pytest.mark.statement("POP-13")
def test_rows_of_another_key_stay_refused(trial):
    def make(self, key):
        self.insert1({"session": key["session"] % 3 + 1, "trial": 0})

    trial.make = make
    with pytest.raises(DataJointError, match="session"):
        trial.populate()
    assert 0 == len(trial)


@pytest.mark.statement("POP-26")
def test_what_is_made_again_may_have_other_rows(trial):
    trial.populate()
    assert ["verified"] * 3 == [outcome.state for outcome in trial.verify().outcomes]
    trial.rows = 3
    assert ["verified"] != [outcome.state for outcome in trial.verify({"session": 1}).outcomes]
    (trial & "session = 1").delete()
    trial.populate()
    assert [1, 1, 1, 2, 2, 3, 3] == sessions(trial)


@pytest.mark.statement("POP-12")
def test_children_are_made_for_the_rows(schema, trial):
    @schema
    class Rate(dj.Computed):
        definition = "-> Trial\n---\nrate : float64"

        def make(self, key):
            self.insert1({**key, "rate": (Trial & key).fetch1("x")})

    Trial = trial  # noqa: N806
    trial.populate()
    assert ["session", "trial"] == Rate.key_source.primary_key
