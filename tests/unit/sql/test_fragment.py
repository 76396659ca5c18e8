"""Pair files of tests/fixtures/fragments: a text and its SQL on three databases.

``UPDATE_FIXTURES=1`` writes what comes out now; look at the difference before committing it.
"""

import os
from pathlib import Path

import pytest

from datajoint.algebra.expr.expressions import Call, Name
from datajoint.algebra.expr.types import INT64, TEXT
from datajoint.algebra.text.fragment import parse_column, parse_condition
from datajoint.errors import PortabilityError
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.types import parse_type
from datajoint.sql.text.fragment import render

FOLDER = Path(__file__).parents[2] / "fixtures" / "fragments"
BACKENDS = ("sqlite", "postgresql", "mysql")
TYPES = {
    "id": "int32",
    "n": "int64",
    "u64": "uint64",
    "x": "float64",
    "x32": "float32",
    "price": "decimal(6,2)",
    "big": "decimal(30,4)",
    "name": "varchar(20)",
    "code": "char(4)",
    "size": "enum('big','small')",
    "day": "date",
    "at": "datetime",
    "at3": "datetime(3)",
    "token": "uuid",
    "ok": "bool",
    "doc": "json",
    "key": "int16",
    "order": "varchar(5)",
}
HEADING = Heading([Attribute(name, parse_type(text), in_key=name == "id") for name, text in TYPES.items()])


def column(name):
    return name, parse_type(TYPES[name])


def param(index, dtype):
    return f"?{index + 1}"


def write(kind, text):
    """Return the block of a pair file for one text."""
    values = ()
    if kind == "conditions":
        fragment, values = parse_condition(text, HEADING)
    else:
        fragment = parse_column(text, HEADING, aggregate=kind == "aggregates")
    lines = [text]
    if kind != "conditions":
        lines.append(f"    type: {fragment.dtype.text}{' or null' if fragment.nullable else ''}")
    if values:
        lines.append(f"    values: {', '.join(map(repr, values))}")
    lines += [f"    {backend}: {render(fragment.expression, backend, column, param)}" for backend in BACKENDS]
    return "\n".join(lines)


def blocks(path):
    return [block.strip("\n") for block in path.read_text(encoding="utf-8").split("\n\n") if block.strip()]


def cases():
    for path in sorted(FOLDER.glob("*.txt")):
        for block in blocks(path):
            yield pytest.param(path.stem, block, id=f"{path.stem}: {block.splitlines()[0]}")


@pytest.mark.parametrize(("kind", "block"), list(cases()))
def test_pair_files(kind, block):
    text = block.splitlines()[0]
    actual = write(kind, text)
    if os.environ.get("UPDATE_FIXTURES"):
        path = FOLDER / f"{kind}.txt"
        texts = [actual if other.splitlines()[0] == text else other for other in blocks(path)]
        path.write_text("\n\n".join(texts) + "\n", encoding="utf-8")
    else:
        assert block == actual


def test_a_native_function_is_refused_elsewhere():
    node = Call("to_char", (Name("at"),), TEXT)
    assert "to_char(at)" == render(node, "postgresql", column, param)
    with pytest.raises(PortabilityError, match=r"`to_char` does not exist on mysql"):
        render(node, "mysql", column, param)


def test_many_terms_are_no_deep_expression():
    """SQLite refuses expressions deeper than 1000."""
    text = " or ".join(f"id = {i}" for i in range(3000))
    fragment, values = parse_condition(text, HEADING)
    sql = render(fragment.expression, "sqlite", column, param)
    assert list(range(3000)) == list(values)
    depth = deepest = 0
    longest = max(part.count(" OR ") for part in sql.replace("(", "\n").split("\n"))
    for char in sql:
        depth += (char == "(") - (char == ")")
        deepest = max(deepest, depth)
    assert deepest < 10
    assert longest <= 100


def test_parameters_come_in_the_order_of_the_text():
    fragment, _ = parse_condition("x between 1 and 2 and id in (5, 6) and 3 < n", HEADING)
    seen = []

    def note(index, dtype):
        seen.append((index, dtype.kind))
        return "?"

    render(fragment.expression, "mysql", column, note)
    assert [(0, "float64"), (1, "float64"), (2, "int32"), (3, "int32"), (4, "int64")] == seen


def test_whole_numbers_stay_whole_on_sqlite():
    assert "(id + 1)" == _column("id + 1")
    assert "dj_int(n + 1)" == _column("n + 1")
    assert INT64 == parse_column("n + 1", HEADING).dtype


def _column(text):
    return render(parse_column(text, HEADING).expression, "sqlite", column, param)
