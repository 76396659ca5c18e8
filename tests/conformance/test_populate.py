"""Populate: which keys are made, how often, and what is said about it."""

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, TransactionError


@pytest.fixture
def subject(schema):
    @schema
    class Subject(dj.Manual):
        definition = """
        subject_id : int32
        ---
        x : float64
        species = "mouse" : varchar(20)
        """

    Subject.insert(
        [{"subject_id": n, "x": n / 2, "species": "rat" if n == 2 else "mouse"} for n in (3, 1, 2)]
    )
    return Subject


@pytest.fixture
def computed(schema, subject):
    """Give a function that declares a computed table and notes the keys that it is made for in `.calls`."""

    def declare(definition="-> Subject\n---\ny : float64", name="Double", tier=dj.Computed, **members):
        calls = []

        def make(self, key):
            calls.append(dict(key))
            self.insert1({**key, "y": (subject & key).fetch1("x") * 2})

        cls = type(tier)(name, (tier,), {"definition": definition, "make": make, "calls": calls, **members})
        return schema(cls, context={"Subject": subject})

    return declare


def rows(names, *values):
    """Give dicts from tuples."""
    return [dict(zip(names.split(), row, strict=True)) for row in values]


def ids(table):
    return sorted(table.to_arrays("subject_id").tolist())


@pytest.mark.statement("POP-1")
def test_each_missing_key_is_made_once(computed, subject):
    double = computed()
    assert {"success_count": 3, "error_list": []} == double.populate()
    assert {1: 1.0, 2: 2.0, 3: 3.0} == {row["subject_id"]: row["y"] for row in double.to_dicts()}
    assert {"success_count": 0, "error_list": []} == double.populate()
    assert 3 == len(double.calls)
    subject.insert1({"subject_id": 9, "x": 0.5})
    assert {"success_count": 1, "error_list": []} == double().populate()
    assert {"subject_id": 9} == double.calls[-1]


@pytest.mark.statement("POP-1")
def test_imported_tables_are_populated_too(computed):
    imported = computed(tier=dj.Imported)
    assert 3 == imported.populate()["success_count"]


@pytest.mark.statement("POP-1")
def test_with_nothing_left_populate_is_one_statement(computed, schema, monkeypatch):
    double = computed()
    double.populate()
    sent = counting(schema.connection, monkeypatch)
    double.populate()
    assert 1 == len(sent), sent


@pytest.mark.statement("POP-1", "POP-6")
def test_a_trivial_key_costs_one_read_and_one_write(computed, schema, backend, monkeypatch):
    double = computed()
    double.populate(max_calls=1)
    sent = counting(schema.connection, monkeypatch)
    double.populate(max_calls=1)
    reads = [text for text in sent if text.lstrip("( ").upper().startswith("SELECT")]
    # The keys, whether there is a queue, and what the make reads; a file is asked again before COMMIT.
    assert (4 if backend.name == "sqlite" else 3) == len(reads), sent


@pytest.mark.statement("POP-2")
def test_the_key_source_is_the_join_of_the_parents_with_their_new_names(schema, subject):
    @schema
    class Method(dj.Lookup):
        definition = "method : varchar(8)\n---\nscale : float64"
        contents = ({"method": "a", "scale": 1.0}, {"method": "b", "scale": 2.0})

    @schema
    class Pair(dj.Computed):
        definition = """
        -> Subject.proj(first='subject_id')
        -> Subject.proj(second='subject_id')
        -> Method
        ---
        -> [nullable] Subject
        """

        def make(self, key):
            self.insert1(key)

    assert ["first", "method", "second"] == sorted(Pair.key_source.heading.names)
    assert 18 == len(Pair.key_source)
    assert (18, 18) == Pair.progress()
    assert 6 == Pair.populate("first = 1")["success_count"]
    assert 12 == Pair.populate()["success_count"]


@pytest.mark.statement("POP-2")
def test_parents_that_share_attributes_are_joined_on_them(schema, subject):
    @schema
    class Scan(dj.Manual):
        definition = "-> Subject\nscan : int32"

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject\n-> Scan"

        def make(self, key):
            self.insert1(key)

    Scan.insert(rows("subject_id scan", (1, 10), (1, 11), (3, 10)))
    assert 3 == Fit.populate()["success_count"]
    assert 3 == len(Fit & Scan)


@pytest.mark.statement("POP-3")
@pytest.mark.parametrize("how", ["attribute", "property", "class", "union", "instance"])
def test_a_key_source_of_its_own(computed, subject, how):
    given = {
        "attribute": subject & "subject_id > 1",
        "property": property(lambda self: subject & {"species": "mouse"}),
        "class": subject,
        "instance": subject(),
        "union": (subject & "subject_id = 1").proj() + (subject & "subject_id = 2").proj(),
    }[how]
    expected = {
        "attribute": [2, 3],
        "property": [1, 3],
        "class": [1, 2, 3],
        "instance": [1, 2, 3],
        "union": [1, 2],
    }
    double = computed(key_source=given)
    assert len(expected[how]) == double.populate()["success_count"]
    assert expected[how] == ids(double)
    assert (0, len(expected[how])) == double.progress()
    assert all(["subject_id"] == list(key) for key in double.calls)


@pytest.mark.statement("POP-3")
def test_a_key_source_may_be_a_list_of_keys(computed):
    double = computed(key_source=[{"subject_id": 1}, {"subject_id": 3}])
    double.populate()
    assert [1, 3] == ids(double)


@pytest.mark.statement("POP-3")
def test_a_key_source_with_fewer_attributes_makes_several_rows_a_call(schema, subject):
    @schema
    class Scan(dj.Manual):
        definition = "-> Subject\nscan : int32"

    @schema
    class Fit(dj.Computed):
        definition = "-> Scan"
        key_source = Subject = subject

        def make(self, key):
            self.insert((Scan & key).keys())

    Scan.insert(rows("subject_id scan", (1, 10), (1, 11), (2, 10), (3, 10)))
    assert 3 == Fit.populate()["success_count"]
    assert 4 == len(Fit())
    assert (0, 3) == Fit.progress()


@pytest.mark.statement("POP-3")
def test_a_key_source_with_attributes_that_the_table_lacks_is_refused_by_name(schema, subject, computed):
    double = computed(key_source=subject.proj(animal="subject_id"))
    with pytest.raises(DataJointError, match="`animal`"):
        double.populate()
    with pytest.raises(DataJointError, match="`animal`"):
        double.progress()


@pytest.mark.statement("POP-3")
def test_what_is_no_expression_is_refused_as_a_key_source(computed):
    double = computed(key_source=7)
    with pytest.raises(DataJointError, match="key_source of `Double` is int"):
        double.populate()


@pytest.mark.statement("POP-4")
def test_a_table_without_parents_needs_a_key_source(schema):
    schema.connection.config["jobs.allow_new_pk_fields_in_computed_tables"] = True

    @schema
    class Alone(dj.Computed):
        definition = "alone : int32"

        def make(self, key):
            self.insert1(key)

    with pytest.raises(DataJointError, match="key_source"):
        Alone.populate()
    with pytest.raises(DataJointError, match="key_source"):
        Alone.progress()


@pytest.mark.statement("POP-5")
def test_restrictions_filter_and_all_of_them_hold(computed, subject):
    double = computed()
    double.populate("subject_id > 1", {"subject_id": [1, 2]})
    assert [2] == ids(double)
    double.populate(subject & {"species": "mouse"})
    assert [1, 2, 3] == ids(double)


@pytest.mark.statement("POP-5")
def test_a_restricted_table_is_not_populated(computed):
    double = computed()
    with pytest.raises(DataJointError, match="populate on a restricted table"):
        (double & "subject_id = 1").populate()
    assert [] == double.calls


@pytest.mark.statement("POP-5")
def test_nothing_is_populated_inside_a_transaction(computed, schema):
    double = computed()
    with schema.connection.transaction, pytest.raises(TransactionError, match="during a transaction"):
        double.populate()
    assert [] == double.calls
    double.populate()


@pytest.mark.statement("POP-7")
def test_the_first_error_stops_and_is_raised_as_itself(computed):
    calls = []

    def make(self, key):
        calls.append(key["subject_id"])
        if key["subject_id"] == 2:
            raise KeyError("two")
        self.insert1({**key, "y": 0})

    double = computed(make=make)
    with pytest.raises(KeyError, match="two") as caught:
        double.populate()
    assert [1, 2] == calls
    assert [1] == ids(double)
    (note,) = caught.value.__notes__
    assert "`Double`" in note
    assert "{'subject_id': 2}" in note


@pytest.mark.statement("POP-7")
def test_errors_are_collected(computed, schema):
    def make(self, key):
        if key["subject_id"] != 2:
            raise ValueError(f"bad {key['subject_id']}")
        self.insert1({**key, "y": 0})

    double = computed(make=make)
    result = double.populate(suppress_errors=True)
    assert 1 == result["success_count"]
    assert [({"subject_id": 1}, "ValueError: bad 1"), ({"subject_id": 3}, "ValueError: bad 3")] == result[
        "error_list"
    ]
    errors = double.populate(suppress_errors=True, return_exception_objects=True)["error_list"]
    assert [1, 3] == [key["subject_id"] for key, _ in errors]
    assert [ValueError, ValueError] == [type(error) for _, error in errors]
    assert not schema.connection.in_transaction


@pytest.mark.statement("POP-8")
def test_max_calls_bounds_the_makes_in_key_order(computed):
    double = computed()
    assert 2 == double.populate(max_calls=2)["success_count"]
    assert [1, 2] == [key["subject_id"] for key in double.calls]
    assert 0 == double.populate(max_calls=0)["success_count"]
    with pytest.warns(DeprecationWarning, match="max_calls"):
        double.populate(limit=5)
    assert [1, 2, 3] == [key["subject_id"] for key in double.calls]


@pytest.mark.statement("POP-9")
def test_progress_counts_and_never_computes(computed, schema, capsys, monkeypatch):
    double = computed()
    assert (3, 3) == double.progress()
    assert (1, 1) == double.progress("subject_id = 1")
    assert [] == double.calls
    double.populate("subject_id < 3")
    sent = counting(schema.connection, monkeypatch)
    assert (1, 3) == double().progress(display=True)
    assert 2 == len(sent), sent  # the second asks for the attempts that count skipped keys
    assert "2 of 3" in capsys.readouterr().out


@pytest.mark.statement("POP-9")
def test_progress_is_shown_while_keys_are_made(computed, capsys):
    double = computed()
    double.populate(display_progress=True)
    shown = capsys.readouterr().err
    assert "Double" in shown
    assert "3/3 (100%)" in shown


@pytest.mark.statement("POP-11")
def test_make_kwargs_reach_make(computed):
    got = []

    def make(self, key, scale, shift=0):
        got.append((scale, shift))
        self.insert1({**key, "y": scale})

    computed(make=make).populate(make_kwargs={"scale": 2.5})
    assert [(2.5, 0)] * 3 == got


@pytest.mark.statement("POP-12")
def test_make_gets_a_fresh_key(computed, subject):
    def make(self, key):
        assert type(key) is dict
        self.insert1({**key, "y": 0})
        key.clear()
        key["subject_id"] = 99

    double = computed(make=make)
    assert {"success_count": 3, "error_list": []} == double.populate(suppress_errors=True)
    assert [1, 2, 3] == ids(double)


@pytest.mark.statement("POP-22")
def test_a_key_that_somebody_else_made_is_skipped(computed, subject, connect):
    others = connect()

    def make(self, key):
        if key["subject_id"] == 1:
            theirs = others.FreeTable(f"{self.database}.{self.table_name}")
            theirs.insert([{"subject_id": n, "y": -1} for n in (1, 2)], allow_direct_insert=True)
        self.insert1({**key, "y": 7})

    double = computed(make=make)
    assert {"success_count": 1, "error_list": []} == double.populate()
    assert {1: -1, 2: -1, 3: 7} == dict(zip(*double.to_arrays("subject_id", "y"), strict=True))


@pytest.mark.statement("POP-22")
def test_a_duplicate_of_something_else_is_an_error(schema, subject):
    @schema
    class Named(dj.Computed):
        definition = "-> Subject\n---\nname : varchar(8)\nunique index (name)"

        def make(self, key):
            self.insert1({**key, "name": "same"})

    result = Named.populate(suppress_errors=True)
    assert 1 == result["success_count"]
    assert [2, 3] == [key["subject_id"] for key, _ in result["error_list"]]
    assert "DuplicateError" in result["error_list"][0][1]


@pytest.mark.statement("POP-26")
def test_what_was_deleted_is_made_again(computed):
    double = computed()
    double.populate()
    before = double.to_dicts(order_by="KEY")
    (double & "subject_id = 2").delete()
    assert (1, 3) == double.progress()
    double.populate()
    assert before == double.to_dicts(order_by="KEY")


@pytest.mark.statement("POP-1", "POP-21")
def test_populate_works_from_any_thread(computed):
    import threading

    double = computed()
    results = []
    thread = threading.Thread(target=lambda: results.append(double.populate()))
    thread.start()
    thread.join()
    assert [{"success_count": 3, "error_list": []}] == results


def counting(connection, monkeypatch):
    """Note the texts of the statements that are sent from now on."""
    sent = []
    session = connection.session
    for name in ("execute", "execute_many"):
        monkeypatch.setattr(session, name, _noting(getattr(session, name), sent.append))
    batch = session.execute_batch
    monkeypatch.setattr(
        session,
        "execute_batch",
        lambda statements: (sent.append("; ".join(t for t, _ in statements)), batch(statements))[1],
    )
    return sent


def _noting(method, note):
    def noted(text, *arguments, **options):
        note(text)
        return method(text, *arguments, **options)

    return noted
