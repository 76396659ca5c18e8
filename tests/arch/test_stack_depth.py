"""Few frames of the package stand between a user and the database, and between `populate` and a make."""

import sys

import pytest

import datajoint as dj
from datajoint._edge import is_ours

DRIVERS = {"sqlite3", "psycopg", "psycopg_binary", "psycopg_c", "pymysql"}
MOST_TO_MAKE = 8
MOST_FOR_FETCH1 = 7
MOST_FOR_INSERT1 = {"sqlite": 10, "postgresql": 10, "mysql": 10}


@pytest.fixture
def lab(connect, schema_name):
    instance = connect(provenance__guard=True, provenance__audit=True)
    schema = instance.Schema(schema_name())

    @schema
    class Subject(dj.Manual):
        definition = "subject : int32\n---\nweight : float64"

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject\n---\nweight : float64"
        frames = None

        def make(self, key):
            type(self).frames = ours(sys._getframe(1))
            self.insert1({**key, "weight": (Subject & key).fetch1("weight")})

    Subject.insert1({"subject": 1, "weight": 20})
    Subject.insert1({"subject": 2, "weight": 30})
    schema.Subject, schema.Fit = Subject, Fit
    return schema


def package_of(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]


def ours(frame):
    """Return the frames of the package, the outermost first, up to the test."""
    found = []
    while frame is not None and not frame.f_code.co_name.startswith("test_"):
        if package_of(frame) in DRIVERS:
            found.clear()
        found += [frame.f_code.co_qualname] * is_ours(frame)
        frame = frame.f_back
    return found[::-1]


def deepest(act):
    """Return the deepest stack of the package at the calls of a function into the driver of a database.

    Drivers call back into our subclasses of theirs; those frames belong to the driver.
    """
    found = []

    def note(frame, event, called):
        if event == "c_call" and is_ours(frame) and hasattr(called, "__self__"):
            if type(called.__self__).__module__.partition(".")[0] in DRIVERS:
                found.append(ours(frame))
        elif event == "call" and package_of(frame) in DRIVERS and is_ours(frame.f_back):
            found.append(ours(frame.f_back))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
    assert found, "no call of a driver was noticed"
    return max(found, key=len)


def test_an_insert(lab, backend):
    lab.Subject.insert1({"subject": 3, "weight": 1})
    stack = deepest(lambda: lab.Subject.insert1({"subject": 4, "weight": 1}))
    assert len(stack) <= MOST_FOR_INSERT1[backend.name], "\n".join(["", *stack])


def test_a_fetch(lab):
    subject = lab.Subject & {"subject": 1}
    subject.fetch1()
    stack = deepest(subject.fetch1)
    assert len(stack) <= MOST_FOR_FETCH1, "\n".join(["", *stack])


@pytest.mark.parametrize("options", [{}, {"reserve_jobs": True}], ids=["direct", "queue"])
def test_a_make(lab, options):
    lab.Fit.populate(max_calls=1, **options)
    assert 1 == lab.Fit.populate(**options)["success_count"]
    assert len(lab.Fit.frames) <= MOST_TO_MAKE, "\n".join(["", *lab.Fit.frames])
