"""A make that is written with `async def` is refused by name, before anything is changed."""

import pytest

import datajoint as dj


async def coroutine(self, key, *arguments):
    self.insert1(key)


async def generator(self, key):
    yield


def plain(self, key, *arguments):
    return ()


MEMBERS = {
    "make": {"make": coroutine},
    "make of parts": {"make": generator},
    "make_compute": {"make_fetch": plain, "make_compute": coroutine, "make_insert": plain},
}


@pytest.mark.parametrize("reserve_jobs", [False, True])
@pytest.mark.parametrize("name", MEMBERS)
def test_an_async_make_is_refused_by_name(schema, name, reserve_jobs):
    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32"

    Subject.insert1({"subject_id": 1})
    fit = schema(type("Fit", (dj.Computed,), {"definition": "-> Subject", **MEMBERS[name]}))
    with pytest.raises(
        dj.errors.DataJointError, match=rf"`Fit\.{name.split()[0]}` is written with `async def`"
    ):
        fit.populate(reserve_jobs=reserve_jobs)
    assert not fit()
    if reserve_jobs:
        assert not fit.jobs.reserved
