"""A make that inserts nothing for its key is an outcome of its own: the key is skipped and stays to do."""

import logging

import pytest

import datajoint as dj
from datajoint.errors import ContractError

pytestmark = pytest.mark.statement("POP-13")


@pytest.fixture
def lab(schema):
    """Sessions, marks that say which are ready, and what makes a computed table of a body."""

    @schema
    class Session(dj.Manual):
        definition = "session : int32"

    @schema
    class Ready(dj.Manual):
        definition = "-> Session"

    class Lab:
        session, ready = Session, Ready

        def table(self, **members):
            definition = members.pop("definition", "-> Session\n---\nx = 0 : int32")
            cls = type("Fit", (dj.Computed,), {"definition": definition, "reads": [Ready], **members})
            return schema(cls, context={"Session": Session})

        def fit(self):
            calls = self.calls

            def make(self, key):
                calls.append(key["session"])
                if not Ready & key:
                    return
                self.insert1(key)

            return self.table(make=make)

    Session.insert([{"session": n} for n in (1, 2, 3)])
    Ready.insert([{"session": n} for n in (1, 3)])
    lab = Lab()
    lab.calls = []
    return lab


def three_parts(lab):
    def make_fetch(self, key):
        return (bool(lab.ready & key),)

    def make_compute(self, key, is_ready):
        return (is_ready,)

    def make_insert(self, key, is_ready):
        if is_ready:
            self.insert1(key)

    return lab.table(make_fetch=make_fetch, make_compute=make_compute, make_insert=make_insert)


def generator(lab):
    def make(self, key):
        is_ready = bool(lab.ready & key)
        yield (is_ready,)
        yield
        if is_ready:
            self.insert1(key)

    return lab.table(make=make)


def early_generator(lab):
    def make(self, key):
        if not lab.ready & key:
            return
        yield (1,)
        yield
        self.insert1(key)

    return lab.table(make=make)


def with_parts(lab):
    class Cell(dj.Part):
        definition = "-> master\ncell : int32"

    def make(self, key):
        if lab.ready & key:
            self.insert1(key)
            self.Cell.insert1({**key, "cell": 1})

    return lab.table(make=make, Cell=Cell)


FORMS = {
    "plain": lambda lab: lab.fit(), "three parts": three_parts, "generator": generator,
    "early generator": early_generator, "parts": with_parts,
}  # fmt: skip
RESULT = {"success_count": 2, "error_list": [], "skipped_count": 1}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "how", [{}, {"reserve_jobs": True}, {"processes": 2}, {"processes": 2, "reserve_jobs": True}]
)
def test_a_key_is_skipped_and_stays_to_do(lab, form, how, caplog):
    fit = FORMS[form](lab)
    with caplog.at_level(logging.WARNING, "datajoint"):
        assert fit.populate(**how) == RESULT
    said = [record.getMessage() for record in caplog.records if "inserted nothing" in record.getMessage()]
    assert ["make of `Fit` inserted nothing for the key {'session': 2}"] == [
        text.partition(":")[0] + ": 2}" for text in said
    ]
    progress = fit.progress()
    assert (1, 3, 1) == (*progress, progress.skipped)
    if how.get("reserve_jobs"):
        assert [("pending", "skipped")] == [(r["status"], r["error_message"]) for r in fit.jobs.to_dicts()]

    lab.ready.insert1({"session": 2})
    assert fit.populate(**how) == {"success_count": 1, "error_list": []}
    assert (0, 3, 0) == (*fit.progress(), fit.progress().skipped)


@pytest.mark.parametrize("reserve_jobs", [False, True])
def test_a_run_takes_a_skipped_key_once_and_each_run_by_hand_again(lab, instance, reserve_jobs):
    fit = lab.fit()
    with instance.config.override(jobs__skipped_retry=0):
        fit.populate(reserve_jobs=reserve_jobs)
    assert [1, 2, 3] == sorted(lab.calls)
    for _ in range(2):
        lab.calls.clear()
        assert 1 == fit.populate(reserve_jobs=reserve_jobs)["skipped_count"]
        assert [2] == lab.calls
        lab.calls.clear()
        assert 1 == dj.populate(fit, reserve_jobs=reserve_jobs).skipped_count
        assert [2] == lab.calls


def test_a_pipeline_run_counts_skipped_keys(lab, schema):
    fit = lab.fit()

    @schema
    class Below(dj.Computed):
        definition = "-> fit"

        def make(self, key):
            self.insert1(key)

    result = dj.populate(schema)
    assert (2, 1, 1) == (result["Fit"].success_count, result["Fit"].skipped_count, result["Fit"].remaining)
    assert 2 == len(Below())
    assert "skipped" in repr(result)
    assert 1 == fit.progress().skipped


def test_a_worker_takes_a_skipped_key_when_what_it_read_has_changed(lab):
    fit = lab.fit()
    assert 2 == dj.Worker(fit).run(until_done=True)
    lab.calls.clear()
    lab.session.insert1({"session": 4})
    assert 0 == dj.Worker(fit).run(until_done=True)
    assert [4] == lab.calls
    lab.ready.insert1({"session": 2})
    assert 1 == dj.Worker(fit).run(until_done=True)
    assert [4, 2] == lab.calls


def test_a_worker_takes_a_skipped_key_again_after_a_while(lab, instance):
    fit = lab.fit()
    with instance.config.override(jobs__skipped_retry=0):
        dj.Worker(fit).run(max_calls=5)
    assert [1, 2, 2, 2, 3] == sorted(lab.calls)


def test_rows_written_elsewhere_are_stored(lab, schema):
    @schema
    class Bad(dj.Manual):
        definition = "-> Session"

    def make(self, key):
        if key["session"] == 2:
            Bad.insert1(key)
            return
        self.insert1(key)

    fit = lab.table(make=make, writes=[Bad])
    assert fit.populate() == RESULT
    assert [{"session": 2}] == Bad.to_dicts()


def test_a_strict_contract_makes_it_an_error(lab):
    fit = lab.fit()
    fit.contract = "error"
    with pytest.raises(ContractError, match="inserted nothing"):
        fit.populate()


def test_a_row_made_again_with_nothing_stays(lab):
    fit = lab.fit()
    fit.populate()
    (lab.ready & {"session": 1}).delete()
    for how in ({}, {"reserve_jobs": True}):
        assert {"success_count": 0, "error_list": [], "skipped_count": 1} == fit.populate(stale=True, **how)
        assert [1, 3] == sorted(fit.to_arrays("session").tolist())
    assert 0 == len(fit.jobs.reserved)
