"""Makes that read stale rows go on, warn, or are refused, as the setting `provenance.stale` says."""

import contextlib
import warnings

import pytest

import datajoint as dj
from datajoint.errors import DataJointWarning, StaleInputError


class Tables(dict):
    """Declared tables by name."""

    def __init__(self, schema):
        super().__init__()
        self.schema = schema

    def declare(self, name, definition, tier=dj.Manual, **members):
        cls = type(tier)(name, (tier,), {"definition": definition, **members})
        self[name] = self.schema(cls, context=self)
        return self[name]


@pytest.fixture
def lab(schema):
    """Subjects 1 … 4 with a `Fit` each, with parts; the fit of subject 2 is stale."""
    tables = Tables(schema)
    subject = tables.declare("Subject", "subject : int32\n---\nx : int32")
    tables.declare("Group", "group : int32")

    def make(self, key):
        x = (subject & key).fetch1("x")
        self.insert1({**key, "y": x})
        self.Cell.insert({**key, "cell": n, "z": x * n} for n in (1, 2))

    cell = type(dj.Part)("Cell", (dj.Part,), {"definition": "-> master\ncell : int32\n---\nz : int32"})
    fit = tables.declare("Fit", "-> Subject\n---\ny : int32", dj.Computed, make=make, Cell=cell)
    subject.insert({"subject": n, "x": n * 10} for n in (1, 2, 3, 4))
    fit.populate()
    subject.update1({"subject": 2, "x": 99})
    return tables


def reader(lab, ask, parent="Subject"):
    """Return a table whose make asks something."""

    def make(self, key):
        ask(lab, key)
        self.insert1(key)

    return lab.declare("Reader", f"-> {parent}", dj.Computed, make=make)


@pytest.fixture
def refuse(instance):
    with instance.config.override(provenance__stale="refuse"):
        yield


def refused(table):
    """Return the subjects whose make is refused."""
    errors = table.populate(suppress_errors=True, return_exception_objects=True)["error_list"]
    assert all(isinstance(error, StaleInputError) for _, error in errors), errors
    return [key.get("subject") for key, _ in errors]


@pytest.mark.statement("PRV-7")
def test_ignored_by_default(lab):
    table = reader(lab, lambda t, key: (t["Fit"] & key).fetch1("y"))
    assert {"success_count": 4, "error_list": []} == table.populate()


@pytest.mark.statement("PRV-7")
def test_a_make_that_reads_a_stale_row_is_refused_before_it_goes_on(lab, refuse):
    went_on = []

    def ask(tables, key):
        (tables["Fit"] & key).fetch1("y")
        went_on.append(key["subject"])

    table = reader(lab, ask)
    with pytest.raises(StaleInputError, match=r"make of `Reader` for the key \{'subject': 2\} reads a row of `Fit` "
                       r"that is not fresh: \{'subject': 2\}: stale: `Subject` \{'subject': 2\}: `x` 20 → 99, by event") as caught:  # fmt: skip
        table.populate()
    assert "DJ504" == caught.value.code
    assert "Fit.populate(stale=True)" in str(caught.value)
    assert [2] == refused(table)
    assert [1, 3, 4] == went_on
    assert [1, 3, 4] == sorted(table.to_arrays("subject"))


@pytest.mark.statement("PRV-7")
def test_warned_once_a_table_and_make(lab, instance):
    def ask(tables, key):
        (tables["Fit"] & key).fetch1("y")
        (tables["Fit"] & key).to_dicts()
        len(tables["Fit"].Cell & key)

    table = reader(lab, ask)
    with instance.config.override(provenance__stale="warn"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table.populate()
    assert 4 == len(table())
    (said,) = [str(w.message) for w in caught if w.category is DataJointWarning]
    assert "make of `Reader` for the key {'subject': 2} reads a row of `Fit`" in said


@pytest.mark.statement("PRV-7")
def test_what_the_make_catches_is_refused_at_its_end(lab, refuse):
    def ask(tables, key):
        with contextlib.suppress(StaleInputError):
            (tables["Fit"] & key).fetch1("y")

    assert [2] == refused(reader(lab, ask))


ASKED = {
    "a count": lambda t, key: len(t["Fit"] & key),
    "whether": lambda t, key: bool(t["Fit"] & key),
    "a part": lambda t, key: (t["Fit"].Cell & key).to_dicts(),
    "a number of parts": lambda t, key: len(t["Fit"].Cell & key & "z > 0"),
    "a join": lambda t, key: (t["Subject"] * t["Fit"] & key).to_dicts(),
    "a renamed join": lambda t, key: (
        t["Fit"].proj(other="subject", y2="y") & {"other": key["subject"]}
    ).to_dicts(),
    "a left join": lambda t, key: (t["Subject"] & key).join(t["Fit"], left=True).to_dicts(),
    "an outer join": lambda t, key: (t["Subject"] & key).join(t["Fit"] & key, outer=True).to_dicts(),
    "the other side of an outer join": lambda t, key: (t["Fit"] & key).join(t["Subject"] & key, outer=True).to_dicts(),
    "a semijoin": lambda t, key: (t["Subject"] & key & t["Fit"]).to_dicts(),
    "an antijoin": lambda t, key: ((t["Subject"] & key) - t["Fit"]).to_dicts(),
    "an aggregation": lambda t, key: (t["Subject"] & key).aggr(t["Fit"].Cell, n="count(cell)").to_dicts(),
    "a condition on an aggregate": lambda t, key: (
        (t["Subject"] & key).aggr(t["Fit"].Cell, n="count(cell)") & "n > 1"
    ).to_dicts(),
    "an aggregated operand": lambda t, key: (t["Fit"] & key).aggr(t["Fit"].Cell, n="count(cell)").to_dicts(),
    "groups": lambda t, key: (dj.U("y").aggr(t["Fit"] & key, n="count(*)")).to_dicts(),
    "a sum": lambda t, key: dj.U().aggr(t["Fit"] & key, n="sum(y)").to_dicts(),
    "distinct values": lambda t, key: (dj.U("y") & (t["Fit"] & key)).to_dicts(),
    "a union": lambda t, key: ((t["Subject"] & {"subject": 1}).proj() + (t["Fit"] & key).proj()).to_dicts(),
    "the first row": lambda t, key: (t["Fit"] & key).to_dicts(order_by="y DESC", limit=1),
    "a stream": lambda t, key: list(t["Fit"] & key),
    "a range": lambda t, key: (t["Fit"] & f"subject <= {key['subject']}" & f"subject >= {key['subject']}").to_dicts(),
}  # fmt: skip


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("name", ASKED)
def test_however_a_stale_row_is_read(lab, refuse, name):
    assert [2] == refused(reader(lab, ASKED[name]))


@pytest.mark.statement("PRV-7")
def test_among_many_rows(lab, refuse):
    lab["Group"].insert1({"group": 1})
    table = reader(lab, lambda t, key: t["Fit"].to_dicts(), parent="Group")
    with pytest.raises(StaleInputError, match=r"not fresh: \{'subject': 2\}"):
        table.populate()


@pytest.mark.statement("PRV-7")
def test_rows_beside_stale_ones_are_read(lab, refuse):
    lab["Group"].insert1({"group": 1})
    table = reader(lab, lambda t, key: (t["Fit"] & "subject <> 2").to_dicts(), parent="Group")
    assert {"success_count": 1, "error_list": []} == table.populate()


@pytest.mark.statement("PRV-7", "POP-27")
def test_rows_made_again_are_read(lab, refuse):
    table = reader(lab, lambda t, key: (t["Fit"] & key).fetch1("y"))
    assert [2] == refused(table)
    lab["Fit"].populate(stale=True)
    assert [] == refused(table)
    assert 4 == len(table())


@pytest.mark.statement("PRV-7")
def test_what_became_stale_since(lab, refuse):
    lab["Fit"].populate(stale=True)
    table = reader(lab, lambda t, key: (t["Fit"] & key).fetch1("y"))
    table.populate({"subject": 1})
    lab["Subject"].update1({"subject": 3, "x": 7})
    assert [3] == refused(table)


@pytest.mark.statement("PRV-7", "POP-27")
def test_a_stale_row_is_not_its_own_input(lab, refuse):
    assert {"success_count": 1, "error_list": []} == lab["Fit"].populate(stale=True)
    assert not lab["Fit"].stale()


@pytest.mark.statement("PRV-7")
def test_rows_because_of_others(lab, instance):
    table = reader(lab, lambda t, key: (t["Fit"] & key).fetch1("y"), parent="Fit")
    table.populate()

    def make(self, key):
        len(table & key)
        self.insert1(key)

    last = lab.declare("Last", "-> Reader", dj.Computed, make=make)
    with instance.config.override(provenance__stale="refuse"):
        assert [2] == refused(last)


@pytest.mark.statement("PRV-7", "JOB-1")
def test_a_refusal_is_the_error_of_the_job(lab, refuse):
    table = reader(lab, lambda t, key: (t["Fit"] & key).fetch1("y"))
    table.populate(reserve_jobs=True, suppress_errors=True)
    (job,) = table.jobs.errors.to_dicts()
    assert 2 == job["subject"]
    assert "StaleInputError" in job["error_message"]
