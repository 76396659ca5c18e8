# ruff: noqa: DTZ001 - datetimes are naive, UTC by convention
"""Verify: makes run afresh, what they give is compared with what is stored, and nothing is changed."""

import datetime as dt
import random
import threading
import uuid
from decimal import Decimal

import numpy as np
import pytest

import datajoint as dj
from datajoint.errors import DataJointError, TransactionError, UnknownAttributeError

pytestmark = pytest.mark.statement("POP-26")

FIT = "-> Subject\n---\ny=null : float64\nn=0 : int32\ntrace=null : <blob>\nnote='' : varchar(40)"
CELL = "-> master\ncell : int32\n---\nz=0 : float64"
OURS = ("~events", "~code", "~environments")
"""What a verification writes: its event, and what it ran as."""


class World:
    """Tables, and what the makes add to their results: the change of the world since they were populated."""

    def __init__(self, schema):
        self.schema, self.connection = schema, schema.connection
        self.offset = 0.0
        self.context = {}
        self.declare(dj.Manual, "Subject", "subject_id : int32\n---\nx : float64")
        self.Subject.insert([{"subject_id": n, "x": n / 2} for n in (1, 2, 3, 4)])
        self.declare(dj.Manual, "Other", "other : int32\n---\nv=0 : float64")
        self.Other.insert1({"other": 1})

    def declare(self, tier, name, definition, **members):
        cls = self.schema(
            type(tier)(name, (tier,), {"definition": definition, **members}), context=self.context
        )
        self.context[name] = cls
        setattr(self, name, cls)
        return cls

    def fit(self, make=None, populated=True, **members):
        """Declare `Fit` with a part, whose make may be given, and populate it."""
        part = type("Cell", (dj.Part,), {"definition": CELL})
        methods = {"make": make} if make else members or {"make": self.plain()}
        fit = self.declare(dj.Computed, "Fit", FIT, Cell=part, **{**members, **methods})
        if populated:
            fit.populate()
        return fit

    def plain(self):
        def make(table, key):
            x = (self.Subject & key).fetch1("x") + self.offset
            table.insert1({**key, "y": x, "trace": np.arange(4.0) + x})
            table.Cell.insert([{**key, "cell": c, "z": c * x} for c in (1, 2)])

        return make

    def dump(self):
        """All rows of all tables with all columns, those of ours too, but for what verify writes itself."""
        found = {}
        names = [n for n in self.connection.catalog.tables(self.schema.database) if n.name not in OURS]
        for name in names:
            quoted = self.connection.catalog.source(name)
            text = dj.FreeTable(self.connection, name).full_table_name
            rows = self.connection.query(f"SELECT * FROM {text}").fetchall()
            found[name.name] = sorted(map(repr, rows)), quoted.name
        events = self.schema.events - {"kind": "verify"}
        return found, sorted(map(repr, events.to_dicts()))


@pytest.fixture
def world(schema):
    return World(schema)


@pytest.fixture
def verify(world):
    """Give a function that verifies a table, and sees that nothing has changed but for one event."""

    def run(table, *restrictions, **options):
        before, events = world.dump(), len(world.schema.events & {"kind": "verify"})
        report = table.verify(*restrictions, **options)
        assert before == world.dump()
        assert not world.connection.in_transaction
        assert events + bool(len(report)) == len(world.schema.events & {"kind": "verify"})
        return report

    return run


def states(report):
    return [(one.key["subject_id"], one.state) for one in report]


def found(report):
    """Return what differs: table, kind, attribute."""
    return sorted({(one.table, one.kind, one.attribute) for key in report for one in key.differences})


@pytest.mark.statement("POP-26", "PRV-6")
def test_what_comes_out_as_it_is_stored_is_verified(world, verify):
    report = verify(world.fit())
    assert report
    assert 4 == len(report) == report.total
    assert [(n, "verified") for n in (1, 2, 3, 4)] == states(report)
    assert "`Fit`: 4 keys verified" == str(report)
    event = (world.schema.events & {"kind": "verify"}).fetch1()
    assert ("__fit", 4) == (event["table_name"], event["row_count"])
    assert {"keys": 4, "of": 4, "verified": 4, "differ": 0, "failed": 0} == event["details"]
    sources = (world.schema.code.proj("source") * (world.schema.events & "code is not null")).to_dicts()
    verified = [row["code"] for row in sources if row["event"] == event["event"]]
    assert verified == [row["source"]["~static"] for row in sources if row["kind"] == "make"][:1]


def test_differences_are_told_by_row_and_attribute_with_their_size(world, verify):
    fit = world.fit()
    world.Subject.update1({"subject_id": 2, "x": 1.25})
    report = verify(fit)
    assert not report
    assert [(1, "verified"), (2, "differs"), (3, "verified"), (4, "verified")] == states(report)
    assert [{"subject_id": 2}] == report.keys
    y, trace, one, two = report.differing[0].differences
    assert ("Fit", {"subject_id": 2}, "changed", "y", 1.0, 1.25) == (
        y.table, y.key, y.kind, y.attribute, y.stored, y.new,
    )  # fmt: skip
    assert 0.25 == y.difference.size
    assert (0.25, 4, 4) == (trace.difference.size, trace.difference.elements, trace.difference.total)
    assert ("Fit.Cell", {"subject_id": 2, "cell": 1}, 0.25) == (one.table, one.key, one.difference.size)
    assert 0.5 == two.difference.size
    assert (
        "`Fit`: 3 of 4 keys verified, 1 differs\n"
        "  differs  subject_id=2\n"
        "    y              1.0 → 1.25  (difference 0.25)\n"
        "    trace          [1.0, 2.0, 3.0, 4.0] → [1.25, 2.25, 3.25, 4.25]  "
        "(4 of 4 elements, largest difference 0.25)\n"
        "    Cell cell=1 z  1.0 → 1.25  (difference 0.25)\n"
        "    Cell cell=2 z  2.0 → 2.5  (difference 0.5)"
    ) == str(report)
    assert "<td>Fit.Cell subject_id=2 cell=1</td><td>z</td>" in report._repr_html_()
    details = (world.schema.events & {"kind": "verify"}).fetch1("details")
    assert {"Fit.y": 1, "Fit.trace": 1, "Fit.Cell.z": 2} == details["attributes"]


def test_it_confirms_nothing(world, verify):
    fit = world.fit()
    world.Subject.update1({"subject_id": 2, "x": 7})
    world.Subject.update1({"subject_id": 2, "x": 1})
    stale = [(row.key, row.state) for row in fit.stale().reasons()]
    assert verify(fit)
    assert stale == [(row.key, row.state) for row in fit.stale().reasons()]


def test_rows_that_came_and_went(world, verify):
    fit = world.fit()

    def make(table, key):
        table.insert1({**key, "y": key["subject_id"] / 2, "trace": np.arange(4.0) + key["subject_id"] / 2})
        table.Cell.insert([{**key, "cell": c, "z": c * key["subject_id"] / 2} for c in (2, 3)])

    type.__setattr__(fit, "make", make)
    report = verify(fit, {"subject_id": 3})
    assert [("Fit.Cell", "gone", ""), ("Fit.Cell", "new", "")] == found(report)
    assert "Cell cell=1  stored, but not made any more" in str(report)
    assert "Cell cell=3  made, but not stored" in str(report)
    type.__setattr__(fit, "make", lambda table, key: None)
    report = verify(fit, {"subject_id": 3})
    assert [("Fit", "gone", ""), ("Fit.Cell", "gone", "")] == found(report)


# ------------------------------------------------------------------------------------------------ tolerance


@pytest.mark.parametrize(
    ("tolerance", "differ"),
    [
        (None, ["Cell.z", "trace", "y"]),
        (1e-9, ["Cell.z", "trace", "y"]),
        (1e-3, []),
        ({"y": 1e-3, "trace": 1e-3}, ["Cell.z"]),
        ({"y": 1e-3, "trace": 1e-3, "z": 1e-3}, []),
        ({"z": 1}, ["trace", "y"]),
    ],
)
def test_numbers_may_differ_within_a_tolerance(world, verify, tolerance, differ):
    fit = world.fit()
    world.offset = 1e-5
    report = verify(fit, tolerance=tolerance)
    assert differ == sorted({f"{t}.{a}".removeprefix("Fit.") for t, _, a in found(report)})
    assert bool(report) is (differ == [])


def test_whole_numbers_and_shapes_have_to_be_the_same_but_where_a_tolerance_is_for_them(world, verify):
    shift = [0]

    def make(table, key):
        trace = {"n": np.arange(3) + shift[0], "more": [1.0, shift[0]], "s": np.zeros(3 + shift[0])}
        table.insert1({**key, "n": 10**6 + shift[0], "trace": trace})

    fit = world.fit(make)
    assert verify(fit)
    shift[0] = 1
    report = verify(fit, sample=1, seed=1, tolerance=0.1)
    assert [("Fit", "changed", "n"), ("Fit", "changed", "trace")] == found(report)
    trace = report.differing[0].differences[1].difference
    assert "shape (3,) → (4,)" in str(trace)
    assert 1.0 == trace.size
    assert [("Fit", "changed", "trace")] == found(verify(fit, tolerance={"n": 1e-6}))


@pytest.mark.parametrize("tolerance", [-1, float("nan"), "small", True, {"y": -1}])
def test_a_tolerance_is_a_number(world, tolerance):
    with pytest.raises(DataJointError, match="tolerance is"):
        world.fit(populated=False).verify(tolerance=tolerance)


@pytest.mark.parametrize("option", [{"tolerance": {"yy": 1}}, {"ignore": "yy"}, {"ignore": ["yy"]}])
def test_unknown_attributes_are_refused(world, option):
    with pytest.raises(UnknownAttributeError, match="no attribute 'yy'") as caught:
        world.fit(populated=False).verify(**option)
    assert "`y`" in str(caught.value)


def test_attributes_may_be_left_out(world, verify):
    fit = world.fit()
    world.offset = 1.0
    assert [("Fit.Cell", "changed", "z")] == found(verify(fit, ignore=["y", "trace"]))
    assert verify(fit, ignore={"y", "trace", "z"})


# --------------------------------------------------------------------------------------------- what is looked at


def test_samples(world, verify):
    world.Subject.insert([{"subject_id": n, "x": n} for n in range(10, 30)])
    fit = world.fit()
    report = verify(fit, sample=5, seed=3)
    assert (5, 24) == (len(report), report.total)
    assert "`Fit`: 5 keys verified (a sample of 5 of 24)" == str(report)
    assert states(report) == sorted(states(report)) == states(verify(fit, sample=5, seed=3))
    assert any(states(report) != states(fit.verify(sample=5, seed=n)) for n in range(10))
    assert 3 == len(verify(fit, sample=0.1))
    assert 24 == len(verify(fit, sample=1000)) == len(verify(fit, sample=1.0))
    details = (world.schema.events & {"kind": "verify"}).to_dicts(order_by="event DESC", limit=1)[0][
        "details"
    ]
    assert (24, 24, 1.0) == tuple(details[name] for name in ("keys", "of", "sample"))


@pytest.mark.parametrize("sample", [0, -1, 0.0, 1.5, "10%", True])
def test_a_sample_is_a_number(world, sample):
    with pytest.raises(DataJointError, match="sample is"):
        world.fit(populated=False).verify(sample=sample)


def test_rows_are_chosen_by_conditions(world, verify):
    fit = world.fit()
    assert [(3, "verified"), (4, "verified")] == states(verify(fit, "y > 1"))
    assert [(3, "verified")] == states(verify(fit & "y > 1", {"subject_id": 3}))
    assert [] == states(verify(fit, {"subject_id": 77}))
    assert "`Fit`: nothing to verify" == str(fit.verify({"subject_id": 77}))
    with pytest.raises(UnknownAttributeError, match="`subjct_id`"):
        fit.verify({"subjct_id": 3})


def test_rows_without_a_key_are_counted(world, verify):
    fit = world.fit(make=world.plain(), key_source=world.Subject & "subject_id > 1")
    fit.insert1({"subject_id": 1}, allow_direct_insert=True)
    report = verify(fit)
    assert (3, 1) == (len(report), report.unreachable)
    assert "1 row is of keys that its key_source does not give: not verified" in str(report)


# ---------------------------------------------------------------------------------------------- forms of make


def test_three_parts(world, verify):
    def make_fetch(self, key):
        return (world.Subject & key).fetch1("x")

    fit = world.fit(
        make_fetch=make_fetch,
        make_compute=lambda self, key, x: (x + world.offset,),
        make_insert=lambda self, key, y: self.insert1({**key, "y": y}),
    )
    assert verify(fit)
    world.offset = 0.5
    assert [("Fit", "changed", "y")] == found(verify(fit))


def test_a_generator(world, verify):
    def make(self, key):
        x = (world.Subject & key).fetch1("x")
        yield (x,)
        y = x + world.offset
        yield (y,)
        self.insert1({**key, "y": y})

    fit = world.fit(make)
    assert verify(fit)
    world.offset = 0.5
    assert [("Fit", "changed", "y")] == found(verify(fit))


def test_rows_of_a_query_and_transaction_blocks(world, verify):
    def make(self, key):
        self.insert((world.Subject & key).proj(y="x"))
        with self.connection.transaction:
            self.Cell.insert((world.Subject & key).proj(cell="subject_id + 0", z="x"))

    assert verify(world.fit(make))


def test_further_arguments(world, verify):
    def make(self, key, scale=1):
        self.insert1({**key, "y": scale})

    fit = world.fit(make, populated=False)
    fit.populate(make_kwargs={"scale": 3})
    assert [("Fit", "changed", "y")] == found(verify(fit))
    assert verify(fit, make_kwargs={"scale": 3})


@pytest.mark.filterwarnings("ignore:.*the rest is cut:datajoint.errors.DataJointWarning")
def test_values_of_all_types_are_what_they_were(world, verify):
    definition = """
    -> Subject
    ---
    a : float32
    b : decimal(6,3)
    c : datetime(3)
    d : uuid
    e : json
    f : enum("one", "two")
    g : bool
    h : bytes
    i : varchar(10)
    j : date
    k : int64
    l : <blob>
    m=null : <blob>
    n=3 : int16
    o=CURRENT_TIMESTAMP : datetime
    """

    def make(self, key):
        self.insert1({
            **key, "a": 0.1, "b": 2.0005, "c": dt.datetime(2026, 1, 2, 3, 4, 5, 678_901), "d": str(uuid.UUID(int=7)),
            "e": {"b": [1, 2.5, None], "a": "ž"}, "f": "two", "g": np.bool_(True), "h": b"\0\xff", "i": "ž'\\",
            "j": "2026-02-03", "k": np.int64(2) ** 62,
            "l": (1, [np.float32(2.5), np.int8(3)], {"x": {1, 2}, "y": Decimal("1.50")}, dt.date(2026, 1, 1), None),
        })  # fmt: skip

    table = world.declare(dj.Computed, "Typed", definition, make=make)
    table.populate()
    assert verify(table), str(table.verify())


def test_attachments_are_compared_as_they_are_stored(world, verify, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "in" / "notes.txt"
    file.parent.mkdir()
    file.write_text("first")

    def make(self, key):
        self.insert1({**key, "notes": file})

    table = world.declare(dj.Computed, "Notes", "-> Subject\n---\nnotes : <attach>", make=make)
    table.populate()
    assert verify(table)
    file.write_text("second")
    assert [("Notes", "changed", "notes")] == found(verify(table))
    assert ["in"] == [
        path.name for path in tmp_path.iterdir() if path.suffix != ".db" and "db" not in path.name
    ]


# ------------------------------------------------------------------------------------- makes that fail, or write


def test_a_make_that_fails_is_told_and_the_others_go_on(world, verify):
    broken = []

    def make(self, key):
        if key["subject_id"] in broken:
            raise FileNotFoundError(f"no file of {key['subject_id']}")
        self.insert1({**key, "y": 1})

    fit = world.fit(make)
    broken += [2, 4]
    report = verify(fit)
    assert [(1, "verified"), (2, "failed"), (3, "verified"), (4, "failed")] == states(report)
    assert "FileNotFoundError: no file of 2" == report.failed[0].error
    assert "2 of 4 keys verified, 2 failed" in str(report)
    assert "no file of 4" in report._repr_html_()
    details = (world.schema.events & {"kind": "verify"}).fetch1("details")
    assert {"FileNotFoundError": 2} == details["errors"]


DEEDS = {
    "insert elsewhere": (lambda w, t, key: w.Other.insert1({"other": 7}), "writes to `Other`"),
    "update": (lambda w, t, key: w.Other.update1({"other": 1, "v": 2}), "writes to `Other`"),
    "delete": (lambda w, t, key: w.Other.delete(prompt=False), "writes to `Other`"),
    "quick delete": (lambda w, t, key: w.Other.delete_quick(), "writes to `Other`"),
    "delete of its own": (lambda w, t, key: (t & key).delete(prompt=False), "writes to `Fit"),
    "update of its own": (lambda w, t, key: t.update1({**key, "y": 5}), "writes to `Fit`"),
    "SQL": (lambda w, t, key: t.connection.query(f"DELETE FROM {w.Other().full_table_name}"), "no plain SELECT"),
    "two statements": (
        lambda w, t, key: t.connection.query(f"SELECT 1; DELETE FROM {w.Other().full_table_name}"),
        "no plain SELECT",
    ),
    "another connection": (lambda w, t, key: w.elsewhere(), "writes to `Other`"),
    "reading what it wrote": (lambda w, t, key: (t & key).fetch1("y"), "reads what it has inserted"),
}  # fmt: skip


@pytest.mark.parametrize("caught", [False, True], ids=["raised", "caught"])
@pytest.mark.parametrize("name", DEEDS)
def test_a_make_that_writes_elsewhere_is_stopped_before_it_does(world, verify, connect, name, caught):
    deed, said = DEEDS[name]
    active = []
    other = dj.FreeTable(connect().connection, f"{world.schema.database}.other")
    world.elsewhere = lambda: other.insert1({"other": 8})

    def make(self, key):
        self.insert1({**key, "y": 1})
        if active:
            try:
                deed(world, self, key)
            except Exception:
                if not caught:
                    raise

    fit = world.fit(make)
    active.append(True)
    report = verify(fit)
    assert ["failed"] * 4 == [one.state for one in report]
    assert all(said in one.error for one in report), report.failed[0].error
    assert all("ContractError" in one.error for one in report)


STEPS = {
    **{name: deed for name, (deed, _) in DEEDS.items()},
    "insert": lambda w, t, key: t.insert1({**key, "y": w.offset}, skip_duplicates=True),
    "insert a part": lambda w, t, key: t.Cell.insert1({**key, "cell": 7, "z": w.offset}),
    "look": lambda w, t, key: (w.Subject & key).fetch1("x"),
    "look at parts": lambda w, t, key: len(t.Cell & key),
    "insert elsewhere in a block": lambda w, t, key: in_block(t, lambda: w.Other.insert1({"other": 9})),
    "insert in a block": lambda w, t, key: in_block(t, lambda: t.Cell.insert1({**key, "cell": 8})),
    "insert rows of a query": lambda w, t, key: t.insert((w.Subject & key).proj(y="x"), skip_duplicates=True),
    "fail": lambda w, t, key: 1 / 0,
    "select": lambda w, t, key: t.connection.query(f"SELECT * FROM {w.Other().full_table_name}"),
    "give parts up": lambda w, t, key: (t.Cell & key).delete_quick(),
}


def in_block(table, action):
    with table.connection.transaction:
        action()


def test_whatever_a_make_does_nothing_changes(world, verify, connect):
    other = dj.FreeTable(connect().connection, f"{world.schema.database}.other")
    world.elsewhere = lambda: other.insert1({"other": 8})
    steps = []

    def make(self, key):
        for name, caught in steps:
            try:
                STEPS[name](world, self, key)
            except Exception:
                if not caught:
                    raise
        if not steps:
            world.plain()(self, key)

    fit = world.fit(make)
    seen = set()
    for seed in range(30):
        chance = random.Random(seed)
        steps[:] = [
            (chance.choice(sorted(STEPS)), chance.random() < 0.7) for _ in range(chance.randint(1, 5))
        ]
        world.offset = chance.random()
        seen |= {state for _, state in states(verify(fit, {"subject_id": chance.randint(1, 4)}))}
    assert {"differs", "failed"} <= seen


def test_a_plain_select_is_no_harm(world, verify):
    def make(self, key):
        ((x,),) = self.connection.query("SELECT 5")
        self.insert1({**key, "y": x})

    assert verify(world.fit(make))


def by_others(action):
    """Do something as another program would: a thread of its own is in no make."""
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


def test_inputs_that_change_meanwhile_let_it_be_made_again(world, connect):
    other = dj.FreeTable(connect().connection, f"{world.schema.database}.subject")
    changes = []

    def make(self, key):
        x = (world.Subject & key).fetch1("x")
        if changes:
            by_others(lambda: other.update1({**key, "x": changes.pop()}))
        self.insert1({**key, "y": x})

    fit = world.fit(make)
    changes.append(9.0)
    report = fit.verify({"subject_id": 1})
    assert 9.0 == report.differing[0].differences[0].new
    changes += [float(n) for n in range(20)]
    assert "changed each time" in fit.verify({"subject_id": 1}).failed[0].error


def test_what_is_deleted_meanwhile_is_left_out(world, connect):
    other = dj.FreeTable(connect().connection, f"{world.schema.database}.__fit")
    gone = []

    def make(self, key):
        if gone and key == {"subject_id": 2}:
            by_others(lambda: (other & key).delete(prompt=False))
        self.insert1({**key, "y": 1})

    fit = world.declare(dj.Computed, "Fit", FIT, make=make)
    fit.populate()
    gone.append(True)
    assert [(1, "verified"), (3, "verified"), (4, "verified")] == states(fit.verify())


# ------------------------------------------------------------------------------------------------- circumstances


def test_it_is_refused_in_a_transaction_and_without_code(world, connect):
    fit = world.fit()
    with world.connection.transaction, pytest.raises(TransactionError):
        fit.verify()
    module = dj.VirtualModule("away", world.schema.database, connection=connect().connection)
    with pytest.raises(DataJointError, match="cannot be populated"):
        module.Fit.verify()


def test_without_events_it_only_reports(connect, schema_name):
    schema = connect(provenance__events=False).Schema(schema_name())
    world = World.__new__(World)
    world.schema, world.connection, world.context, world.offset = schema, schema.connection, {}, 0.0
    world.declare(dj.Manual, "Subject", "subject_id : int32\n---\nx : float64")
    world.Subject.insert1({"subject_id": 1, "x": 1})
    fit = world.fit()
    tables = set(world.connection.catalog.tables(schema.database))
    assert fit.verify()
    world.offset = 1.0
    assert not fit.verify()
    world.connection.catalog.forget(schema.database)
    assert tables == set(world.connection.catalog.tables(schema.database))


def test_large_values_are_described(world, verify):
    def make(self, key):
        self.insert1({**key, "trace": np.zeros(100_000) + world.offset, "note": "a" * 40})

    fit = world.fit(make)
    world.offset = 1.0
    [found] = verify(fit, {"subject_id": 1}).differing[0].differences
    assert "<float64 (100000,)>" == repr(found.stored)
    assert (
        "float64 (100000,) → float64 (100000,)  (100000 of 100000 elements, largest difference 1)"
        == found.what
    )


def test_the_report_of_many_is_short(world, verify):
    world.Subject.insert([{"subject_id": n, "x": n} for n in range(100, 130)])
    fit = world.fit()
    world.offset = 1.0
    lines = str(verify(fit)).splitlines()
    assert "`Fit`: 0 of 34 keys verified, 34 differ" == lines[0]
    assert "  … 24 more keys" == lines[-1]
    assert len(lines) < 60
