"""Long and deep expressions (fault X1): answered in linear time, or refused by name, whatever the database."""

from functools import reduce

import pytest

import datajoint as dj
from datajoint.errors import QueryError


@pytest.fixture
def table(declare):
    table = declare("Item", "item : int32\n---\nscore=null : int32\nnote='' : varchar(20)")
    table.insert([{"item": n, "score": n % 7, "note": str(n)} for n in range(50)])
    return table


def nested(times, around, start="score = 1"):
    return reduce(lambda inner, _: around(inner), range(times), start)


def chain(times, step, start):
    return reduce(step, range(times), start)


LONG = {
    "restrictions by text": (50, lambda t: chain(1500, lambda q, n: q & f"item <> {n + 1000}", t())),
    "restrictions by dicts": (7, lambda t: chain(1500, lambda q, _: q & {"score": 1}, t())),
    "antijoins": (43, lambda t: chain(400, lambda q, _: q - (t & "score = 1"), t())),
    "subtractions": (50, lambda t: chain(1500, lambda q, n: q - {"item": n + 1000}, t())),
    "a conjunction": (50, lambda t: t & dj.AndList([f"item <> {n + 1000}" for n in range(3000)])),
    "a disjunction": (50, lambda t: t & [f"item = {n}" for n in range(3000)]),
    "nested conjunctions": (7, lambda t: t & nested(1000, lambda c: dj.AndList([c, "item > 0"]))),
    "nested lists": (8, lambda t: t & nested(1000, lambda c: [c, "item = 3"])),
    "negations": (7, lambda t: t & nested(2000, dj.Not)),
    "an odd number of negations": (43, lambda t: t & nested(2001, dj.Not)),
    "alternating lists": (7, lambda t: t & nested(75, lambda c: [dj.AndList([c, "item > 0"]), "item < 0"])),
    "projections": (50, lambda t: chain(500, lambda q, _: q.proj(...), t())),
    "renamings": (50, lambda t: chain(500, lambda q, n: q.proj(**{f"x{n + 1}": f"x{n}"}), t.proj(x0="score"))),
    "unions": (50, lambda t: chain(1000, lambda q, n: q + (t & {"item": n}), t & {"item": -1})),
    "unions to the left": (50, lambda t: chain(1000, lambda q, n: (t & {"item": n}) + q, t & {"item": -1})),
    "unions of projections": (
        50, lambda t: chain(1000, lambda q, n: q + (t & {"item": n}).proj("note"), (t & "item < 0").proj("note")),
    ),
    "a restriction by unions": (20, lambda t: t & chain(1000, lambda q, n: q + (t & {"item": n + 30}), t & "item = -1")),
    "an antijoin by unions": (30, lambda t: t - chain(1000, lambda q, n: q + (t & {"item": n + 30}), t & "item = -1")),
    "terms of a text": (50, lambda t: t & " or ".join(f"item = {n}" for n in range(2000))),
}  # fmt: skip


@pytest.mark.statement("QRY-15", "QRY-16", "QRY-46")
@pytest.mark.parametrize("name", LONG)
def test_long_expressions_are_answered(table, name):
    count, make = LONG[name]
    query = make(table)
    assert count == len(query) == len(query.keys())
    assert bool(query)
    assert "(" in repr(query)
    assert query.make_sql()
    assert hash(query.query) == hash(make(table).query)


DEEP = {
    "lists": lambda t: t & nested(300, lambda c: [dj.AndList([c, "item > 0"]), "item < 0"]),
    "negated lists": lambda t: t & nested(3000, lambda c: dj.Not(dj.AndList([c, "item > 0"]))),
    "computations": lambda t: chain(500, lambda q, _: q.proj(score="score + 1"), t()),
    "queries": lambda t: chain(1500, lambda q, _: t & q, t()),
    "first rows": lambda t: chain(300, lambda q, _: (q & dj.Top(5)) & "item >= 0", t()),
    "parentheses": lambda t: t & ("(" * 1000 + "item = 1" + ")" * 1000),
}


@pytest.mark.statement("QRY-15", "QRY-16")
@pytest.mark.parametrize("name", DEEP)
def test_deep_expressions_are_refused_by_name(table, name, monkeypatch):
    monkeypatch.setattr(type(table.connection), "execute", None)
    with pytest.raises(QueryError, match=r"more than 200|too deeply"):
        DEEP[name](table)


@pytest.mark.statement("QRY-46", "QRY-47")
def test_many_unions_of_different_tables(declare, table):
    others = []
    for n in range(3):
        other = declare(f"Other{n}", f"-> Item\n---\nsize{n} : int32")
        other.insert([{"item": k, f"size{n}": 10 * n + k} for k in range(n, 50, 4)])
        others.append(other)
    united = chain(
        600, lambda q, n: q + (others[n % 3] & {"item": n % 50}).proj(), (table & "item = 49").proj()
    )
    expected = {49} | {n % 50 for n in range(600) if n % 50 in range(n % 3, 50, 4)}
    assert expected == {row["item"] for row in united.to_dicts()}
    assert len(expected) == len(united)
    assert {n for n in expected if n > 20} == set((united & "item > 20").to_arrays("item"))
    assert len(expected) == len(table & united)
    assert 50 - len(expected) == len(table - united)


@pytest.mark.statement("QRY-47")
def test_the_first_of_many_operands_wins(declare, table):
    copies = declare("Copies", "-> Item\nturn : int32\n---\nvalue : int32")
    copies.insert(
        [{"item": 1, "turn": 1, "value": n} for n in [5]]
        + [{"item": 1, "turn": n, "value": n} for n in range(2, 30)]
    )
    parts = [copies & {"turn": n} & dj.Top(3) for n in range(1, 25)]
    united = chain(23, lambda q, n: q + parts[n + 1], parts[0])
    assert 24 == len(united)
    assert 5 == (united & "turn = 1").fetch1("value")
    assert 0 == len(united & "value = 1")


TEXTS = {
    "sum": "+".join(["score"] * 5000), "difference": "-".join(["score"] * 900), "product": "*".join(["score"] * 900) + " > 1",
    "concatenation": "||".join(["note"] * 5000), "exclusive or": " xor ".join(["score > 1"] * 500),
    "negations": "not " * 3000 + "score = 1", "functions": "abs(" * 150 + "score" + ")" * 150,
    "choices": "if(score > 1, " * 150 + "1" + ", 0)" * 150,
}  # fmt: skip


@pytest.mark.statement("QRY-29")
@pytest.mark.parametrize("name", TEXTS)
def test_deep_texts_are_refused_by_name(table, name, monkeypatch):
    monkeypatch.setattr(type(table.connection), "execute", None)
    with pytest.raises(QueryError, match=r"more than 200|too deeply"):
        table.proj(new=TEXTS[name])
    with pytest.raises(QueryError, match=r"more than 200|too deeply"):
        table & TEXTS[name]


@pytest.mark.statement("QRY-29")
def test_a_sum_of_many_terms_is_answered(table):
    terms = "+".join(["score"] * 150)
    assert 150 == (table & {"item": 1}).proj(new=terms).fetch1("new")
    assert 7 == len(table & f"{terms} = 150")
    assert 150 == (table & {"item": 1}).proj(new=terms.replace("score", "(score * 1e0)")).fetch1("new")


NESTED = {
    "ln": "ln({})", "round": "round({}, 1)", "decimals": "cast(cast({} as decimal(10,2)) as double)", "texts": "cast(cast({} as char) as double)",
    "floats": "({} * 1.5e0)", "greatest": "greatest({}, 1e0)",
}  # fmt: skip


@pytest.mark.statement("QRY-29")
@pytest.mark.parametrize("name", NESTED)
def test_repeated_arguments_do_not_multiply(table, name):
    """A function that a database writes with its argument repeated is answered, or refused as too long."""
    text = nested(30, NESTED[name].format, "score * 1e0")
    for asked in (table.proj(new=text), table & f"{text} > 1"):
        try:
            found = len(asked.to_dicts())
        except QueryError as error:
            found = str(error)
        assert found in (7, 28, 35, 42, 50, 0) or "too long when it is written" in found


@pytest.mark.statement("QRY-29")
@pytest.mark.parametrize("name", NESTED)
def test_attributes_computed_from_attributes_do_not_multiply(table, name):
    """A planner replaces columns of subqueries by their expressions: 30 of them kill a server (X1)."""
    query = table.proj(v0="score * 1e0")
    for n in range(30):
        query = query.proj(**{f"v{n + 1}": NESTED[name].format(f"v{n}")})
    try:
        found = len(query.to_dicts())
    except QueryError as error:
        found = str(error)
    assert found == 50 or "too long when it is written" in found


@pytest.mark.statement("QRY-29")
def test_ten_attributes_computed_one_from_the_other_are_answered(table):
    query = table.proj(v0="score * 1e0")
    for n in range(10):
        query = query.proj(**{f"v{n + 1}": f"v{n} + v{n}"})
    assert {1024.0} == set((query & {"item": 1}).to_arrays("v10").tolist())


@pytest.mark.statement("QRY-44")
@pytest.mark.parametrize("function", ["concat", "coalesce", "greatest"])
def test_too_many_arguments_are_refused(table, function):
    with pytest.raises(QueryError, match=f"`{function}` takes at most 100 arguments"):
        table.proj(new=f"{function}({', '.join(['note'] * 101)})")
    assert 50 == len(table.proj(new=f"{function}({', '.join(['note'] * 100)})").to_dicts())
