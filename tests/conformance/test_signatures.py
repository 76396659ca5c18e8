"""Makes that do not take what they are given are refused by name."""

import pytest

import datajoint as dj
from datajoint.errors import ComputeError


@pytest.fixture
def fit(schema):
    @schema
    class Subject(dj.Lookup):
        definition = "subject : int32"
        contents = ((1,), (2,))

    def declare(**methods):
        members = {"definition": "-> Subject\n---\nx : int32", **methods}
        return schema(type("Fit", (dj.Computed,), members), context={"Subject": Subject})

    return declare


@pytest.mark.statement("POP-6", "ERR-5")
def test_a_make_without_a_key(fit):
    table = fit(make=lambda self: None)
    with pytest.raises(
        ComputeError, match=r"`Fit.make\(\)` cannot be called for a key: too many.*\n.*make\(self, key\)"
    ):
        table.populate(suppress_errors=True)


@pytest.mark.statement("POP-11", "ERR-5")
def test_a_make_that_does_not_take_further_arguments(fit):
    table = fit(make=lambda self, key: None)
    with pytest.raises(ComputeError, match=r"cannot be called for a key: .*'scale'"):
        table.populate(make_kwargs={"scale": 2})
    fit(make=lambda self, key, **more: self.insert1({**key, "x": more["scale"]})).populate(
        make_kwargs={"scale": 2}
    )
    assert [2, 2] == table.to_arrays("x").tolist()


@pytest.mark.statement("POP-15", "ERR-5")
def test_parts_that_do_not_fit(fit):
    def fetch(self, key):
        return 1, 2

    def compute(self, key, a):
        return (a,)

    def insert(self, key, x):
        self.insert1({**key, "x": x})

    table = fit(make_fetch=fetch, make_compute=compute, make_insert=insert)
    with pytest.raises(
        ComputeError, match=r"`Fit.make_fetch` returned 2 values, and `make_compute\(key, a\)` does not"
    ):
        table.populate()
    table = fit(make_fetch=lambda self, key: 1, make_compute=lambda self, key, a: None, make_insert=insert)
    with pytest.raises(
        ComputeError, match=r"`Fit.make_compute` returned 0 values, and `make_insert\(key, x\)`"
    ):
        table.populate()
    assert 0 == len(table())
