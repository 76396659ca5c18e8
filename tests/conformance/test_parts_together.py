"""Masters and their parts by one call, and masters that are refused without enough of them."""

import datetime as dt

import numpy as np
import pytest

import datajoint as dj
from datajoint.errors import (
    DataJointError,
    DataJointWarning,
    DuplicateError,
    IntegrityError,
    MissingAttributeError,
)

CELL = "-> master\ncell : int16\n---\ndepth=0 : float64"
LINK = "-> master.proj(scan='scan_id')\nlink : int16"


@pytest.fixture
def scan(declare):
    return declare(
        "Scan",
        "scan_id : int32\n---\nnote='' : varchar(20)",
        Cell=declare.part("Cell", CELL),
        Link=declare.part("Link", LINK),
    )


@pytest.fixture
def strict(declare):
    """A master that has a cell, and two links, at least."""
    return declare(
        "Strict",
        "scan_id : int32\nwhen : date\n---\nnote='' : varchar(20)",
        Cell=declare.part("Cell", CELL),
        Link=declare.part("Link", "-> master.proj(scan='scan_id', day='when')\nlink : int16"),
        min_parts={"Cell": 1, "Link": 2},
    )


def counts(table):
    return len(table()), len(table.Cell()), len(table.Link())


def events(schema):
    free = dj.FreeTable(schema.connection, f"{schema.database}.~events")
    return free.proj("kind", "table_name", "row_count", "parent").to_dicts(order_by="event")


def link(key, n):
    return [{"scan": key["scan_id"], "day": key["when"], "link": k} for k in range(n)]


KEY = {"scan_id": 1, "when": "2024-01-01"}


@pytest.mark.statement("TXN-5")
def test_one_call(scan, schema):
    scan.insert1(
        {"scan_id": 5, "note": "x"},
        parts={scan.Cell: [{"cell": 1, "depth": 2}, {"cell": 2}], scan.Link: [{"link": 1}]},
    )
    assert [
        {"scan_id": 5, "cell": 1, "depth": 2.0},
        {"scan_id": 5, "cell": 2, "depth": 0.0},
    ] == scan.Cell.to_dicts(order_by="KEY")
    assert [{"scan": 5, "link": 1}] == scan.Link.to_dicts()
    found = events(schema)
    assert {None: 1} == {e["parent"]: 1 for e in found if e["kind"] == "block"}
    assert {"scan": 1, "scan__cell": 2, "scan__link": 1} == {
        e["table_name"]: e["row_count"] for e in found if e["kind"] == "insert"
    }
    assert 1 == len({e["parent"] for e in found if e["kind"] == "insert"})


@pytest.mark.statement("TXN-5", "INS-1")
def test_rows_in_any_form(scan):
    array = np.array([(1, 0.5), (2, 1.5)], dtype=[("cell", "i2"), ("depth", "f8")])
    scan.insert1({"scan_id": 1}, parts={scan.Cell: array, "Link": iter([{"link": 1}])})
    scan.insert1({"scan_id": 2}, parts={scan.Cell: scan.Cell & "scan_id = 0", scan.Link(): []})
    scan.insert1({"scan_id": 3}, parts={scan.Cell: (dj.U("cell", "depth") & scan.Cell)})
    scan.insert(
        [{"scan_id": 4}, {"scan_id": 5}],
        parts={scan.Cell: [{"scan_id": 4, "cell": 1}, {"scan_id": 5, "cell": 1}]},
    )
    assert (5, 6, 1) == counts(scan)
    assert [0.5, 1.5] == (scan.Cell & {"scan_id": 3}).to_arrays("depth", order_by="cell").tolist()


@pytest.mark.statement("TXN-5", "TAB-5")
def test_options_hold_for_parts_too(scan):
    cells = [{"cell": 1, "depth": 1}]
    scan.insert1({"scan_id": 1}, parts={scan.Cell: cells})
    scan.insert1({"scan_id": 1}, skip_duplicates=True, parts={scan.Cell: [{"cell": 1}, {"cell": 2}]})
    assert [1.0, 0.0] == scan.Cell.to_arrays("depth", order_by="KEY").tolist()
    scan.insert1({"scan_id": 1, "note": "y"}, replace=True, parts={scan.Cell: [{"cell": 2, "depth": 5}]})
    assert [1.0, 5.0] == scan.Cell.to_arrays("depth", order_by="KEY").tolist()
    scan().insert1({"scan_id": 2, "x": 1}, ignore_extra_fields=True, parts={scan.Cell: [{"cell": 1, "y": 1}]})
    assert (2, 3, 0) == counts(scan)


@pytest.mark.statement("TXN-5")
def test_all_or_nothing(scan, declare):
    other = declare("Other", "other : int16", Cell=declare.part("Cell", CELL))
    with pytest.raises(DuplicateError, match=r"`Scan.Cell`"):
        scan.insert1({"scan_id": 1}, parts={scan.Cell: [{"cell": 1}, {"cell": 1}]})
    with pytest.raises(MissingAttributeError, match="`cell`"):
        scan.insert1({"scan_id": 1}, parts={scan.Cell: [{"depth": 1}]})
    with pytest.raises(IntegrityError, match=r"the parent `Scan` with scan_id=2"):
        scan.insert1({"scan_id": 1}, parts={scan.Cell: [{"scan_id": 2, "cell": 1}]})
    with pytest.raises(MissingAttributeError, match="`scan_id`"):
        scan.insert([{"scan_id": 1}], parts={scan.Cell: [{"cell": 1}]})
    for wrong, name in ((other.Cell, "Cell"), (other, "Other"), ("Cel", "Cel"), (5, "5"), (dict, "dict")):
        with pytest.raises(
            DataJointError, match=rf"{name} is no part of `Scan`. Parts: `Scan.Cell`, `Scan.L"
        ):
            scan.insert1({"scan_id": 1}, parts={wrong: []})
    with pytest.raises(DataJointError, match="It is a dict of parts"):
        scan.insert1({"scan_id": 1}, parts=[{"cell": 1}])
    assert (0, 0, 0) == counts(scan)


@pytest.mark.statement("TXN-5")
def test_rows_of_another_master_are_refused(strict):
    cells, links = [{"cell": 1, "depth": 1}], link(KEY, 2)
    strict.insert1(KEY, parts={"Cell": [{**KEY, **cells[0]}], "Link": links})
    other = {"scan_id": "2", "when": dt.date(2024, 1, 1)}  # as another type
    with pytest.raises(IntegrityError, match=r"`Strict.Cell`, row 0: .* scan_id=1 is not .* scan_id='2'"):
        strict.insert1(other, parts={"Cell": strict.Cell.to_dicts(), "Link": links}, replace=True)
    with pytest.raises(IntegrityError, match=r"`Strict.Link`, row 1: .*when='2024-01-02'"):
        wrong = [{"link": 1}, {"link": 2, "day": "2024-01-02"}]
        strict.insert1(other, parts={"Cell": cells, "Link": wrong})
    assert (1, 1, 2) == counts(strict)
    strict.insert1(other, parts={"Cell": [{**KEY, "scan_id": 2.0, "cell": 1}], "Link": [*link(other, 2)]})
    assert (2, 2, 4) == counts(strict)


@pytest.mark.statement("TXN-5")
def test_a_master_without_enough_parts_is_refused(strict):
    with pytest.raises(
        IntegrityError,
        match=r"(?s)`Strict`: the row scan_id=1, when=datetime.date\(2024, 1, 1\) has 0 rows of `Strict.Cell`, "
        r"but needs at least 1\..*Strict.insert1\(row, parts=\{Strict.Cell: rows\}\)",
    ):
        strict.insert1(KEY)
    for wrong in (
        {strict.Cell: []},
        {strict.Link: [{"link": 1}, {"link": 2}]},
        {strict.Cell: [{"cell": 1}], strict.Link: [{"link": 1}]},
    ):
        with pytest.raises(IntegrityError, match=r"has [01] rows? of `Strict\.(Cell|Link)`"):
            strict.insert1(KEY, parts=wrong)
    assert (0, 0, 0) == counts(strict)
    strict.insert1(KEY, parts={strict.Cell: [{"cell": 1}], strict.Link: [{"link": 1}, {"link": 2}]})
    assert (1, 1, 2) == counts(strict)
    strict.insert1({**KEY, "note": "z"}, replace=True)
    strict.insert1(KEY, skip_duplicates=True)
    strict.insert([])
    assert "z" == strict.fetch1("note")


@pytest.mark.statement("TXN-5")
def test_many_masters(strict):
    keys = [{"scan_id": n, "when": "2024-01-01"} for n in range(30)]
    cells = [{**key, "cell": 1} for key in keys]
    links = [row for key in keys for row in link(key, 2)]
    with pytest.raises(
        IntegrityError, match=r"scan_id=29, .*\(2024, 1, 1\) has 1 row of `Strict.Link`.*least 2"
    ):
        strict.insert(keys, parts={strict.Cell: cells, strict.Link: links[:-1]})
    with pytest.raises(IntegrityError, match=r"scan_id=\d+.* \(and 29 more\) has 0 rows of `Strict.Link`"):
        strict.insert(keys, parts={strict.Cell: cells})
    assert (0, 0, 0) == counts(strict)
    strict.insert(keys, parts={strict.Cell: cells, strict.Link: links})
    assert (30, 30, 60) == counts(strict)


@pytest.mark.statement("TXN-5", "TXN-1")
def test_at_the_end_of_a_block(strict, instance):
    connection = instance.connection
    with connection.transaction:
        strict.insert1(KEY)
        strict.Link.insert(link(KEY, 2))
        strict.Cell.insert1({**KEY, "cell": 1})
    assert (1, 1, 2) == counts(strict)
    second = {**KEY, "scan_id": 2}
    with pytest.raises(IntegrityError, match="scan_id=2"), connection.transaction:
        strict.insert1(second)
        strict.Cell.insert1({**second, "cell": 1})
    connection.start_transaction()
    strict.insert1(second)
    with pytest.raises(IntegrityError, match="scan_id=2"):
        connection.commit_transaction()
    assert not connection.in_transaction
    assert (1, 1, 2) == counts(strict)
    with connection.transaction:
        strict.insert1(second)
        (strict & second).delete_quick()
    assert (1, 1, 2) == counts(strict)


@pytest.mark.statement("TXN-5", "TXN-2")
def test_savepoints(strict, instance):
    connection = instance.connection
    with connection.transaction, pytest.raises(ZeroDivisionError), connection.transaction:
        strict.insert1(KEY)
        1 / 0  # noqa: B018
    assert (0, 0, 0) == counts(strict)
    with pytest.raises(IntegrityError, match="scan_id=2"), connection.transaction:
        with pytest.raises(ZeroDivisionError), connection.transaction:
            strict.insert1(KEY)
            1 / 0  # noqa: B018
        strict.insert1({**KEY, "scan_id": 2})
    assert (0, 0, 0) == counts(strict)


@pytest.mark.statement("TXN-5", "POP-6")
@pytest.mark.parametrize("form", ["plain", "pinned", "parts", "three"])
def test_inside_make(declare, form):
    subject = declare("Subject", "subject_id : int32")
    subject.insert([{"subject_id": n} for n in range(4)])

    def cells(key):
        return [{**key, "cell": n} for n in range(key["subject_id"])]

    def make(self, key):
        if form == "parts":
            self.insert1({**key, "x": 1}, parts={self.Cell: [{"cell": n} for n in range(key["subject_id"])]})
            return
        self.insert1({**key, "x": 1})
        if form == "pinned":
            assert 1 == len(self & key)
        self.Cell.insert(cells(key))

    def make_fetch(self, key):
        return (1,)

    def make_compute(self, key, x):
        return (x,)

    def make_insert(self, key, x):
        make(self, key)

    own = {"make": make}
    if form == "three":
        own = {"make_fetch": make_fetch, "make_compute": make_compute, "make_insert": make_insert}
    cell = declare.part("Cell", "-> master\ncell : int16")
    fit = declare("Fit", "-> Subject\n---\nx : float64", dj.Computed, Cell=cell, min_parts={"Cell": 2}, **own)
    errors = fit.populate(suppress_errors=True)["error_list"]
    assert [0, 1] == [key["subject_id"] for key, _ in errors]
    assert "`Fit`: the row subject_id=1 has 1 row of `Fit.Cell`, but needs at least 2." in errors[1][1]
    assert [2, 3] == fit.to_arrays("subject_id", order_by="KEY").tolist()
    assert 5 == len(fit.Cell())


@pytest.mark.statement("TXN-5", "INS-12")
def test_masters_from_a_query(declare, scan):
    strict = declare(
        "Strict",
        "scan_id : int32",
        Cell=declare.part("Cell", "-> master\ncell : int16"),
        min_parts={"Cell": 1},
    )
    scan.insert([{"scan_id": 1}, {"scan_id": 2}], parts={scan.Cell: [{"scan_id": 1, "cell": 1}]})
    with pytest.raises(IntegrityError, match="scan_id=2 has 0 rows"):
        strict.insert(scan.proj(), parts={strict.Cell: scan.Cell.proj()})
    strict.insert(scan & scan.Cell, parts={strict.Cell: scan.Cell}, ignore_extra_fields=True)
    assert (1, 1) == (len(strict()), len(strict.Cell()))


@pytest.mark.statement("TXN-5", "TYP-17")
def test_keys_that_the_database_gives(declare):
    step = declare.part("Step", "-> master\nstep : int16")
    with pytest.warns(dj.errors.DataJointWarning, match="auto_increment"):
        run = declare(
            "Run", "run : int auto_increment\n---\nnote : varchar(9)", Step=step, min_parts={"Step": 1}
        )
    with pytest.raises(IntegrityError, match=r"`Run`: the row run=\d+ has 0 rows"):
        run.insert1({"note": "x"})
    run.insert1({"run": 5, "note": "x"}, parts={run.Step: [{"step": 1}]})
    assert (1, 1) == (len(run()), len(run.Step()))


@pytest.mark.statement("TXN-5")
def test_wrong_wishes(declare):
    for n, (wrong, text) in enumerate(
        (({"Cel": 1}, "Cel is no part"), ({"Cell": "x"}, "wants 'x' rows"), ([1], "It is a dict"))
    ):
        cell = declare.part("Cell", CELL)
        table = declare(f"Wrong{n}", "scan_id : int32", Cell=cell, min_parts=wrong)
        with pytest.raises(DataJointError, match=text):
            table.insert1({"scan_id": 1})


@pytest.mark.statement("TXN-5", "TYP-17")
def test_parts_of_a_master_that_is_numbered_by_the_database(declare):
    cell = declare.part("Cell", CELL)
    with pytest.warns(DataJointWarning):
        scan = declare("Scan", "scan_id : int auto_increment\n---\nnote='' : varchar(20)", Cell=cell)
    with pytest.raises(DataJointError, match=r"`Scan.scan_id` is numbered by the database") as caught:
        scan.insert1({"note": "x"}, parts={scan.Cell: [{"cell": 1}]})
    assert "transaction" in str(caught.value)
    assert [0, 0] == [len(scan()), len(scan.Cell())]
    scan.insert1({"scan_id": 4}, parts={scan.Cell: [{"cell": 1}]})
    assert [{"scan_id": 4, "cell": 1}] == scan.Cell.keys()


@pytest.mark.statement("TXN-5", "TAB-6")
def test_contents_with_the_parts_they_need(declare):
    def kind(name, cells):
        part = declare.part("Cell", CELL, contents=cells)
        return declare(
            name,
            "kind : int16",
            dj.Lookup,
            Cell=part,
            contents=[{"kind": 1}, {"kind": 2}],
            min_parts={"Cell": 1},
        )

    good = kind("Good", [(1, 1, 0.5), (2, 1, 0.5)])
    assert [2, 2] == [len(good()), len(good.Cell())]
    with pytest.raises(IntegrityError, match=r"`Poor`: the row kind=2 has 0 rows of `Poor.Cell`, but needs"):
        kind("Poor", [(1, 1, 0.5)])
    again = kind("Good", [(1, 1, 0.5), (2, 1, 0.5), (2, 2, 0.5)])
    assert [2, 3] == [len(again()), len(again.Cell())]
