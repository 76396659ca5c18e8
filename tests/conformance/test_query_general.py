"""Expressions in general: values, keys, length, truth, membership, iteration, nesting."""

import pytest

import datajoint as dj
from plugins.lab import bag, join, matches, pick


@pytest.fixture
def statements(lab, monkeypatch):
    """Give the list of the statements that reach the database."""
    seen = []
    session = lab.schema.connection.session

    def watch(name, original):
        def watched(text, *args, **kwargs):
            seen.append(text)
            return original(text, *args, **kwargs)

        monkeypatch.setattr(type(session), name, lambda self, *args, **kwargs: watched(*args, **kwargs))

    for name in ("execute", "stream"):
        watch(name, getattr(session, name))
    return seen


@pytest.mark.statement("QRY-1")
def test_operators_give_new_expressions_and_run_nothing(lab, statements):
    assert len(lab.rows["Subject"]) == len(lab.Subject())  # headings are known from here on
    before = lab.Session & "session = 1"
    rows = before.to_dicts()
    statements.clear()
    results = [
        before & {"subject_id": 1}, before - {"subject_id": 1}, before * lab.Subject, before.proj("day"),
        before.aggr(lab.Trial, n="count(trial)"), before + before, dj.U("day") & before, before & dj.Top(1),
        before.extend(lab.Subject), dj.U().aggr(before, n="count(*)"),
    ]  # fmt: skip
    assert [] == statements
    assert not any(result is before for result in results)
    assert bag(rows) == bag(before.to_dicts())
    assert 1 == len(statements)


@pytest.mark.statement("QRY-2")
def test_rows_are_unique_on_the_key_and_the_key_is_never_null(lab):
    expressions = [
        lab.Session & lab.Trial,
        lab.Session * lab.Recording,
        lab.Recording * lab.Loan,
        lab.Session.proj("note", other="subject_id"),
        lab.Subject.aggr(lab.Session, n="count(session)"),
        dj.U("day", "note") & lab.Session,
        dj.U("species").aggr(lab.Subject, n="count(*)"),
        (lab.Session & "session < 3") + (lab.Session & "session > 1"),
        lab.Session.extend(lab.Subject),
    ]
    for expression in expressions:
        keys = [tuple(row[name] for name in expression.primary_key) for row in expression.to_dicts()]
        assert keys
        assert len(keys) == len(set(keys))
        assert all(value is not None for key in keys for value in key)
        assert not expression.heading.nullable_key
        assert not any(expression.heading[name].nullable for name in expression.primary_key)


@pytest.mark.statement("QRY-2")
def test_a_key_that_may_hold_null_says_so(lab):
    assert (dj.U("experimenter") & lab.Session).heading.nullable_key
    assert lab.Subject.join(lab.Session, left=True, allow_nullable_pk=True).heading.nullable_key


@pytest.mark.statement("QRY-3")
def test_keys_of_results(lab):
    session = ["subject_id", "session"]
    assert session == (lab.Session & "session = 1").primary_key
    assert session == lab.Session.proj("day").primary_key
    assert ["subject_id"] == lab.Subject.aggr(lab.Session, n="count(session)").primary_key
    assert session == lab.Session.extend(lab.Subject).primary_key
    assert session == (lab.Session & dj.Top(2)).primary_key
    assert session == (lab.Session + lab.Session.proj()).primary_key
    assert ["species", "nick"] == (dj.U("species", "nick") & lab.Subject).primary_key


@pytest.mark.statement("QRY-4")
def test_length_truth_membership_iteration(lab):
    some = lab.Session & "session = 1"
    expected = [row for row in lab.rows["Session"] if row["session"] == 1]
    assert len(expected) == len(some)
    assert some
    assert not (lab.Session & "session = 99")
    assert not lab.Ghost()
    assert 0 == len(lab.Ghost())
    assert {"subject_id": 1, "session": 1} in some
    assert {"subject_id": 1, "session": 2} not in some
    assert bag(expected) == bag(list(some))


@pytest.mark.statement("QRY-4")
def test_length_of_every_kind_of_expression(lab):
    for expression in (
        lab.Session * lab.Trial, dj.U("species") & lab.Subject, dj.U().aggr(lab.Ghost, n="count(*)"), dj.U() & lab.Ghost,
        lab.Session & dj.Top(3, offset=1), lab.Subject.aggr(lab.Session, n="count(session)") & "n > 1",
        (lab.Session & "session < 3") + (lab.Session & "session > 1"), lab.Subject.aggr(lab.Ghost, n="count(ghost)"),
    ):  # fmt: skip
        assert len(expression.to_dicts()) == len(expression)
        assert bool(expression.to_dicts()) == bool(expression)


@pytest.mark.statement("QRY-5")
def test_make_sql_runs_nothing(lab, statements):
    expression = (lab.Session & {"note": "it's"}) * lab.Subject
    len(expression)
    statements.clear()
    text = expression.make_sql()
    assert [] == statements
    assert text.lstrip().upper().startswith("SELECT")
    assert "it's" not in text
    assert text == ((lab.Session & {"note": "other"}) * lab.Subject).make_sql()


@pytest.mark.statement("QRY-6")
def test_precedence_of_python(lab):
    sessions, subjects = lab.rows["Session"], lab.rows["Subject"]
    both = join(sessions, subjects, "subject_id")
    assert bag([r for r in both if r["session"] == 1]) == bag(lab.Session * lab.Subject & "session = 1")
    assert bag([r for r in both if r["session"] == 1 and r["species"] == "rat"]) == bag(
        lab.Session * lab.Subject & "session = 1" & {"species": "rat"}
    )
    expected = [
        r
        for r in subjects
        if r["species"] == "rat" and not any(matches(r, s, "subject_id") for s in sessions)
    ]
    assert bag(expected) == bag(lab.Subject - lab.Session & "species = 'rat'")
    # a sum binds less tightly than a product: A + B * C is A + (B * C)
    left, right = lab.Session.proj() & "session = 1", lab.Session.proj() & "session = 2"
    assert 2 * len([r for r in sessions if r["session"] == 2]) <= len(left + right * lab.Subject.proj()) + 1


@pytest.mark.statement("QRY-7")
def test_operands_are_classes_instances_or_expressions(lab):
    expected = join(lab.rows["Session"], lab.rows["Subject"], "subject_id")
    for left in (lab.Session, lab.Session(), lab.Session & True):
        for right in (lab.Subject, lab.Subject(), lab.Subject & True):
            assert bag(expected) == bag(left * right)
            assert len(lab.rows["Session"]) == len(left & right)
    assert bag(pick(lab.rows["Subject"], "subject_id")) == bag(lab.Subject.proj())


@pytest.mark.statement("QRY-7")
@pytest.mark.parametrize("other", [5, None, "text", {"a": 1}, [1], object()])
def test_other_operands_are_refused_with_their_type(lab, other):
    for combine in (
        lambda: lab.Session * other,
        lambda: lab.Session + other,
        lambda: lab.Session.extend(other),
        lambda: lab.Session.join(other),
        lambda: lab.Subject.aggr(other, n="count(*)"),
        lambda: dj.U("a") & other,
    ):
        with pytest.raises(dj.DataJointError, match=type(other).__name__):
            combine()


@pytest.mark.statement("QRY-8")
def test_expressions_nest(lab):
    counted = lab.Subject.aggr(lab.Session, n="count(session)")
    nested = ((counted & "n > 0").proj(m="n * 2") & "m > 2") * (lab.Subject & dj.Top(6)).proj("species") - (
        lab.Session & (lab.Trial & "outcome = 'miss'")
    ).proj()
    n = {
        s["subject_id"]: sum(matches(s, k, "subject_id") for k in lab.rows["Session"])
        for s in lab.rows["Subject"]
    }
    missed = {t["subject_id"] for t in lab.rows["Trial"] if t["outcome"] == "miss"}
    expected = [
        {"subject_id": s["subject_id"], "m": 2 * n[s["subject_id"]], "species": s["species"]}
        for s in lab.rows["Subject"]
        if s["subject_id"] < 6 and n[s["subject_id"]] > 1 and s["subject_id"] not in missed
    ]
    assert expected
    assert bag(expected) == bag(nested)
    deep = lab.Session()
    for _ in range(12):
        deep = (deep & dj.Top(50)).proj(...) * lab.Subject.proj()
    assert bag(lab.rows["Session"]) == bag(deep)


@pytest.mark.statement("QRY-9")
def test_blobs_that_nobody_asks_for_are_not_read(lab):
    narrow = [
        (lab.Document & dj.Top(2)).proj(),
        (lab.Document & dj.Top(2)).proj("content"),
        dj.U("document") & (lab.Document & dj.Top(2)),
        dj.U().aggr(lab.Document & dj.Top(2), n="count(*)"),
        (lab.Document + lab.Document.proj("trace")).proj(),
    ]
    for expression in narrow:
        assert "trace" not in expression.make_sql()
        assert expression
    assert "trace" in (lab.Document & dj.Top(2)).make_sql()


@pytest.mark.statement("QRY-8", "QRY-10")
def test_attributes_may_have_names_that_sql_knows(schema):
    @schema
    class Order(dj.Manual):
        definition = """
        key : int32
        group : varchar(8)
        ---
        order : int32
        select=null : date
        t1 : float64
        """

    @schema
    class Table(dj.Manual):
        definition = """
        -> Order
        values : int32
        ---
        limit : int32
        """

    rows = [{"key": n, "group": f"g{n % 2}", "order": -n, "select": None, "t1": n / 2} for n in range(4)]
    children = [
        {"key": n, "group": f"g{n % 2}", "values": k, "limit": k * n} for n in range(3) for k in range(2)
    ]
    Order().insert(rows)
    Table().insert(children)
    assert bag([r for r in rows if r["order"] < -1 and r["t1"] > 1]) == bag(
        Order & "order < -1 and t1 > 1" & {"select": None}
    )
    assert bag(join(children, rows, "key", "group")) == bag(Table * Order)
    assert [3, 2, 1, 0] == [r["key"] for r in Order.to_dicts(order_by=["order", "t1"])]
    assert bag({"key": r["key"], "group": r["group"], "by": r["order"] * 2} for r in rows) == bag(
        Order.proj(by="order * 2")
    )
    assert bag({"group": g, "n": 2} for g in ("g0", "g1")) == bag(dj.U("group").aggr(Order, n="count(order)"))
    sums = Order.aggr(Table, "order", limit="sum(limit)") & "limit > 0"
    assert bag({"key": n, "group": f"g{n % 2}", "order": -n, "limit": n} for n in (1, 2)) == bag(sums)
    assert bag(rows) == bag((Order & "order = 0") + (Order & "order < 0"))


@pytest.mark.statement("QRY-18", "QRY-30")
def test_labels_of_an_enum_across_schemas(connect, schema_name):
    instance = connect()
    first, second = instance.Schema(schema_name("a")), instance.Schema(schema_name("b"))

    @first
    class Kind(dj.Manual):
        definition = "kind : enum('x', 'y', 'it''s')\n---\nnote : varchar(10)"

    @second
    class Item(dj.Manual):
        definition = "-> Kind\nitem : int32\n---\nsize=null : int32"

    kinds = [{"kind": k, "note": k} for k in ("x", "y", "it's")]
    items = [{"kind": "x", "item": 1, "size": 5}, {"kind": "it's", "item": 2, "size": None}]
    Kind().insert(kinds)
    Item().insert(items)
    assert bag(join(items, kinds, "kind")) == bag(Item * Kind)
    assert bag([kinds[1]]) == bag(Kind - Item)
    assert bag([kinds[0], kinds[2]]) == bag(Kind & (Item & dj.Top(5)))
    assert bag([items[1]]) == bag(Item & {"kind": "it's"}) == bag(Item & [{"kind": "it's"}, {"kind": "y"}])
    assert ["x", "it's"] == [r["kind"] for r in Item.to_dicts(order_by="kind")]
    assert bag({"kind": k["kind"], "n": sum(i["kind"] == k["kind"] for i in items)} for k in kinds) == bag(
        Kind.aggr(Item, n="count(item)")
    )
    both = (dj.U("kind") & Kind) + (dj.U("kind") & Item)
    assert {"x", "y", "it's"} == {r["kind"] for r in both}


@pytest.mark.statement("QRY-10")
def test_columns_of_the_platform_in_a_text_only(lab):
    assert 9 == len(lab.Subject & "_event is null or _event > 0")
    assert 9 == len((lab.Subject & "subject_id >= 0") & "_event is null or _event > 0")
    assert not any(name.startswith("_") for name in lab.Subject.heading.names)
    for misuse in (
        lambda: lab.Subject.proj("_event"),
        lambda: lab.Subject.proj() & "_event > 0",
        lambda: lab.Subject * lab.Session & "_event > 0",
        lambda: dj.U("_event") & lab.Subject,
    ):
        with pytest.raises(dj.errors.UnknownAttributeError, match="_event"):
            misuse()
