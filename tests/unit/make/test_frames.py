"""Between the call of `populate` and the make of a user stand few frames of the package."""

import sys

import pytest

import datajoint as dj
from datajoint._edge import is_ours

MOST = 8
WAYS = {
    "direct": {}, "queue": {"reserve_jobs": True}, "shown": {"display_progress": True},
    "shown queue": {"display_progress": True, "reserve_jobs": True}, "executor": {"executor": "local"},
}  # fmt: skip


def ours():
    """Return the frames of the package below the code that calls this, up to the test."""
    frame, found = sys._getframe(2), []
    while frame is not None and not frame.f_code.co_name.startswith("test_"):
        found += [frame.f_code.co_qualname] * is_ours(frame)
        frame = frame.f_back
    return found


@pytest.fixture
def lab():
    instance = dj.Instance(
        backend="sqlite", database__name=":memory:", provenance__guard=True, provenance__audit=True
    )
    schema = instance.Schema("lab")

    @schema
    class Subject(dj.Lookup):
        definition = "subject : int32"
        contents = ((1,),)

    def declare(**methods):
        return schema(
            type("Fit", (dj.Computed,), {"definition": "-> Subject", **methods}), context={"Subject": Subject}
        )

    declare.schema = schema
    return declare


FORMS = ["make", "generator", "make_fetch", "make_compute", "make_insert"]


def methods(form, frames):
    def make(self, key):
        frames.append(ours())
        self.insert1(key)

    def generator(self, key):
        frames.append(ours())
        yield (1,)
        yield (2,)
        self.insert1(key)

    def make_fetch(self, key):
        frames.extend([ours()] * (form == "make_fetch"))
        return (1,)

    def make_compute(self, key, one):
        frames.extend([ours()] * (form == "make_compute"))
        return (one,)

    def make_insert(self, key, one):
        frames.extend([ours()] * (form == "make_insert"))
        self.insert1(key)

    if form == "make":
        return {"make": make}
    if form == "generator":
        return {"make": generator}
    return {"make_fetch": make_fetch, "make_compute": make_compute, "make_insert": make_insert}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("form", FORMS)
def test_populate(lab, form, how):
    frames = []
    table = lab(**methods(form, frames))
    assert 1 == table.populate(**WAYS[how])["success_count"]
    assert frames
    assert [] == [found for found in frames if len(found) > MOST]


@pytest.mark.parametrize("how", ["direct", "queue", "shown"])
def test_a_pipeline(lab, how):
    frames = []
    table = lab(**methods("make", frames))  # the class lives as long as it has a name
    assert 1 == lab.schema.populate(**WAYS[how]).success_count == len(table)
    assert [] == [found for found in frames if len(found) > MOST]


@pytest.mark.parametrize("form", ["make", "make_compute"])
def test_a_traceback(lab, form):
    def fail(self, key, *_):
        raise ValueError("broken")

    table = lab(**{**methods(form, []), form: fail})
    [(_, error)] = table.populate(suppress_errors=True, return_exception_objects=True)["error_list"]
    trace, found = error.__traceback__, []
    while trace is not None:
        found += [trace.tb_frame.f_code.co_qualname] * is_ours(trace.tb_frame)
        trace = trace.tb_next
    assert found
    assert len(found) <= MOST
