"""A table whose make reads another one is computed after it, also where it does not refer to it (faults N3)."""

import logging

import pytest

import datajoint as dj
from datajoint.errors import DataJointError

pytestmark = pytest.mark.statement("POP-24")

HOW = {
    "direct": {}, "queue": {"reserve_jobs": True}, "processes": {"processes": 2},
    "processes and queue": {"processes": 2, "reserve_jobs": True},
}  # fmt: skip


@pytest.fixture
def lab(schema):
    """Sessions, recordings, three sortings of each, and a summary that reads these and refers to sessions."""

    @schema
    class Session(dj.Manual):
        definition = "session : int32"

    class Lab:
        broken = frozenset()

        def __init__(self):
            self.session = Session

        def declare(self, reads=None):
            lab = self

            class Summary(dj.Computed):
                definition = "-> Session\n---\nn : int32"

                def make(self, key):
                    self.insert1({**key, "n": len(lab.sorting & key)})

            if reads is not None:
                Summary.reads = reads
            self.summary = schema(Summary, context={"Session": Session})

            class Recording(dj.Imported):
                definition = "-> Session"

                def make(self, key):
                    self.insert1(key)

            self.recording = schema(Recording, context={"Session": Session})

            class Method(dj.Lookup):
                definition = "method : int32"
                contents = ((1,), (2,), (3,))

            self.method = schema(Method)

            class Sorting(dj.Computed):
                definition = "-> Recording\n-> Method"

                def make(self, key):
                    if (key["session"], key["method"]) in lab.broken:
                        raise ValueError("broken")
                    self.insert1(key)

            self.sorting = schema(Sorting, context={"Recording": Recording, "Method": Method})
            return self

        def counts(self):
            return dict(zip(*self.summary.to_arrays("session", "n"), strict=True))

    Session.insert([{"session": n} for n in range(5)])
    return Lab()


ALL = dict.fromkeys(range(5), 3)


@pytest.mark.parametrize("how", HOW)
def test_declared_reads_come_first(lab, schema, how):
    lab.declare(reads=["Sorting"])
    result = dj.populate(schema, **HOW[how])
    assert ALL == lab.counts()
    assert 0 == len(lab.summary.stale())
    assert "Summary" == result.tables[-1].class_name
    assert 0 == result.remaining


@pytest.mark.parametrize("how", HOW)
def test_what_a_first_run_sees_it_makes_again(lab, schema, how, caplog):
    lab.declare()
    with caplog.at_level(logging.WARNING, "datajoint"):
        dj.populate(schema, **HOW[how])
    assert ALL == lab.counts()
    assert 0 == len(lab.summary.stale())
    said = [record.getMessage() for record in caplog.records]
    [advice] = [text for text in said if "reads `Sorting`, which its definition does not refer to" in text]
    assert "test_order_of_reads.py:" in advice
    assert "reads = [Sorting]" in advice


@pytest.mark.parametrize("how", HOW)
def test_recorded_reads_come_first(lab, schema, how):
    lab.declare()
    dj.populate(schema)
    lab.session.insert([{"session": n} for n in range(5, 9)])
    before = _makes(lab, schema)
    dj.populate(schema, **HOW[how])
    assert dict.fromkeys(range(9), 3) == lab.counts()
    assert 4 == _makes(lab, schema) - before  # none was made twice


def _makes(lab, schema):
    return len(schema.events & {"table_name": lab.summary.table_name} & 'kind in ("make", "confirm")')


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_worker_waits_for_declared_reads(lab, schema, concurrency):
    lab.declare(reads=["Sorting"])
    dj.Worker(schema, concurrency=concurrency).run(until_done=True)
    assert ALL == lab.counts()


@pytest.mark.parametrize("how", ["direct", "queue"])
def test_what_cannot_be_made_is_not_waited_for(lab, schema, how):
    lab.declare(reads=["Sorting"])
    lab.broken = {(1, 2), (3, 1)}
    result = dj.populate(schema, suppress_errors=True, **HOW[how])
    assert ALL | {1: 2, 3: 2} == lab.counts()
    assert 2 == len(result.error_list)


def test_a_worker_does_not_wait_for_what_has_failed(lab, schema):
    lab.declare(reads=["Sorting"])
    lab.broken = {(1, 2)}
    dj.Worker(schema).run(until_done=True)
    assert ALL | {1: 2} == lab.counts()


def test_a_restricted_run_waits_for_what_it_makes(lab, schema):
    lab.declare(reads=["Sorting"])
    dj.populate(schema, restrictions=[{"session": 2}])
    assert {2: 3} == lab.counts()


def test_a_cycle_is_named(lab, schema):
    lab.declare(reads=["Sorting"])
    lab.sorting.reads = [lab.summary]
    with pytest.raises(DataJointError, match=r"read each other: `\w+` → `\w+` → `\w+`"):
        dj.populate(schema)


def test_what_is_no_table_is_refused(lab, schema):
    lab.declare(reads=["Sortin"])
    with pytest.raises(DataJointError, match=r"`reads` of `Summary` names `Sortin`"):
        dj.populate(schema)
    lab.summary.reads = [3]
    with pytest.raises(DataJointError, match=r"`reads` of `Summary` holds 3, which is not a table"):
        dj.populate(schema)


def test_declared_reads_keep_the_contract(lab, schema, instance, caplog):
    lab.declare(reads=["Sorting"])
    with caplog.at_level(logging.WARNING, "datajoint"):
        dj.populate(schema)
    assert not [record for record in caplog.records if "does not refer to" in record.getMessage()]
    lab.session.insert1({"session": 9})
    with instance.config.override(provenance__contract="error"):
        dj.populate(schema)
    assert 3 == lab.counts()[9]
