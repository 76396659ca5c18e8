"""The connection is cut before, during and after any message: each key has one result, and is counted as such."""

import random
from itertools import count, product

import pytest

from .conftest import FULL

pytestmark = pytest.mark.backends("postgresql", "mysql")

WAYS = ("before", "during", "after")
MANY = 60
"""Rows of a make that is not sent as one packet."""


@pytest.fixture
def distant(workers, wire):
    """The names of a program at the other end of a wire; its makes do `acts[0]`."""
    names = {}
    far = {"host": "127.0.0.1", "port": wire.port, "use_tls": False}
    exec(workers.text(work="acts[0](self, key)", before="acts = [lambda *_: None]", settings=far), names)
    yield names
    names["instance"].connection.close()


def nothing(table, key):
    pass


def pinned(table, key):
    table.insert1({**key, "pid": 0})
    assert 1 == len(table & key)
    (table & key).delete_quick()


@pytest.mark.statement("TXN-3", "JOB-1")
def test_a_commit_that_is_cut(workers, distant, wire):
    fit, first = distant["Fit"], 0
    fit.jobs.refresh()
    for what, how, reserve_jobs in product(("few", "many", "pinned"), WAYS, (True, False)):
        distant["parts"] = MANY if what == "many" else 3
        distant["acts"][0] = pinned if what == "pinned" else nothing
        workers.Subject.insert1({"subject_id": (first := first + 1)})
        whole = what == "few" and fit().connection.dialect.features.cte_insert
        wire.cut_when("WITH c" if whole else "COMMIT", how)  # one statement is its own COMMIT
        made = fit.populate(reserve_jobs=reserve_jobs)
        assert ({"success_count": 1, "error_list": []}, False) == (made, wire.waits), (what, how)
        assert distant["parts"] == len(workers.Fit.Part() & {"subject_id": first})
    assert first == len(workers.Fit())
    assert 0 == workers.Fit.jobs.progress()["total"]


@pytest.mark.statement("TXN-3", "JOB-1")
def test_any_message_that_is_cut(workers, distant, wire):
    fit = distant["Fit"]
    fit.populate(reserve_jobs=True)
    for how in WAYS if FULL else [random.choice(WAYS)]:
        for n in count(1):
            if not FULL and n > 3 and random.random() < 0.6:
                continue
            first = len(workers.Subject())
            workers.Subject.insert({"subject_id": first + k} for k in range(3))
            wire.cut_at(n, how)
            fit.populate(reserve_jobs=True, suppress_errors=True)
            left = wire.waits
            wire.cut_at(0)
            workers.finish()
            workers.check()
            if left:
                break
        assert n > 10
